"""Things that a picture surely shows: the table, the layer, its bytes and fit, and the confidence."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from captionkit.bundle import read_bundle, write_bundle
from captionkit.calibrate import calibrate
from captionkit.captioner import Captioner
from captionkit.confidence import FEATURES, RECOGNISED, caption_features
from captionkit.decoding import Beam, Greedy
from captionkit.detectors.things import (
    CLASSES,
    MEMBERS,
    SHARPNESS,
    WORDS,
    ThingDetector,
    fit_thing_detector,
    ids_of_things,
    thing_detector,
)
from captionkit.errors import BundleError
from captionkit.records import Caption
from captionkit.selftest import draw_picture
from captionkit.tokenizer import Tokenizer
from tests.tiny import DEPTH, draw_records, tiny_tokenizer

TOKENIZER = tiny_tokenizer()
NAMES = [words[0] for words in WORDS]


def sure_of(number: int, depth: int = DEPTH) -> ThingDetector:
    """A layer that sees a class in every picture, with a probability of 0.9."""
    bias = np.zeros(CLASSES, np.float32)
    bias[number] = np.log(9 * (CLASSES - 1))
    return ThingDetector(np.zeros((depth, CLASSES), np.float32), bias)


def test_each_class_is_one_thing_at_most() -> None:
    assert MEMBERS.sum(axis=1).max() == 1
    assert MEMBERS.any(axis=0).all()
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize(
    ("number", "name"),
    [
        # Places in the list of ILSVRC 2012: Chihuahua, ice bear, zebra, studio couch, umbrella, broccoli, pizza.
        (151, "dog"),
        (296, "bear"),
        (340, "zebra"),
        (831, "couch"),
        (879, "umbrella"),
        (937, "broccoli"),
        (963, "pizza"),
        # Timber wolf, ski, parachute, catamaran: look-alikes are left out.
        (269, None),
        (795, None),
        (701, None),
        (484, None),
    ],
)
def test_classes_are_the_things_that_they_are(number: int, name: str | None) -> None:
    (chances,) = sure_of(number).probabilities(np.zeros((1, 4, DEPTH), np.float32))
    if name is None:
        assert chances.max() < 0.1
    else:
        assert NAMES[int(chances.argmax())] == name
        assert chances.max() == pytest.approx(0.9, abs=0.02)


def test_probabilities_are_of_the_mean_of_the_grid_and_sum_to_one_at_most() -> None:
    random = np.random.default_rng(0)
    layer = ThingDetector(
        random.normal(0, 3, (DEPTH, CLASSES)).astype(np.float32), random.normal(0, 1, CLASSES).astype(np.float32)
    )
    grid = random.normal(0, 1, (3, 5, DEPTH)).astype(np.float32)
    logits = grid.mean(axis=1) @ layer.weights + layer.bias
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    dogs = [*range(151, 269), 273, 274, 275]
    found = layer.probabilities(grid)
    assert found.shape == (3, len(WORDS))
    np.testing.assert_allclose(found[:, 0], chances[:, dogs].sum(axis=1), rtol=1e-4)
    assert (found.sum(axis=1) <= 1 + 1e-5).all()
    # As sure as can be is no overflow.
    surer = ThingDetector(layer.weights, layer.bias + np.float32(1000))
    np.testing.assert_allclose(surer.probabilities(grid), found, rtol=1e-3)


def test_bytes_and_back_round_to_int8_once() -> None:
    random = np.random.default_rng(1)
    layer = ThingDetector(
        random.normal(0, 1, (DEPTH, CLASSES)).astype(np.float32), random.normal(0, 1, CLASSES).astype(np.float32)
    )
    read = ThingDetector.from_bytes(layer.to_bytes(), depth=DEPTH)
    np.testing.assert_allclose(read.weights, layer.weights, atol=np.abs(layer.weights).max() / 250)
    np.testing.assert_array_equal(read.bias, layer.bias)
    assert layer.to_bytes() == layer.to_bytes()


def changed(**arrays: Any) -> bytes:
    with np.load(io.BytesIO(sure_of(151).to_bytes())) as known:
        buffer = io.BytesIO()
        np.savez(buffer, **{**known, **arrays})
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        changed(format=np.array(2)),
        changed(weights=np.zeros((DEPTH, CLASSES - 1), np.int8)),
        changed(weights=np.zeros((DEPTH, CLASSES), np.float32)),
        changed(scale=np.full(CLASSES, np.nan, np.float32)),
        changed(scale=np.full(CLASSES, 3e38, np.float32)),
        changed(bias=np.zeros(CLASSES, np.float64)),
        changed(bias=np.zeros(3, np.float32)),
        changed(bias=np.array([{}] * CLASSES, dtype=object)),
        sure_of(151).to_bytes()[:-40],
    ],
)
def test_damaged_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(BundleError, match=r"things\.npz"):
        ThingDetector.from_bytes(data, depth=DEPTH)


def test_a_layer_for_other_features_is_refused_with_its_file(tiny_bundle: Path) -> None:
    other = dataclasses.replace(read_bundle(tiny_bundle), things=sure_of(151, depth=DEPTH + 1).to_bytes())
    with pytest.raises(BundleError, match=r"tiny\.captionkit.*depth 8"):
        Captioner(other, threads=1)


def test_the_fit_says_what_the_published_classifier_says() -> None:
    random = np.random.default_rng(2)
    head = (random.normal(0, 1, (6, CLASSES)).astype(np.float32), random.normal(0, 1, CLASSES).astype(np.float32))
    plain = random.normal(0, 1, (400, 6)).astype(np.float32)
    learned = (plain @ random.normal(0, 1, (6, DEPTH)) + 3).astype(np.float32)  # knows the same, says it otherwise
    fitted = fit_thing_detector(learned[:300], plain[:300], head)
    published = thing_detector(head)
    np.testing.assert_allclose(published.weights, SHARPNESS * head[0], rtol=1e-6)
    said = learned[300:] @ fitted.weights + fitted.bias
    truth = plain[300:] @ published.weights + published.bias
    assert np.corrcoef(said.ravel(), truth.ravel())[0, 1] > 0.95
    np.testing.assert_allclose((learned[:300] @ fitted.weights + fitted.bias).mean(), truth.mean(), atol=0.2)


def test_a_thing_whose_words_the_vocabulary_lacks_has_no_ids() -> None:
    ids = ids_of_things(TOKENIZER)
    assert ids[NAMES.index("dog")] == {TOKENIZER.id_of("dog"), TOKENIZER.id_of("dogs")}
    assert ids[NAMES.index("zebra")] == frozenset()


DOG = 151
PICTURES = [draw_picture(seed) for seed in range(5)]


def test_captions_say_how_likely_their_thing_is_and_confidence_reads_it(tiny_bundle: Path, tmp_path: Path) -> None:
    assert Captioner.load(tiny_bundle, threads=1).caption(PICTURES)[0].captions[0].recognised is None
    captioner = Captioner(dataclasses.replace(read_bundle(tiny_bundle), things=sure_of(DOG).to_bytes()), threads=1)
    for search in (Beam(3, 10), Greedy(10)):
        for one in captioner.caption(PICTURES, search=search):
            (caption,) = one.captions
            says = {"dog", "dogs"} & set(caption.tokens)
            assert caption.recognised == pytest.approx(0.9 if says else 0.0, abs=0.02)

    write_bundle(tmp_path / "b.captionkit", captioner.bundle)
    read = Captioner.load(tmp_path / "b.captionkit", threads=1)
    assert [one.text for one in read.caption(PICTURES)] == [one.text for one in captioner.caption(PICTURES)]
    records = draw_records(tiny_bundle, tmp_path, 130)
    judged = calibrate(read, records, split="val", quiet=True).calibration
    assert judged.features == (*FEATURES, *RECOGNISED)
    sure = dataclasses.replace(read.bundle, calibration=judged.to_document())
    confidence = Captioner(sure, threads=1).caption(PICTURES)[0].confidence
    assert confidence == pytest.approx(judged.of(read.caption(PICTURES)[0].captions[0], TOKENIZER), abs=1e-4)
    with pytest.raises(BundleError, match="needs a thing detector"):
        Captioner(dataclasses.replace(sure, things=None), threads=1)


def test_the_feature_is_zero_without_a_detector() -> None:
    one = Caption("A dog.", ("a", "dog"), (-1.0, -1.0), -1.0, False, recognised=0.25)
    assert caption_features(one, Tokenizer(["dog"]), RECOGNISED).tolist() == [0.25]
    assert caption_features(dataclasses.replace(one, recognised=None), Tokenizer(["dog"]), RECOGNISED)[0] == 0.0
