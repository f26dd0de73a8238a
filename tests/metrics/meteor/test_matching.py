"""Which pieces of two sentences match, and in which order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from captionkit.metrics.corpus import number_words, spread
from captionkit.metrics.meteor.data import MeteorData, read_meteor_data
from captionkit.metrics.meteor.matching import Matcher, Sentences, join
from tests.metrics.meteor.folder import write_meteor_folder, write_table


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> MeteorData:
    folder = tmp_path_factory.mktemp("meteor")
    return read_meteor_data(write_meteor_folder(folder / "data"), folder)


def matches(candidate: str, reference: str, data: MeteorData) -> list[tuple[str, str, str]]:
    """Matcher, words of the reference and words of the candidate, in order."""
    split = [candidate.split(), reference.split()]
    ids, words = number_words(split, {})
    sentences = Sentences(words, ids, np.cumsum([0, *map(len, split)]))
    zero, one = np.array([0]), np.array([1])
    found = Matcher(sentences, zero, one, data).matches(zero, one)
    names = ("exact", "stem", "synonym", "paraphrase")
    return [
        (names[way], " ".join(split[1][start : start + length]), " ".join(split[0][other : other + width]))
        for way, start, length, other, width in zip(
            found.matcher, found.start, found.length, found.other_start, found.other_length, strict=True
        )
    ]


def test_all_matchers(data: MeteorData) -> None:
    assert matches(
        "many dogs walked before the shores", "a lot of hounds walking in front of the shore", data
    ) == [
        ("paraphrase", "a lot of", "many"),
        ("paraphrase", "a lot of", "many"),  # the table has it in both directions: twice, as in the jar
        ("synonym", "hounds", "dogs"),
        ("stem", "walking", "walked"),
        ("paraphrase", "in front of", "before"),
        ("exact", "the", "the"),
        ("stem", "shore", "shores"),
    ]


def test_a_match_of_several_kinds_is_listed_by_each(data: MeteorData) -> None:
    assert matches("ran", "run", data) == [("synonym", "run", "ran")]
    assert matches("dogs", "dog", data) == [("stem", "dog", "dogs"), ("synonym", "dog", "dogs")]


def test_paraphrases_come_in_the_order_of_the_table_those_of_a_shorter_phrase_first(tmp_path: Path) -> None:
    """From the candidate's side by its places. The alignment keeps the first of equals, so this decides scores."""
    folder = write_meteor_folder(tmp_path / "data", table=False)
    phrases = (("shore", "edge of sea"), ("shore", "coast"), ("coast line", "shore"), ("coast", "shore"))
    write_table(folder / "data" / "paraphrase-en.gz", phrases)
    data = read_meteor_data(folder, tmp_path)
    assert matches("sand", "shore", data) == matches("sand", "coast", data) == []  # no word of the table
    assert matches("coast line edge of sea coast", "shore", data) == [
        ("paraphrase", "shore", "edge of sea"),
        ("paraphrase", "shore", "coast"),
        ("paraphrase", "shore", "coast"),
        ("paraphrase", "shore", "coast"),
        ("paraphrase", "shore", "coast line"),
        ("paraphrase", "shore", "coast"),
    ]


def test_repeated_words_match_every_time(data: MeteorData) -> None:
    assert matches("the dog the", "the", data) == [("exact", "the", "the"), ("exact", "the", "the")]


def test_sentences_that_are_the_same_match_word_for_word(data: MeteorData) -> None:
    """As in the jar; between "dogs dog" and "dog dogs" there are stems and synonyms besides."""
    assert {way for way, _, _ in matches("dogs dog", "dogs dog", data)} == {"exact"}
    assert {way for way, _, _ in matches("dogs dog", "dog dogs", data)} == {"exact", "stem", "synonym"}


def test_without_data_exact_and_stem_are_left() -> None:
    assert matches("many dogs ran", "a lot of dog running ran", MeteorData()) == [
        ("stem", "dog", "dogs"),
        ("exact", "ran", "ran"),
    ]


def test_words_with_equal_java_hashes_are_one_word_for_the_reference_implementation() -> None:
    """ "Aa" and "BB" have the same `String.hashCode`; so have "0q" and "1R", lower-cased or not."""
    assert matches("1r 3s", "0¨ 0¯", MeteorData()) == []
    low = "\x01" + chr(31 + 2)  # 1 * 31 + 33 = 2 * 31 + 2
    assert matches(low, "\x02\x02", MeteorData()) == [("exact", "\x02\x02", low)]
    # Both bytes of a character count: 31 * 0x4e00 + 0x6000 = 31 * 0x4f00 + 0x4100.
    assert matches("\u4e00\u6000", "\u4f00\u4100", MeteorData()) == [("exact", "\u4f00\u4100", "\u4e00\u6000")]
    assert matches("\u4e00", "\u4f00", MeteorData()) == []
    assert matches("\u0100", "\u0180", MeteorData()) == []
    # 31 * 0xff + 0x130 = 31 * 0x100 + 0x111: the high byte counts as the higher.
    assert len(matches("\u00ff\u0130", "\u0100\u0111", MeteorData())) == 1


def test_empty_sentences(data: MeteorData) -> None:
    assert matches("", "a dog", data) == matches("a dog", "", data) == matches("", "", data) == []


def test_spread_and_join() -> None:
    owner, place = spread(np.array([2, 0, 3]))
    assert owner.tolist() == [0, 0, 2, 2, 2]
    assert place.tolist() == [0, 1, 0, 1, 2]
    left, right = join(np.array([5, 7, 5]), np.array([7, 5, 5, 9]))
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == [(0, 1), (0, 2), (1, 0), (2, 1), (2, 2)]
