"""Getting one large file over HTTP so that what is kept is whole and right.

An interrupted download goes on where it stopped (`Range`, guarded by `If-Range`, RFC 9110 section 13.1.5), the
size is bounded, the bytes are verified before the file takes its name, and a redirect from HTTPS to HTTP is
refused.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from captionkit.errors import DataError, several
from captionkit.files import read_bounded, sha256_file, write_text
from captionkit.files.locks import try_lock

CHUNK_BYTES = 1 << 18
LOCK_NAME = "captionkit-fetch.json"
MAX_LOCK_BYTES = 1_000_000

Progress = Callable[[int, int], None]  # bytes so far and in all (0 where that is not known)


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file on a web server.

    Attributes:
        url: http or https.
        about_bytes: its size; exact where a SHA-256 is known.
        sha256: 64 hexadecimal digits, or "" where nobody has published them. It is then recorded at the first
            download in `captionkit-fetch.json` beside the file, and verified from then on.
        md5: 32 hexadecimal digits where only that has been published; checked in addition.
    """

    url: str
    about_bytes: int
    sha256: str = ""
    md5: str = ""

    @property
    def name(self) -> str:
        """What it is called on the disk: the end of its address."""
        return self.url.rpartition("/")[2]

    @property
    def max_bytes(self) -> int:
        """Where a download stops: at the known size, else at twice what is expected."""
        return self.about_bytes if self.sha256 else 2 * self.about_bytes


