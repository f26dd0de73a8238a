"""Regular expressions as a lazily built automaton that finds the longest match in one pass.

Python's `re` takes the first alternative that matches, a lexer the longest over all its rules; and `re`
backtracks, which an untrusted caption could make it do for minutes. Here an expression becomes the set of its
character places (Glushkov's construction), sets of places are integers used as bit sets, and a state of the
automaton is made when the text first leads to it. A match takes one step a character, whatever the text.

The notation is the usual one: `( ) | * + ? {m} {m,n} [a-z] [^a-z]`, backslash escapes, and `{NAME}` for a named
part. A letter outside brackets matches both cases; a bracket matches exactly what it lists.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

CharacterSet = frozenset[tuple[int, int]]
"""Ranges of code points, both ends inside."""

MAX_CODE_POINT = 0x10FFFF

_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "0": "\0"}
# Letters that fold to an ASCII letter of the pattern besides its own two cases.
_FOLDED = {"i": "İı", "k": "\u212a", "s": "ſ"}


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of an expression: whether it matches nothing, and which places begin and end it."""

    empty: bool
    first: int
    last: int


class Expressions:
    """Parses expressions into places; `compile` turns those it has parsed into one automaton.

    Args:
        names: what `{NAME}` stands for, an expression or a set of characters.
    """

    def __init__(self, names: Mapping[str, str | CharacterSet]) -> None:
        self._names = names
        self._sets: list[CharacterSet] = []  # by place
        self._follow: list[int] = []  # by place, a bit set of places
        self._first = 0
        self._last: list[tuple[int, int]] = []  # bit set of last places, rule
        self._text = ""
        self._at = 0

    def add(self, expression: str, rule: int) -> None:
        """Add a rule. Rules added earlier win among matches of the same length."""
        part = self._parse(expression)
        if part.empty:
            raise ValueError(f"{expression!r} matches nothing")
        self._first |= part.first
        self._last.append((part.last, rule))

    def compile(self) -> Automaton:
        """One automaton for all rules added."""
        return Automaton(self._sets, self._follow, self._first, self._last)

    def _parse(self, expression: str) -> _Part:
        """A whole expression, perhaps a named part in the middle of another."""
        outer = self._text, self._at
        self._text, self._at = expression, 0
        part = self._alternatives()
        if self._at != len(expression):
            raise ValueError(f"unbalanced ) in {expression!r}")
        self._text, self._at = outer
        return part

    def _alternatives(self) -> _Part:
        part = self._sequence()
        while self._peek() == "|":
            self._at += 1
            other = self._sequence()
            part = _Part(part.empty or other.empty, part.first | other.first, part.last | other.last)
        return part

    def _sequence(self) -> _Part:
        part = _Part(True, 0, 0)
        while self._peek() not in ("", "|", ")"):
            part = self._join(part, self._repeated())
        return part

    def _join(self, left: _Part, right: _Part) -> _Part:
        self._link(left.last, right.first)
        return _Part(
            left.empty and right.empty,
            left.first | right.first if left.empty else left.first,
            left.last | right.last if right.empty else right.last,
        )

    def _link(self, last: int, first: int) -> None:
        for place in bits(last):
            self._follow[place] |= first

    def _repeated(self) -> _Part:
        begin = self._at
        part = self._atom()
        while True:
            sign = self._peek()
            if sign in ("*", "+"):
                self._link(part.last, part.first)
                part = _Part(part.empty or sign == "*", part.first, part.last)
            elif sign == "?":
                part = _Part(True, part.first, part.last)
            elif sign == "{" and self._text[self._at + 1].isdigit():
                return self._counted(begin, part)
            else:
                return part
            self._at += 1

    def _counted(self, begin: int, part: _Part) -> _Part:
        close = self._text.index("}", self._at)
        low, _, high = self._text[self._at + 1 : close].partition(",")
        least, most = int(low), int(high or low)
        end = self._at
        copies = [part]
        for _ in range(most - 1):  # each copy needs places of its own: parse the same text again
            self._at = begin
            copies.append(self._atom())
            assert self._at == end
        self._at = close + 1
        whole = _Part(True, 0, 0)
        for number, copy in enumerate(copies):
            whole = self._join(whole, copy if number < least else _Part(True, copy.first, copy.last))
        return whole

    def _atom(self) -> _Part:
        sign = self._text[self._at]
        if sign == "(":
            self._at += 1
            part = self._alternatives()
            if self._peek() != ")":
                raise ValueError(f"missing ) in {self._text!r}")
            self._at += 1
            return part
        if sign == "[":
            return self._place(self._bracket())
        if sign == "{":
            close = self._text.index("}", self._at)
            meaning = self._names[self._text[self._at + 1 : close]]
            self._at = close + 1
            return self._parse(meaning) if isinstance(meaning, str) else self._place(meaning)
        letter = self._character()
        cases = {letter, letter.lower(), letter.upper(), *_FOLDED.get(letter.lower(), "")}
        return self._place(frozenset((ord(case), ord(case)) for case in cases))

    def _place(self, characters: CharacterSet) -> _Part:
        self._sets.append(characters)
        self._follow.append(0)
        bit = 1 << (len(self._sets) - 1)
        return _Part(False, bit, bit)

    def _peek(self) -> str:
        return self._text[self._at] if self._at < len(self._text) else ""

    def _character(self) -> str:
        sign = self._text[self._at]
        self._at += 1
        if sign != "\\":
            return sign
        sign = self._text[self._at]
        self._at += 1
        if sign in "ux":
            width = 4 if sign == "u" else 2
            self._at += width
            return chr(int(self._text[self._at - width : self._at], 16))
        return _ESCAPES.get(sign, sign)

    def _bracket(self) -> CharacterSet:
        self._at += 1
        negated = self._peek() == "^"
        self._at += negated
        ranges: list[tuple[int, int]] = []
        while self._peek() != "]":
            low = high = self._character()
            if self._peek() == "-" and self._text[self._at + 1] != "]":
                self._at += 1
                high = self._character()
            ranges.append((ord(low), ord(high)))
        self._at += 1
        return _complement(ranges) if negated else frozenset(ranges)


