"""Knowledge distillation."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from captionkit.config import DecoderConfig, TrainingConfig
from captionkit.modeling.caption_model import CaptionModel
from captionkit.modeling.decoders import Decoder, build_decoder
from captionkit.tokenizer import BOS, EOS, PAD, UNK, Tokenizer
from captionkit.training.cross_entropy import CrossEntropy
from captionkit.training.distillation import Teacher, Teachers, soft_cross_entropy, teacher_ids
from captionkit.training.input_pipeline import Batch
from captionkit.training.losses import shift_right
from captionkit.training.optimizer import Descent

B, P, D, V = 3, 2, 5, 9
FEATURES = np.random.default_rng(0).normal(size=(B, P, D)).astype(np.float32)
IDS = np.array([[[5, 6, EOS]], [[7, EOS, PAD]], [[8, 8, EOS]]], np.int32)


def make_decoder(seed: int) -> Decoder:
    config = DecoderConfig(units=8, embedding=8, dropout=0.0)
    return build_decoder(config, vocabulary=V, positions=P, depth=D, seed=seed)


def make_teachers(*seeds: int) -> Teachers:
    same = np.arange(V, dtype=np.int32)
    return Teachers([Teacher(make_decoder(seed), lambda rows: FEATURES[rows], same) for seed in seeds])


def test_teachers_are_asked_as_one_ensemble_and_never_about_padding() -> None:
    rows = np.array([2, 0, 1])
    teachers = make_teachers(1, 2)
    found = teachers.probabilities(teachers.inputs(rows), tf.constant(IDS[rows])).numpy()
    logits = [make_decoder(seed)(FEATURES[rows], shift_right(tf.constant(IDS[rows]))) for seed in (1, 2)]
    expected = np.mean([tf.nn.softmax(some).numpy() for some in logits], axis=0)[IDS[rows] != PAD]
    assert found.shape == (8, V)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_teacher_with_another_vocabulary_is_asked_in_its_own_words() -> None:
    student, teacher = Tokenizer(["a", "giraffe", "dog"]), Tokenizer(["dog", "a", "cat"])
    own = teacher_ids(student, teacher)
    assert own.tolist() == [0, 1, 2, 3, 5, -1, 4]
    decoder = build_decoder(DecoderConfig(units=8, embedding=8, dropout=0.0), vocabulary=7, positions=P, depth=D)
    teachers = Teachers([Teacher(decoder, lambda rows: FEATURES[rows], own)])
    ids = np.array([[[4, 5, 6, EOS]]], np.int32)  # a giraffe dog
    found = teachers.probabilities(teachers.inputs(np.array([0])), tf.constant(ids)).numpy()
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-6)
    np.testing.assert_array_equal(found[1], np.eye(7)[5])  # it does not know giraffes: what was written
    heard = np.array([[[BOS, 5, UNK, 4]]], np.int32)  # a <unk> dog, in its ids
    logits = decoder(FEATURES[:1], tf.constant(heard)).numpy()[0, 0]
    for place in (0, 2, 3):
        e = np.exp(logits[place])
        expected = np.array([e[0], e[1], e[2], e[3], e[5], 0.0, e[4]])
        np.testing.assert_allclose(found[place], expected / expected.sum(), atol=1e-6)


def test_soft_cross_entropy_equals_the_definition() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(4, V)).astype(np.float32)
    probabilities = rng.dirichlet(np.ones(V), size=4).astype(np.float32)
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    expected = -(probabilities * log_p).sum(-1).mean()
    assert float(soft_cross_entropy(logits, probabilities)) == pytest.approx(float(expected), abs=1e-6)


def test_a_student_comes_to_expect_what_its_teachers_expect() -> None:
    config = TrainingConfig(learning_rate=0.03, weight_decay=0.0, teachers_share=1.0)
    student, teachers = make_decoder(7), make_teachers(1, 2)
    kept = teachers.teachers[0].decoder.trainable_variables
    before = [weight.numpy() for weight in kept]
    descent = Descent(config, student.trainable_variables)
    step = CrossEntropy(config, CaptionModel(None, student), descent, teachers)
    rows = np.arange(B)
    target = teachers.probabilities(teachers.inputs(rows), tf.constant(IDS)).numpy()

    def distance() -> float:
        expected = tf.nn.softmax(student(FEATURES, shift_right(tf.constant(IDS)))).numpy()[IDS != PAD]
        return float(np.abs(expected - target).sum(axis=-1).mean())

    far = distance()
    for _ in range(150):
        step(Batch(rows, FEATURES, IDS), 0.03)
    assert distance() < 0.1 * far
    for old, weight in zip(before, kept, strict=True):
        np.testing.assert_array_equal(old, weight.numpy())


def test_soft_cross_entropy_of_weighted_tokens() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(2, V)).astype(np.float32)
    probabilities = rng.dirichlet(np.ones(V), size=2).astype(np.float32)
    found = soft_cross_entropy(logits, probabilities, tf.constant([2.0, 1.0]))
    assert float(found) == pytest.approx(
        float(soft_cross_entropy(logits[[0, 0, 1]], probabilities[[0, 0, 1]])), abs=1e-6
    )
