"""What is answered, with the installed model where it is asked."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from captionkit.captioner import Captioner
from captionkit.cli.sentences import json_line
from captionkit.files import sha256_file
from captionkit.selftest import draw_picture
from captionkit.serve.app import Limits, build_app
from captionkit.serve.page import format_page
from tests.serve.running import PICTURE, Client, Slow, grey, running

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def test_a_record_as_of_the_command_line(served: Client, captioner: Captioner) -> None:
    for name, unsure in (("photographer.jpg", False), ("rocket.jpg", True)):
        picture = (EXAMPLES / name).read_bytes()
        got = served.ask("/caption", picture, PICTURE)
        assert got.status == 200
        (prediction,) = captioner.caption([picture])
        expected = json.loads(json_line("-", captioner.hedged(prediction)))
        assert got.document == {**expected, "unsure": unsure}
        assert got.document["captions"][0]["text"].startswith("Possibly: ") == unsure


def test_wishes_are_met(served: Client) -> None:
    picture = (EXAMPLES / "photographer.jpg").read_bytes()
    got = served.ask("/caption?n=3&must=person&avoid=tripod&avoid=camera", picture, PICTURE)
    texts = [one["text"] for one in got.document["captions"]]
    assert len(set(texts)) == 3
    assert all("person" in text or "people" in text for text in texts)
    assert not any("tripod" in text or "camera" in text for text in texts)


def test_what_cannot_be_captioned(served: Client) -> None:
    picture = draw_picture(1)
    for path, body, told in (
        ("/caption", b"no picture", "Expected a picture (JPEG, "),
        ("/caption", b"", "is empty"),
        ("/caption", picture[:-200], "is damaged or cut off"),
        ("/caption?must=zzzqq", picture, "A caption cannot hold 'zzzqq'"),
        ("/caption?must=dog&avoid=dog", picture, "both hold and avoid 'dog'"),
        ("/caption?n=6", picture, "n from 1 to 5"),
    ):
        got = served.ask(path, body, PICTURE)
        assert got.status == 400
        assert list(got.document) == ["error"]
        assert told in got.document["error"]
        assert str(EXAMPLES.parent) not in got.text


def test_many_at_once_are_captioned_as_one_by_one(served: Client, captioner: Captioner) -> None:
    pictures = [draw_picture(seed) for seed in range(6)]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda one: served.ask("/caption", one, PICTURE).document, pictures))
    for got, picture in zip(together, pictures, strict=True):
        (alone,) = captioner.caption([picture])
        assert got["captions"][0]["tokens"] == list(alone.captions[0].tokens)
        assert got["confidence"] == pytest.approx(alone.confidence, abs=1e-3)


def test_the_page_names_its_bound_and_heic_where_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    page = format_page("a model", 1_500_000)
    assert 'data-upload="1500000"' in page
    assert "of at most 1.5 MB each" in page
    assert 'accept="image/*,.heic,.heif,.hif"' in page
    assert "BMP, HEIC or TIFF of" in page
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # as where the extra is not installed
    page = format_page("a model", 1)
    assert 'accept="image/*"' in page
    assert "BMP or TIFF of" in page


def test_the_page_the_health_and_other_addresses(served: Client, captioner: Captioner) -> None:
    page = served.ask("/")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "connect-src 'self'; style-src 'sha256-" in page.text
    source = captioner.bundle.source
    assert str(Path(source).parent) not in page.text
    assert served.ask("/health").document == {
        "status": "ok",
        "bundle": Path(source).name,
        "sha256": sha256_file(source),
    }
    for method, path, status, told in (
        ("GET", "/captions", 404, "Expected /, /caption or /health, but got /captions."),
        ("GET", "/caption/", 404, "but got /caption/."),
        ("GET", "/what%3F", 404, "but got /what?."),
        ("GET", f"/{'x' * 9_000}", 404, f"but got /{'x' * 79}."),
        ("GET", "/caption", 405, "Expected POST for /caption, but got GET."),
        ("DELETE", "/health", 405, "for /health, but got DELETE."),
    ):
        got = served.ask(path, method=method)
        assert got.status == status
        assert told in got.document["error"]


def test_too_many_are_sent_away_and_who_has_gone_is_not_captioned(caplog: pytest.LogCaptureFixture) -> None:
    slow = Slow()
    with running(build_app(slow.captioner, limits=Limits(requests=2))) as client, ThreadPoolExecutor(1) as pool:

        def until(status: int) -> None:
            """Of a request that comes to nothing: 503 while two others are there, else 415."""
            end = time.monotonic() + 30
            while (got := client.ask("/caption", b"", {"Content-Type": "text/plain"})).status != status:
                assert time.monotonic() < end
                time.sleep(0.005)
            if status == 503:
                assert got.headers["Retry-After"] == "5"
                assert got.document == {"error": "2 requests are waiting already; try again."}

        until(415)
        first = pool.submit(client.ask, "/caption", grey(1), PICTURE)
        assert slow.begun.wait(30)
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", client.port)) as second:
            second.request("POST", "/caption", grey(2), PICTURE)
            until(503)
        until(415)
        slow.go.set()
        assert first.result().status == 200
        assert client.ask("/caption", grey(3), PICTURE).document["captions"][0]["text"] == "Grey 3."
    assert slow.seen == [[1], [3]]
    assert not caplog.text  # it is no defect that somebody goes


def test_idle_connections_keep_nobody_out() -> None:
    with running(build_app(Slow().captioner)) as client, contextlib.ExitStack() as idle:
        for _ in range(200):
            idle.enter_context(socket.create_connection(("127.0.0.1", client.port)))
        assert client.ask("/health").status == 200


def test_a_defect_of_ours_is_told_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    slow = Slow()
    slow.go.set()
    with running(build_app(slow.captioner)) as client:
        got = client.ask("/caption", grey(13), PICTURE)
        assert got.status == 500
        assert got.document["error"].startswith("captionkit failed")
        assert client.ask("/caption", grey(1), PICTURE).status == 200
    assert "thirteen" in caplog.text  # on the terminal
