"""The classifier that an encoder's published weights come with: what it knew before it saw a caption.

The files of EfficientNet-Lite have one; those that Keras offers without their top layers have none.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from captionkit.config import EncoderConfig
from captionkit.modeling.encoders import ENCODERS
from captionkit.modeling.torch_weights import read_torch_tensors
from captionkit.modeling.weights import find_weights

Floats = npt.NDArray[np.float32]


def published(config: EncoderConfig) -> EncoderConfig:
    """The same encoder as it was before it learned anything more."""
    return dataclasses.replace(config, weights="imagenet", trainable=False, frozen=0.0)


def read_head(config: EncoderConfig) -> tuple[Floats, Floats] | None:
    """The last layer of the published network: weights float32 [D, 1000] and bias float32 [1000].

    Args:
        config: of an encoder. Where its weights are those of a run, the layer is of the weights it began with.

    Returns:
        None where the weights are random, or the published file is not on this machine or has no such layer.

    Raises:
        WeightsError: the file is damaged.
    """
    if config.weights == "none":
        return None
    spec = ENCODERS[config.name]
    path = find_weights(config.name, spec.weights_file, spec.package)
    if path is None or path.suffix != ".pth":
        return None
    tensors = read_torch_tensors(path)
    if not {"_fc.weight", "_fc.bias"} <= tensors.keys():
        return None
    return tensors["_fc.weight"].astype(np.float32).T, tensors["_fc.bias"].astype(np.float32)
