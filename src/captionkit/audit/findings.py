"""What an audit says: one finding a matter, with its weight and examples."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from captionkit.records import ImageRecord

EXAMPLES = 20  # kept of each finding
NO_SPLIT = "no split"  # as messages call it


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


def split_of(record: ImageRecord) -> str:
    """A record's split for messages."""
    return record.split or NO_SPLIT


def named(record: ImageRecord) -> str:
    """A record for messages: its id and its split."""
    return f"{record.id} ({split_of(record)})"


def same(records: Iterable[ImageRecord]) -> str:
    """Records that are one picture, or look as if they were, for messages."""
    return " = ".join(map(named, records))
