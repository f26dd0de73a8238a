"""What a command that goes on after an interruption says of it, on standard error."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from captionkit.cli.output import tell
from captionkit.errors import agree, several

if TYPE_CHECKING:
    from captionkit.unfinished import Unfinished


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
