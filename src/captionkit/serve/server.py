"""Listening: an address, the names it is reached by, and uvicorn on it."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from captionkit.errors import UsageError
from captionkit.serve.guard import ITSELF


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at an address, so that it is known to be free before a model is loaded.

    Args:
        host: a name or an address of this machine.
        port: 0 for any that is free.

    Raises:
        UsageError: it is taken, is not ours, or needs rights that we lack.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except (OSError, UnicodeError) as error:  # UnicodeError: no name can be that long
        reason = getattr(error, "strerror", None) or "no name of a machine"
        raise UsageError(
            f"Expected to listen at port {port} of {host}, but the system refused ({reason}); name another "
            "--port, or 0 for any that is free, or another --host."
        ) from None


def address_of(listener: socket.socket) -> str:
    """What to type into a browser on this machine."""
    host, port = listener.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = "::1" if ":" in host else "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


def is_open_to_others(listener: socket.socket) -> bool:
    """Whether other machines can reach it."""
    return not ipaddress.ip_address(listener.getsockname()[0]).is_loopback


def names_of(host: str, listener: socket.socket) -> frozenset[str] | None:
    """The names it is reached by; None for any, where it listens at all addresses of the machine."""
    address = listener.getsockname()[0]
    return None if ipaddress.ip_address(address).is_unspecified else ITSELF | {host.lower(), address}


def make_server(app: ASGIApp, ready: Callable[[], None] = lambda: None) -> uvicorn.Server:
    """uvicorn, saying nothing but what fails; `run(sockets=[...])` returns when it is told to end.

    Args:
        app: what it serves.
        ready: called once it serves, and a signal ends it in order.
    """
    server = _Server(
        uvicorn.Config(
            app,
            loop="asyncio",
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=5,
        )
    )
    server.ready = ready
    return server


class _Server(uvicorn.Server):
    ready: Callable[[], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        if self.force_exit:
            # From Python 3.12 on the end of the server waits for who still sends, for seconds.
            asyncio.get_running_loop().call_soon_threadsafe(self._end_tasks)

    def _end_tasks(self) -> None:
        for task in self.server_state.tasks:
            task.cancel()
