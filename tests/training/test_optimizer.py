"""Steps down: their lengths, and how the rate rises and falls."""

from __future__ import annotations

import math
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from captionkit.config import TrainingConfig
from captionkit.training.optimizer import Descent, learning_rate

CONFIG = TrainingConfig(learning_rate=0.1, weight_decay=0.5, warmup_steps=4, final_rate=0.1)


def test_a_rate_of_its_own_makes_a_variables_steps_that_much_shorter() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(3, 3)).astype(np.float32)
    whole, tenth, still = variables = [keras.Variable(values) for _ in range(3)]
    descent = Descent(CONFIG, variables, [1.0, 0.1, 0.0])
    gradient = tf.constant(rng.normal(size=(3, 3)), tf.float32)
    descent.apply([gradient] * 3, tf.constant(0.1))
    # Decay is part of the step: its share of the first one is 0.1 * 0.5 of the values.
    np.testing.assert_allclose(whole.value.numpy(), 0.95 * values - 0.1 * np.sign(gradient), rtol=1e-4)
    np.testing.assert_allclose(tenth.value.numpy() - values, 0.1 * (whole.value.numpy() - values), rtol=1e-4)
    np.testing.assert_array_equal(still.value.numpy(), values)


def test_biases_do_not_decay() -> None:
    kernel, bias = variables = [
        keras.Variable(np.ones((2, 2), np.float32)),
        keras.Variable(np.ones(2, np.float32)),
    ]
    Descent(CONFIG, variables).apply([tf.zeros((2, 2)), tf.zeros(2)], tf.constant(0.1))
    np.testing.assert_allclose(kernel.value.numpy(), np.full((2, 2), 0.95))
    np.testing.assert_array_equal(bias.value.numpy(), np.ones(2))


def test_the_average_is_exchanged_and_put_back() -> None:
    variable = keras.Variable(np.zeros((1, 1), np.float32))
    descent = Descent(replace(CONFIG, ema=0.9), [variable])
    descent.apply([tf.ones((1, 1))], tf.constant(0.1))
    weight = variable.value.numpy().item()
    descent.swap_average()
    assert variable.value.numpy().item() == pytest.approx(
        (1 - 2 / 11) * weight
    )  # a young average: (1 + 1) / (10 + 1)
    descent.swap_average()
    assert variable.value.numpy().item() == weight


def test_an_old_average_moves_by_its_share_of_the_step() -> None:
    variable = keras.Variable(np.zeros((1, 1), np.float32))
    descent = Descent(replace(CONFIG, ema=0.25), [variable])
    weights = [0.0]
    for _ in range(3):
        descent.apply([tf.ones((1, 1))], tf.constant(0.1))
        weights.append(variable.value.numpy().item())
    expected = 0.0
    for weight, decay in zip(weights[1:], (2 / 11, 3 / 12, 0.25), strict=True):
        expected = decay * expected + (1 - decay) * weight
    assert descent.average[0].numpy().item() == pytest.approx(expected)


def test_a_word_that_is_read_several_times_makes_the_step_of_its_summed_gradient() -> None:
    rng = np.random.default_rng(0)
    table, outer = rng.normal(size=(5, 3)).astype(np.float32), rng.normal(size=(4, 3)).astype(np.float32)
    ids = np.array([1, 1, 1, 2])
    sparse, dense = keras.Variable(table), keras.Variable(table)
    for variable, whole in ((sparse, False), (dense, True)):
        descent = Descent(CONFIG, [variable])
        for _ in range(2):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(tf.gather(variable.value, ids) * outer)
            (gradient,) = tape.gradient(loss, [variable.value])
            assert isinstance(gradient, tf.IndexedSlices)
            summed = np.zeros_like(table)
            np.add.at(summed, ids, outer)
            norm = descent.apply([tf.constant(summed) if whole else gradient], tf.constant(0.1))
            assert float(norm) == pytest.approx(float(np.linalg.norm(summed)))
    np.testing.assert_allclose(sparse.value.numpy(), dense.value.numpy(), atol=1e-6)


def test_a_gradient_that_is_too_long_is_shortened_and_its_length_told() -> None:
    gradients = [np.array([[3.0, 0.0]], np.float32), np.array([0.0, 4.0], np.float32)]
    ends = []
    for scale in (1.0, 0.1):
        variables = [keras.Variable(np.zeros_like(gradient)) for gradient in gradients]
        descent = Descent(replace(CONFIG, clip_norm=0.5), variables)
        for share in (1.0, scale):  # the first step of Adam does not depend on the length
            norm = descent.apply([tf.constant(share * gradient) for gradient in gradients], tf.constant(0.1))
            assert float(norm) == pytest.approx(5.0 * share)
        ends.append([variable.value.numpy() for variable in variables])
    for first, second in zip(*ends, strict=True):  # 5 and 0.5 are both 0.5 after clipping
        np.testing.assert_allclose(first, second, rtol=1e-6)


def test_the_rate_rises_evenly_and_falls_along_half_a_cosine() -> None:
    rates = [learning_rate(CONFIG, step, 24) for step in range(24)]
    assert rates[:5] == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1])
    assert rates[14] == pytest.approx(0.1 * (0.1 + 0.9 / 2))
    assert rates[23] == pytest.approx(0.1 * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * 19 / 20))))
    assert learning_rate(CONFIG, 0, 1) == pytest.approx(0.1)
