"""Words, stems and wider terms; any text is a query."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captionkit.search.words import (
    hits,
    index_terms,
    match_expression,
    query_words,
    says_excluded,
    split_query,
    split_words,
    to_stem,
)


def found(query: str, *captions: str) -> list[str]:
    """The captions that FTS5 finds, best first."""
    words = query_words(query)
    if not words:
        return []
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(
            'CREATE VIRTUAL TABLE terms USING fts5 (stems, kinds, tokenize = "unicode61 remove_diacritics 0")'
        )
        for caption in captions:
            connection.execute("INSERT INTO terms VALUES (?, ?)", index_terms([caption]))
        rows = connection.execute(
            "SELECT rowid FROM terms WHERE terms MATCH ? ORDER BY bm25(terms, 1.0, 0.3)",
            (match_expression(words),),
        )
        return [captions[row - 1] for (row,) in rows]


def test_words_are_folded() -> None:
    assert split_words("A Café, naïve — T-shirt! The dog's ball_game №5") == [
        *("a", "cafe", "naive", "t", "shirt", "the", "dog's", "ball", "game", "no5"),
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("dogs", "dog"),
        ("running", "ran"),
        ("men", "man"),
        ("children", "child"),
        ("dog's", "dog"),
        ("dog’s", "dog's"),
        ("men’s", "man"),
        ("swam", "swims"),
        ("lying", "laying"),
        ("lies", "lays"),
        ("buses", "bus"),
        ("menus", "menu"),
        ("sniffs", "sniffing"),
    ],
)
def test_forms_of_a_word_share_a_stem(one: str, other: str) -> None:
    assert to_stem(one) == to_stem(other)


def test_different_words_do_not() -> None:
    assert len({to_stem(word) for word in ("dog", "cat", "man", "woman", "car", "card", "snow", "show")}) == 8


def test_the_word_itself_comes_before_a_wider_term() -> None:
    captions = ("A dog sleeps.", "A puppy sleeps.", "A cat sleeps.", "A horse sleeps.", "A lamp.", "A chair.")
    assert found("puppy", *captions) == ["A puppy sleeps.", "A dog sleeps."]


def test_stop_words_are_left_out_unless_there_are_no_others() -> None:
    assert [one.word for one in query_words("the dog in the snow with dogs")] == ["dog", "snow"]
    assert [one.word for one in query_words("the the in")] == ["the", "in"]


def test_hits_are_the_words_of_the_caption() -> None:
    words = query_words("puppies running")
    assert hits(words, "A dog runs, the Dog's dogs ran home.") == ["dog", "runs", "dog's", "dogs", "ran"]
    assert hits(words, "A lamp.") == []
    assert query_words("zebra")[0].kinds == ()
    assert hits(query_words("zebra"), "Two zebras.") == ["zebras"]


def test_terms_are_words_with_spaces_between() -> None:
    stems, kinds = index_terms(["A dog.", "Two zebras and a puppy"])
    assert stems.split() == ["a", "dog", "two", "zebra", "and", "a", to_stem("puppy")]
    (of_dog,) = query_words("dog")[0].kinds
    assert kinds.split().count(of_dog) == 2


@pytest.mark.parametrize(
    "query",
    [
        '"dog" OR',
        "dog AND NOT (cat",
        "dog*",
        "^dog NEAR(snow, 2)",
        "stems:dog - kinds : x",
        "'; DROP TABLE terms; -- dog",
        "dog \x00 \ud800 🐶",
        "DOG " * 20,
    ],
)
def test_operators_and_quotes_are_only_text(query: str) -> None:
    captions = ("A dog sleeps.", "A lamp.", "A chair.", "A desk.")
    assert found(query, *captions) == ["A dog sleeps."]


@pytest.mark.parametrize("query", ["", "   ", "🐶", '"""', "\x00", "—", "\ud83d"])
def test_a_query_without_words_asks_for_nothing(query: str) -> None:
    assert query_words(query) == []


@given(st.text(max_size=60))
def test_any_text_is_a_query(query: str) -> None:
    assert set(found(query, "A dog sleeps.", "A lamp.")) <= {"A dog sleeps.", "A lamp."}


@pytest.mark.parametrize(
    ("query", "wanted", "excluded"),
    [
        ("a street without cars", "a street", ["cars"]),
        ("Street WITHOUT any cars, at night", "Street at night", ["cars"]),
        ("a dog without a tennis ball in the snow", "a dog in the snow", ["tennis ball"]),
        ("a man with no shirt", "a man", ["shirt"]),
        ("a beach but no people", "a beach", ["people"]),
        ("a park without cars or people", "a park", ["cars", "people"]),
        ("without people a beach", "without people a beach", []),  # where the second thing begins, nobody can tell
        ("without people on a beach", "on a beach", ["people"]),
        ("a dog without", "a dog without", []),
        ("no parking", "no parking", []),  # asks for nothing else
        ("a dog and no", "a dog and no", []),
        ("nobody without", "nobody without", []),
        ("bus no 5", "bus no 5", []),
        ("a beach with no one", "a beach", ["one"]),
        ("a dog", "a dog", []),
        ("", "", []),
    ],
)
def test_what_is_not_to_be_there_is_split_off(query: str, wanted: str, excluded: list[str]) -> None:
    found = split_query(query)
    assert found.wanted == wanted
    assert [" ".join(word.word for word in thing) for thing in found.excluded] == excluded


@pytest.mark.parametrize(
    ("query", "caption", "says"),
    [
        ("a street without cars", "A car drives down the street.", True),
        ("a street without cars", "A taxi in the street.", True),  # of the same kind
        ("a street without cars", "A carpet in the street.", False),
        ("a beach without people", "Two boys run on the beach.", True),
        ("a beach without anyone", "A surfer on the beach.", True),
        ("a beach without people", "A dog runs on the beach.", False),
        ("a beach with no one on it", "A man on the beach.", True),
        ("a beach without surfers", "A man on the beach.", False),
        ("a dog without a red leash", "A dog on a red leash.", True),
        ("a dog without a red leash", "A dog with a red ball.", False),
        ("a dog", "A dog.", False),
    ],
)
def test_a_caption_may_say_what_is_not_to_be_there(query: str, caption: str, says: bool) -> None:
    assert says_excluded(split_query(query).excluded, caption) is says


@given(st.text(max_size=60))
def test_any_text_can_be_split(text: str) -> None:
    found = split_query(text)
    assert found.wanted == text or found.excluded


def test_of_endless_exclusions_some_are_kept() -> None:
    assert 0 < len(split_query("a dog without " + " or ".join(f"w{one}" for one in range(10_000))).excluded) <= 64
