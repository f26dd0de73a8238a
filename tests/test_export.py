"""LiteRT computes what Keras computes."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from captionkit.bundle import Leaf, Network, read_bundle
from captionkit.config import DecoderConfig, parse_config
from captionkit.decoding import beam_search
from captionkit.engine import Engine
from captionkit.errors import TrainingError, UsageError
from captionkit.export import export_bundle, export_decoder, export_encoder, to_litert
from captionkit.modeling.caption_model import CaptionModel
from captionkit.modeling.decoders import DECODERS, Decoder, build_decoder
from captionkit.tokenizer import Tokenizer
from tests.tiny import expect_steps, tiny_decoding, tiny_tokenizer

P, D, V, S = 6, 10, 30, 24


def make_encoder() -> keras.Model:
    """A little of all that encoders are made of: padding, depthwise convolution, batch norm, relu6, squeeze."""
    keras.utils.set_random_seed(3)
    images = keras.Input((S, S, 3), dtype="uint8")
    x = keras.layers.Rescaling(1 / 128.0, offset=-127 / 128)(images)
    x = keras.layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)
    x = keras.layers.BatchNormalization(epsilon=1e-3)(x)
    x = keras.layers.ReLU(6.0)(x)
    x = keras.layers.DepthwiseConv2D(3, strides=2, padding="same")(x)
    x = keras.layers.Activation("swish")(x)
    gate = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = keras.layers.Multiply()([x, keras.layers.Conv2D(8, 1, activation="sigmoid")(gate)])
    x = keras.layers.Conv2D(D, (3, 2), strides=(3, 2))(x)
    return keras.Model(images, keras.layers.Reshape((P, D))(x))


def make_decoder(kind: str) -> Decoder:
    config = DecoderConfig(kind=kind, units=16, embedding=16, layers=2, heads=4)
    return build_decoder(config, vocabulary=V, positions=P, depth=D, seed=5)


def engine_of(encoder: bytes, exported: tuple[bytes, bool, dict[str, Leaf]]) -> Engine:
    decoder, attention, state = exported
    return Engine(Network(S, P, D, V, attention, state, {}), encoder, decoder, threads=1)


@pytest.fixture(scope="module")
def encoder() -> keras.Model:
    return make_encoder()


@pytest.fixture(scope="module")
def encoder_bytes(encoder: keras.Model) -> bytes:
    return export_encoder(encoder)


@pytest.fixture(scope="module")
def lstm() -> tuple[bytes, bool, dict[str, Leaf]]:
    """An exported decoder, for tests of encoders."""
    return export_decoder(make_decoder("lstm"), positions=P, depth=D)


def pictures(count: int, seed: int = 0) -> np.ndarray:
    """Smooth pictures: the activations of noise alone are all alike."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (count, 4, 4, 3))
    return np.repeat(np.repeat(small, S // 4, 1), S // 4, 2).astype(np.uint8)


@pytest.fixture(scope="module", params=sorted(DECODERS))
def pair(request: pytest.FixtureRequest, encoder_bytes: bytes) -> tuple[Decoder, Engine]:
    """A Keras decoder of each kind and its export."""
    decoder = make_decoder(request.param)
    return decoder, engine_of(encoder_bytes, export_decoder(decoder, positions=P, depth=D))


def test_litert_steps_like_keras(pair: tuple[Decoder, Engine]) -> None:
    decoder, engine = pair
    random = np.random.default_rng(1)
    features = random.normal(size=(3, P, D)).astype(np.float32) * 3
    assert decoder.start(features).keys() == dict(engine.network.state).keys()
    expect_steps(engine, decoder, features, random.integers(0, V, (5, 3)))


def test_litert_searches_like_keras(pair: tuple[Decoder, Engine]) -> None:
    decoder, engine = pair
    features = np.random.default_rng(2).normal(size=(5, P, D)).astype(np.float32) * 3
    there = beam_search(engine.start, engine.step, features, beams=3, max_length=8)
    here = beam_search(decoder.start, decoder.step, features, beams=3, max_length=8)
    for left, right in zip(there, here, strict=True):
        assert left[0].ids == right[0].ids
        assert left[0].score == pytest.approx(right[0].score, abs=1e-4)


def test_litert_encodes_like_keras(
    encoder: keras.Model, encoder_bytes: bytes, lstm: tuple[bytes, bool, dict[str, Leaf]]
) -> None:
    engine = engine_of(encoder_bytes, lstm)
    images = pictures(11)
    expected = np.asarray(encoder(images, training=False))
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(engine.encode(images), expected, atol=1e-4)


def test_an_int8_encoder_is_close(encoder: keras.Model, lstm: tuple[bytes, bool, dict[str, Leaf]]) -> None:
    small = export_encoder(encoder, calibration=pictures(60, seed=1))
    engine = engine_of(small, lstm)
    images = pictures(11)
    expected = np.asarray(encoder(images, training=False))
    got = engine.encode(images)
    assert 1e-5 < np.abs(got - expected).mean() < 0.05 * np.abs(expected).mean()
    with pytest.raises(UsageError, match="calibration"):
        export_encoder(encoder, calibration=[])


@pytest.mark.parametrize(("precision", "share", "error"), [("int8", 0.5, 0.1), ("float16", 0.7, 0.005)])
def test_a_smaller_decoder_is_close(
    encoder: keras.Model, tmp_path: Path, precision: str, share: float, error: float
) -> None:
    tokenizer, config = tiny_tokenizer(), DecoderConfig(units=64, embedding=64)
    decoder = build_decoder(config, vocabulary=len(tokenizer), positions=P, depth=D, seed=5)
    whole, _, _ = export_decoder(decoder, positions=P, depth=D)
    small = export_bundle(
        tmp_path / "model.captionkit",
        CaptionModel(encoder, decoder),
        tokenizer,
        name="",
        licences={},
        decoding=tiny_decoding(),
        card="",
        int8_decoder=precision == "int8",
        float16_decoder=precision == "float16",
    )
    assert small.manifest.network.precision == {"encoder": "float32", "decoder": precision}
    assert len(small.decoder) < share * len(whole)
    engine = Engine(small.manifest.network, small.encoder, small.decoder, threads=1)
    features = np.random.default_rng(0).normal(size=(3, P, D)).astype(np.float32)
    ids = np.array([1, 5, 9], np.int32)
    expected = np.asarray(decoder.step(decoder.start(features), ids)[0])
    got, _, _ = engine.step(engine.start(features), ids)
    assert 1e-6 < np.abs(got - expected).max() < error * np.abs(expected).max()


def test_a_bundle_holds_the_weights_it_was_exported_from(encoder: keras.Model, tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    decoder = build_decoder(DecoderConfig(units=8, embedding=8), vocabulary=len(tokenizer), positions=P, depth=D)
    model = CaptionModel(encoder, decoder)
    path = tmp_path / "model.captionkit"
    config = parse_config("", ["training.epochs=3"])
    written = export_bundle(
        path,
        model,
        tokenizer,
        name="tested",
        licences={"weights": "CC0-1.0"},
        decoding=tiny_decoding(),
        card="# Card",
        config=config,
        keep_weights=True,
    )
    read = read_bundle(path)
    assert read == written
    assert parse_config(read.config or "") == config
    assert read.weights is not None
    from safetensors.numpy import load

    weights = load(read.weights)
    for name, value in model.weights().items():
        np.testing.assert_array_equal(weights[name], value)
    assert json.loads(json.dumps(read.manifest.to_document()))["network"]["precision"]["encoder"] == "float32"


def test_a_model_without_an_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="encoder"):
        export_bundle(
            tmp_path / "b",
            CaptionModel(None, make_decoder("lstm")),
            tiny_tokenizer(),
            name="",
            licences={},
            decoding=tiny_decoding(),
            card="",
        )


def test_a_tokenizer_of_another_vocabulary_is_refused(encoder: keras.Model, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"of 30 words, but got one of 5\."):
        export_bundle(
            tmp_path / "b",
            CaptionModel(encoder, make_decoder("lstm")),
            Tokenizer(["dog"]),
            name="",
            licences={},
            decoding=tiny_decoding(),
            card="",
        )


def test_an_encoder_for_pictures_of_any_size_is_refused() -> None:
    images = keras.Input((None, None, 3), dtype="uint8")
    with pytest.raises(UsageError, match="pictures of one size"):
        export_encoder(keras.Model(images, keras.layers.Rescaling(1.0)(images)))


def test_an_encoder_alone_under_litert(encoder: keras.Model) -> None:
    keras.utils.set_random_seed(9)
    drawn = tf.random.uniform([4]).numpy()
    keras.utils.set_random_seed(9)
    engine = to_litert(encoder)
    assert np.array_equal(tf.random.uniform([4]).numpy(), drawn)  # a run that converts draws what others draw
    some = pictures(5)
    np.testing.assert_allclose(engine.encode(some), encoder(some, training=False).numpy(), rtol=1e-4, atol=1e-4)
    assert engine.encode(some[:0]).shape == (0, P, D)
    with pytest.raises(UsageError, match=r"uint8 \[B, 24, 24, 3\]"):
        engine.encode(some[:, :12])


def test_without_room_for_temporary_files_an_export_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise tf.errors.ResourceExhaustedError(None, None, "variables; No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(tf.saved_model, "save", full)
        with pytest.raises(
            TrainingError, match=r"No space left on device\); free some, or name another .* TMPDIR"
        ):
            export_encoder(make_encoder())

    def none() -> None:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", none)
    with pytest.raises(TrainingError, match="No usable temporary directory found"):
        export_encoder(make_encoder())
