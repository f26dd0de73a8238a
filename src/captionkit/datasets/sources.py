"""Reading caption files as the world has them: bounded, whatever their encoding, with paths kept in their root."""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from captionkit.datasets.problems import Problem, ProblemKind
from captionkit.errors import DataError
from captionkit.files import read_bounded

# The largest caption file in use is 144 MB (Karpathy's dataset_coco.json).
MAX_CAPTION_BYTES = 1_000_000_000

SPLITS = ("train", "val", "test")  # a picture of two of them counts as the later


def read_text(path: Path, problems: list[Problem], *, limit: int = MAX_CAPTION_BYTES) -> str:
    """A whole text file, line ends untouched.

    A UTF-8 byte order mark is dropped. Bytes that are not UTF-8 are read as Windows-1252 (which covers Latin-1's
    letters), and their lines are reported as `ProblemKind.NOT_UTF8`.

    Raises:
        DataError: it cannot be read, is longer than `limit` bytes, or is UTF-16.
    """
    data = read_bounded(path, limit)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(f"{path} is UTF-16 text; save it as UTF-8.")
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("utf-8", "surrogateescape")
    for number, line in enumerate(text.split("\n"), start=1):
        if _ESCAPED.search(line):
            problems.append(Problem(ProblemKind.NOT_UTF8, f"{path.name}:{number}", "read as Windows-1252."))
    return text.translate(_WINDOWS)


def read_lines(
    path: Path, problems: list[Problem], *, limit: int = MAX_CAPTION_BYTES
) -> Iterator[tuple[int, str]]:
    """Lines of a text file (see `read_text`) with their numbers from 1; without line ends and empty lines.

    Raises:
        DataError: see `read_text`.
    """
    # splitlines() would also split at U+2028 and its kind inside a caption.
    for number, line in enumerate(read_text(path, problems, limit=limit).split("\n"), start=1):
        line = line.rstrip("\r")
        if line and not line.isspace():
            yield number, line


def read_json(path: Path, problems: list[Problem]) -> Any:
    """A JSON document.

    Raises:
        DataError: it cannot be read, is longer than `MAX_CAPTION_BYTES`, or is no JSON.
    """
    text = read_text(path, problems)
    collecting = gc.isenabled()
    # JSON has no cycles; looking for them while millions of objects appear takes most of the time.
    gc.disable()
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path} is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}; "
            "is the file complete?"
        ) from None
    except (RecursionError, ValueError):
        raise DataError(f"{path} is not JSON that a caption file would hold (nested too deep?).") from None
    finally:
        if collecting:
            gc.enable()


# What "surrogateescape" makes of the bytes that are not UTF-8, and the characters meant by them.
_ESCAPED = re.compile("[\udc80-\udcff]")
_HALF = re.compile("[\ud800-\udfff]")
_WINDOWS = {
    0xDC00 + byte: bytes([byte]).decode("cp1252", "ignore") or chr(byte)  # five bytes Windows-1252 leaves open
    for byte in range(0x80, 0x100)
}


def is_encodable(text: str) -> bool:
    """Whether UTF-8 has the text; JSON's escapes can make halves of surrogate pairs, which no file can hold."""
    return text.isascii() or _HALF.search(text) is None


def picture_path(root: Path, name: str) -> Path | None:
    """Where the picture `name` lies below `root`; None if it is no path below `root` (absolute, "..", ...).

    Both kinds of slash count, on every system: a list written on Windows is read the same everywhere. Symbolic
    links below `root` are its owner's, and lead where they lead.
    """
    if not name or "\0" in name or not is_encodable(name) or PureWindowsPath(name).drive:
        return None
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or parts[0] == "/" or ".." in parts:
        return None
    return root.joinpath(*parts)
