"""Pictures that look like something: smooth blobs, so that perceptual hashes have work to do."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from captionkit.records import ImageRecord

CAPTIONS = (
    "A dog runs .",
    "A brown dog is running .",
    "The dog runs fast .",
    "One dog outside .",
    "Dog on grass .",
)


def scene(seed: int, size: tuple[int, int] = (160, 120)) -> Image.Image:
    """A picture of smooth random shapes; another seed, another picture."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def record(
    root: Path, name: str, split: str | None, captions: Sequence[str] = CAPTIONS, data: bytes | None = None
) -> ImageRecord:
    """A record; with `data` its file is written too. Captions get the name's digits, so that none are shared."""
    if data is not None:
        (root / name).write_bytes(data)
    return ImageRecord(name, root / name, tuple(captions), split, f"captions:{name}")
