"""The index: one SQLite file over the pictures of a folder. `docs/formats.md` describes its tables.

Letters: N pictures, G cells kept of the grid, D feature depth, K numbers of the short vector.

A *content* is the bytes of a picture with its captions; a *file* is a path at which a content lies. A file that
moved, and a copy, lead to the content that is there.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from captionkit.audit.picture_hash import PictureHash
from captionkit.errors import SearchError
from captionkit.search.compact import VECTOR, unpack, unpack_look
from captionkit.search.database import behind_link, check_kind, connect, damaged, intact, read_facts, reading, told
from captionkit.search.segments import read_columns
from captionkit.search.words import QueryWord, match_expression

# A hit in the second column, of wider terms, counts this much beside one in the first.
KIND_WEIGHT = 0.3


class Index:
    """An index that is there. A context manager; closes its file.

    Attributes:
        path: the file.
        facts: what it says of itself.
        root: the folder whose pictures it knows.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Take a connection to an index that is there."""
        self.path = path
        self.connection = connection
        self.facts = read_facts(connection, path)
        root = os.fsdecode(self.facts.root)
        # Paths are shown as the person wrote them, but ".." of a folder that was named by a link leads elsewhere.
        place = path.absolute() if root == "." else path.resolve()
        self.root = Path(os.path.normpath(place.parent / root))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """All that a block reads is of one moment, whatever a writer does meanwhile."""
        with told(self.path), reading(self.connection):
            yield

    def count(self) -> int:
        """Contents: pictures, copies counted once."""
        return self._numbers("SELECT count(*) FROM vectors")[0]

    def matches(self, words: Sequence[QueryWord], limit: int) -> list[int]:
        """The contents whose captions fit best by FTS5's own BM25, best first."""
        if not words:
            return []
        query = "SELECT rowid FROM terms WHERE terms MATCH ? ORDER BY bm25(terms, 1.0, ?), rowid LIMIT ?"
        return self._numbers(query, match_expression(words), KIND_WEIGHT, limit)

    def count_files(self) -> int:
        """How many files there are; a picture that lies at several places counts at each."""
        return self._numbers("SELECT count(*) FROM files")[0]

    def stems(self) -> dict[str, int]:
        """The stems of the model's vocabulary, each with its place."""
        rows = self._rows("SELECT stem, place FROM stems ORDER BY place", (str, int))
        if [place for _, place in rows] != list(range(len(rows))):
            raise damaged(self.path)
        return dict(rows)

    def terms(self, contents: Iterable[int]) -> dict[int, tuple[list[str], list[str]]]:
        """The stems and the wider terms of contents, one for each running word."""
        rows = self._of("SELECT rowid, stems, kinds FROM terms WHERE rowid IN ({})", (int, str, str), contents)
        return {content: (stems.split(), kinds.split()) for content, stems, kinds in rows}

    def holding(self, expression: str) -> int:
        """How many contents an FTS5 expression finds."""
        return self._numbers("SELECT count(*) FROM terms WHERE terms MATCH ?", expression)[0]

    def first(self, limit: int) -> list[int]:
        """The first contents, in the order they came in."""
        return self._numbers("SELECT content FROM vectors ORDER BY content LIMIT ?", limit)

    def spread(self, count: int) -> list[int]:
        """At most `count` contents, evenly spread over the order they came in."""
        (last,) = self._numbers("SELECT coalesce(max(content), 0) FROM vectors")
        query = "SELECT min(content) FROM vectors WHERE content >= ?"
        places = range(1, last + 1, max(1, -(-last // count)))
        return list(dict.fromkeys(self._numbers(query, place)[0] for place in places))

    def expected(self, places: Sequence[int]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
        """How far the words of the stems at W places are expected of all pictures.

        Returns:
            Contents int64 [N], and the codes of the shares (`expectation.to_codes`), uint8 [W, N].
        """
        with self.snapshot(), intact(self.path):
            return read_columns(self.connection, places)

    def captions(self, contents: Iterable[int]) -> dict[int, list[str]]:
        """The captions of contents, best first."""
        found: dict[int, list[str]] = {}
        query = "SELECT content, text FROM captions WHERE content IN ({}) ORDER BY content, rank"
        for content, text in self._of(query, (int, str), contents):
            found.setdefault(content, []).append(text)
        return found

    def paths(self, contents: Iterable[int]) -> dict[int, list[Path]]:
        """Where contents lie, each path below the root, in the order of the names.

        Raises:
            SearchError: a path leads elsewhere: the index is damaged.
        """
        found: dict[int, list[Path]] = {}
        query = "SELECT content, path FROM files WHERE content IN ({}) ORDER BY content, path"
        for content, path in self._of(query, (int, bytes), contents):
            below = Path(os.fsdecode(path))
            if below.is_absolute() or ".." in below.parts or b"\0" in path:
                raise damaged(self.path)
            found.setdefault(content, []).append(self.root / below)
        return found

    def cells(self, contents: Sequence[int]) -> npt.NDArray[np.float32]:
        """float32 [N, G, D] of contents, in their order.

        Raises:
            SearchError: one of them has none: the index is damaged.
        """
        expected = self.facts.cells * self.facts.depth + 4
        query = "SELECT content, cells FROM cells WHERE content IN ({})"
        blobs = dict(self._of(query, (int, bytes), contents))
        if any(len(blobs.get(content, b"")) != expected for content in contents):
            raise damaged(self.path)
        packed = np.frombuffer(b"".join(blobs[content] for content in contents), np.int8)
        return unpack(packed.reshape(-1, expected)).reshape(-1, self.facts.cells, self.facts.depth)

    def vectors(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int8]]:
        """All short vectors: contents int64 [N] and vectors int8 [N, K]."""
        rows = self._rows("SELECT content, vector FROM vectors ORDER BY content", (int, bytes))
        if any(len(vector) != VECTOR for _, vector in rows):
            raise damaged(self.path)
        contents = np.array([content for content, _ in rows], np.int64)
        return contents, np.frombuffer(b"".join(vector for _, vector in rows), np.int8).reshape(-1, VECTOR)

    def looks(self) -> tuple[list[int], list[PictureHash]]:
        """All contents and the hashes of their looks."""
        rows = self._rows("SELECT content, look FROM looks ORDER BY content", (int, bytes))
        with intact(self.path):
            return [content for content, _ in rows], [unpack_look(look) for _, look in rows]

    def vector(self, content: int) -> npt.NDArray[np.int8]:
        """The short vector int8 [K] of a content."""
        rows = self._rows("SELECT vector FROM vectors WHERE content = ?", (bytes,), content)
        if not rows or len(rows[0][0]) != VECTOR:
            raise damaged(self.path)
        return np.frombuffer(rows[0][0], np.int8)

    def copied(self) -> list[int]:
        """The contents that lie at more than one path."""
        query = "SELECT content FROM files GROUP BY content HAVING count(*) > 1 ORDER BY content"
        return self._numbers(query)

    def content_of(self, digest: bytes) -> int | None:
        """The content with this SHA-256 (32 bytes), if the index has it."""
        return next(iter(self._numbers("SELECT id FROM contents WHERE sha256 = ?", digest)), None)

    def _rows(self, query: str, kinds: tuple[type, ...], *parameters: Any) -> list[Any]:
        """Rows with values of these types: SQLite lets a column hold anything, and the file is not trusted."""
        with told(self.path):
            rows = self.connection.execute(query, parameters).fetchall()
        if any(tuple(map(type, row)) != kinds for row in rows):
            raise damaged(self.path)
        return rows

    def _numbers(self, query: str, *parameters: Any) -> list[int]:
        """The one whole number of each row."""
        return [number for (number,) in self._rows(query, (int,), *parameters)]

    def _of(self, query: str, kinds: tuple[type, ...], contents: Iterable[int]) -> Iterator[Any]:
        wanted = list(contents)
        for first in range(0, len(wanted), 500):  # SQLite takes 999 parameters or more, by version
            some = wanted[first : first + 500]
            yield from self._rows(query.format(",".join("?" * len(some))), kinds, *some)


def open_index(path: Path) -> Index:
    """Open an index to search it.

    Raises:
        SearchError: there is none, or it is damaged or of another version.
    """
    path = behind_link(path)
    # An empty file is what is left where the first run was stopped, or found no room, before it wrote anything.
    if not path.is_file() or not path.stat().st_size:
        raise SearchError(
            f"Expected a search index at {path}, but there is none; make it: captionkit index FOLDER."
        )
    check_kind(path)
    with told(path):
        connection = connect(path, write=False)
    try:
        return Index(path, connection)
    except BaseException:
        connection.close()
        raise
