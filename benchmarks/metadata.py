"""How long descriptions take to be written into many pictures of one folder, and to be taken back.

    python benchmarks/metadata.py 400 1600

The pictures are small JPEGs made here, and nothing is captioned: what is measured is metadata, its record, and the
disk. The times should grow as the number of pictures does.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from captionkit.metadata.album import Album, undo_album
from captionkit.records import Caption, Prediction

SENTENCE = Caption("A dog runs on the grass.", (), (), 0.0, finished=True)


def main() -> None:
    for count in map(int, sys.argv[1:] or ["400"]):
        with tempfile.TemporaryDirectory() as folder:
            pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
            paths = [Path(folder, f"{number:06}.jpg") for number in range(count)]
            for path in paths:
                Image.fromarray(pixels).save(path)
            album = Album("0" * 64)
            began = time.perf_counter()
            errors = [album.write(path, Prediction(str(path), (SENTENCE,), 0.8)) for path in paths]
            written = time.perf_counter()
            errors += [one.error for one in undo_album(paths)]
            undone = time.perf_counter()
            if any(errors):
                raise SystemExit(next(filter(None, errors)))
            print(f"{count:,} pictures: written in {written - began:.1f} s, undone in {undone - written:.1f} s")


if __name__ == "__main__":
    main()
