"""The index: one SQLite file over the pictures of a folder. `docs/formats.md` describes its tables.

Letters: N pictures, G cells kept of the grid, D feature depth, K numbers of the short vector.

A *content* is the bytes of a picture with its captions; a *file* is a path at which a content lies. A file that
moved, and a copy, lead to the content that is there.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from captionkit.audit.picture_hash import PictureHash
from captionkit.errors import SearchError
from captionkit.search.compact import VECTOR, unpack, unpack_look
from captionkit.search.database import connect, damaged, read_facts, reading, told
from captionkit.search.segments import read_columns
from captionkit.search.words import QueryWord, match_expression

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

    def matches(self, words: Sequence[QueryWord], limit: int) -> list[int]:
        """The contents whose captions fit best by FTS5's own BM25, best first."""
        if not words:
            return []
        query = "SELECT rowid FROM terms WHERE terms MATCH ? ORDER BY bm25(terms, 1.0, ?), rowid LIMIT ?"
        with told(self.path):
            rows = self.connection.execute(query, (match_expression(words), KIND_WEIGHT, limit))
            return [int(content) for (content,) in rows]

    def stems(self) -> dict[str, int]:
        """The stems of the model's vocabulary, each with its place."""
        with told(self.path):
            rows = self.connection.execute("SELECT stem, place FROM stems ORDER BY place").fetchall()
        if [place for _, place in rows] != list(range(len(rows))):
            raise damaged(self.path)
        return dict(rows)

    def terms(self, contents: Iterable[int]) -> dict[int, tuple[list[str], list[str]]]:
        """The stems and the wider terms of contents, one for each running word."""
        rows = self._of("SELECT rowid, stems, kinds FROM terms WHERE rowid IN ({})", contents)
        return {content: (stems.split(), kinds.split()) for content, stems, kinds in rows}

    def holding(self, expression: str) -> int:
        """How many contents an FTS5 expression finds."""
        with told(self.path):
            query = "SELECT count(*) FROM terms WHERE terms MATCH ?"
            return int(self.connection.execute(query, (expression,)).fetchone()[0])

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

    def expected(self, places: Sequence[int]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
        """How far words are expected of all pictures.

        Args:
            places: of W stems.

        Returns:
            Contents int64 [N], and the codes of the shares (`expectation.to_codes`), uint8 [W, N].
        """
        with told(self.path), reading(self.connection):
            try:
                return read_columns(self.connection, places)
            except ValueError:
                raise damaged(self.path) from None

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

    def vectors(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int8]]:
        """All short vectors: contents int64 [N] and vectors int8 [N, K]."""
        with told(self.path):
            rows = self.connection.execute("SELECT content, vector FROM vectors ORDER BY content").fetchall()
        if any(len(vector) != VECTOR for _, vector in rows):
            raise damaged(self.path)
        contents = np.array([content for content, _ in rows], np.int64)
        return contents, np.frombuffer(b"".join(vector for _, vector in rows), np.int8).reshape(-1, VECTOR)

    def looks(self) -> tuple[list[int], list[PictureHash]]:
        """All contents and the hashes of their looks."""
        with told(self.path):
            rows = self.connection.execute("SELECT content, look FROM looks ORDER BY content").fetchall()
        try:
            return [content for content, _ in rows], [unpack_look(look) for _, look in rows]
        except ValueError:
            raise damaged(self.path) from None

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
