"""The index: one SQLite file over the pictures of a folder. `docs/formats.md` describes its tables.

Letters: N pictures, G cells kept of the grid, D feature depth, K numbers of the short vector.

A *content* is the bytes of a picture with its captions; a *file* is a path at which a content lies. A file that
moved, and a copy, lead to the content that is there.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from captionkit.bundle import Bundle
from captionkit.errors import SearchError
from captionkit.files import sha256
from captionkit.search.compact import VECTOR, unpack
from captionkit.search.words import QueryWord, match_expression

INDEX_NAME = ".captionkit-index.sqlite"
APPLICATION_ID = 0x434B4958  # "CKIX"
VERSION = 1
BUSY_SECONDS = 30.0

_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE contents (id INTEGER PRIMARY KEY, sha256 BLOB NOT NULL UNIQUE);
CREATE TABLE files (
  path BLOB PRIMARY KEY,
  size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL,
  content INTEGER NOT NULL REFERENCES contents
);
CREATE INDEX files_by_content ON files (content);
CREATE TABLE captions (
  content INTEGER NOT NULL REFERENCES contents,
  rank INTEGER NOT NULL,
  text TEXT NOT NULL,
  tokens TEXT NOT NULL,
  log_probabilities BLOB NOT NULL,
  PRIMARY KEY (content, rank)
) WITHOUT ROWID;
CREATE TABLE vectors (content INTEGER PRIMARY KEY REFERENCES contents, vector BLOB NOT NULL);
CREATE TABLE cells (content INTEGER PRIMARY KEY REFERENCES contents, cells BLOB NOT NULL);
CREATE VIRTUAL TABLE terms USING fts5 (stems, kinds, tokenize = "unicode61 remove_diacritics 0");
"""
# A hit in the second column, of wider terms, counts this much beside one in the first.
KIND_WEIGHT = 0.3


@dataclass(frozen=True, slots=True)
class StoredCaption:
    """A caption as the index has it.

    Attributes:
        text: the sentence.
        tokens: its words.
        log_probabilities: natural logarithms, one a token, then one for eos where it was reached.
    """

    text: str
    tokens: tuple[str, ...]
    log_probabilities: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """What an index says of itself.

    Attributes:
        root: the folder, relative to the index's own where that lies inside; "/" between names.
        model: `model_id` of the bundle that captioned it.
        model_name: that bundle's name, for messages.
        captions: captions a picture.
        cells: G; depth: D.
        terms: the `TERMS_VERSION` of its terms.
    """

    root: str
    model: str
    model_name: str
    captions: int
    cells: int
    depth: int
    terms: int


def model_id(bundle: Bundle) -> str:
    """64 hexadecimal digits that two bundles share if they say the same of every picture.

    Networks, vocabulary and the size of the picture count; name, scores and card do not.
    """
    size = bundle.manifest.network.image_size
    parts = [
        sha256(bundle.encoder),
        sha256(bundle.decoder),
        sha256(bundle.tokenizer.to_json().encode()),
        str(size),
    ]
    return sha256(" ".join(parts).encode())


