"""One writer at a time, killed at any moment, and files that are no index of ours."""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from captionkit.audit.picture_hash import PictureHash
from captionkit.bundle import Bundle, read_bundle
from captionkit.captioner import Captioner
from captionkit.errors import SearchError, UsageError
from captionkit.records import Caption
from captionkit.search.compact import VECTOR
from captionkit.search.database import INDEX_NAME
from captionkit.search.expectation import vocabulary_stems
from captionkit.search.index import open_index
from captionkit.search.indexing import index_folder
from captionkit.search.scan import FileState
from captionkit.search.words import query_words
from captionkit.search.writer import Content, IndexWriter
from tests.tiny import tiny_tokenizer

# Forked children would take over the threads and locks of a process that ran TensorFlow.
SPAWN = multiprocessing.get_context("spawn")


STEMS = len(vocabulary_stems(tiny_tokenizer()))


def content(number: int) -> Content:
    words = ("a", "dog", f"word{number}")
    captions = [Caption(f"A dog word{number}.", words, (-0.5, -1.0, -2.0, -0.1), -1.0, True)] * 2
    cells = np.full(8 + 4, number % 100, np.int8)
    codes = np.full(STEMS, number % 200 + 1, np.uint8)
    look = PictureHash("", number, number, np.zeros((16, 16), np.uint8), flat=False)
    vector = np.full(VECTOR, number % 100, np.int8)
    return Content(number.to_bytes(32, "big"), captions, vector, cells, look, codes)


def add_for_ever(path: Path, root: Path, bundle: Path, batch: int) -> None:
    """What a child process does until it is killed: one transaction after the other."""
    with IndexWriter(path, root, read_bundle(bundle), captions=2, cells=1) as writer:
        number = len(writer.known_contents())
        while True:
            some = [content(number + place) for place in range(batch)]
            states = [FileState(f"{number + place}.png", 1, 1) for place in range(batch)]
            writer.add(some, [(state, one.sha256) for state, one in zip(states, some, strict=True)])
            number += batch


def check(path: Path, batch: int) -> int:
    """Every table whole and in step; how many pictures there are."""
    with open_index(path) as index:
        count = index.count()
        assert count % batch == 0
        rows = index.connection.execute
        assert rows("PRAGMA integrity_check").fetchone() == ("ok",)
        for table, each in (
            ("contents", 1),
            ("files", 1),
            ("captions", 2),
            ("cells", 1),
            ("looks", 1),
            ("terms", 1),
        ):
            assert rows(f"SELECT count(*) FROM {table}").fetchone() == (count * each,)  # noqa: S608
        contents, codes = index.expected([0])
        assert contents.tolist() == index.first(count + 1)
        assert codes[0].tolist() == [number % 200 + 1 for number in range(count)]
        if count:
            assert index.matches(query_words(f"word{count - 1}"), 5) == [count]
            assert set(index.paths(index.first(count))) == set(index.first(count))
    return count


@pytest.fixture
def bundle(tiny_bundle: Path) -> Bundle:
    return read_bundle(tiny_bundle)


@pytest.fixture
def child() -> Iterator[Any]:
    """Starts a process and kills it in the end, whatever the test did."""
    started: list[Any] = []

    def start(*arguments: Any) -> Any:
        process = SPAWN.Process(target=add_for_ever, args=arguments, daemon=True)
        process.start()
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.join()


def test_pictures_are_taken_evenly_from_all(tmp_path: Path, bundle: Bundle) -> None:
    with IndexWriter(tmp_path / "index", tmp_path, bundle, captions=2, cells=1) as writer:
        writer.add(some := [content(number) for number in range(10)], [])
        assert len(some) == writer.index.count()
        assert writer.index.spread(3) == [1, 5, 9]
        assert writer.index.spread(10) == writer.index.spread(99) == list(range(1, 11))


def test_killed_at_any_moment_the_index_is_whole_and_goes_on(
    tmp_path: Path, tiny_bundle: Path, child: Any
) -> None:
    path, batch = tmp_path / INDEX_NAME, 7
    counts = [0]
    for kill in range(3):
        process = child(path, tmp_path, tiny_bundle, batch)
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and process.is_alive():  # wait until it has added to what there was
            if path.exists() and path.stat().st_size and count_of(path) > counts[-1] + 10 * kill:
                break
            time.sleep(0.01)
        time.sleep(0.003 * kill)
        assert process.is_alive()
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        counts.append(check(path, batch))
        assert counts[-1] > counts[-2]


