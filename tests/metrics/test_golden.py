"""Tokeniser and metrics together against pycocoevalcap: stored values to 1e-9, live ones where there is Java."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from captionkit.metrics import score
from tests.metrics import golden_scores, reference
from tests.metrics.corpora import Corpora, invented
from tests.metrics.golden_scores import PATH, coco, flickr, hard, reference_scores

NAMES = {"BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr-D"}


def golden(name: str) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))[name]
    return stored


def assert_equal(corpora: Corpora, expected: dict[str, Any]) -> None:
    found = score(*corpora, ["BLEU", "ROUGE-L", "CIDEr-D"])
    assert expected.keys() == NAMES
    for name, values in expected.items():
        assert found.corpus[name] == pytest.approx(values["corpus"], abs=1e-9), name
        assert np.abs(found.per_image[name] - np.array(values["per_image"])).max() < 1e-9, name


def test_invented_captions() -> None:
    assert_equal(invented(), golden("invented"))


def test_hard_captions() -> None:
    assert_equal(hard(), golden("hard"))


@pytest.mark.data
def test_flickr8k_dev_captions(data_root: Path) -> None:
    assert_equal(flickr(data_root), golden("flickr8k"))


@pytest.mark.data
def test_coco_val_captions(data_root: Path) -> None:
    assert_equal(coco(data_root), golden("coco"))


@pytest.mark.java
@pytest.mark.slow
def test_goldens_made_afresh() -> None:
    if reference.tokenizer_jar() is None:
        pytest.skip("needs a JVM and pycocoevalcap")
    for corpora, name in ((invented(), "invented"), (hard(), "hard")):
        found, stored = golden_scores.reference_scores(corpora), golden(name)
        assert found.keys() == stored.keys()
        for metric, values in found.items():  # of which processors write the last digit differently
            for part, value in values.items():
                np.testing.assert_allclose(value, stored[metric][part], rtol=0, atol=1e-12, err_msg=metric)


@pytest.mark.java
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 8))
def test_other_invented_captions_live(seed: int) -> None:
    if reference.tokenizer_jar() is None:
        pytest.skip("needs a JVM and pycocoevalcap")
    corpora = invented(150, seed)
    assert_equal(corpora, reference_scores(corpora))
