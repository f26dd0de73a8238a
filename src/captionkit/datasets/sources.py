"""Reading caption files as the world has them: bounded, whatever their encoding, with paths kept in their root."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from captionkit.datasets.problems import Problem, ProblemKind
from captionkit.errors import DataError
from captionkit.files import read_bounded

# The largest caption file in use is 144 MB (Karpathy's dataset_coco.json).
MAX_CAPTION_BYTES = 1_000_000_000

SPLITS = ("train", "val", "test")
_SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}


def split_name(value: str) -> str | None:
    """ "train", "val" or "test" for any usual spelling of them ("dev", "Validation"); None for another word."""
    return _SPLIT_NAMES.get(value.strip().lower())


def read_lines(
    path: Path, problems: list[Problem], *, limit: int = MAX_CAPTION_BYTES
) -> Iterator[tuple[int, str]]:
    """Lines of a text file with their numbers from 1, without line ends, empty lines left out.

    A UTF-8 byte order mark is dropped. Where the file is not UTF-8, the lines that are not are read as
    Windows-1252 (which covers Latin-1's letters) and reported as `ProblemKind.NOT_UTF8`.

    Raises:
        DataError: it cannot be read, is longer than `limit` bytes, or is UTF-16.
    """
    data = _without_mark(path, read_bounded(path, limit))
    try:
        lines = data.decode("utf-8").split("\n")  # splitlines() would also split at U+2028 inside a caption
    except UnicodeDecodeError:
        lines = []
        for number, line in enumerate(data.split(b"\n"), start=1):
            try:
                lines.append(line.decode("utf-8"))
            except UnicodeDecodeError:
                lines.append(_decode_windows(line))
                where = f"{path.name}:{number}"
                problems.append(Problem(ProblemKind.NOT_UTF8, where, "read as Windows-1252."))
    for number, text in enumerate(lines, start=1):
        text = text.rstrip("\r")
        if text and not text.isspace():
            yield number, text


def read_text(path: Path, problems: list[Problem], *, limit: int = MAX_CAPTION_BYTES) -> str:
    """A whole text file as `read_lines` decodes it, line ends untouched."""
    data = _without_mark(path, read_bounded(path, limit))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        problems.append(Problem(ProblemKind.NOT_UTF8, path.name, "read as Windows-1252."))
        return _decode_windows(data)


def read_json(path: Path, problems: list[Problem], *, limit: int = MAX_CAPTION_BYTES) -> Any:
    """A JSON document.

    Raises:
        DataError: it cannot be read, is longer than `limit` bytes, or is no JSON.
    """
    text = read_text(path, problems, limit=limit)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path} is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}; "
            "is the file complete?"
        ) from None
    except (RecursionError, ValueError):
        raise DataError(f"{path} is not JSON that a caption file would hold (nested too deep?).") from None


def _without_mark(path: Path, data: bytes) -> bytes:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(f"{path} is UTF-16 text; save it as UTF-8.")
    return data.removeprefix(b"\xef\xbb\xbf")


def _decode_windows(data: bytes) -> str:
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")  # defined for every byte


def picture_path(root: Path, name: str) -> Path | None:
    """Where the picture `name` lies below `root`; None if the name is absolute or leads out of it.

    Both kinds of slash count, on every system: a list written on Windows is read the same everywhere. Symbolic
    links are not followed here; `captionkit.datasets.check` does.
    """
    if not name or "\0" in name or PureWindowsPath(name).drive:
        return None
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or parts[0] == "/" or ".." in parts:
        return None
    return root.joinpath(*parts)
