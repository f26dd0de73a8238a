"""Caption the pictures of a split with a bundle and score the captions, in a form that others can check."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from captionkit.captioner import Captioner
from captionkit.errors import DataError
from captionkit.files import write_text
from captionkit.metrics.guesses import Guesses, guesses
from captionkit.metrics.score import METRICS, Scored, score_with_outcomes
from captionkit.metrics.significance import Interval, confidence
from captionkit.progress import Progress
from captionkit.records import ImageRecord, Prediction, Scores, split_name
from captionkit.unfinished import KeptPredictions


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """A row of a published table: metric to percent (CIDEr x100), as far as the source gives figures."""

    system: str
    values: Mapping[str, float]
    source: str


def _row(system: str, source: str, **values: float) -> PublishedRow:
    names = {"B1": "BLEU-1", "B2": "BLEU-2", "B3": "BLEU-3", "B4": "BLEU-4", "M": "METEOR", "R": "ROUGE-L"}
    return PublishedRow(system, {names.get(k, "CIDEr-D" if k == "C" else k): v for k, v in values.items()}, source)


# Single systems on the usual test splits (COCO and Flickr30k: Karpathy's). Flickr8k: official 1,000 test pictures.
PUBLISHED: dict[str, tuple[PublishedRow, ...]] = {
    "Flickr8k": (
        _row("Show and Tell (NIC)", "Vinyals et al. 2015", B1=63, B2=41, B3=27),
        _row("Show, Attend and Tell, soft", "Xu et al. 2015", B1=67, B2=44.8, B3=29.9, B4=19.5, M=18.9),
        _row("Show, Attend and Tell, hard", "Xu et al. 2015", B1=67, B2=45.7, B3=31.4, B4=21.3, M=20.3),
        _row(
            "InceptionV3 + 3 LSTMs, beam 3", "github.com/danieljl/keras-image-captioning",
            B1=61.8, B2=40.8, B3=27.8, B4=19.0, M=21.5, R=48.7, C=41.5,
        ),
    ),
    "Flickr30k": (
        _row("Show and Tell (NIC)", "Vinyals et al. 2015", B1=66.3, B2=42.3, B3=27.7, B4=18.3),
        _row("Show, Attend and Tell, hard", "Xu et al. 2015", B1=66.9, B2=43.9, B3=29.6, B4=19.9, M=18.46),
    ),
    "COCO": (
        _row("Show, Attend and Tell, soft", "Xu et al. 2015", B1=70.7, B4=24.3, M=23.9),
        _row("Up-Down, cross-entropy", "xmodaler", B1=76.3, B4=36.0, M=27.6, R=56.6, C=113.1, SPICE=20.7),
        _row("Up-Down, self-critical", "xmodaler", B1=80.1, B4=37.7, M=28.0, R=58.0, C=124.7, SPICE=21.5),
        _row(
            "M2 Transformer, self-critical", "Cornia et al. 2020",
            B1=80.8, B4=39.1, M=29.2, R=58.6, C=131.2, SPICE=22.6,
        ),
    ),
}  # fmt: skip


# "000010" is a name: as 10 it would not be found among the references again.
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What `evaluate` found.

    Attributes:
        predictions: picture id to the bundle's prediction, in the order of the records.
        scored: the captions that there are, tokenised, with what each metric said of them.
        unreadable: picture id to the reason why it has no caption.
    """

    predictions: Mapping[str, Prediction]
    scored: Scored
    unreadable: Mapping[str, str]

    @property
    def scores(self) -> Scores:
        """Of the captions that there are."""
        return self.scored.scores

    def intervals(self) -> dict[str, Interval]:
        """95 % bootstrap intervals of the scores, over pictures."""
        return confidence(self.scored.outcomes)

    def guesses(self) -> Guesses:
        """What the captions say that people do not: genders, and things that nobody else names."""
        return guesses(self.scored.corpus)

    def results(self) -> list[dict[str, object]]:
        """The captions as a COCO results list: image_id (an integer where it is written as one), caption."""
        return [
            {"image_id": int(name) if _NUMBER.fullmatch(name) else name, "caption": raw_text(prediction)}
            for name, prediction in self.predictions.items()
            if prediction.captions
        ]

    def write_results(self, path: Path | str) -> None:
        """Write `results` as JSON."""
        write_text(path, json.dumps(self.results(), ensure_ascii=False, indent=0) + "\n")


