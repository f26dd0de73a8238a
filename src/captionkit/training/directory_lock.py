"""One writer a folder: a lock that the operating system lets go of when its holder dies, however it dies."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from captionkit.errors import CacheError
from captionkit.files.locks import try_lock


class DirectoryLock:
    """A context manager: enters at once, or says which process holds the folder.

    Raises:
        CacheError: another process (or thread) is writing there.
    """

    NAME = ".lock"

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._descriptor = -1

    def __enter__(self) -> Self:
        path = self._directory / self.NAME
        while True:
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            except OSError as error:
                raise CacheError(
                    f"The folder {self._directory} cannot be written to ({error.strerror})."
                ) from None
            locked = try_lock(descriptor)
            if locked is None:  # there the folder goes without
                break
            if not locked:
                holder = os.pread(descriptor, 20, 0).decode("ascii", "replace") if hasattr(os, "pread") else ""
                os.close(descriptor)
                who = f"process {holder}" if holder.isdigit() else "another process"
                raise CacheError(
                    f"{who.capitalize()} is writing to {self._directory}; wait until it is done, "
                    "or give another folder."
                ) from None
            # The holder before us may have removed the file between our opening and our locking it.
            with contextlib.suppress(OSError):
                if path.stat().st_ino == os.fstat(descriptor).st_ino:
                    break
            os.close(descriptor)
        self._descriptor = descriptor
        try:
            with contextlib.suppress(OSError):  # a full disk: the number is for the message alone
                os.ftruncate(descriptor, 0)
                os.write(descriptor, str(os.getpid()).encode())
        except BaseException:  # an interruption
            self._leave()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def _leave(self) -> None:
        with contextlib.suppress(OSError):  # Windows does not remove an open file; it stays, unlocked
            (self._directory / self.NAME).unlink()
        os.close(self._descriptor)
