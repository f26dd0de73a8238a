"""METEOR's alignment: the best choice of matches between a candidate and a reference, by beam search.

Denkowski and Lavie 2014, section 2: cover as many words as possible, then with as few chunks as possible, then
with the least distance between match starts. The reference implementation searches with a beam of 40 from left to
right through the reference, and its habits decide between equals, so they are kept:

- a match that is not exact counts half, rounded down: single words found by stem, synonym or paraphrase add
  nothing to the coverage and win only by joining chunks or by their place in the order;
- the distance of a match taken in the search is charged to the paths tried after it, not to its own;
- of equal paths the one found first stays first.

All pairs advance together, one word of the reference a step; a path is one element of each state array, and paths
lie sorted by pair and rank. Letters: P pairs, M matches, N paths.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from captionkit.metrics.corpus import Integers, run_starts, spread
from captionkit.metrics.meteor.matching import EXACT, Matches

BEAM = 40
_PLANE = 63  # words of a candidate that one integer marks as used


@dataclass(slots=True)
class _Paths:
    """The state of N paths, sorted by pair, within a pair by rank.

    Attributes:
        pair: int64 [N].
        covered: int64 [N], words covered on both sides, matches that are not exact at half, rounded down.
        chunks: int64 [N], closed chunks.
        distance: int64 [N].
        place: int64 [N], where the last match ended in the reference.
        end: int64 [N], where the last match ended in the candidate; -1 where no chunk is open.
        used: int64 [N, planes], the candidate's words that are taken, as bits, 63 a plane.
        parent: int64 [N], the path it came from, in the step before.
        match: int64 [N], the match taken in the step, or -1.
    """

    pair: Integers
    covered: Integers
    chunks: Integers
    distance: Integers
    place: Integers
    end: Integers
    used: Integers
    parent: Integers
    match: Integers

    def __len__(self) -> int:
        return len(self.pair)

    def take(self, chosen: Integers) -> _Paths:
        return _Paths(*(getattr(self, field.name)[chosen] for field in fields(self)))


class _Search:
    """The beam search over the pairs of one `Matches`.

    Args:
        matches: all matches.
        reference_length, candidate_length: int64 [P], words.
    """

    def __init__(self, matches: Matches, reference_length: Integers, candidate_length: Integers) -> None:
        self.matches = matches
        self.length = reference_length
        self._row = np.cumsum(reference_length) - reference_length
        cell = self._row[matches.pair] + matches.start
        self._count = np.bincount(cell, minlength=int(reference_length.sum()))
        self._first = np.cumsum(self._count) - self._count
        divisor = np.where(matches.matcher == EXACT, 1, 2)
        self._gain = matches.length // divisor + matches.other_length // divisor
        self._shift = np.abs(matches.start - matches.other_start)
        self._fixed = self._find_fixed(reference_length, candidate_length)
        self._planes = self._masks(int(candidate_length.max(initial=0)))

    def _find_fixed(self, reference_length: Integers, candidate_length: Integers) -> Integers:
        """int64 [words of all references]: the match that starts here without any rival, or -1."""
        matches = self.matches
        single = self._count[self._row[matches.pair] + matches.start] == 1
        for lengths, start, length in (
            (reference_length, matches.start, matches.length),
            (candidate_length, matches.other_start, matches.other_length),
        ):
            first = (np.cumsum(lengths) - lengths)[matches.pair] + start
            owner, within = spread(length)
            cell = first[owner] + within
            rivalled = np.bincount(cell) != 1
            single[owner[rivalled[cell]]] = False
        fixed = np.full(len(self._count), -1, np.int64)
        chosen = np.flatnonzero(single)
        fixed[self._row[matches.pair[chosen]] + matches.start[chosen]] = chosen
        return fixed

    def _masks(self, longest: int) -> Integers:
        """int64 [M, planes]: the bits of the candidate's words that a match uses."""
        start, length = self.matches.other_start, self.matches.other_length
        planes = np.zeros((len(start), longest // _PLANE + 1), np.int64)
        for within in range(int(length.max(initial=0))):
            chosen = np.flatnonzero(length > within)
            plane, bit = np.divmod(start[chosen] + within, _PLANE)
            planes[chosen, plane] |= np.int64(1) << bit
        return planes

    def run(self) -> tuple[Integers, Integers]:
        pairs = len(self.length)
        zero = np.zeros(pairs, np.int64)
        none = np.full(pairs, -1, np.int64)
        used = np.zeros((pairs, self._planes.shape[1]), np.int64)
        paths = _Paths(np.arange(pairs), zero, zero, zero, zero, none, used, none, none)
        chunks = np.zeros(pairs, np.int64)
        history: list[_Paths] = []
        finished: list[tuple[Integers, Integers]] = []
        step = 0
        while len(paths):
            paths = self._prune(paths)
            complete = self.length[paths.pair] == step
            done = np.flatnonzero(complete)
            best = done[self._best(paths.take(done))]
            chunks[paths.pair[best]] = paths.chunks[best] + (paths.end[best] >= 0)
            finished.append((paths.pair[best], best))
            history.append(paths)
            paths = self._advance(paths, np.flatnonzero(~complete), step)
            step += 1
        return _trace(history, finished, pairs), chunks

    @staticmethod
    def _prune(paths: _Paths) -> _Paths:
        """Sort the paths of each pair, equals as they came, and keep the best 40."""
        order = _rank(paths.pair, paths.covered, paths.chunks, paths.distance)
        pair = paths.pair[order]
        first = np.searchsorted(pair, pair, "left")
        return paths.take(order[np.arange(len(pair)) - first < BEAM])

    @staticmethod
    def _best(paths: _Paths) -> Integers:
        """The best path of each pair after its open chunk is closed."""
        closed = paths.chunks + (paths.end >= 0)
        order = _rank(paths.pair, paths.covered, closed, paths.distance)
        return order[run_starts(paths.pair[order])]

    def _advance(self, paths: _Paths, live: Integers, step: int) -> _Paths:
        """What each live path may become at word `step` of its reference."""
        cell = self._row[paths.pair[live]] + step
        inside = paths.place[live] > step
        fixed = np.where(inside, -1, self._fixed[cell])
        free = ~inside & (fixed < 0)
        options = np.where(free, self._count[cell], 0)
        owner, within = spread(options)
        match = self._first[cell][owner] + within
        clash = (paths.used[live[owner]] & self._planes[match]).any(axis=1)
        owner, match = owner[~clash], match[~clash]

        # Each path is followed by its own continuation, in the order of the reference implementation: the matches
        # first, then the path that skips the word (or goes on inside a match, or takes the fixed one).
        taken = np.bincount(owner, minlength=len(live))
        total = len(owner) + len(live)
        last = np.cumsum(taken + 1) - 1
        slot = np.arange(len(owner)) + owner
        source, chosen = np.empty((2, total), np.int64)
        source[slot], source[last] = owner, np.arange(len(live))
        chosen[slot], chosen[last] = match, fixed
        skips = np.zeros(total, np.bool_)
        skips[last] = free

        parent = live[source]
        new = paths.take(parent)
        new.parent, new.match = parent, chosen
        charged = np.zeros(total, np.int64)  # 0 for a fixed match, which all paths of its pair take
        charged[slot] = self._shift[match]
        before = np.cumsum(charged) - charged
        new.distance = new.distance + before - before[(last - taken)[source]]
        self._take_matches(new, np.flatnonzero(chosen >= 0))
        new.chunks = new.chunks + (skips & (new.end >= 0))
        new.end[skips] = -1
        return new

    def _take_matches(self, paths: _Paths, takers: Integers) -> None:
        matches = self.matches
        match = paths.match[takers]
        start, end = matches.other_start[match], paths.end[takers]
        paths.covered[takers] += self._gain[match]
        paths.chunks[takers] += (end >= 0) & (end != start)
        paths.place[takers] = matches.start[match] + matches.length[match]
        paths.end[takers] = start + matches.other_length[match]
        paths.used[takers] |= self._planes[match]


def _rank(pair: Integers, covered: Integers, chunks: Integers, distance: Integers) -> Integers:
    """The order by pair, most words covered, fewest chunks, least distance, place."""
    number = len(pair)
    if number == 0:
        return np.zeros(0, np.int64)
    most = int(covered.max())
    fields = (most - covered, chunks, distance, np.arange(number))
    widths = [int(field.max()).bit_length() for field in fields]
    if int(pair[-1]).bit_length() + sum(widths) > 63:
        return np.lexsort((distance, chunks, -covered, pair))
    # Sorting one packed number is several times faster than an indirect sort by four keys.
    packed = pair
    for field, width in zip(fields, widths, strict=True):
        packed = (packed << width) | field
    packed = np.sort(packed)
    order: Integers = packed & ((1 << widths[-1]) - 1)
    return order


def _trace(history: list[_Paths], finished: list[tuple[Integers, Integers]], pairs: int) -> Integers:
    """The matches along the best path of every pair, from its end back."""
    chosen: list[Integers] = [np.zeros(0, np.int64)]
    at = np.zeros(pairs, np.int64)
    active = np.zeros(0, np.int64)
    for paths, (pair, best) in zip(reversed(history), reversed(finished), strict=True):
        at[pair] = best
        active = np.concatenate([active, pair])
        path = at[active]
        match = paths.match[path]
        chosen.append(match[match >= 0])
        at[active] = paths.parent[path]
    return np.concatenate(chosen)


def align(matches: Matches, reference_length: Integers, candidate_length: Integers) -> tuple[Integers, Integers]:
    """The alignment of P pairs as meteor-1.5.jar chooses it.

    Args:
        matches: their matches.
        reference_length, candidate_length: int64 [P], words of the two sentences.

    Returns:
        int64, places of the chosen matches, in no particular order; and int64 [P], the chunks of each pair: runs
        of matches that are contiguous on both sides.
    """
    return _Search(matches, reference_length, candidate_length).run()