def download(
    file: RemoteFile,
    folder: Path | str,
    *,
    timeout: float = 60.0,
    attempts: int = 5,
    progress: Progress = lambda done, total: None,
    wait: Callable[[float], None] = time.sleep,
) -> Path:
    """Download a file into a folder, or go on with a download that was interrupted.

    The bytes grow in `NAME.part`; `NAME.part.json` keeps the server's mark (ETag or date), so that pieces of two
    versions are never joined. A file that is there already is verified and not downloaded again.

    Args:
        file: what to get.
        folder: where to; made if need be.
        timeout: seconds without a byte after which the connection counts as cut.
        attempts: connections in a row that may bring nothing.
        progress: called as the bytes come in.
        wait: sleeps between attempts.

    Returns:
        The path of the verified file.

    Raises:
        DataError: no connection, the server refuses, the file is too long, or its digest is wrong.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / file.name
    part = _Part(folder / f"{file.name}.part")
    with part.locked():
        if target.exists():
            verify(file, target)
            return target
        for last in (False, True):
            _fill(file, part, timeout, attempts, progress, wait)
            try:
                verify(file, part.path, target)
                break
            except DataError:
                part.remove()
                # Pieces that were joined may have been of two versions: once more, from the start.
                if last or not part.joined:
                    raise
        part.path.replace(target)
        part.remove()
    return target


def verify(file: RemoteFile, path: Path, target: Path | None = None) -> None:
    """Compare a file with its known digests; record its SHA-256 in the lock file where none is known yet.

    Args:
        file: what it should be.
        path: the bytes.
        target: the name they will have, whose folder holds the lock file; empty means `path`.

    Raises:
        DataError: they are other bytes.
    """
    target = target or path
    lock_path = target.parent / LOCK_NAME
    lock = _read_lock(lock_path)
    known = lock.get(file.name, {})
    expected, whence = file.sha256, "published"
    if not expected:
        expected, whence = str(known.get("sha256", "")), f"recorded in {lock_path.name}"
    actual = sha256_file(path)
    if expected and actual != expected:
        raise DataError(
            f"{target} is not what it should be: its SHA-256 is {actual}, but {expected} is {whence}. "
            "Remove it (and that record, if the file was replaced on purpose) and fetch it again."
        )
    if file.md5:
        with path.open("rb") as handle:
            digest = hashlib.file_digest(handle, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        if digest != file.md5:
            raise DataError(
                f"{target} is not what it should be: its MD5 is {digest}, but {file.md5} is published. "
                "Fetch it again, or from another mirror."
            )
    entry = {"url": file.url, "bytes": path.stat().st_size, "sha256": actual}
    if known != entry:
        lock[file.name] = entry
        write_text(lock_path, json.dumps(lock, indent=1, sort_keys=True) + "\n")


def _read_lock(path: Path) -> dict[str, dict[str, Any]]:
    if not path.exists():
        return {}
    try:
        lock = json.loads(read_bounded(path, MAX_LOCK_BYTES))
    except (ValueError, RecursionError):
        lock = None
    if not isinstance(lock, dict) or not all(isinstance(entry, dict) for entry in lock.values()):
        raise DataError(f"{path} is damaged: expected JSON with one object a file. Remove it to record afresh.")
    return lock


class _Part:
    """The unfinished file and what is known of its origin."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notes = path.with_name(path.name + ".json")
        self.joined = False  # whether bytes of several connections were put together

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def mark(self, url: str) -> str:
        """The server's strong mark for the version that the piece is of; "" where there is none."""
        try:
            notes = json.loads(read_bounded(self.notes, MAX_LOCK_BYTES))
        except (DataError, ValueError, RecursionError):
            return ""
        if not isinstance(notes, dict) or notes.get("url") != url:
            return ""
        return str(notes.get("mark", ""))

    def note(self, url: str, mark: str) -> None:
        write_text(self.notes, json.dumps({"url": url, "mark": mark}) + "\n")

    def remove(self) -> None:
        for path in (self.path, self.notes):
            path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep a second process from writing into the same piece; the system drops the lock with the process."""
        lock = self.path.with_name(self.path.name + ".lock")
        with lock.open("ab") as handle:
            if try_lock(handle.fileno()) is False:
                raise DataError(f"Another process is fetching {self.path.with_suffix('')}; wait for it.") from None
            try:
                yield
            finally:
                with contextlib.suppress(OSError):  # Windows does not remove an open file; it stays, unlocked
                    lock.unlink()


class _CutError(Exception):
    """The connection brought less than was promised; another may bring the rest."""


def _fill(
    file: RemoteFile,
    part: _Part,
    timeout: float,
    attempts: int,
    progress: Progress,
    wait: Callable[[float], None],
) -> None:
    """Connect until the piece is whole."""
    failures, most = 0, part.size
    while True:
        pause = 0.0
        try:
            _receive(file, part, timeout, progress)
            return
        except _CutError as cut:
            reason = str(cut)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code != 429 and error.code < 500:
                raise DataError(
                    f"{file.url} cannot be fetched: the server answers {error.code} {error.reason}. "
                    "The file may have moved; give a mirror with --mirror, or fetch it by hand."
                ) from None
            reason = f"the server answers {error.code}"
            after = error.headers.get("Retry-After", "")
            pause = min(float(after), 60.0) if after.isdecimal() else 0.0
        except (OSError, http.client.HTTPException) as error:  # URLError, timeouts and resets are OSErrors
            reason = str(getattr(error, "reason", None) or error) or type(error).__name__
        except ValueError as error:  # an address that is none, the server's own in a redirect perhaps
            raise DataError(f"{file.url} cannot be fetched: {error}. Give a mirror with --mirror.") from None
        # A server that cannot go on begins anew each time: only what was never reached before is an advance.
        failures = 0 if part.size > most else failures + 1
        most = max(most, part.size)
        if failures >= attempts:
            kept = (
                f" What has come is kept in {part.path}; the same command goes on from there." if part.size else ""
            )
            raise DataError(
                f"{file.url} cannot be fetched: {reason} ({several(failures, 'attempt')}).{kept}"
            ) from None
        wait(max(pause, min(2.0**failures, 30.0)))


def _receive(file: RemoteFile, part: _Part, timeout: float, progress: Progress) -> None:
    """One connection: append to the piece, or begin it anew where the server cannot go on."""
    have = part.size
    mark = part.mark(file.url)
    headers = {"User-Agent": "captionkit", "Accept-Encoding": "identity"}
    if have and (mark or file.sha256):
        headers["Range"] = f"bytes={have}-"
        if mark:
            headers["If-Range"] = mark
    if urlsplit(file.url).scheme not in ("http", "https"):  # urllib opens file: and ftp: too
        raise DataError(f"Expected an address with http or https, but got {file.url}.")
    request = urllib.request.Request(file.url, headers=headers)
    try:
        response = urllib.request.build_opener(_Redirects).open(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # the piece is as long as the file or longer
            error.close()
            whole = error.headers.get("Content-Range", "").rpartition("/")[2]
            if whole == str(have):
                part.joined = True
                return
            part.remove()
            raise _CutError("the unfinished piece was too long") from None
        raise
    with response:
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise DataError(f"{file.url} cannot be fetched: the server sends it encoded, which was not asked for.")
        start = _start(response, have)
        part.joined = start > 0
        if start == 0:
            part.note(file.url, _mark(response.headers))
        length = response.headers.get("Content-Length")
        total = start + int(length) if length and length.isdecimal() and len(length) < 20 else 0
        if total > file.max_bytes:
            raise DataError(
                f"{file.url} has {total:,} bytes, more than the {file.max_bytes:,} expected; it was not fetched."
            )
        with part.path.open("ab" if start else "wb") as handle:
            _copy(response, handle, file, start, total, progress)


def _start(response: Any, have: int) -> int:
    """Where in the file the body of this answer begins: at 0, or at what we have."""
    if response.status != 206:
        return 0
    if not re.fullmatch(rf"bytes {have}-\d+/(?:\d+|\*)", response.headers.get("Content-Range", "")):
        raise DataError("The server answers with another part of the file than was asked for; try again later.")
    return have


def _mark(headers: Any) -> str:
    """ETag if it is strong, else Last-Modified: what If-Range may be asked with."""
    tag = headers.get("ETag", "")
    return str(tag if tag.startswith('"') else headers.get("Last-Modified", ""))


def _copy(response: Any, handle: IO[bytes], file: RemoteFile, start: int, total: int, progress: Progress) -> None:
    done = start
    progress(done, total)
    while True:
        # read1 hands over what has come; read would wait for a whole chunk and lose it when the connection stalls.
        data = response.read1(CHUNK_BYTES)
        if not data:
            break
        done += len(data)
        if done > file.max_bytes:
            handle.truncate(0)
            raise DataError(
                f"{file.url} sends more than the {file.max_bytes:,} bytes expected; the download was stopped."
            )
        handle.write(data)
        progress(done, total)
    handle.flush()
    os.fsync(handle.fileno())
    if total and done < total:
        raise _CutError(f"the connection ended after {done:,} of {total:,} bytes")
    if file.sha256 and done < file.about_bytes:
        raise _CutError(f"the answer ended after {done:,} of {file.about_bytes:,} bytes")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to http and https, but never from https to http."""

    max_redirections = 5

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        old, new = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if new not in ("http", "https") or (old == "https" and new != "https"):
            raise DataError(f"{req.full_url} redirects to {newurl}, which is not followed: it is less safe.")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
