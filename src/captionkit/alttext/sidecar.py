"""`.captionkit-alt.json`: what was written into documents, by whom, and the bytes that were there before.

It lies in the root. Each write records the file's SHA-256 before and after and the edits that lead back, so
undoing restores the file byte for byte, and a file that someone changed since is recognised.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from captionkit.alttext.decoding import ByteEdit
from captionkit.errors import DataError, WriteError
from captionkit.files import read_bounded, sha256, write_bytes

NAME = ".captionkit-alt.json"
VERSION = 1
MAX_SIDECAR_BYTES = 512_000_000


@dataclass(frozen=True, slots=True)
class WrittenAlt:
    """One alternative text that was written.

    Attributes:
        id: the finding's id before the text was written.
        source, member: the picture's address (see `short_source`) and the member or cell it stands in.
        before, alt: the alternative text before (None: there was none) and now.
        by: "model" where it was sure enough alone, "reviewed" where a person accepted the model's words, "person"
            where a person wrote or changed them.
        model: the SHA-256 of the bundle that proposed it; empty for a person's own words.
        confidence: the model's confidence; None where it gave none.
    """

    id: str
    source: str
    member: str
    before: str | None
    alt: str
    by: str
    model: str = ""
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Write:
    """One write of one document; `undo` leads from the bytes after it to those before.

    `before` and `after` are SHA-256; `before` is empty where the write made the file.
    """

    document: str
    time: str
    before: str
    after: str
    alts: tuple[WrittenAlt, ...]
    undo: tuple[ByteEdit, ...]


@dataclass(slots=True)
class Sidecar:
    """The writes under one root, oldest first. `seen` is what the file held when it was read or written last."""

    path: Path
    writes: list[Write] = field(default_factory=list)
    seen: bytes = b""

    def save(self) -> None:
        """Write the file, whole or not at all; with no writes left, remove it.

        Raises:
            DataError: another process has written it meanwhile; its records must not be lost.
            WriteError: it cannot be written; the file is as it was.
        """
        if (read_bounded(self.path, MAX_SIDECAR_BYTES) if self.path.exists() else b"") != self.seen:
            raise DataError(f"{self.path} was changed by another process; nothing more is written, run again.")
        if self.writes:
            document = {
                "format": "captionkit-alt",
                "version": VERSION,
                "writes": [_plain(one) for one in self.writes],
            }
            data = (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode("utf-8")
            write_bytes(self.path, data)
            self.seen = data
        else:
            try:
                self.path.unlink(missing_ok=True)
            except OSError as error:
                raise WriteError(self.path, error) from None
            self.seen = b""

    def remember(self, write: Write) -> None:
        """Add a record and save; where it cannot be saved, it is not added.

        Raises:
            DataError, WriteError: as `save`.
        """
        self.writes.append(write)
        try:
            self.save()
        except BaseException:
            self.writes.remove(write)
            raise

    def wrote(self, document: str, source: str, member: str, alt: str | None) -> bool:
        """Whether `alt` is what was written for that picture of that document."""
        return any(
            one.alt == alt and one.source == short_source(source) and one.member == member
            for write in self.writes
            if write.document == document
            for one in write.alts
        )


def short_source(source: str) -> str:
    """A picture's address; a long one (`data:`) by its hash."""
    return source if len(source) <= 1000 else f"sha256:{sha256(source.encode('utf-8', 'surrogatepass'))}"


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def open_sidecar(root: Path, name: str = NAME) -> Sidecar:
    """The sidecar of a root; empty where there is none yet.

    Raises:
        DataError: it is damaged, or of a later version.
    """
    path = root / name
    if not path.exists():
        return Sidecar(path)
    mistake = f"{path} is not a sidecar of captionkit or is damaged; move it away to begin a new one"
    try:
        data = read_bounded(path, MAX_SIDECAR_BYTES)
        document = json.loads(data)
        if document["format"] != "captionkit-alt":
            raise DataError(f"{mistake}.")
        if document["version"] != VERSION:
            raise DataError(f"{path} has version {document['version']}, but this captionkit knows {VERSION} only.")
        return Sidecar(path, [_parse(one) for one in document["writes"]], data)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise DataError(f"{mistake}.") from None


def _plain(write: Write) -> dict[str, Any]:
    return {
        "document": write.document,
        "time": write.time,
        "before": write.before,
        "after": write.after,
        "alts": [
            {
                "id": one.id,
                "source": one.source,
                "member": one.member,
                "before": one.before,
                "alt": one.alt,
                "by": one.by,
                "model": one.model,
                "confidence": one.confidence,
            }
            for one in write.alts
        ],
        "undo": [[one.start, one.end, base64.b64encode(one.new).decode("ascii")] for one in write.undo],
    }


def _parse(entry: Any) -> Write:
    undo: list[ByteEdit] = []
    for start, end, new in entry["undo"]:
        if not (isinstance(start, int) and isinstance(end, int) and 0 <= start <= end):
            raise ValueError("an edit that is none")
        undo.append(ByteEdit(start, end, _bytes(new)))
    alts = tuple(
        WrittenAlt(
            str(one["id"]),
            str(one["source"]),
            str(one["member"]),
            None if one["before"] is None else str(one["before"]),
            str(one["alt"]),
            str(one["by"]),
            str(one["model"]),
            None if one["confidence"] is None else float(one["confidence"]),
        )
        for one in entry["alts"]
    )
    document, time, before, after = (str(entry[key]) for key in ("document", "time", "before", "after"))
    return Write(document, time, before, after, alts, tuple(undo))


def _bytes(value: Any) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
