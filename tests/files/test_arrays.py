"""The bounded reader of `.npz` files."""

from __future__ import annotations

import io
import zipfile
import zlib

import numpy as np
import pytest

from captionkit.files.arrays import read_arrays

LIMIT = 100_000


def pack(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return buffer.getvalue()


def headed(header: str, body: bytes = b"") -> bytes:
    line = header.encode() + b"\n"
    return b"\x93NUMPY\x01\0" + len(line).to_bytes(2, "little") + line + body


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_what_numpy_wrote_comes_back(save: object) -> None:
    rows = np.arange(12, dtype=np.float32).reshape(3, 4)
    arrays = {
        "rows": rows,
        "columns": rows.T,
        "one": np.array(7),
        "none": np.zeros((0, 3)),
        "words": np.array(["a"]),
    }
    buffer = io.BytesIO()
    assert callable(save)
    save(buffer, **arrays)
    found = read_arrays(buffer.getvalue(), LIMIT)
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert np.array_equal(found[name], array)
        assert found[name].flags.writeable


def test_the_second_version_of_headers_is_read() -> None:
    """numpy writes it where a header is long."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.arange(3), version=(2, 0))
    data, length = pack(x=stream.getvalue()), len(stream.getvalue())
    assert read_arrays(data, length)["x"].tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="unpacks to more"):
        read_arrays(data, length - 1)


@pytest.mark.parametrize(
    "member",
    [
        b"",
        b"no array",
        headed("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000000,)}"),
        headed("{'descr': '<f4', 'fortran_order': False, 'shape': (100000000000000000000000,)}"),
        headed("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", bytes(4)),
        headed("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, -1)}", bytes(4)),
        headed("{'descr': '<f4', 'fortran_order': True, 'shape': (-2, -2)}", bytes(16)),
        headed("{'descr': '<f4', 'fortran_order': False, 'shape': (0, -1)}"),
        headed("{'descr': '|V0', 'fortran_order': False, 'shape': (-1,)}"),
        headed("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", bytes(5)),
        headed("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", bytes(8)),
        headed("{'descr': '<V99999999', 'fortran_order': False, 'shape': (1,)}"),
        headed("(" * 9000),
        headed("-" * 9000 + "1"),
        b"\x93NUMPY\x09\0",
    ],
)
def test_a_header_that_promises_what_is_not_there_is_refused(member: bytes) -> None:
    with pytest.raises(ValueError, match=r"^\w+$"):
        read_arrays(pack(x=member), LIMIT)


def test_damage_is_one_kind_of_error() -> None:
    whole = pack(x=headed("{'descr': '<f4', 'fortran_order': False, 'shape': (100,)}", bytes(range(200)) * 2))
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        try:
            read_arrays(bytes(damaged), LIMIT)
        except ValueError:
            continue
    with pytest.raises(ValueError, match="BadZipFile"):
        read_arrays(whole[:-30], LIMIT)


def test_what_unpacks_to_too_much_is_refused() -> None:
    with pytest.raises(ValueError, match="unpacks to more than 100,000 bytes"):
        read_arrays(pack(x=bytes(LIMIT + 1)), LIMIT)
    # The directory may state less than the data unpacks to; the rest is not unpacked.
    bomb = pack(x=bytes(LIMIT))
    lie = bomb.replace((LIMIT).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    assert lie != bomb
    with pytest.raises(ValueError, match=r"^\w+$"):
        read_arrays(lie.replace(zlib.crc32(bytes(LIMIT)).to_bytes(4, "little"), bytes(4)), LIMIT)
