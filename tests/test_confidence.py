"""Confidence: features, fit, bundle, hedging."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from captionkit.bundle import read_bundle, write_bundle
from captionkit.captioner import Captioner
from captionkit.confidence import (
    EVIDENCE,
    FEATURES,
    KNOWN_FEATURES,
    RECOGNISED,
    Calibration,
    caption_features,
    feature_names,
    fit,
    hedged,
    in_fit_half,
    possibly,
    withheld,
)
from captionkit.decoding import Greedy, Sample
from captionkit.errors import BundleError, DataError
from captionkit.metrics.reliability import expected_calibration_error
from captionkit.records import Caption, Prediction
from captionkit.selftest import draw_picture
from tests.tiny import tiny_tokenizer


def caption(*logs: float, words: tuple[str, ...] = ("a", "dog"), finished: bool = True) -> Caption:
    return Caption("A dog.", words, logs, -1.0, finished)


def calibration(**changes: Any) -> Calibration:
    ones = (1.0,) * len(FEATURES)
    plain = Calibration(0.4, (0.0,) * len(FEATURES), ones, (0.1,) * len(FEATURES), 0.0, 0.3, {"brier": 0.2})
    return dataclasses.replace(plain, **changes)


def features_of(one: Caption) -> dict[str, float]:
    rows = caption_features(one, tiny_tokenizer(), KNOWN_FEATURES)
    return dict(zip(KNOWN_FEATURES, rows.tolist(), strict=True))


def test_features_by_hand() -> None:
    found = features_of(caption(-1.0, -2.0, -0.5))
    assert found["mean"] == pytest.approx(-3.5 / 3)
    assert found["total"] == -3.5
    assert (found["least"], found["end"], found["length"]) == (-2.0, -0.5, 2)
    assert found["rarity"] == pytest.approx((np.log1p(4) + np.log1p(6)) / 2)
    assert found["content"] == -2.0  # "a" carries no meaning, the end is no word
    assert features_of(caption(-1.0, -2.0, -4.0, -0.5, words=("a", "dog", "runs")))["content"] == -3.0
    assert features_of(caption(-1.0, -2.0, finished=False))["end"] == 0
    assert features_of(caption(-1.0, -0.5, words=("a",)))["content"] == 0
    seen = features_of(dataclasses.replace(caption(-1.0, -2.0), evidence=(None, 1.0, -2.0), recognised=0.7))
    assert (seen["evidence"], seen["least_evidence"], seen["recognised"]) == (-0.5, -2.0, 0.7)
    blind = features_of(dataclasses.replace(caption(-1.0), evidence=(None,)))
    assert (blind["evidence"], blind["least_evidence"], blind["recognised"]) == (0, 0, 0)
    assert features_of(caption(-1.0, words=("an",)))["rarity"] == pytest.approx(np.log1p(3))  # of what is unknown
    assert set(features_of(caption(words=(), finished=False)).values()) == {0}
    assert np.isfinite(list(features_of(caption(-1.0, words=("<unk>",))).values())).all()


def test_a_calibration_reads_the_features_that_it_names() -> None:
    """Older ones were fitted on the log-probability of the end and of the least likely word too."""
    names = ("mean", "total", "least", "end", "rarity", "length")
    old = calibration(features=names, mean=(0.0,) * 6, scale=(1.0,) * 6, weights=(0.0, 0.0, 0.0, 1.0, 0.0, 0.0))
    read = Calibration.from_document(old.to_document())
    assert read.of(caption(-1.0, -2.0, -0.5), tiny_tokenizer()) == pytest.approx(1 / (1 + np.exp(0.5)))


def test_the_fit_finds_the_weights_that_made_the_data() -> None:
    random = np.random.default_rng(0)
    features = random.normal(3.0, 2.0, (20000, len(FEATURES)))
    features[:, 4] = 7.0  # a feature that never varies must not divide by zero
    true = np.array([1.0, -0.5, 0.3, 0.8, 0.0])
    odds = ((features - 3.0) / 2.0) @ true - 0.4
    quality = (random.random(20000) < 1 / (1 + np.exp(-odds))).astype(float)
    found = fit(features, quality, level=0.5)
    np.testing.assert_allclose(found.weights[:4], true[:4], atol=0.08)
    chance = found.of_features(features)
    assert expected_calibration_error(chance, quality >= 0.5) < 0.02
    assert np.mean(chance < found.hedge_below) == pytest.approx(0.5, abs=0.01)


def test_a_fit_needs_both_outcomes_and_enough_pictures() -> None:
    features = np.random.default_rng(0).normal(size=(60, len(FEATURES)))
    for rows, quality in ((60, np.ones(60)), (60, np.zeros(60)), (49, np.arange(49) / 49)):
        with pytest.raises(DataError, match="at least 50"):
            fit(features[:rows], quality)


def test_fifty_captions_are_enough() -> None:
    features = np.random.default_rng(0).normal(size=(50, len(FEATURES)))
    assert 0 < fit(features, np.arange(50) / 50).hedge_below < 1
    assert fit(features, np.arange(50) / 50, names=KNOWN_FEATURES[-5:]).features == KNOWN_FEATURES[-5:]


def test_what_tells_nothing_gives_the_share_of_captions_that_reach_the_level() -> None:
    features = np.zeros((60, len(FEATURES)))
    found = fit(features, np.repeat([0.4, 0.39], [54, 6]), level=0.4)
    np.testing.assert_allclose(found.of_features(features), 0.9, atol=1e-9)


def test_a_new_calibration_is_fitted_on_what_detectors_saw() -> None:
    one = caption(-1.0)
    assert feature_names([one]) == FEATURES
    assert feature_names([one, dataclasses.replace(one, recognised=0.0)]) == (*FEATURES, *RECOGNISED)
    assert feature_names([one, dataclasses.replace(one, evidence=(None,))]) == (*FEATURES, *EVIDENCE)


def test_perfectly_separable_data_give_finite_weights() -> None:
    quality = np.linspace(0, 1, 60)
    features = np.repeat(quality[:, None], len(FEATURES), axis=1)
    found = fit(features, quality, level=0.5)
    assert np.isfinite(found.weights).all()
    assert found.of_features(features)[[0, -1]] == pytest.approx([0, 1], abs=0.15)


def test_halves_are_halves_and_stay() -> None:
    names = [f"{number}.jpg" for number in range(2000)]
    share = np.mean([in_fit_half(name) for name in names])
    assert 0.45 < share < 0.55
    # By hand: `printf %s 1.jpg | sha256sum` begins with 4c, which is even; then 3f, b4, d9, bb and b4.
    fixed = ("1.jpg", "5.jpg", "8.jpg", "10.jpg", "naïve.jpg", "Ölü.jpg")
    assert [in_fit_half(name) for name in fixed] == [True, False, True, False, False, True]


def test_document_and_back() -> None:
    for hedge_below in (0.0, 0.3, 1.0):  # hedge none, some, all but the certain
        one = calibration(hedge_below=hedge_below)
        assert Calibration.from_document(json.loads(json.dumps(one.to_document()))) == one


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "captionkit-calibration-9"},
        {"features": ["mean"]},
        {"features": []},
        {"features": [], "mean": [], "scale": [], "weights": []},
        {"features": ["mean", "total", "rarity", "length", "luck"]},
        {"features": ["mean", "mean", "rarity", "length", "content"]},
        {"weights": [1.0]},
        {"scale": [0.0] * 5},
        {"scale": [1e-320] * 5},
        {"mean": [1e308] * 5},
        {"weights": [1e308, -1e308, 1.0, 1.0, 1.0]},
        {"mean": ["x"] * 5},
        {"hedge_below": 2.0},
        {"bias": float("nan")},
        {"bias": 1e308},
        {"bias": None},
    ],
)
def test_a_damaged_calibration_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BundleError):
        Calibration.from_document({**calibration().to_document(), **changes})


def test_extreme_features_give_numbers_between_0_and_1() -> None:
    huge = np.array([[1e300] * len(FEATURES), [-1e300] * len(FEATURES)])
    found = calibration().of_features(huge)
    assert ((found >= 0) & (found <= 1)).all()


def test_the_bundle_carries_it_and_beam_search_gets_it(tiny_bundle: Path, tmp_path: Path) -> None:
    bundle = read_bundle(tiny_bundle)
    path = tmp_path / "sure.captionkit"
    write_bundle(path, dataclasses.replace(bundle, calibration=calibration().to_document()))
    sure, plain = Captioner.load(path, threads=1), Captioner.load(tiny_bundle, threads=1)
    picture = draw_picture(3)
    (found,) = sure.caption([picture])
    assert found.confidence == pytest.approx(calibration().of(found.captions[0], bundle.tokenizer), abs=1e-4)
    assert plain.caption([picture])[0].confidence is None
    assert plain.caption([picture])[0].text == found.text
    assert sure.caption([b"no picture"])[0].confidence is None
    for search in (Greedy(5), Sample(seed=1)):
        assert sure.caption([picture], search=search)[0].confidence is None


def test_hedging_and_withholding() -> None:
    sure = Prediction("a.jpg", (caption(-1.0),), 0.8)
    unsure = dataclasses.replace(sure, confidence=0.2)
    none = dataclasses.replace(sure, confidence=None)
    assert hedged(sure, 0.3) is sure
    assert hedged(unsure, 0.2) is unsure  # as sure as was asked
    assert hedged(unsure, 0.3).text == "Possibly: a dog."
    assert hedged(hedged(unsure, 0.3), 0.3) == hedged(unsure, 0.3)
    assert hedged(unsure, 0.3).captions[0].tokens == unsure.captions[0].tokens
    assert hedged(none, 1.0) is none
    assert withheld(sure, 0.3) is sure
    assert withheld(none, 1.0) is none
    assert withheld(unsure, 0.3).captions == ()
    assert withheld(unsure, 0.3).confidence == 0.2
    assert possibly("") == ""
