"""Weights get into the right variables or nowhere; where they are looked for."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py  # type: ignore[import-untyped]
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format
from safetensors.numpy import load, save_file

from captionkit.config import EncoderConfig
from captionkit.errors import WeightsError
from captionkit.modeling import weights as weight_files
from captionkit.modeling.encoders import ENCODERS, build_encoder, encoder_fingerprint
from captionkit.modeling.weights import (
    assign,
    encoder_weights,
    find_weights,
    hash_weights,
    load_weights,
    pack_weights,
    variable_names,
)

# Keras 3.15 itself, as it saves weights under numpy 2.4.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CONSTRUCTORS = {
    "vgg16": "vgg16.VGG16",
    "vgg19": "vgg19.VGG19",
    "resnet50": "resnet.ResNet50",
    "resnet101": "resnet.ResNet101",
    "inception_v3": "inception_v3.InceptionV3",
    "mobilenet_v3_small": "mobilenet_v3.MobileNetV3Small",
    "mobilenet_v3_large": "mobilenet_v3.MobileNetV3Large",
    "efficientnet_b0": "efficientnet.EfficientNetB0",
    "efficientnet_b1": "efficientnet.EfficientNetB1",
    "efficientnet_b2": "efficientnet.EfficientNetB2",
    "efficientnet_b3": "efficientnet.EfficientNetB3",
    "efficientnet_v2_s": "efficientnet_v2.EfficientNetV2S",
    "convnext_tiny": "convnext.ConvNeXtTiny",
}
QUICK = ("vgg16",)


def values(variable: Any) -> np.ndarray:
    array: np.ndarray = variable.value.numpy()
    return array


def small(seed: int = 1) -> keras.Model:
    """Two unnamed convolutions and a BatchNorm, as Inception has them."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3)(inputs)
    x = keras.layers.BatchNormalization()(x)
    return keras.Model(inputs, keras.layers.Conv2D(5, 3)(x))


def arrays(model: keras.Model) -> dict[str, np.ndarray]:
    return {name: values(v) for name, v in zip(variable_names(model), model.weights, strict=True)}


def test_names_do_not_depend_on_what_was_built_before() -> None:
    first, second = small(), small()
    assert [v.path for v in first.variables] != [v.path for v in second.variables]
    assert variable_names(first) == variable_names(second)
    assert variable_names(first)[0] == "conv2d/kernel"
    assert "conv2d_1/bias" in variable_names(second)
    paths = ("conv2d_8/kernel", "conv2d_7/bias", "conv2d_16/bias")
    late = SimpleNamespace(variables=[SimpleNamespace(path=path) for path in paths])
    assert variable_names(late) == ["conv2d_1/kernel", "conv2d/bias", "conv2d_2/bias"]


def test_the_hash_sees_every_value() -> None:
    assert hash_weights(small()) == hash_weights(small())
    assert hash_weights(small()) != hash_weights(small(2))
    changed = small()
    hashes = {hash_weights(changed)}
    for variable in changed.variables:
        array = values(variable)
        array.flat[-1] = np.nextafter(array.flat[-1], np.float32(9))
        variable.assign(array)
        hashes.add(hash_weights(changed))
    assert len(hashes) == 1 + len(changed.variables)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".weights.h5"])
def test_a_round_trip_through_every_kind_of_file(suffix: str, tmp_path: Path) -> None:
    source, target = small(1), small(2)
    path = tmp_path / f"some{suffix}"
    match suffix:
        case ".npz":
            np.savez(path, **arrays(source))  # type: ignore[arg-type]
        case ".safetensors":
            save_file(arrays(source), path)
        case _:
            source.save_weights(path)
    load_weights(target, path)
    assert hash_weights(target) == hash_weights(source)


def test_a_transposed_array_is_packed_as_it_is() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3).T
    np.testing.assert_array_equal(load(pack_weights({"a": array}))["a"], array)


def test_the_weights_of_an_encoder_with_dropout_are_kept_without_its_random_states(tmp_path: Path) -> None:
    def build(seed: int) -> keras.Model:
        keras.utils.set_random_seed(seed)
        inputs = keras.Input((4, 4, 3))
        return keras.Model(inputs, keras.layers.Conv2D(5, 3)(keras.layers.Dropout(0.5)(inputs)))

    source, target = build(1), build(2)
    save_file(encoder_weights(source), tmp_path / "encoder.safetensors")
    load_weights(target, tmp_path / "encoder.safetensors")
    assert hash_weights(target) == hash_weights(source)


def test_weights_that_do_not_fit_are_refused_and_nothing_is_set(tmp_path: Path) -> None:
    model = small()
    before = hash_weights(model)
    good = arrays(small(2))

    def refused(wrong: dict[str, np.ndarray], message: str) -> None:
        with pytest.raises(WeightsError, match=message):
            assign(model, wrong, tmp_path / "w.npz")
        assert hash_weights(model) == before

    refused({k: v for k, v in good.items() if k != "conv2d_1/bias"}, "there is no 'conv2d_1/bias'")
    refused({**good, "dense/kernel": np.ones(3, np.float32)}, "there is 'dense/kernel' too")
    refused({**good, "conv2d_1/bias": np.ones(6, np.float32)}, r"\[6\] instead of \[5\]")
    refused({**good, "conv2d_1/bias": np.full(5, np.inf, np.float32)}, "not made of finite numbers")
    refused({**good, "conv2d_1/bias": np.ones(5, np.int64)}, "not made of finite numbers")


