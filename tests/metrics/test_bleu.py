"""BLEU against its definition and against pycocoevalcap's stored values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from captionkit.metrics import bleu
from captionkit.metrics.bleu import NAMES
from tests.metrics import slow
from tests.metrics.strategies import corpora, few


@few
@given(corpora())
def test_corpus_bleu_is_the_definition(corpus: list[tuple[list[str], list[list[str]]]]) -> None:
    candidates, references = [one for one, _ in corpus], [group for _, group in corpus]
    found = bleu(candidates, references)
    expected = slow.bleu(candidates, references)
    assert [found.corpus[name] for name in NAMES] == pytest.approx(expected, abs=1e-12)


@few
@given(corpora(min_size=1))
def test_a_pictures_bleu_is_that_of_a_corpus_of_one(corpus: list[tuple[list[str], list[list[str]]]]) -> None:
    candidates, references = [one for one, _ in corpus], [group for _, group in corpus]
    found = bleu(candidates, references)
    for place in range(len(corpus)):
        expected = slow.bleu(candidates[place : place + 1], references[place : place + 1])
        assert [found.per_image[name][place] for name in NAMES] == pytest.approx(expected, abs=1e-12)


def test_trap_2_the_weights_of_each_order_are_equal() -> None:
    # Two of three bigrams and one of two trigrams match: BLEU-3 is the cube root of the product, not less.
    found = bleu([["a", "b", "c", "e"]], [[["a", "b", "c", "d"]]])
    assert found.corpus["BLEU-3"] == pytest.approx((3 / 4 * 2 / 3 * 1 / 2) ** (1 / 3))


def test_closest_length_of_two_is_the_shorter() -> None:
    found = bleu([["a", "b", "c", "d"]], [[["a", "b", "c"], ["a", "b", "c", "d", "e"]]])
    assert found.corpus["BLEU-1"] == pytest.approx(1.0)


def test_the_corpus_value_is_no_mean_of_pictures() -> None:
    found = bleu([["a"], ["b", "c"]], [[["a"]], [["x", "y"]]])
    assert found.corpus["BLEU-1"] == pytest.approx(1 / 3)
    assert np.mean(found.per_image["BLEU-1"]) == pytest.approx(1 / 2)
