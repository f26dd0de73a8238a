"""Whether a confidence can be trusted: calibration, and what leaving the unsure pictures out gains.

Letters: N pictures, K bins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BINS = 10


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


def brier_score(confidence: npt.ArrayLike, event: npt.ArrayLike) -> float:
    """The mean squared distance of confidence and outcome (Brier 1950, for two classes); 0 is best."""
    difference = np.asarray(confidence, np.float64) - np.asarray(event, np.float64)
    return float(np.mean(difference**2))


def risk_coverage(confidence: npt.ArrayLike, quality: npt.ArrayLike) -> tuple[Floats, Floats]:
    """What the captions are worth that remain when the least sure are left out.

    Source: Geifman and El-Yaniv 2017, the risk-coverage curve; here quality, not risk, so that it rises towards
    small coverage.

    Args:
        confidence: float [N].
        quality: float [N], a score of each picture.

    Returns:
        Coverage 1/N to 1, float64 [N], and the mean quality of that share of pictures, the surest first. Pictures
        of equal confidence count as one step would: each has the mean quality of its equals.
    """
    sure, worth = np.asarray(confidence, np.float64), np.asarray(quality, np.float64)
    levels, place = np.unique(sure, return_inverse=True)
    mean = np.bincount(place, weights=worth) / np.bincount(place)
    fair = mean[place] if len(levels) < len(sure) else worth
    order = np.argsort(-sure, kind="stable")
    counts = np.arange(1, len(sure) + 1)
    return counts / max(len(sure), 1), np.cumsum(fair[order]) / counts


def gain_at(confidence: npt.ArrayLike, quality: npt.ArrayLike, coverage: float = 0.5) -> float:
    """Mean quality of the surest `coverage` of the pictures, divided by that of all; NaN where all have 0."""
    shares, means = risk_coverage(confidence, quality)
    kept = max(1, round(coverage * len(shares)))
    return float(means[kept - 1] / means[-1]) if means[-1] else float("nan")
