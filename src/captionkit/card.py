"""The model card: what a bundle is, what was measured of it, and what it must not be used for, in Markdown.

Sections after Mitchell et al. 2019, "Model Cards for Model Reporting". Every figure is passed in; none is written
here. References are never quoted: they may not be the model's to pass on. Where the model was wrong, the card has
the model's own sentence and single words that most people used.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from captionkit.bundle import Bundle
from captionkit.calibrate import Judged
from captionkit.config import Config
from captionkit.detectors.things import WORDS
from captionkit.evaluate import Evaluation
from captionkit.metrics.corpus import Tokens
from captionkit.metrics.fingerprint import signature
from captionkit.metrics.guesses import Guess, Guesses
from captionkit.metrics.proportion import Proportion
from captionkit.metrics.reliability import THRESHOLDS
from captionkit.progress import duration

EXAMPLES = 6
POOR = 0.1  # CIDEr-D below which a caption shares next to nothing with what people say
SURENESS = "How sure it is"
# Words that are not told where people's captions of a picture share them. `decoding.wording.SMALL_WORDS` are more:
# how many there are and where (two, behind, together) is worth telling. "wearing" is not, without what is worn.
_UNTOLD = frozenset([
    "a", "an", "the", "in", "on", "at", "of", "with", "and", "to", "is", "are", "his", "her", "its", "their", "by",
    "for", "from", "into", "onto", "up", "down", "out", "off", "as", "that", "it", "he", "she", "they", "while",
    "through", "over", "near", "next", "front", "there", "another", "other", "one", "some", "be", "being", "has",
    "'s", "who", "each", "this", "wearing",
])  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stage:
    """One run on the way to the model: the training in words, and the seconds that it took."""

    what: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Mistake:
    """A caption that shares next to nothing with what people say.

    `people` are the words that more than half of the references have, the most frequent first.
    """

    caption: str
    people: tuple[str, ...]
    confidence: float


def write_card(
    config: Config,
    bundle: Bundle,
    found: Evaluation,
    judged: Judged | None,
    stages: Sequence[Stage],
    train_pictures: int,
) -> str:
    """The card of a bundle that was evaluated on its dev split, without a calibration where `judged` is None.

    `stages` are the runs that led to it, the first one first; the last of them learned from `train_pictures`.
    """
    guessed = found.guesses()
    stated = found.scores.fingerprint
    sections = {
        "What it is": _what(bundle, config),
        "What it learned from": _data(bundle, config, train_pictures),
        "How it was made": _recipe(stages),
        "How good it is": _scores(found, config.data.val),
        SURENESS: sureness(None if judged is None else judged.calibration.to_document()),
        "What it does badly": _weaknesses(guessed, mistakes(found, judged)),
        "Biases": _biases(guessed),
        "What it must not be used for": _NOT_FOR,
    }
    body = "\n\n".join(f"## {title}\n\n{text.strip()}" for title, text in sections.items())
    head = f"# {config.bundle.name}\n\nA model that describes a photograph in one English sentence."
    return f"{head}\n\n{body}\n\nMeasured on {stated.get('images', '?')} pictures: `{signature(stated)}`\n"


def with_sureness(card: str, calibration: Mapping[str, Any]) -> str:
    """A card whose section on confidence speaks of another calibration; a card without one gets none."""
    pattern = re.compile(rf"(^## {SURENESS}\n\n).*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    return pattern.sub(lambda match: f"{match[1]}{sureness(calibration)}\n\n", card)


def sureness(calibration: Mapping[str, Any] | None) -> str:
    """The section on confidence."""
    if calibration is None:
        return "It says nothing of how sure it is: there were too few pictures to calibrate it on."
    facts = calibration["facts"]
    fitted, judged = facts["pictures_fitted_on"], facts["pictures_judged"]
    return f"""Each caption of a beam search carries a confidence: the probability that its CIDEr-D reaches
{calibration["level"]:g}, as {_percent(facts["share_of_people_that_reach_level"])} of people's own captions do.
It was fitted on {fitted:.0f} pictures and judged on {judged:.0f} others:

