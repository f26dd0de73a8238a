"""Names of the server, and what all answers tell browsers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from captionkit.serve.app import build_app
from captionkit.serve.guard import ITSELF
from tests.serve.running import Client, Slow, running


@pytest.fixture(scope="module")
def named() -> Iterator[Client]:
    with running(build_app(Slow().captioner, hosts=ITSELF | {"box.lan"})) as client:
        yield client


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8000", "LOCALHOST", "[::1]:80", "[::1]", "box.lan:1"])
def test_its_own_names(named: Client, host: str) -> None:
    assert named.ask("/health", headers={"Host": host}).status == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:80", "127.0.0.1.nip.io", "[", ":80", ""])
@pytest.mark.parametrize("path", ["/", "/health", "/nothing"])
def test_a_foreign_name_is_told_nothing(named: Client, host: str, path: str) -> None:
    got = named.ask(path, headers={"Host": host})
    assert got.status == 400
    assert got.document == {
        "error": f"Expected a Host among 127.0.0.1, ::1, box.lan, localhost, but got {host!r}."
    }


def test_a_long_name_is_not_repeated(named: Client) -> None:
    assert len(named.ask("/", headers={"Host": "a" * 9_000}).text) < 200


def test_every_answer_is_for_its_own_page_alone(named: Client) -> None:
    answers = [
        named.ask("/"),
        named.ask("/nothing"),
        named.ask("/health", headers={"Host": "evil.example"}),
        named.ask("/caption", headers={"Origin": "http://evil.example"}, method="OPTIONS"),
    ]
    assert [one.status for one in answers] == [200, 404, 400, 405]
    for one in answers:
        assert one.headers["X-Content-Type-Options"] == "nosniff"
        assert one.headers["Cache-Control"] == "no-store"
        assert one.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert one.headers["Referrer-Policy"] == "no-referrer"
        assert one.headers["Content-Security-Policy"] == "frame-ancestors 'none'"
        assert not [name for name in one.headers if name.lower().startswith("access-control")]
        assert "Server" not in one.headers


def test_by_any_name_where_it_listens_everywhere() -> None:
    with running(build_app(Slow().captioner, hosts=None)) as client:
        got = client.ask("/health", headers={"Host": "anything.example"})
        assert (got.status, got.headers["X-Content-Type-Options"]) == (200, "nosniff")
        assert client.ask("/nothing", headers={"Host": "["}).status == 404
