"""Likeness of pictures, and groups of those that are nearly the same."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from captionkit.audit.picture_hash import NEAR_CORRELATION, SAME_CORRELATION, PictureHash, hash_bytes, likeness
from captionkit.search import similar
from captionkit.search.compact import pack_look, to_vectors, unpack_look
from captionkit.search.similar import duplicates, like


def alike(features: np.ndarray, one: np.ndarray, limit: int) -> dict[int, float]:
    return like(np.arange(1, len(features) + 1), to_vectors(features), to_vectors(one[None])[0], limit)


@pytest.fixture
def features() -> np.ndarray:
    """Forty pictures; 10, 20 and 30 are nearly picture 5, and 39 is nearly picture 38."""
    random = np.random.default_rng(1)
    grids = random.gamma(0.5, 1.0, (40, 16, 320)).astype(np.float32)
    for place, source in ((10, 5), (20, 5), (30, 5), (39, 38)):
        grids[place] = grids[source] * random.normal(1, 0.03, grids[0].shape)
    return grids


def test_the_most_alike_come_first(features: np.ndarray) -> None:
    found = alike(features, features[5], 5)
    assert next(iter(found)) == 6
    assert set(list(found)[1:4]) == {11, 21, 31}
    values = list(found.values())
    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx(1, abs=1e-3)
    assert values[3] > 0.95 > 0.6 > values[4]


def photograph(seed: int) -> Image.Image:
    """Smooth blobs: they look like nothing, and like nothing else."""
    small = np.random.default_rng(seed).integers(0, 255, (7, 9, 3), np.uint8)
    return Image.fromarray(small).resize((360, 280), Image.Resampling.BICUBIC)


def look(image: Image.Image, **options: object) -> PictureHash:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return hash_bytes(buffer.getvalue())


def test_scaled_recompressed_and_recoloured_pictures_are_one_group() -> None:
    pictures = [photograph(seed) for seed in range(20)]
    looks = [look(picture, quality=90) for picture in pictures]
    looks += [look(pictures[3].resize((120, 93)), quality=60), look(pictures[3], quality=25)]
    looks += [look(pictures[3].convert("L"), quality=80), look(pictures[7].resize((180, 140)), quality=70)]
    groups = duplicates(range(100, 124), looks)
    assert [tuple(group) for group in groups] == [(103, 120, 121, 122), (107, 123)]
    assert all(next(iter(group.values())) == pytest.approx(1) for group in groups)
    assert min(value for group in groups for value in group.values()) > 0.95


def test_pictures_of_one_colour_are_not_the_same() -> None:
    looks = [look(Image.new("RGB", (64, 64), colour)) for colour in ("white", "black", "red")]
    assert duplicates([1, 2, 3], looks) == []


def test_looks_are_kept_whole() -> None:
    kept = look(photograph(1))
    back = unpack_look(pack_look(kept))
    assert (back.dct, back.difference, back.flat) == (kept.dct, kept.difference, kept.flat)
    assert back.thumbnail.tolist() == kept.thumbnail.tolist()
    with pytest.raises(ValueError, match="273"):
        unpack_look(b"short")


def test_one_picture_and_none() -> None:
    one = np.ones((1, 4, 64), np.float32)
    assert list(alike(one, one[0], 5)) == [1]
    none = np.zeros(0, np.int64), np.zeros((0, 256), np.int8)
    assert like(*none, to_vectors(one)[0], 5) == {}
    assert duplicates([], []) == []


def test_the_same_picture_alone_in_its_index_is_the_same() -> None:
    """With a centre of its own mean there would be nothing left of it."""
    features = np.random.default_rng(2).random((1, 4, 64)).astype(np.float32)
    (value,) = alike(features, features[0], 1).values()
    assert value == pytest.approx(1, abs=1e-3)


def test_likeness_is_the_cosine_about_the_mean(features: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similar, "_ROWS", 7)
    vectors = to_vectors(features).astype(np.float64)
    about = vectors - vectors.sum(axis=0) / (len(vectors) + 8)
    about /= np.linalg.norm(about, axis=1, keepdims=True)
    found = alike(features, features[3], 40)
    np.testing.assert_allclose([found[row + 1] for row in range(40)], about @ about[3], atol=1e-4)


def test_pictures_of_the_same_hash_that_differ_in_their_cells_are_no_duplicates() -> None:
    one, other = (look(photograph(seed)) for seed in (1, 2))
    mixed = (
        replace(one, thumbnail=(share * one.thumbnail + (1 - share) * other.thumbnail).astype(np.uint8))
        for share in np.linspace(0, 1, 200)
    )
    near = next(two for two in mixed if likeness(one, two)[1] > (NEAR_CORRELATION + SAME_CORRELATION) / 2)
    assert likeness(one, near)[1] < SAME_CORRELATION
    assert duplicates([1, 2], [one, near]) == []
    assert len(duplicates([1, 2], [one, one])) == 1
