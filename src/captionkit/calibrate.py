"""Fit a bundle's confidence on one half of a split and judge it on the other.

Letters: N pictures, F features.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from captionkit.captioner import Captioner
from captionkit.confidence import LEVEL, Calibration, feature_names, feature_rows, fit, in_fit_half
from captionkit.errors import DataError
from captionkit.evaluate import Evaluation, evaluate
from captionkit.metrics import cider_d
from captionkit.metrics.corpus import Doubles
from captionkit.metrics.reliability import (
    THRESHOLDS,
    brier_score,
    expected_calibration_error,
    gain_at,
    kept_above,
)
from captionkit.records import ImageRecord, Scores
from captionkit.text import tokenize
from captionkit.tokenizer import Tokenizer
from captionkit.unfinished import KeptPredictions

FITTING = 50  # pictures below which nothing can be fitted
JUDGING = 30  # pictures below which the judging half says nothing


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A calibration and how it does on the pictures that it was not fitted on.

    Attributes:
        calibration: with `facts` filled in.
        ids: N pictures of the judging half.
        confidence: float64 [N] of the judging half.
        quality: float64 [N], CIDEr-D of the same captions.
    """

    calibration: Calibration
    ids: tuple[str, ...]
    confidence: Doubles
    quality: Doubles


def calibrate(
    captioner: Captioner,
    records: Sequence[ImageRecord],
    *,
    split: str,
    level: float = LEVEL,
    kept: Callable[[Captioner], KeptPredictions] | None = None,
    quiet: bool = False,
) -> Judged:
    """Caption pictures, fit on one half of them, judge on the other (`captionkit.confidence.in_fit_half`).

    Args:
        captioner: its bundle's own search is used: the confidence belongs to it.
        records: pictures with references that the model was not trained on.
        level: CIDEr-D that a good caption reaches.
        kept: for a captioner what remembers its captions, as in `evaluate`; a bundle that says the surest is asked
            twice, the second time by the new calibration.

    Raises:
        DataError: too few pictures, or nothing to tell good from bad by.
    """
    expect_enough([record.id for record in records])  # before hours of captioning

    def captioned(by: Captioner) -> Evaluation:
        remembers = None if kept is None else kept(by)
        return evaluate(by, records, split=split, metrics=("CIDEr-D",), kept=remembers, quiet=quiet)

    found = captioned(captioner.calibrated(None))
    judged = calibrate_on(found, records, captioner.bundle.tokenizer, level=level)
    if not captioner.bundle.decoding.surest:
        return judged
    found = captioned(captioner.calibrated(judged.calibration.to_document()))
    return judge(judged.calibration, found, records, captioner.bundle.tokenizer)


def expect_enough(names: Sequence[str]) -> None:
    """Refuse too few pictures, by their ids, to fit or to judge on.

    Raises:
        DataError: they are too few, whatever their captions.
    """
    fitting = sum(map(in_fit_half, names))
    for least, number, what in ((FITTING, fitting, "fit"), (JUDGING, len(names) - fitting, "judge")):
        if number < least:
            raise DataError(
                f"Expected at least {least} pictures to {what} a confidence by, but got {number}: of the "
                f"{len(names):,} about half are for that; give more pictures, 120 or more in all."
            )


def calibrate_on(
    found: Evaluation, records: Sequence[ImageRecord], tokenizer: Tokenizer, *, level: float = LEVEL
) -> Judged:
    """`calibrate` on captions that there are already: of the bundle's own search, scored with CIDEr-D.

    `found` is what `evaluate` found for `records`; `tokenizer` is the bundle's.

    Raises:
        DataError: as `calibrate`.
    """
    expect_enough(found.scores.ids)
    captions = [found.predictions[name].captions[0] for name in found.scores.ids]
    names = feature_names(captions)
    features, quality = feature_rows(captions, tokenizer, names), cider_of(found.scores)
    halves = np.array([in_fit_half(name) for name in found.scores.ids])
    calibration = fit(features[halves], quality[halves], level=level, names=names)
    return judge(calibration, found, records, tokenizer)


def judge(
    calibration: Calibration, found: Evaluation, records: Sequence[ImageRecord], tokenizer: Tokenizer
) -> Judged:
    """How a calibration does on captions of the half that it was not fitted on.

    Args:
        calibration: fitted on the other half's likeliest captions.
        found: the captions that are said: these, or those that were chosen by this calibration.
        records, tokenizer: as in `calibrate_on`.

    Raises:
        DataError: no caption scores above 0.
    """
    level = calibration.level
    captions = [found.predictions[name].captions[0] for name in found.scores.ids]
    halves = np.array([in_fit_half(name) for name in found.scores.ids])
    features = feature_rows(captions, tokenizer, calibration.features)
    confidence, judged = calibration.of_features(features[~halves]), cider_of(found.scores)[~halves]
    if not judged.any():  # of which the surest half has no multiple
        raise DataError(
            f"Expected captions that score above 0 to judge a calibration on, but all {len(judged):,} that are "
            "left for it have a CIDEr-D of 0; train longer, or give more pictures."
        )
    good = judged >= level
    rate = float(good.mean())
    facts = {
        "pictures_fitted_on": float(halves.sum()),
        "pictures_judged": float((~halves).sum()),
        "cider_d": float(judged.mean()),
        "share_that_reach_level": rate,
        "share_of_people_that_reach_level": people_share(records, level),
        "expected_calibration_error": expected_calibration_error(confidence, good),
        "brier": brier_score(confidence, good),
        "brier_of_constant": rate * (1 - rate),
        "gain_of_surest_half": gain_at(confidence, judged),
    }
    for row in kept_above(confidence, good, judged, THRESHOLDS):
        at = f"at_least_{row.threshold:g}"
        facts |= {f"pictures_{at}": float(row.coverage.count), f"that_reach_level_{at}": float(row.event.count)}
        if row.event.total:
            facts[f"cider_d_{at}"] = row.quality
    rounded = {name: round(value, 6) for name, value in facts.items()}
    ids = tuple(name for name, fitted in zip(found.scores.ids, halves, strict=True) if not fitted)
    return Judged(replace(calibration, facts=rounded), ids, confidence, judged)


def cider_of(scores: Scores) -> Doubles:
    """CIDEr-D float64 [N] of each picture, for what cannot do without.

    Raises:
        DataError: it was not computed; the message says why.
    """
    if "CIDEr-D" not in scores.per_image:
        raise DataError(f"This needs CIDEr-D, which is {scores.not_computed['CIDEr-D']}.")
    return scores.per_image["CIDEr-D"]


def people_share(records: Sequence[ImageRecord], level: float) -> float:
    """The share of references that reach `level` of CIDEr-D against the other references of their picture."""
    references = [[tokenize(text) for text in record.captions] for record in records if len(record.captions) > 1]
    if len(references) < 2:
        return 0.0
    reached: list[bool] = []
    for place in range(max(map(len, references))):
        having = [group for group in references if len(group) > place]
        if len(having) > 1:
            others = [[*group[:place], *group[place + 1 :]] for group in having]
            _, scores = cider_d([group[place] for group in having], others)
            reached += list(scores >= level)
    return float(np.mean(reached))
