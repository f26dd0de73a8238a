"""From features to captions as ids: greedy search, beam search, sampling; knows no framework.

A search is described by a value, `Beam`, `Greedy` or `Sample`, that can be passed around, stored in a bundle
and run over the two callables of any decoder.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Protocol

from captionkit.decoding.articles import agree_articles
from captionkit.decoding.beam import beam_search
from captionkit.decoding.constraints import MAX_MUST, Constraints
from captionkit.decoding.hypothesis import Hypothesis, StartFunction, State, StepFunction, log_softmax
from captionkit.decoding.sampling import greedy_search, sample
from captionkit.decoding.teacher_forcing import teacher_forced
from captionkit.decoding.wording import MAY_REPEAT, NO_ECHO, ONE, TWINS, Wording
from captionkit.errors import UsageError

__all__ = [
    "MAX_MUST",
    "MAY_REPEAT",
    "NO_ECHO",
    "ONE",
    "TWINS",
    "Beam",
    "Constraints",
    "Greedy",
    "Hypothesis",
    "Sample",
    "Search",
    "StartFunction",
    "State",
    "StepFunction",
    "Wording",
    "agree_articles",
    "beam_search",
    "greedy_search",
    "log_softmax",
    "sample",
    "teacher_forced",
]


class Search(Protocol):
    """A way to find captions; `run` finds n for each picture of features [B, P, D]."""

    @property
    def max_length(self) -> int:
        """Words at most."""

    def run(
        self,
        start: StartFunction,
        step: StepFunction,
        features: Any,
        *,
        constraints: Constraints | None = None,
        n: int = 1,
    ) -> list[list[Hypothesis]]:
        """One list of hypotheses a picture, best first."""


@dataclass(frozen=True, slots=True)
class Beam:
    """`beam_search` with these settings. `diversity` counts only where n > 1 captions are wanted."""

    beams: int = 3
    max_length: int = 20
    length_penalty: float = 0.7
    diversity: float = 0.5

    def run(
        self,
        start: StartFunction,
        step: StepFunction,
        features: Any,
        *,
        constraints: Constraints | None = None,
        n: int = 1,
    ) -> list[list[Hypothesis]]:
        """See `beam_search`."""
        return beam_search(start, step, features, constraints=constraints, n=n, **asdict(self))


@dataclass(frozen=True, slots=True)
class Greedy:
    """`greedy_search` up to `max_length` words."""

    max_length: int = 20

    def run(
        self,
        start: StartFunction,
        step: StepFunction,
        features: Any,
        *,
        constraints: Constraints | None = None,
        n: int = 1,
    ) -> list[list[Hypothesis]]:
        """See `greedy_search`; it has one caption to give, so n is 1."""
        if n != 1:
            raise UsageError(f"Greedy search gives one caption, but {n} are wanted; use beam search or sampling.")
        return greedy_search(start, step, features, constraints=constraints, **asdict(self))


@dataclass(frozen=True, slots=True)
class Sample:
    """`sample` with these settings. `first` is the place of a batch's first picture among all pictures."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0
    max_length: int = 20
    first: int = 0

    def run(
        self,
        start: StartFunction,
        step: StepFunction,
        features: Any,
        *,
        constraints: Constraints | None = None,
        n: int = 1,
    ) -> list[list[Hypothesis]]:
        """See `sample`."""
        return sample(start, step, features, constraints=constraints, n=n, **asdict(self))