def count_of(path: Path) -> int:
    try:
        with open_index(path) as index:
            return index.count()
    except SearchError:
        return 0  # its tables are being made


def test_a_kill_in_the_middle_of_a_commit_is_rolled_back(tmp_path: Path, bundle: Bundle) -> None:
    """What a dead process leaves: pages already changed, and the journal that knows what they were."""
    path = tmp_path / INDEX_NAME
    with IndexWriter(path, tmp_path, bundle, captions=2, cells=1) as writer:
        one = content(0)
        writer.add([one], [(FileState("0.png", 1, 1), one.sha256)])
        before = path.read_bytes()
        connection = writer.index.connection
        connection.execute("PRAGMA cache_spill = 1")
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE captions SET text = ?", ("x" * 20_000,))
        connection.execute("DELETE FROM contents")
        left = (path.read_bytes(), Path(f"{path}-journal").read_bytes())
        connection.execute("ROLLBACK")
    assert left[0] != before
    path.write_bytes(left[0])
    Path(f"{path}-journal").write_bytes(left[1])
    assert check(path, 1) == 1
    assert path.read_bytes() == before


def test_the_second_writer_is_told_and_the_first_goes_on(tmp_path: Path, bundle: Bundle) -> None:
    path = tmp_path / INDEX_NAME
    with IndexWriter(path, tmp_path, bundle, captions=2, cells=1) as writer:
        with pytest.raises(SearchError, match="Another process is writing the index"):
            IndexWriter(path, tmp_path, bundle, captions=2, cells=1).__enter__()
        with pytest.raises(SearchError, match="Another process"):
            IndexWriter(path, tmp_path, bundle, captions=2, cells=1, rebuild=True).__enter__()
        one = content(0)
        writer.add([one], [(FileState("0.png", 1, 1), one.sha256)])
    with IndexWriter(path, tmp_path, bundle, captions=2, cells=1) as writer:
        assert len(writer.known_contents()) == 1


def test_another_process_is_kept_out_until_it_dies(tmp_path: Path, tiny_bundle: Path, child: Any) -> None:
    path = tmp_path / INDEX_NAME
    process = child(path, tmp_path, tiny_bundle, 5)
    deadline = time.monotonic() + 300
    while count_of(path) == 0 if path.exists() else True:
        assert time.monotonic() < deadline
        assert process.is_alive()
        time.sleep(0.02)
    with pytest.raises(SearchError, match="Another process is writing"):
        IndexWriter(path, tmp_path, read_bundle(tiny_bundle), captions=2, cells=1).__enter__()
    process.kill()
    process.join()
    with IndexWriter(path, tmp_path, read_bundle(tiny_bundle), captions=2, cells=1) as writer:
        assert len(writer.known_contents()) == check(path, 5)


def test_readers_see_the_last_state_while_a_writer_works(tmp_path: Path, bundle: Bundle) -> None:
    path = tmp_path / INDEX_NAME
    with IndexWriter(path, tmp_path, bundle, captions=2, cells=1) as writer:
        for number in range(3):
            one = content(number)
            writer.add([one], [(FileState(f"{number}.png", 1, 1), one.sha256)])
            assert check(path, 1) == number + 1


def test_a_failing_change_changes_nothing(tmp_path: Path, bundle: Bundle) -> None:
    path = tmp_path / INDEX_NAME
    with IndexWriter(path, tmp_path, bundle, captions=2, cells=1) as writer:
        one = content(0)
        writer.add([one], [(FileState("0.png", 1, 1), one.sha256)])
        with pytest.raises(SearchError):
            writer.add([content(1), one], [])  # the second is there already
    assert check(path, 1) == 1


def test_an_index_of_another_model_is_refused(
    indexed: Path, album: Path, captioner: Captioner, bundle: Bundle
) -> None:
    manifest = dataclasses.replace(bundle.manifest, name="renamed", scores={"CIDEr": 1.0})
    same = dataclasses.replace(bundle, manifest=manifest)
    with IndexWriter(indexed, album, same, captions=None, cells=1):
        pass
    other = dataclasses.replace(same, decoder=bundle.decoder + b"\0")
    before = indexed.read_bytes()
    with pytest.raises(SearchError, match=r"another model \('tiny', not 'renamed'\).*--rebuild"):
        IndexWriter(indexed, album, other, captions=None, cells=1).__enter__()
    assert indexed.read_bytes() == before
    with IndexWriter(indexed, album, other, captions=None, cells=1, rebuild=True) as writer:
        assert writer.known_contents() == {}
    with IndexWriter(indexed, album, other, captions=None, cells=1):
        pass


