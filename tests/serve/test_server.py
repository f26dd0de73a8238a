"""Addresses."""

from __future__ import annotations

import contextlib
import signal
import socket
import time

import pytest
from starlette.responses import PlainTextResponse

from captionkit.errors import UsageError
from captionkit.serve.app import Limits, build_app
from captionkit.serve.guard import ITSELF
from captionkit.serve.server import address_of, is_open_to_others, listen, make_server, names_of
from tests.serve.running import PICTURE, Slow, running


def test_its_own_machine_alone() -> None:
    with listen("localhost", 0) as listener:
        port = listener.getsockname()[1]
        assert address_of(listener) in (f"http://127.0.0.1:{port}/", f"http://[::1]:{port}/")
        assert not is_open_to_others(listener)
        assert names_of("LOCALHOST", listener) == ITSELF


@pytest.mark.parametrize(
    ("address", "shown", "name", "names"),
    [("127.0.0.2", "127.0.0.2", "Box.lan", {"box.lan", "127.0.0.2"}), ("::1", "[::1]", "::1", set())],
)
def test_one_address_of_several(address: str, shown: str, name: str, names: set[str]) -> None:
    try:
        listener = listen(address, 0)
    except UsageError:
        pytest.skip(f"this machine has no {address}")
    with listener:
        assert address_of(listener) == f"http://{shown}:{listener.getsockname()[1]}/"
        assert not is_open_to_others(listener)
        assert names_of(name, listener) == ITSELF | names


def test_an_address_that_others_reach() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # which sends nothing, but chooses the address to send from
        own = probe.getsockname()[0]
        if not own.startswith("127."):
            with listen(own, 0) as listener:
                assert is_open_to_others(listener)
                assert names_of(own, listener) == ITSELF | {own}
            return
    pytest.skip("this machine is in no network")


def test_the_whole_network() -> None:
    with listen("0.0.0.0", 0) as listener:
        assert address_of(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}/"
        assert is_open_to_others(listener)
        assert names_of("0.0.0.0", listener) is None


def test_the_whole_network_of_ipv6() -> None:
    try:
        listener = socket.create_server(("::", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("there is no IPv6 here")
    with listener:
        assert address_of(listener) == f"http://[::1]:{listener.getsockname()[1]}/"


def test_what_it_is_made_with_is_nobodys_business() -> None:
    with running(PlainTextResponse("Hello.")) as client:
        got = client.ask("/")
    assert (got.text, got.headers["Server"]) == ("Hello.", None)


@pytest.mark.parametrize("sent", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nX: " + b"a" * 17_000])
def test_what_is_no_http_gets_a_plain_line(sent: bytes) -> None:
    with running(PlainTextResponse("Hello.")) as client:
        with socket.create_connection(("127.0.0.1", client.port), timeout=30) as wire:
            wire.sendall(sent)
            answer = b"".join(iter(lambda: wire.recv(10_000), b""))  # to its end: the connection is closed
        assert client.ask("/").text == "Hello."
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b"\r\n\r\nInvalid HTTP request received.")


def test_who_does_not_finish_asking_is_in_nobodys_way() -> None:
    """Neither the requests that are let in, nor the end of the server."""
    with contextlib.ExitStack() as stack:
        with running(build_app(Slow().captioner)) as client:
            wires = [
                stack.enter_context(socket.create_connection(("127.0.0.1", client.port), timeout=30))
                for _ in range(Limits().requests + 8)
            ]
            for wire in wires[1:]:  # the first says nothing
                wire.sendall(b"POST /caption HTTP/1.1\r\nHost: a\r\n")
            assert client.ask("/health").status == 200
            assert client.ask("/caption", b"no picture", PICTURE).status == 400  # it was let in
            wires[-1].sendall(b"Content-Length: 0\r\n\r\n")
            assert b" 415 " in wires[-1].recv(1000)
            begun = time.monotonic()
        assert time.monotonic() - begun < 4  # of the 5 seconds that answers under way would be given
        assert [wire.recv(1000) for wire in wires[:-1]] == [b""] * (len(wires) - 1)


@pytest.mark.parametrize("host", ["192.0.2.1", "no such name", "a" * 70, "a..b"])
def test_what_is_not_ours_is_told_in_a_sentence(host: str) -> None:
    with pytest.raises(UsageError, match=f"at port 0 of {host}, but the system refused"):
        listen(host, 0)


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"at port {port} of 127.0.0.1"):
            listen("127.0.0.1", port)


def test_when_it_says_that_it_is_ready_it_serves_and_signals_end_it_in_order() -> None:
    def ready() -> None:
        socket.create_connection(listener.getsockname()[:2], timeout=60).close()
        seen.append(signal.getsignal(signal.SIGTERM))
        server.should_exit = True

    seen: list[object] = []
    with listen("localhost", 0) as listener:
        server = make_server(PlainTextResponse("here"), ready)
        server.run(sockets=[listener])
    assert seen == [server.handle_exit]
