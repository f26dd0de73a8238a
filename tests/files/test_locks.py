"""Locks on open files."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from captionkit.files.locks import try_lock


def test_one_has_the_lock_until_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with path.open("wb") as first, path.open("wb") as second:
        assert try_lock(first.fileno()) is True
        assert try_lock(second.fileno()) is False
        first.close()
        assert try_lock(second.fileno()) is True


@pytest.mark.parametrize(
    ("number", "had"),
    [
        *((number, None) for number in (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)),
        (errno.EWOULDBLOCK, False),
        (errno.EIO, False),
    ],
)
def test_a_file_system_without_locks_is_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, had: bool | None
) -> None:
    def refuse(*_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with (tmp_path / "lock").open("wb") as file:
        assert try_lock(file.fileno()) is had
