from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from captionkit.alttext.appearance import is_drawing, is_vector, look, measure
from captionkit.errors import ImageError
from captionkit.images import read_image


def drawn_chart() -> Image.Image:
    image = Image.new("RGB", (400, 300), "white")
    draw = ImageDraw.Draw(image)
    draw.line((40, 20, 40, 260, 380, 260), fill="black", width=2)
    for number, height in enumerate((60, 140, 90, 200)):
        draw.rectangle((60 + 80 * number, 260 - height, 110 + 80 * number, 259), fill="steelblue")
        draw.text((70 + 80 * number, 270), f"Q{number}", fill="black")
    return image


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_chart_is_a_drawing(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"chart{suffix}"
    drawn_chart().save(path)
    appearance = look(path)
    assert appearance.drawing
    assert (appearance.width, appearance.height) == (400, 300)


def test_shading_and_noise_are_a_photograph() -> None:
    random = np.random.default_rng(1)
    slope = np.linspace(0, 200, 320)[None, :, None] + np.linspace(0, 50, 240)[:, None, None]
    pixels = np.clip(slope + random.normal(0, 6, (240, 320, 3)), 0, 255).astype(np.uint8)
    assert not is_drawing(pixels)


def test_the_four_numbers_by_hand() -> None:
    pixels = np.zeros((1, 4, 3), np.uint8)
    pixels[0, 2:] = 255
    assert measure(pixels) == pytest.approx((2 / 3, 1 / 3, 0.5, 1.0))
    assert measure(np.zeros((5, 1, 3), np.uint8)) == (1.0, 0.0, 1.0, 1.0)
    steps = np.array([[[0] * 3, [2, 0, 1], [2, 3, 1], [66, 3, 1], [66, 3, 66]]], np.uint8)  # by 2, 3, 64 and 65
    assert measure(steps)[:2] == (0.25, 0.25)
    unlike = np.array([[[0, 16, 0], [0, 0, 128], [16, 0, 0], [0, 0, 0]]], np.uint8)
    assert measure(unlike)[2:] == (0.25, 1.0)


@pytest.mark.parametrize("turned", [False, True])
def test_of_a_large_picture_the_middle_is_measured(turned: bool) -> None:
    pixels = np.zeros((4, 1280, 3), np.uint8)
    pixels[:, :320:2] = pixels[:, 960::2] = 255  # stripes at both ends
    assert measure(pixels.transpose(1, 0, 2) if turned else pixels) == (1.0, 0.0, 1.0, 1.0)


@pytest.mark.data
def test_hardly_any_photograph_is_taken_for_a_drawing(data_root: Path, tmp_path: Path) -> None:
    import tarfile

    drawings = total = 0
    with tarfile.open(data_root / "coco-mini" / "images.tar") as archive:
        for member in archive:
            if total == 40:
                break
            if member.isfile() and "val2017" in member.name:
                handle = archive.extractfile(member)
                assert handle is not None
                total += 1
                drawings += is_drawing(read_image(handle.read()))
    assert total == 40
    assert drawings <= 2


def test_svg_is_seen_by_its_content(tmp_path: Path) -> None:
    svg = b'<?xml version="1.0"?><svg xmlns="urn:svg"><title>Sales</title><text>2 <b>up</b></text></svg>'
    assert is_vector(svg)
    assert look(svg).vector
    assert is_vector(b"\xef\xbb\xbf\n " + svg)
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n<svg")
    assert not is_vector(tmp_path / "a.png")


def test_what_is_no_picture_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ImageError):
        look(b"no picture")
    with pytest.raises(ImageError):
        look(tmp_path / "gone.png")
