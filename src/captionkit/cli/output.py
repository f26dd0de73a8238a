"""What a command may write: nothing over what it reads or over a photograph, no control characters.

And what it says of a result that it could not finish.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from captionkit.errors import UsageError, agree, several
from captionkit.errors import printable as printable  # of all that a command prints

if TYPE_CHECKING:
    from captionkit.unfinished import Unfinished

STDIN = "-"  # as the name of a picture


def tell(sentence: str) -> None:
    """Say something beside the results, on standard error."""
    print(printable(f"captionkit: {sentence}"), file=sys.stderr)


@contextlib.contextmanager
def keeping(unfinished: Unfinished | None, before: int | None = None) -> Iterator[None]:
    """Say what was kept by an earlier run, and what this one keeps if it does not come to its end.

    `before` says of how many of the pictures texts are kept, where not of all.
    """
    if unfinished is None:
        yield
        return
    if before is None:
        before = len(unfinished.kept)
    if before:
        were = agree(before, "was", "were")
        tell(f"going on; {several(before, 'picture')} {were} captioned before ({unfinished.path}).")
    try:
        yield
    except BaseException:
        unfinished.close(done=False)
        if unfinished.kept:
            many = several(len(unfinished.kept), "picture")
            tell(f"what was written of {many} is kept in {unfinished.path}; the same command goes on from there.")
        raise
    unfinished.close(done=True)


def for_terminal(text: str) -> str:
    """Lines of JSON or CSV for standard output: as they are for programs, without control characters for eyes."""
    return "\n".join(map(printable, text.split("\n"))) if sys.stdout.isatty() else text


def read_stdin() -> bytes:
    """The picture on standard input; one byte more than a picture may have, so that a longer one is not cut."""
    from captionkit.images import MAX_FILE_BYTES

    return sys.stdin.buffer.read(MAX_FILE_BYTES + 1)


def check_output(
    option: str, output: Path | None, inputs: Iterable[Path | str | None], *, over_picture: bool = False
) -> None:
    """Refuse a place where a result would destroy something: `-o *.jpg` names a photograph once the shell is done.

    Args:
        option: for the message.
        output: the file to write; None for none.
        inputs: what the command reads; what is None, no path or not there is passed over.
        over_picture: the result is a picture itself and may replace another one that is no input.

    Raises:
        UsageError: `output` is no file in an existing folder, or holds what must not be lost.
    """
    from captionkit.files import is_writable
    from captionkit.picture_paths import holds_picture

    if output is None:
        return
    # What is there and no file may be a device: renaming onto /dev/null would be the end of it.
    if not output.parent.is_dir() or (output.exists() and not output.is_file()):
        raise UsageError(f"Expected a file in an existing folder for {option}, but got {output}.")
    if not is_writable(output.parent):
        raise UsageError(
            f"Expected a folder that can be written to for {option}, but {output.parent} cannot; name another one."
        )
    itself = _identity(output)
    if itself is None:
        return
    if any(one is not None and _identity(one) == itself for one in inputs):
        raise UsageError(
            f"Expected a file of its own for {option}, but {output} is what this command reads; name another file."
        )
    if not over_picture and holds_picture(output):
        raise UsageError(
            f"Expected a file for {option} that may be replaced, but {output} is a picture; name another file."
        )


def check_new_folder(option: str, folder: Path) -> None:
    """Refuse a place where no new folder can be made: only an empty one may be there.

    Raises:
        UsageError: the folders around it cannot be made or written to, or something is at its place.
    """
    from captionkit.files import in_the_way, is_writable

    if folder.name in ("", ".."):
        raise UsageError(f"Expected the name of a new folder for {option}, but got {folder}; name one in it.")
    there = next((one for one in folder.parents if one.is_dir()), folder.parent)  # none on a drive that is gone
    obstacle = in_the_way(folder.parent) or ("" if is_writable(there) else f"{there} cannot be written to")
    if obstacle:
        raise UsageError(f"Expected a place for the folder of {option}, but {obstacle}; name another one.")
    empty = folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir())
    if os.path.lexists(folder) and not empty:
        raise UsageError(
            f"Expected a new or an empty folder for {option}, but something is at {folder}; name another one."
        )


def expect_two_files(option: str, output: Path | None, other: str, second: Path | None) -> None:
    """Refuse two results of one name: the later would take the place of the earlier.

    Raises:
        UsageError: both options name the same file.
    """
    if output is not None and second is not None and os.path.realpath(output) == os.path.realpath(second):
        raise UsageError(f"Expected two files for {option} and {other}, but both are {output}; name another file.")


def _identity(path: Path | str) -> tuple[int, int] | None:
    """What two names of one file share, links included; None where there is no file."""
    try:
        state = os.stat(path)  # noqa: PTH116 -- a list may hold 100,000 names
    except (OSError, ValueError):
        return None
    return state.st_dev, state.st_ino
