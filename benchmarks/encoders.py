"""The table of docs/encoders.md: size, cost and relative speed of every encoder.

    python benchmarks/encoders.py [--json FILE]

Parameters and multiply-adds are counted. Speed is pictures by CPU second (all cores together) under a TensorFlow
graph, all encoders in turn, relative to VGG16 in the same run: CPU seconds vary less than the clock where other
programs run too. Weights are random: they do not change the cost.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from captionkit.config import EncoderConfig
from captionkit.modeling.encoders import ENCODERS, build_encoder

BATCH, ROUNDS = 4, 3


def multiply_adds(encoder: keras.Model) -> int:
    """Of all convolutions and dense layers, for one picture."""
    total = 0
    for layer in encoder.get_layer("backbone")._flatten_layers(include_self=False, recursive=True):
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.Dense)):
            positions = math.prod(layer.output.shape[1:-1])
            total += positions * math.prod(layer.kernel.shape)
    return total


def graph(encoder: keras.Model) -> Any:
    """The encoder as one graph of a fixed batch size, as the feature cache runs it."""
    specification = tf.TensorSpec((BATCH, *encoder.input_shape[1:]), tf.uint8)
    return tf.function(lambda images: encoder(images, training=False), input_signature=[specification])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the numbers here")
    arguments = parser.parse_args()
    rows: dict[str, dict[str, Any]] = {}
    runs = {}
    for name in ENCODERS:
        encoder = build_encoder(EncoderConfig(name=name, weights="none"))
        side = encoder.input_shape[1]
        positions, depth = encoder.output_shape[1:]
        rows[name] = {
            "input": side,
            "grid": math.isqrt(positions),
            "depth": depth,
            "parameters": encoder.count_params(),
            "multiply_adds": multiply_adds(encoder),
        }
        images = np.random.default_rng(0).integers(0, 256, (BATCH, side, side, 3), dtype=np.uint8)
        runs[name] = (graph(encoder), images)
        runs[name][0](images)
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, (run, images) in runs.items():
            began = time.process_time()
            run(images).numpy()
            seconds[name].append(time.process_time() - began)
    slowest = statistics.median(seconds["vgg16"])
    print("| encoder | input | grid | depth | parameters, M | multiply-adds, G | speed, VGG16 = 1 |")
    print("|---|---|---|---|---|---|---|")
    for name, row in rows.items():
        row["speed"] = slowest / statistics.median(seconds[name])
        print(
            f"| `{name}` | {row['input']} | {row['grid']}x{row['grid']} | {row['depth']} "
            f"| {row['parameters'] / 1e6:.1f} | {row['multiply_adds'] / 1e9:.2f} | {row['speed']:.1f} |"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
