"""Beam search, batched over pictures and beams.

Letters: B pictures, A pictures not done yet, G groups, S states of the constraint machine, K beams of each
group and state, R = G * S * K rows of a picture, V vocabulary, P grid positions, T words so far.

A picture's rows are neighbours, and a leaf of the state that no step changes (the projected grid) is the same
for all of them. It is therefore repeated once and never reordered; only changed leaves follow their beams.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from captionkit.decoding.constraints import Constraints
from captionkit.decoding.hypothesis import (
    Floats,
    Hypothesis,
    StartFunction,
    State,
    StepFunction,
    close_at_limit,
    log_softmax,
    merged,
    normalised,
)
from captionkit.errors import UsageError
from captionkit.tokenizer import BOS, EOS

_BLOCK = 64  # candidates that `_top` looks at together
_SHRINK = 0.75  # rows of done pictures are dropped once this share or less is left to do


def beam_search(
    start: StartFunction,
    step: StepFunction,
    features: Any,
    *,
    beams: int = 3,
    max_length: int = 20,
    length_penalty: float = 0.7,
    constraints: Constraints | None = None,
    n: int = 1,
    diversity: float = 0.0,
) -> list[list[Hypothesis]]:
    """The best captions of each picture.

    Each step keeps the `beams` best unfinished hypotheses by log-probability. One that takes eos while it is
    among the `beams` best candidates is finished: it leaves the beam and is never extended. Hypotheses are
    ranked by log p / length ** `length_penalty`, length counting words and eos. The search of a picture ends
    when `beams` hypotheses are finished, when the best of the unfinished could not win any more even if
    all its further words were certain, or at the limit: after `max_length` words only eos may follow, and
    what the model would not end there ranks behind everything finished.

    With `diversity` and `n` > 1 there are n groups of `beams` beams, and a candidate of a group pays
    `diversity` nats for each beam of the groups before it that takes the same word at the same step
    (Vijayakumar et al. 2018, "Diverse beam search", Hamming diversity). The penalty chooses candidates and is
    not part of their score. The first group pays nothing: the first caption is the one that n = 1 gives.

    Args:
        start, step: the decoder, see `captionkit.decoding.hypothesis`.
        features: [B, P, D], passed to `start`.
        beams: unfinished hypotheses kept. Without `diversity`, at least n are kept.
        max_length: words at most.
        length_penalty: exponent of the length; 0 or more.
        constraints: what captions must and must not hold; by default only that they are not empty.
        n: captions wanted for each picture; fewer come only where fewer exist.
        diversity: nats that a shared word costs; 0 for the n best of one beam.

    Returns:
        One list a picture, of distinct hypotheses, best first (with diversity: the first group's first).

    Raises:
        UsageError: an argument out of range.
        CaptionkitError: the decoder gives scores that are not finite.
    """
    constraints = constraints or Constraints()
    if beams < 1 or max_length < 1 or n < 1:
        raise UsageError(f"Expected beams, max_length and n of 1 or more, but got {beams}, {max_length}, {n}.")
    if not (length_penalty >= 0 and diversity >= 0):
        raise UsageError(
            f"Expected a length penalty and diversity of 0 or more, but got {length_penalty} and {diversity}."
        )
    if len(constraints.must) > max_length or constraints.min_length > max_length:
        raise UsageError(
            f"A caption of at most {max_length} words cannot hold {len(constraints.must)} demanded words and "
            f"at least {constraints.min_length} words; raise the maximum length."
        )
    state: State = {name: np.asarray(leaf) for name, leaf in start(features).items()}
    pictures = next(iter(state.values())).shape[0]
    if pictures == 0:
        return []
    groups = n if diversity > 0 else 1
    search = _Search(
        step=step,
        groups=groups,
        beams=beams if diversity > 0 else max(beams, n),
        wanted=1 if diversity > 0 else n,
        max_length=max_length,
        length_penalty=length_penalty,
        diversity=diversity,
        constraints=constraints,
        ended=[[[] for _ in range(groups)] for _ in range(pictures)],
        finished=np.zeros((pictures, groups), np.int64),
        bar=np.full((pictures, groups), -np.inf),
    )
    search.run(state, pictures)
    return [_choose(ended, n) for ended in search.ended]


@dataclass(slots=True)
class _Ended:
    hypothesis: Hypothesis
    met: int  # demands met; all of them where it is finished

    @property
    def rank(self) -> tuple[bool, int, float]:
        return (self.hypothesis.finished, self.met, self.hypothesis.score)


@dataclass(slots=True)
class _Beams:
    """The live hypotheses of A pictures."""

    pictures: npt.NDArray[np.int64]  # [A] which pictures these are
    total: npt.NDArray[np.float64]  # [A, G, S, K] log p so far; minus infinity where a slot is empty
    words: npt.NDArray[np.int32]  # [A * R, max_length]
    log_probabilities: Floats  # [A * R, max_length]
    attention: Floats | None = None  # [A * R, max_length, P]
    length: int = 0

    def take(self, rows: npt.NDArray[np.int64]) -> None:
        self.words = self.words[rows]
        self.log_probabilities = self.log_probabilities[rows]
        if self.attention is not None:
            self.attention = self.attention[rows]

    def extend(
        self, parents: npt.NDArray[np.int64], ids: npt.NDArray[np.int32], picked: Floats, attention: Any
    ) -> None:
        """Continue the rows `parents` with `ids`; `attention` [A * R, P] is that of the step before."""
        if attention is not None and self.attention is None:
            rows, limit = self.words.shape
            self.attention = np.zeros((rows, limit, attention.shape[-1]), np.float32)
        self.take(parents)
        self.words[:, self.length] = ids
        self.log_probabilities[:, self.length] = picked
        if self.attention is not None:
            self.attention[:, self.length] = attention[parents]
        self.length += 1


@dataclass(slots=True)
class _Search:
    step: StepFunction
    groups: int
    beams: int
    wanted: int
    max_length: int
    length_penalty: float
    diversity: float
    constraints: Constraints
    ended: list[list[list[_Ended]]]  # [B][G] lists of what ended
    finished: npt.NDArray[np.int64]  # [B, G] how many of those are finished
    bar: npt.NDArray[np.float64]  # [B, G] the score that the wanted-th best finished hypothesis has

    def run(self, state: State, pictures: int) -> None:
        states = self.constraints.states
        rows = self.groups * states * self.beams
        total = np.full((pictures, self.groups, states, self.beams), -np.inf)
        total[:, :, 0, 0] = 0.0
        live = _Beams(
            pictures=np.arange(pictures),
            total=total,
            words=np.zeros((pictures * rows, self.max_length), np.int32),
            log_probabilities=np.zeros((pictures * rows, self.max_length), np.float32),
        )
        # All rows of a picture are equal before its first word, so the first step runs once a picture.
        logits, attention, changed = self.step(state, np.full(pictures, BOS, np.int32))
        state = {name: np.repeat(leaf, rows, axis=0) for name, leaf in merged(state, changed).items()}
        scores = np.repeat(log_softmax(logits), rows, axis=0)
        attention = None if attention is None else np.repeat(np.asarray(attention), rows, axis=0)
        moving = set(changed)
        while True:
            parents, ids, picked = self.advance(live, scores)
            live.extend(parents, ids, picked, attention)
            left = np.isfinite(live.total).any(axis=(1, 2, 3))
            if not left.any():
                return
            if left.mean() <= _SHRINK:
                kept = np.flatnonzero(np.repeat(left, rows))
                live.take(kept)
                live.pictures, live.total = live.pictures[left], live.total[left]
                state = {name: leaf[parents[kept] if name in moving else kept] for name, leaf in state.items()}
                ids = ids[kept]
            else:
                state = {name: leaf[parents] if name in moving else leaf for name, leaf in state.items()}
            logits, attention, changed = self.step(state, ids)
            state = merged(state, changed)
            moving |= changed.keys()
            scores = log_softmax(logits)
            attention = None if attention is None else np.asarray(attention)
            if live.length == self.max_length:
                self.close(live, scores)
                return

    def advance(self, live: _Beams, scores: Floats) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], Floats]:
        """Choose the next beams: their parent rows, words and log-probabilities, each [A * R].

        Hypotheses that end are put aside, and `live.total` becomes that of the new beams.
        """
        self.constraints.mask(scores, live.words[:, : live.length])
        pictures, groups, states, beams = live.total.shape
        width, vocabulary = states * beams, scores.shape[1]
        scores = scores.reshape(pictures, groups, width, vocabulary)
        before = live.total.reshape(pictures, groups, width)
        each = np.arange(pictures)[:, None]
        total = np.full_like(live.total, -np.inf)
        parents = np.zeros(live.total.shape, np.int64)
        ids = np.zeros(live.total.shape, np.int32)
        picked = np.zeros(live.total.shape, np.float32)
        cost = np.zeros((pictures, vocabulary), np.float32)
        for group in range(groups):
            candidates = before[:, group, :, None].astype(np.float32) + scores[:, group]
            if group:
                candidates -= cost[:, None, :]
            for machine in range(states):
                reachable = self.reachable(candidates, machine)
                # Twice K: of K beams in a state each has one candidate that ends, and K are to go on.
                top, worth = _top(reachable.reshape(pictures, width * vocabulary), 2 * beams)
                origin, token = top // vocabulary, top % vocabulary
                value = before[each, group, origin] + scores[each, group, origin, token]
                usable = np.isfinite(worth)
                is_eos = token == EOS
                if machine == states - 1:
                    self.finish(live, group, origin, value, is_eos & usable, scores[:, group, :, EOS])
                order = np.argsort(is_eos, axis=1, kind="stable")[:, :beams]
                origin, token, value = origin[each, order], token[each, order], value[each, order]
                # In a small vocabulary what ends can be among the first K after all; it never goes on.
                usable = usable[each, order] & ~is_eos[each, order]
                place = (slice(None), group, machine, slice(0, order.shape[1]))
                total[place] = np.where(usable, value, -np.inf)
                parents[place] = each * groups * width + group * width + origin
                ids[place] = token
                picked[place] = scores[each, group, origin, token]
            if self.diversity and group + 1 < groups:
                chosen = np.isfinite(total[:, group])
                where = np.broadcast_to(each[:, :, None], chosen.shape)
                np.add.at(cost, (where[chosen], ids[:, group][chosen]), np.float32(self.diversity))
        self.keep_stuck(live, total)
        best = total.max(axis=(2, 3))
        finished, bar = self.finished[live.pictures], self.bar[live.pictures]
        # No further word can raise log p, and no length can divide it by more than the limit does.
        beaten = best / (self.max_length + 1) ** self.length_penalty <= bar
        total[(finished >= self.beams) | beaten] = -np.inf
        live.total = total
        return parents.reshape(-1), ids.reshape(-1), picked.reshape(-1)

    def reachable(self, candidates: Floats, machine: int) -> Floats:
        """[A, S * K, V] candidates that lead to this state of the machine; minus infinity elsewhere."""
        states = self.constraints.states
        if states == 1:
            return candidates
        vocabulary = candidates.shape[-1]
        to = np.repeat(np.arange(states), self.beams)[:, None] | self.constraints.met_by(vocabulary)
        return np.where(to == machine, candidates, np.float32(-np.inf))

    def finish(
        self,
        live: _Beams,
        group: int,
        origin: npt.NDArray[np.int64],
        value: npt.NDArray[np.float64],
        ends: npt.NDArray[np.bool_],
        eos_scores: Floats,
    ) -> None:
        """Put aside what takes eos while among the K best candidates.

        Args:
            live: the hypotheses before this step.
            origin, value, ends: [A, 2K], best first: a candidate's place in the group, its log p, whether it ends.
            eos_scores: [A, S * K] log-probabilities of eos.
        """
        width = eos_scores.shape[1]
        ends = ends[:, : self.beams]
        for index, rank in zip(*np.nonzero(ends), strict=True):
            place = origin[index, rank]
            row = (index * self.groups + group) * width + place
            eos = float(eos_scores[index, place])
            self.put_aside(live, int(row), float(value[index, rank]), eos, len(self.constraints.must))

    def keep_stuck(self, live: _Beams, total: npt.NDArray[np.float64]) -> None:
        """Where no word is allowed next and nothing has ended, what there is must do."""
        stuck = np.isfinite(live.total).any(axis=(2, 3)) & ~np.isfinite(total).any(axis=(2, 3))
        for index, group in zip(*np.nonzero(stuck), strict=True):
            if not self.ended[live.pictures[index]][group]:
                self.put_aside_all(live, index, group, None)

    def close(self, live: _Beams, scores: Floats) -> None:
        """At the limit: eos is the only token that may follow."""
        self.constraints.mask(scores, live.words)
        for index, group in zip(*np.nonzero(np.isfinite(live.total).any(axis=(2, 3))), strict=True):
            self.put_aside_all(live, index, group, scores)

    def put_aside_all(self, live: _Beams, index: int, group: int, scores: Floats | None) -> None:
        shape = live.total.shape
        for machine, beam in zip(*np.nonzero(np.isfinite(live.total[index, group])), strict=True):
            row = int(np.ravel_multi_index((index, group, machine, beam), shape))
            total = float(live.total[index, group, machine, beam])
            eos = None
            if scores is not None and machine == shape[2] - 1:
                eos = float(scores[row, EOS])
                eos = eos if close_at_limit(eos, scores.shape[1]) else None
            self.put_aside(live, row, total + (eos or 0.0), eos, int(machine).bit_count())

    def put_aside(self, live: _Beams, row: int, total: float, eos: float | None, met: int) -> None:
        """Record that a row ended, with log p `total`, of which `eos` is that of eos (None: cut)."""
        index, group, _, _ = np.unravel_index(row, live.total.shape)
        words = live.words[row, : live.length]
        log_probabilities = live.log_probabilities[row, : live.length].tolist()
        closing = [] if eos is None else [eos]
        hypothesis = Hypothesis(
            ids=tuple(words.tolist()),
            token_log_probabilities=(*log_probabilities, *closing),
            score=normalised(total, live.length + len(closing), self.length_penalty),
            finished=eos is not None,
            attention=None if live.attention is None else live.attention[row, : live.length].copy(),
        )
        picture = live.pictures[index]
        ended = self.ended[picture][group]
        ended.append(_Ended(hypothesis, met))
        if hypothesis.finished:
            self.finished[picture, group] += 1
            scores = sorted((one.hypothesis.score for one in ended if one.hypothesis.finished), reverse=True)
            if len(scores) >= self.wanted:
                self.bar[picture, group] = scores[self.wanted - 1]


def _top(values: Floats, count: int) -> tuple[npt.NDArray[np.int64], Floats]:
    """Indices and values [A, count] of the largest of each row [A, N], largest first; N is `count` or more.

    Where N is large, only the `count` blocks with the largest maxima are looked into: nothing outside of them can
    be among the `count` largest.
    """
    rows, width = values.shape
    blocks = -(-width // _BLOCK)
    if blocks <= 2 * count:
        some = np.argpartition(values, width - count, axis=1)[:, width - count :]
        found = np.take_along_axis(values, some, axis=1)
        order = np.argsort(-found, axis=1, kind="stable")
        return np.take_along_axis(some, order, axis=1), np.take_along_axis(found, order, axis=1)
    padded = np.full((rows, blocks * _BLOCK), -np.inf, np.float32)
    padded[:, :width] = values
    padded = padded.reshape(rows, blocks, _BLOCK)
    chosen = np.argpartition(padded.max(axis=2), blocks - count, axis=1)[:, blocks - count :]
    inside = np.take_along_axis(padded, chosen[:, :, None], axis=1).reshape(rows, count * _BLOCK)
    some, found = _top(inside, count)
    index = np.take_along_axis(chosen, some // _BLOCK, axis=1) * _BLOCK + some % _BLOCK
    return np.minimum(index, width - 1), found  # the padding is minus infinity and names no candidate


def _choose(groups: list[list[_Ended]], n: int) -> list[Hypothesis]:
    """n distinct hypotheses: the best of each group in turn, then the best of what is left."""
    ranked = [sorted(ended, key=lambda one: one.rank, reverse=True) for ended in groups]
    chosen: dict[tuple[int, ...], _Ended] = {}
    for ended in ranked:
        fresh = next((one for one in ended if one.hypothesis.ids not in chosen), None)
        if fresh is not None:
            chosen[fresh.hypothesis.ids] = fresh
    for one in sorted((one for ended in ranked for one in ended), key=lambda one: one.rank, reverse=True):
        chosen.setdefault(one.hypothesis.ids, one)
    first, *others = list(chosen.values())[:n]
    others.sort(key=lambda one: one.rank, reverse=True)
    return [first.hypothesis, *(one.hypothesis for one in others)]
