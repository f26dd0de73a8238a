"""Other views of a picture that its captions are still true of. A function of (seed, step), so a run can resume.

Letters: B images, S side in pixels.
"""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt
from PIL import Image

from captionkit.images import Pixels

MIN_CROP = 0.75  # of the side: what a caption speaks of seldom lies at the very edge
BRIGHTNESS = CONTRAST = SATURATION = 0.15

Real = npt.NDArray[np.floating]


def augment(pixels: Pixels, mirrorable: npt.NDArray[np.bool_], rng: np.random.Generator) -> Pixels:
    """A random crop, mirroring where that is harmless, and small changes of light and colour.

    Pixels uint8 [B, S, S, 3] -> the same; `mirrorable` bool [B], see `captionkit.text.mirrored`.
    """
    out = np.empty_like(pixels)
    for index, picture in enumerate(pixels):
        view = _crop(picture, rng)
        if mirrorable[index] and rng.random() < 0.5:
            view = view[:, ::-1]
        out[index] = _light(view, rng)
    return out


def is_mirrored(number: int) -> bool:
    """Whether a view of that number is mirrored: every odd one is."""
    return number % 2 == 1


def numbered_view(pixels: Pixels, number: int) -> Pixels:
    """The view of a number, always the same of a picture: 0 is the picture itself, odd ones are mirrored.

    Pixels uint8 [B, S, S, 3] -> the same.
    """
    if number == 0:
        return pixels
    out = np.empty_like(pixels)
    for index, picture in enumerate(pixels):
        # Not its place in the batch: features that are computed in other batches must be the same.
        rng = np.random.default_rng((number, zlib.crc32(picture.tobytes())))
        view = _crop(picture, rng)
        out[index] = _light(view[:, ::-1] if is_mirrored(number) else view, rng)
    return out


def _crop(picture: Pixels, rng: np.random.Generator) -> Real:
    size = picture.shape[0]
    scale = rng.uniform(MIN_CROP, 1.0, size=2) * size
    left, top = rng.uniform(0.0, 1.0, size=2) * (size - scale)
    box = (left, top, left + scale[0], top + scale[1])
    return np.asarray(
        Image.fromarray(picture).resize((size, size), Image.Resampling.BILINEAR, box=box), np.float32
    )


def _light(view: Real, rng: np.random.Generator) -> Real:
    brightness, contrast, saturation = 1.0 + rng.uniform(-1, 1, 3) * (BRIGHTNESS, CONTRAST, SATURATION)
    grey = view.mean(axis=2, keepdims=True)
    view = grey + saturation * (view - grey)
    mean = float(view.mean())
    lit: Real = np.clip(np.rint(brightness * (mean + contrast * (view - mean))), 0, 255)
    return lit
