"""An encoder and a decoder together."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from captionkit.config import DecoderConfig
from captionkit.errors import TrainingError
from captionkit.modeling.caption_model import CaptionModel
from captionkit.modeling.decoders import build_decoder


def make(seed: int = 0, units: int = 8) -> CaptionModel:
    images = keras.Input((8, 8, 3), dtype="uint8", name="image")
    grid = keras.layers.Conv2D(5, 4, strides=4, name="conv")(keras.ops.cast(images, "float32"))
    encoder = keras.Model(images, keras.layers.Reshape((4, 5), name="grid")(grid), name="encoder")
    config = DecoderConfig(units=units, embedding=6)
    return CaptionModel(encoder, build_decoder(config, vocabulary=9, positions=4, depth=5, seed=seed))


def test_weights_round_trip_to_another_model() -> None:
    first, second = make(seed=1), make(seed=2)
    images = np.random.default_rng(0).integers(0, 255, (2, 8, 8, 3), np.uint8)
    ids = np.ones((2, 1, 3), np.int32)
    second.load_weights(first.weights())
    np.testing.assert_array_equal(
        first.decoder(first.encode(images), ids).numpy(), second.decoder(second.encode(images), ids).numpy()
    )


def test_of_a_file_with_both_networks_one_can_be_taken() -> None:
    first, second = make(seed=1), make(seed=2)
    before, given = second.weights(), first.weights()
    second.load_weights(given, parts=("decoder",))
    for name, value in second.weights().items():
        expected = given if name.startswith("decoder/") else before
        np.testing.assert_array_equal(value, expected[name])


def test_two_variables_of_one_name_are_not_taken_for_one() -> None:
    model = make()
    model.decoder.embedding._path = model.decoder.output_bias.path
    with pytest.raises(TrainingError, match="Two variables of the model are called decoder/output_bias"):
        model.weights()


def test_weights_of_another_model_are_refused_and_nothing_is_set() -> None:
    model, other = make(), make(units=16)
    before = model.weights()
    with pytest.raises(TrainingError, match="shape"):
        model.load_weights(other.weights())
    with pytest.raises(TrainingError, match=r"and 1 are unknown \(decoder/more\)"):
        model.load_weights({**before, "decoder/more": np.ones(1)})
    with pytest.raises(TrainingError, match="1 are missing"):
        model.load_weights({k: v for k, v in before.items() if not k.endswith("output_bias")})
    for name, value in model.weights().items():
        np.testing.assert_array_equal(value, before[name])


def test_a_model_without_an_encoder_reads_features() -> None:
    features = np.ones((1, 4, 5), np.float16)
    assert CaptionModel(None, make().decoder).encode(features).numpy().tolist() == features.tolist()


def test_names_do_not_depend_on_the_models_that_were_built_before() -> None:
    def build() -> CaptionModel:
        images = keras.Input((8, 8, 3), name="image")
        grid = keras.layers.Dropout(0.5)(keras.layers.Conv2D(5, 4, strides=4)(images))
        encoder = keras.Model(images, keras.layers.Reshape((4, 5))(grid))
        return CaptionModel(encoder, make().decoder)

    first, second = build(), build()
    assert list(first.variables()) == list(second.variables())
    assert not [name for name in first.weights() if "seed_generator" in name]
    images = np.ones((1, 8, 8, 3), np.float32)
    kept, dropped = (first.encode(images, training=training).numpy() for training in (False, True))
    np.testing.assert_array_equal(kept, first.encode(images).numpy())
    assert np.any(kept != dropped)
    second.load_weights(first.weights())
