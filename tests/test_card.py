"""The model card says what was measured, and nothing else."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from captionkit.bundle import read_bundle
from captionkit.calibrate import Judged, calibrate_on
from captionkit.captioner import Captioner
from captionkit.card import EXAMPLES, POOR, Stage, _table, common_words, mistakes, write_card
from captionkit.cli.app import app
from captionkit.config import Config
from captionkit.evaluate import Evaluation, evaluate
from captionkit.metrics.guesses import Guess
from captionkit.metrics.proportion import Proportion
from captionkit.records import ImageRecord
from tests.tiny import WORDS, draw_records, write_table


@pytest.fixture(scope="module")
def records(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> list[ImageRecord]:
    return draw_records(tiny_bundle, tmp_path_factory.mktemp("card"), 130)


@pytest.fixture(scope="module")
def found(tiny_bundle: Path, records: list[ImageRecord]) -> Evaluation:
    captioner = Captioner.load(tiny_bundle, threads=1)
    return evaluate(captioner, records, split="val", metrics=("BLEU", "CIDEr-D"), quiet=True)


@pytest.fixture(scope="module")
def judged(tiny_bundle: Path, records: list[ImageRecord], found: Evaluation) -> Judged:
    return calibrate_on(found, records, read_bundle(tiny_bundle).tokenizer)


def test_its_figures_are_those_that_were_measured(tiny_bundle: Path, found: Evaluation, judged: Judged) -> None:
    stages = [Stage("lstm, cross-entropy", 3600.0), Stage("self-critical", 1800.0)]
    card = write_card(Config(), read_bundle(tiny_bundle), found, judged, stages, 6000)
    assert f", {len(WORDS)} words; weights" in card
    interval = found.intervals()["BLEU-4"]
    score = found.scores.corpus["BLEU-4"]
    assert f"| BLEU-4 | {100 * score:.1f} | {100 * interval.low:.1f} to {100 * interval.high:.1f} |" in card
    assert "Together 1 h 30 min" in card
    assert found.scores.fingerprint["split_sha256"] in card
    told = found.guesses().told[1].model
    assert told.total
    assert f"| {told.total} | {100 * told.share:.0f} % |" in card
    assert f"judged on {len(judged.ids)} others" in card
    half = sum(judged.confidence >= 0.5)
    good = sum(judged.quality[judged.confidence >= 0.5] >= 0.4)
    assert 0 < half < len(judged.ids)
    assert f"| 0.5 | {half} ({100 * half / len(judged.ids):.0f} %) | {100 * good / half:.0f} % |" in card
    titles = re.findall(r"^## (.*)$", card, re.MULTILINE)
    assert titles == [
        "What it is",
        "What it learned from",
        "How it was made",
        "How good it is",
        "How sure it is",
        "What it does badly",
        "Biases",
        "What it must not be used for",
    ]


def test_it_says_whose_captions_were_learned(tiny_bundle: Path, found: Evaluation) -> None:
    bundle, stages, plain = read_bundle(tiny_bundle), [Stage("lstm", 60.0)], Config()
    taught = dataclasses.replace(plain, training=dataclasses.replace(plain.training, pseudo_captions="w.csv"))
    assert "with the captions that people wrote for them.\n" in write_card(plain, bundle, found, None, stages, 10)
    assert "people wrote for them, and with captions of another model.\n" in write_card(
        taught, bundle, found, None, stages, 10
    )


def test_it_says_whether_things_are_recognised(tiny_bundle: Path, found: Evaluation) -> None:
    plain, stages = dataclasses.replace(read_bundle(tiny_bundle), things=None), [Stage("lstm", 60.0)]
    for bundle in (plain, dataclasses.replace(plain, things=b"numbers")):
        card = write_card(Config(), bundle, found, None, stages, 10)
        assert ("from ImageNet" in card) is (bundle.things is not None)


def test_without_a_calibration_it_says_so(tiny_bundle: Path, found: Evaluation) -> None:
    card = write_card(Config(), read_bundle(tiny_bundle), found, None, [Stage("lstm", 60.0)], 10)
    assert "too few pictures to calibrate it on" in card
    assert "surest" not in card


def test_examples_are_sure_wrong_and_quote_no_person(
    found: Evaluation, judged: Judged, records: list[ImageRecord]
) -> None:
    harsh = dataclasses.replace(judged, quality=judged.quality * 0)
    shown = mistakes(found, harsh)
    assert len(shown) == EXAMPLES
    assert [one.confidence for one in shown] == sorted((one.confidence for one in shown), reverse=True)
    assert len({tuple(one.caption.split()[:3]) for one in shown}) == len(shown)
    assert all(len(one.people) > 1 for one in shown)
    captions = {prediction.text for prediction in found.predictions.values()}
    assert all(one.caption in captions for one in shown)
    assert mistakes(found, dataclasses.replace(judged, quality=judged.quality * 0 + POOR)) == ()
    assert mistakes(found, None) == ()


def test_common_words_are_those_of_most_people() -> None:
    people = ["in snow a dog runs", "the dog runs", "dog in the snow", "a wolf in snow", "dog"]
    assert common_words([one.split() for one in people]) == ("dog", "snow")


def test_evaluate_prints_and_writes_what_the_card_is_made_of(
    tiny_bundle: Path, records: list[ImageRecord], found: Evaluation
) -> None:
    table = write_table(records[0].path.parent / "captions.jsonl", records)
    arguments = ["evaluate", str(tiny_bundle), str(table), "--split", "all", "-q"]
    document = json.loads(CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False).stdout)
    assert document["guesses"] == found.guesses().to_document()
    interval = found.intervals()["BLEU-4"]
    assert document["intervals"]["BLEU-4"] == [interval.low, interval.high]
    printed = CliRunner().invoke(app, arguments, catch_exceptions=False).stdout
    told = found.guesses().told[1]
    share, low, high = (100 * one for one in (told.model.share, told.model.interval.low, told.model.interval.high))
    row = next(line for line in printed.splitlines() if line.startswith(f"{told.what} "))
    assert row.removeprefix(told.what).split()[0] == f"{told.model.total:,}"
    assert f" {share:.1f} % ({low:.1f} to {high:.1f}) " in row
    assert row.endswith(f" {100 * told.people.share:.1f} %")
    assert f"BLEU-4 {100 * interval.low:.1f} to {100 * interval.high:.1f}" in printed


def test_a_table_without_rows_is_a_sentence() -> None:
    assert _table("says", ()) == "There was nothing to measure it on."
    none, half = Proportion(0, 0), Proportion(1, 2)
    assert _table("says", [Guess("a dog", none, half)]) == "There was nothing to measure it on."
    row = _table("says", [Guess("a dog", half, none)]).splitlines()[-1]  # of people there is nothing to tell
    assert row.startswith("| a dog | 2 | 50 % |")
    assert row.endswith(" % |  |")
