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


# Six logits of random weights, the attention of a step, and three logits with dropout.
GOLDENS: dict[str, tuple[list[float], list[float], list[float]]] = {
    "lstm": ([4.5349, 2.8741, -3.1157, -2.5727, 1.0063, -1.5116], [], [2.7225, -3.2387, -3.9998]),
    "attention_lstm": (
        [2.7909, 4.1988, 2.5013, -1.0143, 4.8601, -0.3043],
        [0.2224, 0.2579, 0.3272, 0.1925],
        [1.0808, 5.642, -7.2524],
    ),
    "multihead_lstm": (
        [-0.2206, 1.3333, -0.1406, 2.0644, -0.051, 2.6004],
        [0.2388, 0.2575, 0.2534, 0.2503],
        [-1.574, 1.9648, 0.3936],
    ),
    "transformer": (
        [0.1424, 0.104, 0.6193, 1.0459, -1.7143, 0.5601],
        [0.2613, 0.2486, 0.2265, 0.2636],
        [4.2934, -1.3705, 0.9088],
    ),
}


@pytest.mark.parametrize("kind", DECODERS)
def test_weights_of_earlier_versions_give_what_they_gave(kind: str, features: np.ndarray, ids: np.ndarray) -> None:
    decoder, rng = make(kind), np.random.default_rng(2)
    for variable in sorted(decoder.trainable_variables, key=lambda variable: variable.path):
        variable.assign(rng.normal(0, 0.5, variable.shape))
    logits, seen = decoder(features, ids).numpy(), decoder.step(decoder.start(features), ids[:, 0, 0])[1]
    noisy = decoder(features, ids, training=True).numpy()  # where dropout is, and in which order it is drawn
    found = logits[1, 1, -1, :6], [] if seen is None else seen[1].numpy(), noisy[1, 1, -1, :3]
    for one, golden in zip(found, GOLDENS[kind], strict=True):
        np.testing.assert_allclose(one, golden, atol=5e-4)


def test_words_are_dropped_whole_as_often_as_asked_and_the_others_are_louder_for_it() -> None:
    decoder = make("lstm", dropout=0.0, word_dropout=0.25)
    ids = np.random.default_rng(0).integers(4, V, 4000)
    vectors = decoder.embed(ids, training=True).numpy()
    dropped = (vectors == 0.0).all(axis=1)
    assert dropped.mean() == pytest.approx(0.25, abs=0.03)
    np.testing.assert_allclose(vectors[~dropped], decoder.embed(ids).numpy()[~dropped] / 0.75, rtol=1e-6)


@pytest.mark.parametrize(("tied", "spread"), [(False, 0.5), (True, 0.05)])
def test_words_begin_loud_and_the_logits_of_tied_ones_small(tied: bool, spread: float) -> None:
    assert make("lstm", tied=tied).embedding.numpy().std() == pytest.approx(spread, rel=0.2)
