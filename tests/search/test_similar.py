"""Likeness of pictures, and groups of those that are nearly the same."""

from __future__ import annotations

import numpy as np
import pytest

from captionkit.search import similar
from captionkit.search.compact import to_vectors
from captionkit.search.similar import Vectors, centred, duplicates, like


def vectors_of(features: np.ndarray) -> Vectors:
    return centred(np.arange(1, len(features) + 1), to_vectors(features))


@pytest.fixture
def features() -> np.ndarray:
    """Forty pictures; 10, 20 and 30 are nearly picture 5, and 39 is nearly picture 38."""
    random = np.random.default_rng(1)
    grids = random.gamma(0.5, 1.0, (40, 16, 320)).astype(np.float32)
    for place, source in ((10, 5), (20, 5), (30, 5), (39, 38)):
        grids[place] = grids[source] * random.normal(1, 0.03, grids[0].shape)
    return grids


def test_the_most_alike_come_first(features: np.ndarray) -> None:
    found = like(vectors_of(features), to_vectors(features[5:6])[0], 5)
    assert next(iter(found)) == 6
    assert set(list(found)[1:4]) == {11, 21, 31}
    values = list(found.values())
    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx(1, abs=1e-3)
    assert values[3] > 0.95 > 0.6 > values[4]


@pytest.mark.parametrize("block", [7, 1000])
def test_nearly_the_same_are_grouped(features: np.ndarray, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similar, "_BLOCK", block)
    groups = duplicates(vectors_of(features), threshold=0.9, quiet=True)
    assert [group.contents for group in groups] == [(6, 11, 21, 31), (39, 40)]
    assert all(group.likeness[0] == pytest.approx(1) and min(group.likeness) > 0.9 for group in groups)


def test_many_equal_pictures_are_one_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similar, "_BLOCK", 64)
    features = np.random.default_rng(1).gamma(0.5, 1.0, (300, 1, 64)).astype(np.float32)
    features[50:250] = features[50]
    (group,) = duplicates(vectors_of(features), threshold=0.95, quiet=True)
    assert group.contents == tuple(range(51, 251))


def test_one_picture_and_none() -> None:
    one = vectors_of(np.ones((1, 4, 64), np.float32))
    assert list(like(one, to_vectors(np.ones((1, 4, 64), np.float32))[0], 5)) == [1]
    assert duplicates(one, quiet=True) == []
    none = centred(np.zeros(0, np.int64), np.zeros((0, 256), np.int8))
    assert like(none, to_vectors(np.ones((1, 4, 64), np.float32))[0], 5) == {}
    assert duplicates(none, quiet=True) == []


def test_the_same_picture_alone_in_its_index_is_the_same() -> None:
    """With a centre of its own mean there would be nothing left of it."""
    features = np.random.default_rng(2).random((1, 4, 64)).astype(np.float32)
    (value,) = like(vectors_of(features), to_vectors(features)[0], 1).values()
    assert value == pytest.approx(1, abs=1e-3)
