"""The alignment, against a slow search written down plainly and against all choices there are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captionkit.metrics.meteor import alignment
from captionkit.metrics.meteor.alignment import BEAM, align
from captionkit.metrics.meteor.matching import Matches


@dataclass(frozen=True)
class Match:
    start: int
    length: int
    other: int
    width: int
    matcher: int

    @property
    def reference(self) -> set[int]:
        return set(range(self.start, self.start + self.length))

    @property
    def candidate(self) -> set[int]:
        return set(range(self.other, self.other + self.width))

    @property
    def gain(self) -> int:
        return self.length + self.width if self.matcher == 0 else self.length // 2 + self.width // 2


@dataclass(frozen=True)
class Path:
    taken: tuple[Match, ...] = ()
    used: frozenset[int] = frozenset()
    covered: int = 0
    chunks: int = 0
    distance: int = 0
    end: int = -1
    place: int = 0

    def take(self, match: Match) -> Path:
        return replace(
            self,
            taken=(*self.taken, match),
            used=self.used | match.candidate,
            covered=self.covered + match.gain,
            chunks=self.chunks + (self.end not in (-1, match.other)),
            end=match.other + match.width,
            place=match.start + match.length,
        )

    def close(self) -> Path:
        return replace(self, chunks=self.chunks + (self.end != -1), end=-1)

    @property
    def rank(self) -> tuple[int, int, int]:
        return -self.covered, self.chunks, self.distance


def slow_align(matches: list[Match], length: int, beam: int = BEAM) -> Path:
    """The beam search of meteor-1.5.jar, one path at a time."""

    def rivalled(match: Match) -> bool:
        others = [other for other in matches if other is not match]
        return any(
            other.start == match.start or other.reference & match.reference or other.candidate & match.candidate
            for other in others
        )

    fixed = {match.start: match for match in matches if not rivalled(match)}
    paths = [Path()]
    for step in range(length):
        following: list[Path] = []
        for path in sorted(paths, key=lambda path: path.rank)[:beam]:
            if path.place > step:
                following.append(path)
            elif step in fixed:
                shift = abs(step - fixed[step].other)
                following.append(replace(path.take(fixed[step]), distance=path.distance + shift))
            else:
                charged = path.distance
                for match in matches:
                    if match.start == step and not match.candidate & path.used:
                        following.append(replace(path.take(match), distance=charged))
                        charged += abs(step - match.other)
                following.append(replace(path.close(), distance=charged, place=step + 1))
        paths = following
    paths = sorted(paths, key=lambda path: path.rank)[:beam]
    return min((path.close() for path in paths), key=lambda path: path.rank)


def fast_align(matches: list[list[Match]], lengths: list[int], others: list[int]) -> list[tuple[set[Match], int]]:
    """`align` of several pairs: the chosen matches and the chunks of each."""
    flat = [(pair, match) for pair, of_pair in enumerate(matches) for match in of_pair]

    def column(values: list[int]) -> np.ndarray:
        return np.array(values, np.int64)

    places, chunks = align(
        Matches(
            pair=column([pair for pair, _ in flat]),
            start=column([match.start for _, match in flat]),
            length=column([match.length for _, match in flat]),
            other_start=column([match.other for _, match in flat]),
            other_length=column([match.width for _, match in flat]),
            matcher=column([match.matcher for _, match in flat]),
        ),
        column(lengths),
        column(others),
    )
    chosen: list[set[Match]] = [set() for _ in matches]
    for place in places:
        chosen[flat[place][0]].add(flat[place][1])
    return list(zip(chosen, chunks.tolist(), strict=True))


def matches_of(draw: st.DrawFn, length: int, other: int, most: int) -> list[Match]:
    found = []
    for _ in range(draw(st.integers(0, most))):
        matcher = draw(st.integers(0, 3))
        start, place = draw(st.integers(0, length - 1)), draw(st.integers(0, other - 1))
        span = draw(st.integers(1, min(3, length - start))) if matcher == 3 else 1
        width = draw(st.integers(1, min(3, other - place))) if matcher == 3 else 1
        found.append(Match(start, span, place, width, matcher))
    return sorted(found, key=lambda match: match.start)


@st.composite
def pairs(draw: st.DrawFn, longest: int = 9, most: int = 14) -> tuple[list[Match], int, int]:
    length, other = draw(st.integers(1, longest)), draw(st.integers(1, longest))
    return matches_of(draw, length, other, most), length, other


@settings(max_examples=150, deadline=None)
@given(st.lists(pairs(), min_size=1, max_size=4))
def test_it_is_the_slow_search_on_all_pairs_at_once(cases: list[tuple[list[Match], int, int]]) -> None:
    matches, lengths, others = (list(column) for column in zip(*cases, strict=True))
    for (chosen, chunks), of_pair, length in zip(
        fast_align(matches, lengths, others), matches, lengths, strict=True
    ):
        expected = slow_align(of_pair, length)
        assert (chosen, chunks) == (set(expected.taken), expected.chunks)


@settings(max_examples=25, deadline=None)
@given(pairs(longest=14, most=40), st.integers(1, 4))
def test_it_is_the_slow_search_where_the_beam_is_narrow(case: tuple[list[Match], int, int], beam: int) -> None:
    matches, length, other = case
    expected = slow_align(matches, length, beam)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alignment, "BEAM", beam)
        (found,) = fast_align([matches], [length], [other])
    assert found == (set(expected.taken), expected.chunks)


@pytest.mark.parametrize(
    ("candidate", "reference", "other_beam"),
    [
        ("dog the a the the the the dog the a", "dog a a dog dog a a dog a the", 39),
        ("the the the a dog a dog dog dog the dog the", "the a a the a dog dog dog dog dog a a", 41),
    ],
)
def test_the_beam_is_forty_wide(candidate: str, reference: str, other_beam: int) -> None:
    words, others = reference.split(), candidate.split()
    matches = [
        Match(place, 1, other, 1, 0)
        for place, word in enumerate(words)
        for other, same in enumerate(others)
        if word == same
    ]
    (found,) = fast_align([matches], [len(words)], [len(others)])
    forty, narrower_or_wider = (slow_align(matches, len(words), beam) for beam in (40, other_beam))
    assert found == (set(forty.taken), forty.chunks)
    assert forty.chunks != narrower_or_wider.chunks


@settings(max_examples=60, deadline=None)
@given(pairs(longest=4, most=5))
def test_no_choice_covers_more(case: tuple[list[Match], int, int]) -> None:
    matches, length, other = case
    best = 0
    for wanted in product((False, True), repeat=len(matches)):
        chosen = [match for match, want in zip(matches, wanted, strict=True) if want]
        places = [place for match in chosen for place in match.reference]
        others = [place for match in chosen for place in match.candidate]
        if len(set(places)) == len(places) and len(set(others)) == len(others):
            best = max(best, sum(match.gain for match in chosen))
    ((chosen_set, _),) = fast_align([matches], [length], [other])
    assert sum(match.gain for match in chosen_set) == best


def test_words_beyond_the_sixty_third_are_kept_apart() -> None:
    """A word is a bit of an integer; sentences longer than that take several."""
    length = 150
    matches = [Match(place, 1, other, 1, 0) for place in range(length) for other in (place, (place + 63) % length)]
    ((chosen, chunks),) = fast_align([matches], [length], [length])
    assert sorted(match.other for match in chosen) == list(range(length))
    assert chunks >= 1


def test_ranks_that_do_not_fit_one_number_are_sorted_all_the_same() -> None:
    pair = np.array([0, 0, 1, 1])
    covered, chunks = np.array([0, 1 << 30, 3, 3]), np.array([1, 2, 1 << 30, 1])
    order = alignment._rank(pair, covered, chunks, np.array([0, 0, 5, 1 << 30]))
    assert order.tolist() == [1, 0, 3, 2]


def test_no_pairs() -> None:
    assert fast_align([], [], []) == []
