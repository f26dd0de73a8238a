"""Tokenising and its inverse."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captionkit.text import (
    _FOLLOWED,
    PUNCTUATION,
    _tokenize_any,
    _tokenize_plain,
    detokenize,
    sentinels,
    tokenize,
    tokenize_all,
)
from captionkit.text.ptb.lexer import _automaton
from tests.text.ptb.hard import generated


def test_round_brackets_stay_as_the_published_scores_have_them() -> None:
    assert tokenize("A man (left).") == ["a", "man", "-lrb-", "left", "-rrb-"]


def test_punctuation_is_dropped() -> None:
    assert tokenize('Stop , he said : "wait" ... - now ; !') == ["stop", "he", "said", "wait", "now"]


def test_the_next_caption_decides_on_the_period_of_an_initial() -> None:
    assert tokenize_all(["The letter C.", "The man."])[0] == ["the", "letter", "c"]
    assert tokenize_all(["The letter C. ", "The man."])[0] == ["the", "letter", "c"]
    assert tokenize_all(["The letter C.", "Two men."])[0] == ["the", "letter", "c."]
    assert tokenize("The letter C.") == ["the", "letter", "c"]
    assert tokenize("A dog sees Rex .") == ["a", "dog", "sees", "rex"]


@pytest.mark.parametrize(
    ("following", "word"), [(["", "A dog"], "c"), ([" ", "", "A dog"], "c"), (["The", "x"], "c"), (["The"], "c.")]
)
def test_empty_captions_are_passed_over_and_a_line_end_ends_a_word(following: list[str], word: str) -> None:
    """As the reference has it, for which the captions are lines of a file, the last without an end."""
    assert tokenize_all(["The letter C.", *following])[0] == ["the", "letter", word]


def test_white_space_at_the_end_of_the_last_token_goes() -> None:
    assert tokenize("Write to rex@\u2009") == ["write", "to", "rex@"]  # as the reference, which reads a line back
    assert tokenize("rex@\u2009 barks") == ["rex@\u2009", "barks"]


@settings(deadline=None)
@given(st.text(st.sampled_from(list("abcstnomrAOS '-,.0123")), max_size=40))
def test_the_short_cut_gives_what_the_rules_give(caption: str) -> None:
    plain = _tokenize_plain(caption)
    assert plain is None or plain == _tokenize_any(caption, _FOLLOWED)


@pytest.mark.parametrize("seed", [5, 6])
def test_the_short_cut_on_generated_captions(seed: int) -> None:
    cut = 0
    for caption in generated(3000, seed):
        caption = re.sub(r"[^A-Za-z0-9' ,.-]", "", caption)
        plain = _tokenize_plain(caption)
        if plain is not None:
            cut += 1
            assert plain == _tokenize_any(caption, _FOLLOWED)
    assert cut > 300


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60))
def test_any_text_gives_tokens_without_spaces_or_dropped_punctuation(caption: str) -> None:
    for token in tokenize(caption):
        assert token
        assert " " not in token
        assert "\n" not in token
        assert token not in PUNCTUATION


def test_line_breaks_inside_a_caption_are_spaces() -> None:
    assert tokenize("1\n1/2 cups\nof milk") == tokenize("1 1/2 cups of milk")
    assert tokenize("1\r\n1/2\u2028cups") == ["1", "1/2", "cups"]


def test_threads_may_tokenise_at_the_same_time() -> None:
    captions = list(generated(400, seed=21))
    expected = [tokenize(caption) for caption in captions]
    _automaton.cache_clear()
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(tokenize, captions)) == expected


def test_long_captions_do_not_hang() -> None:
    assert tokenize("a,b" * 700)
    assert tokenize("(" * 3000) == ["-lrb-"] * 3000
    assert tokenize("T." + " " * 3000 + "x")[0] == "t."


@pytest.mark.parametrize(
    ("tokens", "caption"),
    [
        (["i", "ca", "n't", "see", "the", "man", "'s", "dog"], "i can't see the man's dog"),
        (["can", "not", "gon", "na", "stop"], "cannot gonna stop"),
        (["a", "man", "-lrb-", "left", "-rrb-", "runs"], "a man (left) runs"),
        (["$", "5", "or", "50", "%"], "$5 or 50%"),
        (["1\xa01/2", "cups"], "1 1/2 cups"),
        (["-lsb-", "player", "#", "9", "-rsb-"], "[player #9]"),
        ([], ""),
    ],
)
def test_detokenize(tokens: list[str], caption: str) -> None:
    assert detokenize(tokens) == caption


@pytest.mark.parametrize(
    "caption",
    [
        "A man can't see the dog's ball (a red one) for $5, or 50%!",
        "They're gonna call (415) 555-1234 about 1 1/2 cups.",
        "Two well-dressed women [left] cannot swim; a boy doesn't.",
    ],
)
def test_a_detokenized_caption_has_the_same_words(caption: str) -> None:
    assert tokenize(detokenize(tokenize(caption))) == tokenize(caption)


def test_trap_2_sentinels_are_found_in_captions() -> None:
    assert sentinels("startseq a dog endseq") == ["startseq", "endseq"]
    assert sentinels("<start> a <unk> dog </s>") == ["<start>", "<unk>", "</s>"]
    assert sentinels("STARTSEQ a dog EndSeq") == ["STARTSEQ", "EndSeq"]
    assert sentinels("a dog starts the race") == []
