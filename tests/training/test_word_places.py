"""What places of the grid add to a word detector, fitted to grids of which the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from captionkit import progress
from captionkit.detectors.words import WordDetector, fit_word_detector
from captionkit.training import word_places
from captionkit.training.word_places import fit_places
from tests.tiny import DEPTH, tiny_tokenizer

TOKENIZER = tiny_tokenizer()
PLACES = 9
DOG, BALL, GRASS = (TOKENIZER.to_ids([word], 1)[0, 0] for word in ("dog", "ball", "grass"))


def corpus(number: int, seed: int) -> tuple[np.ndarray, list[tuple[str, ...]]]:
    """A ball is one bright place; a cat's picture is as bright all over, by the same mean."""
    random = np.random.default_rng(seed)
    grids = random.normal(0, 0.1, (number, PLACES, DEPTH)).astype(np.float32)
    captions: list[tuple[str, ...]] = []
    for index, grid in enumerate(grids):
        if index % 2:
            grid[random.integers(PLACES), 0] += PLACES
        else:
            grid[:, 0] += 1.0
        captions.append(("a dog with a ball",) if index % 2 else ("a dog with a cat", "a zebra"))
    return grids / 100, captions  # some encoder's features are as small, others' are large


def fitted(seed: int = 0, number: int = 300) -> tuple[WordDetector, WordDetector]:
    """By the mean alone, and with places."""
    grids, captions = corpus(number, seed=1)
    captions[0] = ("a dog on the grass",)  # too rare to be known
    plain = fit_word_detector(grids.mean(axis=1), captions, TOKENIZER)
    seen = plain.look(grids).seen.astype(np.float16)
    return plain, fit_places(plain, seen, captions, TOKENIZER, seed=seed, quiet=True)


def test_what_fills_one_place_is_told_from_what_fills_all_of_the_same_mean(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(word_places, "EPOCHS", 60)  # there are few pictures here, and few steps an epoch
    monkeypatch.setattr(word_places, "LEARNING_RATE", 2e-2)
    plain, whole = fitted()
    grids, _ = corpus(40, seed=2)
    ball, no_ball = (
        np.array([detector.look(grids).evidence(row, [BALL])[0] for row in range(len(grids))])
        for detector in (whole, plain)
    )
    assert ball[1::2].min() > 0.3 > -0.7 > ball[::2].max()
    assert abs(no_ball[1::2].mean() - no_ball[::2].mean()) < 0.2  # the mean tells nothing


def test_a_fit_is_its_seeds_and_leaves_the_rest_as_it_was() -> None:
    plain, whole = fitted(seed=3)
    _, again = fitted(seed=3)
    _, other = fitted(seed=4)
    assert whole.places is not None
    assert whole.bias is not None
    assert again.places is not None
    assert other.places is not None
    apart = abs(other.places - whole.places).max()
    assert apart > 1.0
    assert abs(again.places - whole.places).max() < 0.01 * apart  # round-off, and what many steps make of it
    for name in ("mean", "basis", "weights", "usual"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(plain, name))
    known = whole.usual > 0
    assert not known[GRASS]
    assert not whole.places[:, ~known].any()
    assert not whole.bias[~known].any()
    assert abs(whole.places[:, known]).max(axis=0).min() > 0


def test_what_all_captions_hold_or_half_of_a_picture_s_do_keeps_its_share(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(word_places, "EPOCHS", 100)
    monkeypatch.setattr(word_places, "LEARNING_RATE", 2e-2)
    _, whole = fitted(number=301)
    grids, _ = corpus(10, seed=5)
    dogs = np.array([whole.look(grids).evidence(row, [DOG])[0] for row in range(len(grids))])
    # In half of the captions of the pictures with a cat, in all of the others: 3 of 4.
    assert dogs[::2] == pytest.approx(np.log(0.53 / 0.78), abs=0.15)
    assert dogs[1::2] == pytest.approx(np.log(1.03 / 0.78), abs=0.15)


def test_what_the_mean_tells_already_is_not_told_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(word_places, "EPOCHS", 60)
    monkeypatch.setattr(word_places, "LEARNING_RATE", 2e-2)
    grids = np.random.default_rng(1).normal(0, 0.01, (300, PLACES, DEPTH)).astype(np.float32)
    grids[::2, :, 0] += 1.0
    ball, dog = "a ball", "a dog"
    captions = [(ball, ball, ball, dog) if index % 2 else (ball, dog, dog, dog) for index in range(300)]
    plain = fit_word_detector(grids.mean(axis=1), captions, TOKENIZER)
    seen = plain.look(grids).seen.astype(np.float16)
    whole = fit_places(plain, seen, captions, TOKENIZER, seed=0, quiet=True).look(grids)
    balls = np.array([whole.evidence(row, [BALL])[0] for row in range(300)])
    assert balls[1::2] == pytest.approx(np.log(0.78 / 0.53), abs=0.1)
    assert balls[::2] == pytest.approx(np.log(0.28 / 0.53), abs=0.1)


def test_where_the_grid_is_large_fewer_pictures_make_a_step(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "PLAIN_SECONDS", -1.0)
    grids, captions = corpus(60, seed=1)
    plain = fit_word_detector(grids.mean(axis=1), captions, TOKENIZER)
    known, seen = np.count_nonzero(plain.usual), plain.look(grids).seen.astype(np.float16)

    def steps() -> str:
        fit_places(plain, seen, captions, TOKENIZER, seed=0)
        return capsys.readouterr().err.splitlines()[-1]

    assert steps().startswith("training the word detector: 8 of 8 steps")
    monkeypatch.setattr(word_places, "AT_ONCE", 20 * PLACES * known)
    assert steps().startswith("training the word detector: 24 of 24 steps")
    monkeypatch.setattr(word_places, "AT_ONCE", 1)
    assert steps().startswith("training the word detector: 480 of 480 steps")


def test_places_of_captions_without_a_known_word_add_nothing() -> None:
    grids, captions = corpus(60, seed=1)
    captions = [("a zebra",)] * len(captions)
    plain = fit_word_detector(grids.mean(axis=1), captions, TOKENIZER)
    whole = fit_places(plain, plain.look(grids).seen.astype(np.float16), captions, TOKENIZER, seed=0, quiet=True)
    read = WordDetector.from_bytes(whole.to_bytes(), depth=DEPTH, vocabulary=len(TOKENIZER))
    assert read.places is not None
    assert not read.places.any()
    assert np.isnan(read.look(grids).evidence(0, [DOG, BALL])).all()
