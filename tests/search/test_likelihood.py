"""log p(query | picture) is what the model itself said of its own captions."""

from __future__ import annotations

import numpy as np
import pytest

from captionkit.captioner import Captioner
from captionkit.search import likelihood
from captionkit.search.likelihood import known_words, to_word_ids, word_log_probabilities
from captionkit.tokenizer import Tokenizer


def features(captioner: Captioner, count: int) -> np.ndarray:
    pixels = np.random.default_rng(3).integers(0, 255, (count, 32, 32, 3), np.uint8)
    return captioner.engine.encode(pixels)


def test_a_caption_gets_the_log_probabilities_it_was_found_with(captioner: Captioner) -> None:
    grid = features(captioner, 3)
    for row, captions in enumerate(captioner.describe(grid, n=2)):
        for caption in captions:
            ids = to_word_ids(caption.tokens, captioner)
            given = word_log_probabilities(captioner.engine, grid, ids)
            assert given.shape == (3, len(caption.tokens))
            np.testing.assert_allclose(given[row], caption.token_log_probabilities[: len(ids)], atol=1e-3)


def test_batches_change_nothing(captioner: Captioner, monkeypatch: pytest.MonkeyPatch) -> None:
    grid, ids = features(captioner, 5), np.array([4, 6, 5], np.int32)
    whole = word_log_probabilities(captioner.engine, grid, ids)
    monkeypatch.setattr(likelihood, "ROWS", 2)
    np.testing.assert_allclose(word_log_probabilities(captioner.engine, grid, ids), whole, atol=1e-4)


def test_no_words_are_certain(captioner: Captioner) -> None:
    assert word_log_probabilities(captioner.engine, features(captioner, 2), np.zeros(0, np.int32)).shape == (2, 0)


def test_unknown_words_are_told_once_and_punctuation_never() -> None:
    tokenizer = Tokenizer(["a", "dog", "-lrb-"])
    known, unknown = known_words('A "dog" (zebra), zebra! a 🐶 — xyzzy? {x}', tokenizer)
    assert known == ["a", "dog", "a"]
    assert unknown == ["zebra", "xyzzy", "x", "🐶"]
    assert known_words("a dog & a dog = 100 %", tokenizer) == (["a", "dog", "a", "dog"], ["100"])


def test_words_are_known_by_their_parts_and_without_accents() -> None:
    tokenizer = Tokenizer(["fire", "truck", "cafe", "t-shirt", "shirt"])
    assert known_words("fire-truck, Café: t-shirt", tokenizer) == (["fire", "truck", "cafe", "t-shirt"], [])
    assert known_words("-5", tokenizer) == ([], ["-5"])  # no bracket
    assert known_words("fire-engine ☕", tokenizer) == ([], ["fire-engine", "☕"])


def test_a_query_is_no_longer_than_a_caption_can_be(captioner: Captioner) -> None:
    limit = captioner.bundle.decoding.max_length
    assert len(to_word_ids(["dog"] * 500, captioner)) == limit
