"""Expected words: what the decoder gives along its captions, as shares, as bytes, as scores."""

from __future__ import annotations

import math

import numpy as np
import pytest

from captionkit.captioner import Captioner
from captionkit.decoding import log_softmax
from captionkit.search.expectation import (
    expected_shares,
    query_scores,
    stem_places,
    to_codes,
    vocabulary_stems,
)
from captionkit.tokenizer import BOS, Tokenizer


def test_stems_of_a_vocabulary() -> None:
    tokenizer = Tokenizer(["a", "dogs", "dog", "in", "t-shirt", "-lrb-", "running", "ran", "&"])
    stems = vocabulary_stems(tokenizer)
    assert stems == ("dog", "lrb", "run", "shirt")
    places = stem_places(tokenizer, {stem: place for place, stem in enumerate(stems)})
    assert places.tolist() == [4, 4, 4, 4, 4, 0, 0, 4, 3, 1, 2, 2, 4]
    assert stem_places(tokenizer, {"dog": 0}).tolist() == [1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1]


def test_shares_are_sums_of_the_steps_of_all_captions(captioner: Captioner) -> None:
    """Against the plainest loop: one picture, one caption, one word at a time."""
    engine, tokenizer = captioner.engine, captioner.bundle.tokenizer
    pixels = np.random.default_rng(3).integers(0, 255, (2, 32, 32, 3), np.uint8)
    features = engine.encode(pixels)
    captions = captioner.describe(features, n=3)
    captions[1] = captions[1][:1]
    stems = {stem: place for place, stem in enumerate(vocabulary_stems(tokenizer))}
    places = stem_places(tokenizer, stems)
    shares = expected_shares(engine, tokenizer, features, captions, places)
    assert shares.shape == (2, len(stems))
    for row in range(2):
        counts = np.zeros(len(stems) + 1)
        for caption in captions[row]:
            state = dict(engine.start(features[row : row + 1]))
            for word in [BOS, *(tokenizer.id_of(token) for token in caption.tokens)]:
                logits, _, changed = engine.step(state, np.array([word], np.int32))
                state |= changed
                np.add.at(counts, places, np.exp(log_softmax(logits))[0])
        np.testing.assert_allclose(shares[row], counts[:-1] / counts[:-1].sum(), atol=1e-5)


def test_codes_keep_shares_within_three_hundredths() -> None:
    shares = np.array([[1.0, 0.5, 0.01, 1e-5, 1e-6, 1e-9, 0.0]], np.float32)
    codes = to_codes(shares)
    assert codes.dtype == np.uint8
    assert codes[0, 0] == 255
    assert codes[0, -2:].tolist() == [0, 0]
    back = np.exp((codes[0, :5].astype(float) - 255) / 18)
    np.testing.assert_allclose(back, shares[0, :5], rtol=0.03)


def test_scores_are_smoothed_log_likelihood_ratios() -> None:
    shares = np.array([[0.2, 0.05, 0.0], [0.1, 0.1, 0.0]], np.float32)  # two words, three pictures
    scores = query_scores(to_codes(shares), [1, 1])
    for picture in range(3):
        wanted = sum(
            math.log((0.9 * float(word[picture]) + 0.1 * float(word.mean())) / (0.1 * float(word.mean())))
            for word in shares
        )
        assert scores[picture] == pytest.approx(wanted, abs=0.05)
    assert scores[2] == 0


def test_of_rows_that_stand_for_one_word_any_will_do() -> None:
    codes = to_codes(
        np.array([[0.2, 0.05, 0.01], [0.1, 0.3, 0.02], [0.05, 0.0, 0.1], [0.1, 0.2, 0.1]], np.float32)
    )
    any_of_two = to_codes(np.array([[0.15, 0.3, 0.12]], np.float32))
    expected = query_scores(np.concatenate([codes[:1], any_of_two, codes[3:]]), [1, 1, 1])
    np.testing.assert_allclose(query_scores(codes, [1, 2, 1]), expected, atol=0.05)


def test_a_word_that_no_picture_expects_says_nothing() -> None:
    assert query_scores(np.zeros((1, 4), np.uint8), [1]).tolist() == [0] * 4
    assert query_scores(np.zeros((2, 0), np.uint8), [1, 1]).tolist() == []
