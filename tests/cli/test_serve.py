"""`captionkit serve`."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from captionkit.captioner import Captioner
from captionkit.decoding import Greedy
from captionkit.engine import MAX_THREADS
from captionkit.selftest import draw_picture
from tests.command import Run

pytest.importorskip("uvicorn", reason="captionkit[serve] is not installed")

from tests.serve.running import PICTURE, Client

SERVE = [sys.executable, "-m", "captionkit", "serve", "--port", "0"]


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Processes that are started here can be interrupted, even where the tests run in a shell's background.

    There SIGINT is ignored, which children inherit; what is handled here is at its default in them.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_from_the_ready_line_to_ctrl_c(tiny_bundle: Path, number: int, code: int) -> None:
    captioner = Captioner.load(tiny_bundle, threads=1)
    greedily, usual = (
        captioner.caption([draw_picture(1)], search=search)[0].text for search in (Greedy(10), None)
    )
    assert greedily != usual
    many = 4 * MAX_THREADS  # more than both networks together would take unasked
    options = ["--bundle", tiny_bundle, "--beams", "1", "--threads", many, "--max-upload", "1"]
    command = [*SERVE, *map(str, options)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("captionkit: ready at http://127.0.0.1:")
        if sys.platform == "linux":
            assert len(list(Path(f"/proc/{process.pid}/task").iterdir())) >= many
        client = Client(int(line.split("/ ")[0].rpartition(":")[2]))
        assert client.ask("/caption", draw_picture(1), PICTURE).document["captions"][0]["text"] == greedily
        assert client.ask("/caption", bytes(1_000_001), PICTURE).status == 413
        assert client.ask("/health", headers={"Host": "evil.example"}).status == 400
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == code
    assert (out, err) == ("", "captionkit: interrupted\n")  # nothing of what was asked


@pytest.mark.usefixtures("ctrl_c")
def test_who_still_sends_is_no_reason_to_stay() -> None:
    process = subprocess.Popen(SERVE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline().split("/ ")[0].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=60) as wire:
            wire.sendall(b"POST /caption HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n")
            wire.sendall(b"Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n")
            assert b" 100 " in wire.recv(1000)  # it is being received
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(ConnectionError):
                while True:  # it waits for those who are there, and lets nobody else in
                    socket.create_connection(("127.0.0.1", port), timeout=60).close()
                    time.sleep(0.01)
            process.send_signal(signal.SIGINT)  # who insists is not kept waiting
            assert b" 503 " in wire.recv(1000)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert err == "captionkit: interrupted\n"


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_the_memory_of_a_large_picture_is_given_back() -> None:
    side, large = 6000, io.BytesIO()
    Image.new("RGBA", (side, side)).save(large, "PNG", compress_level=1)
    process = subprocess.Popen(SERVE, stdout=subprocess.PIPE, text=True)

    def resident() -> int:
        return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

    try:
        assert process.stdout is not None
        client = Client(int(process.stdout.readline().split("/ ")[0].rpartition(":")[2]))
        assert client.ask("/caption", draw_picture(1), PICTURE).status == 200
        before = resident()
        assert client.ask("/caption", large.getvalue(), PICTURE).status == 200
        assert (resident() - before) / side**2 < 3  # bytes a pixel; it takes 18 while it is read
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_a_port_that_is_taken(captionkit: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = captionkit("serve", "--port", str(port))
    assert done.code == 2
    assert done.err.startswith(
        f"captionkit: Expected to listen at port {port} of 127.0.0.1, but the system refused"
    )
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("package", ["starlette", "uvicorn"])
def test_without_a_package_it_says_what_to_install(
    captionkit: Run, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    done = captionkit("serve")
    assert done.code == 2
    assert done.err == (
        f"captionkit: Serving needs the package {package}, which is not installed; run: "
        "pip install 'captionkit[serve]'\n"
    )


def test_a_bundle_that_does_not_load_is_told(captionkit: Run, tmp_path: Path) -> None:
    done = captionkit("serve", "--port", "0", "--bundle", tmp_path / "none.captionkit")
    assert done.code == 2
    assert "none.captionkit" in done.err


def test_whoever_serves_the_network_is_told() -> None:
    command = [*SERVE, "--host", "0.0.0.0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": ""}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("captionkit: ready at http://127.0.0.1:")
        assert Client(int(line.split("/ ")[0].rpartition(":")[2])).ask("/health").status == 200
    finally:
        process.terminate()
        _, err = process.communicate(timeout=60)
    told = "captionkit: everybody on the network can use it; there is no password.\n"
    assert err == f"{told}captionkit: interrupted\n"
