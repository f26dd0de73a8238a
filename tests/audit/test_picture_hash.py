"""Perceptual hashes: what survives which change, and the search against a plain double loop."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from captionkit.audit.picture_hash import (
    NEAR_BITS,
    NEAR_CORRELATION,
    SAME_BITS,
    SAME_CORRELATION,
    PictureHash,
    hash_bytes,
    hash_pictures,
    hash_pixels,
    likeness,
    near_pairs,
)
from captionkit.errors import ImageError
from tests.audit.scenes import jpeg, scene


def hashed(folder: Path, image: Image.Image, quality: int = 90) -> PictureHash:
    path = folder / "picture.jpg"
    path.write_bytes(jpeg(image, quality))
    return hash_bytes(path.read_bytes())


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "recompressed": lambda image: image,
    "half": lambda image: image.resize((80, 60)),
    "double": lambda image: image.resize((320, 240)),
    "squashed": lambda image: image.resize((120, 120)),
    "grey": lambda image: image.convert("L"),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.7),
    "steeper": lambda image: ImageEnhance.Contrast(image).enhance(1.2),
}


@pytest.mark.parametrize("change", CHANGES)
def test_copies_stay_the_same_picture(tmp_path: Path, change: str) -> None:
    for seed in range(5):
        original = hashed(tmp_path, scene(seed))
        copy = hashed(tmp_path, CHANGES[change](scene(seed)), quality=60)
        bits, correlation = likeness(original, copy)
        assert copy.digest != original.digest
        assert bits <= SAME_BITS
        assert correlation >= SAME_CORRELATION


def test_hashes_are_what_their_definitions_say() -> None:
    """Written out plainly. Indexes of a search keep hashes, so they must never change."""
    pixels = np.random.default_rng(1).integers(0, 256, (32, 32, 3), np.uint8)
    grey = pixels @ [0.299, 0.587, 0.114]
    waves = [[math.cos(math.pi * (2 * place + 1) * wave / 64) for place in range(32)] for wave in range(8)]
    low = [float(np.outer(down, along).ravel() @ grey.ravel()) for down in waves for along in waves][1:]
    bounds = [32 * ninth // 9 for ninth in range(10)]
    cells = [[grey[4 * row : 4 * row + 4, a:b].mean() for a, b in pairwise(bounds)] for row in range(8)]
    found = hash_pixels(pixels, "")
    assert found.dct == int("".join(str(int(one > sorted(low)[31])) for one in low) + "0", 2)
    assert found.difference == int("".join(str(int(b > a)) for row in cells for a, b in pairwise(row)), 2)
    for row, column in product(range(16), repeat=2):
        block = grey[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        assert abs(found.thumbnail[row, column] - block.mean()) <= 1


def test_the_farther_of_the_two_hashes_counts() -> None:
    flat = np.zeros((16, 16), np.uint8)
    one, other = PictureHash("", 0b111, 0b1, flat, False), PictureHash("", 0, 0b111110, flat, False)
    assert likeness(one, PictureHash("", 0, 0, flat, False))[0] == 3
    assert likeness(one, other)[0] == 6


def test_brightness_and_contrast_of_thumbnails_do_not_count() -> None:
    cells = np.arange(256, dtype=np.uint8).reshape(16, 16)
    one, paler, inverse = (PictureHash("", 0, 0, some, False) for some in (cells, cells // 4 + 150, 255 - cells))
    assert likeness(one, paler)[1] == pytest.approx(1.0, abs=1e-3)
    assert likeness(one, inverse)[1] == pytest.approx(-1.0)


def test_other_pictures_are_far(tmp_path: Path) -> None:
    hashes = [hashed(tmp_path, scene(seed)) for seed in range(30)]
    assert list(near_pairs(hashes)) == []


def test_the_orientation_of_exif_is_followed(tmp_path: Path) -> None:
    turned = scene(3).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees clockwise
    turned.save(tmp_path / "turned.jpg", quality=90, exif=exif)
    assert likeness(hash_bytes((tmp_path / "turned.jpg").read_bytes()), hashed(tmp_path, scene(3)))[0] <= SAME_BITS


def test_pictures_of_one_colour_are_not_near_each_other(tmp_path: Path) -> None:
    hashes = [hashed(tmp_path, Image.new("RGB", (64, 64), colour)) for colour in ("red", "blue", "white")]
    assert all(entry.flat for entry in hashes)
    assert likeness(hashes[0], hashes[0]) == (0, 1.0)
    assert list(near_pairs(hashes)) == []
    for steepness, flat in ((8, True), (20, False)):
        gradient = np.broadcast_to(np.linspace(100, 100 + steepness, 64)[:, None, None], (64, 64, 3))
        assert hash_pixels(gradient.astype(np.uint8), "").flat is flat


def test_the_search_finds_what_a_double_loop_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("captionkit.audit.picture_hash._TILE", (7, 11))
    random = np.random.default_rng(5)
    base = [int(value) for value in random.integers(0, 1 << 63, 6)]
    hashes = []
    for _ in range(40):
        value = base[random.integers(6)]
        for bit in random.integers(0, 64, random.integers(0, 14)):
            value ^= 1 << int(bit)
        thumbnail = np.full((16, 16), 9, np.uint8)
        thumbnail[:, : random.integers(4, 12)] = 200
        hashes.append(PictureHash("", value, value, thumbnail, bool(random.random() < 0.1)))
    expected = [
        (one, other)
        for one in range(40)
        for other in range(one + 1, 40)
        if not hashes[one].flat
        and not hashes[other].flat
        and likeness(hashes[one], hashes[other])[0] <= NEAR_BITS
        and likeness(hashes[one], hashes[other])[1] >= NEAR_CORRELATION
    ]
    assert sorted(near_pairs(hashes)) == expected
    assert len(expected) > 10


def test_order_errors_and_progress_of_many(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number}.jpg").write_bytes(jpeg(scene(number)))
    (tmp_path / "7.jpg").write_bytes(b"no picture")
    paths = [tmp_path / f"{number}.jpg" for number in range(21)]
    seen: list[tuple[int, int]] = []
    results = list(hash_pictures(paths, progress=lambda done, total: seen.append((done, total))))
    assert [isinstance(result, ImageError) for result in results] == [number in (7, 20) for number in range(21)]
    assert isinstance(results[3], PictureHash)
    assert results[3].digest == hash_bytes(paths[3].read_bytes()).digest
    assert seen == [(done, 21) for done in range(1, 22)]
