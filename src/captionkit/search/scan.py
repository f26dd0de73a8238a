"""The picture files of a folder with what tells a changed one: size and time."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from captionkit.errors import UsageError
from captionkit.picture_paths import SUFFIXES


@dataclass(frozen=True, slots=True)
class FileState:
    """A picture file as it was met.

    Attributes:
        path: relative to the root, "/" between names.
        size: bytes.
        mtime_ns: when it was last written, in nanoseconds.
    """

    path: str
    size: int
    mtime_ns: int


@dataclass(slots=True)
class Scan:
    """What a folder holds.

    Attributes:
        files: by path, in the order of names.
        unreadable: folders that could not be listed, relative; what lies below them is not known.
        outside: links that lead out of the root, relative; they are not followed.
    """

    files: dict[str, FileState] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def hides(self, path: str) -> bool:
        """Whether a path lies in a folder that could not be listed."""
        return any(folder == "." or path.startswith(f"{folder}/") for folder in self.unreadable)


def scan(root: Path) -> Scan:
    """The pictures in a folder and all folders below, by their endings (`picture_paths.SUFFIXES`).

    Hidden files and folders are left out. Links to folders are not followed; links to files are, inside the root.

    Raises:
        UsageError: there is no such folder.
    """
    if not root.is_dir():
        raise UsageError(f"Expected a folder of pictures, but {root} is none.")
    real = root.resolve()
    found = Scan()

    def unlistable(error: OSError) -> None:
        found.unreadable.append(_relative(Path(error.filename), root))

    for folder, folders, names in os.walk(root, onerror=unlistable):
        links = [one for one in folders if Path(folder, one).is_symlink()]
        folders[:] = sorted(one for one in folders if not one.startswith(".") and one not in links)
        for name in sorted([*names, *links]):
            path = Path(folder, name)
            picture = path.suffix.lower() in SUFFIXES
            if name.startswith(".") or not (picture or name in links):
                continue
            relative = _relative(path, root)
            try:
                if path.is_symlink() and not path.resolve().is_relative_to(real):
                    found.outside.append(relative)
                elif picture and path.is_file():
                    state = path.stat()
                    found.files[relative] = FileState(relative, state.st_size, state.st_mtime_ns)
            except (OSError, RuntimeError):  # vanished meanwhile, or a link that leads to itself
                continue
    return found


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
