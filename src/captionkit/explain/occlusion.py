"""How much each word of a caption rests on each place of the picture: cover the place and look.

Source: Zeiler and Fergus 2014, "Visualizing and understanding convolutional networks", section 4.2, there for
classes; here the words of a given caption, each after the words before it (teacher forcing).

Letters: B pictures, S side of the network's picture, G cells a side, L caption length, V vocabulary, P grid
positions, D feature depth.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from captionkit.decoding import StartFunction, StepFunction, log_softmax
from captionkit.decoding.hypothesis import merged
from captionkit.engine import Engine
from captionkit.tokenizer import BOS

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

CELLS = 7
COVER = (
    2.0  # sides of the covering square, in cells: neighbours overlap, so that an edge between cells hides nothing
)


def word_log_probabilities(
    start: StartFunction, step: StepFunction, features: Floats, ids: Sequence[int]
) -> Floats:
    """What a decoder thinks of every word at every place of a caption, for several pictures.

    Args:
        start, step: the decoder, see `captionkit.decoding`.
        features: float32 [B, P, D].
        ids: the caption's L words, without bos and eos.

    Returns:
        float32 [B, L, V] natural logarithms: at place l after the caption's first l words.
    """
    state = {name: np.asarray(leaf) for name, leaf in start(features).items()}
    rows = len(features)
    rounds = []
    for word in (BOS, *ids[:-1]) if ids else ():
        logits, _, changed = step(state, np.full(rows, word, np.int32))
        rounds.append(log_softmax(logits))
        state = merged(state, changed)
    return np.stack(rounds, axis=1) if rounds else np.zeros((rows, 0, 0), np.float32)


def occlusion(
    engine: Engine, pixels: Pixels, ids: Sequence[int], *, cells: int = CELLS
) -> npt.NDArray[np.float32]:
    """What each word loses when a place of the picture is covered with the picture's mean colour.

    Args:
        engine: the networks.
        pixels: uint8 [S, S, 3], as the encoder takes it.
        ids: the caption's L words.
        cells: G, places a side.

    Returns:
        float32 [L, G, G] in nats: log p(word | picture) - log p(word | covered picture). Positive where the
        place speaks for the word, negative where it speaks against it.
    """
    pictures = np.concatenate([pixels[None], covered(pixels, cells)])
    features = engine.encode(pictures)
    # Only the caption's own words are kept of each step: [B, L, V] of fifty pictures would be large.
    state = {name: np.asarray(leaf) for name, leaf in engine.start(features).items()}
    kept = []
    for before, word in zip((BOS, *ids[:-1]), ids, strict=True) if ids else ():
        logits, _, changed = engine.step(state, np.full(len(features), before, np.int32))
        kept.append(log_softmax(logits)[:, word])
        state = merged(state, changed)
    if not kept:
        return np.zeros((0, cells, cells), np.float32)
    logs = np.stack(kept)  # [L, 1 + G * G]
    drop: npt.NDArray[np.float32] = (logs[:, :1] - logs[:, 1:]).reshape(len(ids), cells, cells)
    return drop


def covered(pixels: Pixels, cells: int) -> Pixels:
    """uint8 [G * G, S, S, 3]: the picture with one place after another covered, row by row."""
    size = len(pixels)
    colour = np.rint(pixels.mean(axis=(0, 1))).astype(np.uint8)
    pictures = np.repeat(pixels[None], cells * cells, axis=0)
    side = size / cells
    for place, picture in enumerate(pictures):
        top, left = (
            slice(max(0, round((at + 0.5 - COVER / 2) * side)), round((at + 0.5 + COVER / 2) * side))
            for at in divmod(place, cells)
        )
        picture[top, left] = colour
    return pictures
