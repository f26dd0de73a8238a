"""A person's own pictures: a folder with a text file beside each picture.

`cat.jpg` is described by `cat.txt` (or `cat.jpg.txt`), one caption a line. Folders named train, val, dev,
validation or test give the split of all below them.
"""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

from captionkit.datasets.grouping import Grouping
from captionkit.datasets.problems import Problem, ProblemKind, settle
from captionkit.datasets.sources import read_lines
from captionkit.errors import DataError
from captionkit.picture_paths import HEIC_SUFFIXES, picture_suffixes
from captionkit.records import ImageRecord, split_name

MAX_TEXT_BYTES = 1_000_000
# Text files that every shared folder has and that describe no picture.
_NO_CAPTIONS = frozenset(["readme", "license", "licence", "notice", "credits", "sources", "attribution"])


def read_folder(
    captions: Path | str, images: Path | str = "", *, problems: list[Problem] | None = None
) -> list[ImageRecord]:
    """Read a folder of pictures with `.txt` files beside them, and its subfolders.

    Args:
        captions: the folder of the text files.
        images: the folder of the pictures where it is another one, laid out in the same way; empty means the
            same. Hidden files and folders are left out.
        problems: takes what is wrong; without it more than 1 % bad records raise.

    Returns:
        One record a picture, sorted by path. `id` is the path below the folder, with forward slashes.

    Raises:
        DataError: there is no such folder, it holds no picture, or too many have no caption.
    """
    text_root, found = Path(captions), list[Problem]()
    picture_root = Path(images) if str(images) else text_root
    for root in (text_root, picture_root):
        if not root.is_dir():
            raise DataError(f"Expected a folder at {root}, but there is none.")
    grouping = Grouping(picture_root, found)
    splits: dict[str, str] = {}
    used: set[str] = set()
    texts: dict[str, list[str]] = defaultdict(list)  # by their names without the suffix, whatever its case
    for text in _files_below(text_root, frozenset([".txt"]), found if text_root != picture_root else []):
        texts[text.rpartition(".")[0]].append(text)

    def beside(picture: str) -> list[str]:
        """The text files of a picture: with another ending, or with one more."""
        return [*texts.get(picture.rpartition(".")[0], ()), *texts.get(picture, ())]

    for name in _files_below(picture_root, picture_suffixes(), found):
        if not grouping.add_picture(name, name, name.encode("utf-8", "backslashreplace").decode()):
            continue
        split = next((s for part in reversed(name.split("/")[:-1]) if (s := split_name(part))), None)
        if split is not None:
            splits[name] = split
        for text in beside(name):
            used.add(text)
            _read_text_file(text_root / text, text, name, grouping)
    unread = _files_below(picture_root, HEIC_SUFFIXES - picture_suffixes(), [])
    of_heic = {text for name in unread for text in beside(name)}
    for text in sorted({text for group in texts.values() for text in group} - used):
        if Path(text).stem.lower() not in _NO_CAPTIONS:
            message = (
                f"{text} has a HEIC picture beside it; pip install 'captionkit[heic]' reads it, or convert it to "
                "JPEG first."
                if text in of_heic
                else f"{text} has no picture of its name beside it; its captions are left out. Where it holds "
                "those of many pictures, name it instead of the folder."
            )
            found.append(Problem(ProblemKind.MISSING_PICTURE, text, message))
    return settle(found, problems, grouping.records(splits), str(text_root))


def _files_below(root: Path, suffixes: frozenset[str], problems: list[Problem]) -> list[str]:
    """Paths below `root` with forward slashes, sorted; linked folders, which may lead in circles, not entered."""

    def unlistable(error: OSError) -> None:
        message = f"{error.filename} cannot be listed ({error.strerror or error}); what is in it is left out."
        source = Path(error.filename).relative_to(root).as_posix()
        problems.append(Problem(ProblemKind.UNREADABLE_PICTURE, source, message))

    names = []
    for here, folders, files in os.walk(root, onerror=unlistable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        names += [
            (Path(here) / name).relative_to(root).as_posix()
            for name in files
            if Path(name).suffix.lower() in suffixes and not name.startswith(".")
        ]
    return sorted(names)


def _read_text_file(path: Path, source: str, record: str, grouping: Grouping) -> None:
    if path.exists() and not path.is_file():  # opening a pipe waits for its writer, for ever perhaps
        message = f"{source} is a folder, pipe, socket or device, no file; it is not opened."
        grouping.problems.append(Problem(ProblemKind.MALFORMED, source, message, record))
        return
    try:
        lines = list(read_lines(path, grouping.problems, limit=MAX_TEXT_BYTES))
    except DataError as error:
        grouping.problems.append(Problem(ProblemKind.MALFORMED, source, str(error), record))
        return
    if not lines:
        message = f"{source} is empty."
        grouping.problems.append(Problem(ProblemKind.EMPTY_CAPTION, source, message, record))
    for number, line in lines:
        grouping.add_caption(record, line, f"{source}:{number}")
