"""From a line to tokens: the longest match of the rules, again and again."""

from __future__ import annotations

from functools import cache

from captionkit.text.ptb.automaton import Automaton, Expressions
from captionkit.text.ptb.rules import NAMES, RULES
from captionkit.text.ptb.spelling import lower_case


@cache
def _automaton() -> Automaton:
    """All rules, each followed by what it has to stand before."""
    expressions = Expressions(NAMES)
    for number, rule in enumerate(RULES):
        expressions.add(f"({rule.pattern})({rule.before})" if rule.before else rule.pattern, number)
    return expressions.compile()


@cache
def _expression(pattern: str) -> Automaton:
    expressions = Expressions(NAMES)
    expressions.add(pattern, 0)
    return expressions.compile()


def tokenize_line(line: str, after: str = "\n") -> list[str]:
    """The lower-cased tokens of a line.

    Args:
        line: the text. A line break inside it counts as white space.
        after: what comes after the line. Some rules look at it: "C." is a letter and a period where the next line
            begins with "The", and an abbreviation where it begins with "Two".
    """
    automaton = _automaton()
    text = line + after
    tokens = []
    at, end = 0, len(line)
    while at < end:
        stop, number = automaton.longest(text, at)
        rule = RULES[number]
        if rule.before:
            stop = _boundary(text, at, stop, rule.pattern, rule.before)
        stop -= rule.left
        token = rule.spell(text[at:stop])
        if token:
            tokens.append(lower_case(token))
        at = stop
    return tokens


def _boundary(text: str, start: int, stop: int, pattern: str, before: str) -> int:
    """Where the token ends in a match that includes what it stands before: as late as both fit."""
    token, rest = _expression(pattern), _expression(before)
    for at in range(stop - 1, start, -1):
        if token.matches(text[start:at]) and rest.matches(text[at:stop]):
            return at
    raise AssertionError(f"no boundary in {text[start:stop]!r}")
