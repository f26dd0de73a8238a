"""Files are whole or not there, and what the system refuses is one sentence."""

from __future__ import annotations

import errno
import io
import os
import pickle
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from captionkit.errors import CaptionkitError, DataError, UsageError, WriteError
from captionkit.files import (
    cache_folder,
    in_the_way,
    is_writable,
    new_folder,
    read_bounded,
    replacing,
    sha256,
    sha256_file,
    write_bytes,
    write_text,
)


@contextmanager
def no_room() -> Iterator[None]:
    """No file may grow beyond a thousand bytes, as on a disk that is full; root is bound by it, too.

    Not a fixture: the limit binds the test run's own output as well, where that goes to a file.
    """
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("place", ["none/a.txt", "file/a.txt", "a" * 300])
def test_a_place_that_does_not_exist_is_one_sentence(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(WriteError, match=r"Expected to write .* but the system refused") as error:
        write_text(tmp_path / place, "text")
    assert isinstance(error.value, CaptionkitError)
    assert error.value.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
    assert str(error.value).count(". ") == 0
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_another_process_can_say_so(tmp_path: Path) -> None:
    with pytest.raises(WriteError) as error:
        write_text(tmp_path / "none" / "a.txt", "text")
    received = pickle.loads(pickle.dumps(error.value))  # noqa: S301 -- our own, just made
    assert (type(received), str(received), received.errno) == (WriteError, str(error.value), errno.ENOENT)


@pytest.mark.parametrize("size", [1001, 1_000_000])
def test_without_room_the_old_file_stays(tmp_path: Path, size: int) -> None:
    (tmp_path / "a.txt").write_text("old")
    with no_room(), pytest.raises(WriteError, match="File too large"):
        write_bytes(tmp_path / "a.txt", bytes(size))
    with (
        no_room(),
        pytest.raises(WriteError, match="File too large"),
        replacing(tmp_path / "a.txt") as handle,
    ):
        handle.write(bytes(1001))  # stays in the buffer, so the block ends well
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_what_the_disk_did_not_take_is_told_and_the_old_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    write_text(tmp_path / "a.txt", "old")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(WriteError, match="Input/output error"):
        write_text(tmp_path / "a.txt", "new")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_what_the_block_raises_comes_through(tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError), replacing(tmp_path / "a.txt"):
        raise BrokenPipeError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("raised", [KeyError, KeyboardInterrupt])
def test_a_block_that_is_ended_leaves_nothing_and_says_why(tmp_path: Path, raised: type[BaseException]) -> None:
    ended = pytest.raises(raised)
    with ended, no_room(), replacing(tmp_path / "a.txt") as handle:
        handle.write(bytes(1001))  # which closing would try to write
        raise raised
    with pytest.raises(raised), new_folder(tmp_path / "folder"):
        raise raised
    assert list(tmp_path.iterdir()) == []


def test_new_files_are_as_readable_as_any_other(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        for name in ("one", "two"):
            write_text(tmp_path / name, "x")
        (tmp_path / "plain").touch()
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o7777 for path in tmp_path.iterdir()} == {0o640}


@pytest.mark.parametrize("name", ["n" * 251 + ".txt", "\N{DOG}" * 60 + ".txt"])
def test_a_name_that_is_nearly_too_long_is_written(tmp_path: Path, name: str) -> None:
    write_text(tmp_path / name, "text")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    (tmp_path / name).unlink()
    with new_folder(tmp_path / name):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [name]


def open_files() -> int:
    """Without sockets and pipes: those of a server that other tests have in this process come and go."""
    count = 0
    for number in Path("/dev/fd").iterdir():
        with suppress(OSError):  # that of the listing is closed by now
            count += stat.S_ISREG(os.fstat(int(number.name)).st_mode)
    return count


def test_writing_leaves_nothing_open(tmp_path: Path) -> None:
    before = open_files()
    for _ in range(5):
        (tmp_path / ".a.txt.0.tmp").touch()  # as a killed writer leaves it
        write_text(tmp_path / "a.txt", "text")
        with pytest.raises(KeyError), replacing(tmp_path / "a.txt"):
            raise KeyError
    assert open_files() == before


@pytest.mark.usefixtures("windows_keeps_open_files")
def test_a_file_is_closed_before_windows_names_or_removes_it(tmp_path: Path) -> None:
    for text in ("old", "new"):
        write_text(tmp_path / "a.txt", text)
    with pytest.raises(KeyError), replacing(tmp_path / "a.txt"):
        raise KeyError
    with new_folder(tmp_path / "folder") as folder:
        write_text(folder / "b.txt", "text")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "folder"]
    assert (tmp_path / "a.txt").read_text() == "new"


