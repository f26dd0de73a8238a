"""Those who wait with the same wishes are captioned together."""

from __future__ import annotations

import asyncio
import gc
import time

import pytest

from captionkit.captioner import BATCH
from captionkit.errors import ImageError
from captionkit.images import Pixels, load_pixels
from captionkit.records import Prediction
from captionkit.serve.batches import Batches
from captionkit.serve.wishes import Wishes
from tests.serve.running import Slow, grey

Waits = asyncio.Task[Prediction]


async def ask(slow: Slow, batches: Batches, *levels: int, n: int = 1) -> list[Waits]:
    """Grey pictures, one after the other; the first of all is being captioned, the others wait."""
    tasks = []
    for level in levels:
        begun, before = slow.begun.is_set(), len(batches.waiting)
        tasks.append(asyncio.create_task(batches.caption(grey(level), Wishes(n))))
        while len(batches.waiting) == before if begun else not slow.begun.is_set():
            await asyncio.sleep(0.002)
    return tasks


def test_who_comes_meanwhile_is_captioned_together_by_wishes() -> None:
    async def run() -> None:
        slow = Slow()
        batches = Batches(slow.captioner)
        tasks = await ask(slow, batches, 0, 1)
        tasks += await ask(slow, batches, 2, n=3)
        tasks += await ask(slow, batches, *range(3, 13))
        slow.go.set()
        found = await asyncio.gather(*tasks)
        assert slow.seen == [[0], [1, 3, 4, 5, 6, 7, 8, 9], [2], [10, 11, 12]]
        assert max(map(len, slow.seen)) == BATCH
        assert [one.text for one in found] == [f"Grey {level}." for level in range(13)]
        assert not batches.waiting

    asyncio.run(run())


@pytest.mark.parametrize("level", [1, 13])  # 13 cannot be captioned
def test_who_has_gone_is_passed_over(level: int) -> None:
    async def run() -> None:
        slow = Slow()
        batches = Batches(slow.captioner)
        first, second, third = await ask(slow, batches, level, 2, 3)
        second.cancel()
        first.cancel()  # it is being captioned, and ends as it began
        slow.go.set()
        assert (await asyncio.wait_for(third, 30)).text == "Grey 3."
        assert slow.seen == [[level], [3]]

    asyncio.run(run())


def test_the_picture_of_who_goes_before_it_is_read_is_let_go() -> None:
    let_go = []

    class Upload(bytes):
        """Bytes that tell their end."""

        def __del__(self) -> None:
            let_go.append(self[:4])

    async def run() -> None:
        slow = Slow()
        batches = Batches(slow.captioner)
        batches._reader.submit(slow.go.wait, 60)  # a large picture of somebody else
        task = asyncio.create_task(batches.caption(Upload(grey(1)), Wishes()))
        await asyncio.sleep(0.01)
        assert not let_go
        task.cancel()
        await asyncio.wait([task])
        del task
        gc.collect()
        assert let_go == [b"\x89PNG"]
        slow.go.set()

    asyncio.run(run())


def test_one_picture_is_read_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, most = [], []

    def load(picture: bytes, size: int) -> Pixels:
        reading.append(picture)
        most.append(len(reading))
        time.sleep(0.02)
        reading.remove(picture)
        return load_pixels(picture, size)

    async def run() -> None:
        slow = Slow()
        slow.go.set()
        batches = Batches(slow.captioner)
        await asyncio.gather(*(batches.caption(grey(level), Wishes()) for level in range(4)))

    monkeypatch.setattr("captionkit.serve.batches.load_pixels", load)
    asyncio.run(run())
    assert most == [1] * 4


def test_an_error_goes_to_all_of_its_batch_and_to_no_other() -> None:
    async def run() -> None:
        slow = Slow()
        batches = Batches(slow.captioner)
        tasks = await ask(slow, batches, 1, 13, 2)
        slow.go.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(one) for one in found] == [Prediction, RuntimeError, RuntimeError]
        assert (await batches.caption(grey(4), Wishes())).text == "Grey 4."

    asyncio.run(run())


def test_what_is_no_picture_does_not_wait() -> None:
    async def run() -> None:
        slow = Slow()
        batches = Batches(slow.captioner)
        (first,) = await ask(slow, batches, 1)
        with pytest.raises(ImageError, match="Expected a picture"):
            await batches.caption(b"none", Wishes())
        assert not first.done()
        slow.go.set()
        await first

    asyncio.run(run())
