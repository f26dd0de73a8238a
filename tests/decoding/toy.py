"""A tiny random language model with the decoder's contract, small enough to enumerate."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from captionkit.decoding.constraints import Constraints
from captionkit.decoding.hypothesis import State, log_softmax
from captionkit.tokenizer import BOS, EOS


@dataclass
class Toy:
    """A recurrent network with random weights: logits depend on the picture and on the whole history.

    `calls` counts the rows of each step. State: `memory` [B, U] moves, `grid` [B, P, U] never does.
    """

    vocabulary: int = 6
    units: int = 5
    positions: int = 3
    seed: int = 0
    sharpness: float = 2.0
    eos_bias: float = 0.0
    calls: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        random = np.random.default_rng(self.seed)
        self.embedding = random.normal(size=(self.vocabulary, self.units))
        self.recurrent = random.normal(size=(self.units, self.units))
        self.output = random.normal(size=(self.units, self.vocabulary)) * self.sharpness

    def features(self, pictures: int, seed: int = 0) -> npt.NDArray[np.float32]:
        shape = (pictures, self.positions, self.units)
        return np.random.default_rng(seed).normal(size=shape).astype(np.float32)

    def start(self, features: npt.NDArray[np.float32]) -> Mapping[str, Any]:
        return {"grid": np.array(features), "memory": features.mean(axis=1)}

    def step(self, state: State, ids: npt.NDArray[np.int32]) -> tuple[Any, Any, Mapping[str, Any]]:
        assert state.keys() == {"grid", "memory"}
        assert {leaf.shape[0] for leaf in state.values()} == {len(ids)}
        assert ids.dtype == np.int32
        self.calls.append(len(ids))
        memory = np.tanh(state["memory"] @ self.recurrent + self.embedding[ids])
        weights = np.exp(log_softmax(np.einsum("bpu,bu->bp", state["grid"], memory)))
        seen = np.einsum("bp,bpu->bu", weights, state["grid"])
        logits = (memory + 0.5 * seen) @ self.output
        logits[:, EOS] += self.eos_bias
        return logits.astype(np.float32), weights, {"memory": memory}

    def score(self, features: npt.NDArray[np.float32], words: tuple[int, ...]) -> npt.NDArray[np.float64]:
        """log p of each word and then of eos, for one picture, one word at a time."""
        state = {name: np.asarray(leaf) for name, leaf in self.start(features[None]).items()}
        picked = []
        previous = BOS
        for word in (*words, EOS):
            logits, _, changed = self.step(state, np.array([previous], np.int32))
            state = {**state, **changed}
            picked.append(float(log_softmax(logits)[0, word]))
            previous = word
        return np.array(picked)


def allowed(words: tuple[int, ...], constraints: Constraints) -> bool:
    """Whether a finished caption keeps the constraints; written apart from the masks that it checks."""
    size = constraints.no_repeat_ngram
    grams = [words[at : at + size] for at in range(len(words) - size + 1)] if size else []
    return (
        not set(words) & (constraints.avoid | {0, 1, 3})
        and all(set(words) & alternatives for alternatives in constraints.must)
        and len(words) >= constraints.min_length
        and len(set(grams)) == len(grams)
        and not (words and words[-1] in constraints.bad_endings)
        and not (
            constraints.may_repeat
            and (
                any(words.count(word) > 1 for word in set(words) - constraints.may_repeat)
                or any(words[at] == words[at + 1] for at in range(len(words) - 1))
            )
        )
        and not any(
            words[at] in constraints.singular_after and words[at + 1] in constraints.plurals
            for at in range(len(words) - 1)
        )
        and not any(sum(word in things for word in words) > 1 for things in constraints.twins)
        and not any(
            words[at] == words[at + 2] and words[at + 1] in constraints.no_echo for at in range(len(words) - 2)
        )
    )


def brute_force(
    toy: Toy,
    features: npt.NDArray[np.float32],
    *,
    max_length: int,
    length_penalty: float,
    constraints: Constraints,
) -> list[tuple[float, tuple[int, ...]]]:
    """(score, words) of every finished caption of one picture, best first."""
    found = []
    for length in range(max_length + 1):
        for words in itertools.product(range(toy.vocabulary), repeat=length):
            if EOS in words or not allowed(words, constraints):
                continue
            picked = toy.score(features, words)
            if length == max_length and picked[-1] < -np.log(toy.vocabulary):
                continue
            found.append((picked.sum() / (length + 1) ** length_penalty, words))
    return sorted(found, reverse=True)
