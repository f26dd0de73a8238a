"""Bytes of a text document -> characters and back, so that every byte outside an edit stays what it was."""

from __future__ import annotations

import codecs
import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from captionkit.alttext.formats.pictures import Edit, Picture, slot_edits
from captionkit.errors import DataError
from captionkit.files.edits import ByteEdit

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True, slots=True)
class DecodedText:
    """A text with the encoding that gives its bytes back exactly.

    Attributes:
        text: the characters, byte order mark left off; bytes that are not valid stand as lone surrogates.
        encoding: a Python codec name without a byte order mark of its own.
        mark: length in bytes of the byte order mark.
        ascii_only: write other characters as numeric references, because the declared encoding is in doubt.
    """

    text: str
    encoding: str
    mark: int
    ascii_only: bool = False

    def byte_edits(self, edits: Iterable[Edit]) -> tuple[ByteEdit, ...]:
        """Edits of the text as edits of the file's bytes, in order of their place."""
        result = []
        position, offset = 0, self.mark
        for edit in sorted(edits, key=lambda one: (one.start, one.end)):
            offset += len(self._encode(self.text[position : edit.start]))
            size = len(self._encode(self.text[edit.start : edit.end]))
            result.append(ByteEdit(offset, offset + size, self._encode_new(edit.new)))
            position, offset = edit.end, offset + size
        return tuple(result)

    def _encode(self, text: str) -> bytes:
        return text.encode(self.encoding, "surrogateescape")

    def _encode_new(self, text: str) -> bytes:
        if self.ascii_only:
            return text.encode("ascii", "xmlcharrefreplace").decode("ascii").encode(self.encoding)
        return text.encode(self.encoding, "xmlcharrefreplace")


@dataclass(frozen=True, slots=True)
class TextDocument:
    """A text with its `pictures` in the order of the source, and the `base` address of a page that has one."""

    decoded: DecodedText
    pictures: tuple[Picture, ...]
    base: str = ""

    def edits(self, alts: Mapping[int, str]) -> tuple[ByteEdit, ...]:
        """The edits of the file that give picture number `i` the alternative text `alts[i]`."""
        return self.decoded.byte_edits(slot_edits(self.pictures, alts))

    def embedded(self, name: str) -> bytes | None:
        """A text holds no pictures of its own beside `data:` addresses."""
        return None


def marked_encoding(data: bytes) -> tuple[str, int] | None:
    """The encoding that a byte order mark names, and the mark's length; None without a mark."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding, len(mark)
    return None


def decode_utf8(data: bytes) -> DecodedText:
    """Text that is UTF-8 unless a byte order mark says otherwise; broken bytes are carried along unchanged."""
    encoding, mark = marked_encoding(data) or ("utf-8", 0)
    return _decode(data, encoding, mark)


def decode_declared(data: bytes, declared: str) -> DecodedText:
    """Text whose document or protocol declares an encoding; UTF-8 where the bytes plainly are UTF-8.

    Args:
        data: the file.
        declared: the declared or assumed encoding, any label that Python knows.
    """
    marked = marked_encoding(data)
    if marked is not None:
        return _decode(data, *marked)
    try:
        encoding = codecs.lookup(declared).name
    except LookupError:
        encoding = "cp1252"
    if encoding.startswith("utf"):
        return _decode(data, encoding, 0)
    if not encoding.startswith("iso2022"):  # an escape-coded text is valid UTF-8 too
        with contextlib.suppress(UnicodeDecodeError):
            return DecodedText(data.decode("utf-8"), "utf-8", 0, ascii_only=True)
    try:
        decoded = _decode(data, encoding, 0)
    except DataError:
        decoded = _decode(data, "latin-1", 0)  # to which every byte is a character
    return replace(decoded, ascii_only=True)


def _decode(data: bytes, encoding: str, mark: int) -> DecodedText:
    try:
        text = data[mark:].decode(encoding, "surrogateescape")
        back = text.encode(encoding, "surrogateescape")
    except UnicodeError:
        back = b""
    if back != data[mark:]:
        raise DataError(f"its bytes do not come back from {encoding} unchanged, so it is left alone.")
    return DecodedText(text, encoding, mark)
