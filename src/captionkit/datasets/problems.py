"""What is wrong with a data set, and what a reader does about it.

A reader never drops anything silently. Whatever it cannot use becomes a `Problem`. A caller that passes a list
gets the problems and decides; for all others `settle` stops at more than 1 % bad records and otherwise warns.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from captionkit.errors import DataError
from captionkit.records import ImageRecord

MAX_BAD_SHARE = 0.01

_LOGGER = logging.getLogger(__name__)


class ProblemKind(StrEnum):
    """Kinds of problem. The bad ones count against the data set; the others are worth knowing."""

    MALFORMED = "malformed entry"
    EMPTY_CAPTION = "empty caption"
    NO_CAPTION = "picture without caption"
    DUPLICATE_ID = "duplicate id"
    OUTSIDE_ROOT = "path outside the root"
    TWO_SPLITS = "picture in two splits"
    UNKNOWN_PICTURE = "unknown picture"
    MISSING_PICTURE = "missing picture"
    UNREADABLE_PICTURE = "unreadable picture"
    DUPLICATE_CAPTION = "duplicate caption"
    IDENTICAL_PICTURE = "byte-identical pictures"
    NOT_UTF8 = "not UTF-8"
    REPAIRED = "repaired entry"
    NOTE = "note"

    @property
    def bad(self) -> bool:
        """Whether a record with such a problem is a bad record."""
        return self not in _HARMLESS


# Nothing was left out or changed: no need to speak of it unasked.
_SILENT = frozenset([ProblemKind.DUPLICATE_CAPTION, ProblemKind.IDENTICAL_PICTURE, ProblemKind.NOTE])
_HARMLESS = frozenset([*_SILENT, ProblemKind.NOT_UTF8, ProblemKind.REPAIRED])


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        kind: what sort of thing.
        source: the place, as "captions.txt:12".
        message: one clause or sentence for the person who has to mend it.
        record: the id of the picture it is about; empty where an entry could not be tied to a picture.
    """

    kind: ProblemKind
    source: str
    message: str
    record: str = ""


def bad_records(problems: Iterable[Problem]) -> set[str]:
    """The ids of bad records, and the places of bad entries that belong to no record."""
    return {problem.record or problem.source for problem in problems if problem.kind.bad}


def bad_share(problems: Iterable[Problem], records: Sequence[ImageRecord]) -> float:
    """Bad records over all records, between 0 and 1; an entry that gave no record counts as one."""
    bad = bad_records(problems)
    total = len(bad | {record.id for record in records})
    return len(bad) / total if total else 0.0


def count_kinds(problems: Iterable[Problem]) -> dict[ProblemKind, int]:
    """How many problems of each kind, the most frequent first."""
    return dict(Counter(problem.kind for problem in problems).most_common())


def settle(
    found: Sequence[Problem],
    problems: list[Problem] | None,
    records: list[ImageRecord],
    source: str,
    *,
    max_bad: float = MAX_BAD_SHARE,
) -> list[ImageRecord]:
    """End a reader, whose `records` are given back: hand over the problems that it found, or judge them.

    Args:
        problems: the caller's list, which takes them all; None means that nobody will look.
        source: the caption file, for messages.
        max_bad: the share of bad records that is let pass.

    Raises:
        DataError: there are no records at all; or `problems` is None and more of the records are bad.
    """
    if not records and not (problems is not None and found):
        first = f" The first entry that was refused: {found[0].source}: {found[0].message}" if found else ""
        raise DataError(f"{source} holds no picture with captions in the format it was read as.{first}")
    if problems is not None:
        problems.extend(found)
        return records
    if any(problem.kind not in _SILENT for problem in found):
        counts = ", ".join(f"{count} x {kind}" for kind, count in count_kinds(found).items())
        share = bad_share(found, records)
        if share > max_bad:
            first_bad = next(problem for problem in found if problem.kind.bad)
            raise DataError(
                f"{source}: {share:.1%} of the records are bad, more than the {100 * max_bad:g}% that is let "
                f"pass ({counts}). The first: {first_bad.source}: {first_bad.message} "
                "See them all with `captionkit data check`; in a recipe, data.max_bad lets more pass."
            )
        _LOGGER.warning("captionkit: %s: %s; `captionkit data check` lists them.", source, counts)
    return records