def raw_text(prediction: Prediction) -> str:
    """The best caption as its tokens joined by spaces: what is scored, free of capital and full stop."""
    return " ".join(prediction.captions[0].tokens) if prediction.captions else ""


def split_records(records: Sequence[ImageRecord], split: str) -> list[ImageRecord]:
    """The captioned pictures of a split ("dev" is "val"); records of a data set without splits for "all".

    Raises:
        DataError: there are none.
    """
    wanted = split_name(split) or split
    chosen = [record for record in records if record.captions and (wanted in ("all", record.split))]
    if not chosen:
        present = sorted({record.split for record in records if record.captions and record.split})
        if not present and any(record.captions for record in records):
            raise DataError(
                f"Expected captioned pictures in split '{split}', but these data are not divided; take all of "
                "them with: --split all"
            )
        raise DataError(
            f"Expected captioned pictures in split '{split}', but there are none (splits there: "
            f"{', '.join(present) or 'none'}); name one of these, or all."
        )
    return chosen


def evaluate(
    captioner: Captioner,
    records: Sequence[ImageRecord],
    *,
    split: str,
    metrics: Sequence[str] = tuple(METRICS),
    objective: str = "not stated",
    beams: int | None = None,
    kept: KeptPredictions | None = None,
    quiet: bool = False,
) -> Evaluation:
    """Caption pictures and score the captions.

    Args:
        captioner: its bundle's search is used, with `beams` instead of its own where given.
        records: pictures with their references; see `split_records`.
        metrics: names from `captionkit.metrics.score.METRICS`.
        split, objective: for the fingerprint; how the model was trained is "cross-entropy" or "self-critical".
        beams: width of the search.
        kept: remembers the captions of this bundle and search: what it has is not captioned again.

    Raises:
        DataError: no picture could be captioned, or references are wrong.
    """
    search = captioner.search if beams is None else replace(captioner.search, beams=beams)
    before = [kept.recall(record.path) if kept is not None else None for record in records]
    todo = [record.path for record, known in zip(records, before, strict=True) if known is None]
    predictions: dict[str, Prediction] = {}
    with Progress("captioning", len(records), "pictures", done=len(records) - len(todo), quiet=quiet) as bar:
        found = captioner.iter_caption(todo, search=search)
        for record, known in zip(records, before, strict=True):
            prediction = predictions[record.id] = next(found) if known is None else known
            if known is None:
                bar.advance()
                if kept is not None:
                    kept.keep(record.path, prediction)
    unreadable = {name: p.error for name, p in predictions.items() if p.error is not None}
    if len(unreadable) == len(predictions):
        first = next(iter(unreadable.values()), "there are no pictures")
        raise DataError(f"Not one picture of {len(records):,} could be captioned; the first: {first}")
    scored = score_with_outcomes(
        {name: raw_text(p) for name, p in predictions.items() if p.error is None},
        {record.id: record.captions for record in records if record.id not in unreadable},
        metrics,
        protocol={
            "split": split,
            "beams": str(search.beams),
            "max_length": str(search.max_length),
            "objective": objective,
            "ensemble": "no",
            **({"choice": "surest"} if captioner.chooses and search.beams > 1 else {}),
            **({"looks": "2"} if captioner.bundle.decoding.mirrored and search.beams > 1 else {}),
        },
        quiet=quiet,
    )
    return Evaluation(predictions, scored, unreadable)
