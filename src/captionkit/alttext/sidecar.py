"""`.captionkit-alt.json`: what was written into documents, by whom, and the bytes that were there before.

It lies in the root. Each write records the file's SHA-256 before and after and the edits that lead back, so
undoing restores the file byte for byte, and a file that someone changed since is recognised.

Its first line says what it is; each line after it is a write with a number, or forgets the write of a number. So a
change is one more line, however many there are. A last line that is cut off was being added when its process was
killed: its document has not been written.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from captionkit.errors import DataError, WriteError
from captionkit.files import read_bounded, sha256, write_bytes
from captionkit.files.edits import ByteEdit, apply_edits, inverse_edits

NAME = ".captionkit-alt.json"
VERSION = 2  # 1 was one JSON document with all writes
MAX_SIDECAR_BYTES = 512_000_000
_HEADER = (json.dumps({"format": "captionkit-alt", "version": VERSION}) + "\n").encode("ascii")
_SPARE = 100  # so many forgotten writes are no reason to write the file anew
_Stamp = tuple[int, int, int] | None


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


class Writes:
    """Records, oldest first. However many there are, dropping one and finding those of a document are quick.

    Attributes:
        new: numbers of records that the file does not hold yet.
        gone: numbers of records that it holds still.
    """

    def __init__(self) -> None:
        self._writes: dict[int, Write] = {}  # by number
        self._numbers: dict[int, int] = {}  # by identity: records may be equal
        self._documents: dict[str, dict[int, Write]] = {}
        self._next = 0
        self.new: set[int] = set()
        self.gone: set[int] = set()

    def __iter__(self) -> Iterator[Write]:
        return iter(self._writes.values())

    def __reversed__(self) -> Iterator[Write]:
        return reversed(self._writes.values())

    def __len__(self) -> int:
        return len(self._writes)

    def of(self, document: str) -> list[Write]:
        """The records of a document, oldest first."""
        return list(self._documents.get(document, {}).values())

    def append(self, write: Write, number: int | None = None) -> None:
        """Add a record, with the number that it has in the file or the next one."""
        number = self._next if number is None else number
        self._writes[number] = write
        self._numbers[id(write)] = number
        self._documents.setdefault(write.document, {})[number] = write
        self._next = max(self._next, number + 1)
        self.new.add(number)

    def remove(self, write: Write) -> None:
        """Drop a record: this very one, not one that is equal."""
        number = self._numbers.pop(id(write))
        del self._writes[number], self._documents[write.document][number]
        if number in self.new:
            self.new.remove(number)
        else:
            self.gone.add(number)

    def lines(self) -> bytes:
        """The lines of a new file."""
        return b"".join(_line({"number": number, **_plain(write)}) for number, write in self._writes.items())

    def changes(self) -> bytes:
        """The lines that the file lacks."""
        added = [_line({"number": number, **_plain(self._writes[number])}) for number in sorted(self.new)]
        return b"".join([*added, *(_line({"forget": number}) for number in sorted(self.gone))])

    def settle(self) -> None:
        """The file lacks nothing now."""
        self.new.clear()
        self.gone.clear()


class Sidecar:
    """The writes under one root, oldest first.

    Attributes:
        path: the file.
        writes: what it holds, and what the next `save` adds or drops.
    """

    def __init__(
        self, path: Path, writes: Mapping[int, Write] | None = None, *, stamp: _Stamp = None, anew: bool = True
    ) -> None:
        """Take what `open_sidecar` read, by number.

        Args:
            path: the file.
            writes: what it holds.
            stamp: of the file before it was read; None where there was none.
            anew: nothing can be added to the file as it is.
        """
        self.path = path
        self.writes = Writes()
        for number, write in (writes or {}).items():
            self.writes.append(write, number)
        self.writes.settle()
        self._anew = anew
        self._dead = 0  # records that the file holds and that were forgotten since
        self._stamp = stamp

    def save(self) -> None:
        """Bring the file up to date, wholly or not at all; with no writes left, remove it.

        Raises:
            DataError: another process has written it meanwhile (its records must not be lost), or it is too long.
            WriteError: it cannot be written; the file is as it was.
        """
        if _stamp(self.path) != self._stamp:
            raise DataError(f"{self.path} was changed by another process; nothing more is written, run again.")
        writes, dead = self.writes, self._dead + len(self.writes.gone)
        try:
            if not writes:
                self.path.unlink(missing_ok=True)
                self._anew = True
            elif self._anew or dead > len(writes) + _SPARE:
                write_bytes(self.path, self._bounded(_HEADER + writes.lines()))
                self._anew, dead = False, 0
            else:
                self._add(self._bounded(writes.changes(), self.path.stat().st_size))
        except WriteError:
            raise
        except OSError as error:
            raise WriteError(self.path, error) from None
        finally:
            self._stamp = _stamp(self.path)
        self._dead = dead
        writes.settle()

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

    def write(
        self, path: Path, old: bytes | None, edits: Sequence[ByteEdit], alts: tuple[WrittenAlt, ...]
    ) -> None:
        """Edit a file below the root, and remember it before; where it cannot be done, it is forgotten.

        Args:
            path: the file, without symbolic links.
            old: its bytes; None where there is no file yet.
            edits: of these bytes.
            alts: what they say.

        Raises:
            DataError: as `save`; or `path` cannot be written.
            WriteError: as `save`.
        """
        data = old or b""
        new = apply_edits(data, edits)
        name = path.relative_to(self.path.parent.resolve()).as_posix()
        before = sha256(data) if old is not None else ""
        time = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        record = Write(name, time, before, sha256(new), alts, inverse_edits(data, edits))
        self.remember(record)
        try:
            write_bytes(path, new)
        except OSError as error:
            self.writes.remove(record)
            self.save()
            raise DataError(f"{path} cannot be written ({error.strerror or error}).") from None

    def wrote(self, document: str, source: str, member: str, alt: str | None) -> bool:
        """Whether `alt` is what was written for that picture of that document."""
        return any(
            one.alt == alt and one.source == short_source(source) and one.member == member
            for write in self.writes.of(document)
            for one in write.alts
        )

    def _add(self, lines: bytes) -> None:
        """Lines at the end, on the disk before anything that they tell of is done."""
        with self.path.open("r+b", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            try:
                written = file.write(lines)
                if written != len(lines):  # the disk is full; asked for the rest, it says so
                    file.write(lines[written:])
                os.fsync(file.fileno())
            except BaseException:
                self._anew = True  # half a line may stand there
                with contextlib.suppress(OSError):
                    file.truncate(end)
                raise

    def _bounded(self, data: bytes, before: int = 0) -> bytes:
        if before + len(data) > MAX_SIDECAR_BYTES:
            raise DataError(
                f"{self.path} would be longer than the {MAX_SIDECAR_BYTES:,} bytes that are read of it; "
                "nothing more is written: move it away to begin a new one."
            )
        return data


def _stamp(path: Path) -> _Stamp:
    """What differs once another process has written a file."""
    try:
        state = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return state.st_ino, state.st_size, state.st_mtime_ns


def short_source(source: str) -> str:
    """A picture's address; a long one (`data:`) by its hash."""
    return source if len(source) <= 1000 else f"sha256:{sha256(source.encode('utf-8', 'surrogatepass'))}"


