"""What a person names on the command line -> picture files: files, folders, glob patterns."""

from __future__ import annotations

import glob
import importlib.util
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from captionkit.errors import UsageError
from captionkit.files import real_path

# By these endings, and HEIC's where it is read, pictures are found in folders. A file that is named itself is read
# whatever it is called.
SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".avif", ".gif", ".bmp", ".dib", ".tif", ".tiff"}
)
HEIC_SUFFIXES = frozenset({".heic", ".heif", ".hif"})  # what telephones write
_MAGIC = frozenset("*?[")
_STARTS = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


@dataclass(slots=True)
class PassedOver:
    """What was met in folders and gives no picture, or none of the folder.

    Attributes:
        folders: one sentence a folder that cannot be listed.
        pipes: one sentence a pipe, socket or device with a picture's name: reading one may never end.
        heic: how many HEIC pictures there are, where these are not read.
        outside: one sentence a picture that a link gives and that lies outside of the folder: it may be read, but
            who named the folder has not asked for it to be changed.
    """

    folders: list[str] = field(default_factory=list)
    pipes: list[str] = field(default_factory=list)
    heic: int = 0
    outside: dict[Path, str] = field(default_factory=dict)


def find_pictures(names: Iterable[str], passed: PassedOver | None = None) -> Iterator[Path]:
    """The picture files that names stand for, in the order of the names, each once.

    A folder stands for the pictures in it and in all folders below, in the order of their names; hidden files
    and folders (`.name`) are left out and links to folders are not followed. A name that does not exist and
    holds `*`, `?` or `[` is a pattern, with `**` for folders of any depth. Any other name, a web address too,
    stands for itself, there or not: reading it gives its error.

    `passed` is told what was passed over in the folders.

    Raises:
        UsageError: a folder that can be listed holds no picture, or a pattern matches nothing.
    """
    seen: set[Path] = set()
    passed = PassedOver() if passed is None else passed
    for name in names:
        for path in _expand(name, passed):
            if path not in seen:
                seen.add(path)
                yield path


def reads_heic() -> bool:
    """Whether HEIC pictures are read: the extra `captionkit[heic]` is installed."""
    return importlib.util.find_spec("pillow_heif") is not None


def picture_suffixes() -> frozenset[str]:
    """The endings by which pictures are found in folders: `SUFFIXES`, and those of HEIC where that is read."""
    return SUFFIXES | HEIC_SUFFIXES if reads_heic() else SUFFIXES


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


def heic_sentence(count: int) -> str:
    """What to do about HEIC pictures in folders, where these are not read."""
    those, them = ("1 HEIC picture was", "it") if count == 1 else (f"{count:,} HEIC pictures were", "them")
    return f"{those} passed over; pip install 'captionkit[heic]' reads {them}, or convert {them} to JPEG first."


def _expand(name: str, passed: PassedOver) -> list[Path]:
    path = Path(name)
    # Of a name that is too long, as web addresses are, or of a disk that fails, `Path.is_dir` may raise.
    if os.path.isdir(name):  # noqa: PTH112
        below = PassedOver()
        found = _below(path, below)
        if not found and not below.folders and not below.pipes:
            heic = f" {heic_sentence(below.heic)}" if below.heic else ""
            raise UsageError(
                f"Expected pictures in the folder {name}, but neither it nor a folder in it holds one "
                f"({', '.join(sorted(picture_suffixes()))}).{heic}"
            )
        passed.folders += below.folders
        passed.pipes += below.pipes
        passed.heic += below.heic
        passed.outside |= below.outside
        return found
    if _MAGIC & set(name) and "://" not in name and not os.path.exists(name):  # noqa: PTH110
        matches = [Path(match) for match in sorted(glob.glob(name, recursive=True))]  # noqa: PTH207 -- absolute too
        found = [match for match in matches if match.is_file()]
        found += [
            picture
            for match in matches
            if match.is_dir() and "**" not in name
            for picture in _below(match, passed)
        ]
        if not found:
            raise UsageError(f"Expected files that match {name!r}, but there are none; check the pattern.")
        return found
    return [path]


def _below(folder: Path, passed: PassedOver) -> list[Path]:
    def unlistable(error: OSError) -> None:
        reason = error.strerror or error
        passed.folders.append(f"Expected a folder that can be listed, but {error.filename} cannot ({reason}).")

    found: list[Path] = []
    suffixes = picture_suffixes()
    for root, folders, files in os.walk(folder, onerror=unlistable):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        for name in sorted(one for one in files if not one.startswith(".")):
            suffix = Path(name).suffix.lower()
            passed.heic += suffix in HEIC_SUFFIXES - suffixes
            if suffix in suffixes:
                path = Path(root, name)
                if _may_be_read(path):
                    found.append(path)
                    target = real_path(path) if path.is_symlink() else None
                    if target is not None and not target.is_relative_to(real_path(folder)):
                        passed.outside[path] = (
                            f"{path} leads to {target}, outside of the folder {folder}, so that file is left "
                            "alone; name it itself to write into it."
                        )
                else:
                    passed.pipes.append(
                        f"Expected a picture at {path}, but it is a pipe, socket or device; it was passed over."
                    )
    return found


def _may_be_read(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True  # a link that leads nowhere, a folder without permission: reading tells
