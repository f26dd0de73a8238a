"""`score` puts the metrics together and says what the numbers are worth."""

from __future__ import annotations

import pytest

from captionkit.errors import DataError, UsageError
from captionkit.metrics import score

REFERENCES = {
    "one": ["A dog runs over the grass.", "The brown dog is running outside."],
    "two": ["Two children sit on a red bench.", "A boy and a girl are sitting on a bench."],
}
PREDICTIONS = {"one": "a dog is running on the grass", "two": "two children on a bench"}


def test_scores_carry_values_ids_and_fingerprint() -> None:
    scores = score(PREDICTIONS, REFERENCES, ["BLEU", "ROUGE-L", "CIDEr-D"])
    assert set(scores.corpus) == {"BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr-D"}
    assert scores.ids == ("one", "two")
    assert all(values.shape == (2,) for values in scores.per_image.values())
    assert scores.fingerprint["images"] == "2"
    assert scores.fingerprint["references"] == "2"
    assert scores.warnings == ()


def test_cider_is_undefined_on_one_picture_not_zero() -> None:
    scores = score({"one": PREDICTIONS["one"]}, {"one": REFERENCES["one"]})
    assert "CIDEr-D" not in scores.corpus
    assert "one picture" in scores.not_computed["CIDEr-D"]


def test_unknown_metric() -> None:
    with pytest.raises(UsageError, match="did you mean 'CIDEr-D'"):
        score(PREDICTIONS, REFERENCES, ["CIDER-D"])


def test_captions_of_another_split() -> None:
    with pytest.raises(DataError, match="another split"):
        score({"three": "a cat"}, REFERENCES)
