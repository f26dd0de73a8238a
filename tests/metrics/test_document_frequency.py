"""Tables of document frequencies: counted, stored, read, refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from captionkit.errors import DataError
from captionkit.metrics import Corpus, DocumentFrequency
from captionkit.metrics.document_frequency import END
from tests.metrics import slow
from tests.metrics.strategies import corpora, few

REFERENCES = [[["a", "b", "a"], ["a", "c"]], [["b", "a"]], [[], ["d"]]]


@few
@given(corpora())
def test_frequencies_count_pictures(corpus: list[tuple[list[str], list[list[str]]]]) -> None:
    references = [group for _, group in corpus]
    expected: Counter[tuple[str, ...]] = Counter()
    for group in references:
        expected.update({gram for tokens in group for order in range(1, 5) for gram in slow.grams(tokens, order)})
    table = DocumentFrequency.from_references(references)
    own = Corpus([one for one, _ in corpus], references)
    ids, words = own.words
    for order, (counts, frequency) in enumerate(zip(own.counts, table.lookup(own), strict=True), start=1):
        for tokens in own.sentences:
            for gram in slow.grams(tokens, order):
                number = _number(own, gram, order)
                assert frequency[number] == expected[gram]
        assert counts.size == len(frequency)
    assert len(words) >= len(set(ids.tolist()))


def _number(corpus: Corpus, gram: tuple[str, ...], order: int) -> int:
    """An n-gram's number, found by following its chain of prefixes."""
    _, words = corpus.words
    number = words.index(gram[0])
    key = number
    for step in range(order):
        if step:
            key = number * len(words) + words.index(gram[step])
        number = int(np.searchsorted(corpus.counts[step].key, key))
    return number


def test_the_end_of_a_sentence_is_a_word_where_it_is_wanted() -> None:
    table = DocumentFrequency.from_references(REFERENCES, end=True)
    assert table.frequencies[0][table.words.index(END)] == 3
    assert END not in DocumentFrequency.from_references(REFERENCES).words


def test_a_table_comes_back_as_it_was(tmp_path: Path) -> None:
    table = DocumentFrequency.from_references([*REFERENCES, [["café", "1\xa01/2"]]], end=True)
    table.save(tmp_path / "df.npz")
    again = DocumentFrequency.load(tmp_path / "df.npz")
    assert (again.documents, again.words, again.end) == (4, table.words, True)
    assert again.signature == table.signature
    for one, other in zip((*table.keys, *table.frequencies), (*again.keys, *again.frequencies), strict=True):
        assert np.array_equal(one, other)


def test_an_empty_table_comes_back(tmp_path: Path) -> None:
    DocumentFrequency.from_references([[[]]]).save(tmp_path / "df.npz")
    assert DocumentFrequency.load(tmp_path / "df.npz").words == ()


@pytest.mark.parametrize(
    "content", [b"", b"not a table", b"PK\x03\x04broken"], ids=["empty", "text", "a broken archive"]
)
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "df.npz").write_bytes(content)
    with pytest.raises(DataError, match="document frequencies"):
        DocumentFrequency.load(tmp_path / "df.npz")


def test_pickled_objects_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "df.npz", header=np.array([object()], dtype=object))
    with pytest.raises(DataError, match="document frequencies"):
        DocumentFrequency.load(tmp_path / "df.npz")


def test_a_table_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [f"word{number}" for number in range(2000)]
    DocumentFrequency.from_references([[words]]).save(tmp_path / "df.npz")
    size = (tmp_path / "df.npz").stat().st_size
    monkeypatch.setattr("captionkit.metrics.document_frequency.MAX_TABLE_BYTES", size)
    with pytest.raises(DataError, match="unpacks to more"):
        DocumentFrequency.load(tmp_path / "df.npz")


def test_tables_that_contradict_themselves_are_refused(tmp_path: Path) -> None:
    table = DocumentFrequency.from_references(REFERENCES)
    wrong = DocumentFrequency(
        1, table.words, table.keys, table.frequencies
    )  # a word in more pictures than there are
    wrong.save(tmp_path / "df.npz")
    with pytest.raises(DataError, match="document frequencies"):
        DocumentFrequency.load(tmp_path / "df.npz")


@pytest.mark.parametrize(
    "keys",
    [
        *(lambda keys: keys[::-1], np.zeros_like, lambda keys: keys.astype(np.int32), lambda keys: keys[:, None]),
        lambda keys: keys[1:],  # fewer than frequencies
    ],
)
def test_keys_that_do_not_rise_or_are_no_row_of_long_numbers_are_refused(
    tmp_path: Path, keys: Callable[[Any], Any]
) -> None:
    table = DocumentFrequency.from_references(REFERENCES)
    assert len(table.keys[1]) > 1
    wrong = (table.keys[0], keys(table.keys[1]), *table.keys[2:])
    DocumentFrequency(table.documents, table.words, wrong, table.frequencies).save(tmp_path / "df.npz")
    with pytest.raises(DataError, match="document frequencies"):
        DocumentFrequency.load(tmp_path / "df.npz")


@pytest.mark.parametrize("words", [lambda words: (*words, "more"), lambda words: words[1:], lambda words: ()])
def test_words_that_are_not_those_that_were_counted_are_refused(
    tmp_path: Path, words: Callable[[tuple[str, ...]], tuple[str, ...]]
) -> None:
    table = DocumentFrequency.from_references(REFERENCES)
    DocumentFrequency(table.documents, words(table.words), table.keys, table.frequencies).save(tmp_path / "df.npz")
    with pytest.raises(DataError, match="document frequencies"):
        DocumentFrequency.load(tmp_path / "df.npz")


def test_frequencies_that_are_no_whole_numbers_are_refused(tmp_path: Path) -> None:
    table = DocumentFrequency.from_references(REFERENCES)
    wrong: Any = tuple(array.astype(np.float64) for array in table.frequencies)
    DocumentFrequency(table.documents, table.words, table.keys, wrong).save(tmp_path / "df.npz")
    with pytest.raises(DataError, match="document frequencies"):
        DocumentFrequency.load(tmp_path / "df.npz")


def test_a_table_of_another_format_is_refused(tmp_path: Path) -> None:
    DocumentFrequency.from_references(REFERENCES).save(tmp_path / "df.npz")
    with np.load(tmp_path / "df.npz") as saved:
        arrays = dict(saved)
    np.savez(tmp_path / "df.npz", **{**arrays, "header": arrays["header"] + [1, 0, 0, 0]})
    with pytest.raises(DataError, match="document frequencies"):
        DocumentFrequency.load(tmp_path / "df.npz")


@pytest.mark.parametrize("header", [np.array([1, np.inf, 0, 0]), np.array(1), np.zeros((4, 2), np.int64)])
def test_a_header_that_holds_no_numbers_is_refused(tmp_path: Path, header: np.ndarray[Any, Any]) -> None:
    np.savez(tmp_path / "df.npz", header=header, words=np.zeros(0, np.uint8))
    with pytest.raises(DataError, match="document frequencies"):
        DocumentFrequency.load(tmp_path / "df.npz")
