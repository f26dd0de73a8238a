"""One writer a folder: a lock that the operating system lets go of when its holder dies, however it dies."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from captionkit.errors import CacheError
from captionkit.files.locks import try_lock

LOCK = ".lock"


@contextlib.contextmanager
def lock_directory(directory: Path) -> Iterator[None]:
    """Hold the folder: at once, or say which process has it.

    Raises:
        CacheError: another process (or thread) is writing there.
    """
    path = directory / LOCK
    descriptor = _locked(path)
    try:
        with contextlib.suppress(OSError):  # a full disk: the number is for the message alone
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows does not remove an open file; it stays, unlocked
            path.unlink()
        os.close(descriptor)


def _locked(path: Path) -> int:
    """The descriptor of the file, with its lock where the file system knows locks."""
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise CacheError(f"The folder {path.parent} cannot be written to ({error.strerror}).") from None
        locked = try_lock(descriptor)
        if locked is None:  # there the folder goes without
            return descriptor
        if not locked:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace") if hasattr(os, "pread") else ""
            os.close(descriptor)
            who = f"process {holder}" if holder.isdigit() else "another process"
            raise CacheError(
                f"{who.capitalize()} is writing to {path.parent}; wait until it is done, or give another folder."
            )
        # The holder before us may have removed the file between our opening and our locking it.
        with contextlib.suppress(OSError):
            if path.stat().st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        os.close(descriptor)
