"""The picture files of a folder with what tells a changed one: size and time."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from captionkit.errors import UsageError
from captionkit.picture_paths import HEIC_SUFFIXES, picture_suffixes


@dataclass(frozen=True, slots=True)
class FileState:
    """A picture file as it was met: its path below the root, "/" between names; bytes; when written, in ns."""

    path: str
    size: int
    mtime_ns: int


@dataclass(slots=True)
class Scan:
    """What a folder holds.

    Attributes:
        files: by path, in the order of names.
        unreadable: folders that could not be listed, relative; what lies below them is not known.
        unread: one sentence a link with a picture's name that leads nowhere, and a pipe, socket or device.
        outside: links that lead out of the root, relative; they are not followed.
        heic: HEIC pictures that were passed over, relative, where these are not read.
    """

    files: dict[str, FileState] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    heic: set[str] = field(default_factory=set)

    def hides(self, path: str) -> bool:
        """Whether a path may still hold its picture: it was passed over, or its folder could not be listed."""
        return path in self.heic or any(
            folder == "." or path.startswith(f"{folder}/") for folder in self.unreadable
        )


def scan(root: Path) -> Scan:
    """The pictures in a folder and all folders below, by their endings (`picture_paths.picture_suffixes`).

    Hidden files and folders are left out. Links to folders are not followed; links to files are, inside the root.
    However many links lead to a file, it is found once, under its own name where that is not hidden: who deletes
    one of two "copies" that are one file has lost both.

    Raises:
        UsageError: there is no such folder.
    """
    if not root.is_dir():
        raise UsageError(f"Expected a folder of pictures, but {root} is none.")
    real = root.resolve()
    found = Scan()
    links_to: dict[str, Path] = {}
    suffixes = picture_suffixes()

    def unlistable(error: OSError) -> None:
        found.unreadable.append(_relative(Path(error.filename), root))

    for folder, folders, names in os.walk(root, onerror=unlistable):
        links = [one for one in folders if Path(folder, one).is_symlink()]
        folders[:] = sorted(one for one in folders if not one.startswith("."))  # of links none is entered
        for name in sorted([*names, *links]):
            path = Path(folder, name)
            picture = path.suffix.lower() in suffixes
            if name.startswith("."):
                continue
            relative = _relative(path, root)
            if path.suffix.lower() in HEIC_SUFFIXES - suffixes:
                found.heic.add(relative)
            if not (picture or name in links):
                continue
            try:
                linked = path.resolve() if path.is_symlink() else None
                if linked is not None and not linked.is_relative_to(real):
                    found.outside.append(relative)
                elif path.is_file():
                    state = path.stat()
                    found.files[relative] = FileState(relative, state.st_size, state.st_mtime_ns)
                    if linked is not None:
                        links_to[relative] = linked
                elif picture and (path.is_symlink() or path.exists()):  # else it vanished meanwhile
                    found.unread.append(_why_unread(path))
            except (OSError, RuntimeError):  # a link that leads to itself
                if picture and path.is_symlink():
                    found.unread.append(_why_unread(path))
    if links_to:
        themselves = {real / relative for relative in found.files}
        for relative, linked in links_to.items():
            if linked in themselves:
                del found.files[relative]
            themselves.add(linked)
    return found


def _why_unread(path: Path) -> str:
    if path.is_symlink():
        return f"Expected a picture at {path}, but it is a link that leads nowhere."
    return f"Expected a picture at {path}, but it is a pipe, socket or device; it was passed over."


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
