"""Captions as results that `captionkit score` finds the references of."""

from __future__ import annotations

from pathlib import Path

import pytest

from captionkit.captioner import Captioner
from captionkit.errors import DataError
from captionkit.evaluate import Evaluation, split_records
from captionkit.metrics.score import score_with_outcomes
from captionkit.records import ImageRecord
from captionkit.selftest import draw_picture


def test_only_ids_that_are_written_as_numbers_become_numbers(tiny_bundle: Path) -> None:
    (one,) = Captioner.load(tiny_bundle, threads=1).caption([draw_picture(1)])
    names = ["7", "0", "000010", "10", "\u0661", "a.jpg", "1" * 30]
    scored = score_with_outcomes(dict.fromkeys(names, "a dog"), {name: ["a dog"] for name in names}, ["BLEU"])
    found = Evaluation(dict.fromkeys(names, one), scored, {})
    assert [entry["image_id"] for entry in found.results()] == [7, 0, "000010", 10, "\u0661", "a.jpg", "1" * 30]


def test_data_without_splits_are_taken_whole() -> None:
    def records(split: str | None) -> list[ImageRecord]:
        return [ImageRecord("a.jpg", Path("a.jpg"), ("A dog .",), split, "x.csv")]

    assert split_records(records("val"), "dev") == records("val")
    assert split_records(records(None), "all") == records(None)
    with pytest.raises(DataError, match="not divided; take all of them with: --split all"):
        split_records(records(None), "dev")
    with pytest.raises(DataError, match=r"splits there: val\); name one of these, or all"):
        split_records(records("val"), "test")
    with pytest.raises(DataError, match="splits there: none"):
        split_records([], "test")
