"""Small real pictures for the tests of this folder."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from captionkit.records import ImageRecord


def jpeg(seed: int, size: tuple[int, int] = (24, 16)) -> bytes:
    """A JPEG of noise; another seed, other bytes."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


def record(root: Path, name: str, split: str | None = "train", caption: str = "A dog .") -> ImageRecord:
    """A record whose id is its file name."""
    return ImageRecord(name, root / name, (caption,), split, f"captions.txt:{name}")
