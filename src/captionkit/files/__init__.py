"""Files that are whole or not there: written to a temporary name, then renamed; reads that are bounded."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from captionkit.errors import DataError, UsageError, WriteError
from captionkit.files.locks import try_lock

_TEMPORARY_NAMES = 8  # that one file's writers take, side by side


@contextlib.contextmanager
def replacing(path: Path | str) -> Iterator[IO[bytes]]:
    """Open a temporary file beside `path` for writing bytes; on success it is synced and takes `path`'s name.

    If the block raises, or the process dies, `path` keeps what it held. The parent folder must exist. A file
    that is replaced leaves its mode to the new one and, where the system lets us, its owner and group. What a
    killed process left of the same file goes with the next write.

    Raises:
        WriteError: the file cannot be made, written, synced or renamed. What else the block raises comes through.
    """
    path = Path(path)
    try:
        descriptor, temporary = _open_temporary(path)
        # Held until the file has its name. Windows names no open file anew, and there it has no lock.
        lock = None if sys.platform == "win32" else os.dup(descriptor)
    except OSError as error:
        raise WriteError(path, error) from None
    try:
        with os.fdopen(descriptor, "wb") as handle:
            try:
                yield handle
                handle.flush()
                os.fsync(handle.fileno())
            except BaseException as error:
                # Closing tries to write what is left once more; that must not hide the sentence.
                with contextlib.suppress(OSError):
                    handle.close()
                # An error of the handle names no file: a full disk, above all. A broken pipe is another's.
                foreign = isinstance(error, WriteError | BrokenPipeError)
                if isinstance(error, OSError) and error.filename is None and not foreign:
                    raise WriteError(path, error) from None
                raise
        try:
            _take_after(temporary, path)
            Path(temporary).replace(path)
        except OSError as error:
            raise WriteError(path, error) from None
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
    finally:
        if lock is not None:
            os.close(lock)


def _open_temporary(path: Path) -> tuple[int, str]:
    """A new file beside `path`, open and locked, and its name."""
    # A name may have 255 bytes: one that is nearly as long still leaves room for the rest.
    prefix = f".{path.name[:40]}."
    for number in range(0 if sys.platform == "win32" else _TEMPORARY_NAMES):
        temporary = path.with_name(f"{prefix}{number}.tmp")
        _remove_abandoned(temporary)
        try:
            descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:  # its writer lives
            continue
        # Until it is locked, another process may take it for abandoned and remove it.
        if try_lock(descriptor) is not False and _is_at(descriptor, temporary):
            return descriptor, str(temporary)
        os.close(descriptor)
    # Captioning a picture writes no file, and tempfile brings a dozen modules with it.
    import tempfile

    return tempfile.mkstemp(prefix=prefix, suffix=".tmp", dir=path.parent)


def _remove_abandoned(temporary: Path) -> None:
    """Remove a temporary file whose writer has died: nobody holds its lock."""
    try:
        descriptor = os.open(temporary, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:  # there is none, or it is not ours
        return
    with contextlib.suppress(OSError):
        if try_lock(descriptor) and _is_at(descriptor, temporary):
            temporary.unlink()
    os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file has this name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def _take_after(temporary: str, path: Path) -> None:
    """Give a new file the owner, group and mode of the one that it replaces."""
    try:
        old = path.stat()
    except FileNotFoundError:
        # mkstemp makes the file private; a result should be as readable as any other new file.
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        return
    mode = old.st_mode & 0o7777
    new = Path(temporary).stat()
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        for user, group in ((-1, old.st_gid), (old.st_uid, -1)):  # a user may give a group, root alone an owner
            with contextlib.suppress(OSError):
                os.chown(temporary, user, group)
        new = Path(temporary).stat()
        # Another owner's or group's special bits would give what nobody meant to give.
        mode &= ~(stat.S_ISUID if new.st_uid != old.st_uid else 0)
        mode &= ~(stat.S_ISGID if new.st_gid != old.st_gid else 0)
    Path(temporary).chmod(mode)


def write_bytes(path: Path | str, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all.

    Raises:
        WriteError: it cannot be written.
    """
    with replacing(path) as handle:
        handle.write(data)


def write_text(path: Path | str, text: str) -> None:
    """Write `text` to `path` in UTF-8 with the newlines it has, whole or not at all.

    Raises:
        WriteError: it cannot be written.
    """
    write_bytes(path, text.encode("utf-8"))


@contextlib.contextmanager
def new_folder(path: Path | str) -> Iterator[Path]:
    """Make a folder under a temporary name beside `path` and give it that name once the block has filled it.

    The folders around it are made too. If the block raises, there is nothing at `path`, or the empty folder that
    was there before.

    Raises:
        WriteError: the folder cannot be made or renamed, or something is at `path` by now.
    """
    # As in `_open_temporary`.
    import shutil
    import tempfile

    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name[:40]}.", suffix=".tmp", dir=path.parent))
    except OSError as error:
        raise WriteError(path, error) from None
    try:
        yield temporary
        try:
            mask = os.umask(0)
            os.umask(mask)
            temporary.chmod(0o777 & ~mask)  # mkdtemp makes it private
            if path.is_dir():
                path.rmdir()  # not every system renames onto a folder; one that is not empty is refused
            temporary.rename(path)
        except OSError as error:
            raise WriteError(path, error) from None
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def read_bounded(path: Path | str, limit: int) -> bytes:
    """All bytes of a file of at most `limit` bytes.

    Raises:
        DataError: it cannot be read, or is longer.
    """
    path = Path(path)
    try:
        with path.open("rb") as handle:
            data = handle.read(limit + 1)
    except OSError as error:
        raise DataError(
            f"Expected a readable file at {path}, but it cannot be read ({error.strerror or error})."
        ) from None
    if len(data) > limit:
        raise DataError(f"{path} is longer than the {limit:,} bytes that are read of such a file.")
    return data


def is_writable(folder: Path) -> bool:
    """Whether files can be made in a folder, as far as its permissions say."""
    return os.access(folder, os.W_OK | os.X_OK)


def in_the_way(folder: Path) -> str:
    """What keeps a folder from being made, in words: "x is a file"; empty where nothing does."""
    # A link that leads nowhere is not there, and yet no folder can be made of it.
    file = next((one for one in (folder, *folder.parents) if os.path.lexists(one) and not one.is_dir()), None)
    if file is None:
        return ""
    return f"{file} is a file" if file.exists() else f"{file} is a link that leads nowhere"


def real_path(path: Path) -> Path:
    """An absolute path without links. `Path.resolve` raises where one leads to itself; reading it tells."""
    return Path(os.path.realpath(path))


def sha256(data: bytes | memoryview) -> str:
    """The SHA-256 of bytes as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path | str) -> str:
    """The SHA-256 of a file's bytes, read in pieces."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def cache_folder() -> Path:
    """The user's folder for what can be made again, after the XDG base directory specification.

    Raises:
        UsageError: no variable names it, and the user has no home folder.
    """
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "captionkit"
    except RuntimeError:
        raise UsageError(
            "Expected a home folder to keep a cache in, but this user has none; name a folder in XDG_CACHE_HOME."
        ) from None
