"""How sure a score is: bootstrap intervals over pictures, and paired tests between two systems.

Sources: Koehn 2004 (paired bootstrap), Riezler and Maxwell 2005 (approximate randomisation, and the shift that
makes the bootstrap a test). A corpus score is recomputed from the summed statistics of the pictures drawn, so that
BLEU and METEOR are resampled as what they are and not as means. CIDEr keeps the document frequencies of the whole
split: drawing pictures does not change how rare a word is. A resample without any score (SPICE's, of pictures to
which its jar gave none) says nothing and is left out.

Letters: N pictures, R resamples, K statistics a picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from captionkit.errors import UsageError
from captionkit.metrics.corpus import Doubles, Outcome, Statistics

RESAMPLES = 1000
SEED = 12345

_CHUNK = 4_000_000  # drawn pictures held at once


@dataclass(frozen=True, slots=True)
class Interval:
    """A percentile bootstrap interval of a corpus score."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric of two systems on the same pictures.

    Attributes:
        one, other: the corpus scores.
        difference: other - one.
        interval: bootstrap interval of the difference.
        p_bootstrap: two-sided p-value of the paired bootstrap.
        p_randomization: two-sided p-value of approximate randomisation.
    """

    one: float
    other: float
    difference: float
    interval: Interval
    p_bootstrap: float
    p_randomization: float


def confidence(
    outcomes: Mapping[str, Outcome], *, level: float = 0.95, resamples: int = RESAMPLES, seed: int = SEED
) -> dict[str, Interval]:
    """Bootstrap intervals of all corpus scores.

    Args:
        outcomes: what metrics said of one system, by metric.
        level: the share of resamples inside.
        resamples: how often pictures are drawn with replacement.
        seed: the draws are a function of it and of the number of pictures.

    Returns:
        Score name to interval.
    """
    _check(level, resamples)
    result: dict[str, Interval] = {}
    for outcome in outcomes.values():
        statistics = outcome.statistics_or_means()
        values = _resampled(statistics, resamples, seed)
        result |= {name: _interval(drawn, level) for name, drawn in values.items()}
    return result


def compare(
    one: Mapping[str, Outcome],
    other: Mapping[str, Outcome],
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict[str, Comparison]:
    """Compare two systems on the same pictures in the same order.

    Returns:
        Score name to comparison, for the scores that both have.

    Raises:
        UsageError: the systems were scored on different numbers of pictures.
    """
    _check(level, resamples)
    result: dict[str, Comparison] = {}
    for name in one.keys() & other.keys():
        first, second = one[name].statistics_or_means(), other[name].statistics_or_means()
        if first.values.shape != second.values.shape:
            raise UsageError(
                "Two systems are compared on the same pictures, but these were scored on different ones."
            )
        drawn_first = _resampled(first, resamples, seed)
        drawn_second = _resampled(second, resamples, seed)
        swapped = _swapped(first, second, resamples, seed)
        for score, value in one[name].corpus.items():
            if score not in other[name].corpus:
                continue
            observed = other[name].corpus[score] - value
            differences = drawn_second[score] - drawn_first[score]
            result[score] = Comparison(
                one=value,
                other=other[name].corpus[score],
                difference=observed,
                interval=_interval(differences, level),
                # Under the null hypothesis differences vary around 0 as they were seen to vary around their mean.
                p_bootstrap=_p_value(differences - np.nanmean(differences), observed),
                p_randomization=_p_value(swapped[score], observed),
            )
    return {score: result[score] for outcome in one.values() for score in outcome.corpus if score in result}


def _check(level: float, resamples: int) -> None:
    if not 0 < level < 1:
        raise UsageError(f"Expected a confidence level between 0 and 1, but got {level}.")
    if resamples < 1:
        raise UsageError(f"Expected at least one resample, but got {resamples}.")


def _interval(values: Doubles, level: float) -> Interval:
    low, high = np.nanquantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def _p_value(null: Doubles, observed: float) -> float:
    null = null[~np.isnan(null)]
    # A rounding error must not decide whether a difference is as large as the observed one.
    extreme = np.count_nonzero(np.abs(null) >= abs(observed) - 1e-12)
    return float((extreme + 1) / (len(null) + 1))


def _blocks(resamples: int, number: int) -> Iterator[int]:
    size = max(1, _CHUNK // number)
    for start in range(0, resamples, size):
        yield min(size, resamples - start)


def _resampled(statistics: Statistics, resamples: int, seed: int) -> Mapping[str, Doubles]:
    """Score name to float64 [R]: of R corpora drawn with replacement from the N pictures."""
    generator = np.random.default_rng(seed)
    number = len(statistics.values)
    sums = []
    for rows in _blocks(resamples, number):
        drawn = generator.integers(0, number, (rows, number))
        drawn += np.arange(rows)[:, None] * number
        weights = np.bincount(drawn.ravel(), minlength=rows * number).reshape(rows, number)
        sums.append(weights.astype(np.float64) @ statistics.values)
    return statistics.score(np.concatenate(sums))


def _swapped(one: Statistics, other: Statistics, resamples: int, seed: int) -> Mapping[str, Doubles]:
    """Score name to float64 [R]: the difference after each picture's outputs were swapped or not by a coin."""
    generator = np.random.default_rng(seed + 1)
    number = len(one.values)
    total = one.values.sum(axis=0) + other.values.sum(axis=0)
    sums = []
    for rows in _blocks(resamples, number):
        swap = generator.random((rows, number)) < 0.5
        sums.append(swap.astype(np.float64) @ (other.values - one.values) + one.values.sum(axis=0))
    first = np.concatenate(sums)
    values, others = one.score(first), other.score(total - first)
    return {name: others[name] - values[name] for name in values if name in others}
