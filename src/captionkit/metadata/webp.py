"""WebP: `XMP ` and `EXIF` chunks behind the picture, announced by flags of `VP8X`.

Layout: WebP Container Specification. `read`, `replace` and `rest` are those of `blocks.Container`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from captionkit.files.edits import ByteEdit
from captionkit.metadata.blocks import Blocks, Changes, MetadataError

_EXIF_NAME = b"Exif\0\0"
_ALPHA, _EXIF, _XMP = 0x10, 0x08, 0x04
ADDS_IPTC = False


@dataclass(frozen=True, slots=True)
class _Chunk:
    kind: bytes
    start: int
    body: int
    size: int

    @property
    def end(self) -> int:
        return self.body + self.size + self.size % 2


def read(data: bytes) -> Blocks:
    found: dict[bytes, bytes] = {}
    for chunk in _chunks(data):
        found.setdefault(chunk.kind, data[chunk.body : chunk.body + chunk.size])
    exif = found.get(b"EXIF")
    return Blocks(found.get(b"XMP "), exif.removeprefix(_EXIF_NAME) if exif is not None else None)


def replace(data: bytes, changes: Changes) -> tuple[ByteEdit, ...]:
    chunks = _chunks(data)
    flags = _XMP
    new: list[tuple[_Chunk | None, bytes]] = []  # a chunk that is there, and what takes its place
    if changes.exif is not None:
        old = next((one for one in chunks if one.kind == b"EXIF"), None)
        named = old is not None and data.startswith(_EXIF_NAME, old.body, old.body + old.size)
        new.append((old, _chunk(b"EXIF", (_EXIF_NAME if named else b"") + changes.exif)))
        flags |= _EXIF
    old = next((one for one in chunks if one.kind == b"XMP "), None)
    new.append((old, _chunk(b"XMP ", changes.xmp)))
    edits = [ByteEdit(old.start, min(old.end, len(data)), chunk) for old, chunk in new if old is not None]
    if added := b"".join(chunk for old, chunk in new if old is None):
        end = chunks[-1].end
        place = min(end, len(data))
        edits.append(ByteEdit(place, place, bytes(end - place) + added))
    first = chunks[0]
    if first.kind == b"VP8X":
        edits.append(ByteEdit(first.body, first.body + 1, bytes([data[first.body] | flags])))
    else:
        edits.append(ByteEdit(12, 12, _extended_header(data, first, flags)))
    (size,) = struct.unpack_from("<I", data, 4)
    size += sum(len(edit.new) - (edit.end - edit.start) for edit in edits)
    edits.append(ByteEdit(4, 8, struct.pack("<I", size)))
    return tuple(edits)


def rest(data: bytes) -> list[bytes]:
    chunks = _chunks(data)
    kept = [data[one.start : one.body + one.size] for one in chunks if one.kind not in (b"EXIF", b"XMP ", b"VP8X")]
    # The extended header may be new; its alpha, profile and animation flags and the canvas may not change.
    first = chunks[0]
    if first.kind == b"VP8X":
        header = bytes([data[first.body] & ~(_EXIF | _XMP)]) + data[first.body + 1 : first.body + 10]
    else:
        header = _extended_header(data, first, 0)[8:]
    return [header, *kept, data[chunks[-1].end :]]


def _chunks(data: bytes) -> list[_Chunk]:
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise MetadataError("it is no WebP.")
    (size,) = struct.unpack_from("<I", data, 4)
    last = 8 + size
    if last > len(data) + 1:
        raise MetadataError("its WebP chunks are cut off.")
    chunks = []
    position = 12
    while position + 8 <= min(last, len(data)):
        kind, length = struct.unpack_from("<4sI", data, position)
        if position + 8 + length > len(data):
            raise MetadataError("its WebP chunks are cut off.")
        chunks.append(_Chunk(kind, position, position + 8, length))
        position = chunks[-1].end
    if not chunks or chunks[0].kind not in (b"VP8X", b"VP8 ", b"VP8L"):
        raise MetadataError("its WebP chunks are damaged.")
    if chunks[0].kind == b"VP8X" and chunks[0].size < 10:
        raise MetadataError("its WebP chunks are damaged.")
    return chunks


def _extended_header(data: bytes, picture: _Chunk, flags: int) -> bytes:
    """A `VP8X` chunk for a simple file, with the canvas that its bitstream declares (RFC 6386, 9.1; VP8L, 3)."""
    body = data[picture.body : picture.body + picture.size]
    if picture.kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a" and len(body) >= 10:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", body, 6))
    elif picture.kind == b"VP8L" and body[:1] == b"\x2f" and len(body) >= 5:
        (bits,) = struct.unpack_from("<I", body, 1)
        width, height = (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
        flags |= _ALPHA if bits >> 28 & 1 else 0
    else:
        width = height = 0
    if not (width and height):
        raise MetadataError("its WebP picture is damaged.")
    canvas = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    return _chunk(b"VP8X", bytes([flags, 0, 0, 0]) + canvas)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)
