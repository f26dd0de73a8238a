"""Who may ask, and what browsers are told of every answer.

A page that a browser has open can reach a server on the same machine under a name of its own that leads there (DNS
rebinding), and would then read the answers as its own. The name stands in the request's Host header, so only names
that the server has are answered. Pages of other names read nothing anyway: no answer has a CORS header.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ITSELF = frozenset(["127.0.0.1", "localhost", "::1"])
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",  # which a page cannot say of itself
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """An application whose requests name it as one of `hosts`; None for by any name."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str] | None) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        app = self._app
        if scope["type"] == "http" and self._hosts is not None:
            host = Headers(scope=scope).get("host", "")
            if _name(host) not in self._hosts:
                names = ", ".join(sorted(self._hosts))
                app = JSONResponse({"error": f"Expected a Host among {names}, but got {host[:80]!r}."}, 400)
        await app(scope, receive, answer)


def _name(host: str) -> str:
    """A Host header without its port: "[::1]:8000" -> "::1"."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
