"""Counting n-grams."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from captionkit.metrics.corpus import Corpus, find_chain, split_words, spread, stable_order
from tests.metrics import slow
from tests.metrics.strategies import corpora, few


@few
@given(corpora(min_size=1))
def test_counts_are_those_of_a_counter(corpus: list[tuple[list[str], list[list[str]]]]) -> None:
    own = Corpus([one for one, _ in corpus], [group for _, group in corpus])
    for order, counts in enumerate(own.counts, start=1):
        found = sorted(zip(counts.sentence.tolist(), counts.count.tolist(), strict=True))
        expected = [
            (at, count) for at, one in enumerate(own.sentences) for count in slow.grams(one, order).values()
        ]
        assert found == sorted(expected)
        assert np.all(np.diff(counts.ngram) >= 0)
        assert np.all(np.diff(counts.key) > 0)
        assert counts.size == len(counts.key)


def test_a_token_with_a_no_break_space_is_two_words_for_n_grams() -> None:
    assert split_words(["1\xa01/2", "cups"]) == ["1", "1/2", "cups"]
    assert split_words(["plain", "words"]) == ["plain", "words"]


def test_large_keys_are_sorted_without_packing() -> None:
    key, start = np.tile(np.array([5, 1, 5, 0], np.int64), 50), np.arange(3, 203)
    for scale in (1, 1 << 52, 1 << 53, 1 << 59):  # of 64 bits the first is the sign
        order, in_order = stable_order(key * scale, start, 6 * scale)
        assert order.tolist() == sorted(start.tolist(), key=lambda place: int(key[place - 3]))
        assert in_order.tolist() == [one * scale for one in sorted(key.tolist())]


def test_places_within_runs() -> None:
    owner, place = spread(np.array([2, 0, 3]))
    assert (owner.tolist(), place.tolist()) == ([0, 0, 2, 2, 2], [0, 1, 0, 1, 2])


def test_a_chain_is_found_by_its_parts() -> None:
    keys = np.array([3, 12, 19])  # (0, 3), (1, 2) and (1, 9) of ten words
    prefix, last = np.array([0, 1, 1, 0, 1, 2, -1]), np.array([3, 2, 9, 2, -1, -1, 9])
    assert find_chain(keys, 10, prefix, last).tolist() == [0, 1, 2, -1, -1, -1, -1]
    assert find_chain(keys[:0], 10, prefix, last).tolist() == [-1] * 7


def test_a_picture_needs_references() -> None:
    with pytest.raises(ValueError, match="at least one reference"):
        Corpus([["a"], ["b"]], [[["a"]], []])
    with pytest.raises(ValueError, match="1 candidates"):
        Corpus([["a"]], [])


@pytest.mark.parametrize(("candidate", "reference"), [("a dog", ["a", "dog"]), (["a", "dog"], "a dog")])
def test_text_is_no_list_of_tokens(candidate: list[str], reference: list[str]) -> None:
    with pytest.raises(ValueError, match="lists of tokens"):
        Corpus([candidate], [[reference]])
