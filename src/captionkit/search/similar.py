"""Pictures that are like a picture, by their features; and pictures that are nearly the same, by their look.

Letters: N pictures, K numbers of the short vector.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from captionkit.audit.picture_hash import SAME_BITS, SAME_CORRELATION, PictureHash, likeness, near_pairs
from captionkit.search.compact import Bytes

_ROWS = 16_384  # vectors worked on at once


def like(contents: npt.NDArray[np.int64], vectors: Bytes, vector: Bytes, limit: int) -> dict[int, float]:
    """The pictures that are most like one: id -> cosine, largest first.

    Vectors are compared about their mean: what all pictures share says nothing of likeness.

    Contents int64 [N] and vectors int8 [N, K] are those of all pictures, `vector` int8 [K] is that of the one.
    """
    # The mean of a few pictures is mostly these pictures; it is trusted as their number grows.
    centre = vectors.sum(axis=0, dtype=np.int64) / (len(vectors) + 8)
    own = vector - centre
    own /= max(float(np.linalg.norm(own)), 1e-9)
    towards = np.stack([own, centre], axis=1).astype(np.float32)
    likeness = np.empty(len(vectors), np.float32)
    for first in range(0, len(vectors), _ROWS):
        block = vectors[first : first + _ROWS].astype(np.float32)
        along, shared = (block @ towards).T
        # |v - c|^2 = |v|^2 - 2 v c + |c|^2, without making v - c.
        squares = np.einsum("nk,nk->n", block, block) - 2 * shared + float(centre @ centre)
        likeness[first : first + _ROWS] = (along - float(centre @ own)) / np.sqrt(np.maximum(squares, 1e-6))
    order = np.argsort(-likeness, kind="stable")[:limit]
    return {int(contents[place]): float(likeness[place]) for place in order}


def duplicates(contents: Sequence[int], looks: Sequence[PictureHash]) -> list[dict[int, float]]:
    """Groups of pictures of which each looks the same as another of its group, the largest groups first.

    The same are pictures that were scaled, recompressed or recoloured: the audit's hashes and bounds
    (`captionkit.audit.picture_hash`). All pairs are compared; 100,000 pictures take some seconds.

    Returns:
        Of each group two pictures or more, in the order they came in, each with its likeness to the first: the
        correlation of their thumbnails.
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
        {contents[place]: likeness(looks[place], looks[some[0]])[1] for place in some}
        for some in members.values()
        if len(some) > 1
    ]
    return sorted(groups, key=lambda group: (-len(group), tuple(group)))
