"""METEOR's normaliser, against what the jar's Normalizer gives for the same lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captionkit.metrics.meteor.text import is_plain, normalize

PREFIXES = {"Mr": False, "mr": False, "St": False, "No": True, "no": True, "e.g": False}

GOLDEN = {
    "": "",
    "   ": "",
    "A Dog runs": "a dog runs",
    "a dog , a cat .": "a dog , a cat .",
    "Hello, world!": "hello , world !",
    "1,000.50 dollars": "1,000.50 dollars",
    "a,b 1,b b,1": "a , b 1 , b b , 1",
    ",,,": ", ,,",
    "wait...what .. no.": "wait ... what .. no .",
    "the U.S. flag": "the us flag",
    "a.m. and p.m": "am and p.m",
    "Mr. Smith, mr. x": "mr. smith , mr. x",
    "No. 5 and No. Five": "no. 5 and no . five",
    "he stops. then she": "he stops. then she",
    "he stops. Then she": "he stops . then she",
    "the end.": "the end .",
    "well-known a-b-c -x x-": "well known a b-c -x x-",
    "tick -- tock – ding — dong": "tick - tock - ding — dong",
    "it's the dogs' 'tis 1990's don't": "it 's the dogs ' ' tis 1990 's don 't",
    "rock 'n' roll": "rock ' n ' roll",
    "`` quoted '' “and” ‘so’": '" quoted " " and " \' so \'',
    "-lrb- x -rrb- -LRB-": "-lrb- x -rrb- -lrb-",
    "x@y.z #tag & $5 50%": "x @ y.z # tag & $ 5 50 %",
    "http://x.y/z": "http : / / x.y / z",
    "café naïve Ünder ŠŽ Яблоко": "café naïve ünder šž яблоко",
    "犬が走る": "犬 が 走 る",
    "dog🐶cat": "dog 🐶 cat",
    "no\u00a0break\u2009thin\u3000wide": "no break thin wide",
    "tab\tseparated": "tab separated",
    "zero\u200bwidth": "zero \u200b width",
    "İstanbul ΣΑΣ": "i̇stanbul σ α σ",
}


@pytest.mark.parametrize(("line", "expected"), GOLDEN.items())
def test_normalize_is_the_reference_implementations(line: str, expected: str) -> None:
    assert normalize(line, PREFIXES) == tuple(expected.split(" ") if expected else ())


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("he stops. a dog", "he stops. a dog"),  # before a word from a to z the full stop stays
        ("he stops. zebras", "he stops. zebras"),
        ("he stops. Zebras", "he stops . zebras"),
        ("No. 0 and No. 9", "no. 0 and no. 9"),
        ("it costs 1.5.", "it costs 1.5 ."),  # a number is no "U.S."
        ("he stops...", "he stops ..."),
    ],
)
def test_a_full_stop_is_kept_or_split_off_by_what_follows(line: str, expected: str) -> None:
    assert normalize(line, PREFIXES) == tuple(expected.split(" "))


@given(st.lists(st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True), max_size=12))
def test_plain_words_stay_as_they_are(words: list[str]) -> None:
    assert all(map(is_plain, words))
    assert normalize(" ".join(words), PREFIXES) == tuple(words)


@given(st.text(max_size=40))
def test_any_text_becomes_words(line: str) -> None:
    assert all(word and " " not in word for word in normalize(line, PREFIXES))
