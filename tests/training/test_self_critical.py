"""Self-critical training."""

from __future__ import annotations

import itertools
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from captionkit.config import DecoderConfig, SelfCriticalConfig, TrainingConfig
from captionkit.modeling.caption_model import CaptionModel
from captionkit.modeling.decoders import Decoder, build_decoder
from captionkit.tokenizer import BOS, EOS, PAD, UNK
from captionkit.training.input_pipeline import Batch
from captionkit.training.losses import shift_right
from captionkit.training.optimizer import Descent
from captionkit.training.self_critical import (
    SelfCritical,
    forbid_specials,
    leave_one_out,
    policy_loss,
    sample_captions,
)

B, S, L, P, D, V = 3, 4, 6, 2, 5, 9
FEATURES = np.random.default_rng(0).normal(size=(B, P, D)).astype(np.float32)


def make_decoder(seed: int = 0) -> Decoder:
    return build_decoder(DecoderConfig(units=8, embedding=8), vocabulary=V, positions=P, depth=D, seed=seed)


def test_samples_are_words_then_eos_then_padding() -> None:
    decoder = make_decoder()
    ids, again = (sample_captions(decoder, tf.constant(FEATURES), samples=S, length=L).numpy() for _ in range(2))
    assert (ids != again).any()
    assert ids.shape == (B, S, L)
    assert not np.isin(ids, [BOS, UNK]).any()
    for row in ids.reshape(-1, L).tolist():
        words = row.index(EOS) if EOS in row else L
        assert PAD not in row[:words]
        assert set(row[words + 1 :]) <= {PAD}


@pytest.mark.parametrize("temperature", [1.0, 0.2])
def test_samples_follow_the_models_own_probabilities(temperature: float) -> None:
    decoder = make_decoder()
    features = tf.constant(FEATURES[:1])
    drawn = sample_captions(decoder, features, samples=4000, length=1, temperature=temperature)
    first = drawn.numpy().ravel()
    logits, _, _ = decoder.step(decoder.start(features), tf.constant([BOS]))
    expected = tf.nn.softmax(forbid_specials(logits / temperature)).numpy()[0]
    found = np.bincount(first, minlength=V) / 4000
    np.testing.assert_allclose(found, expected, atol=4 * math.sqrt(0.25 / 4000))


def test_the_baseline_is_the_mean_of_the_siblings() -> None:
    found = leave_one_out(tf.constant([[1.0, 2.0, 6.0], [3.0, 3.0, 3.0]])).numpy()
    np.testing.assert_allclose(found, [[-3.0, -1.5, 4.5], [0.0, 0.0, 0.0]])


def test_the_policy_gradient_equals_the_definition_and_eos_has_a_part_in_it() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(1, 2, 3, V)).astype(np.float32)
    ids = np.array([[[5, EOS, PAD], [6, 7, 8]]], np.int32)
    advantages = np.array([[0.5, -1.0]], np.float32)
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    tokens = [(0, 0, 5), (0, 1, EOS), (1, 0, 6), (1, 1, 7), (1, 2, 8)]
    expected = -np.mean([advantages[0, s] * log_p[0, s, t, word] for s, t, word in tokens])
    real = logits.reshape(-1, V)[(ids != PAD).ravel()]
    assert float(policy_loss(real, ids, advantages)) == pytest.approx(float(expected), abs=1e-6)


@pytest.mark.parametrize(("share", "temperature", "dropout"), [(0.0, 1.0, False), (0.2, 0.7, True)])
def test_the_reward_rises(share: float, temperature: float, dropout: bool) -> None:
    """The reward is 1 for each word 5 among the first three: the policy must learn to say it."""
    decoder = make_decoder()
    config = TrainingConfig(learning_rate=0.03, weight_decay=0.0, seed=1)
    descent = Descent(config, decoder.trainable_variables)
    objective = SelfCritical(
        SelfCriticalConfig(samples=S, cross_entropy=share, temperature=temperature, dropout=dropout),
        CaptionModel(None, decoder),
        descent,
        lambda ids, rows: (ids[:, :3] == 5).sum(axis=1).astype(np.float64),
        length=L,
    )
    batch = Batch(np.arange(B), FEATURES.astype(np.float16), np.full((B, 1, L), 5, np.int32))
    rewards = [-objective(batch, 0.03)[0] for _ in range(60)]
    assert np.mean(rewards[-5:]) > np.mean(rewards[:5]) + 0.8


