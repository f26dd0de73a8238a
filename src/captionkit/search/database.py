"""The SQLite file of an index: its tables, how it is opened, and what it says of itself.

Nothing in the file is trusted: it may come from anywhere, and its process may have been killed at any moment.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from captionkit.bundle import Bundle
from captionkit.errors import SearchError
from captionkit.files import real_path, sha256

INDEX_NAME = ".captionkit-index.sqlite"
APPLICATION_ID = 0x434B4958  # "CKIX"
VERSION = 1
BUSY_SECONDS = 30.0
_SQLITE = b"SQLite format 3\0"  # https://www.sqlite.org/fileformat.html, section 1.3

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
CREATE TABLE looks (content INTEGER PRIMARY KEY REFERENCES contents, look BLOB NOT NULL);
CREATE TABLE cells (content INTEGER PRIMARY KEY REFERENCES contents, cells BLOB NOT NULL);
CREATE TABLE stems (place INTEGER PRIMARY KEY, stem TEXT NOT NULL UNIQUE);
CREATE TABLE recent (content INTEGER PRIMARY KEY REFERENCES contents, codes BLOB NOT NULL);
CREATE TABLE segments (id INTEGER PRIMARY KEY, contents BLOB NOT NULL);
CREATE TABLE columns (id INTEGER PRIMARY KEY, codes BLOB NOT NULL);
CREATE VIRTUAL TABLE terms USING fts5 (stems, kinds, tokenize = "unicode61 remove_diacritics 0");
"""


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
        wording: `wording_id` of the bundle that it was begun with; empty in an index of before it was kept.
    """

    root: str
    model: str
    model_name: str
    captions: int
    cells: int
    depth: int
    terms: int
    wording: str = ""


def model_id(bundle: Bundle) -> str:
    """64 hexadecimal digits that two bundles share if their networks say the same of every picture.

    Networks, vocabulary and the size of the picture count; name, scores and card do not, nor what chooses among
    sentences (the search and the detectors): captions of both can stand in one index.
    """
    size = bundle.manifest.network.image_size
    parts = [
        sha256(bundle.encoder),
        sha256(bundle.decoder),
        sha256(bundle.tokenizer.to_json().encode()),
        str(size),
    ]
    return sha256(" ".join(parts).encode())


def wording_id(bundle: Bundle) -> str:
    """64 hexadecimal digits that bundles of one `model_id` share if they choose the same sentences, too."""
    parts = (repr(bundle.decoding).encode(), bundle.word_detector or b"", bundle.things or b"")
    return sha256(" ".join(map(sha256, parts)).encode())


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


def behind_link(path: Path) -> Path:
    """The index itself where a link names it: its folder, its lock and its journal are there."""
    return real_path(path) if path.is_symlink() else path


def check_kind(path: Path) -> None:
    """Refuse a file that is not SQLite's: what is no index is not a damaged one, and nothing is made beside it.

    Raises:
        SearchError: it is a photograph, a text, or whatever else.
    """
    try:
        with path.open("rb") as handle:
            start = handle.read(len(_SQLITE))
    except FileNotFoundError:
        return
    except OSError as error:
        raise SearchError(
            f"Expected a search index at {path}, but it cannot be read ({error.strerror or error})."
        ) from None
    if start and start != _SQLITE:
        raise another_kind(path)


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


def create_tables(connection: sqlite3.Connection, facts: Facts, stems: Sequence[str]) -> None:
    """Make the tables of an empty file, all or none."""
    with transaction(connection):
        for statement in _SCHEMA.split(";\n"):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        write_facts(connection, facts)
        connection.executemany("INSERT INTO stems VALUES (?, ?)", enumerate(stems))


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
            raise another_kind(path)
        if version != VERSION:
            raise SearchError(
                f"{path} has version {version}, but this captionkit reads version {VERSION}; "
                "make it anew: captionkit index FOLDER --rebuild."
            )
        # A view in a table's place could compute for ever, and a trigger change what nobody asked for.
        made = "SELECT sql FROM sqlite_master WHERE sql NOT NULL AND NOT (type = 'table' AND name GLOB 'terms_*')"
        if {sql for (sql,) in connection.execute(made)} != set(_SCHEMA.strip(";\n").split(";\n")):
            raise damaged(path)
        rows: Mapping[str, str] = dict(connection.execute("SELECT name, value FROM facts"))
    try:
        rows = {"wording": '""', **rows}
        values = {name: json.loads(rows[name]) for name in Facts.__slots__}
    except (KeyError, TypeError, ValueError, RecursionError):
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
def reading(connection: sqlite3.Connection) -> Iterator[None]:
    """All reads of a block see the same state, whatever a writer does meanwhile. Blocks may lie in each other."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("COMMIT")


@contextlib.contextmanager
def told(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into one sentence."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise SearchError(f"{path} is being written by another process; try again in a moment.") from None
        if "readonly" in str(error):
            raise SearchError(f"The index {path} is read-only; name another with --index.") from None
        if "no such module" in str(error) and "tensorflow" in sys.modules:
            raise SearchError(
                f"The index {path} needs SQLite's full-text search, but TensorFlow was loaded first and has put "
                "its own SQLite in place, which lacks it: import sqlite3 before tensorflow."
            ) from None
        if any(part in str(error) for part in ("decode", "no such column", "no such table")):
            raise damaged(path) from None
        raise SearchError(f"SQLite cannot use the index {path} ({error}).") from None
    except (sqlite3.DatabaseError, UnicodeDecodeError):  # the second where SQLite's own sentence quotes the damage
        raise damaged(path) from None


@contextlib.contextmanager
def intact(path: Path) -> Iterator[None]:
    """Turn what goes wrong with values that are not as they must be into one sentence."""
    try:
        yield
    except (TypeError, ValueError):
        raise damaged(path) from None


def another_kind(path: Path) -> SearchError:
    """The error of a file that is no index."""
    return SearchError(
        f"Expected a search index of captionkit at {path}, but it is another kind of file; "
        "name an index with --index."
    )


def damaged(path: Path) -> SearchError:
    """The error of an index whose contents are not as they must be."""
    return SearchError(f"The index {path} is damaged; make it anew: captionkit index FOLDER --rebuild.")
