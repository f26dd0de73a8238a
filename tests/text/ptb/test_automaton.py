"""The automaton against Python's `re`, which agrees on whole matches, and against the longest-match rule."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captionkit.text.ptb.automaton import Automaton, Expressions

EXPRESSIONS = (
    "a",
    "ab|a(bc)*",
    "(a|b)*abb",
    "a{2}",
    "a{1,3}b?",
    "(ab?){2,3}c",
    "[a-c]+[^a]",
    "(a?b+|c)*a",
    r"\.\*\[",
    "((a|b)c?){1,2}",
    "(a|b?)c",
)


def automaton(*expressions: str) -> Automaton:
    parser = Expressions({"VOWEL": frozenset([(ord("a"), ord("a")), (ord("e"), ord("e"))]), "TWO": "{VOWEL}{2}"})
    for number, expression in enumerate(expressions):
        parser.add(expression, number)
    return parser.compile()


@pytest.mark.parametrize("expression", EXPRESSIONS)
@settings(max_examples=40, deadline=None)
@given(text=st.text("abcABC.*[", max_size=8))
def test_whole_matches_as_re_finds_them(expression: str, text: str) -> None:
    # `re` folds case inside brackets too, so bracketed expressions are compared without capitals.
    if "[" in expression:
        text = text.lower()
    expected = bool(text) and re.fullmatch(expression, text, re.IGNORECASE) is not None
    assert automaton(expression).matches(text) is expected


@settings(max_examples=40, deadline=None)
@given(text=st.text("abc", max_size=10))
def test_longest_match_of_several_rules(text: str) -> None:
    rules = ("ab", "a+b?", "(abc)+", "b|c")
    best = (0, -1)
    for end in range(1, len(text) + 1):
        for number, rule in enumerate(rules):
            if re.fullmatch(rule, text[:end]) and end > best[0]:
                best = (end, number)
    assert automaton(*rules).longest(text, 0) == best


def test_the_first_rule_wins_a_tie() -> None:
    assert automaton("[a-z]+", "cat").longest("cat", 0) == (3, 0)
    assert automaton("cat", "[a-z]+").longest("cat", 0) == (3, 0)


def test_names_and_folding() -> None:
    assert automaton("{TWO}").matches("ae")
    assert automaton("k").matches("\u212a")  # the Kelvin sign folds to k
    assert not automaton("[k]").matches("K")
    assert automaton("[^a]").matches("\0")


def test_states_are_made_once() -> None:
    found = automaton("(a|b)*c")
    for text in ("abc", "bac", "aabb", "c"):
        found.longest(text, 0)
    assert len(found.rule) == 4  # the first, and one for each letter


def test_a_long_text_takes_one_pass() -> None:
    text = "a" * 20_000
    assert automaton("(a|aa|aaa)+b", "a").longest(text, 0) == (1, 1)


@pytest.mark.parametrize("expression", ["a)", "(a", "a*", ""])
def test_expressions_that_cannot_be(expression: str) -> None:
    with pytest.raises(ValueError, match=r"\)|nothing"):
        automaton(expression)
