"""Collecting caption rows into one record a picture: what all row-wise formats share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from captionkit.datasets.problems import Problem, ProblemKind
from captionkit.datasets.sources import is_encodable, picture_path
from captionkit.records import ImageRecord


@dataclass(slots=True)
class Grouping:
    """Pictures in the order of their first row, each with its captions in the order of the rows."""

    root: Path
    problems: list[Problem]
    captions: dict[str, list[str]] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    paths: dict[str, Path] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)

    def add_picture(self, record: str, name: str, source: str) -> bool:
        """Note a picture with no caption yet; False if its path leads out of the root (which is reported once)."""
        if record in self.captions:
            return True
        if record in self.refused:
            return False
        if not is_encodable(record):
            self.refused.add(record)
            message = f"the id {record!r} holds half a character; the picture is left out."
            self.problems.append(Problem(ProblemKind.MALFORMED, source, message))
            return False
        path = picture_path(self.root, name)
        if path is None:
            self.refused.add(record)
            message = f"{name!r} is no path below the picture folder; the picture is left out."
            self.problems.append(Problem(ProblemKind.OUTSIDE_ROOT, source, message, record))
            return False
        self.captions[record] = []
        self.sources[record] = source
        self.names[record] = name
        self.paths[record] = path
        return True

    def add_caption(self, record: str, caption: str, source: str) -> None:
        """Add a caption to a picture that `add_picture` has accepted, as `add_caption` below does."""
        add_caption(self.captions[record], caption, record, source, self.problems)

    def records(self, splits: Mapping[str, str | None]) -> list[ImageRecord]:
        """The records; `splits` maps ids to splits. A picture left without captions is reported and kept."""
        records = []
        for record, captions in self.captions.items():
            if not captions:
                message = f"{record} has no caption."
                self.problems.append(Problem(ProblemKind.NO_CAPTION, self.sources[record], message, record))
            records.append(
                ImageRecord(record, self.paths[record], tuple(captions), splits.get(record), self.sources[record])
            )
        return records


def add_caption(captions: list[str], caption: str, record: str, source: str, problems: list[Problem]) -> None:
    """Append a caption without the white space around it; an empty one is reported and left out."""
    caption = caption.strip()
    if not caption:
        message = f"{record} has an empty caption; it is left out."
        problems.append(Problem(ProblemKind.EMPTY_CAPTION, source, message, record))
        return
    if not is_encodable(caption):
        caption = caption.encode("utf-8", "replace").decode()
        message = f"{record} has half a character in a caption; it became '?'."
        problems.append(Problem(ProblemKind.REPAIRED, source, message, record))
    if caption in captions:
        message = f"{record} has the caption {caption!r} twice; both are kept."
        problems.append(Problem(ProblemKind.DUPLICATE_CAPTION, source, message, record))
    captions.append(caption)
