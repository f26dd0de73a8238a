"""Pictures read ahead; tests/test_captioner.py has them with a model behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from itertools import count, islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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


@pytest.mark.parametrize("several", [1, 3])
def test_what_the_pictures_raise_comes_after_those_before(several: int) -> None:
    def failing() -> Iterator[bytes]:
        yield from (draw_picture(number, size=8) for number in range(several))
        raise LookupError("gone")

    found = read_pictures(failing(), 8, ahead=9)
    assert [name for name, _ in islice(found, several)] == [f"picture {number + 1}" for number in range(several)]
    with pytest.raises(LookupError, match="gone"):
        next(found)


def test_a_picture_of_pillow_that_is_too_large_is_not_decoded() -> None:
    class Huge(Image.Image):
        """Of 400 megapixels."""

        size = (20_000, 20_000)

        def load(self) -> None:
            pytest.fail("decoded")

    ((name, told),) = read_pictures([Huge()], 8, ahead=1)
    assert name == "picture 1"
    assert str(told).startswith("Expected at most 120,000,000 pixels, but the picture has 20000 x 20000")


def test_a_picture_of_pillow_that_is_damaged_is_told() -> None:
    class Damaged(Image.Image):
        """Pillow's decoders raise this, too."""

        size = (8, 8)

        def load(self) -> None:
            raise SyntaxError("broken PNG file")

    assert list(read_pictures([Damaged()], 8, ahead=1)) == [
        ("picture 1", "Expected a whole Pillow picture, but the picture is damaged or cut off (broken PNG file).")
    ]


def test_pictures_of_pillow_are_decoded_by_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = [Image.new("RGB", (8, 8)) for _ in range(4)]
    first: dict[int, threading.Thread] = {}
    load = Image.Image.load

    def told(image: Image.Image) -> object:
        first.setdefault(id(image), threading.current_thread())
        return load(image)

    monkeypatch.setattr(Image.Image, "load", told)
    assert len(list(read_pictures(pictures, 8, ahead=4))) == 4
    assert {first[id(one)] for one in pictures} == {threading.current_thread()}


def test_batches_are_full_but_for_the_last_and_the_one_before_an_error() -> None:
    def failing(several: list[Read]) -> Iterator[Read]:
        yield from several
        raise LookupError("gone")

    pictures: list[Read] = [(str(number), "") for number in range(5)]
    assert list(in_batches(pictures, 2)) == [pictures[:2], pictures[2:4], pictures[4:]]
    assert [len(some) for some in in_batches(pictures[:4], 2)] == [2, 2]
    for several, sizes in ((pictures, [2, 2, 1]), (pictures[:4], [2, 2])):
        found = in_batches(failing(several), 2)
        assert [len(some) for some in islice(found, len(sizes))] == sizes
        with pytest.raises(LookupError, match="gone"):
            next(found)
