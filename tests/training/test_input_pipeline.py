"""Batches."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from captionkit.tokenizer import PAD, Tokenizer
from captionkit.training.input_pipeline import Batches, to_tensor

CAPTIONS = [["a dog", "the dog"], ["a cat"], ["a b", "b c", "c d"], ["x"], ["y", "z"]]


def make(**changes: Any) -> Batches:
    options: dict[str, Any] = {"batch_size": 2, "captions_per_image": 2, "length": 4, "seed": 7, **changes}
    tokenizer = Tokenizer.build(text for texts in CAPTIONS for text in texts)
    return Batches(lambda rows: rows.astype(np.float16)[:, None, None], CAPTIONS, tokenizer, **options)


def test_every_picture_comes_once_an_epoch_however_the_numbers_divide() -> None:
    batches = make()
    seen = np.concatenate([batches.rows(step) for step in range(5)])  # two epochs of five pictures
    assert Counter(seen[:5].tolist()) == Counter(range(5))
    assert Counter(seen[5:].tolist()) == Counter(range(5))
    assert seen[:5].tolist() != seen[5:].tolist()


def test_a_picture_can_come_several_times_an_epoch() -> None:
    times = np.array([1, 1, 1, 3, 4])
    batches = make(times=times)
    assert batches.steps_per_epoch == 5
    for epoch in (0, 1):
        seen = np.concatenate([batches.rows(step) for step in range(5 * epoch, 5 * epoch + 5)])
        np.testing.assert_array_equal(np.bincount(seen), times)


def test_a_batch_is_no_larger_than_there_are_pictures() -> None:
    batches = make(batch_size=16)
    assert batches.steps_per_epoch == 1
    assert sorted(batches.rows(3).tolist()) == list(range(5))


def test_order_depends_on_seed_and_step_only() -> None:
    forward = [make()[step] for step in range(6)]
    batches = make()
    for step in (5, 0, 3):
        again = batches[step]
        np.testing.assert_array_equal(again.rows, forward[step].rows)
        np.testing.assert_array_equal(again.ids, forward[step].ids)
    assert any((make(seed=8).rows(step) != forward[step].rows).any() for step in range(6))


def test_inputs_and_captions_belong_to_the_same_picture() -> None:
    batches = make(captions_per_image=3)
    tokenizer = Tokenizer.build(text for texts in CAPTIONS for text in texts)
    for step in range(4):
        batch = batches[step]
        np.testing.assert_array_equal(batch.inputs[:, 0, 0], batch.rows)
        for row, ids in zip(batch.rows, batch.ids, strict=True):
            assert [t for t in tokenizer.to_text(ids) if t] == CAPTIONS[row]


def test_missing_captions_are_rows_of_padding_and_extra_ones_take_turns() -> None:
    batches = make()
    of_two: set[tuple[int, ...]] = set()
    for step in range(40):
        batch = batches[step]
        for row, ids in zip(batch.rows, batch.ids, strict=True):
            if row in (1, 3):
                assert (ids[1] == PAD).all()
            if row == 2:
                of_two.add(tuple(ids[:, 0].tolist()))
    assert len(of_two) == 3


def test_random_numbers_for_other_views_are_the_steps_own() -> None:
    drawn: list[float] = []

    def note(rows: np.ndarray, inputs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        np.testing.assert_array_equal(inputs[:, 0, 0], rows)
        drawn.append(rng.random())
        return -inputs

    for batches in (make(augment=note), make(augment=note), make(augment=note, seed=8)):
        for step in (3, 4):
            batch = batches[step]
            np.testing.assert_array_equal(batch.inputs[:, 0, 0], -batch.rows)
    assert drawn[:2] == drawn[2:4]
    assert len(set(drawn)) == 4


def test_the_stream_gives_the_same_and_ends() -> None:
    batches = make()
    streamed = list(batches.stream(1, 5))
    assert [step for step, _ in streamed] == [1, 2, 3, 4]
    for step, batch in streamed:
        np.testing.assert_array_equal(batch.rows, make().rows(step))


def test_an_error_in_the_thread_reaches_the_consumer() -> None:
    def broken(rows: np.ndarray) -> np.ndarray:
        raise OSError("disk gone")

    batches = Batches(broken, CAPTIONS, Tokenizer([]), batch_size=2, captions_per_image=1, length=2, seed=0)
    with pytest.raises(OSError, match="disk gone"):
        list(batches.stream(0, 2))


def test_leaving_the_stream_early_does_not_hang() -> None:
    for _ in make().stream(0, 1000):
        break


def test_weights_go_with_their_captions() -> None:
    assert make()[0].weights is None
    weights = [np.arange(len(texts), dtype=np.float32) + 10 * row for row, texts in enumerate(CAPTIONS)]
    batches = make(weights=weights)
    tokenizer = Tokenizer.build(text for texts in CAPTIONS for text in texts)
    taken: set[float] = set()
    for step in range(40):
        batch = batches[step]
        assert batch.weights is not None
        for row, ids, own in zip(batch.rows, batch.ids, batch.weights, strict=True):
            for text, weight in zip(tokenizer.to_text(ids), own.tolist(), strict=True):
                if text:
                    assert weights[row][CAPTIONS[row].index(text)] == weight
                    taken.add(weight)
    assert taken == set(np.concatenate(weights).tolist())


def test_features_are_widened_and_pixels_are_not() -> None:
    features, pixels = np.array([0.5, 1.5], np.float16), np.array([1, 255], np.uint8)
    assert to_tensor(features).dtype == tf.float32
    np.testing.assert_array_equal(to_tensor(features).numpy(), features)
    assert to_tensor(pixels).dtype == tf.uint8
    np.testing.assert_array_equal(to_tensor(pixels).numpy(), pixels)