def test_files_that_are_missing_damaged_or_of_another_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = small()
    with pytest.raises(WeightsError, match="there is none"):
        load_weights(model, tmp_path / "nowhere.npz")
    for suffix in (".npz", ".safetensors", ".h5", ".pth", ".pt"):
        path = tmp_path / f"bad{suffix}"
        path.write_bytes(b"\0" * 50)
        with pytest.raises(WeightsError) as caught:
            load_weights(model, path)
        assert "\n" not in str(caught.value)
    objects = {"conv2d/kernel": np.array([{}], dtype=object)}
    np.savez(tmp_path / "object.npz", **objects)  # type: ignore[arg-type]
    with pytest.raises(WeightsError, match="plain arrays"):
        load_weights(model, tmp_path / "object.npz")
    small().save_weights(tmp_path / "other.weights.h5")
    with pytest.raises(WeightsError, match="do not fit"):
        load_weights(build_encoder(EncoderConfig("efficientnet_lite0", "none", 32)), tmp_path / "other.weights.h5")
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", bytes(1_000_000))
    monkeypatch.setattr(weight_files, "MAX_FILE_BYTES", 100_000)
    with pytest.raises(WeightsError, match="unpacks to more"):
        load_weights(model, tmp_path / "bomb.npz")
    (tmp_path / "long.safetensors").write_bytes(bytes(100_001))
    with pytest.raises(WeightsError, match="longer than the 100,000 bytes"):
        load_weights(model, tmp_path / "long.safetensors")


def test_where_weights_are_looked_for_and_in_which_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, home, data = tmp_path / "own", tmp_path / "home", tmp_path / "data"
    monkeypatch.setenv("CAPTIONKIT_WEIGHTS", str(own))
    monkeypatch.setenv("KERAS_HOME", str(home))
    monkeypatch.setenv("CAPTIONKIT_DATA", str(data))
    assert find_weights("vgg16", "vgg16.h5") is None
    for path in (
        data / "weights" / "vgg16_notop_float16.npz",
        home / "models" / "vgg16.h5",
        own / "vgg16_notop_float16.npz",
        own / "vgg16.npz",
        own / "vgg16.safetensors",
        own / "vgg16.h5",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        assert find_weights("vgg16", "vgg16.h5") == path  # each one goes before those made earlier


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in CONSTRUCTORS]
)
def test_published_weights_give_what_keras_applications_gives(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file in the published form (with made-up values), through Keras' own "imagenet" road and through ours."""
    spec = ENCODERS[name]
    module_name, constructor_name = CONSTRUCTORS[name].split(".")
    module = getattr(keras.applications, module_name)
    constructor = getattr(keras.applications, constructor_name)
    size = 96
    keras.utils.set_random_seed(5)
    source = constructor(include_top=False, weights=None, input_shape=(size, size, 3))
    generator = np.random.default_rng(5)
    for variable in source.variables:
        shape = tuple(variable.shape)
        if variable.path.endswith(("gamma", "moving_variance")) and "layer_scale" not in variable.path:
            variable.assign(generator.uniform(0.8, 1.2, shape).astype(np.float32))
        elif variable.path.endswith(("beta", "moving_mean")):
            variable.assign(generator.normal(0, 0.1, shape).astype(np.float32))
    if spec.first:  # EfficientNet B: the published files keep mean and deviation of ImageNet in this layer
        (normalization,) = (x for x in source.layers if isinstance(x, keras.layers.Normalization))
        normalization.set_weights([np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225]), np.array(0)])
    path = tmp_path / spec.weights_file
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, source)

    asked: list[str] = []

    def get_file(file_name: str, *_: object, **__: object) -> str:
        asked.append(file_name)
        return str(path)

    with monkeypatch.context() as patched:
        patched.setattr("keras.src.utils.file_utils.get_file", get_file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # MobileNetV3 has one set of weights, of 224 pixels, and says so
            reference = constructor(include_top=False, weights="imagenet", input_shape=(size, size, 3))
    assert asked == [spec.weights_file]
    end = reference.get_layer(spec.last).output if spec.last else reference.output
    pixels = np.random.default_rng(1).integers(0, 256, (2, size, size, 3), dtype=np.uint8)
    expected = keras.Model(reference.input, end)(module.preprocess_input(pixels.astype(np.float32))).numpy()

    monkeypatch.setenv("CAPTIONKIT_WEIGHTS", str(tmp_path))
    config = EncoderConfig(name=name, image_size=size)
    ours = build_encoder(config)
    features = ours(pixels).numpy()
    expected = expected.reshape(features.shape)
    assert float(np.abs(expected).max()) > 0
    assert float(np.abs(features - expected).max() / np.abs(expected).max()) < 1e-4
    by_path = build_encoder(EncoderConfig(name=name, image_size=size, weights=str(path)))
    assert encoder_fingerprint(by_path, config) == encoder_fingerprint(ours, config)


@pytest.mark.data
def test_vgg16_with_its_real_weights_equals_keras_applications(
    data_root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CAPTIONKIT_WEIGHTS", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    encoder = build_encoder(EncoderConfig(name="vgg16"))
    assert encoder.output_shape == (None, 196, 512)
    reference = keras.applications.VGG16(include_top=False, weights=None)
    with np.load(data_root / "weights" / "vgg16_notop_float16.npz") as file:
        for layer in reference.layers:
            if layer.weights:
                layer.set_weights([file[f"{layer.name}/{part}"].astype(np.float32) for part in ("kernel", "bias")])
    picture = np.random.default_rng(1).integers(0, 256, (1, 224, 224, 3), dtype=np.uint8)
    grid = keras.Model(reference.input, reference.get_layer("block5_conv3").output)
    expected = grid(keras.applications.vgg16.preprocess_input(picture.astype(np.float32))).numpy()
    features = encoder(picture).numpy()
    assert float(expected.max()) > 10
    np.testing.assert_allclose(features.reshape(expected.shape), expected, rtol=1e-4, atol=1e-4)
