"""Other views of a picture."""

from __future__ import annotations

import numpy as np
import pytest

from captionkit.training import augment as module
from captionkit.training.augment import augment, is_mirrored, numbered_view


def gradient(size: int = 32) -> np.ndarray:
    """Dark on the left, bright on the right."""
    row = np.linspace(40, 200, size).astype(np.uint8)
    return np.repeat(np.tile(row, (size, 1))[None, :, :, None], 3, axis=3)


def test_shape_and_type_stay_and_the_same_numbers_give_the_same_view() -> None:
    pixels, yes = np.repeat(gradient(), 4, axis=0), np.ones(4, bool)
    first = augment(pixels, yes, np.random.default_rng(1))
    assert first.shape == pixels.shape
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, augment(pixels, yes, np.random.default_rng(1)))
    assert (first != augment(pixels, yes, np.random.default_rng(2))).any()


def test_only_what_may_be_mirrored_is() -> None:
    pixels = np.repeat(gradient(), 200, axis=0)
    may = np.arange(200) % 2 == 0
    views = augment(pixels, may, np.random.default_rng(0)).astype(float)
    mirrored = views[:, :, :8].mean(axis=(1, 2, 3)) > views[:, :, -8:].mean(axis=(1, 2, 3))
    assert not mirrored[~may].any()
    assert 30 < mirrored[may].sum() < 70


def test_the_original_is_left_alone() -> None:
    pixels = gradient()
    before = pixels.copy()
    augment(pixels, np.array([True]), np.random.default_rng(0))
    np.testing.assert_array_equal(pixels, before)


def test_a_numbered_view_depends_on_the_picture_and_the_number_alone() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    together = numbered_view(noise, 2)
    assert together.shape == noise.shape
    assert together.dtype == np.uint8
    np.testing.assert_array_equal(numbered_view(noise[3:4], 2)[0], together[3])
    np.testing.assert_array_equal(numbered_view(noise, 0), noise)
    assert (numbered_view(noise, 4) != together).any()


def test_odd_views_are_mirrored_and_even_ones_are_not() -> None:
    for number in range(1, 9):
        view = numbered_view(gradient(), number).astype(float)
        assert (view[:, :, :8].mean() > view[:, :, -8:].mean()) == is_mirrored(number)


def test_a_crop_shows_three_quarters_of_a_side_or_more_from_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BRIGHTNESS", "CONTRAST", "SATURATION"):
        monkeypatch.setattr(module, name, 0.0)
    down, right = np.mgrid[0:64, 0:64].astype(np.uint8)
    picture = np.stack([3 * right, 3 * down, 0 * down], axis=-1)
    views = augment(np.repeat(picture[None], 300, axis=0), np.zeros(300, bool), np.random.default_rng(0)) / 3.0
    # A pixel's colours are the place it comes from; the rim, where there is nothing beyond it, is left out.
    across, along = views[:, 32, 8:56, 0], views[:, 8:56, 32, 1]
    ends = []
    for places in (across, along):
        scale, first = np.polyfit(np.arange(8, 56), places.T, 1)
        assert scale.min() > 0.74
        assert scale.max() < 1.01
        assert np.ptp(scale) > 0.2
        low = first + 0.5 - 0.5 * scale  # the edge of the box, where pixels begin half a pixel before their centre
        assert low.min() > -0.5
        assert (low + 64 * scale).max() < 64.5
        room = low[scale < 0.85] / (64 * (1 - scale[scale < 0.85]))
        assert room.min() < 0.1
        assert room.max() > 0.9
        ends.append((scale, room.mean()))
    assert abs(np.corrcoef(ends[0][0], ends[1][0])[0, 1]) < 0.2  # each side is cropped for itself


def test_light_contrast_and_colours_change_by_a_seventh_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MIN_CROP", 1.0)
    picture = np.random.default_rng(0).integers(60, 180, (32, 32, 3)).astype(np.uint8)
    views = augment(np.repeat(picture[None], 300, axis=0), np.zeros(300, bool), np.random.default_rng(0))

    def measures(pixels: np.ndarray) -> np.ndarray:
        grey = pixels.astype(float).mean(axis=-1, keepdims=True)
        return np.array([grey.mean(), grey.std(), (pixels - grey).std()])

    light, spread, colour = (np.stack([measures(view) for view in views]) / measures(picture)).T
    for share in (light, spread / light, colour / spread):
        assert 0.845 < share.min() < 0.87
        assert 1.13 < share.max() < 1.155
    white = augment(np.full((50, 8, 8, 3), 250, np.uint8), np.zeros(50, bool), np.random.default_rng(0))
    assert white.min() > 0.84 * 250
    assert white.max() == 255


def test_numbered_views_of_other_pictures_are_other_views() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    light = numbered_view(noise, 2).mean(axis=(1, 2, 3)) / noise.mean(axis=(1, 2, 3))
    assert np.ptp(light) > 0.05
