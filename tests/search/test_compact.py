"""Cells of the grid, bytes of numbers, short vectors."""

from __future__ import annotations

import numpy as np
import pytest

from captionkit.search.compact import (
    VECTOR,
    cell_count,
    pack,
    to_cells,
    to_features,
    to_vectors,
    unpack,
    unpack_look,
)


def grids(count: int, positions: int = 81, depth: int = 12) -> np.ndarray:
    return np.random.default_rng(5).gamma(0.5, 1.0, (count, positions, depth)).astype(np.float32)


def test_cells_are_averages_of_squares() -> None:
    features = np.arange(81, dtype=np.float32).reshape(1, 81, 1)
    cells = to_cells(features, 9)[0, :, 0]
    square = features.reshape(9, 9)
    averages = [square[r : r + 3, c : c + 3].mean() for r in (0, 3, 6) for c in (0, 3, 6)]
    np.testing.assert_allclose(cells, averages, rtol=1e-6)  # of which processors write the last digit differently


@pytest.mark.parametrize(("positions", "count"), [(81, 9), (49, 9), (16, 9), (81, 1), (1, 1)])
def test_cells_keep_what_is_the_same_all_over_a_cell(positions: int, count: int) -> None:
    cells = grids(3, count)
    np.testing.assert_allclose(to_cells(to_features(cells, positions), count), cells, rtol=1e-5)


@pytest.mark.parametrize("positions", [81, 50])
def test_one_cell_keeps_the_average(positions: int) -> None:
    features = grids(4, positions)
    kept = to_features(to_cells(features, 1), positions)
    assert kept.shape == features.shape
    np.testing.assert_allclose(kept.mean(axis=1), features.mean(axis=1), rtol=1e-5)


@pytest.mark.parametrize(("positions", "count"), [(81, 9), (49, 9), (9, 1), (4, 1), (1, 1), (50, 1)])
def test_grids_that_are_no_square_or_small_keep_one_cell(positions: int, count: int) -> None:
    assert cell_count(positions) == count


def test_packing_loses_little_and_keeps_zero_and_sign() -> None:
    values = np.array([[0.0, 6.0, -6.0, 0.001, 0.5, 1.7], [0, 0, 0, 0, 0, 0]], np.float32)
    packed = pack(values)
    assert (packed.dtype.name, packed.shape) == ("int8", (2, 10))
    back = unpack(packed)
    assert (back[0, :3].tolist(), back[1].tolist()) == ([0.0, 6.0, -6.0], [0.0] * 6)
    np.testing.assert_allclose(back[0, 3:], values[0, 3:], atol=6 * 2 / 127)
    np.testing.assert_allclose(unpack(pack(values * np.float32(0.001)))[0, 1:], back[0, 1:] * 0.001, rtol=1e-5)
    many = grids(20).reshape(20, -1)
    assert np.abs(unpack(pack(many)) - many).mean() < 0.02 * many.mean()


def test_vectors_keep_angles() -> None:
    features = grids(40, depth=640)
    vectors = to_vectors(features)
    assert (vectors.dtype.name, vectors.shape) == ("int8", (40, VECTOR))
    pooled = features.mean(axis=1)
    pooled -= pooled.mean(axis=0)
    short = vectors.astype(np.float32)
    short -= short.mean(axis=0)

    def cosines(rows: np.ndarray) -> np.ndarray:
        units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return units @ units.T

    assert np.abs(cosines(pooled) - cosines(short)).max() < 0.35
    assert np.abs(cosines(pooled) - cosines(short)).mean() < 0.06


def test_vectors_are_the_same_for_ever() -> None:
    """Vectors of one index are compared with those of a later run: the projection must never change."""
    features = (np.arange(2 * 4 * 8, dtype=np.float32) % 7).reshape(2, 4, 8)
    assert to_vectors(features)[:, :6].tolist() == GOLDEN
    assert (
        to_vectors(features * np.float32(1 / 1024))[:, :6].tolist() == GOLDEN
    )  # of equal length, however large the features are


GOLDEN = [[-19, 4, 4, -13, -29, -30], [13, -3, -3, -34, -23, -13]]


def test_a_vector_of_nothing_is_nothing_and_a_large_number_of_one_is_cut() -> None:
    assert not to_vectors(np.zeros((1, 9, 320), np.float32)).any()
    signs = np.sign(to_vectors(np.eye(320, dtype=np.float32)[:, None])[:, 0]).astype(np.float32)
    assert to_vectors(np.stack([signs, -signs])[:, None])[:, 0].tolist() == [127, -127]


@pytest.mark.parametrize("packed", [b"", bytes(272), bytes(274)])
def test_a_look_of_another_length_is_damage(packed: bytes) -> None:
    with pytest.raises(ValueError, match="Expected 273 bytes"):
        unpack_look(packed)