| | |
|---|---|
| captions that reach the level | {_percent(facts["share_that_reach_level"])} |
| expected calibration error | {facts["expected_calibration_error"]:.3f} |
| Brier score (of a constant) | {facts["brier"]:.3f} ({facts["brier_of_constant"]:.3f}) |
| CIDEr-D of the surer half, times that of all | {facts["gain_of_surest_half"]:.2f} |
{_thresholds(facts)}
Captions below {calibration["hedge_below"]:.2f} begin with "Possibly:". A sure caption can be wrong."""


def _thresholds(facts: Mapping[str, float]) -> str:
    """What a threshold lets through; empty for a calibration that was fitted before that was counted."""
    rows = []
    for threshold in THRESHOLDS:
        at = f"at_least_{threshold:g}"
        if f"cider_d_{at}" in facts:
            kept = Proportion(int(facts[f"pictures_{at}"]), int(facts["pictures_judged"]))
            good = Proportion(int(facts[f"that_reach_level_{at}"]), kept.count)
            low, high = 100 * good.interval.low, 100 * good.interval.high
            rows.append(
                f"| {threshold:.1f} | {kept.count} ({_percent(kept.share)}) | {_percent(good.share)} | "
                f"{low:.0f} to {high:.0f} % | {100 * facts[f'cider_d_{at}']:.1f} |"
            )
    if not rows:
        return ""
    head = "| confidence at least | pictures | that reach the level | 95 % interval | CIDEr-D x100 |"
    return "\n".join(["", head, "|---|---|---|---|---|", *rows, ""])


def mistakes(found: Evaluation, judged: Judged | None) -> tuple[Mistake, ...]:
    """The surest captions that share next to nothing with what people say, no two that begin alike.

    Of the pictures that calibration was judged on; none without a calibration.
    """
    if judged is None:
        return ()
    words = dict(zip(found.scores.ids, found.scored.corpus.references, strict=True))
    rows = sorted(zip(-judged.confidence, judged.ids, judged.quality, strict=True))
    result: list[Mistake] = []
    seen: set[tuple[str, ...]] = set()
    for sure, name, quality in rows:
        caption = found.predictions[name].captions[0]
        common = common_words(words[name])
        beginning = caption.tokens[:3]
        if quality >= POOR or len(common) < 2 or beginning in seen:
            continue
        seen.add(beginning)
        result.append(Mistake(caption.text, common, -float(sure)))
        if len(result) == EXAMPLES:
            break
    return tuple(result)


def common_words(references: Sequence[Tokens]) -> tuple[str, ...]:
    """Five words worth telling that more than half of the references have, the most frequent first."""
    counts = Counter(word for reference in references for word in dict.fromkeys(reference))
    shared = [
        (count, word) for word, count in counts.items() if count > len(references) / 2 and word not in _UNTOLD
    ]
    return tuple(word for _, word in sorted(shared, key=lambda one: -one[0])[:5])


def _what(bundle: Bundle, config: Config) -> str:
    network, precision, search = bundle.manifest.network, bundle.manifest.network.precision, bundle.decoding
    choice = ", on the picture and its mirror image" if search.mirrored else ""
    choice += "; of what they find it says the caption that it is surest of" if search.surest else ""
    megabytes = (len(bundle.encoder) + len(bundle.decoder)) / 1e6
    return f"""- Encoder: {config.encoder.name}, {network.image_size} x {network.image_size} pixels (squashed),
  {network.positions} grid positions of depth {network.depth}; weights {precision.get("encoder", "?")}.
- Decoder: {config.decoder.kind}, {config.decoder.units} units, {len(bundle.tokenizer.spoken):,} words; weights
  {precision.get("decoder", "?")}.
