"""Diversity of captions."""

from __future__ import annotations

import pytest

from captionkit.metrics.diversity import diversity

SAME = ["a", "man", "stands"]


def test_counts_by_hand() -> None:
    found = diversity([["a", "dog", "runs"], ["a", "dog"], ["a", "cat"]], [["a", "cat"]])
    assert found.vocabulary == 4
    assert found.distinct_1 == pytest.approx(4 / 7)
    assert found.distinct_2 == pytest.approx(3 / 4)
    assert found.mean_length == pytest.approx(7 / 3)
    assert found.novel == pytest.approx(2 / 3)
    assert found.most_frequent[0] == "a dog runs"
    assert found.most_frequent[1] == pytest.approx(1 / 3)
    assert diversity([["a"]]).distinct_1 == 1.0


def test_the_same_caption_for_every_picture_is_pointed_out() -> None:
    assert "same caption" in diversity([SAME] * 9 + [["a", "dog"]]).warnings()[0]
    assert diversity([[str(number)] for number in range(10)]).warnings() == []
    assert "20 %" in diversity([SAME, SAME, *([str(number)] for number in range(8))]).warnings()[0]


@pytest.mark.parametrize("number", [1, 2, 5])
def test_a_caption_that_comes_once_is_no_frequent_one(number: int) -> None:
    assert diversity([[str(place)] for place in range(number)]).warnings() == []


def test_empty_captions_are_counted_not_divided_by() -> None:
    found = diversity([[], []])
    assert (found.distinct_1, found.distinct_2, found.mean_length) == (0.0, 0.0, 0.0)
