"""Captions as results that `captionkit score` finds the references of."""

from __future__ import annotations

from pathlib import Path

from captionkit.captioner import Captioner
from captionkit.evaluate import Evaluation
from captionkit.metrics.score import score_with_outcomes
from captionkit.selftest import draw_picture


def test_only_ids_that_are_written_as_numbers_become_numbers(tiny_bundle: Path) -> None:
    (one,) = Captioner.load(tiny_bundle, threads=1).caption([draw_picture(1)])
    names = ["7", "0", "000010", "10", "\u0661", "a.jpg", "1" * 30]
    scored = score_with_outcomes(dict.fromkeys(names, "a dog"), {name: ["a dog"] for name in names}, ["BLEU"])
    found = Evaluation(dict.fromkeys(names, one), scored, {})
    assert [entry["image_id"] for entry in found.results()] == [7, 0, "000010", 10, "\u0661", "a.jpg", "1" * 30]
