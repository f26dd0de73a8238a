"""Other views of a picture."""

from __future__ import annotations

import numpy as np

from captionkit.training.augment import augment, can_be_mirrored, is_mirrored, numbered_view


def gradient(size: int = 32) -> np.ndarray:
    """Dark on the left, bright on the right."""
    row = np.linspace(40, 200, size).astype(np.uint8)
    return np.repeat(np.tile(row, (size, 1))[None, :, :, None], 3, axis=3)


def test_a_caption_that_speaks_of_a_side_or_of_writing_is_not_mirrored() -> None:
    assert can_be_mirrored(["A dog runs .", "The brown dog is running ."])
    assert not can_be_mirrored(["A dog runs .", "A dog on the Left side ."])
    assert not can_be_mirrored(["A man holds a sign ."])


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
