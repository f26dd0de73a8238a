"""Whether a confidence can be trusted: calibration, and what leaving the unsure pictures out gains.

Letters: N pictures, K bins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from captionkit.metrics.corpus import Doubles
from captionkit.metrics.proportion import Proportion

BINS = 10
THRESHOLDS = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, slots=True, eq=False)
class Bin:
    """Pictures of about the same confidence.

    Attributes:
        count: how many.
        confidence: their mean confidence.
        frequency: the share of them for which the event came true.
    """

    count: int
    confidence: float
    frequency: float


def reliability_bins(confidence: npt.ArrayLike, event: npt.ArrayLike, bins: int = BINS) -> list[Bin]:
    """The reliability diagram: bins of equally many pictures, from unsure to sure.

    Equal counts and not equal widths: a bin of three pictures says nothing (Nguyen and O'Connor 2015).

    Args:
        confidence: float [N], 0 to 1.
        event: bool [N], whether what the confidence foretells came true.
        bins: K; fewer come where there are fewer pictures.
    """
    sure, true = np.asarray(confidence, np.float64), np.asarray(event, np.float64)
    order = np.argsort(sure, kind="stable")
    parts = np.array_split(order, min(bins, len(order))) if len(order) else []
    return [Bin(len(part), float(sure[part].mean()), float(true[part].mean())) for part in parts]


def expected_calibration_error(confidence: npt.ArrayLike, event: npt.ArrayLike, bins: int = BINS) -> float:
    """The mean distance of confidence and frequency, weighted by the pictures of each of `reliability_bins`.

    Source: Naeini et al. 2015, there with bins of equal width.
    """
    found = reliability_bins(confidence, event, bins)
    total = sum(one.count for one in found)
    return sum(one.count * abs(one.confidence - one.frequency) for one in found) / total


@dataclass(frozen=True, slots=True)
class Kept:
    """The pictures whose confidence reaches a threshold.

    Attributes:
        threshold: of the confidence.
        coverage: how many of all pictures reach it.
        event: of these, how often what the confidence foretells came true.
        quality: their mean quality; NaN where there are none.
    """

    threshold: float
    coverage: Proportion
    event: Proportion
    quality: float


def kept_above(
    confidence: npt.ArrayLike,
    event: npt.ArrayLike,
    quality: npt.ArrayLike,
    thresholds: Sequence[float] = THRESHOLDS,
) -> list[Kept]:
    """What is left, and what it is worth, when only confidences of at least a threshold are let through.

    Args:
        confidence: float [N], 0 to 1.
        event: bool [N], whether what the confidence foretells came true.
        quality: float [N], a score of each picture.
        thresholds: in the order of the result.
    """
    sure, true = np.asarray(confidence, np.float64), np.asarray(event, bool)
    worth = np.asarray(quality, np.float64)
    result = []
    for threshold in thresholds:
        kept = sure >= threshold
        number = int(kept.sum())
        mean = float(worth[kept].mean()) if number else float("nan")
        result.append(
            Kept(threshold, Proportion(number, len(sure)), Proportion(int(true[kept].sum()), number), mean)
        )
    return result


def brier_score(confidence: npt.ArrayLike, event: npt.ArrayLike) -> float:
    """The mean squared distance of confidence and outcome (Brier 1950, for two classes); 0 is best."""
    difference = np.asarray(confidence, np.float64) - np.asarray(event, np.float64)
    return float(np.mean(difference**2))


def risk_coverage(confidence: npt.ArrayLike, quality: npt.ArrayLike) -> tuple[Doubles, Doubles]:
    """What the captions are worth that remain when the least sure are left out.

    Source: Geifman and El-Yaniv 2017, the risk-coverage curve; here quality, not risk, so that it rises towards
    small coverage.

    Args:
        confidence: float [N].
        quality: float [N], a score of each picture.

    Returns:
        Coverage 1/N to 1, float64 [N], and the mean quality of that share of pictures, the surest first. Each
        picture counts with the mean quality of those of its confidence, so that their order does not matter.
    """
    sure, worth = np.asarray(confidence, np.float64), np.asarray(quality, np.float64)
    _, place = np.unique(sure, return_inverse=True)
    fair = (np.bincount(place, weights=worth) / np.bincount(place))[place]
    order = np.argsort(-sure)
    counts = np.arange(1, len(sure) + 1)
    return counts / len(sure), np.cumsum(fair[order]) / counts


def gain_at(confidence: npt.ArrayLike, quality: npt.ArrayLike, coverage: float = 0.5) -> float:
    """Mean quality of the surest `coverage` of the pictures, divided by that of all; NaN where all have 0."""
    shares, means = risk_coverage(confidence, quality)
    kept = max(1, round(coverage * len(shares)))
    return float(means[kept - 1] / means[-1]) if means[-1] else float("nan")
