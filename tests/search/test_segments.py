"""Expected words by picture and by word: the same whatever stands where."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captionkit.search import segments
from captionkit.search.segments import drop_contents, fill_segments, read_columns, read_segments

STEMS = 7


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "SEGMENT", 4)


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    made = tables()
    yield made
    made.close()


def tables() -> sqlite3.Connection:
    made = sqlite3.connect(":memory:", isolation_level=None)
    made.execute("CREATE TABLE recent (content INTEGER PRIMARY KEY, codes BLOB NOT NULL)")
    made.execute("CREATE TABLE segments (id INTEGER PRIMARY KEY, contents BLOB NOT NULL)")
    made.execute("CREATE TABLE columns (id INTEGER PRIMARY KEY, codes BLOB NOT NULL)")
    return made


def codes_of(content: int) -> np.ndarray:
    return ((content * 31 + np.arange(STEMS) * 17) % 256).astype(np.uint8)


def add(connection: sqlite3.Connection, contents: range | list[int]) -> None:
    rows = [(content, codes_of(content).tobytes()) for content in contents]
    connection.executemany("INSERT INTO recent VALUES (?, ?)", rows)
    fill_segments(connection)


def check(connection: sqlite3.Connection, expected: set[int]) -> None:
    contents, codes = read_columns(connection, [5, 0, 3])
    assert sorted(contents.tolist()) == sorted(expected)
    assert codes.shape == (3, len(expected))
    for content, column in zip(contents.tolist(), codes.T, strict=True):
        assert column.tolist() == codes_of(content)[[5, 0, 3]].tolist()


def test_an_empty_index(connection: sqlite3.Connection) -> None:
    check(connection, set())


def test_full_segments_and_what_is_recent(connection: sqlite3.Connection) -> None:
    add(connection, range(1, 9))
    assert [ids.tolist() for _, ids in read_segments(connection)] == [[1, 2, 3, 4], [5, 6, 7, 8]]
    add(connection, [9, 10])
    check(connection, set(range(1, 11)))


def test_holes_are_passed_over_and_emptied_segments_taken_apart(connection: sqlite3.Connection) -> None:
    add(connection, range(1, 11))
    drop_contents(connection, [2, 10], STEMS)
    assert [ids.tolist() for _, ids in read_segments(connection)] == [[1, 0, 3, 4], [5, 6, 7, 8]]
    check(connection, {1, 3, 4, 5, 6, 7, 8, 9})
    drop_contents(connection, [3], STEMS)
    assert [ids.tolist() for _, ids in read_segments(connection)] == [[1, 0, 0, 4], [5, 6, 7, 8]]
    drop_contents(connection, [4], STEMS)
    assert [ids.tolist() for _, ids in read_segments(connection)] == [[5, 6, 7, 8]]
    check(connection, {1, 5, 6, 7, 8, 9})
    drop_contents(connection, [5, 6, 7], STEMS)
    check(connection, {1, 8, 9})
    assert connection.execute("SELECT count(*) FROM columns").fetchone() == (0,)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 9)), max_size=25))
@settings(deadline=None)
def test_any_order_of_adding_and_dropping(changes: list[tuple[bool, int]]) -> None:
    there, last = set[int](), 0
    with closing(tables()) as connection:
        for adds, count in changes:
            if adds:
                add(connection, range(last + 1, last + 1 + count))
                there |= set(range(last + 1, last + 1 + count))
                last += count
            else:
                gone = sorted(there)[:: max(1, len(there) // count)][:count]
                drop_contents(connection, gone, STEMS)
                there -= set(gone)
            check(connection, there)


def test_damage_is_told(connection: sqlite3.Connection) -> None:
    add(connection, range(1, 10))
    connection.execute("UPDATE columns SET codes = x'00' WHERE id % 1048576 = 3")
    with pytest.raises(ValueError, match="column"):
        read_columns(connection, [3])
    connection.execute("UPDATE segments SET contents = x'00'")
    with pytest.raises(ValueError, match="contents"):
        read_columns(connection, [0])
