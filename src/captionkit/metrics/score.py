"""Scores of captions: tokenise, run the metrics, say what they may be compared with."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from captionkit import text
from captionkit.errors import DataError, UsageError, agree, nearest, several
from captionkit.metrics.bleu import bleu_of
from captionkit.metrics.cider import cider_d_of, cider_of
from captionkit.metrics.corpus import Corpus, NotComputedError, Outcome
from captionkit.metrics.fingerprint import fingerprint
from captionkit.metrics.meteor import meteor_of
from captionkit.metrics.rouge import rouge_l_of
from captionkit.metrics.spice import spice_of
from captionkit.records import Scores

Metric = Callable[[Corpus], Outcome]

METRICS: Mapping[str, Metric] = {
    "BLEU": bleu_of,
    "METEOR": meteor_of,
    "ROUGE-L": rouge_l_of,
    "CIDEr-D": cider_d_of,
    "CIDEr": cider_of,
    "SPICE": spice_of,
}
DEFAULT_METRICS = ("BLEU", "METEOR", "ROUGE-L", "CIDEr-D", "SPICE")

# Far above what any published system reaches (section 3 of docs/protocol.md): a sign of leaked references.
ABSURD = {"BLEU-1": 0.95, "BLEU-4": 0.6, "ROUGE-L": 0.9, "CIDEr-D": 3.0}

_NOT_LATIN = re.compile(r"[^\W\d_\u0000-\u024f\u1e00-\u1eff]")


def score(
    predictions: Mapping[str, str],
    references: Mapping[str, Sequence[str]],
    metrics: Sequence[str] | Mapping[str, Metric] = DEFAULT_METRICS,
    *,
    protocol: Mapping[str, str] | None = None,
) -> Scores:
    """Score one caption a picture against its references.

    Args:
        predictions: picture to caption, as text.
        references: picture to reference captions, as text. Pictures without a prediction are left out, with a
            warning, as the COCO caption evaluation leaves them out.
        metrics: names from `METRICS`, or name to metric for others.
        protocol: facts for the fingerprint that the captions do not tell: split, beams, max_length, objective.

    Returns:
        Scores in the order of `references`. A metric that has no value here is in `not_computed` with the reason.

    Raises:
        DataError: captions without names of pictures, no predictions, a prediction without references, references
            that are no list, not one reference with a word in it, or a caption or name that is not text.
        UsageError: an unknown metric, or one name where several are expected.
    """
    return score_with_outcomes(predictions, references, metrics, protocol=protocol).scores


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores, and what each metric said: what intervals and comparisons are computed from.

    Attributes:
        scores: as `score` returns them; alone they are printed, and make two of these equal.
        outcomes: metric name to its outcome.
        corpus: the tokenised captions, in the order of `scores.ids`.
    """

    scores: Scores
    outcomes: Mapping[str, Outcome] = field(repr=False, compare=False)
    corpus: Corpus = field(repr=False, compare=False)


def score_with_outcomes(
    predictions: Mapping[str, str],
    references: Mapping[str, Sequence[str]],
    metrics: Sequence[str] | Mapping[str, Metric] = DEFAULT_METRICS,
    *,
    protocol: Mapping[str, str] | None = None,
    quiet: bool = False,
) -> Scored:
    """As `score`, with the outcomes that `significance` works on; `quiet` shows no progress."""
    chosen = metrics if isinstance(metrics, Mapping) else choose_metrics(metrics, quiet=quiet)
    warnings = check_captions(predictions, references)
    ids = [name for name in references if name in predictions]
    scored = {name: references[name] for name in ids}
    corpus = tokenized(predictions, scored)
    warnings += _wordless(corpus)

    outcomes: dict[str, Outcome] = {}
    not_computed: dict[str, str] = {}
    for name, metric in chosen.items():
        try:
            outcomes[name] = metric(corpus)
        except NotComputedError as reason:
            not_computed[name] = str(reason)
    values = {name: value for outcome in outcomes.values() for name, value in outcome.corpus.items()}
    for outcome in outcomes.values():
        warnings += outcome.warnings
    warnings += absurd(values)
    scores = Scores(
        corpus=values,
        ids=tuple(ids),
        per_image={name: each for outcome in outcomes.values() for name, each in outcome.per_image.items()},
        fingerprint=fingerprint(
            scored, {name: outcome.signature for name, outcome in outcomes.items()}, protocol or {}
        ),
        not_computed=not_computed,
        warnings=tuple(warnings),
    )
    return Scored(scores, outcomes, corpus)


def tokenized(predictions: Mapping[str, str], references: Mapping[str, Sequence[str]]) -> Corpus:
    """The captions of the pictures in `references`, tokenised, in that order."""
    candidates = text.tokenize_all([predictions[name] for name in references])
    tokens = iter(text.tokenize_all([caption for captions in references.values() for caption in captions]))
    return Corpus(candidates, [list(islice(tokens, len(captions))) for captions in references.values()])


