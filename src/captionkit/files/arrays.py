"""The one reader of `.npz` files that others may have made: bounded, and with one kind of error.

`numpy.load` sets memory aside for whatever shape a header states, and what it raises at damaged bytes comes from
five modules.
"""

from __future__ import annotations

import io
import math
import zipfile
from typing import IO, Any

import numpy as np
import numpy.typing as npt


def read_arrays(data: bytes | IO[bytes], limit: int) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an `.npz`, by name.

    Args:
        data: its bytes, or the open file.
        limit: bytes that its members may have together, unpacked.

    Raises:
        ValueError: it is damaged, longer, or holds anything but plain arrays. The message is a few words.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data) if isinstance(data, bytes) else data) as archive:
            members = archive.infolist()
            too_long = sum(member.file_size for member in members) > limit
            arrays = {}
            for member in () if too_long else members:
                with archive.open(member) as handle:
                    arrays[member.filename.removesuffix(".npy")] = _array(handle.read(member.file_size))
    except Exception as error:
        raise ValueError(type(error).__name__) from None
    if too_long:
        raise ValueError(f"it unpacks to more than {limit:,} bytes")
    return arrays


def _array(data: bytes) -> npt.NDArray[Any]:
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
    shape, fortran, dtype = read(stream)
    start = stream.tell()
    if dtype.hasobject or math.prod(shape) * dtype.itemsize != len(data) - start:
        raise EOFError
    flat = np.frombuffer(data, dtype, math.prod(shape), start).copy()  # aligned, and writable as others are
    return flat.reshape(shape, order="F" if fortran else "C")
