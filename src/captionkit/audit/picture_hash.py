"""Fingerprints of pictures that survive scaling, recompression and small changes, and the search for near pairs.

Two hashes of 64 bits: a DCT hash (the signs of the low frequencies about their median; Zauner 2010,
"Implementation and benchmarking of perceptual image hash functions", section 3.2) and a difference hash (is a cell
brighter than its neighbour). A pair is near where both hashes are, and where the thumbnails agree: each of the
three alone calls pictures of one kind (a dark dog on snow) the same.

Letters: N pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt

from captionkit.ahead import map_ahead
from captionkit.errors import ImageError
from captionkit.files import sha256
from captionkit.images import Pixels, read_image, read_image_bytes, resize_image

Progress = Callable[[int, int], None]

SIDE = 32  # of the picture both hashes are made of
THUMBNAIL = 16  # cells a side of the last comparison
# Measured on 7,091 photographs of Flickr8k: recompressed (quality 30), scaled (a quarter to double), squashed,
# grey, darker, brighter or steeper copies stay within SAME; of 25 million pairs of different pictures only two
# shots of one scene come within NEAR. docs/audit.md has the figures.
SAME_BITS, SAME_CORRELATION = 12, 0.95
NEAR_BITS, NEAR_CORRELATION = 16, 0.8
_TILE = (256, 4096)  # of the distance matrix, worked on at once, so that it stays in the processor's cache
_NINTHS = np.arange(10) * SIDE // 9
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
# [8, SIDE]: the rows of the DCT-II of lowest frequency.
_DCT = np.cos(np.pi * (2 * np.arange(SIDE) + 1) * np.arange(8)[:, None] / (2 * SIDE)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class PictureHash:
    """What is kept of one picture.

    Attributes:
        digest: SHA-256 of the file's bytes.
        dct, difference: hashes of 64 bits.
        thumbnail: uint8 [16, 16], brightness.
        flat: whether the picture has too little structure for a perceptual hash (one colour, a gradient).
    """

    digest: str
    dct: int
    difference: int
    thumbnail: npt.NDArray[np.uint8]
    flat: bool


def hash_bytes(data: bytes) -> PictureHash:
    """Hash the bytes of a picture file.

    Raises:
        ImageError: they cannot be read.
    """
    return hash_pixels(read_image(data, target_size=2 * SIDE), sha256(data))


def hash_pixels(pixels: Pixels, digest: str) -> PictureHash:
    """`hash_bytes` for a decoded picture [H, W, 3] and the SHA-256 of its file."""
    grey = resize_image(pixels, SIDE).astype(np.float32) @ _LUMA
    low = (_DCT @ grey @ _DCT.T).ravel()[1:]  # without the mean brightness
    rows = grey.reshape(8, SIDE // 8, SIDE).mean(axis=1)
    columns = np.add.reduceat(rows, _NINTHS[:-1], axis=1) / np.diff(_NINTHS)
    half = SIDE // THUMBNAIL
    thumbnail = grey.reshape(THUMBNAIL, half, THUMBNAIL, half).mean(axis=(1, 3)).astype(np.uint8)
    return PictureHash(
        digest=digest,
        dct=_pack(low > np.median(low)),
        difference=_pack((columns[:, 1:] > columns[:, :-1]).ravel()),
        thumbnail=thumbnail,
        flat=bool(grey.std() < 4.0),
    )


def _pack(bits: npt.NDArray[np.bool_]) -> int:
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def hash_pictures(
    paths: Sequence[Path], *, workers: int = 2, progress: Progress = lambda done, total: None
) -> Iterator[PictureHash | ImageError]:
    """Hash many pictures in their order; a picture that cannot be read gives its error.

    Args:
        workers: threads; decoding leaves the interpreter lock.
        progress: called after every picture with those done and all.
    """

    def one(path: Path) -> PictureHash | ImageError:
        try:
            return hash_bytes(read_image_bytes(path))
        except ImageError as error:
            return error

    for done, found in enumerate(map_ahead(one, paths, threads=workers, ahead=8 * workers), start=1):
        yield found
        progress(done, len(paths))


def near_pairs(hashes: Sequence[PictureHash], bits: int = NEAR_BITS) -> Iterator[tuple[int, int]]:
    """All pairs of places with pictures that look the same, the lower place first.

    Every pair is compared: for distances of this size an index by parts of the hash would visit nearly as many,
    and 64-bit words are compared at hundreds of millions a second.

    Args:
        hashes: N pictures.
        bits: the largest number of differing bits, of 64, in either hash.
    """
    dct, difference = (
        np.array([getattr(entry, name) for entry in hashes], np.uint64) for name in ("dct", "difference")
    )
    flat = np.array([entry.flat for entry in hashes], np.bool_)
    tiles = product(range(0, len(hashes), _TILE[0]), range(0, len(hashes), _TILE[1]))
    for row, column in tiles:
        if column + _TILE[1] <= row:
            continue  # below the diagonal
        rows, columns = dct[row : row + _TILE[0]], dct[column : column + _TILE[1]]
        place = np.flatnonzero(np.bitwise_count(rows[:, None] ^ columns) <= bits)
        one, other = place // len(columns) + row, place % len(columns) + column
        wanted = (one < other) & ~flat[one] & ~flat[other]
        one, other = one[wanted], other[wanted]
        close = np.bitwise_count(difference[one] ^ difference[other]) <= bits
        for first, second in zip(one[close].tolist(), other[close].tolist(), strict=True):
            if _correlation(hashes[first].thumbnail, hashes[second].thumbnail) >= NEAR_CORRELATION:
                yield first, second


def likeness(one: PictureHash, other: PictureHash) -> tuple[int, float]:
    """The larger of the two hash distances in bits, and the correlation of the thumbnails."""
    bits = max((one.dct ^ other.dct).bit_count(), (one.difference ^ other.difference).bit_count())
    return bits, _correlation(one.thumbnail, other.thumbnail)


def _correlation(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> float:
    """Of the cells of two thumbnails, about their means: brightness and contrast do not count."""
    a, b = (thumbnail.astype(np.float64).ravel() for thumbnail in (one, other))
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale else 1.0
