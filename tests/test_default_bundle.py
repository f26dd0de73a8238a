"""The bundle that is installed with captionkit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from captionkit import Captioner
from captionkit.bundle import DEFAULT_BUNDLE, Bundle, read_bundle
from captionkit.images import read_image
from captionkit.selftest import CANDIDATES, draw_picture, run_selftest

pytestmark = pytest.mark.skipif(not DEFAULT_BUNDLE.exists(), reason=f"no bundle at {DEFAULT_BUNDLE}")


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return read_bundle()


def test_it_says_what_it_must_of_its_picture(bundle: Bundle) -> None:
    result = run_selftest(bundle)
    assert result.passed, result
    assert len(result.got) >= 3


def test_it_is_small_and_complete(bundle: Bundle) -> None:
    assert DEFAULT_BUNDLE.stat().st_size <= 20_000_000
    assert bundle.config
    assert len(bundle.card) > 500
    assert {"training data", "encoder weights"} <= bundle.manifest.licences.keys()
    assert bundle.manifest.scores
    assert bundle.manifest.fingerprint


def test_what_it_is_unsure_of_is_hedged_as_on_the_command_line(bundle: Bundle) -> None:
    captioner = Captioner(bundle)
    (drawn,) = captioner.caption([draw_picture(1)])
    assert captioner.calibration is not None
    assert drawn.confidence is not None
    assert drawn.confidence < captioner.calibration.hedge_below  # a few coloured shapes
    assert captioner.hedged(drawn).text == f"Possibly: {drawn.text[:1].lower()}{drawn.text[1:]}"
    sure = replace(drawn, confidence=captioner.calibration.hedge_below)
    assert captioner.hedged(sure) == sure


def test_it_holds_no_photograph(bundle: Bundle) -> None:
    pixels = read_image(bundle.selftest.picture)
    assert any(np.array_equal(pixels, read_image(draw_picture(seed))) for seed in range(CANDIDATES))
