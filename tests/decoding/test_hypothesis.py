"""Scores of words and of captions."""

from __future__ import annotations

import numpy as np
import pytest

from captionkit.decoding.hypothesis import close_at_limit, log_softmax, merged, normalised
from captionkit.errors import CaptionkitError


def test_log_probabilities_are_of_the_last_axis() -> None:
    logits = np.random.default_rng(1).normal(size=(2, 3, 5))
    np.testing.assert_allclose(np.exp(log_softmax(logits)).sum(axis=-1), np.ones((2, 3)), rtol=1e-6)
    # Three times as likely as each of the two others together: 3/5, 1/5 and 1/5.
    np.testing.assert_allclose(np.exp(log_softmax(np.log([3.0, 1.0, 1.0]))), [0.6, 0.2, 0.2], rtol=1e-6)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_one_row_without_finite_scores_is_an_error(wrong: float) -> None:
    logits = np.zeros((3, 4))
    logits[1] = wrong
    with pytest.raises(CaptionkitError, match="NaN or infinity"):
        log_softmax(logits)


def test_a_sentence_ends_at_its_limit_where_its_end_is_no_less_likely_than_chance() -> None:
    assert close_at_limit(-float(np.log(7)), 7)
    assert not close_at_limit(-float(np.log(7.01)), 7)


def test_scores_by_hand() -> None:
    assert normalised(-6.0, 3, 0.0) == -6.0
    assert normalised(-6.0, 3, 1.0) == -2.0
    assert normalised(-6.0, 4, 0.5) == -3.0
    assert normalised(0.0, 0, 1.0) == 0.0


def test_what_a_step_does_not_change_stays_the_same_object() -> None:
    grid, memory = np.zeros(2), np.zeros(2)
    state = merged({"grid": grid, "memory": memory}, {"memory": [1.0, 2.0]})
    assert state["grid"] is grid
    assert state["memory"].tolist() == [1.0, 2.0]