- Both networks together: {megabytes:.1f} MB. They run on any CPU, offline.
- Search: {search.beams} beams, at most {search.max_length} words{choice}.
{_things(bundle)}- Language: English, and no other."""


def _things(bundle: Bundle) -> str:
    if bundle.things is None:
        return ""
    return f"""- It names {len(WORDS)} kinds of things also by what its encoder learned before from ImageNet
  (1,000 classes, 1.2 million pictures), where that is surer than its words, and leaves out dogs
  where that sees none.
"""


def _data(bundle: Bundle, config: Config, train_pictures: int) -> str:
    written = ", and with captions of another model" if config.training.pseudo_captions else ""
    terms = "\n".join(f"- {what}: {licence}." for what, licence in bundle.manifest.licences.items())
    return f"{train_pictures:,} pictures with the captions that people wrote for them{written}.\n\n{terms}"


def _recipe(stages: Sequence[Stage]) -> str:
    lines = "\n".join(
        f"{place}. {stage.what}: {duration(stage.seconds)}." for place, stage in enumerate(stages, 1)
    )
    total = duration(sum(stage.seconds for stage in stages))
    return f"{lines}\n\nTogether {total} of an ordinary CPU. The whole recipe is `config.toml` in the bundle."


def _scores(found: Evaluation, split: str) -> str:
    intervals = found.intervals()
    rows = "\n".join(
        f"| {name} | {100 * value:.1f} | {100 * intervals[name].low:.1f} to {100 * intervals[name].high:.1f} |"
        for name, value in found.scores.corpus.items()
    )
    stated = found.scores.fingerprint
    return f"""Split `{split}`, {stated["images"]} pictures with {stated["references"]} references each, \
{stated["beams"]} beams, x100.
The model was chosen on this split: expect a little less on new pictures of this kind, much less on other kinds.

| metric | score | 95 % interval |
|---|---|---|
{rows}

`captionkit evaluate` computes this table and those of the next two sections again."""


def _weaknesses(guessed: Guesses, wrong: Sequence[Mistake]) -> str:
    text = f"""It knows what its training pictures show, and takes other things for that. It reads no text, does
not know places or persons, and overlooks what is small.

Of the captions that name such a thing, how many name one that no person names for that picture; and how many of
people's own captions do, each against the others of its picture:

{_table("names", guessed.mentions)}

Such a mention need not be wrong, for people leave things out. What the model has more of than people is wrong."""
    if wrong:
        lines = "\n".join(
            f'- "{one.caption}" (confidence {one.confidence:.2f}). Most people there say: {", ".join(one.people)}.'
            for one in wrong
        )
        text += f"""

Of the captions that share next to nothing with what people say, those that it is surest of:

{lines}"""
    return text


def _biases(guessed: Guesses) -> str:
    return f"""It guesses whether a person is a woman or a man, a girl or a boy, from clothes, hair and what is
done, as the captions that it learned from do. A photograph does not show that. What can be counted is how often
it says what people do not:

{_table("says", guessed.gender)}

How it leans:

{_table("says", guessed.told)}

`captionkit alt write --neutral` says "person" and "child" instead. Not measured, and to be expected: it guesses
ages as well, and it has learned from pictures that some people chose and captions that some people wrote, with
what they took for normal."""


def _table(head: str, rows: Sequence[Guess]) -> str:
    lines = [f"| {head} | captions | model | 95 % interval | people |", "|---|---|---|---|---|"]
    for row in rows:
        if row.model.total:
            interval = row.model.interval
            people = _percent(row.people.share) if row.people.total else ""
            lines.append(
                f"| {row.what} | {row.model.total:,} | {_percent(row.model.share)} | "
                f"{100 * interval.low:.0f} to {100 * interval.high:.0f} % | {people} |"
            )
    return "\n".join(lines) if len(lines) > 2 else "There was nothing to measure it on."


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


_NOT_FOR = """\
- To identify, judge, rank or watch people, or to state anybody's gender, age or origin.
- Where a wrong description can do harm and no person checks it: medicine, traffic, courts, moderation, safety.
- As a replacement for the person who knows why a picture is there: its captions are proposals.
- For charts, screenshots, documents and signs: it cannot read."""
