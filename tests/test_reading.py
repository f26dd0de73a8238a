"""Pictures read ahead; tests/test_captioner.py has them with a model behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import count, islice
from pathlib import Path

import numpy as np
import pytest

from captionkit.errors import UsageError
from captionkit.images import load_pixels
from captionkit.reading import Picture, Read, in_batches, read_pictures
from captionkit.selftest import draw_picture


def test_pictures_come_in_order_with_their_names_and_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(draw_picture(1))
    pictures: list[Picture] = [draw_picture(0), tmp_path / "a.png", b"no picture", str(tmp_path / "b.png")]
    first, second, third, fourth = read_pictures(pictures, 16, ahead=2)
    assert [name for name, _ in (first, second, third, fourth)] == [
        "picture 1", str(tmp_path / "a.png"), "picture 3", str(tmp_path / "b.png")
    ]  # fmt: skip
    np.testing.assert_array_equal(first[1], load_pixels(draw_picture(0), 16))
    np.testing.assert_array_equal(second[1], load_pixels(tmp_path / "a.png", 16))
    assert all(isinstance(pixels, str) for _, pixels in (third, fourth))


def test_no_more_is_taken_than_is_read_ahead() -> None:
    taken = []

    def endless() -> Iterator[bytes]:
        for number in count():
            taken.append(number)
            yield draw_picture(number, size=8)

    with closing(read_pictures(endless(), 8, ahead=3)) as pictures:
        assert [name for name, _ in islice(pictures, 2)] == ["picture 1", "picture 2"]
    assert len(taken) <= 2 + 3 + 1


def test_what_is_no_picture_is_named_when_its_turn_has_come() -> None:
    found = read_pictures([draw_picture(0), draw_picture(1), 3], 8, ahead=5)  # type: ignore[list-item]
    assert [next(found)[0], next(found)[0]] == ["picture 1", "picture 2"]
    with pytest.raises(UsageError, match=r"picture 3: Expected a path, bytes.*but got int"):
        next(found)


def test_batches_are_full_but_for_the_last_and_the_one_before_an_error() -> None:
    def failing(several: list[Read]) -> Iterator[Read]:
        yield from several
        raise OSError("gone")

    pictures: list[Read] = [(str(number), "") for number in range(5)]
    assert [len(some) for some in in_batches(pictures, 2)] == [2, 2, 1]
    assert [len(some) for some in in_batches(pictures[:4], 2)] == [2, 2]
    for several, sizes in ((pictures, [2, 2, 1]), (pictures[:4], [2, 2])):
        found = in_batches(failing(several), 2)
        assert [len(some) for some in islice(found, len(sizes))] == sizes
        with pytest.raises(OSError, match="gone"):
            next(found)
