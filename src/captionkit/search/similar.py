"""Pictures that are like a picture, and groups of pictures that are nearly the same.

Letters: N pictures, K numbers of the short vector.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from captionkit.progress import Progress
from captionkit.search.compact import VECTOR, Bytes, Floats
from captionkit.search.index import Index

# Likeness above which two pictures are nearly the same: docs/search.md says how it was chosen.
NEARLY_SAME = 0.95
_BLOCK = 2048


@dataclass(frozen=True, slots=True)
class Group:
    """Pictures that are nearly the same.

    Attributes:
        contents: two or more, in the order they came in.
        likeness: of each to the first.
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


def duplicates(vectors: Vectors, *, threshold: float = NEARLY_SAME, quiet: bool = False) -> list[Group]:
    """Groups of pictures of which each is nearly the same as another of its group, the largest groups first.

    All pairs are compared, which takes N * N * K multiplications: a minute or so for 100,000 pictures.
    """
    units, count = vectors.units, len(vectors.contents)
    labels = np.arange(count)  # of each picture, the first picture of its group
    with Progress("compare", count, "pictures", quiet=quiet) as progress:
        for first in range(0, count, _BLOCK):
            block = units[first : first + _BLOCK]
            for other in range(first, count, _BLOCK):
                same = block @ units[other : other + _BLOCK].T >= threshold
                for row in np.flatnonzero(same.any(axis=1)):
                    joined = labels[other : other + _BLOCK][same[row]]
                    if (joined != labels[first + row]).any():
                        joined = np.unique(np.append(joined, labels[first + row]))
                        labels[np.isin(labels, joined)] = joined[0]
            progress.advance(len(block))
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[order], prepend=-1))
    groups = []
    for some in np.split(order, starts[1:]):
        if len(some) > 1:
            likeness = np.minimum(units[some] @ units[some[0]], 1.0)
            groups.append(Group(tuple(vectors.contents[some].tolist()), tuple(likeness.tolist())))
    return sorted(groups, key=lambda group: (-len(group.contents), group.contents))


def _units(values: Floats) -> Floats:
    length = np.linalg.norm(values, axis=1, keepdims=True)
    units: Floats = (values / np.where(length > 0, length, 1)).astype(np.float32, copy=False)
    return units