class Index:
    """An index that is there. A context manager; closes its file.

    Attributes:
        path: the file.
        facts: what it says of itself.
        root: the folder whose pictures it knows.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Take a connection that `open_index` or `create_index` made."""
        self.path = path
        self.connection = connection
        self.facts = read_facts(connection, path)
        self.root = Path(os.path.normpath(path.absolute().parent / os.fsdecode(self.facts.root)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    def count(self) -> int:
        """Contents: pictures, copies counted once."""
        with told(self.path):
            return int(self.connection.execute("SELECT count(*) FROM vectors").fetchone()[0])

    def matches(self, words: Sequence[QueryWord], limit: int) -> dict[int, float]:
        """The contents whose captions fit best: id -> BM25, best first; the larger the better.

        BM25 is FTS5's: k1 = 1.2, b = 0.75 (S. Robertson and H. Zaragoza, "The Probabilistic Relevance Framework:
        BM25 and Beyond", 2009, equation 3.15), over all captions of a picture as one text.
        """
        if not words:
            return {}
        query = f"SELECT rowid, -bm25(terms, 1.0, {KIND_WEIGHT}) AS score FROM terms WHERE terms MATCH ? "  # noqa: S608
        with told(self.path):
            rows = self.connection.execute(
                query + "ORDER BY score DESC, rowid LIMIT ?", (match_expression(words), limit)
            )
            return {int(content): float(score) for content, score in rows}

    def first(self, limit: int) -> list[int]:
        """The first contents, in the order they came in."""
        with told(self.path):
            rows = self.connection.execute("SELECT content FROM vectors ORDER BY content LIMIT ?", (limit,))
            return [int(content) for (content,) in rows]

    def spread(self, count: int) -> list[int]:
        """At most `count` contents, evenly spread over the order they came in."""
        with told(self.path):
            last = self.connection.execute("SELECT max(content) FROM vectors").fetchone()[0]
            if last is None:
                return []
            query = "SELECT min(content) FROM vectors WHERE content >= ?"
            places = range(1, last + 1, max(1, -(-last // count)))
            rows = [self.connection.execute(query, (place,)).fetchone()[0] for place in places]
        return list(dict.fromkeys(rows))

    def captions(self, contents: Iterable[int]) -> dict[int, list[StoredCaption]]:
        """The captions of contents, best first."""
        found: dict[int, list[StoredCaption]] = {}
        for content, text, tokens, blob in self._of(
            "SELECT content, text, tokens, log_probabilities FROM captions WHERE content IN ({}) "
            "ORDER BY content, rank",
            contents,
        ):
            values = np.frombuffer(blob, "<f4").tolist()
            found.setdefault(content, []).append(StoredCaption(text, tuple(tokens.split()), tuple(values)))
        return found

    def paths(self, contents: Iterable[int]) -> dict[int, list[Path]]:
        """Where contents lie, each path below the root, in the order of the names."""
        found: dict[int, list[Path]] = {}
        for content, path in self._of(
            "SELECT content, path FROM files WHERE content IN ({}) ORDER BY content, path", contents
        ):
            found.setdefault(content, []).append(self.root / os.fsdecode(path))
        return found

    def cells(self, contents: Sequence[int]) -> npt.NDArray[np.float32]:
        """float32 [N, G, D] of contents, in their order.

        Raises:
            SearchError: one of them has none: the index is damaged.
        """
        expected = self.facts.cells * self.facts.depth + 4
        blobs = dict(self._of("SELECT content, cells FROM cells WHERE content IN ({})", contents))
        if any(len(blobs.get(content, b"")) != expected for content in contents):
            raise damaged(self.path)
        packed = np.frombuffer(b"".join(blobs[content] for content in contents), np.int8)
        return unpack(packed.reshape(-1, expected)).reshape(-1, self.facts.cells, self.facts.depth)

    def vectors(self, rows: int = 16_384) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int8]]]:
        """All short vectors, some at a time: contents int64 [n] and vectors int8 [n, K]."""
        last = -1
        while True:
            with told(self.path):
                some = self.connection.execute(
                    "SELECT content, vector FROM vectors WHERE content > ? ORDER BY content LIMIT ?", (last, rows)
                ).fetchall()
            if not some:
                return
            if any(len(vector) != VECTOR for _, vector in some):
                raise damaged(self.path)
            last = some[-1][0]
            yield (
                np.array([content for content, _ in some], np.int64),
                np.frombuffer(b"".join(vector for _, vector in some), np.int8).reshape(-1, VECTOR),
            )

    def vector(self, content: int) -> npt.NDArray[np.int8]:
        """The short vector int8 [K] of a content."""
        blobs = dict(self._of("SELECT content, vector FROM vectors WHERE content IN ({})", [content]))
        if len(blobs.get(content, b"")) != VECTOR:
            raise damaged(self.path)
        return np.frombuffer(blobs[content], np.int8)

    def copied(self) -> list[int]:
        """The contents that lie at more than one path."""
        with told(self.path):
            rows = self.connection.execute(
                "SELECT content FROM files GROUP BY content HAVING count(*) > 1 ORDER BY content"
            )
            return [int(content) for (content,) in rows]

    def content_of(self, digest: bytes) -> int | None:
        """The content with this SHA-256 (32 bytes), if the index has it."""
        with told(self.path):
            row = self.connection.execute("SELECT id FROM contents WHERE sha256 = ?", (digest,)).fetchone()
        return None if row is None else int(row[0])

    def _of(self, query: str, contents: Iterable[int]) -> Iterator[Any]:
        wanted = list(contents)
        for first in range(0, len(wanted), 500):  # SQLite takes 999 parameters or more, by version
            some = wanted[first : first + 500]
            with told(self.path):
                rows = self.connection.execute(query.format(",".join("?" * len(some))), some).fetchall()
            yield from rows


def open_index(path: Path) -> Index:
    """Open an index to search it.

    Raises:
        SearchError: there is none, or it is damaged or of another version.
    """
    if not path.is_file():
        raise SearchError(
            f"Expected a search index at {path}, but there is none; make it: captionkit index FOLDER."
        )
    with told(path):
        connection = connect(path, write=False)
    try:
        return Index(path, connection)
    except BaseException:
        connection.close()
        raise


def find_index(start: Path) -> Path:
    """The index of the folder `start` or of the nearest folder above.

    Raises:
        SearchError: there is none.
    """
    for folder in (start.absolute(), *start.absolute().parents):
        if (folder / INDEX_NAME).is_file():
            return folder / INDEX_NAME
    raise SearchError(
        f"Expected a search index in {start.absolute()} or a folder above, but there is none; "
        "make it with captionkit index FOLDER, or name one with --index."
    )


def connect(path: Path, *, write: bool) -> sqlite3.Connection:
    """A connection that trusts nothing in the file but its tables. A new file stays empty until it is filled."""
    # A reader, too, opens for writing where it can: what a writer that was killed left must be rolled back.
    mode = "rwc" if write else "rw" if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK) else "ro"
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_SECONDS, isolation_level=None
    )
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        if not write:
            connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def create_tables(connection: sqlite3.Connection, facts: Facts) -> None:
    """Make the tables of an empty file, all or none."""
    with transaction(connection):
        for statement in _SCHEMA.split(";\n"):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        write_facts(connection, facts)


