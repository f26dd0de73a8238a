"""Temporary files of killed writers go with the next write; those of writers that live are let alone."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from captionkit import files
from captionkit.files import replacing, write_text

WRITING = """
import sys, time
from captionkit.files import replacing
with replacing(sys.argv[1]) as handle:
    handle.write(b"half")
    handle.flush()
    print("ready", flush=True)
    sys.stdin.readline()
    handle.write(b" and half")
"""
MANY = """
import sys
from captionkit.files import write_text
for number in range(150):
    write_text(sys.argv[1], f"{sys.argv[2]} {number} " * 100)
"""


def writer(path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITING, str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_what_a_killed_writer_left_goes_with_the_next_write_of_that_name(tmp_path: Path) -> None:
    for _ in range(2):
        kill(writer(tmp_path / "a.txt"))
        assert names(tmp_path) == [".a.txt.0.tmp"]  # and not one more each time
    write_text(tmp_path / "b.txt", "another")
    write_text(tmp_path / "a.txt", "new")
    assert names(tmp_path) == ["a.txt", "b.txt"]
    assert (tmp_path / "a.txt").read_text() == "new"


def test_a_writer_that_lives_keeps_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    first, dead = writer(path), writer(path)
    kill(dead)
    with replacing(path) as handle:  # in one process, too
        write_text(path, "third")
        handle.write(b"second")
    assert path.read_text() == "second"
    assert names(tmp_path) == [".a.txt.0.tmp", "a.txt"]
    first.communicate("\n")
    assert first.returncode == 0
    assert path.read_text() == "half and half"
    assert names(tmp_path) == ["a.txt"]


def test_many_writers_of_one_file_do_not_hinder_each_other(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    writers = [subprocess.Popen([sys.executable, "-c", MANY, str(path), str(number)]) for number in range(4)]
    assert [one.wait() for one in writers] == [0, 0, 0, 0]
    assert names(tmp_path) == ["a.txt"]
    assert len(set(path.read_text().split())) == 2  # whole, of one write


def test_without_locks_nothing_is_removed_that_may_be_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    write_text(tmp_path / "a.txt", "old")
    assert names(tmp_path) == ["a.txt"]
    left = [f".a.txt.{number}.tmp" for number in range(9)]
    for name in left:
        (tmp_path / name).write_text("half")
    write_text(tmp_path / "a.txt", "new")
    assert names(tmp_path) == [*left, "a.txt"]


def test_what_somebody_laid_there_is_neither_followed_nor_waited_for(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("not yours")
    (tmp_path / ".a.txt.0.tmp").symlink_to("other")
    os.mkfifo(tmp_path / ".a.txt.1.tmp")
    (tmp_path / ".a.txt.2.tmp").mkdir()
    write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "other").read_text() == "not yours"
    assert not (tmp_path / "a.txt").is_symlink()


def test_a_file_that_was_removed_before_it_was_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def locked(descriptor: int) -> bool | None:
        seen.append(descriptor)
        if len(seen) == 1:  # another process comes between
            (tmp_path / ".a.txt.0.tmp").unlink()
        return True

    monkeypatch.setattr(files, "try_lock", locked)
    write_text(tmp_path / "a.txt", "new")
    assert len(seen) == 2
    still_open = [os.path.realpath(one) for one in Path("/dev/fd").iterdir()]
    assert not [one for one in still_open if one.startswith(str(tmp_path))]
    assert names(tmp_path) == ["a.txt"]
