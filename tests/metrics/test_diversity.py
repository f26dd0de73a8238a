"""Diversity of captions."""

from __future__ import annotations

import numpy as np
import pytest

from captionkit.metrics import DocumentFrequency, cider, cider_d
from captionkit.metrics.diversity import diversity, self_cider

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


def test_self_cider_is_0_for_equal_and_1_for_unlike_captions() -> None:
    table = DocumentFrequency.from_references(
        [[["a", "b", "c", "d"]], [["e", "f", "g", "h"]], [["i", "j", "k", "l"]]]
    )
    equal = [["a", "b", "c", "d"]] * 3
    unlike = [["a", "b", "c", "d"], ["e", "f", "g", "h"], ["i", "j", "k", "l"]]
    some = [["a", "b", "c", "d"], ["a", "b", "c", "d"], ["i", "j", "k", "l"]]
    found = self_cider([equal, unlike, some], table)
    assert found[0] == pytest.approx(0.0, abs=1e-7)
    assert found[1] == pytest.approx(1.0)
    # The kernel's eigenvalues are 2, 1 and 0: the share of the largest root is 1.414 / 2.414.
    assert found[2] == pytest.approx(-np.log(np.sqrt(2) / (np.sqrt(2) + 1)) / np.log(3))


def test_self_cider_needs_two_captions() -> None:
    with pytest.raises(ValueError, match="two captions"):
        self_cider([[SAME, SAME], [SAME]], DocumentFrequency.from_references([[SAME], [SAME]]))


def test_self_cider_is_of_plain_cider_which_counts_neither_lengths_nor_clips() -> None:
    table = DocumentFrequency.from_references([[["a", "b"]], [["c", "d"]], [["e"]]])
    one, other = ["a", "b", "a", "b", "a", "b"], ["a", "b"]
    likeness = cider([one], [[other]], table)[0] / 10
    assert 0 < cider_d([one], [[other]], table)[0] / 10 < 0.9 * likeness
    # The kernel [[1, c], [c, 1]] has the eigenvalues 1 + c and 1 - c; 1 stands for the caption's own likeness.
    own, short = cider([one], [[one]], table)[0] / 10, cider([other], [[other]], table)[0] / 10
    eigenvalues = np.linalg.eigvalsh(np.array([[own, likeness], [likeness, short]]))
    share = np.sqrt(eigenvalues.max()) / np.sqrt(np.clip(eigenvalues, 0, None)).sum()
    assert self_cider([[one, other]], table)[0] == pytest.approx(-np.log(share) / np.log(2))


def test_captions_of_words_that_all_pictures_have_do_not_differ() -> None:
    table = DocumentFrequency.from_references([[SAME], [SAME]])
    assert self_cider([[SAME, ["a", "man"]]], table).tolist() == [0.0]