def test_of_a_file_that_is_too_long_no_more_is_read_than_tells_it(tmp_path: Path) -> None:
    path = tmp_path / "huge"
    path.write_bytes(b"12345")
    assert read_bounded(path, 5) == b"12345"
    with pytest.raises(DataError, match="longer than the 4 bytes"):
        read_bounded(path, 4)
    os.truncate(path, 1 << 40)
    with pytest.raises(DataError, match="longer than the 1,000 bytes"):
        read_bounded(path, 1000)


def test_what_is_not_there_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"readable file at .*/none, but it cannot be read \(No such file"):
        read_bounded(tmp_path / "none", 5)


def test_a_file_is_hashed_as_its_bytes_are(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_file(tmp_path / "a") == sha256(b"abc")
    assert sha256(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # of FIPS 180


def test_what_keeps_a_folder_from_being_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    assert in_the_way(tmp_path) == in_the_way(tmp_path / "new" / "folder") == ""
    assert in_the_way(tmp_path / "file" / "folder") == f"{tmp_path / 'file'} is a file"
    assert in_the_way(tmp_path / "link") == f"{tmp_path / 'link'} is a link that leads nowhere"
    assert is_writable(tmp_path)
    assert not is_writable(tmp_path / "none")


def test_a_file_that_cannot_be_written_meanwhile_is_told_by_its_own_name(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match=r"Expected to write .*/none/b\.txt"), replacing(tmp_path / "a.txt"):
        write_text(tmp_path / "none" / "b.txt", "text")


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o2664, 0o1644])
def test_a_file_that_is_replaced_keeps_its_mode(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(mode)
    write_text(path, "new")
    assert path.stat().st_mode & 0o7777 == mode


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_file_that_is_replaced_keeps_its_owner_and_group(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    os.chown(path, 1000, 1001)
    path.chmod(0o6664)
    write_text(path, "new")
    state = path.stat()
    assert (state.st_uid, state.st_gid, state.st_mode & 0o7777) == (1000, 1001, 0o6664)


def test_where_the_owner_cannot_be_kept_the_file_is_written_without_special_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As whoever is not root: here the system refuses, so that root sees it too."""
    path = tmp_path / "a.txt"
    path.write_text("old")
    real = Path.stat

    def foreign(self: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        state = real(self, follow_symlinks=follow_symlinks)
        return os.stat_result([0o106755, *state[1:4], 4242, 4242, *state[6:]]) if self == path else state

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "stat", foreign)
        patch.setattr(os, "chown", refuse)
        write_text(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o7777 == 0o755


def test_a_block_that_finds_no_room_is_told_with_the_name_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    refused = pytest.raises(WriteError, match=r"Expected to write .*rows\.csv.* refused")
    with refused, no_room(), replacing(path) as handle:
        text = io.TextIOWrapper(handle, encoding="utf-8")
        for _ in range(10):
            text.write("row\n" * 100)
            text.flush()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(BrokenPipeError), replacing(path):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")
    with pytest.raises(FileNotFoundError), replacing(path):
        (tmp_path / "none").read_bytes()


def test_the_cache_folder_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "captionkit"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative is to be ignored")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "captionkit"


def test_a_user_without_a_home_folder_names_a_place_for_caches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    with pytest.raises(UsageError, match="XDG_CACHE_HOME"):
        cache_folder()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "captionkit"


@pytest.mark.parametrize("before", ["nothing", "empty folder"])
def test_a_new_folder_is_whole_or_not_there(tmp_path: Path, before: str) -> None:
    place = tmp_path / "model"
    if before == "empty folder":
        place.mkdir()
    with pytest.raises(FileNotFoundError), new_folder(place) as made:
        ((made / "first").write_text("half"), (made / "none" / "second").write_text("half"))
    assert [*tmp_path.rglob("*")] == ([place] if before == "empty folder" else [])
    with new_folder(place) as made:
        (made / "first").write_text("whole")
        assert not (place / "first").exists()
    assert [*tmp_path.rglob("*")] == [place, place / "first"]


def test_a_new_folder_is_as_readable_as_any_other(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with new_folder(tmp_path / "one"):
            pass
        (tmp_path / "plain").mkdir()
    finally:
        os.umask(before)
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o750] * 2


def test_the_folders_around_a_new_one_are_made(tmp_path: Path) -> None:
    with new_folder(tmp_path / "web" / "captions" / "1") as made:
        (made / "file").write_text("whole")
    assert (tmp_path / "web" / "captions" / "1" / "file").read_text() == "whole"


def test_a_new_folder_takes_the_place_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("mine")
    for name in ("file", "full", "file/folder"):
        with pytest.raises(WriteError, match=f"Expected to write .*{name}"), new_folder(tmp_path / name) as made:
            (made / "new").write_text("new")
    assert (tmp_path / "file").read_text() == (tmp_path / "full" / "file").read_text() == "mine"
    assert len([*tmp_path.rglob("*")]) == 3
