"""The picture of a request: of a type that no foreign page sends unasked, counted as it comes, by a deadline."""

from __future__ import annotations

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import Request


async def read_upload(request: Request, *, most: int, seconds: float) -> bytes:
    """The body of a request.

    A page of another site may send forms and plain text to any address without asking; for a picture or bytes a
    browser asks first, and nobody answers it.

    Args:
        request: its length, if it says one, is no promise: the bytes are counted.
        most: bytes.
        seconds: for the whole body, however steadily it trickles.

    Raises:
        HTTPException: 408, 413 or 415.
        ClientDisconnect: the client has gone.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not kind.startswith("image/") and kind != "application/octet-stream":
        raise HTTPException(
            415,
            "Expected the bytes of one picture, with a Content-Type of image/... or application/octet-stream, but "
            f"got {kind[:80] or 'no Content-Type'!r}.",
        )
    too_long = HTTPException(413, f"Expected a picture of at most {most:,} bytes, but got more; make it smaller.")
    said = request.headers.get("content-length", "")
    if said.isdecimal() and int(said[:20]) > most:
        raise too_long
    parts, length = [], 0
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                length += len(part)
                if length > most:
                    raise too_long
                parts.append(part)
    except TimeoutError:
        raise HTTPException(
            408,
            f"Expected the whole picture within {seconds:g} seconds, but it did not come.",
            {"Connection": "close"},
        ) from None
    return b"".join(parts)