def write_facts(connection: sqlite3.Connection, facts: Facts) -> None:
    """Store what the index says of itself; inside a transaction."""
    values = {name: getattr(facts, name) for name in Facts.__slots__}
    connection.executemany(
        "INSERT OR REPLACE INTO facts VALUES (?, ?)", [(name, json.dumps(value)) for name, value in values.items()]
    )


def read_facts(connection: sqlite3.Connection, path: Path) -> Facts:
    """What the index says of itself.

    Raises:
        SearchError: it is none, damaged, or of a later version.
    """
    with told(path):
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if application != APPLICATION_ID:
            raise SearchError(f"Expected a search index of captionkit at {path}, but it is another kind of file.")
        if version != VERSION:
            raise SearchError(
                f"{path} has version {version}, but this captionkit reads version {VERSION}; "
                "make it anew: captionkit index FOLDER --rebuild."
            )
        rows: Mapping[str, str] = dict(connection.execute("SELECT name, value FROM facts"))
    try:
        values = {name: json.loads(rows[name]) for name in Facts.__slots__}
    except (KeyError, TypeError, ValueError):
        raise damaged(path) from None
    whole = ("captions", "cells", "depth", "terms")
    if any(type(value) is not (int if name in whole else str) for name, value in values.items()):
        raise damaged(path)
    if not (1 <= values["cells"] <= 1 << 16 and 1 <= values["depth"] <= 1 << 16):
        raise damaged(path)
    return Facts(**values)


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of a block's changes, or none."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@contextlib.contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into one sentence."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise SearchError(f"{path} is being written by another process; try again in a moment.") from None
        raise SearchError(f"SQLite cannot use the index {path} ({error}).") from None
    except sqlite3.DatabaseError:
        raise damaged(path) from None


def damaged(path: Path) -> SearchError:
    """The error of an index whose contents are not as they must be."""
    return SearchError(f"The index {path} is damaged; make it anew: captionkit index FOLDER --rebuild.")
