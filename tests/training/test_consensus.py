"""Which captions count more."""

from __future__ import annotations

import numpy as np
import pytest

from captionkit.metrics.cider import cider_d
from captionkit.metrics.document_frequency import DocumentFrequency
from captionkit.text import tokenize
from captionkit.training.consensus import consensus_weights

CAPTIONS = [
    ["A black dog runs on the beach.", "A dog runs along a beach.", "My best friend had a good day!"],
    ["A girl swims.", "A girl swims in a pool.", "A child in a pool."],
    ["Two men play football."],
    ["Red", "Blue"],
    [],
]


def test_a_caption_that_says_what_the_others_say_counts_more() -> None:
    first, *_ = consensus_weights(CAPTIONS, 1.0)
    assert first[2] < 0.5 < first[0]
    assert first.dtype == np.float32


def test_weights_are_agreement_over_the_pictures_mean() -> None:
    table = DocumentFrequency.from_references([[tokenize(text) for text in texts] for texts in CAPTIONS if texts])
    a, b, c = (tokenize(text) for text in CAPTIONS[1])
    _, agreement = cider_d([a, b, c], [[b, c], [a, c], [a, b]], table)
    expected = agreement / agreement.mean()
    np.testing.assert_allclose(consensus_weights(CAPTIONS, 1.0)[1], expected, rtol=1e-6)
    np.testing.assert_allclose(consensus_weights(CAPTIONS, 0.25)[1], 0.75 + 0.25 * expected, rtol=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_every_picture_weighs_the_same(share: float) -> None:
    weights = consensus_weights(CAPTIONS, share)
    assert [len(own) for own in weights] == [len(texts) for texts in CAPTIONS]
    for own in weights[:-1]:
        assert own.mean() == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_array_equal(weights[2], [1.0])  # nobody to agree with
    np.testing.assert_array_equal(weights[3], [1.0, 1.0])  # nothing in common


def test_captions_of_which_none_has_company() -> None:
    weights = consensus_weights([["A dog."], ["A cat."]], 1.0)
    np.testing.assert_array_equal(np.concatenate(weights), [1.0, 1.0])


def test_one_picture_alone_has_no_cider() -> None:
    (weights,) = consensus_weights([["A dog runs.", "A dog runs fast."]], 1.0)
    np.testing.assert_array_equal(weights, [1.0, 1.0])
