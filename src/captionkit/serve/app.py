"""What is answered: captions for pictures, the page, and whether all is well. Errors are a sentence in JSON."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from captionkit.captioner import Captioner
from captionkit.errors import ImageError, UsageError
from captionkit.files import sha256_file
from captionkit.records import POSSIBLY, Prediction
from captionkit.serve.batches import Batches
from captionkit.serve.guard import Guard
from captionkit.serve.page import format_page
from captionkit.serve.upload import read_upload
from captionkit.serve.wishes import Wishes, read_wishes

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may cost.

    Attributes:
        upload: bytes of a picture.
        seconds: in which a picture has to come.
        requests: that are being received, waiting or captioned; more are sent away.
    """

    upload: int = 20 * MEGABYTE
    seconds: float = 60.0
    requests: int = 32


class _Answers:
    def __init__(self, captioner: Captioner, limits: Limits) -> None:
        self._limits = limits
        self._batches = Batches(captioner)
        self._requests = 0
        source = captioner.bundle.source
        self._page = format_page(Path(source).name, limits.upload)
        self._health = {"status": "ok", "bundle": Path(source).name, "sha256": sha256_file(source)}

    async def page(self, request: Request) -> Response:
        return HTMLResponse(self._page)

    async def health(self, request: Request) -> Response:
        return JSONResponse(self._health)

    async def caption(self, request: Request) -> Response:
        wishes = read_wishes(request.query_params)
        if self._requests >= self._limits.requests:
            told = f"{self._requests} requests are waiting already; try again."
            raise HTTPException(503, told, {"Retry-After": "5"})
        self._requests += 1
        try:
            picture = await read_upload(request, most=self._limits.upload, seconds=self._limits.seconds)
            prediction = await self._unless_gone(request, picture, wishes)
        except ClientDisconnect:
            return Response(status_code=400)  # which nobody reads
        except asyncio.CancelledError:  # uvicorn would print it as a defect
            raise HTTPException(503, "captionkit has been told to end.") from None
        finally:
            self._requests -= 1
        return JSONResponse(
            {**prediction.to_document(), "source": "-", "unsure": prediction.text.startswith(POSSIBLY)}
        )

    async def _unless_gone(self, request: Request, picture: bytes, wishes: Wishes) -> Prediction:
        """The captions; cancelled, and not begun where they were still waiting, once the client goes."""
        captions = asyncio.ensure_future(self._batches.caption(picture, wishes))
        gone = asyncio.ensure_future(_disconnected(request))
        try:
            await asyncio.wait((captions, gone), return_when=asyncio.FIRST_COMPLETED)
            if not captions.done():
                raise ClientDisconnect
            return captions.result()
        finally:
            captions.cancel()
            gone.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _refused(request: Request, error: Exception) -> Response:
    """Of what Starlette and the rooms above refuse."""
    if not isinstance(error, HTTPException):
        return JSONResponse({"error": str(error)}, 400)
    # Not of request.url: the Host header is part of that, and may be no host at all.
    told, path = error.detail, request.scope["path"]
    if error.status_code == 404:
        told = f"Expected /, /caption or /health, but got {path[:80]}."
    elif error.status_code == 405:
        told = f"Expected {(error.headers or {}).get('Allow')} for {path}, but got {request.method}."
    return JSONResponse({"error": told}, error.status_code, error.headers)


async def _failed(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": "captionkit failed; what it says is on the terminal it was started from."}, 500)


def build_app(
    captioner: Captioner, *, hosts: frozenset[str] | None = None, limits: Limits | None = None
) -> ASGIApp:
    """The application; `hosts` are the names it is reached by, as `Guard` has it."""
    answers = _Answers(captioner, limits or Limits())
    app = Starlette(
        routes=[
            Route("/", answers.page, methods=["GET"]),
            Route("/health", answers.health, methods=["GET"]),
            Route("/caption", answers.caption, methods=["POST"]),
        ],
        exception_handlers={
            HTTPException: _refused,
            ImageError: _refused,
            UsageError: _refused,
            Exception: _failed,
        },
    )
    app.router.redirect_slashes = False
    return Guard(app, hosts)
