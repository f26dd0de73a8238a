"""What an audit says: one finding a matter, with its weight and examples."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

EXAMPLES = 20  # kept of each finding


class Weight(StrEnum):
    """How much a finding counts.

    A leak means that something held out was learned or chosen by; a problem means that scores do not compare with
    published ones; a note is worth knowing.
    """

    LEAK = "leak"
    PROBLEM = "problem"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One matter.

    Attributes:
        check: which check found it, such as "pictures".
        weight: how much it counts.
        message: one sentence.
        examples: the first cases.
        count: all cases.
    """

    check: str
    weight: Weight
    message: str
    examples: tuple[str, ...] = ()
    count: int = 1

    def to_json(self) -> dict[str, object]:
        """The finding as plain JSON values."""
        return {
            "check": self.check,
            "weight": str(self.weight),
            "message": self.message,
            "count": self.count,
            "examples": list(self.examples),
        }


def finding(check: str, weight: Weight, message: str, cases: Iterable[str] = ()) -> Finding:
    """A finding with its cases counted and the first of them kept."""
    cases = list(cases)
    return Finding(check, weight, message, tuple(cases[:EXAMPLES]), max(len(cases), 1))


def split_of(split: str | None) -> str:
    """A split's name for messages."""
    return split or "no split"