@pytest.mark.parametrize("share", [0.0, 0.2])
def test_a_step_descends_what_its_samples_earned_and_the_references(share: float) -> None:
    decoder, temperature = make_decoder(), 0.7
    references = np.array([[[5, 6, EOS, PAD, PAD, PAD]], [[7, EOS, PAD, PAD, PAD, PAD]], [[8] * L]], np.int32)
    rows = np.array([7, 2, 4])  # among all train pictures
    seen: list[tuple[np.ndarray, np.ndarray]] = []

    def reward(ids: np.ndarray, places: np.ndarray) -> np.ndarray:
        seen.append((ids, places))
        return places * (ids == 5).sum(axis=1).astype(np.float64)

    variables = decoder.trainable_variables
    before = [tf.identity(variable.value) for variable in variables]
    objective = SelfCritical(
        SelfCriticalConfig(samples=S, cross_entropy=share, temperature=temperature),
        CaptionModel(None, decoder),
        Descent(TrainingConfig(), variables),
        reward,
        length=L,
    )
    loss, norm = objective(Batch(rows, FEATURES, references), 0.03)
    ((ids, places),) = seen
    assert places.tolist() == np.repeat(rows, S).tolist()
    rewards = reward(ids, places).reshape(B, S)
    assert loss == pytest.approx(-rewards.mean())
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)
    sampled = ids.reshape(B, S, L)
    advantages = rewards - (rewards.sum(axis=1, keepdims=True) - rewards) / (S - 1)
    with tf.GradientTape() as tape:
        terms = []
        for targets, heat, special in ((sampled, temperature, 0.0), (references, 1.0, 1.0)):
            logits = decoder(FEATURES, shift_right(tf.constant(targets))) / heat
            allowed = np.where(np.isin(np.arange(V), [PAD, BOS, UNK]), special, 1.0)
            log_p = logits - tf.math.log(tf.reduce_sum(allowed * tf.exp(logits), axis=-1, keepdims=True))
            chosen = tf.reduce_sum(tf.one_hot(targets, V) * log_p, axis=-1)
            counts = (targets != PAD) / (targets != PAD).sum()
            terms.append(-tf.reduce_sum(counts * (advantages[..., None] if heat < 1 else 1.0) * chosen))
        total = (1.0 - share) * terms[0] + share * terms[1]
    gradients = tape.gradient(total, [variable.value for variable in variables])
    assert norm == pytest.approx(
        float(tf.linalg.global_norm([tf.convert_to_tensor(one) for one in gradients])), rel=1e-4
    )


@pytest.mark.parametrize("dropout", [False, True])
def test_samples_are_as_cold_as_asked_and_descended_with_dropout_where_asked(dropout: bool) -> None:
    drawn: list[np.ndarray] = []

    def reward(ids: np.ndarray, rows: np.ndarray) -> np.ndarray:
        drawn.append(ids.reshape(B, S, L))
        return (ids == 5).sum(axis=1).astype(np.float64)

    grid = keras.Input((P, D))
    norms = []
    for encoders, decoders in ((0.0, 0.0), (0.9, 0.0), (0.0, 0.9)):
        decoder = build_decoder(
            DecoderConfig(units=8, embedding=8, dropout=decoders), vocabulary=V, positions=P, depth=D
        )
        model = CaptionModel(keras.Model(grid, keras.layers.Dropout(encoders, seed=0)(grid)), decoder)
        config = SelfCriticalConfig(samples=S, cross_entropy=0.1, temperature=1e-3, dropout=dropout)
        descent = Descent(TrainingConfig(), decoder.trainable_variables)
        batch = Batch(np.arange(B), FEATURES, np.full((B, 1, L), 5, np.int32))
        norms.append(SelfCritical(config, model, descent, reward, length=L)(batch, 0.0)[1])
    # So cold, the likeliest word is drawn always.
    assert all((ids == ids[:, :1]).all() for ids in drawn)
    gaps = [abs(one - other) / one for one, other in itertools.combinations(norms, 2)]
    assert min(gaps) > 1e-3 if dropout else max(gaps) < 1e-5
