"""Changes to an index. Each goes in whole or not at all, and one process makes them at a time."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

from captionkit.audit.picture_hash import PictureHash
from captionkit.bundle import Bundle
from captionkit.errors import SearchError, UsageError
from captionkit.records import Caption
from captionkit.search.compact import Bytes, pack_look
from captionkit.search.database import (
    APPLICATION_ID,
    Facts,
    another_kind,
    behind_link,
    check_kind,
    connect,
    create_tables,
    intact,
    model_id,
    told,
    transaction,
    wording_id,
    write_facts,
)
from captionkit.search.expectation import vocabulary_stems
from captionkit.search.index import Index
from captionkit.search.scan import FileState
from captionkit.search.segments import Codes, drop_contents, fill_segments
from captionkit.search.words import TERMS_VERSION, index_terms

LOCK_SUFFIX = ".lock"
CAPTIONS = 5  # a picture, unless told otherwise


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """A picture that the index is to learn.

    Attributes:
        sha256: of the file, 32 bytes.
        captions: best first.
        vector: int8 [K].
        cells: int8 [G * D + 4], packed.
        look: the hashes that tell nearly the same pictures.
        codes: uint8 [S], the expected words (`expectation.to_codes`) in the order of the index's stems.
    """

    sha256: bytes
    captions: Sequence[Caption]
    vector: Bytes
    cells: Bytes
    look: PictureHash
    codes: Codes


class IndexWriter:
    """Opens an index for writing and makes it where there is none. A context manager.

    The lock is an exclusive transaction on a file beside the index: SQLite and the operating system let go of it
    when the process ends, however it ends. Readers are not kept out.
    """

    def __init__(
        self, path: Path, root: Path, bundle: Bundle, *, captions: int | None, cells: int, rebuild: bool = False
    ) -> None:
        """Prepare to write the index at `path` of the folder `root`, whose pictures `bundle` captions.

        Args:
            captions: captions a picture; None for what the index has, and `CAPTIONS` for a new one.
            cells: cells kept of each picture's grid.
            rebuild: begin anew, whatever is there.
        """
        self.path = path = behind_link(path)
        self.root = root
        self._facts = Facts(
            root=_stored_root(path, root),
            model=model_id(bundle),
            model_name=bundle.manifest.name,
            captions=CAPTIONS if captions is None else captions,
            cells=cells,
            depth=bundle.manifest.network.depth,
            terms=TERMS_VERSION,
            wording=wording_id(bundle),
        )
        self._any_captions = captions is None
        self._rebuild = rebuild
        self._stems = vocabulary_stems(bundle.tokenizer)
        self._lock: sqlite3.Connection
        self.index: Index

    def __enter__(self) -> Self:
        if not self.path.parent.is_dir():
            raise UsageError(f"Expected an existing folder for the index, but {self.path.parent} is none.")
        check_kind(self.path)
        self._lock = _locked(self.path)
        try:
            self.index = self._opened()
        except BaseException:
            self._lock.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.index.connection.close()
        self._lock.close()

    @property
    def worded_otherwise(self) -> bool:
        """Whether the captions that are there were chosen by another search or other detectors."""
        return self.index.facts.wording not in ("", self._facts.wording)

    def known_files(self) -> dict[str, tuple[FileState, int]]:
        """The files of the index by path, each with its content."""
        with told(self.path), intact(self.path):
            rows = self.index.connection.execute("SELECT path, size, mtime_ns, content FROM files")
            found = ((FileState(os.fsdecode(path), size, time), content) for path, size, time, content in rows)
            return {state.path: (state, content) for state, content in found}

    def known_contents(self) -> dict[bytes, int]:
        """The contents of the index by their SHA-256."""
        with told(self.path):
            return dict(self.index.connection.execute("SELECT sha256, id FROM contents"))

    def add(self, contents: Sequence[Content], files: Sequence[tuple[FileState, bytes]]) -> None:
        """Store new contents, and files with the SHA-256 of these or known contents, in one transaction."""
        connection = self.index.connection
        with told(self.path), transaction(connection):
            first = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM contents").fetchone()[0]
            numbered = list(enumerate(contents, start=first))
            for table, blobs in (
                ("contents", [content.sha256 for content in contents]),
                ("vectors", [content.vector.tobytes() for content in contents]),
                ("looks", [pack_look(content.look) for content in contents]),
                ("cells", [content.cells.tobytes() for content in contents]),
                ("recent", [content.codes.tobytes() for content in contents]),
            ):
                rows = list(enumerate(blobs, start=first))
                connection.executemany(f"INSERT INTO {table} VALUES (?, ?)", rows)  # noqa: S608
            connection.executemany(
                "INSERT INTO captions VALUES (?, ?, ?, ?, ?)",
                [
                    (
                        number,
                        rank,
                        one.text,
                        " ".join(one.tokens),
                        np.array(one.token_log_probabilities, "<f4").tobytes(),
                    )
                    for number, content in numbered
                    for rank, one in enumerate(content.captions)
                ],
            )
            with intact(self.path):
                fill_segments(connection)
            connection.executemany(
                "INSERT INTO terms (rowid, stems, kinds) VALUES (?, ?, ?)",
                [(number, *index_terms(one.text for one in content.captions)) for number, content in numbered],
            )
            connection.executemany(
                "INSERT OR REPLACE INTO files SELECT ?, ?, ?, id FROM contents WHERE sha256 = ?",
                [(os.fsencode(one.path), one.size, one.mtime_ns, digest) for one, digest in files],
            )

    def forget(self, paths: Iterable[str]) -> None:
        """Drop files."""
        with told(self.path), transaction(self.index.connection):
            self.index.connection.executemany(
                "DELETE FROM files WHERE path = ?", [(os.fsencode(path),) for path in paths]
            )

    def drop_orphans(self) -> None:
        """Drop contents that lie nowhere any more."""
        connection = self.index.connection
        with told(self.path), transaction(connection):
            orphans = connection.execute(
                "SELECT id FROM contents WHERE NOT EXISTS (SELECT 1 FROM files WHERE content = contents.id)"
            ).fetchall()
            if orphans:
                with intact(self.path):
                    drop_contents(connection, [content for (content,) in orphans], len(self.index.stems()))
            for table, key in (
                ("captions", "content"),
                ("vectors", "content"),
                ("looks", "content"),
                ("cells", "content"),
                ("terms", "rowid"),
                ("contents", "id"),
            ):
                connection.executemany(f"DELETE FROM {table} WHERE {key} = ?", orphans)  # noqa: S608

    def _opened(self) -> Index:
        fresh = not self.path.exists() or self.path.stat().st_size == 0
        if self._rebuild and not fresh:
            self._remove()
            fresh = True
        with told(self.path):
            connection = connect(self.path, write=True)
        try:
            if fresh:
                with told(self.path):
                    create_tables(connection, self._facts, self._stems)
            index = Index(self.path, connection)
            self._check(index.facts, index.root)
            if index.facts.terms != TERMS_VERSION:
                self._make_terms_anew(connection, index.facts)
            return index
        except BaseException:
            connection.close()
            raise

    def _remove(self) -> None:
        """Remove an index, damaged or not; anything else at its path stays, other databases too."""
        with self.path.open("rb") as handle:
            header = handle.read(100)
        # https://www.sqlite.org/fileformat.html, section 1.3: the application's number is at offset 68.
        if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
            raise another_kind(self.path)
        for suffix in ("-journal", ""):  # the journal first: a new file must not be rolled back to the old one
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self.path}{suffix}").unlink()

    def _check(self, facts: Facts, root: Path) -> None:
        if root.resolve() != self.root.resolve():
            raise SearchError(
                f"The index {self.path} is of the folder {root}, not of {self.root}; name another with --index."
            )
        if facts.model != self._facts.model:
            raise SearchError(
                f"The index {self.path} was made with another model ({facts.model_name!r}, not "
                f"{self._facts.model_name!r}); name that one with --bundle, or make the index anew with --rebuild."
            )
        if facts.captions != self._facts.captions and not self._any_captions:
            raise SearchError(
                f"The index {self.path} has {facts.captions} captions a picture, not {self._facts.captions}; "
                "leave --captions out, or make the index anew with --rebuild."
            )

    def _make_terms_anew(self, connection: sqlite3.Connection, facts: Facts) -> None:
        """Another version of captionkit made the terms: make them from the captions again."""
        with told(self.path), transaction(connection):
            connection.execute("DELETE FROM terms")
            texts: dict[int, list[str]] = {}
            for content, text in connection.execute("SELECT content, text FROM captions ORDER BY content, rank"):
                texts.setdefault(content, []).append(text)
            connection.executemany(
                "INSERT INTO terms (rowid, stems, kinds) VALUES (?, ?, ?)",
                ((content, *index_terms(captions)) for content, captions in texts.items()),
            )
            write_facts(connection, replace(facts, terms=TERMS_VERSION))


def _locked(path: Path) -> sqlite3.Connection:
    """A connection that holds the lock of an index.

    Raises:
        SearchError: another process holds it, or it cannot be made.
    """
    lock = None
    try:
        lock = sqlite3.connect(f"{path}{LOCK_SUFFIX}", timeout=0, isolation_level=None)
        lock.execute("PRAGMA journal_mode = MEMORY")  # nothing is ever written to it
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        if lock is not None:
            lock.close()
        if "locked" in str(error):
            raise SearchError(f"Another process is writing the index {path}; wait until it is done.") from None
        raise SearchError(f"Cannot write beside the index {path} ({error}); name another with --index.") from None
    return lock


def _stored_root(path: Path, root: Path) -> str:
    """The root as the index keeps it: relative where folder and index can move together."""
    here, there = path.absolute().parent.resolve(), root.resolve()
    return Path(os.path.relpath(there, here)).as_posix() if here.is_relative_to(there) else there.as_posix()
