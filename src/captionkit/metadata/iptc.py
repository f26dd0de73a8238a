"""IPTC-IIM (version 4.2): the datasets of a picture, of which 2:120 Caption/Abstract is the description."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from captionkit.metadata.blocks import MetadataError

CAPTION = (2, 120)
CHARACTER_SET = (1, 90)
UTF8 = b"\x1b%G"  # ISO 2022: the datasets of record 2 are UTF-8
MAX_CAPTION_BYTES = 2_000  # the standard's own bound
_HEADER = struct.Struct(">3BH")  # of a dataset: a mark, record, dataset, size


def read_caption(data: bytes) -> str:
    """The caption; empty where there is none.

    Raises:
        MetadataError: the datasets are damaged.
    """
    encoding = _encoding(data)
    for key, start, end in _datasets(data):
        if key == CAPTION:
            return data[start:end].decode(encoding, "replace").strip().strip("\0")
    return ""


def set_caption(data: bytes | None, text: str) -> bytes | None:
    """Datasets with this caption and all others as they were.

    Returns:
        The datasets; None where there is no caption yet and the character set of the others cannot write this one.
        An old caption is replaced in any case, by "?" where a character cannot be written: it must not go stale.
    """
    if data is None:
        return _dataset(CHARACTER_SET, UTF8) + _dataset((2, 0), b"\0\4") + _caption(text, "utf-8")
    encoding = _encoding(data)
    try:
        new = _caption(text, encoding)
    except UnicodeEncodeError:
        if not any(key == CAPTION for key, _, _ in _datasets(data)):
            return None
        new = _caption(text.encode(encoding, "replace").decode(encoding), encoding)
    kept: list[bytes] = []
    place = behind = 0
    for key, start, end in _datasets(data):
        if key != CAPTION:
            kept.append(data[start - _HEADER.size : end])
        if key <= CAPTION:
            place = len(kept)
        behind = end
    return b"".join([*kept[:place], new, *kept[place:], data[behind:]])


def _caption(text: str, encoding: str) -> bytes:
    value = text.encode(encoding)
    if len(value) > MAX_CAPTION_BYTES:
        value = value[:MAX_CAPTION_BYTES].decode(encoding, "ignore").encode(encoding)
    return _dataset(CAPTION, value)


def _dataset(key: tuple[int, int], value: bytes) -> bytes:
    return _HEADER.pack(0x1C, *key, len(value)) + value


def _encoding(data: bytes) -> str:
    declared = next((data[start:end] for key, start, end in _datasets(data) if key == CHARACTER_SET), b"")
    return "utf-8" if declared == UTF8 else "latin-1"


def _datasets(data: bytes) -> Iterator[tuple[tuple[int, int], int, int]]:
    """(record, dataset), start and end of the value of each dataset."""
    position = 0
    while position < len(data) and data[position] == 0x1C:
        start = position + _HEADER.size
        if start > len(data):
            raise MetadataError("its IPTC data is cut off.")
        _, record, number, size = _HEADER.unpack_from(data, position)
        if size & 0x8000:
            raise MetadataError("its IPTC data has a dataset of the extended kind, which is not edited.")
        if start + size > len(data):
            raise MetadataError("its IPTC data is cut off.")
        yield (record, number), start, start + size
        position = start + size
