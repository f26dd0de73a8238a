"""Locks on open files, which the operating system lets go of when their holder dies, however it dies."""

from __future__ import annotations

import errno
import os
import sys

# Of file systems that know no locks, some on a network.
_NO_LOCKS = frozenset([errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP])

if sys.platform == "win32":  # pragma: no cover
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, 1_000_000, os.SEEK_SET)  # far from what others may want to read
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def try_lock(descriptor: int) -> bool | None:
    """Take the lock of a file that is open for writing, until it is closed.

    Returns:
        Whether we have it now, or another holds it; None where the file system knows no locks.
    """
    try:
        _lock(descriptor)
    except OSError as error:
        return None if error.errno in _NO_LOCKS else False
    return True
