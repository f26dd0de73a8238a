"""What a person names on the command line -> picture files: files, folders, glob patterns."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from captionkit.errors import UsageError

# By these endings pictures are found in folders. A file that is named itself is read whatever it is called.
SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".avif", ".gif", ".bmp", ".dib", ".tif", ".tiff"}
)
_MAGIC = frozenset("*?[")
_STARTS = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def find_pictures(names: Iterable[str]) -> Iterator[Path]:
    """The picture files that names stand for, in the order of the names, each once.

    A folder stands for the pictures in it and in all folders below, in the order of their names; hidden files
    and folders (`.name`) are left out and links to folders are not followed. A name that does not exist and
    holds `*`, `?` or `[` is a pattern, with `**` for folders of any depth. Any other name stands for itself,
    there or not: reading it gives its error.

    Raises:
        UsageError: a folder holds no picture, or a pattern matches nothing.
    """
    seen: set[Path] = set()
    for name in names:
        for path in _expand(name):
            if path not in seen:
                seen.add(path)
                yield path


def holds_picture(path: Path) -> bool:
    """Whether a file begins as pictures do, photographs in raw formats and HEIC and films among them."""
    try:
        with path.open("rb") as handle:
            start = handle.read(12)
    except OSError:
        return False
    # A text may begin with "BM" too; a bitmap has four zeros after its size.
    bitmap = start[:2] == b"BM" and start[6:10] == bytes(4)
    return start.startswith(_STARTS) or bitmap or start[4:8] == b"ftyp" or start[8:12] == b"WEBP"


def _expand(name: str) -> list[Path]:
    path = Path(name)
    if path.is_dir():
        found = _below(path)
        if not found:
            raise UsageError(
                f"Expected pictures in the folder {name}, but neither it nor a folder in it holds one "
                f"({', '.join(sorted(SUFFIXES))})."
            )
        return found
    if not path.exists() and _MAGIC & set(name):
        matches = [Path(match) for match in sorted(glob.glob(name, recursive=True))]  # noqa: PTH207 -- absolute too
        found = [match for match in matches if match.is_file()]
        found += [picture for match in matches if match.is_dir() and "**" not in name for picture in _below(match)]
        if not found:
            raise UsageError(f"Expected files that match {name!r}, but there are none; check the pattern.")
        return found
    return [path]


def _below(folder: Path) -> list[Path]:
    found: list[Path] = []
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        found += [
            Path(root, one)
            for one in sorted(files)
            if not one.startswith(".") and Path(one).suffix.lower() in SUFFIXES
        ]
    return found
