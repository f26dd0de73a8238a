"""Training speed: image-major steps against the same model fed in the ways that other projects feed it.

Four steps of the same decoder, the same optimiser and the same captions take turns:

- image-major: cached features of B pictures, each serving its C captions;
- repeated: every picture's features repeated C times, one caption a row;
- cnn: image-major, but the CNN runs in the step, as in the image captioning example of keras.io;
- trained: image-major, and the later half of the CNN is trained too.

Run with TF_ENABLE_ONEDNN_OPTS=0 and =1 it shows what oneDNN's kernels bring on a processor.

Usage: python benchmarks/training.py [--decoder multihead_lstm] [--encoder vgg16] [--json FILE]
Random features, pixels and captions of Flickr8k's lengths: the work does not depend on their values.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import captionkit.before_tensorflow  # noqa: F401

# isort: split
import keras
import numpy as np
import tensorflow as tf

from captionkit.config import DecoderConfig, EncoderConfig, TrainingConfig
from captionkit.modeling.caption_model import CaptionModel
from captionkit.modeling.decoders import DECODERS, build_decoder
from captionkit.modeling.encoders import ENCODERS, build_encoder
from captionkit.training.cross_entropy import CrossEntropy
from captionkit.training.input_pipeline import Batch
from captionkit.training.optimizer import Descent

PICTURES, CAPTIONS, LENGTH, VOCABULARY = 16, 5, 21, 2929


def make_batch(rng: np.random.Generator, positions: int, depth: int) -> Batch:
    """Features and captions of Flickr8k's size: 7 to 16 words, then eos."""
    ids = np.zeros((PICTURES, CAPTIONS, LENGTH), np.int32)
    for row in ids.reshape(-1, LENGTH):
        words = rng.integers(7, 17)
        row[:words] = rng.integers(4, VOCABULARY, words)
        row[words] = 2
    features = rng.random((PICTURES, positions, depth)).astype(np.float16)
    return Batch(np.arange(PICTURES), features, ids)


class Frozen(CaptionModel):
    """A model whose encoder runs at every step and learns nothing."""

    def encode(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """As `CaptionModel.encode`."""
        return tf.stop_gradient(super().encode(inputs))


def make_step(
    kind: str,
    positions: int,
    depth: int,
    low: bool,
    encoder: keras.Model | None = None,
    model: type[CaptionModel] = CaptionModel,
    more: Sequence[keras.Variable] = (),
) -> CrossEntropy:
    """A fresh decoder behind an encoder, or none, with the step that trains it and `more` variables."""
    config = TrainingConfig()
    sizes = DecoderConfig(kind=kind, bfloat16=low)
    decoder = build_decoder(sizes, vocabulary=VOCABULARY, positions=positions, depth=depth)
    descent = Descent(config, [*decoder.trainable_variables, *more])
    return CrossEntropy(config, model(encoder, decoder), descent)


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--decoder", choices=DECODERS, action="append", help="default: all")
    parser.add_argument("--encoder", choices=ENCODERS, default="efficientnet_lite2")
    parser.add_argument(
        "--bfloat16", action="store_true", help="the decoder's products, as recipes for such CPUs do"
    )
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    encoder = build_encoder(EncoderConfig(name=arguments.encoder, weights="none", trainable=True, frozen=0.5))
    size = encoder.input_shape[1]
    _, positions, depth = encoder.output_shape
    major = make_batch(rng, positions, depth)
    repeated = Batch(
        np.repeat(major.rows, CAPTIONS),
        np.repeat(major.inputs, CAPTIONS, axis=0),
        major.ids.reshape(-1, 1, LENGTH),
    )
    pixels = Batch(major.rows, rng.integers(0, 256, (PICTURES, size, size, 3), np.uint8), major.ids)

    results: dict[str, object] = {"encoder": arguments.encoder, "bfloat16": arguments.bfloat16}
    for kind in arguments.decoder or DECODERS:
        shape = (kind, positions, depth, arguments.bfloat16)
        ways: dict[str, tuple[Callable[[Batch, float], object], Batch]] = {
            "image-major": (make_step(*shape), major),
            "repeated": (make_step(*shape), repeated),
            "cnn": (make_step(*shape, encoder, Frozen), pixels),
            "trained": (make_step(*shape, encoder, more=encoder.trainable_variables), pixels),
        }
        times: dict[str, list[float]] = {way: [] for way in ways}
        for turn in range(arguments.steps + 1):  # in turn, so that a slow spell of the machine hits all
            for way, (step, batch) in ways.items():
                began = time.perf_counter()
                step(batch, 1e-4)
                if turn:  # the first compiles
                    times[way].append(time.perf_counter() - began)
        speed = {way: PICTURES * CAPTIONS / statistics.median(seconds) for way, seconds in times.items()}
        results[kind] = {
            "captions_per_second": {way: round(value, 1) for way, value in speed.items()},
            "image-major / repeated": round(speed["image-major"] / speed["repeated"], 2),
            "image-major / cnn": round(speed["image-major"] / speed["cnn"], 2),
        }
        print(kind, json.dumps(results[kind]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