def _complement(ranges: Sequence[tuple[int, int]]) -> CharacterSet:
    result = []
    start = 0
    for low, high in sorted(ranges):
        if low > start:
            result.append((start, low - 1))
        start = max(start, high + 1)
    if start <= MAX_CODE_POINT:
        result.append((start, MAX_CODE_POINT))
    return frozenset(result)


def bits(value: int) -> Iterator[int]:
    """The places of the set bits, rising."""
    while value:
        low = value & -value
        yield low.bit_length() - 1
        value ^= low


class _Kinds(dict[str, int]):
    """Character to its kind: characters of one kind are in the same sets. Worked out on first sight."""

    def __init__(self, sets: Sequence[CharacterSet]) -> None:
        super().__init__()
        distinct: dict[CharacterSet, int] = {}
        for place, characters in enumerate(sets):
            distinct[characters] = distinct.get(characters, 0) | 1 << place
        starts = {0}
        for characters in distinct:
            for low, high in characters:
                starts |= {low, high + 1}
        self._starts = sorted(starts)
        members = [0] * len(self._starts)
        where = {start: number for number, start in enumerate(self._starts)}
        for characters, places in distinct.items():
            for low, high in characters:
                for number in range(where[low], where[high + 1]):
                    members[number] |= places
        numbers: dict[int, int] = {}
        self._kind = [numbers.setdefault(places, len(numbers)) for places in members]
        self.places = list(numbers)  # by kind, the places whose set holds it

    def __missing__(self, character: str) -> int:
        kind = self._kind[bisect_right(self._starts, ord(character)) - 1]
        self[character] = kind
        return kind


class Automaton:
    """Finds the longest match of any rule. Made by `Expressions.compile`."""

    def __init__(
        self, sets: Sequence[CharacterSet], follow: Sequence[int], first: int, last: Sequence[tuple[int, int]]
    ) -> None:
        self._follow = follow
        self._last = last
        self.kinds = _Kinds(sets)
        self._reached: list[int] = []  # by state, the places whose next characters may come
        self._number: dict[int, int] = {}  # places just read to state
        self._lock = threading.Lock()
        # Two lists by state, read in the innermost loop: next state by kind (None where not yet known, -1 where
        # the text leads nowhere), and the first rule that ends here (-1 for none).
        self.next: list[list[int | None]] = []
        self.rule: list[int] = []
        self._add_state(first, -1)

    def _add_state(self, reached: int, rule: int) -> int:
        self._reached.append(reached)
        self.next.append([None] * len(self.kinds.places))
        self.rule.append(rule)
        return len(self.rule) - 1

    def step(self, state: int, kind: int) -> int:
        """The state after one more character, made if it is new; -1 for none."""
        matched = self._reached[state] & self.kinds.places[kind]
        with self._lock:  # threads may meet a new state at the same time
            if not matched:
                result = -1
            elif matched in self._number:
                result = self._number[matched]
            else:
                reached = 0
                for place in bits(matched):
                    reached |= self._follow[place]
                rule = next((rule for last, rule in self._last if matched & last), -1)
                result = self._number[matched] = self._add_state(reached, rule)
            self.next[state][kind] = result
        return result

    def longest(self, text: str, start: int) -> tuple[int, int]:
        """The longest match of any rule at `start`.

        Returns:
            Where it ends and its rule; (start, -1) where no rule matches.
        """
        kinds, following, rules = self.kinds, self.next, self.rule
        state = 0
        end, found = start, -1
        for at in range(start, len(text)):
            kind = kinds[text[at]]
            after = following[state][kind]
            if after is None:
                after = self.step(state, kind)
            if after < 0:
                break
            state = after
            if rules[state] >= 0:
                end, found = at + 1, rules[state]
        return end, found

    def matches(self, text: str) -> bool:
        """Whether some rule matches all of `text`."""
        return self.longest(text, 0)[0] == len(text) > 0
