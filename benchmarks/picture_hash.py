"""How well perceptual hashes tell copies from other pictures, as JSON; the figures of docs/audit.md.

    python benchmarks/picture_hash.py IMAGES [--every 40]

IMAGES is a folder of photographs, such as Flickr8k's. Copies are made of every 40th picture; all pairs of
different files are compared.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from captionkit.audit.picture_hash import (
    NEAR_BITS,
    NEAR_CORRELATION,
    SAME_BITS,
    SAME_CORRELATION,
    PictureHash,
    hash_bytes,
    hash_pictures,
    likeness,
    near_pairs,
)

Change = Callable[[Image.Image], Image.Image]


def scaled(factor: float) -> Change:
    return lambda image: image.resize((round(image.width * factor), round(image.height * factor)))


def cropped(share: float) -> Change:
    def change(image: Image.Image) -> Image.Image:
        x, y = round(image.width * share), round(image.height * share)
        return image.crop((x, y, image.width - x, image.height - y))

    return change


def bordered(image: Image.Image) -> Image.Image:
    frame = Image.new("RGB", (image.width + 10, image.height + 10), "white")
    frame.paste(image, (5, 5))
    return frame


CHANGES: dict[str, tuple[Change, int]] = {
    "JPEG quality 30": (lambda image: image, 30),
    "half": (scaled(0.5), 80),
    "quarter": (scaled(0.25), 80),
    "double": (scaled(2), 80),
    "squashed to 3:2": (lambda image: image.resize((300, 200)), 80),
    "grey": (lambda image: image.convert("L"), 80),
    "brightness 0.7": (lambda image: ImageEnhance.Brightness(image).enhance(0.7), 80),
    "brightness 1.3": (lambda image: ImageEnhance.Brightness(image).enhance(1.3), 80),
    "contrast 1.4": (lambda image: ImageEnhance.Contrast(image).enhance(1.4), 80),
    "crop 3 %": (cropped(0.03), 80),
    "crop 6 %": (cropped(0.06), 80),
    "white border": (bordered, 80),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path)
    parser.add_argument("--every", type=int, default=40)
    options = parser.parse_args()
    paths = sorted(options.images.glob("*.jpg"))
    start = time.process_time()
    hashes = [entry for entry in hash_pictures(paths) if isinstance(entry, PictureHash)]
    per_picture = (time.process_time() - start) / len(paths)

    copies = {}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.jpg"
        for name, (change, quality) in CHANGES.items():
            likenesses = []
            for path, original in list(zip(paths, hashes, strict=True))[:: options.every]:
                change(Image.open(path).convert("RGB")).save(copy, quality=quality)
                likenesses.append(likeness(original, hash_bytes(copy.read_bytes())))
            bits, correlation = (np.array(column) for column in zip(*likenesses, strict=True))
            copies[name] = {
                "same": float(((bits <= SAME_BITS) & (correlation >= SAME_CORRELATION)).mean()),
                "near": float(((bits <= NEAR_BITS) & (correlation >= NEAR_CORRELATION)).mean()),
                "bits_largest": int(bits.max()),
                "correlation_least": round(float(correlation.min()), 3),
            }
    start = time.process_time()
    pairs = [pair for pair in near_pairs(hashes) if hashes[pair[0]].digest != hashes[pair[1]].digest]
    searched = time.process_time() - start
    report = {
        "pictures": len(paths),
        "milliseconds_a_picture": round(1000 * per_picture, 2),
        "seconds_to_compare_all": round(searched, 2),
        "copies_found": copies,
        "different_files_that_look_alike": [[paths[one].name, paths[other].name] for one, other in pairs],
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
