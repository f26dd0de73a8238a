"""The paraphrase table: lookups, its cache, damaged files, several writers."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captionkit.errors import DataError
from captionkit.metrics.meteor.paraphrases import ParaphraseTable, read_paraphrases
from tests.metrics.meteor.folder import PARAPHRASES, write_table

Entries = tuple[tuple[str, str], ...]


def table_of(folder: Path, entries: Entries = PARAPHRASES) -> ParaphraseTable:
    write_table(folder / "table.gz", entries)
    return read_paraphrases(folder / "table.gz", folder / "cache")


def found(table: ParaphraseTable, sentence: str) -> list[tuple[str, list[str]]]:
    """Every phrase of the table in a sentence, with its paraphrases."""
    words = sentence.split()
    numbers = np.array([table.vocabulary.get(word, -1) for word in words], np.int64)
    starts, lengths, nodes = table.phrases(numbers, np.arange(len(words), 0, -1))
    result = []
    for start, length, node in sorted(zip(starts, lengths, nodes, strict=True)):
        targets = table.targets[table.offsets[node] : table.offsets[node + 1]]
        result.append((" ".join(words[start : start + length]), [phrase_of(table, target) for target in targets]))
    return [(phrase, paraphrases) for phrase, paraphrases in result if paraphrases]


def phrase_of(table: ParaphraseTable, node: int) -> str:
    words = list(table.vocabulary)
    phrase: list[str] = []
    while node:
        code = int(table.edges[node - 1])
        node, word = divmod(code, len(words))
        phrase.append(words[word])
    return " ".join(reversed(phrase))


def test_phrases_of_a_sentence_in_the_order_of_the_table(tmp_path: Path) -> None:
    table = table_of(tmp_path)
    assert found(table, "a lot of dogs in front of many people before noon") == [
        ("a lot of", ["many", "plenty of"]),
        ("in front of", ["before"]),
        ("many", ["a lot of"]),
        ("before", ["prior to"]),
    ]


def test_a_phrase_does_not_reach_over_the_end_of_its_sentence(tmp_path: Path) -> None:
    table = table_of(tmp_path)
    numbers = np.array([table.vocabulary[word] for word in ("in", "front", "of")])
    starts, lengths, _ = table.phrases(numbers, np.array([2, 1, 1]))
    assert sorted(zip(starts, lengths, strict=True)) == [(0, 1), (0, 2)]


_phrase = st.lists(st.sampled_from("abcdé"), min_size=1, max_size=4).map(" ".join)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(_phrase, _phrase), min_size=1, max_size=30).map(tuple), st.text("abcdé ", max_size=30))
def test_every_entry_is_found_again(
    tmp_path_factory: pytest.TempPathFactory, entries: Entries, sentence: str
) -> None:
    table = table_of(tmp_path_factory.mktemp("table"), entries)
    words = sentence.split()
    expected = []
    for start in range(len(words)):
        for length in range(1, len(words) - start + 1):
            phrase = " ".join(words[start : start + length])
            paraphrases = [paraphrase for key, paraphrase in entries if key == phrase]
            if paraphrases:
                expected.append((phrase, paraphrases))
    assert found(table, sentence) == expected


def test_the_cache_gives_the_same_table(tmp_path: Path) -> None:
    built = table_of(tmp_path)
    (cached,) = (tmp_path / "cache").iterdir()
    before = cached.stat().st_mtime_ns
    again = read_paraphrases(tmp_path / "table.gz", tmp_path / "cache")
    assert again.vocabulary == built.vocabulary
    for name in ("edges", "offsets", "targets"):
        np.testing.assert_array_equal(getattr(again, name), getattr(built, name))
    assert cached.stat().st_mtime_ns == before


def test_another_table_has_another_cache(tmp_path: Path) -> None:
    first = table_of(tmp_path)
    second = table_of(tmp_path, PARAPHRASES[:2])
    assert first.identity != second.identity
    assert len(list((tmp_path / "cache").iterdir())) == 2
    assert found(second, "many a lot of") == []


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "other"])
def test_a_damaged_cache_is_made_afresh(tmp_path: Path, damage: str) -> None:
    expected = found(table_of(tmp_path), "a lot of")
    (cached,) = (tmp_path / "cache").iterdir()
    whole = cached.read_bytes()
    middle = whole.index(b"front") if damage == "flipped" else len(whole) // 2
    cached.write_bytes(
        {
            "cut": whole[:middle],
            "flipped": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
            "empty": b"",
            "other": b"PK\x03\x04 not a zip",
        }[damage]
    )
    assert found(read_paraphrases(tmp_path / "table.gz", tmp_path / "cache"), "a lot of") == expected
    assert cached.read_bytes() == whole


def test_without_a_place_for_the_cache_it_works_all_the_same(tmp_path: Path) -> None:
    write_table(tmp_path / "table.gz", PARAPHRASES)
    (tmp_path / "cache").write_text("a file where the folder should be")
    table = read_paraphrases(tmp_path / "table.gz", tmp_path / "cache")
    assert found(table, "shore") == [("shore", ["beach"])]


def test_several_writers_at_once(tmp_path: Path) -> None:
    write_table(tmp_path / "table.gz", PARAPHRASES)
    code = (
        "import sys; from pathlib import Path\n"
        "from captionkit.metrics.meteor.paraphrases import read_paraphrases\n"
        "for _ in range(20):\n"
        "    assert len(read_paraphrases(Path(sys.argv[1]), Path(sys.argv[2])).targets) == 6\n"
        "    [path.unlink(missing_ok=True) for path in Path(sys.argv[2]).glob('*.npz')]\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "table.gz"), str(tmp_path / "cache")]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait(600) for process in processes] == [0, 0, 0]
    assert not list((tmp_path / "cache").glob(".*"))


@pytest.mark.parametrize(
    "content",
    [b"", b"no gzip", gzip.compress(b"0.5\na\n"), gzip.compress(b"0.5\na\nb\n")[:-9]],
    ids=["empty", "no gzip", "no words", "cut off"],
)
def test_a_damaged_table_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "table.gz").write_bytes(content)
    with pytest.raises(DataError, match="paraphrase table"):
        read_paraphrases(tmp_path / "table.gz", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_missing_table_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_paraphrases(tmp_path / "table.gz", tmp_path)
