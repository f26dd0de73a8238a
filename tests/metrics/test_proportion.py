"""Shares and their intervals."""

from __future__ import annotations

import math

import pytest

from captionkit.metrics.proportion import Proportion


def test_a_share_by_hand() -> None:
    found = Proportion.of([True, False, False, True])
    assert (found.count, found.total, found.share) == (2, 4, 0.5)


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_wilsons(count: int, total: int, low: float, high: float) -> None:
    found = Proportion(count, total).interval
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_an_interval_is_of_shares() -> None:
    found = [Proportion(count, total).interval for total in range(1, 1100) for count in (0, total)]
    assert all(0 <= one.low <= one.high <= 1 for one in found)


def test_of_nothing_nothing_is_known() -> None:
    found = Proportion.of([])
    assert math.isnan(found.share)
    assert (found.interval.low, found.interval.high) == (0.0, 1.0)
    assert found.to_document() == {"count": 0, "total": 0, "share": None, "interval": None}
