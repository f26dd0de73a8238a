"""Edits of a file's bytes, and the edits that lead back: all that is written into documents and pictures."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ByteEdit:
    """Replace `data[start:end]` by `new`; positions count bytes of the file before any edit."""

    start: int
    end: int
    new: bytes


def apply_edits(data: bytes, edits: Iterable[ByteEdit]) -> bytes:
    """The bytes after all edits, which must not overlap."""
    pieces = []
    position = 0
    for edit in sorted(edits, key=lambda one: (one.start, one.end)):
        if edit.start < position or edit.end < edit.start or edit.end > len(data):
            raise ValueError(f"edit at {edit.start} overlaps another or lies outside the {len(data)} bytes")
        pieces += [data[position : edit.start], edit.new]
        position = edit.end
    pieces.append(data[position:])
    return b"".join(pieces)


def inverse_edits(data: bytes, edits: Iterable[ByteEdit]) -> tuple[ByteEdit, ...]:
    """The edits that take `apply_edits(data, edits)` back to `data`."""
    result = []
    shift = 0
    for edit in sorted(edits, key=lambda one: (one.start, one.end)):
        start = edit.start + shift
        result.append(ByteEdit(start, start + len(edit.new), data[edit.start : edit.end]))
        shift += len(edit.new) - (edit.end - edit.start)
    return tuple(result)
