"""The step of cross-entropy training: what its gradient is the gradient of."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from captionkit.config import DecoderConfig, TrainingConfig
from captionkit.modeling.caption_model import CaptionModel
from captionkit.modeling.decoders import Decoder, build_decoder
from captionkit.tokenizer import EOS, PAD
from captionkit.training.cross_entropy import CrossEntropy
from captionkit.training.distillation import Teacher, Teachers
from captionkit.training.input_pipeline import Batch
from captionkit.training.losses import shift_right
from captionkit.training.optimizer import Descent

B, C, P, D, V = 2, 2, 3, 5, 9
SMOOTHING = 0.2
FEATURES = np.random.default_rng(0).normal(size=(B, P, D)).astype(np.float32)
IDS = np.array([[[5, 6, EOS], [7, EOS, PAD]], [[8, 4, EOS], [PAD, PAD, PAD]]], np.int32)
WEIGHTS = np.array([[1.5, 0.5], [1.2, 1.0]], np.float32)


def make_decoder(seed: int) -> Decoder:
    config = DecoderConfig(kind="attention_lstm", units=8, embedding=8, dropout=0.0, doubly_stochastic=0.7)
    return build_decoder(config, vocabulary=V, positions=P, depth=D, seed=seed)


@pytest.mark.parametrize("share", [0.0, 0.3])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_a_step_descends_words_teachers_and_penalty_in_their_shares(
    share: float, weights: np.ndarray | None
) -> None:
    config = TrainingConfig(label_smoothing=SMOOTHING, teachers_share=share)
    student, teacher = make_decoder(1), make_decoder(2)
    variables = student.trainable_variables
    before, real = shift_right(tf.constant(IDS)), IDS != PAD
    expected = tf.nn.softmax(teacher(FEATURES, before)).numpy()
    written = (1.0 - SMOOTHING) * np.eye(V, dtype=np.float32)[IDS] + SMOOTHING / V
    counts = (np.ones((B, C)) if weights is None else weights)[:, :, None] * real
    counts = (counts / counts.sum()).astype(np.float32)
    with tf.GradientTape() as tape:
        log_p = tf.nn.log_softmax(student(FEATURES, before))
        hard, soft = (-tf.reduce_sum(counts[..., None] * goal * log_p) for goal in (written, expected))
        _, penalty = student.hidden_with_penalty(FEATURES, before, real)
        objective = (1.0 - share) * hard + share * soft + penalty
    gradients = tape.gradient(objective, [variable.value for variable in variables])
    teachers = Teachers([Teacher(teacher, lambda rows: FEATURES[rows], np.arange(V, dtype=np.int32))])
    step = CrossEntropy(
        config, CaptionModel(None, student), Descent(config, variables), teachers if share else None
    )
    loss, norm = step(Batch(np.arange(B), FEATURES, IDS, weights), 0.01)
    assert loss == pytest.approx(float(hard), rel=1e-5)
    assert norm == pytest.approx(
        float(tf.linalg.global_norm([tf.convert_to_tensor(one) for one in gradients])), rel=1e-4
    )


def test_an_encoder_that_is_trained_has_its_dropout() -> None:
    config, pixels, losses = TrainingConfig(), keras.Input((P, D)), []
    for rate in (0.0, 0.9):
        decoder = make_decoder(1)
        model = CaptionModel(keras.Model(pixels, keras.layers.Dropout(rate, seed=0)(pixels)), decoder)
        step = CrossEntropy(config, model, Descent(config, decoder.trainable_variables))
        losses.append(step(Batch(np.arange(B), FEATURES, IDS), 0.01)[0])
    assert losses[0] != losses[1]
