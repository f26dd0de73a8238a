"""How time grows with the work: a limit in seconds alone would be one on the machine too."""

from __future__ import annotations

import time
from collections.abc import Callable


def expect_linear(work: Callable[[int], object], size: int) -> None:
    """Work of `size` takes few seconds of the processor; on a slow one, not much more a piece than less work."""

    def seconds(size: int) -> float:
        start = time.process_time()
        work(size)
        return time.process_time() - start

    took = seconds(size)
    # Four times the work: up to ten times as long for memory and its collection, sixteen for a square.
    assert took < 10 or took < 12 * seconds(size // 4)
