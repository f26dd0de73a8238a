"""EfficientNet-Lite 0, 1 and 2: EfficientNet without squeeze-and-excitation, with ReLU6, for small machines.

Architecture: Tan and Le 2019 (EfficientNet), in the Lite form of TensorFlow's TPU models
(`efficientnet_lite_builder.py`): stem and head keep their width, first and last stage their depth. Padding is
TensorFlow's SAME, BatchNorm's epsilon 1e-3.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from captionkit.errors import WeightsError

# kernel, repeats, output channels, expansion, stride: one row a stage.
STAGES = (
    (3, 1, 16, 1, 1),
    (3, 2, 24, 6, 2),
    (5, 2, 40, 6, 2),
    (3, 3, 80, 6, 2),
    (5, 3, 112, 6, 1),
    (5, 4, 192, 6, 2),
    (3, 1, 320, 6, 1),
)
STEM_CHANNELS = 32
HEAD_CHANNELS = 1280


def efficientnet_lite(image_size: int, *, width: float, depth: float) -> keras.Model:
    """The network up to its last activation, without classifier.

    Args:
        width: channels of every stage are multiplied by this and rounded to a multiple of 8.
        depth: repeats of every stage but the first and last are multiplied by this and rounded up.

    Returns:
        float32 [B, image_size, image_size, 3], normalised as `(x - 127) / 128`, ->
        float32 [B, H, W, 1280] with H = W = ceil(image_size / 32).
    """
    inputs = keras.Input((image_size, image_size, 3), name="normalized")
    x = _conv(inputs, STEM_CHANNELS, 3, 2, "stem")
    index = 0
    for stage, (kernel, repeats, channels, expansion, stride) in enumerate(STAGES):
        inner = 0 < stage < len(STAGES) - 1
        for repeat in range(math.ceil(repeats * depth) if inner else repeats):
            x = _block(
                x,
                round_channels(channels * width),
                kernel,
                stride if repeat == 0 else 1,
                expansion,
                f"block{index}",
            )
            index += 1
    return keras.Model(inputs, _conv(x, HEAD_CHANNELS, 1, 1, "head"))


def round_channels(channels: float) -> int:
    """The nearest multiple of 8, but never more than 10 % below."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def _normalized(x: Any, name: str) -> Any:
    return keras.layers.BatchNormalization(epsilon=1e-3, momentum=0.99, name=f"{name}_bn")(x)


def _conv(x: Any, channels: int, kernel: int, stride: int, name: str) -> Any:
    conv = keras.layers.Conv2D(
        channels,
        kernel,
        stride,
        padding="same",
        use_bias=False,
        name=f"{name}_conv",
        kernel_initializer="he_normal",
    )
    return keras.layers.ReLU(6.0, name=f"{name}_relu6")(_normalized(conv(x), name))


def _block(x: Any, channels: int, kernel: int, stride: int, expansion: int, name: str) -> Any:
    """Inverted residual: expand, depthwise, project (Sandler et al. 2018, MobileNetV2)."""
    before = x
    if expansion > 1:
        x = _conv(x, x.shape[-1] * expansion, 1, 1, f"{name}_expand")
    depthwise = keras.layers.DepthwiseConv2D(
        kernel, stride, padding="same", use_bias=False, name=f"{name}_depthwise_conv"
    )
    x = keras.layers.ReLU(6.0, name=f"{name}_depthwise_relu6")(_normalized(depthwise(x), f"{name}_depthwise"))
    project = keras.layers.Conv2D(channels, 1, padding="same", use_bias=False, name=f"{name}_project_conv")
    x = _normalized(project(x), f"{name}_project")
    if stride == 1 and before.shape[-1] == channels:
        x = keras.layers.Add(name=f"{name}_add")([before, x])
    return x


_BLOCK_CONV = re.compile(r"_blocks\.(\d+)\._(expand|depthwise|project)_conv\.weight")
_BLOCK_NORM = re.compile(r"_blocks\.(\d+)\._bn([012])\.(\w+)")
_NORM_VARIABLES = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
_OUTSIDE = {"_conv_stem": "stem_conv", "_bn0": "stem_bn", "_conv_head": "head_conv", "_bn1": "head_bn"}


def from_torch(tensors: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """The PyPI packages' tensors under this network's names (`layer/variable`) and in its layouts.

    Kernels go from [out, in, height, width] to [height, width, in, out], depthwise kernels from
    [channels, 1, height, width] to [height, width, channels, 1]. The classifier is left out.

    Raises:
        WeightsError: a tensor has a name that such a file does not hold.
    """
    result: dict[str, npt.NDArray[Any]] = {}
    for name, tensor in tensors.items():
        if name.startswith("_fc.") or name.endswith("num_batches_tracked"):
            continue
        if match := _BLOCK_CONV.fullmatch(name):
            block, part = match.groups()
            order = (2, 3, 0, 1) if part == "depthwise" else (2, 3, 1, 0)
            result[f"block{block}_{part}_conv/kernel"] = np.transpose(tensor, order)
        elif match := _BLOCK_NORM.fullmatch(name):
            block, number, variable = match.groups()
            part = ("expand", "depthwise", "project")[int(number)]
            result[f"block{block}_{part}_bn/{_NORM_VARIABLES[variable]}"] = tensor
        else:
            layer, _, variable = name.partition(".")
            if layer not in _OUTSIDE:
                raise WeightsError(
                    f"Expected the weights of an EfficientNet-Lite, but there is a tensor {name!r}."
                )
            if layer.startswith("_conv"):
                result[f"{_OUTSIDE[layer]}/kernel"] = np.transpose(tensor, (2, 3, 1, 0))
            else:
                result[f"{_OUTSIDE[layer]}/{_NORM_VARIABLES[variable]}"] = tensor
    return result