def choose_metrics(names: Sequence[str], *, quiet: bool = False) -> dict[str, Metric]:
    """The metrics of these names; `quiet` shows no progress.

    Raises:
        UsageError: an unknown metric, or one name where several are expected.
    """
    if isinstance(names, str):  # of which each letter would be a metric
        raise UsageError(f"Expected several metrics, but got one; put it into a list: [{names!r}].")
    for name in names:
        if name not in METRICS:
            raise UsageError(f"Unknown metric '{name}'; {nearest(name, METRICS)}")
    chosen = {name: METRICS[name] for name in names}
    if "METEOR" in chosen:  # the one that may take a while to begin
        chosen["METEOR"] = partial(meteor_of, quiet=quiet)
    return chosen


def check_captions(predictions: Mapping[str, str], references: Mapping[str, Sequence[str]]) -> list[str]:
    """Raise where captions cannot be scored; return warnings where they can, but look wrong."""
    for what, given in (("captions", predictions), ("references", references)):
        if not isinstance(given, Mapping):
            kind = type(given).__name__
            raise DataError(
                f"Expected {what} by picture, a mapping such as {{'a.jpg': ...}}, but got a {kind}; two lists "
                "could slip against each other unnoticed."
            )
    if not predictions:
        raise DataError("Expected at least one caption to score, but there are none.")
    for name, captions in references.items():
        if not isinstance(name, str):
            raise DataError(f"Expected names of pictures to be text, but got {name!r}; write {str(name)!r}.")
        if isinstance(captions, str) or not isinstance(captions, Sequence):  # the letters of one are no captions
            raise DataError(f"Expected a list of references for picture {name}, but got {captions!r}.")
    without = [name for name in predictions if not references.get(name)]
    if without:
        raise DataError(_without_references(without, len(predictions), list(references)))
    for name, caption in predictions.items():
        if not isinstance(caption, str):
            raise DataError(f"Expected the caption of picture {name} to be text, but got {caption!r}.")
    for name, captions in references.items():
        for caption in captions:
            if not isinstance(caption, str):
                raise DataError(f"Expected the references of picture {name} to be text, but got {caption!r}.")
    return _warnings(predictions, references)


def _without_references(names: Sequence[str], total: int, known: Sequence[str]) -> str:
    shown = _some(names)
    if len(names) == total:
        # Both kinds of names: "000000391895" beside "391895" tells more than any advice.
        return (
            f"Not one captioned picture of {total:,} ({shown}) has references, which are of the pictures "
            f"{_some(known)}: the captions belong to another split or data set, or call the pictures otherwise; "
            "give their references, or rename them."
        )
    return (
        f"{len(names):,} of the {total:,} captioned pictures {agree(len(names), 'has', 'have')} no references "
        f"({shown}): take them out, or give references that cover them."
    )


def _some(names: Sequence[str]) -> str:
    return " ".join(", ".join([*map(str, names[:3]), *(["..."] if len(names) > 3 else [])]).split()) or "(none)"


def _warnings(predictions: Mapping[str, str], references: Mapping[str, Sequence[str]]) -> list[str]:
    found = []
    missing = sum(1 for name in references if name not in predictions)
    if missing:
        found.append(
            f"{missing:,} of the {len(references):,} pictures with references {agree(missing, 'has', 'have')} no "
            f"caption and {agree(missing, 'is', 'are')} left out, as the COCO caption evaluation does; "
            "scores of another selection of pictures do not compare."
        )
    empty = sum(1 for caption in predictions.values() if not caption.strip())
    if empty:
        found.append(
            f"{empty:,} of the {len(predictions):,} captions {agree(empty, 'is', 'are')} empty; "
            f"{agree(empty, 'it counts as an empty sentence', 'they count as empty sentences')}."
        )
    foreign = sum(1 for caption in predictions.values() if not caption.isascii() and _NOT_LATIN.search(caption))
    if foreign:
        found.append(
            f"{foreign:,} of the {len(predictions):,} captions {agree(foreign, 'has', 'have')} letters that are "
            "not Latin: METEOR is made for English, and words that no space divides count as one."
        )
    used = (caption for name in predictions for caption in references[name])
    for what, captions, advice in (
        ("Captions", predictions.values(), "they count as words; strip them before scoring."),
        ("References", used, "they raise scores; give the captions as people wrote them."),
    ):
        sentinels = sorted(set(text.sentinels("\n".join(captions))))
        if sentinels:
            shown = ", ".join(sentinels[:5])
            found.append(f"{what} hold tokens of a model's vocabulary ({shown}): {advice}")
    return found


def _wordless(corpus: Corpus) -> list[str]:
    """Raise where no reference says anything; a warning where those of some pictures don't."""
    wordless, total = sum(not any(group) for group in corpus.references), len(corpus.references)
    if wordless == total:
        raise DataError(
            f"Expected reference captions, but there is no word in those of {several(total, 'picture')}; "
            "is it the column or key of the captions that was read?"
        )
    if not wordless:
        return []
    return [
        f"The references of {wordless:,} of the {total:,} captioned pictures have no word in them; whatever is "
        "said of such a picture scores 0."
    ]


def absurd(values: Mapping[str, float]) -> list[str]:
    """A sentence for each score that is too good to be true."""
    return [
        f"{name} {100 * values[name]:.1f} is above anything published ({100 * limit:.0f} is already absurd): "
        "references among the candidates, or a split leak?"
        for name, limit in ABSURD.items()
        if values.get(name, 0.0) > limit
    ]
