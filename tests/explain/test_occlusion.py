"""Occlusion and teacher forcing, against the searches and against a decoder whose answer is known."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from captionkit.captioner import Captioner
from captionkit.decoding import teacher_forced
from captionkit.explain.occlusion import covered, occlusion
from captionkit.images import load_pixels
from captionkit.selftest import draw_picture


@pytest.fixture(scope="module")
def captioner(tiny_bundle: Path) -> Captioner:
    return Captioner.load(tiny_bundle, threads=1)


def test_teacher_forcing_gives_what_the_search_gave(captioner: Captioner) -> None:
    engine = captioner.engine
    pixels = np.stack([load_pixels(draw_picture(seed), engine.network.image_size) for seed in (1, 2)])
    features = engine.encode(pixels)
    for row, (best,) in enumerate(captioner.search.run(engine.start, engine.step, features)):
        logs = np.stack(list(teacher_forced(engine.start, engine.step, features, best.ids)), axis=1)
        assert logs.shape == (2, len(best.ids), engine.network.vocabulary)
        own = [logs[row, place, word] for place, word in enumerate(best.ids)]
        np.testing.assert_allclose(own, best.token_log_probabilities[: len(best.ids)], atol=1e-4)
        np.testing.assert_allclose(np.exp(logs).sum(axis=-1), 1, atol=1e-4)


def test_no_words_give_no_rows(captioner: Captioner) -> None:
    engine = captioner.engine
    pixels = load_pixels(draw_picture(1), engine.network.image_size)
    assert occlusion(engine, pixels, ()).shape == (0, 7, 7)
    assert list(teacher_forced(engine.start, engine.step, engine.encode(pixels[None]), ())) == []


def test_every_place_is_covered_with_the_mean_colour_and_nothing_else_changes() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28, 3), dtype=np.uint8)
    pictures = covered(pixels)
    mean = np.rint(pixels.mean(axis=(0, 1)))
    assert pictures.shape == (49, 28, 28, 3)
    changed = (pictures != pixels).any(axis=-1)
    assert changed.any(axis=0).all()
    for picture, mask in zip(pictures, changed, strict=True):
        assert (picture[mask] == mean).all()
        assert mask.sum() <= 8 * 8


def test_the_place_that_a_word_rests_on_is_found() -> None:
    """A decoder that says word 5 as surely as the lower right quarter is bright, and word 6 in any case."""

    def start(features: Any) -> dict[str, Any]:
        return {"bright": features[:, 0, :1], "at": np.zeros((len(features), 1), np.float32)}

    def step(state: Any, ids: Any) -> Any:
        logits = np.zeros((len(ids), 8), np.float32)
        logits[:, 5] = 4 * state["bright"][:, 0]
        return np.where(state["at"] > 0, np.eye(8, dtype=np.float32)[6] * 3, logits), None, {"at": state["at"] + 1}

    def encode(images: Any) -> Any:
        return (images[:, 14:, 14:].mean(axis=(1, 2, 3), dtype=np.float32) / 255)[:, None, None]

    pixels = np.zeros((28, 28, 3), np.uint8)
    pixels[14:, 14:] = 255
    engine: Any = SimpleNamespace(start=start, step=step, encode=encode)
    drop = occlusion(engine, pixels, (5, 6))
    assert drop.shape == (2, 7, 7)
    assert np.abs(drop[1]).max() < 1e-6
    assert (drop[0][4:, 4:] > 0.05).all()
    assert np.abs(drop[0][:3, :3]).max() < 1e-6
