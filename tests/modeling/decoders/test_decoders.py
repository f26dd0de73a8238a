"""What holds for every decoder."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from captionkit.config import DecoderConfig
from captionkit.errors import ConfigError
from captionkit.modeling.decoders import DECODERS, Decoder, base, build_decoder
from captionkit.tokenizer import EOS, PAD
from captionkit.training.losses import shift_right

B, C, L, P, D, V = 3, 2, 7, 4, 6, 20


def make(kind: str, **changes: Any) -> Decoder:
    options: dict[str, Any] = {
        "units": 16,
        "embedding": 16 if kind == "transformer" else 12,
        "layers": 2,
        "heads": 4,
        "dropout": 0.5,
        "word_dropout": 0.1,
        "positions": 8,
        "doubly_stochastic": 1.0,
        **changes,
    }
    return build_decoder(DecoderConfig(kind=kind, **options), vocabulary=V, positions=P, depth=D, seed=3)


@pytest.fixture
def features() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(B, P, D)).astype(np.float32)


@pytest.fixture
def ids() -> np.ndarray:
    return np.random.default_rng(1).integers(4, V, (B, C, L)).astype(np.int32)


@pytest.mark.parametrize("kind", DECODERS)
@pytest.mark.parametrize("tied", [False, True])
def test_start_and_step_equal_the_teacher_forced_call(
    kind: str, tied: bool, features: np.ndarray, ids: np.ndarray
) -> None:
    decoder = make(kind, tied=tied)
    expected = decoder(features, ids).numpy()
    assert expected.shape == (B, C, L, V)
    for c in range(C):
        state = decoder.start(tf.constant(features))
        for position in range(L):
            logits, attention, changed = decoder.step(state, ids[:, c, position])
            assert changed.keys() <= state.keys()
            state = {**state, **changed}
            np.testing.assert_allclose(logits.numpy(), expected[:, c, position], atol=1e-5)
            if attention is not None:
                assert attention.shape == (B, P)
                np.testing.assert_allclose(tf.reduce_sum(attention, axis=-1).numpy(), np.ones(B), atol=1e-5)


@pytest.mark.parametrize("kind", DECODERS)
def test_every_state_leaf_leads_with_the_batch(kind: str, features: np.ndarray) -> None:
    for name, leaf in make(kind).start(tf.constant(features)).items():
        assert leaf.shape[0] == B, name


@pytest.mark.parametrize("kind", DECODERS)
def test_a_position_does_not_see_the_words_after_it(kind: str, features: np.ndarray, ids: np.ndarray) -> None:
    decoder = make(kind)
    before = decoder(features, ids).numpy()
    changed = ids.copy()
    changed[:, :, 4:] = (changed[:, :, 4:] + 1) % V
    after = decoder(features, changed).numpy()
    np.testing.assert_array_equal(before[:, :, :4], after[:, :, :4])
    assert np.abs(before[:, :, 4:] - after[:, :, 4:]).max() > 1e-3


@pytest.mark.parametrize("kind", DECODERS)
def test_pictures_and_captions_do_not_leak_into_each_other(
    kind: str, features: np.ndarray, ids: np.ndarray
) -> None:
    decoder = make(kind)
    expected = decoder(features, ids).numpy()
    alone = decoder(features[1:2], ids[1:2, 1:2]).numpy()
    np.testing.assert_allclose(alone[0, 0], expected[1, 1], atol=1e-5)


@pytest.mark.parametrize("kind", DECODERS)
def test_the_picture_matters(kind: str, features: np.ndarray, ids: np.ndarray) -> None:
    decoder = make(kind)
    other = decoder(features[::-1].copy(), ids).numpy()
    assert np.abs(other - decoder(features, ids).numpy())[0].max() > 1e-4


@pytest.mark.parametrize("kind", DECODERS)
def test_every_weight_gets_a_gradient(kind: str, features: np.ndarray, ids: np.ndarray) -> None:
    decoder = make(kind, dropout=0.0)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(decoder(features, ids, training=True)))
    variables = [variable.value for variable in decoder.trainable_variables]
    for variable, gradient in zip(decoder.trainable_variables, tape.gradient(loss, variables), strict=True):
        assert gradient is not None, variable.path
        assert float(tf.reduce_max(tf.abs(tf.convert_to_tensor(gradient)))) > 0, variable.path


@pytest.mark.parametrize("kind", DECODERS)
def test_dropout_is_on_in_training_only_and_seeded(kind: str, features: np.ndarray, ids: np.ndarray) -> None:
    first, second = make(kind), make(kind)
    a, b = first(features, ids, training=True).numpy(), second(features, ids, training=True).numpy()
    np.testing.assert_array_equal(a, b)
    assert np.abs(first(features, ids, training=True).numpy() - a).max() > 1e-3
    np.testing.assert_array_equal(first(features, ids).numpy(), first(features, ids).numpy())


def test_the_doubly_stochastic_penalty_counts_the_steps_that_predict_a_word(
    features: np.ndarray, ids: np.ndarray
) -> None:
    decoder = make("attention_lstm", doubly_stochastic=0.5)
    targets = ids.copy()
    targets[0, 0, 3:] = (EOS, PAD, PAD, PAD)
    targets[1, 1] = PAD  # a picture with fewer captions than the others
    before = shift_right(targets)
    penalties = []
    for b, c in np.argwhere((targets != PAD).any(axis=2)):
        state, looked = decoder.start(tf.constant(features[b : b + 1])), np.zeros(P)
        for place in range(np.count_nonzero(targets[b, c])):
            _, attention, changed = decoder.step(state, before[b, c, place : place + 1])
            assert attention is not None
            state, looked = {**state, **changed}, looked + attention[0].numpy()
        penalties.append(np.square(1 - looked).sum())
    _, penalty = decoder.hidden_with_penalty(features, before, targets != PAD)
    assert float(penalty) == pytest.approx(0.5 * np.mean(penalties), rel=1e-4)


def test_an_unknown_kind_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'lstm'"):
        build_decoder(DecoderConfig(kind="lstmm"), vocabulary=V, positions=P, depth=D)


def test_the_random_states_are_variables_that_a_checkpoint_can_hold() -> None:
    decoder = make("lstm")
    assert any("seed" in variable.path for variable in decoder.variables)
    assert isinstance(decoder.variables[0], keras.Variable)


@pytest.mark.parametrize("kind", DECODERS)
def test_bfloat16_is_for_training_only_and_close(
    kind: str, features: np.ndarray, ids: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "multiplies_bfloat16", lambda: True)
    plain, low = (
        make(kind, dropout=0.0, word_dropout=0.0),
        make(kind, dropout=0.0, word_dropout=0.0, bfloat16=True),
    )
    np.testing.assert_array_equal(plain(features, ids).numpy(), low(features, ids).numpy())
    expected, found = plain(features, ids, training=True).numpy(), low(features, ids, training=True).numpy()
    assert found.dtype == np.float32
    assert 0 < np.abs(found - expected).max() < 0.15


def test_where_the_processor_has_no_bfloat16_it_is_not_used(
    features: np.ndarray, ids: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "multiplies_bfloat16", lambda: False)
    plain, asked = make("lstm", dropout=0.0), make("lstm", dropout=0.0, bfloat16=True)
    np.testing.assert_array_equal(
        plain(features, ids, training=True).numpy(), asked(features, ids, training=True).numpy()
    )
