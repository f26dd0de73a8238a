"""Options that would do nothing are refused: whoever gives one means something by it."""

from __future__ import annotations

from collections.abc import Mapping

from captionkit.errors import UsageError


def expect_with(needed: str, given: bool, options: Mapping[str, object]) -> None:
    """Refuse options that count only beside another, which may be given; `options` says which ask for anything.

    Raises:
        UsageError: one asks for something, and the other is not there.
    """
    for option, asks in options.items():
        if asks and not given:
            raise UsageError(
                f"Expected {needed} beside {option}, which does nothing without; add it or leave this out."
            )


def expect_without(other: str, given: bool, options: Mapping[str, object]) -> None:
    """Refuse options that do nothing beside another, which may be given; `options` says which ask for anything.

    Raises:
        UsageError: one asks for something, and the other is there.
    """
    for option, asks in options.items():
        if asks and given:
            raise UsageError(f"Expected one of {other} and {option}, but got both; leave one out.")
