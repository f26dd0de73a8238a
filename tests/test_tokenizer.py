"""The vocabulary."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captionkit.errors import DataError, UsageError
from captionkit.text import tokenize
from captionkit.tokenizer import BOS, EOS, PAD, SPECIALS, UNK, Tokenizer

TRAIN = ["A dog runs.", "A dog sleeps .", "the cat runs"]


def test_pad_bos_eos_unk_are_four_different_ids_and_pad_is_zero() -> None:
    assert (PAD, BOS, EOS, UNK) == (0, 1, 2, 3)
    assert Tokenizer([]).words == SPECIALS


def test_vocabularies_are_equal_where_their_words_are() -> None:
    assert Tokenizer(["a", "b"]) == Tokenizer(["a", "b"])
    assert Tokenizer(["a", "b"]) != Tokenizer(["b", "a"])
    assert Tokenizer(["a"]) != ["a"]


def test_words_come_by_frequency_then_alphabet() -> None:
    assert Tokenizer.build(TRAIN).words[4:] == ("a", "dog", "runs", "cat", "sleeps", "the")
    assert Tokenizer.build(TRAIN, min_count=2).words[4:] == ("a", "dog", "runs")
    assert [Tokenizer.build(TRAIN).id_of(word) for word in ("a", "the", "bird")] == [4, 9, None]


def test_ids_end_in_eos_then_pad() -> None:
    tokenizer = Tokenizer.build(TRAIN)
    ids = tokenizer.to_ids(["A dog flies.", ""], length=5)
    assert ids.dtype == np.int32
    assert ids.tolist() == [[4, 5, UNK, EOS, PAD], [EOS, PAD, PAD, PAD, PAD]]


def test_a_cut_caption_does_not_teach_that_the_sentence_ends_there() -> None:
    ids = Tokenizer.build(TRAIN).to_ids(["a dog runs"], length=3)
    assert EOS not in ids


def test_text_stops_at_the_first_eos() -> None:
    tokenizer = Tokenizer.build(TRAIN)
    assert tokenizer.to_text(np.array([[BOS, 4, 5, EOS, 6], [4, PAD, 5, 6, UNK]], np.int32)) == [
        "a dog",
        "a dog runs <unk>",
    ]


def test_the_letters_of_one_caption_are_no_captions() -> None:
    with pytest.raises(UsageError, match=r"put it into a list"):
        Tokenizer.build("a dog runs")
    with pytest.raises(UsageError, match=r"put it into a list"):
        Tokenizer.build(TRAIN).to_ids("a dog", length=5)


@pytest.mark.parametrize("special", SPECIALS)
def test_no_caption_can_spell_a_special_token(special: str) -> None:
    tokenizer = Tokenizer.build([f"a {special} dog"] * 3)
    assert tokenizer.words[4:].count(special) == 0
    row = tokenizer.to_ids([special], length=6)[0]
    assert BOS not in row
    assert row.tolist().count(EOS) == 1
    assert tokenizer.id_of(special) is None


@given(st.lists(st.text(max_size=40), max_size=8))
def test_json_round_trip(captions: list[str]) -> None:
    tokenizer = Tokenizer.build(captions)
    assert Tokenizer.from_json(tokenizer.to_json()) == tokenizer


def test_words_are_stored_as_they_are() -> None:
    assert '"café"' in Tokenizer(["café"]).to_json()  # an index knows its model by these very bytes


@given(st.lists(st.text(alphabet="abcdef .,'", max_size=30), min_size=1, max_size=5))
def test_known_words_survive_the_round_trip(captions: list[str]) -> None:
    tokenizer = Tokenizer.build(captions)
    ids = tokenizer.to_ids(captions, length=40)
    assert tokenizer.to_text(ids) == [" ".join(tokenize(caption)) for caption in captions]


def test_coverage_counts_running_words() -> None:
    assert Tokenizer.build(TRAIN).coverage(["a dog runs", "high"]) == 0.75
    assert Tokenizer([]).coverage([]) == 1.0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[", "does not parse: Expecting value"),
        ("[" * 100_000, "does not parse"),
        ("1" * 5_000, "does not parse"),
        ("[]", "of format"),
        (json.dumps({"format": "other", "words": []}), "'other'"),
        (json.dumps({"format": "captionkit-tokenizer-1", "words": ["a", 1]}), "list of strings"),
        (json.dumps({"format": "captionkit-tokenizer-1", "words": {"a": 1}}), "list of strings"),
        (json.dumps({"format": "captionkit-tokenizer-1", "words": ["b", "a", "a"]}), "'a' comes twice"),
        (json.dumps({"format": "captionkit-tokenizer-1", "words": ["<unk>"]}), "'<unk>'"),
        (json.dumps({"format": "captionkit-tokenizer-1", "words": ["a b"]}), "'a b'"),
        (json.dumps({"format": "captionkit-tokenizer-1", "words": [""]}), "got ''"),
        (json.dumps({"format": "captionkit-tokenizer-1", "words": ["dog\n"]}), "control characters"),
        (json.dumps({"format": "captionkit-tokenizer-1", "words": ["\x1b[2Jdog"]}), "control characters"),
        (json.dumps({"format": "captionkit-tokenizer-1", "words": ["\ud800"]}), "control characters"),
        (json.dumps({"format": "captionkit-tokenizer-1", "words": ["\u202egod"]}), "control characters"),
        (json.dumps({"format": "captionkit-tokenizer-1", "words": ["x " * 1000]}), f"got '{'x ' * 30}'."),
        ("[" * 100_000, "does not parse: RecursionError"),
        (f'{{"words": {"9" * 5_000}}}', "does not parse: ValueError"),
    ],
)
def test_a_bad_vocabulary_is_refused(text: str, says: str) -> None:
    with pytest.raises(DataError, match=says.replace("[", r"\[")):
        Tokenizer.from_json(text)


def test_a_vocabulary_beyond_all_bounds_is_refused_before_its_words_are_looked_at() -> None:
    with pytest.raises(DataError, match="1,000,001 words, more than the 1,000,000 allowed"):
        Tokenizer.from_json(json.dumps({"format": "captionkit-tokenizer-1", "words": [""] * 1_000_001}))


def test_it_prints_as_a_line() -> None:
    assert repr(Tokenizer(["dog", "cat"])) == "Tokenizer(2 words)"
