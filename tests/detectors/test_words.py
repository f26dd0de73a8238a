"""The word detector: fit, bytes, evidence, and what captions and confidence make of it."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from captionkit.bundle import read_bundle, write_bundle
from captionkit.calibrate import calibrate
from captionkit.captioner import Captioner
from captionkit.confidence import EVIDENCE, FEATURES, caption_features
from captionkit.decoding import Greedy
from captionkit.detectors import ridge, to_int8
from captionkit.detectors.words import FLOOR, LEAST, WordDetector, fit_word_detector, log_odds
from captionkit.errors import BundleError, DataError
from captionkit.images import load_pixels
from captionkit.records import Caption
from captionkit.selftest import draw_picture
from tests.tiny import DEPTH, IMAGE_SIZE, draw_records, tiny_tokenizer

TOKENIZER = tiny_tokenizer()
PETS, THINGS = ("dog", "cat"), ("ball", "water")


def corpus(number: int = 400) -> tuple[np.ndarray, list[tuple[str, ...]]]:
    """Features whose first half tells the pet and whose second the thing, with noise; two captions a picture."""
    random = np.random.default_rng(0)
    features: list[np.ndarray] = []
    captions: list[tuple[str, ...]] = []
    for index in range(number):
        pet, thing = index % 2, index // 2 % 2
        means = np.repeat([pet, thing], DEPTH // 2)
        features.append(means + random.normal(0, 0.1, DEPTH))
        captions.append((f"a {PETS[pet]} with a {THINGS[thing]}", f"the {PETS[pet]} zooms"))
    return np.array(features, np.float32), captions


def detector() -> WordDetector:
    return fit_word_detector(*corpus(), TOKENIZER)


def grid(pet: int, thing: int) -> np.ndarray:
    """float32 [1, P, D] of one picture; the mean over the grid is what counts."""
    place = np.repeat([pet, thing], DEPTH // 2).astype(np.float32)
    return np.stack([place * 0.5, place * 1.5])[None]


def test_it_expects_the_words_that_go_with_a_picture() -> None:
    words = ("a", "cat", "with", "a", "ball", "dog", "water", "zooms", "grass")
    found = detector().look(grid(pet=1, thing=0)).of_words(0, words, TOKENIZER)
    # Small words, words outside the vocabulary and words that no picture had say nothing.
    assert [value is None for value in found] == [True, False, True, True, False, False, False, True, True]
    _, cat, _, _, ball, dog, water, _, _ = found
    assert cat == pytest.approx(
        np.log((1 + FLOOR) / (0.5 + FLOOR)), abs=0.05
    )  # in half of all captions, here in all
    assert ball == pytest.approx(np.log((0.5 + FLOOR) / (0.25 + FLOOR)), abs=0.1)
    assert dog is not None
    assert dog < -1.5
    assert water is not None
    assert water < -1


def test_small_words_say_nothing_even_where_they_are_known() -> None:
    fitted = detector()
    knowing = dataclasses.replace(fitted, usual=np.full_like(fitted.usual, 0.5))
    a, cat = knowing.look(grid(pet=1, thing=0)).of_words(0, ("a", "cat"), TOKENIZER)
    assert a is None
    assert cat is not None


def test_log_odds_of_none_and_of_all_are_bounded() -> None:
    most = np.log((1 - LEAST) / LEAST)
    assert log_odds(np.array([0.0, 0.5, 1.0], np.float32)) == pytest.approx([-most, 0.0, most], rel=1e-4)


def test_evidence_is_bounded_by_none_and_all_of_the_captions() -> None:
    fitted = detector()
    dog, cat = (TOKENIZER.id_of(word) for word in PETS)
    assert dog is not None
    assert cat is not None
    no, yes = fitted.look(np.float32(100.0) * grid(pet=1, thing=0)).evidence(0, (dog, cat))
    assert no == pytest.approx(np.log(FLOOR / (fitted.usual[dog] + FLOOR)))
    assert yes == pytest.approx(np.log((1 + FLOOR) / (fitted.usual[cat] + FLOOR)))


def test_the_directions_of_most_variance_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("captionkit.detectors.words.RANK", 2)  # the pet and the thing; the others are noise
    fitted = detector()
    assert fitted.basis.shape == (DEPTH, 2)
    (cat,) = fitted.look(grid(pet=1, thing=0)).of_words(0, ("cat",), TOKENIZER)
    assert cat == pytest.approx(np.log((1 + FLOOR) / (0.5 + FLOOR)), abs=0.05)


def test_bytes_and_back_round_to_int8_once() -> None:
    fitted = detector()
    data = fitted.to_bytes()
    read = WordDetector.from_bytes(data, depth=DEPTH, vocabulary=len(TOKENIZER))
    everything = range(len(TOKENIZER))
    after, before = (one.look(grid(0, 1)).evidence(0, everything) for one in (read, fitted))
    np.testing.assert_allclose(after, before, atol=0.05, equal_nan=True)
    assert read.places is None
    assert fitted.to_bytes() == data == detector().to_bytes()


def placed(places: float, bias: float = 0.0) -> WordDetector:
    """One that has all words in half of all captions, and places that look for the first direction."""
    plain = WordDetector(
        mean=np.zeros(DEPTH, np.float32),
        basis=np.eye(DEPTH, 2, dtype=np.float32),
        weights=np.zeros((2, len(TOKENIZER)), np.float32),
        usual=np.full(len(TOKENIZER), 0.5, np.float32),
    )
    rows = np.zeros_like(plain.weights)
    rows[0] = places
    return dataclasses.replace(plain, places=rows, bias=np.full(len(TOKENIZER), bias, np.float32))


def expected(odds: float) -> float:
    return float(np.log((1 / (1 + np.exp(-odds)) + FLOOR) / (0.5 + FLOOR)))


def test_one_place_is_enough_to_show_a_word() -> None:
    everywhere, somewhere = np.zeros((2, 2, 4, DEPTH), np.float32)
    everywhere[:, :, 0], somewhere[1, 2, 0] = 1.0, 4.0  # of the same mean
    pictures = np.concatenate([everywhere[:1], somewhere[1:]])
    sight = placed(3.0, bias=0.5).look(pictures)
    # In the one each place adds 3, in the other one of four adds 12.
    assert sight.evidence(0, [5]) == pytest.approx([expected(0.5 + 3.0)], abs=1e-5)
    assert sight.evidence(1, [5]) == pytest.approx([expected(0.5 + 12.0 - np.log(4))], abs=1e-3)
    assert sight.evidence(0, []).shape == (0,)
    # What no float32 has the exponential of is as far as a share can be.
    for places, edge in ((1e9, 1.0), (-1e9, 0.0)):
        found = placed(places).look(pictures).evidence(0, [5])
        assert found == pytest.approx([np.log((edge + FLOOR) / (0.5 + FLOOR))])


def test_places_correct_what_the_mean_says() -> None:
    fitted = detector()
    none = dataclasses.replace(fitted, places=np.zeros_like(fitted.weights), bias=np.zeros_like(fitted.usual))
    words = [TOKENIZER.id_of(word) for word in (*PETS, *THINGS, "grass")]
    plain, same = (one.look(grid(1, 0)).evidence(0, [id_ or 0 for id_ in words]) for one in (fitted, none))
    np.testing.assert_allclose(same, plain, atol=0.07)  # shares are kept from 0 and 1 before their odds are taken
    assert np.isnan(same[-1])


def test_places_go_through_bytes() -> None:
    whole = dataclasses.replace(placed(3.0), mean=np.ones(DEPTH, np.float32))
    read = WordDetector.from_bytes(whole.to_bytes(), depth=DEPTH, vocabulary=len(TOKENIZER))
    for name in ("mean", "basis", "weights", "usual", "places", "bias"):
        np.testing.assert_allclose(getattr(read, name), getattr(whole, name), atol=0.02)
    np.testing.assert_allclose(
        read.look(grid(0, 1)).evidence(0, [4, 7]), whole.look(grid(0, 1)).evidence(0, [4, 7]), atol=0.02
    )


def test_rare_words_are_left_alone() -> None:
    features, captions = corpus()
    captions[0] = captions[1] = ("a woman",)
    sight = fit_word_detector(features, captions, TOKENIZER).look(grid(0, 0))
    assert sight.of_words(0, ("woman",), TOKENIZER) == (None,)
    captions[2] = ("a woman",)
    sight = fit_word_detector(features, captions, TOKENIZER).look(grid(0, 0))
    assert sight.of_words(0, ("woman",), TOKENIZER) != (None,)


def test_too_few_pictures_are_one_sentence() -> None:
    features, captions = corpus(30)
    with pytest.raises(DataError, match="at least 50"):
        fit_word_detector(features, captions, TOKENIZER)
    assert fit_word_detector(*corpus(50), TOKENIZER).usual.max() > 0


def test_pictures_that_all_look_alike_call_for_what_is_usual() -> None:
    features, captions = corpus(60)
    sight = fit_word_detector(np.zeros_like(features), captions, TOKENIZER).look(grid(1, 0))
    dog, cat = sight.of_words(0, PETS, TOKENIZER)
    assert dog == pytest.approx(0, abs=1e-6)
    assert cat == pytest.approx(0, abs=1e-6)


def changed(of: WordDetector | None = None, without: str = "", **arrays: Any) -> bytes:
    with np.load(io.BytesIO((of or detector()).to_bytes())) as known:
        kept = {name: array for name, array in {**known, **arrays}.items() if name != without}
    buffer = io.BytesIO()
    np.savez(buffer, **kept)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04 no archive",
        changed(format=np.array(2)),
        changed(format=np.array([1, 1])),
        changed(format=np.array(np.inf)),
        changed(mean=np.zeros(DEPTH + 1, np.float32)),
        changed(usual=np.full(len(TOKENIZER), np.nan, np.float32)),
        changed(usual=np.full(len(TOKENIZER), -0.5, np.float32)),  # of which there is no logarithm
        changed(weights_scale=np.full(len(TOKENIZER), 3e38, np.float32)),
        changed(usual=np.zeros(len(TOKENIZER) + 1, np.float32)),
        changed(mean=np.array([np.inf] + [0.0] * (DEPTH - 1), np.float32)),
        changed(basis=np.zeros((DEPTH, 3), np.int8)),
        changed(basis=detector().basis),
        changed(weights_scale=np.zeros(len(TOKENIZER), np.float64)),
        changed(mean=np.array([{"a": 1}] * DEPTH, dtype=object)),
        detector().to_bytes()[:-40],
        changed(without="basis"),
        changed(without="weights_scale"),
        changed(basis=np.int8(1)),
        changed(basis=np.zeros((DEPTH, 1, DEPTH), np.int8)),
        changed(placed(1.0), without="bias"),
        changed(placed(1.0), without="places_scale"),
        changed(placed(1.0), bias=np.full(len(TOKENIZER), np.inf, np.float32)),
        changed(placed(1.0), bias=np.zeros(len(TOKENIZER) - 1, np.float32)),
        changed(placed(1.0), places=np.zeros((3, len(TOKENIZER)), np.int8)),
        changed(placed(1.0), places=np.zeros((2, len(TOKENIZER)), np.float32)),
    ],
)
def test_damaged_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(BundleError, match="word"):
        WordDetector.from_bytes(data, depth=DEPTH, vocabulary=len(TOKENIZER))


def test_bytes_that_unpack_to_too_much_are_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, format=np.array(1), mean=np.zeros(17 << 20, np.float32))
    assert len(buffer.getvalue()) < 1 << 20
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_, **__: pytest.fail("it was unpacked"))
    with pytest.raises(BundleError, match="word_detector"):
        WordDetector.from_bytes(buffer.getvalue(), depth=DEPTH, vocabulary=len(TOKENIZER))


def test_a_detector_of_another_vocabulary_is_refused_with_its_file(tiny_bundle: Path) -> None:
    other = dataclasses.replace(
        detector(), usual=np.zeros(3, np.float32), weights=np.zeros((DEPTH, 3), np.float32)
    )
    bundle = dataclasses.replace(read_bundle(tiny_bundle), word_detector=other.to_bytes())
    with pytest.raises(BundleError, match=r"tiny\.captionkit.*holds another"):
        Captioner(bundle, threads=1)


def test_captions_carry_their_evidence_and_confidence_reads_it(tiny_bundle: Path, tmp_path: Path) -> None:
    plain = Captioner.load(tiny_bundle, threads=1)
    assert plain.word_detector is None
    records = draw_records(tiny_bundle, tmp_path, 130)
    features = plain.engine.encode(np.stack([load_pixels(one.path, IMAGE_SIZE) for one in records])).mean(axis=1)
    fitted = fit_word_detector(features, [one.captions for one in records], TOKENIZER)
    write_bundle(tmp_path / "b.captionkit", dataclasses.replace(plain.bundle, word_detector=fitted.to_bytes()))
    captioner = Captioner.load(tmp_path / "b.captionkit", threads=1)

    picture = draw_picture(3)
    (without,), (found,) = plain.caption([picture]), captioner.caption([picture])
    assert found.text == without.text
    assert without.captions[0].evidence == ()
    assert len(found.captions[0].evidence) == len(found.captions[0].tokens)
    assert any(value is not None for value in found.captions[0].evidence)
    assert captioner.caption([picture], search=Greedy(5))[0].captions[0].evidence

    judged = calibrate(captioner, records, split="val", quiet=True).calibration
    assert judged.features == (*FEATURES, *EVIDENCE)
    assert calibrate(plain, records, split="val", quiet=True).calibration.features == FEATURES
    sure = dataclasses.replace(captioner.bundle, calibration=judged.to_document())
    confidence = Captioner(sure, threads=1).caption([picture])[0].confidence
    assert confidence == pytest.approx(judged.of(found.captions[0], TOKENIZER), abs=1e-4)
    with pytest.raises(BundleError, match="needs a word detector"):
        Captioner(dataclasses.replace(sure, word_detector=None), threads=1)


def test_features_of_evidence_by_hand() -> None:
    def features(*evidence: float | None) -> list[float]:
        one = Caption("A dog.", ("a", "dog", "runs"), (-1.0, -1.0, -1.0), -1.0, False, evidence=evidence)
        return caption_features(one, TOKENIZER, EVIDENCE).tolist()

    assert features(None, 1.0, -2.0) == [-0.5, -2.0]
    assert features(None, None, None) == features() == [0.0, 0.0]


def test_a_ridge_pulls_by_a_share_of_the_mean_variance() -> None:
    spread, together = np.diag([2.0, 4.0]), np.ones((2, 1))
    np.testing.assert_allclose(ridge(spread, together, 0.5), [[1 / 3.5], [1 / 5.5]])
    np.testing.assert_allclose(ridge(np.zeros((2, 2)), together, 0.5), together)  # where nothing varies


def test_all_of_int8_is_used_but_its_lowest() -> None:
    small, scale = to_int8(np.array([[1.0, 0.0], [-2.0, 0.0], [0.5, 0.0]], np.float32))
    assert small.tolist() == [[64, 0], [-127, 0], [32, 0]]
    assert scale[0] == np.float32(2 / 127)
    assert scale[1] > 0