def open_sidecar(root: Path, name: str = NAME) -> Sidecar:
    """The sidecar of a root; empty where there is none yet.

    Raises:
        DataError: it is damaged, of a later version, or in a folder that may not be entered.
    """
    path = root / name
    try:
        stamp = _stamp(path)
    except OSError as error:
        raise DataError(f"Expected a readable file at {path}, but it cannot be read ({error.strerror}).") from None
    if stamp is None:
        return Sidecar(path)
    mistake = f"{path} is not a sidecar of captionkit or is damaged; move it away to begin a new one"
    try:
        data = read_bounded(path, MAX_SIDECAR_BYTES)
        first, _, rest = data.partition(b"\n")
        document = json.loads(first if first.endswith(b"}") else data)  # version 1 has its keys on several lines
        if document["format"] != "captionkit-alt":
            raise DataError(f"{mistake}.")
        if document["version"] not in (1, VERSION):
            raise DataError(
                f"{path} has version {document['version']}, but this captionkit knows 1 and {VERSION} only."
            )
        if document["version"] == 1:
            return Sidecar(path, dict(enumerate(map(_parse, document["writes"]))), stamp=stamp)
        writes, whole = _read_lines(rest)
        return Sidecar(path, writes, stamp=stamp, anew=not whole)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise DataError(f"{mistake}.") from None


def _read_lines(data: bytes) -> tuple[dict[int, Write], bool]:
    """The writes by number, and whether the last line is whole. A line that comes twice says nothing new."""
    writes: dict[int, Write] = {}
    lines = data.splitlines()
    for place, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
        except ValueError:
            if place < len(lines):
                raise
            return writes, False
        if "forget" in entry:
            writes.pop(entry["forget"], None)
        else:
            writes[int(entry["number"])] = _parse(entry)
    return writes, data.endswith(b"\n") or not data


def _line(entry: Mapping[str, Any]) -> bytes:
    # Names need not be Unicode: escaped, their bytes come back as they were.
    return f"{json.dumps(entry, ensure_ascii=True)}\n".encode("ascii")


def _plain(write: Write) -> dict[str, Any]:
    undo = [[one.start, one.end, base64.b64encode(one.new).decode("ascii")] for one in write.undo]
    return {**asdict(write), "undo": undo}


def _parse(entry: Any) -> Write:
    undo: list[ByteEdit] = []
    for start, end, new in entry["undo"]:
        if not (isinstance(start, int) and isinstance(end, int) and 0 <= start <= end):
            raise ValueError("an edit that is none")
        undo.append(ByteEdit(start, end, base64.b64decode(new, validate=True)))
    alts = []
    for one in entry["alts"]:
        source, member, by, model = (str(one[key]) for key in ("source", "member", "by", "model"))
        old = None if one["before"] is None else str(one["before"])
        confidence = None if one["confidence"] is None else float(one["confidence"])
        alts.append(WrittenAlt(str(one["id"]), source, member, old, str(one["alt"]), by, model, confidence))
    document, time, before, after = (str(entry[key]) for key in ("document", "time", "before", "after"))
    if b"\0" in os.fsencode(document):  # half a character is a ValueError here too
        raise ValueError("a name that no file has")
    return Write(document, time, before, after, tuple(alts), tuple(undo))