def test_an_index_of_another_folder_or_number_of_captions_is_refused(
    indexed: Path, album: Path, bundle: Bundle
) -> None:
    with pytest.raises(SearchError, match=r"is of the folder .*album, not of .*trip; name another"):
        IndexWriter(indexed, album / "trip", bundle, captions=None, cells=1).__enter__()
    with pytest.raises(SearchError, match=r"5 captions a picture, not 3; leave --captions out"):
        IndexWriter(indexed, album, bundle, captions=3, cells=1).__enter__()


def test_what_is_no_index_is_refused_and_kept(tmp_path: Path, bundle: Bundle) -> None:
    text, other = tmp_path / "letter.txt", tmp_path / "other.sqlite"
    text.write_text("Dear reader, this is a letter and no index of anything.\n" * 50)
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE t (x)")
    connection.commit()
    connection.close()
    for path in (text, other):
        before = path.read_bytes()
        with pytest.raises(SearchError, match="another kind of file"):
            open_index(path)
        for rebuild in (False, True):
            with pytest.raises((SearchError, UsageError)):
                IndexWriter(path, tmp_path, bundle, captions=2, cells=1, rebuild=rebuild).__enter__()
        assert path.read_bytes() == before


def test_a_damaged_index_is_one_sentence(indexed: Path, album: Path, captioner: Captioner) -> None:
    whole = bytearray(indexed.read_bytes())
    whole[4096:] = bytes(len(whole) - 4096)
    indexed.write_bytes(whole)
    with pytest.raises(SearchError, match="is damaged; make it anew"):
        index_folder(album, indexed, captioner, quiet=True)
    report = index_folder(album, indexed, captioner, quiet=True, rebuild=True)
    assert report.captioned == 6


def test_damage_to_the_letters_of_an_index_is_one_sentence(indexed: Path, album: Path, bundle: Bundle) -> None:
    """SQLite's own words quote what is no text: of a table's name, of a stem."""
    whole = indexed.read_bytes()
    with open_index(indexed) as index:
        stem = index.stems().popitem()[0].encode()
    for letters in (b"TABLE contents", stem):
        indexed.write_bytes(whole.replace(letters, b"\xff" + letters[1:]))
        with pytest.raises(SearchError, match=r"is damaged.* --rebuild"), open_index(indexed) as index:
            index.stems()
    with IndexWriter(indexed, album, bundle, captions=2, cells=1, rebuild=True) as writer:
        assert writer.index.count() == 0


def test_values_of_a_wrong_length_or_type_are_damage(indexed: Path, album: Path, bundle: Bundle) -> None:
    connection = sqlite3.connect(indexed)
    with connection:
        connection.execute("UPDATE vectors SET vector = x'00' WHERE content = 2")
        connection.execute("UPDATE cells SET cells = x'00' WHERE content = 2")
        connection.execute("UPDATE captions SET text = x'ff' WHERE content = 2")
        connection.execute("UPDATE recent SET codes = 'text' WHERE content = 2")
        connection.execute("UPDATE looks SET look = 7 WHERE content = 2")
        connection.execute("UPDATE files SET path = 8 WHERE content = 2")
    connection.close()
    with open_index(indexed) as index:
        reads: list[Callable[[], object]] = [index.vectors, index.looks, lambda: index.expected([0])]
        reads += [lambda: index.cells([1, 2]), lambda: index.vector(2)]
        reads += [lambda: index.captions([1, 2]), lambda: index.paths([1, 2])]
        for read in reads:
            with pytest.raises(SearchError, match="damaged"):
                read()
    writer = IndexWriter(indexed, album, bundle, captions=None, cells=1)
    with writer, pytest.raises(SearchError, match="damaged"):
        writer.known_files()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("captions", '"5"'),
        ("root", "5"),
        ("cells", "0"),
        ("depth", "65537"),
        ("terms", "true"),
        ("model", "["),
        ("", ""),
    ],
)
def test_facts_that_cannot_be_are_damage(indexed: Path, name: str, value: str) -> None:
    with contextlib.closing(sqlite3.connect(indexed)) as connection, connection:
        if name:
            connection.execute("UPDATE facts SET value = ? WHERE name = ?", (value, name))
        else:
            connection.execute("DELETE FROM facts WHERE name = 'root'")
    with pytest.raises(SearchError, match="damaged"):
        open_index(indexed)


