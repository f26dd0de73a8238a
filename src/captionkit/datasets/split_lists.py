"""Split lists: files that name the pictures of train, val and test, one a line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from captionkit.datasets.problems import Problem, ProblemKind
from captionkit.datasets.sources import read_lines


def read_split_lists(
    known: Iterable[str],
    train_list: Path | str,
    val_list: Path | str,
    test_list: Path | str,
    found: list[Problem],
) -> dict[str, str]:
    """Picture to split, from files that name the pictures of a split, one a line, with or without `.jpg`.

    A picture in two lists goes to the one that is trained on least, and is reported.
    """
    names = set(known)
    splits: dict[str, str] = {}
    # From train to test, so that a held-out list overrides the training list.
    for split, value in (("train", train_list), ("val", val_list), ("test", test_list)):
        if not str(value):
            continue
        path = Path(value)
        for number, line in read_lines(path, found):
            source = f"{path.name}:{number}"
            name = line.strip()
            if name not in names and f"{name}.jpg" in names:
                name = f"{name}.jpg"
            if name not in names:
                message = f"{name!r} has no captions; it is left out."
                found.append(Problem(ProblemKind.UNKNOWN_PICTURE, source, message, name))
                continue
            if name in splits:
                twice = splits[name] == split
                message = (
                    f"{name} is listed twice in {split}."
                    if twice
                    else f"{name} is in {splits[name]} and in {split}; it counts as {split}."
                )
                kind = ProblemKind.DUPLICATE_ID if twice else ProblemKind.TWO_SPLITS
                found.append(Problem(kind, source, message, name))
            splits[name] = split
    return splits
