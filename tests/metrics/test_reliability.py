"""Reliability and risk-coverage, by hand and by their properties."""

from __future__ import annotations

import math

import numpy as np
import pytest

from captionkit.metrics.reliability import (
    brier_score,
    expected_calibration_error,
    gain_at,
    kept_above,
    reliability_bins,
    risk_coverage,
)


def test_by_hand() -> None:
    confidence, event = [0.1, 0.2, 0.6, 0.9], [False, True, True, True]
    first, second = reliability_bins(confidence, event, bins=2)
    assert (first.count, second.count) == (2, 2)
    assert first.confidence == pytest.approx(0.15)
    assert (first.frequency, second.frequency) == (0.5, 1.0)
    assert expected_calibration_error(confidence, event, bins=2) == pytest.approx((0.35 + 0.25) / 2)
    assert brier_score(confidence, event) == pytest.approx((0.01 + 0.64 + 0.16 + 0.01) / 4)


def test_the_curve_takes_the_surest_first() -> None:
    coverage, quality = risk_coverage([0.2, 0.9, 0.5, 0.7], [0.0, 4.0, 1.0, 3.0])
    assert coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert quality.tolist() == [4.0, 3.5, pytest.approx(8 / 3), 2.0]
    assert gain_at([0.2, 0.9, 0.5, 0.7], [0.0, 4.0, 1.0, 3.0]) == 1.75
    assert gain_at([0.2, 0.9, 0.5, 0.7], [0.0, 4.0, 1.0, 3.0], coverage=0.01) == 2.0  # one picture at least
    assert gain_at([0.9, 0.1], [0.0, 2.0]) == 0.0  # the surest is the worse one


def test_the_order_of_equals_does_not_matter() -> None:
    sure = [0.5] * 4
    _, quality = risk_coverage(sure, [9.0, 0.0, 0.0, 3.0])
    assert quality.tolist() == [3.0] * 4
    assert gain_at(sure, [9.0, 0.0, 0.0, 3.0]) == 1.0


def test_honest_confidence_has_a_small_error_and_boasting_a_large_one() -> None:
    random = np.random.default_rng(1)
    confidence = random.random(20000)
    event = random.random(20000) < confidence
    assert expected_calibration_error(confidence, event) < 0.02
    assert expected_calibration_error(np.sqrt(confidence), event) > 0.1
    assert brier_score(confidence, event) < brier_score(np.sqrt(confidence), event)


def test_few_pictures_and_none() -> None:
    assert [one.count for one in reliability_bins([0.5], [True])] == [1]
    assert reliability_bins([], []) == []
    assert np.isnan(gain_at([0.1, 0.2], [0.0, 0.0]))


def test_a_threshold_keeps_the_sure_and_says_what_they_are_worth() -> None:
    half, none = kept_above([0.9, 0.5, 0.5, 0.1], [True, True, False, False], [1.0, 0.6, 0.2, 0.0], [0.5, 0.95])
    assert (half.coverage.count, half.coverage.total) == (3, 4)
    assert (half.event.count, half.event.total) == (2, 3)
    assert half.quality == pytest.approx(0.6)
    assert (none.coverage.count, none.event.total) == (0, 0)
    assert math.isnan(none.quality)
