"""What a report tells: gathered here, drawn in `page`.

Letters: N pictures.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from captionkit.calibrate import cider_of
from captionkit.captioner import Captioner
from captionkit.confidence import in_fit_half
from captionkit.errors import several
from captionkit.evaluate import PUBLISHED, PublishedRow, evaluate
from captionkit.files import real_path
from captionkit.metrics.corpus import Doubles, Tokens
from captionkit.metrics.diversity import Diversity, diversity
from captionkit.metrics.fingerprint import signature
from captionkit.metrics.score import METRICS
from captionkit.metrics.significance import Interval
from captionkit.records import ImageRecord, Prediction
from captionkit.training.run_folder import read_history

GALLERY = 9  # pictures of each of best, middle, worst
UNUSUAL = 12  # words listed that the model says too often or too rarely


@dataclass(frozen=True, slots=True)
class Example:
    """A picture of the gallery: the model's caption, its CIDEr-D (0 to 10) and confidence, and people's."""

    id: str
    path: Path
    caption: str
    references: tuple[str, ...]
    quality: float
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Words:
    """How the model speaks beside people.

    Attributes:
        varied: of the model's captions.
        people: of people's first captions, one a picture as the model's.
        lengths, people_lengths: words a caption to the share of captions.
        too_often, too_rarely: word, times in the model's captions and times expected from people's, by how far
            the two lie apart.
    """

    varied: Diversity
    people: Diversity
    lengths: Mapping[int, float]
    people_lengths: Mapping[int, float]
    too_often: tuple[tuple[str, float, float], ...]
    too_rarely: tuple[tuple[str, float, float], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Judging:
    """Confidence float64 [N] and CIDEr-D float64 [N] on the pictures that calibration was not fitted on.

    A good caption reaches `level`.
    """

    confidence: Doubles
    quality: Doubles
    level: float


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """Everything in a report; what there is none of is empty.

    Attributes:
        title: name of the model or run.
        facts: what to value, for people.
        history: the lines of history.jsonl.
        scores: metric to value, x1; `intervals` of 95 % beside them.
        signature: the protocol in one line.
        published: rows to compare with; `table` is the data set they are of.
        warnings: sentences for the person who reads the numbers.
        best, middle, worst: pictures by CIDEr-D.
        words, judging: see there.
    """

    title: str
    facts: Mapping[str, str]
    history: Sequence[Mapping[str, Any]] = ()
    scores: Mapping[str, float] = dataclasses.field(default_factory=dict)
    intervals: Mapping[str, Interval] = dataclasses.field(default_factory=dict)
    signature: str = ""
    published: tuple[PublishedRow, ...] = ()
    table: str = ""
    warnings: tuple[str, ...] = ()
    best: tuple[Example, ...] = ()
    middle: tuple[Example, ...] = ()
    worst: tuple[Example, ...] = ()
    words: Words | None = None
    judging: Judging | None = None


def describe_run(directory: Path | None, captioner: Captioner | None, *, table: str = "Flickr8k") -> Report:
    """What is known without captioning anything: the run's curve, the bundle's own scores.

    Args:
        directory: of a run, with its history.jsonl; None for a bundle alone.
        captioner: of the bundle; None for a run that has none yet.
        table: a key of `captionkit.evaluate.PUBLISHED`, or anything else for no published rows.

    Raises:
        DataError: a history that does not read.
    """
    facts: dict[str, str] = {}
    history = () if directory is None else read_history(directory / "history.jsonl")
    title = "" if directory is None else real_path(directory).name  # "." has no name of its own
    scores: Mapping[str, float] = {}
    stated = ""
    if captioner is not None:
        manifest, network = captioner.bundle.manifest, captioner.bundle.manifest.network
        title, scores = manifest.name, manifest.scores
        stated = signature(manifest.fingerprint) if manifest.fingerprint else ""
        decoding = captioner.bundle.decoding
        facts = {
            "Made with": manifest.made_with,
            "Pictures": f"{network.image_size} x {network.image_size} pixels, {network.positions} positions",
            "Words known": f"{len(captioner.bundle.tokenizer.spoken):,}",
            "Networks": f"encoder {len(captioner.bundle.encoder):,} bytes "
            f"({network.precision.get('encoder', '?')}), decoder {len(captioner.bundle.decoder):,} bytes "
            f"({network.precision.get('decoder', '?')})",
            "Search": f"{decoding.beams} beams, at most {decoding.max_length} words",
            **{f"Licence of {what}": licence for what, licence in manifest.licences.items()},
        }
    published = PUBLISHED.get(table, ())
    return Report(title, facts, history, scores, signature=stated, published=published, table=table)


def describe_split(
    report: Report,
    captioner: Captioner,
    records: Sequence[ImageRecord],
    *,
    split: str,
    metrics: Sequence[str] = tuple(METRICS),
    gallery: int = GALLERY,
    quiet: bool = False,
) -> Report:
    """A report with everything that captioning a split adds.

    Args:
        captioner: its bundle's own search is used.
        metrics: names from `captionkit.metrics.score.METRICS`; CIDEr-D always.
        gallery: pictures of each of best, middle and worst.

    Raises:
        DataError: no picture could be captioned, or there is a single one, which has no CIDEr-D.
    """
    objective = captioner.bundle.manifest.fingerprint.get("objective", "not stated")
    wanted = tuple(dict.fromkeys((*metrics, "CIDEr-D")))
    found = evaluate(captioner, records, split=split, metrics=wanted, objective=objective, quiet=quiet)
    scores, ids = found.scores, found.scores.ids
    by_id = {record.id: record for record in records}
    quality = cider_of(scores)
    order = [int(place) for place in np.argsort(-quality, kind="stable")]

    def examples(places: Sequence[int]) -> tuple[Example, ...]:
        return tuple(
            Example(
                ids[place],
                by_id[ids[place]].path,
                found.predictions[ids[place]].text,
                by_id[ids[place]].captions,
                float(quality[place]),
                found.predictions[ids[place]].confidence,
            )
            for place in places
        )

    middle = max(0, (len(order) - gallery) // 2)
    warnings = [*scores.warnings, *(f"{name}: {reason}" for name, reason in found.unreadable.items())]
    warnings += [f"{name} not computed: {reason}" for name, reason in scores.not_computed.items()]
    return dataclasses.replace(
        report,
        facts={**report.facts, "Evaluated on": f"{several(len(ids), 'picture')} of split {split}"},
        scores=scores.corpus,
        intervals=found.intervals(),
        signature=signature(scores.fingerprint),
        warnings=tuple(warnings),
        best=examples(order[:gallery]),
        middle=examples(order[middle : middle + gallery]),
        worst=examples(order[::-1][:gallery]),
        words=words_of(found.scored.corpus.candidates, found.scored.corpus.references),
        judging=_judging(captioner, found.predictions, ids, quality),
    )


def _judging(
    captioner: Captioner, predictions: Mapping[str, Prediction], ids: Sequence[str], quality: Doubles
) -> Judging | None:
    calibration = captioner.calibration
    if calibration is None:
        return None
    kept = [place for place, name in enumerate(ids) if not in_fit_half(name)]
    if not kept:
        return None
    confidence = np.array([predictions[ids[place]].confidence for place in kept], np.float64)
    return Judging(confidence, quality[kept], calibration.level)


def words_of(candidates: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> Words:
    """Lengths, variety, and the words that the model says more or less often than people do.

    A word's expected count is its share of people's words times the model's words. Words are ranked by the signed
    square root of their contribution to the log-likelihood ratio (Dunning 1993), so that a rare word needs more
    than one occurrence to be listed.
    """
    people = [tokens for group in references for tokens in group]
    said = Counter(word for tokens in candidates for word in tokens)
    written = Counter(word for tokens in people for word in tokens)
    scale = said.total() / max(1, written.total())
    deviations = []
    for word in said.keys() | written.keys():
        seen, expected = float(said[word]), written[word] * scale
        if seen == 0:
            weight = -math.sqrt(2 * expected)
        else:
            likely = max(expected, 0.5 * scale)
            weight = math.copysign(
                math.sqrt(2 * max(0.0, seen * math.log(seen / likely) - (seen - likely))), seen - likely
            )
        deviations.append((weight, word, seen, expected))
    deviations.sort()
    too_often = [entry[1:] for entry in deviations[::-1][:UNUSUAL] if entry[0] > 0]
    too_rarely = [entry[1:] for entry in deviations[:UNUSUAL] if entry[0] < 0]
    return Words(
        varied=diversity(candidates),
        people=diversity([group[0] for group in references]),
        lengths=_shares(candidates),
        people_lengths=_shares(people),
        too_often=tuple(too_often),
        too_rarely=tuple(too_rarely),
    )


def _shares(sentences: Sequence[Tokens]) -> dict[int, float]:
    counts = Counter(len(tokens) for tokens in sentences)
    return {length: count / len(sentences) for length, count in counts.items()}
