"""TIFF: tags 270 (ImageDescription), 700 (XMP) and 33723 (IPTC) of the first directory.

The whole file is its EXIF block. `read`, `replace` and `rest` are those of `blocks.Container`.
"""

from __future__ import annotations

import struct

from captionkit.files.edits import ByteEdit
from captionkit.metadata import exif
from captionkit.metadata.blocks import Blocks, Changes, MetadataError

_OURS = (exif.IMAGE_DESCRIPTION, exif.XMP_TAG, exif.IPTC_TAG)
_PLACES, _COUNTS = (273, 324), (279, 325)  # StripOffsets and TileOffsets, StripByteCounts and TileByteCounts
_MAX_DIRECTORIES = 10_000
ADDS_IPTC = False


def read(data: bytes) -> Blocks:
    return Blocks(exif.read_value(data, exif.XMP_TAG), data, exif.read_value(data, exif.IPTC_TAG))


def replace(data: bytes, changes: Changes) -> tuple[ByteEdit, ...]:
    values = {exif.XMP_TAG: (exif.BYTE, changes.xmp)}
    if changes.iptc is not None:
        values[exif.IPTC_TAG] = (exif.UNDEFINED, changes.iptc)
    if changes.exif is not None:
        value = exif.read_value(changes.exif, exif.IMAGE_DESCRIPTION)
        values[exif.IMAGE_DESCRIPTION] = (exif.ASCII, value or b"\0")
    return exif.set_tags(data, values)


def rest(data: bytes) -> list[bytes]:
    """The other tags of every directory, and the strips and tiles they point to."""
    parts: list[bytes] = []
    seen: set[int] = set()
    room = 2 * len(data)  # parts that overlap could make a small file fill the memory

    def keep(part: bytes) -> None:
        nonlocal room
        room -= len(part)
        if room < 0:
            raise MetadataError("the parts of its TIFF picture overlap.")
        parts.append(part)

    directory = exif.read_directory(data)
    while directory.offset not in seen and len(seen) < _MAX_DIRECTORIES:
        seen.add(directory.offset)
        first = len(seen) == 1
        numbers: dict[int, tuple[int, ...]] = {}
        for entry in directory.entries:
            value = exif.entry_bytes(data, directory.order, entry)
            if not first or entry.tag not in _OURS:
                keep(f"{entry.tag} {entry.kind} {entry.count}".encode() + value)
            if entry.tag in (*_PLACES, *_COUNTS) and entry.kind in (3, 4):
                letter = "H" if entry.kind == 3 else "I"
                numbers[entry.tag] = struct.unpack(f"{directory.order}{entry.count}{letter}", value)
        for places, counts in zip(_PLACES, _COUNTS, strict=True):
            pairs = zip(numbers.get(places, ()), numbers.get(counts, ()), strict=False)
            for place, count in pairs:
                keep(data[place : place + count])
        if not directory.following:
            return parts
        directory = exif.read_directory(data, directory.following)
    raise MetadataError("its TIFF directories run in a circle.")
