"""Is every picture there, whole, and on one side of the split?

Readers report what is wrong with the captions; `check_pictures` looks at the picture files; `check_dataset` does
both.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from captionkit.ahead import map_ahead
from captionkit.config import DataConfig
from captionkit.datasets import images_folder, read_dataset
from captionkit.datasets.problems import Problem, ProblemKind, bad_records, bad_share, count_kinds
from captionkit.errors import ImageError, several
from captionkit.files import real_path, sha256
from captionkit.images import read_image, read_image_bytes
from captionkit.records import ImageRecord

Progress = Callable[[int, int], None]  # called with the number of pictures done and of all
_Look = tuple[Problem | None, str]  # what is wrong with a file, and the SHA-256 of its bytes ("" if not read)


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What `check_dataset` found.

    Attributes:
        format: the name of the reader.
        records: what it read.
        problems: everything that is wrong or worth knowing.
        decoded: whether the pictures were decoded, or only looked for.
    """

    format: str
    records: tuple[ImageRecord, ...]
    problems: tuple[Problem, ...]
    decoded: bool

    @property
    def splits(self) -> dict[str, int]:
        """Split to number of pictures; "none" for those of no split."""
        return dict(Counter(record.split or "none" for record in self.records))

    @property
    def captions(self) -> int:
        """The number of captions."""
        return sum(len(record.captions) for record in self.records)

    @property
    def bad_records(self) -> int:
        """The number of records with a problem that counts."""
        return len(bad_records(self.problems))

    @property
    def bad_share(self) -> float:
        """Bad records over all, between 0 and 1."""
        return bad_share(self.problems, self.records)

    def to_json(self) -> dict[str, object]:
        """The report as plain JSON values."""
        return {
            "format": self.format,
            "pictures": len(self.records),
            "captions": self.captions,
            "splits": self.splits,
            "decoded": self.decoded,
            "bad_records": self.bad_records,
            "bad_share": self.bad_share,
            "counts": {str(kind): count for kind, count in count_kinds(self.problems).items()},
            "problems": [
                {
                    "kind": str(problem.kind),
                    "bad": problem.kind.bad,
                    "source": problem.source,
                    "record": problem.record,
                    "message": problem.message,
                }
                for problem in self.problems
            ],
        }


def check_dataset(
    config: DataConfig,
    *,
    decode: bool = True,
    workers: int = 2,
    progress: Progress = lambda done, total: None,
) -> CheckReport:
    """Read a data set and look at all its pictures.

    Arguments are those of `read_dataset` and `check_pictures`.

    Raises:
        DataError: the caption file cannot be read at all. Anything less is in the report.
    """
    problems: list[Problem] = []
    records = read_dataset(config, problems=problems)
    files = check_pictures(records, decode=decode, workers=workers, progress=progress)
    problems += files
    notes = []
    if records and sum(problem.kind is ProblemKind.MISSING_PICTURE for problem in files) == len(records):
        notes.append(f"none of the pictures is below {images_folder(config)}: is that the folder of the pictures?")
    notes += _led_outside(records, images_folder(config))
    if config.format == "coco" and any(record.split == "val" for record in records):
        notes.append(
            "COCO's official val overlaps Karpathy's train split (restval): do not report scores on it for a "
            "model trained on Karpathy's split."
        )
    problems += [Problem(ProblemKind.NOTE, Path(config.captions).name, note) for note in notes]
    return CheckReport(config.format, tuple(records), tuple(problems), decode)


def _led_outside(records: Sequence[ImageRecord], root: Path) -> list[str]:
    """A note of the pictures that symbolic links keep elsewhere than in the folder; they are read there."""
    # Of a name that is too long for the system `Path.is_file` would raise.
    paths = [record.path for record in records if os.path.isfile(record.path)]  # noqa: PTH113
    folders = {folder: real_path(folder) for folder in {path.parent for path in paths}}
    real = [real_path(path) if path.is_symlink() else folders[path.parent] for path in paths]
    inside = real_path(root)
    outside = [pair for pair in zip(paths, real, strict=True) if not pair[1].is_relative_to(inside)]
    if not outside:
        return []
    path, place = outside[0]
    pictures = several(len(outside), "picture")
    return [f"symbolic links lead out of {root} to {pictures} (the first: from {path} to {place})."]


def check_pictures(
    records: Sequence[ImageRecord],
    *,
    decode: bool = True,
    workers: int = 2,
    progress: Progress = lambda done, total: None,
) -> list[Problem]:
    """Look at the picture of every record.

    Reported are pictures that are missing, unreadable, named by two records, or byte-identical; the last two are
    bad where one of the two is trained on and the other held out. Symbolic links are followed, as training follows
    them: large data sets are often laid out as links to where the files are kept.

    Args:
        decode: whether to read and decode every picture; without it only what the file system says is known.
        workers: threads. Decoding leaves the interpreter lock, so two threads use two cores.
        progress: called after every picture.

    Returns:
        The problems, in the order of `records`; those about pairs of pictures last.
    """
    look = partial(_look, decode=decode, names={})
    problems: list[Problem] = []
    same: dict[str, list[ImageRecord]] = defaultdict(list)
    with closing(map_ahead(look, records, threads=workers, ahead=8 * workers)) as looks:
        for done, (record, (problem, digest)) in enumerate(zip(records, looks, strict=True), start=1):
            if problem is not None:
                problems.append(problem)
            same[f"path {record.path}"].append(record)
            if digest:
                same[f"bytes {digest}"].append(record)
            progress(done, len(records))
    return problems + _pairs(same)


def _look(record: ImageRecord, decode: bool, names: dict[Path, dict[str, str]]) -> _Look:
    path, kind, message, digest = record.path, ProblemKind.UNREADABLE_PICTURE, "", ""
    try:
        if path.is_file():
            if decode:
                data = read_image_bytes(path)
                read_image(data)
                digest = sha256(data)
        elif path.is_dir():
            message = f"{path} is a folder, not a picture."
        else:
            kind, message = ProblemKind.MISSING_PICTURE, f"there is no {path}.{_twin(path, names)}"
    except ImageError as error:
        message = f"{path.name}: {error}"
    except (OSError, ValueError) as error:  # a name too long for the system, a loop of links, no permission
        message = f"{path}: {getattr(error, 'strerror', None) or error}."
    return (Problem(kind, record.source, message, record.id) if message else None), digest


def _twin(path: Path, names: dict[Path, dict[str, str]]) -> str:
    """Whether the file is there under a name that differs in upper and lower case; `names` remembers folders."""
    folder = path.parent
    if folder not in names:
        files = folder.iterdir() if folder.is_dir() else ()
        names[folder] = {file.name.lower(): file.name for file in files}
    twin = names[folder].get(path.name.lower())
    return f" There is {twin}, though: rename one of them." if twin else ""


def _pairs(same: dict[str, list[ImageRecord]]) -> list[Problem]:
    problems = []
    told: set[tuple[str, str]] = set()
    for group in same.values():
        for index, other in enumerate(group[1:], start=1):
            # A picture that leaks over the split is the more important twin.
            first = next((one for one in group[:index] if _leaks(one.split, other.split)), group[0])
            if (first.id, other.id) in told:
                continue
            told.add((first.id, other.id))
            kind = ProblemKind.IDENTICAL_PICTURE
            if _leaks(first.split, other.split):
                kind = ProblemKind.TWO_SPLITS
            message = (
                f"{other.id} ({other.split or 'no split'}) and {first.id} ({first.split or 'no split'}) "
                "are the same picture."
            )
            problems.append(Problem(kind, other.source, message, other.id))
    return problems


def _leaks(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other and "train" in (one, other)
