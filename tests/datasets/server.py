"""A real web server on this machine that misbehaves as told: cuts connections, ignores ranges, changes files."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


@dataclass
class Page:
    """What one address gives.

    Attributes:
        content: the bytes.
        tag: the ETag; empty sends none.
        modified: the Last-Modified date; empty sends none.
        cuts: for the first requests, how many bytes of each body are sent before the connection is cut.
        ranges: whether Range is understood.
        statuses: for the first requests, the status that is sent instead.
        redirect: where to.
        headers: more headers, or others.
        chunked: send in chunks, without a length.
        stall: seconds of silence after a cut instead of closing at once.
        before: called before each answer, with the number of the request.
    """

    content: bytes = b""
    tag: str = ""
    modified: str = ""
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True
    statuses: list[int] = field(default_factory=list)
    redirect: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    chunked: bool = False
    stall: float = 0.0
    before: Callable[[int], None] = lambda number: None
    requests: list[dict[str, str]] = field(default_factory=list)


class Server:
    """A context manager; `pages` maps "/name" to what is given there."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        pages = self.pages

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                _answer(self, pages[self.path])

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        # A short poll: the default of half a second would be waited for at every shutdown.
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _answer(handler: BaseHTTPRequestHandler, page: Page) -> None:
    page.requests.append({name.lower(): value for name, value in handler.headers.items()})
    page.before(len(page.requests))
    handler.close_connection = True
    if page.statuses and (status := page.statuses.pop(0)):
        handler.send_response(status)
        for name, value in {"Content-Length": "0", **page.headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        return
    if page.redirect:
        handler.send_response(302)
        handler.send_header("Location", page.redirect)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return
    body, status, extra = page.content, 200, dict[str, str]()
    match = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
    condition = handler.headers.get("If-Range")
    if match and page.ranges and condition in (None, page.tag or page.modified):
        start = int(match.group(1))
        if start >= len(page.content):
            status, body, extra = 416, b"", {"Content-Range": f"bytes */{len(page.content)}"}
        else:
            status, body = 206, page.content[start:]
            extra = {"Content-Range": f"bytes {start}-{len(page.content) - 1}/{len(page.content)}"}
    handler.send_response(status)
    if page.tag:
        handler.send_header("ETag", page.tag)
    if page.modified:
        handler.send_header("Last-Modified", page.modified)
    length = {"Transfer-Encoding": "chunked"} if page.chunked else {"Content-Length": str(len(body))}
    for name, value in {**length, **extra, **page.headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    cut = page.cuts.pop(0) if page.cuts else None
    sent = body if cut is None else body[:cut]
    if page.chunked:
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(sent), sent) if sent else b"")
        handler.wfile.write(b"0\r\n\r\n" if cut is None else b"")
    else:
        handler.wfile.write(sent)
    handler.wfile.flush()
    if cut is not None and page.stall:
        time.sleep(page.stall)
