"""The losses."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

from captionkit.training.losses import masked_cross_entropy, shift_right


def reference(logits: np.ndarray, targets: np.ndarray, mask: np.ndarray, smoothing: float) -> float:
    """Written from the definition, token by token."""
    total = count = 0.0
    vocabulary = logits.shape[-1]
    for index in np.ndindex(*targets.shape):
        if mask[index]:
            row = logits[index].astype(np.float64)
            log_p = row - math.log(np.exp(row).sum())
            goal = np.full(vocabulary, smoothing / vocabulary)
            goal[targets[index]] += 1 - smoothing
            total -= float((goal * log_p).sum())
            count += 1
    return total / count if count else 0.0


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_equals_the_definition(smoothing: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2, 3, 4, 7)).astype(np.float32)
    targets = rng.integers(0, 7, (2, 3, 4)).astype(np.int32)
    mask = rng.random((2, 3, 4)) < 0.6
    found = masked_cross_entropy(logits, targets, mask, smoothing)
    assert float(found) == pytest.approx(reference(logits, targets, mask, smoothing), abs=1e-5)


def test_a_golden_that_a_reader_can_check() -> None:
    # Four equally likely words: ln 4 nats, whatever the target and the smoothing.
    assert float(masked_cross_entropy(tf.zeros((1, 4)), [2], [True], 0.3)) == pytest.approx(math.log(4))


def test_padding_counts_neither_in_the_loss_nor_in_its_gradient() -> None:
    logits = tf.Variable(np.random.default_rng(0).normal(size=(1, 3, 5)).astype(np.float32))
    mask = np.array([[True, False, True]])
    with tf.GradientTape() as tape:
        loss = masked_cross_entropy(logits, np.array([[1, 0, 2]]), mask, 0.1)
    gradient = tape.gradient(loss, logits)
    assert np.abs(gradient[0, 1]).max() == 0
    changed = logits.numpy().copy()
    changed[0, 1] = 100
    assert float(masked_cross_entropy(changed, np.array([[1, 0, 2]]), mask, 0.1)) == float(loss)


def test_nothing_real_is_zero_not_nan() -> None:
    assert float(masked_cross_entropy(tf.zeros((2, 4)), [0, 0], [False, False])) == 0.0


def test_weighted_tokens_count_as_often_as_their_weight() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2, 7)).astype(np.float32)
    targets, mask = np.array([3, 1]), np.array([True, True])
    weighted = masked_cross_entropy(logits, targets, mask, 0.1, tf.constant([3.0, 1.0]))
    repeated = logits[[0, 0, 0, 1]]
    assert float(weighted) == pytest.approx(
        float(masked_cross_entropy(repeated, targets[[0, 0, 0, 1]], np.ones(4, bool), 0.1)), abs=1e-6
    )
    padded = masked_cross_entropy(logits, targets, np.array([True, False]), 0.1, tf.constant([3.0, 1.0]))
    assert float(padded) == pytest.approx(reference(logits[:1], targets[:1], mask[:1], 0.1), abs=1e-6)


def test_a_word_is_predicted_from_those_before_it_alone() -> None:
    assert shift_right(tf.constant([[[5, 6, 2], [7, 2, 0]]])).numpy().tolist() == [[[1, 5, 6], [1, 7, 2]]]
