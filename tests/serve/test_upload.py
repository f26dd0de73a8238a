"""Bodies: their type, length and time."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator

import pytest

from captionkit.serve.app import Limits, build_app
from tests.serve.running import PICTURE, Client, Slow, grey, running

MOST = 50_000


@pytest.fixture(scope="module")
def strict() -> Iterator[Client]:
    """Takes little."""
    slow = Slow()
    slow.go.set()
    with running(build_app(slow.captioner, limits=Limits(upload=MOST))) as client:
        yield client


@pytest.mark.parametrize("kind", ["image/png", "IMAGE/JPEG", "application/octet-stream ; charset=binary"])
def test_pictures_and_bytes_are_taken(strict: Client, kind: str) -> None:
    assert strict.ask("/caption", grey(7), {"Content-Type": kind}).document["captions"][0]["text"] == "Grey 7."


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "imagery", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"]
)
def test_what_a_foreign_page_may_send_is_not(strict: Client, kind: str) -> None:
    got = strict.ask("/caption", grey(7), {"Content-Type": kind} if kind else {})
    assert got.status == 415
    assert got.document["error"].endswith(f"but got {kind.partition(';')[0] or 'no Content-Type'!r}.")


def test_a_long_type_is_not_repeated(strict: Client) -> None:
    assert len(strict.ask("/caption", grey(7), {"Content-Type": "a" * 9_000}).text) < 300


def test_too_long_by_its_own_word_or_as_counted(strict: Client) -> None:
    said = strict.ask("/caption", bytes(MOST + 1), PICTURE)
    counted = strict.ask("/caption", (bytes(10_000) for _ in range(100)), PICTURE)
    assert said.status == counted.status == 413
    assert said.document == counted.document
    assert "at most 50,000 bytes" in said.document["error"]
    assert strict.ask("/caption", bytes(MOST), PICTURE).status == 400  # long enough for a picture, and none
    assert strict.ask("/caption", (grey(9) for _ in range(1)), PICTURE).status == 200  # without a length


def test_what_says_that_it_is_too_long_is_not_waited_for(strict: Client) -> None:
    with socket.create_connection(("127.0.0.1", strict.port), timeout=30) as wire:
        head = b"POST /caption HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n"
        wire.sendall(head % (MOST + 1))
        assert wire.recv(10_000).startswith(b"HTTP/1.1 413 ")


def test_a_picture_that_trickles_is_not_waited_for() -> None:
    with (
        running(build_app(Slow().captioner, limits=Limits(seconds=0.4))) as client,
        socket.create_connection(("127.0.0.1", client.port), timeout=30) as wire,
    ):
        wire.sendall(
            b"POST /caption HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\n"
        )
        begun = time.monotonic()
        wire.settimeout(0.05)
        answer = b""
        while b"}" not in answer:
            assert time.monotonic() - begun < 20
            with contextlib.suppress(ConnectionError):
                wire.sendall(b"x")
            with contextlib.suppress(TimeoutError):
                answer += wire.recv(10_000)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer.lower()
    assert b"within 0.4 seconds" in answer
