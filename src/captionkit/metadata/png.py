"""PNG: XMP in an `iTXt` chunk, EXIF in `eXIf` (PNG 3rd edition, 11.3). Chunks of image data are never changed.

`read`, `replace` and `rest` are those of `blocks.Container`.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from captionkit.files.edits import ByteEdit
from captionkit.metadata.blocks import Blocks, Changes, MetadataError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_XMP_KEY = b"XML:com.adobe.xmp\0"
_DESCRIPTION = b"Description\0"
_MAX_TEXT = 16_000_000
ADDS_IPTC = False


@dataclass(frozen=True, slots=True)
class _Chunk:
    kind: bytes
    start: int
    body: int
    end: int  # behind the checksum


def read(data: bytes) -> Blocks:
    xmp = exif = None
    described = ""
    for chunk in _chunks(data):
        body = data[chunk.body : chunk.end - 4]
        if _is_xmp(data, chunk):
            xmp = xmp if xmp is not None else _xmp(body)
        elif chunk.kind == b"eXIf":
            exif = exif if exif is not None else body
        elif chunk.kind in (b"tEXt", b"zTXt", b"iTXt") and body.startswith(_DESCRIPTION):
            described = described or _text(chunk.kind, body).decode("utf-8", "replace").strip()
    return Blocks(xmp, exif, described=described)


def replace(data: bytes, changes: Changes) -> tuple[ByteEdit, ...]:
    chunks = _chunks(data)
    old = next((one for one in chunks if _is_xmp(data, one)), None)
    edits = [_edit(chunks, old, _chunk(b"iTXt", _XMP_KEY + b"\0\0\0\0" + changes.xmp))]
    if changes.exif is not None:
        old = next((one for one in chunks if one.kind == b"eXIf"), None)
        edits.append(_edit(chunks, old, _chunk(b"eXIf", changes.exif)))
    return tuple(edits)


def rest(data: bytes) -> list[bytes]:
    chunks = _chunks(data)
    kept = [data[one.start : one.end] for one in chunks if one.kind != b"eXIf" and not _is_xmp(data, one)]
    return [*kept, data[chunks[-1].end :]]


def _chunks(data: bytes) -> list[_Chunk]:
    if not data.startswith(SIGNATURE):
        raise MetadataError("it is no PNG.")
    chunks: list[_Chunk] = []
    position = len(SIGNATURE)
    while not chunks or chunks[-1].kind != b"IEND":
        if position + 12 > len(data):
            raise MetadataError("its PNG chunks are cut off.")
        size, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + size
        if end > len(data) or not kind.isalpha() or (not chunks and kind != b"IHDR"):
            raise MetadataError("its PNG chunks are damaged.")
        chunks.append(_Chunk(kind, position, position + 8, end))
        position = end
    return chunks


def _edit(chunks: list[_Chunk], old: _Chunk | None, new: bytes) -> ByteEdit:
    """A chunk in the place of an old one, or behind IHDR, where every reader has seen it before the pixels."""
    return ByteEdit(old.start if old else chunks[0].end, old.end if old else chunks[0].end, new)


def _is_xmp(data: bytes, chunk: _Chunk) -> bool:
    return chunk.kind == b"iTXt" and data.startswith(_XMP_KEY, chunk.body)


def _xmp(body: bytes) -> bytes:
    """The packet in an `iTXt` chunk."""
    try:
        return _international(body[len(_XMP_KEY) :])
    except (zlib.error, ValueError):
        raise MetadataError("its XMP chunk is damaged.") from None
    except OverflowError:
        raise MetadataError("its XMP chunk is too large.") from None


def _text(kind: bytes, body: bytes) -> bytes:
    """The text of a chunk with the keyword `Description`; the keyword itself where it cannot be unpacked."""
    rest = body[len(_DESCRIPTION) :]
    try:
        return rest if kind == b"tEXt" else _unpack(rest[1:]) if kind == b"zTXt" else _international(rest)
    except (zlib.error, ValueError, OverflowError):
        return body[: len(_DESCRIPTION) - 1]  # there is one, whatever it says


def _international(rest: bytes) -> bytes:
    """What `iTXt` says behind its keyword: compression flag and method, language, translated keyword, text."""
    *_, text = parts = rest[2:].split(b"\0", 2)
    if len(parts) != 3:
        raise ValueError("cut off")
    return _unpack(text) if rest[:1] == b"\1" else text


def _unpack(data: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    text = unpacker.decompress(data, _MAX_TEXT)
    if unpacker.unconsumed_tail:
        raise OverflowError
    return text


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
