"""What looks at a picture apart from the decoder: words that it calls for, things that it surely shows.

Each is a linear layer on the mean of a picture's features, fitted by ridge regression or the encoder's own, and a
member of the bundle; that of words has another on each place of the grid (`captionkit.training.word_places`).
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from captionkit.errors import BundleError
from captionkit.files.arrays import read_arrays

Floats = npt.NDArray[np.float32]

MAX_BYTES = 64 << 20
MOST = 1e9  # of a number in a detector; products of larger ones are beyond what a float32 holds
_FORMAT = 1


def ridge(
    spread: npt.NDArray[np.float64], together: npt.NDArray[np.float64], share: float
) -> npt.NDArray[np.float64]:
    """The weights of a ridge regression, float64 [D, T].

    Args:
        spread: float64 [D, D], the products of the centred features with themselves, summed over pictures.
        together: float64 [D, T], those with the targets.
        share: pull of the weights towards zero, as a share of the features' mean variance.
    """
    pull: Any = share * np.trace(spread) / len(spread) or 1.0  # 0 where pictures all look the same
    weights: npt.NDArray[np.float64] = np.linalg.solve(spread + pull * np.eye(len(spread)), together)
    return weights


def to_int8(matrix: Floats) -> tuple[npt.NDArray[np.int8], Floats]:
    """A matrix float32 [R, C] in a quarter of its bytes: int8 [R, C], and a float32 scale for each column."""
    scale = np.maximum(np.abs(matrix).max(axis=0), np.finfo(np.float32).tiny) / np.float32(127)
    return np.round(matrix / scale).astype(np.int8), scale.astype(np.float32)


def write_detector(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """A detector's arrays as an `.npz` without pickled objects."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{"format": np.array(_FORMAT), **arrays})
    return buffer.getvalue()


def read_detector(data: bytes, member: str, names: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
    """The arrays that `write_detector` wrote, these names among them; `member` is what the bundle calls the file.

    Raises:
        BundleError: the bytes are damaged, or an array is missing.
    """
    try:
        arrays = read_arrays(data, MAX_BYTES)
        if int(arrays["format"]) != _FORMAT:
            raise ValueError("another format")
        if missing := [name for name in names if name not in arrays]:
            raise ValueError(f"without {missing[0]}")
        return arrays
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise BundleError(f"Its {member} cannot be read ({error}); export the bundle again.") from None
