"""Runs that build on other runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from captionkit.bundle import DEFAULT_BUNDLE, read_bundle
from captionkit.config import DecoderConfig
from captionkit.errors import TrainingError
from captionkit.modeling.caption_model import CaptionModel
from captionkit.modeling.decoders import build_decoder
from captionkit.tokenizer import BOS, Tokenizer
from captionkit.training.lineage import move_places, move_words, read_earlier

OLD = Tokenizer(["a", "dog", "runs", "snow"])
NEW = Tokenizer(["a", "giraffe", "runs", "dog", "zebra"])


def make_model(vocabulary: int, seed: int, *, tied: bool) -> CaptionModel:
    config = DecoderConfig(units=8, embedding=6, tied=tied)
    return CaptionModel(None, build_decoder(config, vocabulary=vocabulary, positions=2, depth=5, seed=seed))


@pytest.mark.parametrize("tied", [False, True])
def test_words_keep_what_was_learned_and_new_ones_are_rare(tied: bool) -> None:
    old, new = make_model(len(OLD), 1, tied=tied), make_model(len(NEW), 2, tied=tied)
    rng = np.random.default_rng(0)
    old.decoder.output_bias.assign(rng.normal(size=len(OLD)).astype(np.float32))
    features = rng.normal(size=(1, 2, 5)).astype(np.float32)
    before = old.decoder.step(old.decoder.start(features), np.array([BOS]))[0].numpy()[0]
    new.load_weights(move_words(old.weights(), new.weights(), OLD, NEW))
    after = new.decoder.step(new.decoder.start(features), np.array([BOS]))[0].numpy()[0]
    for word in ("a", "dog", "runs"):
        np.testing.assert_allclose(after[NEW.words.index(word)], before[OLD.words.index(word)], atol=1e-5)
    bias = new.decoder.output_bias.value.numpy()
    for word in ("giraffe", "zebra"):
        assert bias[NEW.words.index(word)] == pytest.approx(
            np.quantile(old.decoder.output_bias.value.numpy(), 0.1), abs=1e-6
        )


@pytest.mark.parametrize(
    ("name", "positions"),
    [("everyday_lite2_critical", 81), ("everyday_lite2_mean", 81), ("everyday_lite2_320_mean", 100)],
)
def test_the_weights_beside_the_installed_model_belong_to_it(name: str, positions: int) -> None:
    root = Path(__file__).parents[2]
    earlier = read_earlier(root / "models" / name, setting="training.begin_from")
    assert (root / earlier.config.encoder.weights).is_file()
    assert earlier.tokenizer == read_bundle(DEFAULT_BUNDLE).tokenizer
    size = len(earlier.tokenizer)
    decoder = build_decoder(earlier.config.decoder, vocabulary=size, positions=positions, depth=1280)
    model = CaptionModel(None, decoder)
    model.load_weights(earlier.weights, parts=("decoder",))
    assert all(np.isfinite(value).all() for value in model.weights().values())


@pytest.mark.parametrize("tied", [False, True])
def test_words_of_a_decoder_that_is_tied_otherwise_do_not_fit(tied: bool) -> None:
    old, new = make_model(len(OLD), 1, tied=tied), make_model(len(NEW), 2, tied=not tied)
    with pytest.raises(TrainingError, match="decoder/output_kernel"):
        new.load_weights(move_words(old.weights(), new.weights(), OLD, NEW))


def test_the_same_vocabulary_moves_nothing() -> None:
    model = make_model(len(OLD), 1, tied=False)
    moved = move_words(model.weights(), make_model(len(OLD), 2, tied=False).weights(), OLD, OLD)
    for name, value in model.weights().items():
        np.testing.assert_array_equal(moved[name], value)


def test_places_of_a_larger_grid_lie_between_those_of_the_smaller() -> None:
    down, right = np.mgrid[0:3, 0:3].astype(np.float32)
    places = np.stack([down, right], axis=-1).reshape(9, 2)
    fresh = {"decoder/places": np.zeros((36, 2), np.float32)}
    moved = move_places({"decoder/places": places.astype(np.float16), "decoder/other": places}, fresh)
    # Twice the grid: its cells' centres are at -1/4, 1/4, 3/4, ... of the old ones; at the rim the nearest counts.
    expected = np.clip(np.arange(6) / 2 - 0.25, 0, 2)
    np.testing.assert_allclose(
        moved["decoder/places"].reshape(6, 6, 2)[..., 0], expected[:, None].repeat(6, 1), atol=1e-6
    )
    np.testing.assert_allclose(
        moved["decoder/places"].reshape(6, 6, 2)[..., 1], expected[None].repeat(6, 0), atol=1e-6
    )
    np.testing.assert_array_equal(moved["decoder/other"], places)


@pytest.mark.parametrize(("before", "number"), [(9, 9), (9, 17), (10, 16)])
def test_places_of_the_same_grid_and_of_one_that_is_not_square_stay(before: int, number: int) -> None:
    places = np.random.default_rng(0).normal(size=(before, 4)).astype(np.float32)
    moved = move_places({"decoder/places": places}, {"decoder/places": np.zeros((number, 4), np.float32)})
    np.testing.assert_array_equal(moved["decoder/places"], places)
