"""Downloads from a server that cuts, forgets, changes and lies."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from captionkit.datasets.download import LOCK_NAME, RemoteFile, download
from captionkit.errors import DataError
from tests.datasets.server import Page, Server

CONTENT = random.Random(1).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as running:
        yield running


def remote(server: Server, *, sha256: str = SHA256, md5: str = "", about: int = len(CONTENT)) -> RemoteFile:
    return RemoteFile(f"{server.url}/x.zip", about, sha256=sha256, md5=md5)


def no_wait(seconds: float) -> None:
    """Instead of sleeping between attempts."""


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_whole_file_is_kept_and_not_fetched_again(server: Server, tmp_path: Path) -> None:
    page = server.pages["/x.zip"] = Page(CONTENT, tag='"1"')
    seen: list[tuple[int, int]] = []
    path = download(remote(server), tmp_path / "new", progress=lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == CONTENT
    assert seen[0] == (0, len(CONTENT))
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert {total for _, total in seen} == {len(CONTENT)}
    assert left(tmp_path / "new") == [LOCK_NAME, "x.zip"]
    download(remote(server), tmp_path / "new")
    assert len(page.requests) == 1
    assert page.requests[0]["accept-encoding"] == "identity"


@pytest.mark.parametrize("mark", [{"tag": '"1"'}, {"modified": "Tue, 24 Nov 2026 08:00:00 GMT"}, {}])
def test_a_cut_connection_goes_on_where_it_stopped(server: Server, tmp_path: Path, mark: dict[str, str]) -> None:
    page = server.pages["/x.zip"] = Page(CONTENT, cuts=[1000, 0, 200_000], **mark)  # type: ignore[arg-type]
    assert download(remote(server), tmp_path, wait=no_wait).read_bytes() == CONTENT
    assert [request.get("range") for request in page.requests] == [
        None,
        "bytes=1000-",
        "bytes=1000-",
        "bytes=201000-",
    ]
    assert [request.get("if-range") for request in page.requests[1:]] == [next(iter(mark.values()), None)] * 3


def test_a_later_run_goes_on_with_the_piece_of_an_earlier(server: Server, tmp_path: Path) -> None:
    page = server.pages["/x.zip"] = Page(CONTENT, tag='"1"', cuts=[5000, 0, 0])
    with pytest.raises(DataError, match=r"2 attempts.*goes on from there"):
        download(remote(server, sha256=""), tmp_path, attempts=2, wait=no_wait)
    assert (tmp_path / "x.zip.part").stat().st_size == 5000
    assert not (tmp_path / "x.zip").exists()
    assert download(remote(server, sha256=""), tmp_path, wait=no_wait).read_bytes() == CONTENT
    assert page.requests[-1]["range"] == "bytes=5000-"
    assert left(tmp_path) == [LOCK_NAME, "x.zip"]


def test_a_server_without_ranges_is_read_from_the_start(server: Server, tmp_path: Path) -> None:
    server.pages["/x.zip"] = Page(CONTENT, tag='"1"', cuts=[1000, 2000], ranges=False)
    assert download(remote(server), tmp_path, wait=no_wait).read_bytes() == CONTENT


def test_a_server_without_ranges_that_always_cuts_is_given_up(server: Server, tmp_path: Path) -> None:
    page = server.pages["/x.zip"] = Page(CONTENT, tag='"1"', cuts=[2000, 1000] * 50, ranges=False)
    with pytest.raises(DataError, match="4 attempts"):
        download(remote(server), tmp_path, attempts=4, wait=no_wait)
    assert len(page.requests) == 5


def test_pieces_of_two_versions_are_never_joined(server: Server, tmp_path: Path) -> None:
    old = bytes(len(CONTENT))
    page = server.pages["/x.zip"] = Page(old, tag='"old"', cuts=[1000])

    def change(number: int) -> None:
        if number == 2:
            page.content, page.tag = CONTENT, '"new"'

    page.before = change
    path = download(remote(server, sha256=""), tmp_path, wait=no_wait)
    assert path.read_bytes() == CONTENT
    assert page.requests[1]["if-range"] == '"old"'


def test_without_a_mark_the_digest_finds_a_changed_file_and_it_is_fetched_afresh(
    server: Server, tmp_path: Path
) -> None:
    page = server.pages["/x.zip"] = Page(bytes(len(CONTENT)), cuts=[1000])

    def change(number: int) -> None:
        if number == 2:
            page.content = CONTENT

    page.before = change
    assert download(remote(server), tmp_path, wait=no_wait).read_bytes() == CONTENT
    assert [request.get("range") for request in page.requests] == [None, "bytes=1000-", None]


def test_of_what_has_neither_mark_nor_digest_no_pieces_are_joined(server: Server, tmp_path: Path) -> None:
    page = server.pages["/x.zip"] = Page(CONTENT, tag='W/"weak"', cuts=[1000])
    assert download(remote(server, sha256=""), tmp_path, wait=no_wait).read_bytes() == CONTENT
    assert [request.get("range") for request in page.requests] == [None, None]


def test_a_piece_of_one_mirror_is_not_joined_to_that_of_another(server: Server, tmp_path: Path) -> None:
    server.pages["/x.zip"] = Page(bytes(len(CONTENT)), tag='"1"', cuts=[1000, 0])
    with pytest.raises(DataError, match="1 attempt"):
        download(remote(server, sha256=""), tmp_path, attempts=1, wait=no_wait)
    server.pages["/mirror/x.zip"] = Page(CONTENT, tag='"1"')
    mirror = RemoteFile(f"{server.url}/mirror/x.zip", len(CONTENT))
    assert download(mirror, tmp_path, wait=no_wait).read_bytes() == CONTENT


def test_a_short_answer_without_a_length_is_gone_on_with(server: Server, tmp_path: Path) -> None:
    page = server.pages["/x.zip"] = Page(CONTENT, tag='"1"', cuts=[1000], headers={"Content-Length": "unknown"})
    assert download(remote(server), tmp_path, wait=no_wait).read_bytes() == CONTENT
    assert [request.get("range") for request in page.requests] == [None, "bytes=1000-"]


def test_a_server_that_fails_is_asked_more_and_more_seldom(server: Server, tmp_path: Path) -> None:
    server.pages["/x.zip"] = Page(CONTENT, statuses=[500] * 7)
    waits: list[float] = []
    assert download(remote(server), tmp_path, attempts=9, wait=waits.append).read_bytes() == CONTENT
    assert waits == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


def test_an_old_piece_of_other_bytes_is_thrown_away(server: Server, tmp_path: Path) -> None:
    (tmp_path / "x.zip.part").write_bytes(b"something else")
    page = server.pages["/x.zip"] = Page(CONTENT)
    assert download(remote(server), tmp_path, wait=no_wait).read_bytes() == CONTENT
    assert [request.get("range") for request in page.requests] == ["bytes=14-", None]


def test_an_old_piece_that_is_whole_needs_no_body(server: Server, tmp_path: Path) -> None:
    (tmp_path / "x.zip.part").write_bytes(CONTENT)
    page = server.pages["/x.zip"] = Page(CONTENT)
    assert download(remote(server), tmp_path).read_bytes() == CONTENT
    assert len(page.requests) == 1


def test_an_old_piece_of_the_whole_length_but_of_other_bytes_is_thrown_away(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "x.zip.part").write_bytes(CONTENT[::-1])
    page = server.pages["/x.zip"] = Page(CONTENT)
    assert download(remote(server), tmp_path, wait=no_wait).read_bytes() == CONTENT
    assert [request.get("range") for request in page.requests] == [f"bytes={len(CONTENT)}-", None]


def test_an_old_piece_that_is_too_long_is_thrown_away(server: Server, tmp_path: Path) -> None:
    (tmp_path / "x.zip.part").write_bytes(CONTENT + b"more")
    server.pages["/x.zip"] = Page(CONTENT)
    assert download(remote(server), tmp_path, wait=no_wait).read_bytes() == CONTENT


def test_wrong_bytes_are_refused_and_not_kept(server: Server, tmp_path: Path) -> None:
    page = server.pages["/x.zip"] = Page(CONTENT[:-1] + b"!", tag='"1"')
    with pytest.raises(
        DataError, match=rf"x\.zip is not .* its SHA-256 is [0-9a-f]{{64}}, but {SHA256} is published"
    ):
        download(remote(server), tmp_path, wait=no_wait)
    assert left(tmp_path) == []
    assert len(page.requests) == 1  # of one piece: a second time would bring the same


def test_a_published_md5_is_checked_too(server: Server, tmp_path: Path) -> None:
    server.pages["/x.zip"] = Page(CONTENT)
    right = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
    with pytest.raises(DataError, match="MD5"):
        download(remote(server, sha256="", md5="0" * 32), tmp_path, wait=no_wait)
    download(remote(server, sha256="", md5=right), tmp_path)
    assert left(tmp_path) == [LOCK_NAME, "x.zip"]


def test_an_unknown_digest_is_recorded_and_verified_from_then_on(server: Server, tmp_path: Path) -> None:
    page = server.pages["/x.zip"] = Page(CONTENT)
    path = download(remote(server, sha256=""), tmp_path)
    lock = json.loads((tmp_path / LOCK_NAME).read_text(encoding="utf-8"))
    assert lock == {"x.zip": {"url": f"{server.url}/x.zip", "bytes": len(CONTENT), "sha256": SHA256}}
    path.write_bytes(b"tampered")
    with pytest.raises(DataError, match=f"recorded in {LOCK_NAME}"):
        download(remote(server, sha256=""), tmp_path)
    path.unlink()
    page.content = CONTENT[::-1]
    with pytest.raises(DataError, match=f"recorded in {LOCK_NAME}"):
        download(remote(server, sha256=""), tmp_path)
    assert not path.exists()


def test_a_damaged_lock_file_is_said(server: Server, tmp_path: Path) -> None:
    server.pages["/x.zip"] = Page(CONTENT)
    for text in ("{", "[]", '{"x.zip": 1}', "[" * 100_000):
        (tmp_path / LOCK_NAME).write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match="is damaged: expected JSON"):
            download(remote(server), tmp_path)


def test_an_announced_body_that_is_too_long_is_not_fetched(server: Server, tmp_path: Path) -> None:
    server.pages["/x.zip"] = Page(CONTENT + b"more")
    with pytest.raises(DataError, match="more than the 300,000 expected"):
        download(remote(server), tmp_path)
    assert not (tmp_path / "x.zip.part").exists()


def test_an_endless_body_is_stopped(server: Server, tmp_path: Path) -> None:
    server.pages["/x.zip"] = Page(CONTENT * 3, chunked=True)
    with pytest.raises(DataError, match="the download was stopped"):
        download(remote(server, sha256=""), tmp_path)
    assert (tmp_path / "x.zip.part").stat().st_size == 0


def test_chunks_are_read_and_a_cut_among_them_is_noticed(server: Server, tmp_path: Path) -> None:
    page = server.pages["/x.zip"] = Page(CONTENT, tag='"1"', cuts=[1000], chunked=True)
    assert download(remote(server, sha256=""), tmp_path, wait=no_wait).read_bytes() == CONTENT
    assert page.requests[1]["range"] == "bytes=1000-"


def test_a_silent_connection_times_out_and_loses_nothing(server: Server, tmp_path: Path) -> None:
    for timeout in (1.0, 5.0, 25.0):  # on a busy machine even the bytes before the silence may take seconds
        page = server.pages["/x.zip"] = Page(CONTENT, tag='"1"', cuts=[70_000], stall=60.0)
        start = time.monotonic()
        with contextlib.suppress(DataError):
            download(remote(server), tmp_path / str(timeout), timeout=timeout, attempts=2, wait=no_wait)
        asked = [request.get("range") for request in page.requests]
        if asked == [None, "bytes=70000-"]:
            break
    assert asked == [None, "bytes=70000-"]
    assert (tmp_path / str(timeout) / "x.zip").read_bytes() == CONTENT
    assert time.monotonic() - start < 60


def test_a_busy_server_is_waited_for_as_it_asks(server: Server, tmp_path: Path) -> None:
    server.pages["/x.zip"] = Page(CONTENT, statuses=[503, 429], headers={"Retry-After": "7"})
    waits: list[float] = []
    assert download(remote(server), tmp_path, wait=waits.append).read_bytes() == CONTENT
    assert waits == [7.0, 7.0]
    server.pages["/y.zip"] = Page(CONTENT, statuses=[503], headers={"Retry-After": "86400"})
    download(RemoteFile(f"{server.url}/y.zip", len(CONTENT)), tmp_path, wait=waits.append)
    assert waits[2:] == [60.0]


def test_a_server_that_asks_for_no_number_of_seconds_is_waited_for_as_ever(server: Server, tmp_path: Path) -> None:
    server.pages["/x.zip"] = Page(CONTENT, statuses=[503], headers={"Retry-After": "\u00b2"})
    waits: list[float] = []
    assert download(remote(server), tmp_path, wait=waits.append).read_bytes() == CONTENT
    assert waits == [2.0]


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_refusal_is_final(server: Server, tmp_path: Path, status: int) -> None:
    page = server.pages["/x.zip"] = Page(statuses=[status] * 9)
    with pytest.raises(DataError, match=rf"answers {status}.*mirror"):
        download(remote(server), tmp_path, wait=no_wait)
    assert len(page.requests) == 1


def test_no_server_at_all_is_one_sentence(tmp_path: Path) -> None:
    with Server() as gone:
        file = remote(gone)
    with pytest.raises(DataError, match=r"cannot be fetched: .*refused") as caught:
        download(file, tmp_path, attempts=1, wait=no_wait)
    assert str(caught.value).endswith(" (1 attempt).")
    assert "\n" not in str(caught.value)


def test_a_redirect_keeps_the_range(server: Server, tmp_path: Path) -> None:
    server.pages["/x.zip"] = Page(redirect=f"{server.url}/elsewhere")
    page = server.pages["/elsewhere"] = Page(CONTENT, tag='"1"', cuts=[1000])
    assert download(remote(server), tmp_path, wait=no_wait).read_bytes() == CONTENT
    assert page.requests[1]["range"] == "bytes=1000-"


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://[", "http://a..b/"])
def test_redirects_to_other_schemes_are_refused(server: Server, tmp_path: Path, target: str) -> None:
    server.pages["/x.zip"] = Page(redirect=target)
    with pytest.raises(DataError, match="less safe" if target.startswith("ftp") else "cannot be fetched"):
        download(remote(server), tmp_path, wait=no_wait)
    assert left(tmp_path) == []


def test_a_redirect_loop_ends(server: Server, tmp_path: Path) -> None:
    page = server.pages["/x.zip"] = Page(redirect=f"{server.url}/x.zip")
    with pytest.raises(DataError):
        download(remote(server), tmp_path, wait=no_wait)
    assert len(page.requests) < 20


def test_a_redirect_from_https_to_http_is_refused() -> None:
    import urllib.request
    from email.message import Message
    from io import BytesIO

    from captionkit.datasets.download import _Redirects

    request = urllib.request.Request("https://example.org/x")
    follow = _Redirects().redirect_request
    with pytest.raises(DataError, match="less safe"):
        follow(request, BytesIO(), 302, "Found", Message(), "http://example.org/x")
    assert follow(request, BytesIO(), 302, "Found", Message(), "https://example.net/x") is not None


def test_other_schemes_are_never_opened(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"s")
    with pytest.raises(DataError, match="http or https"):
        download(RemoteFile(secret.as_uri(), 10), tmp_path / "to", wait=no_wait)


@pytest.mark.parametrize("address", ["example.org/x.zip", "http://[", "http://a..b/x.zip"])
def test_an_address_that_is_none_is_one_sentence(tmp_path: Path, address: str) -> None:
    with pytest.raises(DataError, match=re.escape(address)):
        download(RemoteFile(address, 10), tmp_path, wait=no_wait)


@pytest.mark.parametrize("start", ["5", "1" * 5000])
def test_a_wrong_range_is_refused(server: Server, tmp_path: Path, start: str) -> None:
    headers = {"Content-Range": f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"}
    (tmp_path / "x.zip.part").write_bytes(CONTENT[:1000])
    server.pages["/x.zip"] = Page(CONTENT, headers=headers)
    with pytest.raises(DataError, match="another part of the file"):
        download(remote(server), tmp_path, wait=no_wait)


def test_an_encoded_body_is_refused(server: Server, tmp_path: Path) -> None:
    server.pages["/x.zip"] = Page(CONTENT, headers={"Content-Encoding": "gzip"})
    with pytest.raises(DataError, match="encoded"):
        download(remote(server), tmp_path, wait=no_wait)


@pytest.mark.skipif(os.name == "nt", reason="no such locks on Windows")
def test_two_processes_do_not_write_the_same_piece(server: Server, tmp_path: Path) -> None:
    import fcntl

    server.pages["/x.zip"] = Page(CONTENT)
    with (tmp_path / "x.zip.part.lock").open("ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(DataError, match="Another process"):
            download(remote(server), tmp_path)
    assert download(remote(server), tmp_path).read_bytes() == CONTENT


@pytest.mark.usefixtures("windows_keeps_open_files")
def test_windows_keeps_the_lock_while_it_is_open(server: Server, tmp_path: Path) -> None:
    server.pages["/x.zip"] = Page(CONTENT)
    for _ in range(2):
        assert download(remote(server), tmp_path).read_bytes() == CONTENT
    assert sorted(path.name for path in tmp_path.iterdir()) == [LOCK_NAME, "x.zip", "x.zip.part.lock"]


@pytest.mark.skipif(os.name == "nt", reason="no such locks on Windows")
def test_where_there_are_no_locks_it_goes_without(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno
    import fcntl

    def refuse(*_: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    server.pages["/x.zip"] = Page(CONTENT)
    assert download(remote(server), tmp_path).read_bytes() == CONTENT


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL on Windows")
def test_a_killed_download_goes_on(server: Server, tmp_path: Path) -> None:
    page = server.pages["/x.zip"] = Page(CONTENT, tag='"1"', cuts=[150_000], stall=30.0)
    code = (
        "import sys\nfrom captionkit.datasets.download import RemoteFile, download\n"
        "download(RemoteFile(sys.argv[1], int(sys.argv[2]), sha256=sys.argv[3]), sys.argv[4])"
    )
    arguments = [f"{server.url}/x.zip", str(len(CONTENT)), SHA256, str(tmp_path)]
    child = subprocess.Popen([sys.executable, "-c", code, *arguments])
    part = tmp_path / "x.zip.part"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (part.exists() and part.stat().st_size):
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    size = part.stat().st_size
    assert 0 < size <= 150_000
    page.stall = 0.0
    assert download(remote(server), tmp_path, wait=no_wait).read_bytes() == CONTENT
    assert page.requests[-1]["range"] == f"bytes={size}-"
