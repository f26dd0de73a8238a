"""The command line in the process of the tests: what it answered, and the type of the fixture that runs it."""

from __future__ import annotations

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
