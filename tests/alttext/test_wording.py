from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captionkit.alttext.wording import LANGUAGE, shorten, word_alt_text


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("a picture of a dog", "A dog."),
        ("this is a black and white photo of a man .", "A man."),
        ("an image shows two dogs", "Two dogs."),
        ("there is a close-up shot of a bird", "A bird."),
        ("in this picture, a dog runs", "A dog runs."),
        ("in this picture : a dog runs", "A dog runs."),
        (", a photo of a dog", "A dog."),
        ("a dog runs in the photo", "A dog runs."),
        ("a man takes a picture of a dog", "A man takes a picture of a dog."),
        ("a framed photograph hangs on a wall", "A framed photograph hangs on a wall."),
    ],
)
def test_rule_1_it_does_not_begin_with_image_of(caption: str, expected: str) -> None:
    assert word_alt_text(caption) == expected


@pytest.mark.parametrize("caption", ["a dog runs", "A dog runs.", "  a dog \n runs . ", "a dog runs ,"])
def test_rule_2_one_sentence_with_capital_and_full_stop(caption: str) -> None:
    assert word_alt_text(caption) == "A dog runs."
    assert word_alt_text("a dog runs!") == "A dog runs!"


def test_rule_3_the_length_bound_is_125_and_cuts_where_a_phrase_ends() -> None:
    caption = (
        "a man in a blue shirt and a woman in a red dress are standing next to a large brown dog on a beach near "
        "the ocean with many people walking around behind them in the sun"
    )
    alt = word_alt_text(caption)
    assert alt == (
        "A man in a blue shirt and a woman in a red dress are standing next to a large brown dog on a beach near "
        "the ocean."
    )
    assert len(alt) <= 125
    assert word_alt_text("a dog on a beach with a ball", max_length=20) == "A dog on a beach."


@pytest.mark.parametrize(
    ("text", "limit", "short"),
    [
        ("dogs run", 8, "dogs run"),
        ("dogs run far", 8, "dogs run"),
        ("dogs run far", 7, "dogs"),
        ("a dog runs, its tail high up", 20, "a dog runs"),  # a comma ends a phrase
        ("a man is with dogs", 12, "a man"),  # and "is" ends none
        ("dogs The cat", 8, "dogs"),
        # A joint in the first half of what fits would leave too little.
        ("one dog runs far with balls bats hats cats rats", 46, "one dog runs far with balls bats hats cats"),
        ("abcdefgh", 7, "abcdefg"),
    ],
)
def test_rule_3_by_hand(text: str, limit: int, short: str) -> None:
    assert shorten(text, limit) == short
    assert word_alt_text(text, max_length=limit + 1) == f"{short[0].upper()}{short[1:]}."


@given(st.text("abc ,.", max_size=200), st.integers(2, 60))
def test_rule_3_holds_for_any_text(text: str, limit: int) -> None:
    assert len(word_alt_text(text, max_length=limit)) <= limit
    assert len(shorten(text, limit)) <= limit


def test_rule_4_no_word_twice_in_a_row() -> None:
    assert word_alt_text("a a dog dog dog runs") == "A dog runs."


def test_rule_5_gender_is_said_unless_neutral_wording_is_asked_for() -> None:
    assert word_alt_text("a woman and her dog") == "A woman and her dog."
    assert word_alt_text("a woman and her dog", neutral=True) == "A person and their dog."


def test_rule_6_the_language_is_english() -> None:
    assert LANGUAGE == "en"


@pytest.mark.parametrize("caption", ["", "  . ", "photo of", "a picture", "image"])
def test_a_caption_that_says_nothing_gives_nothing(caption: str) -> None:
    assert word_alt_text(caption) == ""


def test_a_text_begins_with_no_mark_that_begins_a_formula() -> None:
    assert word_alt_text("=a dog") == word_alt_text("a photo of = + a dog") == "A dog."
