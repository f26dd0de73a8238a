"""JPEG: metadata segments between the start of the image and its scan.

EXIF and XMP stand in APP1, IPTC in the Photoshop resources of APP13 (resource 0x0404). Everything from the first
start-of-scan on, pictures behind it included, is never looked into.

`read`, `replace` and `rest` are those of `blocks.Container`.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

from captionkit.files.edits import ByteEdit
from captionkit.metadata.blocks import Blocks, Changes, MetadataError

EXIF = b"Exif\0\0"
XMP = b"http://ns.adobe.com/xap/1.0/\0"
PHOTOSHOP = b"Photoshop 3.0\0"
_MPF = b"MPF\0"
_APP0, _APP1, _APP2, _APP13 = 0xE0, 0xE1, 0xE2, 0xED
MAX_SEGMENT = 65_533
_IPTC, _DIGEST = 0x0404, 0x0425
ADDS_IPTC = True


@dataclass(frozen=True, slots=True)
class _Segment:
    marker: int
    start: int  # of the 0xFF of the marker
    body: int
    end: int


def read(data: bytes) -> Blocks:
    segments, _ = _segments(data)
    xmp = exif = None
    for one in segments:
        if _is(data, one, _APP1, XMP) and xmp is None:
            xmp = data[one.body + len(XMP) : one.end]
        elif _is(data, one, _APP1, EXIF) and exif is None:
            exif = data[one.body + len(EXIF) : one.end]
    resources = _resources(_photoshop(data, segments))
    iptc = next((value for key, _, value in resources if key == _IPTC), None)
    return Blocks(xmp, exif, iptc)


def replace(data: bytes, changes: Changes) -> tuple[ByteEdit, ...]:
    segments, _ = _segments(data)
    edits = []
    # New segments go behind JFIF and EXIF, where readers look for them first.
    place = 2
    for one in segments:
        if one.marker == _APP0 or _is(data, one, _APP1, EXIF):
            place = one.end
        elif one.marker not in (_APP0, _APP1):
            break
    behind_jfif = segments[0].end if segments and segments[0].marker == _APP0 else 2
    for name, new, at in ((EXIF, changes.exif, behind_jfif), (XMP, changes.xmp, place)):
        if new is not None:
            old = next((one for one in segments if _is(data, one, _APP1, name)), None)
            start, end = (old.start, old.end) if old is not None else (at, at)
            edits.append(ByteEdit(start, end, _segment(_APP1, name + new)))
    if changes.iptc is not None:
        edits += _replace_iptc(data, segments, changes.iptc, place)
    mpf = next((one for one in segments if _is(data, one, _APP2, _MPF)), None)
    if mpf is not None and any(edit.start > mpf.start for edit in edits):
        raise MetadataError("it holds several pictures, whose places a change there would shift.")
    return tuple(edits)


def rest(data: bytes) -> list[bytes]:
    segments, scan = _segments(data)
    kept = [
        data[one.start : one.end]
        for one in segments
        if not any(_is(data, one, _APP1, name) for name in (EXIF, XMP)) and not _is(data, one, _APP13, PHOTOSHOP)
    ]
    others = [
        repr(one).encode() for one in _resources(_photoshop(data, segments)) if one[0] not in (_IPTC, _DIGEST)
    ]
    return [*kept, *others, data[scan:]]


def _segments(data: bytes) -> tuple[list[_Segment], int]:
    """The segments before the first scan, and where that begins."""
    if data[:2] != b"\xff\xd8":
        raise MetadataError("it is no JPEG.")
    segments: list[_Segment] = []
    position = 2
    while True:
        start = position
        if data[position : position + 1] != b"\xff":
            raise MetadataError("its JPEG segments are damaged.")
        while data[position : position + 1] == b"\xff":  # fill bytes may precede a marker (B.1.1.2)
            position += 1
        if position + 3 > len(data):
            raise MetadataError("it is cut off before its picture.")
        marker = data[position]
        if marker == 0xDA:
            return segments, start
        if marker in (0x00, 0x01, 0xD8, 0xD9) or 0xD0 <= marker <= 0xD7:
            raise MetadataError("its JPEG segments are damaged.")
        (size,) = struct.unpack_from(">H", data, position + 1)
        end = position + 1 + size
        if size < 2 or end > len(data):
            raise MetadataError("its JPEG segments are damaged.")
        segments.append(_Segment(marker, start, position + 3, end))
        position = end


def _is(data: bytes, one: _Segment, marker: int, name: bytes) -> bool:
    return one.marker == marker and data.startswith(name, one.body, one.end)


def _segment(marker: int, body: bytes) -> bytes:
    if len(body) > MAX_SEGMENT:
        raise MetadataError(f"its metadata would have {len(body):,} bytes, more than a JPEG segment holds.")
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _replace_iptc(data: bytes, segments: list[_Segment], iptc: bytes, place: int) -> list[ByteEdit]:
    old = [one for one in segments if _is(data, one, _APP13, PHOTOSHOP)]
    resources = _resources(_photoshop(data, segments))
    digest = hashlib.md5(iptc, usedforsecurity=False).digest()
    changed = [
        (key, name, iptc if key == _IPTC else digest if key == _DIGEST else value)
        for key, name, value in resources
    ]
    if not any(key == _IPTC for key, _, _ in resources):
        changed.append((_IPTC, b"\0\0", iptc))
    block = b"".join(_resource(*one) for one in changed)
    room = MAX_SEGMENT - len(PHOTOSHOP)
    parts = [block[start : start + room] for start in range(0, len(block), room)]
    new = b"".join(_segment(_APP13, PHOTOSHOP + part) for part in parts)
    if not old:
        return [ByteEdit(place, place, new)]
    return [ByteEdit(old[0].start, old[0].end, new), *(ByteEdit(one.start, one.end, b"") for one in old[1:])]


def _photoshop(data: bytes, segments: list[_Segment]) -> bytes:
    """The Photoshop resources, which may run over several segments."""
    return b"".join(
        data[one.body + len(PHOTOSHOP) : one.end] for one in segments if _is(data, one, _APP13, PHOTOSHOP)
    )


def _resources(block: bytes) -> list[tuple[int, bytes, bytes]]:
    """(id, name as it stands, value) of each Photoshop resource."""
    found = []
    position = 0
    while position < len(block):
        if position + 12 > len(block) or block[position : position + 4] != b"8BIM":
            if not block[position:].strip(b"\0"):
                break
            raise MetadataError("its Photoshop resources are of a kind that is not edited.")
        (key,) = struct.unpack_from(">H", block, position + 4)
        name_end = position + 6 + (block[position + 6] + 2 & ~1)
        if name_end + 4 > len(block):
            raise MetadataError("its Photoshop resources are cut off.")
        (size,) = struct.unpack_from(">I", block, name_end)
        start = name_end + 4
        if start + size > len(block):
            raise MetadataError("its Photoshop resources are cut off.")
        found.append((key, block[position + 6 : name_end], block[start : start + size]))
        position = start + size + size % 2
    return found


def _resource(key: int, name: bytes, value: bytes) -> bytes:
    return b"8BIM" + struct.pack(">H", key) + name + struct.pack(">I", len(value)) + value + bytes(len(value) % 2)
