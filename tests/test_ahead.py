"""Work done a little ahead."""

from __future__ import annotations

import inspect
import os
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from captionkit.ahead import map_ahead, processors


def test_results_come_in_order() -> None:
    first = threading.Event()

    def square(number: int) -> int:
        if number == 0:
            first.wait(10)  # the others are done before it
        if number == 3:
            first.set()
        return number * number

    assert list(map_ahead(square, range(9), threads=2, ahead=5)) == [n * n for n in range(9)]


def test_items_are_taken_no_further_ahead() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    with closing(map_ahead(abs, items(), threads=2, ahead=3)) as results:
        assert next(results) == 0
        assert len(taken) == 4
        assert next(results) == 1
        assert len(taken) == 5


def test_an_error_comes_at_its_place() -> None:
    results = map_ahead(lambda number: 1 // number, [1, 1, 0, 1], threads=2, ahead=10)
    assert [next(results), next(results)] == [1, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_what_has_not_begun_is_cancelled() -> None:
    begun, go = [], threading.Event()

    def work(number: int) -> int:
        begun.append(number)
        if number == 1:
            go.wait(10)
        return number

    results = map_ahead(work, range(50), threads=1, ahead=20)
    assert next(results) == 0
    # Once the last is cancelled the second goes on: a time instead would be over too soon on a busy machine.
    inspect.getgeneratorlocals(results)["waiting"][-1].add_done_callback(lambda _: go.set())
    results.close()
    assert len(begun) <= 2
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system does not say")
def test_processors_are_those_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = os.sched_getaffinity(0)
    assert processors() == len(allowed)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert processors() == 1
    finally:
        os.sched_setaffinity(0, allowed)
    monkeypatch.delattr(os, "sched_getaffinity")  # as where the system does not say
    assert processors() == os.cpu_count()
