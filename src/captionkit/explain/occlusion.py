"""How much each word of a caption rests on each place of the picture: cover the place and look.

Source: Zeiler and Fergus 2014, "Visualizing and understanding convolutional networks", section 4.2, there for
classes; here the words of a given caption, each after the words before it (teacher forcing).

Letters: B pictures, S side of the network's picture, G cells a side, L caption length, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from captionkit.decoding import teacher_forced
from captionkit.engine import Engine, Floats
from captionkit.images import Pixels

CELLS = 7
# Side of the covering square, in cells: neighbours overlap, so that an edge between cells hides nothing.
COVER = 2.0


def occlusion(engine: Engine, pixels: Pixels, ids: Sequence[int]) -> Floats:
    """What each word loses when a place of the picture is covered with the picture's mean colour.

    Args:
        pixels: uint8 [S, S, 3], as the encoder takes it.
        ids: the caption's L words.

    Returns:
        float32 [L, G, G] in nats, G being `CELLS`: log p(word | picture) - log p(word | covered picture).
        Positive where the place speaks for the word, negative where it speaks against it.
    """
    pictures = np.concatenate([pixels[None], covered(pixels)])
    if not ids:
        return np.zeros((0, CELLS, CELLS), np.float32)
    # Only the caption's own words are kept of each step: [B, L, V] of fifty pictures would be large.
    steps = teacher_forced(engine.start, engine.step, engine.encode(pictures), ids)
    logs = np.stack([expected[:, word] for expected, word in zip(steps, ids, strict=True)])  # [L, 1 + G * G]
    drop: Floats = (logs[:, :1] - logs[:, 1:]).reshape(len(ids), CELLS, CELLS)
    return drop


def covered(pixels: Pixels) -> Pixels:
    """uint8 [G * G, S, S, 3]: the picture with one place after another covered, row by row."""
    colour = np.rint(pixels.mean(axis=(0, 1))).astype(np.uint8)
    pictures = np.repeat(pixels[None], CELLS * CELLS, axis=0)
    side = len(pixels) / CELLS
    for place, picture in enumerate(pictures):
        top, left = (
            slice(max(0, round((at + 0.5 - COVER / 2) * side)), round((at + 0.5 + COVER / 2) * side))
            for at in divmod(place, CELLS)
        )
        picture[top, left] = colour
    return pictures
