"""Addresses."""

from __future__ import annotations

import socket

import pytest
from starlette.responses import PlainTextResponse

from captionkit.errors import UsageError
from captionkit.serve.guard import ITSELF
from captionkit.serve.server import address_of, is_open_to_others, listen, names_of
from tests.serve.running import running


def test_its_own_machine_alone() -> None:
    with listen("localhost", 0) as listener:
        port = listener.getsockname()[1]
        assert address_of(listener) in (f"http://127.0.0.1:{port}/", f"http://[::1]:{port}/")
        assert not is_open_to_others(listener)
        assert names_of("LOCALHOST", listener) == ITSELF


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


def test_another_name_of_this_machine() -> None:
    with listen("127.0.0.2", 0) as listener:
        assert names_of("Box.lan", listener) == ITSELF | {"box.lan", "127.0.0.2"}


@pytest.mark.parametrize("host", ["192.0.2.1", "no such name", "a" * 70, "a..b"])
def test_what_is_not_ours_is_told_in_a_sentence(host: str) -> None:
    with pytest.raises(UsageError, match=f"at port 0 of {host}, but the system refused"):
        listen(host, 0)


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"at port {port} of 127.0.0.1"):
            listen("127.0.0.1", port)
