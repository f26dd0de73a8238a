"""The self-test passes on the model it was made for and fails on another."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
from PIL import Image

from captionkit.bundle import read_bundle
from captionkit.engine import Engine
from captionkit.selftest import draw_picture, make_selftest, run_selftest


def test_a_fresh_bundle_passes(tiny_bundle: Path) -> None:
    result = run_selftest(read_bundle(tiny_bundle))
    assert result.passed
    assert result.got == result.expected != ()
    assert result.difference < 1e-3


def test_other_words_or_other_probabilities_fail(tiny_bundle: Path) -> None:
    bundle = read_bundle(tiny_bundle)
    test = bundle.selftest
    for wrong in (
        dataclasses.replace(test, tokens=(*test.tokens, "dog")),
        dataclasses.replace(test, log_probability=test.log_probability - 3),
        dataclasses.replace(test, picture=draw_picture(99)),
    ):
        assert not run_selftest(dataclasses.replace(bundle, selftest=wrong)).passed


def test_the_picture_of_whose_words_the_model_is_surest_is_taken(tiny_bundle: Path) -> None:
    bundle = read_bundle(tiny_bundle)
    engine = Engine.of(bundle)
    made = make_selftest(engine, bundle.tokenizer, max_length=10)
    assert made.picture in [draw_picture(seed) for seed in range(8)]
    assert made == bundle.selftest


def test_a_seed_draws_the_same_picture_and_another_seed_another() -> None:
    first = np.asarray(Image.open(io.BytesIO(draw_picture(1))))
    np.testing.assert_array_equal(first, np.asarray(Image.open(io.BytesIO(draw_picture(1)))))
    assert (first != np.asarray(Image.open(io.BytesIO(draw_picture(2))))).mean() > 0.5
    assert first.shape == (96, 96, 3)
