from __future__ import annotations

import struct
import time

import pytest

from captionkit.metadata.blocks import MetadataError
from captionkit.metadata.iptc import UTF8, read_caption, set_caption


def dataset(record: int, number: int, value: bytes) -> bytes:
    return struct.pack(">3BH", 0x1C, record, number, len(value)) + value


VERSION, KEYWORD, BYLINE = dataset(2, 0, b"\0\4"), dataset(2, 25, b"dogs"), dataset(2, 122, b"me")


def test_new_datasets_declare_utf8() -> None:
    data = set_caption(None, "Zwei Hünde ☃")
    assert data is not None
    assert data.startswith(dataset(1, 90, UTF8) + VERSION)
    assert read_caption(data) == "Zwei Hünde ☃"


def test_the_caption_is_put_in_order_and_the_others_stay() -> None:
    assert (
        set_caption(VERSION + KEYWORD + BYLINE, "A dog.")
        == VERSION + KEYWORD + dataset(2, 120, b"A dog.") + BYLINE
    )


def test_where_only_others_follow_the_caption_comes_first() -> None:
    assert set_caption(BYLINE, "A dog.") == dataset(2, 120, b"A dog.") + BYLINE
    assert set_caption(b"\0\0", "A dog.") == dataset(2, 120, b"A dog.") + b"\0\0"  # filled up to be even


def test_a_caption_is_read_to_its_end_and_no_further() -> None:
    assert read_caption(VERSION + dataset(2, 120, b" A dog.\0") + BYLINE) == "A dog."
    assert read_caption(VERSION + dataset(2, 25, b"")) == ""  # an empty one may be the last


def test_an_old_caption_is_replaced() -> None:
    old = VERSION + dataset(2, 120, b"Old") + BYLINE
    assert set_caption(old, "New") == VERSION + dataset(2, 120, b"New") + BYLINE
    assert (
        set_caption(dataset(2, 120, b"a") + dataset(2, 120, b"b") + b"\0\0", "New")
        == dataset(2, 120, b"New") + b"\0\0"
    )


def test_the_character_set_of_the_others_is_kept() -> None:
    latin = VERSION + dataset(2, 25, "Hünde".encode("latin-1"))
    assert set_caption(latin, "Hünde") == latin + dataset(2, 120, "Hünde".encode("latin-1"))
    assert set_caption(latin, "☃") is None
    assert set_caption(latin + dataset(2, 120, b"Old"), "☃.") == latin + dataset(2, 120, b"?.")
    utf8 = dataset(1, 90, UTF8) + VERSION
    assert set_caption(utf8, "☃") == utf8 + dataset(2, 120, "☃".encode())


def test_many_captions_are_replaced_at_once() -> None:
    began = time.process_time()
    assert set_caption(dataset(2, 120, b"") * 100_000, "New") == dataset(2, 120, b"New")
    assert time.process_time() - began < 5  # time grew with the square of their number


def test_a_caption_is_at_most_2000_bytes_and_ends_with_a_whole_character() -> None:
    data = set_caption(None, "ü" * 1500)
    assert data is not None
    assert read_caption(data) == "ü" * 1000


@pytest.mark.parametrize("data", [b"\x1c\2", dataset(2, 120, b"cut")[:-1], b"\x1c\2\x78\x80\4" + bytes(40_000)])
def test_damaged_datasets_are_one_sentence(data: bytes) -> None:
    with pytest.raises(MetadataError):
        read_caption(data)
    with pytest.raises(MetadataError):
        set_caption(data, "x")
