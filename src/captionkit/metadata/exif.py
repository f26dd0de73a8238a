"""Tags of a TIFF structure (EXIF blocks and TIFF files alike), changed without moving anything.

New values and a new first directory are put behind the data, and the header points to them: every offset that
other parts (maker notes among them) hold stays right. Layout: TIFF 6.0, section 2.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from captionkit.files.edits import ByteEdit, apply_edits
from captionkit.metadata.blocks import MetadataError

IMAGE_DESCRIPTION = 270
XMP_TAG = 700
IPTC_TAG = 33723
ASCII, BYTE, UNDEFINED = 2, 1, 7
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
MAX_ENTRIES = 4_096


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a directory; `value` is its 4-byte field as it stands."""

    tag: int
    kind: int
    count: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Directory:
    """The first directory of a TIFF structure."""

    order: str  # "<" or ">", as struct names byte orders
    offset: int
    entries: tuple[Entry, ...]
    following: int


def read_directory(data: bytes, offset: int | None = None) -> Directory:
    """A directory: the first, or the one at `offset`.

    Raises:
        MetadataError: no TIFF structure, BigTIFF, or damaged.
    """
    order = {b"II": "<", b"MM": ">"}.get(data[:2], "")
    if not order or len(data) < 8:
        raise MetadataError("its EXIF or TIFF header is damaged.")
    magic, first = struct.unpack_from(f"{order}HI", data, 2)
    if magic != 42:
        raise MetadataError("it is a BigTIFF or of another kind that is not edited.")
    offset = first if offset is None else offset
    if not 8 <= offset <= len(data) - 2:
        raise MetadataError("its EXIF or TIFF directory is damaged.")
    (count,) = struct.unpack_from(f"{order}H", data, offset)
    end = offset + 2 + 12 * count
    if count > MAX_ENTRIES or end + 4 > len(data):
        raise MetadataError("its EXIF or TIFF directory is damaged.")
    entries = []
    for number in range(count):
        place = offset + 2 + 12 * number
        tag, kind, items = struct.unpack_from(f"{order}HHI", data, place)
        entries.append(Entry(tag, kind, items, data[place + 8 : place + 12]))
    (following,) = struct.unpack_from(f"{order}I", data, end)
    return Directory(order, offset, tuple(entries), following)


def read_value(data: bytes, tag: int) -> bytes | None:
    """The bytes of a tag of the first directory; None where it has no such tag.

    Raises:
        MetadataError: the structure is damaged.
    """
    directory = read_directory(data)
    for entry in directory.entries:
        if entry.tag == tag:
            return entry_bytes(data, directory.order, entry)
    return None


def entry_bytes(data: bytes, order: str, entry: Entry) -> bytes:
    """The bytes of an entry's values, wherever they stand."""
    size = _SIZES.get(entry.kind, 1) * entry.count
    if size <= 4:
        return entry.value[:size]
    (place,) = struct.unpack(f"{order}I", entry.value)
    if place + size > len(data):
        raise MetadataError(f"its tag {entry.tag} points out of the file.")
    return data[place : place + size]


def set_tags(data: bytes, values: Mapping[int, tuple[int, bytes]]) -> tuple[ByteEdit, ...]:
    """The edits that set tags of the first directory.

    Args:
        data: a TIFF structure.
        values: tag -> (type, bytes); types of one byte a value only.

    Raises:
        MetadataError: the structure is damaged, or would grow beyond 4 GB.
    """
    directory = read_directory(data)
    order = directory.order
    tail = bytearray(len(data) % 2)  # offsets are even
    entries = {entry.tag: entry for entry in directory.entries}
    for tag, (kind, value) in values.items():
        place = len(data) + len(tail)
        field = value.ljust(4, b"\0") if len(value) <= 4 else _offset(order, place)
        if len(value) > 4:
            tail += value + bytes(len(value) % 2)
        entries[tag] = Entry(tag, kind, len(value), field)
    place = len(data) + len(tail)
    tail += struct.pack(f"{order}H", len(entries))
    for entry in sorted(entries.values(), key=lambda one: one.tag):
        tail += struct.pack(f"{order}HHI", entry.tag, entry.kind, entry.count) + entry.value
    tail += struct.pack(f"{order}I", directory.following)
    return (ByteEdit(4, 8, _offset(order, place)), ByteEdit(len(data), len(data), bytes(tail)))


def read_image_description(exif: bytes) -> str:
    """The ImageDescription of an EXIF block; empty where it has none."""
    value = read_value(exif, IMAGE_DESCRIPTION)
    return (value or b"").split(b"\0")[0].decode("utf-8", "replace").strip()


def set_image_description(exif: bytes | None, text: str) -> bytes:
    """An EXIF block with this ImageDescription and everything else as it was; a new one where there is none.

    EXIF calls the tag ASCII; other characters are written as UTF-8, as other tools write and read them.
    """
    base = exif if exif is not None else b"II*\0\x08\0\0\0\0\0\0\0\0\0"
    return apply_edits(base, set_tags(base, {IMAGE_DESCRIPTION: (ASCII, text.encode("utf-8") + b"\0")}))


def _offset(order: str, place: int) -> bytes:
    if place > 0xFFFF_FFF0:
        raise MetadataError("it would grow beyond 4 GB.")
    return struct.pack(f"{order}I", place)
