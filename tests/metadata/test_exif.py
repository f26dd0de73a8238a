from __future__ import annotations

import struct

import pytest
from PIL import Image

from captionkit.files.edits import apply_edits
from captionkit.metadata import exif
from captionkit.metadata.blocks import MetadataError


def block(order: str = "<") -> bytes:
    tags = Image.Exif()
    tags.endian = order
    tags[271] = "Maker of cameras"
    tags[274] = 6
    tags[305] = "ab"
    tags.get_ifd(0x8769)[37500] = b"maker note with offsets of its own"
    return tags.tobytes()[6:]


def read(data: bytes) -> dict[int, object]:
    tags = Image.Exif()
    tags.load(b"Exif\0\0" + data)
    return {**dict(tags), "note": tags.get_ifd(0x8769)[37500]}  # type: ignore[dict-item]


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_description_is_added_and_nothing_moves(order: str) -> None:
    old = block(order)
    new = exif.set_image_description(old, "A dog.")
    assert new[8 : len(old)] == old[8:]
    assert read(new) == {**read(old), 270: "A dog."}
    again = exif.set_image_description(new, "No")
    assert read(again) == {**read(old), 270: "No"}
    assert exif.read_image_description(again) == "No"


def test_tags_stay_in_rising_order() -> None:
    directory = exif.read_directory(exif.set_image_description(block(), "A dog."))
    tags = [entry.tag for entry in directory.entries]
    assert tags == sorted(tags)


def test_a_new_block_has_the_description_alone() -> None:
    data = exif.set_image_description(None, "Ein Hünd.")
    assert exif.read_image_description(data) == "Ein Hünd."
    assert len(exif.read_directory(data).entries) == 1


@pytest.mark.parametrize("text", ["", "No", "abc", "abcd"])
def test_values_of_up_to_four_bytes_stand_in_the_directory_itself(text: str) -> None:
    data = exif.set_image_description(None, text)
    tags = Image.Exif()
    tags.load(b"Exif\0\0" + data)
    assert tags[270] == text
    assert exif.read_image_description(data) == text
    # The old directory of 14 bytes, one of one entry (18), and behind it what does not fit, filled up to be even.
    assert len(data) == 14 + 18 + (6 if text == "abcd" else 0)


def test_a_directory_begins_at_an_even_place_behind_any_block() -> None:
    odd = exif.set_image_description(None, "abcd") + b"\0"
    assert len(odd) % 2
    new = exif.set_image_description(odd, "A dog.")
    assert exif.read_directory(new).offset % 2 == 0
    assert exif.read_value(new, 270) == b"A dog.\0"
    assert exif.read_value(new, 271) is None


def test_a_description_of_spaces_is_none() -> None:
    assert exif.read_image_description(exif.set_image_description(None, " " * 31)) == ""


def test_another_kind_of_tiff_is_not_edited() -> None:
    big = b"II+\0" + exif.set_image_description(None, "A dog.")[4:]
    with pytest.raises(MetadataError, match="BigTIFF"):
        exif.read_image_description(big)


@pytest.mark.parametrize(
    "data",
    [b"", b"II", b"XX*\0\x08\0\0\0", b"II*\0\xff\xff\0\0", b"II+\0\x08\0\0\0\0\0\0\0", b"II*\0\x08\0\0\0\xff\xff",
     b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 270, 2, 99, 5_000) + b"\0" * 4],
)  # fmt: skip
def test_damaged_structures_are_one_sentence(data: bytes) -> None:
    with pytest.raises(MetadataError):
        exif.read_image_description(data)


def test_every_cut_of_a_block_is_an_error_or_harmless() -> None:
    data = block()
    for size in range(len(data)):
        try:
            apply_edits(data[:size], exif.set_tags(data[:size], {270: (exif.ASCII, b"x\0")}))
            exif.read_image_description(data[:size])
        except MetadataError:
            continue
