"""Where the expected words stand: new ones by picture, older ones by word, as a query asks for few words of all.

Letters: N pictures, S stems, W words of a query.

A picture's codes go into `recent`. When `SEGMENT` of them are there, they are turned by 90 degrees: a segment has
one row a stem, with the codes of its pictures. A picture that is dropped leaves a hole; a segment with more holes
than pictures is taken apart, and what is left of it is recent again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

Contents = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint8]

SEGMENT = 1000  # four columns of this many bytes fill a page of SQLite's
MAX_STEMS = 1 << 20  # the columns of a segment are numbered from segment * MAX_STEMS


def read_columns(connection: sqlite3.Connection, places: Sequence[int]) -> tuple[Contents, Codes]:
    """Contents int64 [N] and their codes uint8 [W, N] of the stems at W places.

    Raises:
        ValueError: a blob is missing or has another length than it must.
    """
    contents, codes = [np.zeros(0, np.int64)], [np.zeros((len(places), 0), np.uint8)]
    for segment, ids in read_segments(connection):
        alive = np.flatnonzero(ids)
        contents.append(ids[alive])
        codes.append(_read_segment(connection, segment, places)[:, alive])
    ids, rows = read_recent(connection)
    if len(ids):
        contents.append(ids)
        codes.append(rows[:, list(places)].T)
    return np.concatenate(contents), np.concatenate(codes, axis=1)


def read_segments(connection: sqlite3.Connection) -> list[tuple[int, Contents]]:
    """Each segment's number and contents int64 [SEGMENT], 0 for a hole."""
    rows = connection.execute("SELECT id, contents FROM segments ORDER BY id").fetchall()
    if any(len(contents) != SEGMENT * 8 for _, contents in rows):
        raise ValueError("contents of another length")
    return [(number, np.frombuffer(contents, "<i8").astype(np.int64)) for number, contents in rows]


def read_recent(connection: sqlite3.Connection, limit: int = -1) -> tuple[Contents, Codes]:
    """What is in no segment yet: contents int64 [N] and codes uint8 [N, S]."""
    rows = connection.execute("SELECT content, codes FROM recent ORDER BY content LIMIT ?", (limit,)).fetchall()
    width = len(rows[0][1]) if rows else 0
    contents = np.array([content for content, _ in rows], np.int64)
    return contents, np.frombuffer(b"".join(codes for _, codes in rows), np.uint8).reshape(len(rows), width)


def fill_segments(connection: sqlite3.Connection) -> None:
    """Turn what is recent into segments, as long as it fills one; inside a transaction."""
    while connection.execute("SELECT count(*) FROM recent").fetchone()[0] >= SEGMENT:
        contents, codes = read_recent(connection, SEGMENT)
        number = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM segments").fetchone()[0]
        connection.execute("INSERT INTO segments VALUES (?, ?)", (number, contents.astype("<i8").tobytes()))
        columns = np.ascontiguousarray(codes.T)
        connection.executemany(
            "INSERT INTO columns VALUES (?, ?)",
            ((number * MAX_STEMS + place, column.tobytes()) for place, column in enumerate(columns)),
        )
        connection.execute("DELETE FROM recent WHERE content <= ?", (int(contents[-1]),))


def drop_contents(connection: sqlite3.Connection, dropped: Collection[int], stems: int) -> None:
    """Drop the expected words of contents, for each of S = `stems` stems; inside a transaction."""
    connection.executemany("DELETE FROM recent WHERE content = ?", [(content,) for content in dropped])
    gone = np.fromiter(dropped, np.int64, len(dropped))
    for number, ids in read_segments(connection):
        holes = np.isin(ids, gone)
        if not holes.any():
            continue
        ids[holes] = 0
        alive = np.flatnonzero(ids)
        if 2 * len(alive) >= SEGMENT:
            connection.execute(
                "UPDATE segments SET contents = ? WHERE id = ?", (ids.astype("<i8").tobytes(), number)
            )
            continue
        rows = _read_segment(connection, number, range(stems))[:, alive].T
        connection.executemany(
            "INSERT INTO recent VALUES (?, ?)",
            [(int(content), row.tobytes()) for content, row in zip(ids[alive], rows, strict=True)],
        )
        first = number * MAX_STEMS
        connection.execute("DELETE FROM columns WHERE id >= ? AND id < ?", (first, first + MAX_STEMS))
        connection.execute("DELETE FROM segments WHERE id = ?", (number,))
    fill_segments(connection)


def _read_segment(connection: sqlite3.Connection, number: int, places: Sequence[int]) -> Codes:
    """uint8 [W, SEGMENT]."""
    read = "SELECT codes FROM columns WHERE id = ?"
    rows = [connection.execute(read, (number * MAX_STEMS + place,)).fetchone() for place in places]
    if any(row is None or len(row[0]) != SEGMENT for row in rows):
        raise ValueError("a column that is missing or of another length")
    return np.frombuffer(b"".join(row[0] for row in rows), np.uint8).reshape(len(rows), SEGMENT)
