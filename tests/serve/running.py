"""A server in a thread, whom to ask, and a captioner that can be held up."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import threading
from collections.abc import Iterable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import numpy as np
from PIL import Image
from starlette.types import ASGIApp

from captionkit.captioner import Captioner
from captionkit.decoding import Wording
from captionkit.records import Caption, Prediction
from captionkit.serve.server import listen, make_server

PICTURE = {"Content-Type": "image/png"}


class Answer(NamedTuple):
    """What a server answered."""

    status: int
    headers: http.client.HTTPMessage
    text: str

    @property
    def document(self) -> Any:
        """Of JSON."""
        return json.loads(self.text)


class Client(NamedTuple):
    """Who asks a server at this port, anew each time."""

    port: int

    def ask(
        self,
        path: str,
        body: bytes | Iterable[bytes] | None = None,
        headers: dict[str, str] | None = None,
        method: str = "",
    ) -> Answer:
        """GET without a body, else POST."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method or ("GET" if body is None else "POST"), path, body, headers or {})
            got = connection.getresponse()
            return Answer(got.status, got.headers, got.read().decode())


@contextlib.contextmanager
def running(app: ASGIApp) -> Iterator[Client]:
    """Serve in a thread."""
    server = make_server(app)
    with listen("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield Client(listener.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(60)
    assert not thread.is_alive()


def grey(level: int, side: int = 8) -> bytes:
    """A grey picture, PNG."""
    buffer = io.BytesIO()
    Image.new("L", (side, side), level).save(buffer, "PNG")
    return buffer.getvalue()


class Slow:
    """In a captioner's place: it says how grey pictures are, and waits until it may.

    Attributes:
        seen: the grey levels of each batch.
        begun: set once it captions; go: what it waits for.
    """

    def __init__(self) -> None:
        self.engine = SimpleNamespace(network=SimpleNamespace(image_size=8))
        self.bundle = SimpleNamespace(source=__file__)
        self.seen: list[list[int]] = []
        self.begun, self.go = threading.Event(), threading.Event()

    def caption(self, pictures: Sequence[np.ndarray], *, n: int, wording: Wording) -> list[Prediction]:
        """One caption a picture."""
        levels = [int(pixels[0, 0, 0]) for pixels in pictures]
        self.seen.append(levels)
        self.begun.set()
        assert self.go.wait(60)
        if 13 in levels:
            raise RuntimeError("thirteen")
        return [Prediction("picture", (Caption(f"Grey {one}.", (), (), 0.0, True),), 0.5) for one in levels]

    def hedged(self, prediction: Prediction) -> Prediction:
        """As it is."""
        return prediction

    @property
    def captioner(self) -> Captioner:
        """This, for type checkers."""
        return cast(Captioner, self)
