"""What a picture's own pixels say: its size, and whether it is a drawing (chart, diagram, text) or a photograph.

A caption model that learned from photographs says nothing true of a chart or a page of text. Photographs carry
noise and shading everywhere; drawings have few colours and flat areas with hard edges. Four numbers tell most
of them apart (`docs/alt-text.md` has what that gives on real photographs and drawn charts):

    flat      share of horizontal neighbours that differ by at most 2 of 255 in every channel
    hard      share of horizontal neighbours that differ by more than 64 in some channel
    top1      share of pixels in the commonest of 4,096 colours (4 bits a channel)
    top8      share of pixels in the 8 commonest
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from captionkit.errors import ImageError
from captionkit.images import read_image

CROP = 640  # the middle of a large picture is enough, and shrinking would blur the edges


@dataclass(frozen=True, slots=True)
class Appearance:
    """What was seen: `width` and `height` in pixels (0 for a vector drawing), and whether it is a drawing."""

    width: int
    height: int
    drawing: bool
    vector: bool = False


def look(content: Path | bytes) -> Appearance:
    """Look at a picture.

    Args:
        content: a file or its bytes.

    Raises:
        ImageError: it cannot be read as a picture.
    """
    if is_vector(content):
        return Appearance(0, 0, drawing=True, vector=True)
    pixels = read_image(content)
    height, width, _ = pixels.shape
    return Appearance(width, height, drawing=is_drawing(pixels))


def is_vector(content: Path | bytes) -> bool:
    """Whether the content is SVG: XML (or the name .svg) whose beginning holds an `<svg` tag."""
    if isinstance(content, Path):
        if content.suffix.lower() == ".svg":
            return True
        try:
            with content.open("rb") as handle:
                head = handle.read(4096)
        except OSError as error:
            raise ImageError(
                f"Expected a picture at {content}, but it cannot be read ({error.strerror or error})."
            ) from None
    else:
        head = content[:4096]
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return head.startswith(b"<") and b"<svg" in head


def measure(pixels: npt.NDArray[np.uint8]) -> tuple[float, float, float, float]:
    """`flat`, `hard`, `top1` and `top8` of uint8 [H, W, 3]; see the head of this module."""
    height, width, _ = pixels.shape
    top, left = max(0, (height - CROP) // 2), max(0, (width - CROP) // 2)
    part = pixels[top : top + CROP, left : left + CROP].astype(np.int16)
    step = np.abs(np.diff(part, axis=1)).max(axis=2)
    if not step.size:
        return 1.0, 0.0, 1.0, 1.0
    colours = part >> 4
    codes = (colours[..., 0] << 8) | (colours[..., 1] << 4) | colours[..., 2]
    counts = np.sort(np.bincount(codes.ravel()))[::-1]
    shares = counts / codes.size
    return float((step <= 2).mean()), float((step > 64).mean()), float(shares[0]), float(shares[:8].sum())


def is_drawing(pixels: npt.NDArray[np.uint8]) -> bool:
    """Whether uint8 [H, W, 3] looks like a chart, a diagram or text rather than a photograph."""
    flat, hard, top1, top8 = measure(pixels)
    text = hard >= 0.06 and top1 >= 0.34 and top8 >= 0.75  # words on one ground, JPEG's ripples around them
    return text or flat >= 0.85 or (top8 >= 0.85 and flat + hard >= 0.5)
