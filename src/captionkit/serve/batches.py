"""Captions for many who wait: one thread reads, one captions, those with the same wishes are captioned together.

The network is fastest at several pictures at a time (`captioner.BATCH`). Nobody waits for others to come: whoever
comes while the thread is at work is in its next batch.

Letters: S side of the network's picture.
"""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor

from captionkit.captioner import BATCH, Captioner
from captionkit.images import Pixels, load_pixels
from captionkit.records import Prediction
from captionkit.serve.wishes import Wishes

_Waiting = tuple[Pixels, Wishes, asyncio.Future[Prediction]]


class Batches:
    """Captions pictures beside an event loop.

    Attributes:
        waiting: pictures that have been read, their wishes, and where the captions go.
    """

    def __init__(self, captioner: Captioner) -> None:
        self._captioner = captioner
        self.waiting: deque[_Waiting] = deque()
        self._work: asyncio.Task[None] | None = None
        # One: a picture of 120 megapixels may be a small file, and takes up to 2.2 GB of memory while it is read.
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="read")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="caption")

    async def caption(self, picture: bytes, wishes: Wishes) -> Prediction:
        """Captions for a picture file, hedged as the bundle says. Who is cancelled while waiting is passed over.

        Raises:
            ImageError: it cannot be read.
            UsageError: the model cannot meet the wishes.
        """
        loop = asyncio.get_running_loop()
        size = self._captioner.engine.network.image_size
        # Before it waits: what cannot be read is told at once, and the queue holds small pictures [S, S, 3].
        upload = [picture]
        try:
            pixels = await loop.run_in_executor(self._reader, lambda: load_pixels(upload.pop(), size))
        finally:
            upload.clear()  # of who goes first the reader still holds this call, until it comes to it
        answer: asyncio.Future[Prediction] = loop.create_future()
        self.waiting.append((pixels, wishes, answer))
        if self._work is None or self._work.done():
            self._work = loop.create_task(self._caption_all())
        return await answer

    async def _caption_all(self) -> None:
        loop = asyncio.get_running_loop()
        while batch := self._next():
            try:
                found = await loop.run_in_executor(self._thread, self._caption, batch)
            except Exception as error:
                for _, _, answer in batch:
                    if not answer.done():
                        answer.set_exception(error)
            else:
                for (_, _, answer), prediction in zip(batch, found, strict=True):
                    if not answer.done():
                        answer.set_result(prediction)

    def _next(self) -> list[_Waiting]:
        """The first who waits and others with the same wishes; the rest stay in their order."""
        here = [one for one in self.waiting if not one[2].cancelled()]
        batch = [one for one in here if one[1] == here[0][1]][:BATCH]
        taken = set(map(id, batch))
        self.waiting = deque(one for one in here if id(one) not in taken)
        return batch

    def _caption(self, batch: list[_Waiting]) -> list[Prediction]:
        wishes = batch[0][1]
        pictures = [pixels for pixels, _, _ in batch]
        found = self._captioner.caption(pictures, n=wishes.n, wording=wishes.wording)
        return list(map(self._captioner.hedged, found))