def test_an_index_of_before_its_wording_was_kept_goes_on(indexed: Path, album: Path, bundle: Bundle) -> None:
    with contextlib.closing(sqlite3.connect(indexed)) as connection, connection:
        connection.execute("DELETE FROM facts WHERE name = 'wording'")
    with open_index(indexed) as index:
        assert index.count() == 6
    with IndexWriter(indexed, album, bundle, captions=None, cells=1) as writer:
        assert not writer.worded_otherwise


def test_terms_of_another_version_are_made_anew(indexed: Path, album: Path, bundle: Bundle) -> None:
    with open_index(indexed) as index:
        contents = index.first(9)
        facts, terms = index.facts, index.terms(contents)
    with contextlib.closing(sqlite3.connect(indexed)) as connection, connection:
        connection.execute("UPDATE facts SET value = '1' WHERE name = 'terms'")
        connection.execute("UPDATE terms SET stems = 'old', kinds = '' WHERE rowid = 2")
    with IndexWriter(indexed, album, bundle, captions=None, cells=1) as writer:
        assert writer.index.terms(contents) == terms
        assert writer.index.holding("stems : old") == 0
    with open_index(indexed) as index:
        assert index.facts == facts


def test_an_empty_file_is_filled_and_not_searched(tmp_path: Path, bundle: Bundle) -> None:
    path = tmp_path / "index.sqlite"
    path.touch()
    with pytest.raises(SearchError, match="there is none; make it"):
        open_index(path)
    with IndexWriter(path, tmp_path, bundle, captions=None, cells=1) as writer:
        assert writer.index.count() == 0


def test_who_searches_an_index_cannot_change_it(indexed: Path) -> None:
    with open_index(indexed) as index, pytest.raises(sqlite3.OperationalError, match="readonly"):
        index.connection.execute("DELETE FROM files")


@pytest.mark.parametrize("place", ["/etc/motd.png", "../secret.png", "a\0b.png"])
def test_a_path_that_leads_out_of_the_folder_is_damage(indexed: Path, place: str) -> None:
    with contextlib.closing(sqlite3.connect(indexed)) as connection, connection:
        connection.execute("UPDATE files SET path = ? WHERE content = 2", (place.encode(),))
    with open_index(indexed) as index, pytest.raises(SearchError, match="damaged"):
        index.paths([1, 2])


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE VIEW vectors AS WITH RECURSIVE c (content) AS (SELECT 1 UNION ALL SELECT content + 1 FROM c) "
        "SELECT content, zeroblob(256) AS vector FROM c",  # never ends
        "CREATE TABLE vectors (content INTEGER PRIMARY KEY, vector AS (zeroblob(1000000000)))",
        "CREATE TRIGGER terms_all AFTER INSERT ON files BEGIN DELETE FROM files; END",
    ],
)
def test_what_computes_in_an_index_is_damage(indexed: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(indexed)) as connection, connection:
        connection.execute("ALTER TABLE vectors RENAME TO others")
        connection.execute(statement)
        if "TRIGGER" in statement:
            connection.execute("ALTER TABLE others RENAME TO vectors")
    with pytest.raises(SearchError, match="damaged"):
        open_index(indexed)


def test_a_later_version_and_a_missing_file(indexed: Path, tmp_path: Path) -> None:
    connection = sqlite3.connect(indexed)
    connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(SearchError, match="has version 9, but this captionkit reads version 1"):
        open_index(indexed)
    with pytest.raises(SearchError, match="there is none; make it: captionkit index"):
        open_index(tmp_path / "none.sqlite")
    (tmp_path / "begun.sqlite").touch()  # what a full disk leaves of the first run
    with pytest.raises(SearchError, match="there is none; make it: captionkit index"):
        open_index(tmp_path / "begun.sqlite")
    (tmp_path / "loop.sqlite").symlink_to(tmp_path / "loop.sqlite")
    with pytest.raises(SearchError, match="there is none; make it: captionkit index"):
        open_index(tmp_path / "loop.sqlite")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_can_be_searched_but_not_written(indexed: Path, album: Path, bundle: Bundle) -> None:
    indexed.chmod(0o444)
    album.chmod(0o555)
    try:
        with open_index(indexed) as index:
            assert index.count() == 6
        with pytest.raises(SearchError, match="--index"):
            IndexWriter(indexed, album, bundle, captions=None, cells=1).__enter__()
    finally:
        album.chmod(0o755)
