"""What is kept of a picture: a few cells of its grid for the model, a short vector for likeness, its look.

Letters: B pictures, P grid positions (a square of them, or one), D feature depth, G cells kept of the grid,
K = 256 numbers of the short vector.
"""

from __future__ import annotations

import hashlib
import math
import struct
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from captionkit.audit.picture_hash import THUMBNAIL, PictureHash

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.int8]

VECTOR = 256  # K
_LOOK = struct.Struct(f"<QQ?{THUMBNAIL * THUMBNAIL}s")
SIDE = 3  # of the cells kept of a grid, where one is not enough
_SEED = b"captionkit picture vectors"  # another one makes other vectors, so it never changes


def to_cells(features: Floats, count: int) -> Floats:
    """Average the grid in `count` = side * side cells of nearly equal size.

    Args:
        features: float32 [B, P, D], rows of the grid one after the other.
        count: 1, or a square not above P.

    Returns:
        float32 [B, count, D].
    """
    if count == 1:
        average: Floats = features.mean(axis=1, keepdims=True)
        return average
    pooling = _pooling(features.shape[1], count)
    cells: Floats = np.einsum("gp,bpd->bgd", pooling, features, optimize=True)
    return cells


def to_features(cells: Floats, positions: int) -> Floats:
    """Features float32 [B, P, D] in which every position has what its cell of [B, G, D] has."""
    count = cells.shape[1]
    if count == 1:
        return np.repeat(cells, positions, axis=1)
    cell_of = _pooling(positions, count).argmax(axis=0)
    return np.ascontiguousarray(cells[:, cell_of])


def cell_count(positions: int) -> int:
    """How many cells are kept of a grid of P positions: 9 of a square one, else 1."""
    side = math.isqrt(positions)
    return SIDE * SIDE if side * side == positions and side > SIDE else 1


def pack(values: Floats) -> Bytes:
    """Numbers as signed bytes, each row [B, N] on a scale of its own: a multiple of its largest square root.

    Activations crowd near 0; square roots give the small ones more of the 127 steps.

    Returns:
        int8 [B, N + 4]: the bytes of the largest magnitude (float32, little-endian), then the steps.
    """
    largest = np.abs(values).max(axis=1).astype("<f4")
    scaled = values / np.where(largest > 0, largest, 1)[:, None]
    steps = np.rint(np.sign(scaled) * np.sqrt(np.abs(scaled)) * 127).astype(np.int8)
    return np.concatenate([largest.view(np.int8).reshape(-1, 4), steps], axis=1)


def unpack(packed: Bytes) -> Floats:
    """Inverse of `pack`, within a step: float32 [B, N] of int8 [B, N + 4]."""
    largest = np.ascontiguousarray(packed[:, :4]).view("<f4").astype(np.float32)
    steps = packed[:, 4:].astype(np.float32) / 127
    values: Floats = np.sign(steps) * np.square(steps) * largest
    return values


def to_vectors(features: Floats) -> Bytes:
    """Short vectors int8 [B, K] of features [B, P, D] (or cells of them): averaged, projected, of equal length.

    The projection is random and the same for all pictures and indexes (D. Achlioptas, "Database-friendly random
    projections", 2003: signs alone): it keeps angles within a few hundredths.
    """
    projected = features.mean(axis=1) @ _projection(features.shape[2])
    length = np.linalg.norm(projected, axis=1, keepdims=True)
    units = projected / np.where(length > 0, length, 1)
    # Of 256 numbers with squares that sum to 1, one above 4 / 16 is rare; it is cut.
    vectors: Bytes = np.clip(np.rint(units * (127 * 4)), -127, 127).astype(np.int8)
    return vectors


def pack_look(look: PictureHash) -> bytes:
    """The hashes of a picture's look as 273 bytes; the digest of its file stands elsewhere."""
    return _LOOK.pack(look.dct, look.difference, look.flat, look.thumbnail.tobytes())


def unpack_look(packed: bytes) -> PictureHash:
    """Inverse of `pack_look`, with an empty digest.

    Raises:
        ValueError: the bytes have another length.
    """
    if len(packed) != _LOOK.size:
        raise ValueError(f"Expected {_LOOK.size} bytes, but got {len(packed)}.")
    dct, difference, flat, thumbnail = _LOOK.unpack(packed)
    cells = np.frombuffer(thumbnail, np.uint8).reshape(THUMBNAIL, THUMBNAIL)
    return PictureHash("", dct, difference, cells, flat)


@lru_cache(maxsize=4)
def _projection(depth: int) -> Floats:
    # From a hash function, not a generator of numpy's, whose numbers may change from version to version.
    bits = np.unpackbits(np.frombuffer(hashlib.shake_256(_SEED).digest(depth * VECTOR // 8), np.uint8))
    signs = bits.reshape(depth, VECTOR).astype(np.float32) * 2 - 1
    projection: Floats = signs / np.float32(math.sqrt(VECTOR))
    return projection


@lru_cache(maxsize=4)
def _pooling(positions: int, count: int) -> Floats:
    """float32 [G, P] that averages; every position belongs to one cell."""
    grid, side = math.isqrt(positions), math.isqrt(count)
    along = np.arange(grid) * side // grid
    cell_of = (along[:, None] * side + along[None, :]).reshape(-1)
    pooling = (cell_of[None, :] == np.arange(count)[:, None]).astype(np.float32)
    normalised: Floats = pooling / pooling.sum(axis=1, keepdims=True)
    return normalised
