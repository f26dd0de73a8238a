"""Is a data set the one behind the published tables? And COCO's two names for its pictures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from captionkit.audit.findings import Finding, Weight, finding
from captionkit.errors import agree, several
from captionkit.records import ImageRecord


@dataclass(frozen=True, slots=True)
class Table:
    """The split behind a published table (Karpathy and Fei-Fei 2015).

    Attributes:
        train, val, test: pictures in each split; COCO's train with "restval".
        pattern: what a picture's file is called.
    """

    name: str
    train: int
    val: int
    test: int
    pattern: re.Pattern[str]


TABLES = (
    Table("Flickr8k", 6000, 1000, 1000, re.compile(r"\d+_[0-9a-f]{10}\.jpg")),
    Table("Flickr30k", 29000, 1014, 1000, re.compile(r"\d{5,11}\.jpg")),
    Table("COCO", 113287, 5000, 5000, re.compile(r"(?:COCO_(?:train|val)2014_)?\d{12}\.jpg")),
)
NAMES = " / ".join(table.name for table in TABLES)

_COCO = TABLES[2].pattern


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether scores on a data set compare with a published table.

    Attributes:
        table: the table's name; None where the data set is none of them.
        reasons: why not, one clause each; none means yes.
    """

    table: str | None
    reasons: tuple[str, ...]

    @property
    def comparable(self) -> bool:
        """The answer."""
        return not self.reasons

    def sentence(self) -> str:
        """The line that ends an audit."""
        answer = f"yes ({self.table})" if self.comparable else f"no, because {'; '.join(self.reasons)}"
        return f"comparable to the published {NAMES} tables: {answer}"


def table_of(records: Sequence[ImageRecord]) -> Table | None:
    """The table whose pictures these are, told by nine in ten file names."""
    names = Counter(
        table.name for record in records for table in TABLES if table.pattern.fullmatch(record.path.name)
    )
    return next((table for table in TABLES if records and names[table.name] >= 0.9 * len(records)), None)


def judge(
    records: Sequence[ImageRecord], findings: Sequence[Finding], *, split: str, official_coco: bool
) -> Verdict:
    """The verdict on a data set.

    Args:
        findings: what the checks found; leaks and problems are reasons.
        split: which is scored.
        official_coco: whether it is read from COCO's own annotation files, whose splits are not Karpathy's.
    """
    table = table_of(records)
    reasons = []
    if table is None:
        reasons.append(f"these are not the pictures of {NAMES}")
    elif official_coco:
        reasons.append("the tables are on Karpathy's split of COCO, and these are the official files")
    else:
        sizes = Counter(record.split for record in records)
        if split != "test":
            reasons.append(f"the tables are on the test split, and this is {split}")
        elif sizes["test"] != table.test:
            have = f"{sizes['test']:,}" if sizes["test"] else "none"
            reasons.append(f"the {table.name} split has {table.test:,} test pictures, and this has {have}")
        for name, wanted in (("train", table.train), ("val", table.val)):
            if sizes[name] != wanted:
                reasons.append(
                    f"the {table.name} split has {wanted:,} {name} pictures, and this has {sizes[name]:,}"
                )
    counts: Counter[tuple[Weight, str]] = Counter()
    for entry in findings:
        if entry.weight is not Weight.NOTE:
            counts[entry.weight, entry.check] += 1
    reasons += [
        f"{several(number, str(weight))} in {check}" if number > 1 else f"a {weight} in {check}"
        for (weight, check), number in counts.items()
    ]
    return Verdict(table.name if table else None, tuple(reasons))


def check_official_coco(records: Sequence[ImageRecord]) -> list[Finding]:
    """For COCO's own files: its val pictures are in Karpathy's train split."""
    if not any(record.split == "val" for record in records):
        return []
    message = (
        "COCO's official val split overlaps Karpathy's train split (of val2014's 40,504 pictures 30,504 are the "
        '"restval" that everyone trains on): a model trained on Karpathy\'s split has seen them.'
    )
    return [finding("coco", Weight.PROBLEM, message)]


def check_trained_on(records: Sequence[ImageRecord], trained_on: Sequence[ImageRecord]) -> list[Finding]:
    """Held-out pictures that another data set trains on, told by name, for COCO by number.

    Args:
        records: the data set that is audited; pictures of no split count as held out.
        trained_on: the records of the other data set; those of its train split count, or all where it has none.
    """
    names = {_name(record) for record in trained_pictures(trained_on)}
    seen = [record for record in records if record.split != "train" and _name(record) in names]
    if not seen:
        return []
    number, verb = several(len(seen), "held-out picture"), agree(len(seen), "is", "are")
    message = f"{number} {verb} among the {len(names):,} that the model was trained on."
    return [finding("trained-on", Weight.LEAK, message, (record.id for record in seen))]


def trained_pictures(trained_on: Sequence[ImageRecord]) -> list[ImageRecord]:
    """Those of a data set that a model was trained on: its train split, or all where it has none."""
    return [record for record in trained_on if record.split == "train"] or list(trained_on)


def _name(record: ImageRecord) -> str:
    """A picture's file name; COCO's number, so that `COCO_val2014_000000391895.jpg` is `000000391895.jpg`."""
    name = record.path.name
    return f"coco {int(name[-16:-4])}" if _COCO.fullmatch(name) else name
