"""The command line: what it answered, the type of the fixture that runs it here, and what a terminal shows."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import NamedTuple


class Done(NamedTuple):
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """Of standard output."""
        return self.out.splitlines()


Run = Callable[..., Done]
"""(*arguments, stdin=b"") -> Done"""


def read_terminal(leader: int) -> str:
    """All that is written to a terminal until its other end is closed everywhere; this end is closed then."""
    shown = b""
    with contextlib.suppress(OSError):  # at the end Linux says EIO
        while data := os.read(leader, 65_536):
            shown += data
    os.close(leader)
    return shown.decode()
