"""Work that threads do a little ahead of whoever takes its results."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

Item = TypeVar("Item")
Result = TypeVar("Result")


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_ahead(
    function: Callable[[Item], Result], items: Iterable[Item], *, threads: int, ahead: int
) -> Generator[Result, None, None]:
    """The function's results, in the order of the items.

    Reading and decoding pictures leaves the interpreter's lock, so threads use several processors. What has not
    begun is cancelled as soon as the iteration ends, be it by an error or an interruption.

    Args:
        function: is called in other threads; what it raises is raised where its result is taken.
        items: taken no further ahead than the results.
        threads: 1 or more.
        ahead: how many results wait at most, 0 or more.
    """
    from concurrent.futures import ThreadPoolExecutor  # here: a single picture is captioned without

    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="ahead")
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
