"""Pictures that are like a picture, by their features; and pictures that are nearly the same, by their look.

Letters: N pictures, K numbers of the short vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from captionkit.audit.picture_hash import SAME_BITS, SAME_CORRELATION, PictureHash, likeness, near_pairs
from captionkit.search.compact import VECTOR, Bytes, Floats
from captionkit.search.index import Index


@dataclass(frozen=True, slots=True)
class Group:
    """Pictures that are nearly the same.

    Attributes:
        contents: two or more, in the order they came in.
        likeness: of each to the first: the correlation of their thumbnails.
    """

    contents: tuple[int, ...]
    likeness: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """All short vectors of an index, centred: what all pictures share says nothing of likeness.

    Attributes:
        contents: int64 [N].
        units: float32 [N, K], each of length 1.
        centre: float32 [K], what was taken off.
    """

    contents: npt.NDArray[np.int64]
    units: Floats
    centre: Floats

    def towards(self, vector: Bytes) -> Floats:
        """The likeness of every picture to one with a short vector int8 [K]: cosines, float32 [N]."""
        likeness: Floats = self.units @ _units(vector[None].astype(np.float32) - self.centre)[0]
        return likeness


def read_vectors(index: Index) -> Vectors:
    """The vectors of an index."""
    parts = list(index.vectors())
    contents = [np.zeros(0, np.int64), *(some for some, _ in parts)]
    vectors = [np.zeros((0, VECTOR), np.int8), *(some for _, some in parts)]
    return centred(np.concatenate(contents), np.concatenate(vectors))


def centred(contents: npt.NDArray[np.int64], vectors: Bytes) -> Vectors:
    """Vectors int8 [N, K] of contents int64 [N], made ready to be compared."""
    values = vectors.astype(np.float32)
    # The mean of a few pictures is mostly these pictures; it is trusted as their number grows.
    centre: Floats = values.sum(axis=0) / np.float32(len(values) + 8)
    return Vectors(contents, _units(values - centre), centre)


def like(vectors: Vectors, vector: Bytes, limit: int) -> dict[int, float]:
    """The contents that are most like a short vector int8 [K]: id -> cosine, largest first."""
    if not len(vectors.contents):
        return {}
    likeness = vectors.towards(vector)
    order = np.argsort(-likeness, kind="stable")[:limit]
    return {int(vectors.contents[place]): float(likeness[place]) for place in order}


def duplicates(contents: Sequence[int], looks: Sequence[PictureHash]) -> list[Group]:
    """Groups of pictures of which each looks the same as another of its group, the largest groups first.

    The same are pictures that were scaled, recompressed or recoloured: the audit's hashes and bounds
    (`captionkit.audit.picture_hash`). All pairs are compared; 100,000 pictures take some seconds.

    Args:
        contents: N pictures.
        looks: of each its hashes.
    """
    parent = list(range(len(looks)))

    def first_of(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    for one, other in near_pairs(looks, SAME_BITS):
        a, b = sorted((first_of(one), first_of(other)))
        if a != b and likeness(looks[one], looks[other])[1] >= SAME_CORRELATION:
            parent[b] = a
    members: dict[int, list[int]] = {}
    for place in range(len(looks)):
        members.setdefault(first_of(place), []).append(place)
    groups = [
        Group(
            tuple(contents[place] for place in some),
            tuple(likeness(looks[place], looks[some[0]])[1] for place in some),
        )
        for some in members.values()
        if len(some) > 1
    ]
    return sorted(groups, key=lambda group: (-len(group.contents), group.contents))


def _units(values: Floats) -> Floats:
    length = np.linalg.norm(values, axis=1, keepdims=True)
    units: Floats = (values / np.where(length > 0, length, 1)).astype(np.float32, copy=False)
    return units
