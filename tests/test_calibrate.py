"""Calibration from pictures to a bundle, and the command."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from captionkit.bundle import read_bundle, write_bundle
from captionkit.calibrate import calibrate, people_share
from captionkit.captioner import Captioner
from captionkit.card import SURENESS, sureness
from captionkit.cli.app import app
from captionkit.confidence import Calibration, in_fit_half
from captionkit.errors import DataError
from captionkit.records import ImageRecord
from tests.command import Run
from tests.tiny import draw_records, write_table

PICTURES = 130


@pytest.fixture(scope="module")
def records(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> list[ImageRecord]:
    """Pictures whose references hold the model's own words the likelier, the surer the model is of them."""
    return draw_records(tiny_bundle, tmp_path_factory.mktemp("calibrate"), PICTURES)


def test_it_is_fitted_on_one_half_and_judged_on_the_other(tiny_bundle: Path, records: list[ImageRecord]) -> None:
    found = calibrate(Captioner.load(tiny_bundle, threads=1), records, split="val", quiet=True)
    facts = found.calibration.facts
    fitted = sum(in_fit_half(record.id) for record in records)
    assert facts["pictures_fitted_on"] == fitted
    assert facts["pictures_judged"] == len(found.confidence) == PICTURES - fitted
    assert facts["gain_of_surest_half"] > 1.1
    assert facts["brier"] < facts["brier_of_constant"]
    share = facts["share_that_reach_level"]
    assert facts["brier_of_constant"] == pytest.approx(share * (1 - share), abs=1e-5)
    assert not any(in_fit_half(name) for name in found.ids)
    sure = found.confidence >= 0.5
    assert facts["pictures_at_least_0.5"] == sure.sum() > 0
    assert facts["that_reach_level_at_least_0.5"] == (found.quality[sure] >= 0.4).sum()
    assert facts["cider_d_at_least_0.5"] == pytest.approx(found.quality[sure].mean(), abs=1e-5)
    assert all("nan" not in f"{value}" for value in facts.values())
    kept = found.ids[int(found.quality.argmax())]
    other = [
        record
        if in_fit_half(record.id) or record.id == kept
        else ImageRecord(record.id, record.path, ("other words",) * 5, "val", "")
        for record in records
    ]
    again = calibrate(Captioner.load(tiny_bundle, threads=1), other, split="val", level=0.3, quiet=True)
    assert again.calibration.mean == found.calibration.mean, "the judging half must not move the fit"
    assert (found.calibration.level, again.calibration.level) == (0.4, 0.3)
    assert again.calibration.bias > found.calibration.bias  # more captions reach less


def test_a_judging_half_that_scores_nothing_is_one_sentence(tiny_bundle: Path, records: list[ImageRecord]) -> None:
    other = [
        record if in_fit_half(record.id) else replace(record, captions=("other words",) * 5) for record in records
    ]
    with pytest.raises(DataError, match="have a CIDEr-D of 0"):
        calibrate(Captioner.load(tiny_bundle, threads=1), other, split="val", quiet=True)


def test_people_are_scored_against_each_other() -> None:
    def record(name: str, *captions: str) -> ImageRecord:
        return ImageRecord(name, Path(name), captions, None, "")

    agreeing = [record("a", "a dog runs fast", "a dog runs fast"), record("b", "two cats sit", "two cats sit")]
    assert people_share(agreeing, 5.0) == 1.0
    differing = [record("a", "a dog runs fast", "blue water"), record("b", "two cats sit", "red grass")]
    assert people_share(differing, 0.1) == 0.0
    assert people_share([record("a", "one caption")], 0.1) == 0.0
    assert people_share([agreeing[0], differing[1]], 0.1) == 0.5
    # A third caption has nothing to be told rare by: no other picture has one.
    third = record("a", "a dog runs fast", "a dog runs fast", "grey")
    assert people_share([third, differing[1]], 0.1) == 0.5
    assert people_share([*agreeing, record("c", "one caption")], 5.0) == 1.0


@pytest.mark.parametrize("number", [1, 30])
def test_too_few_pictures_are_one_sentence_before_they_are_captioned(
    tiny_bundle: Path, records: list[ImageRecord], tmp_path: Path, number: int
) -> None:
    table = write_table(records[0].path.parent / "few.jsonl", records[:number])
    with pytest.raises(DataError, match=f"at least 50 pictures to fit .*: of the {number} about half"):
        calibrate(Captioner.load(tiny_bundle, threads=1), records[:number], split="val", quiet=True)
    arguments = [
        "calibrate",
        str(tiny_bundle),
        str(table),
        "--split",
        "all",
        "-o",
        str(tmp_path / "sure.captionkit"),
    ]
    done = CliRunner().invoke(app, arguments)
    assert isinstance(done.exception, DataError)
    assert "kept" not in done.output  # in a file beside: the same command would be refused again
    assert not list(tmp_path.iterdir())


def expect_told(lines: list[str], calibration: Calibration, output: Path) -> None:
    """What the command prints is what the bundle states of its calibration."""
    facts = calibration.facts
    judged = int(facts["pictures_judged"])
    share, people = facts["share_that_reach_level"], facts["share_of_people_that_reach_level"]
    assert lines[:2] == [
        f"fitted on {facts['pictures_fitted_on']:.0f} pictures, judged on {judged} others; a good caption reaches "
        f"CIDEr-D 0.3, as {100 * share:.0f} % of these and {100 * people:.0f} % of people's do",
        f"expected calibration error {facts['expected_calibration_error']:.3f}, Brier score {facts['brier']:.3f} "
        f"(a constant: {facts['brier_of_constant']:.3f})",
    ]
    bins, kept, surest = (
        next(number for number, line in enumerate(lines) if line.startswith(heading))
        for heading in ("confidence ", "at least ", "the surest   ")
    )
    of_bins = [[float(value) for value in line.split()] for line in lines[bins + 1 : kept]]
    assert sum(count for *_, count in of_bins) == judged
    assert sum(true * count for _, true, count in of_bins) / judged == pytest.approx(share, abs=0.01)
    rows = {line.split()[0]: line.split() for line in lines[kept + 1 : surest]}
    assert rows["0.00"][1:6] == [str(judged), "(100", "%)", f"{100 * share:.0f}", "%"]
    assert rows["0.50"][1] == f"{facts['pictures_at_least_0.5']:.0f}"
    assert rows["0.50"][-1] == f"{100 * facts['cider_d_at_least_0.5']:.1f}"
    true = facts["that_reach_level_at_least_0.5"] / facts["pictures_at_least_0.5"]
    assert rows["0.50"][rows["0.50"].index("%") - 1] == f"{100 * true:.0f}"
    low, high = rows["0.50"][-4].strip("("), rows["0.50"][-2].strip(")")
    assert 30 < int(low) < 100 * true < int(high) <= 100
    means = [line.split() for line in lines[surest + 1 : -2]]
    assert [row[0] for row in means] == ["10", "25", "50", "75", "100"]
    assert means[-1][-1] == rows["0.00"][-1]  # all of them
    assert float(means[2][-1]) / float(means[-1][-1]) == pytest.approx(facts["gain_of_surest_half"], abs=0.02)
    assert lines[-2:] == [
        f"the surest half has {facts['gain_of_surest_half']:.2f} times the CIDEr-D of all; captions below "
        f"confidence {calibration.hedge_below:.2f} are hedged",
        f"wrote {output}",
    ]


def test_a_level_that_is_no_number_is_told_before_the_pictures_are_captioned(
    tiny_bundle: Path, records: list[ImageRecord], tmp_path: Path, captionkit: Run
) -> None:
    table = write_table(records[0].path.parent / "level.jsonl", records)
    output = tmp_path / "sure.captionkit"
    done = captionkit("calibrate", tiny_bundle, table, "--split", "all", "-q", "-o", output, "--level", "nan")
    said = "captionkit: Expected a number from 0.01 to 10 for --level, but got nan.\n"
    assert done == (2, "", said)
    assert not list(tmp_path.iterdir())


def test_the_command_writes_a_bundle_that_is_sure(
    tiny_bundle: Path, records: list[ImageRecord], tmp_path: Path
) -> None:
    table = write_table(records[0].path.parent / "captions.jsonl", records)
    output = tmp_path / "sure.captionkit"
    done = CliRunner().invoke(
        app,
        ["calibrate", str(tiny_bundle), str(table), "--split", "all", "-o", str(output), "-q", "--level", "0.3"],
        catch_exceptions=False,
    )
    assert done.exit_code == 0
    written, before = read_bundle(output), read_bundle(tiny_bundle)
    assert written.calibration is not None
    calibration = Calibration.from_document(written.calibration)
    assert calibration.level == 0.3
    expect_told(done.stdout.splitlines(), calibration, output)
    assert (written.encoder, written.decoder, written.weights) == (before.encoder, before.decoder, before.weights)
    assert Captioner(written, threads=1).caption([records[0].path])[0].confidence is not None


def test_a_card_does_not_go_stale_when_its_bundle_is_calibrated_again(
    tiny_bundle: Path, records: list[ImageRecord], tmp_path: Path
) -> None:
    card = f"# Tiny\n\n## {SURENESS}\n\n{sureness(None)}\n\n## Biases\n\nNone.\n"
    write_bundle(tmp_path / "plain.captionkit", replace(read_bundle(tiny_bundle), card=card))
    table = write_table(records[0].path.parent / "again.jsonl", records)
    output = tmp_path / "sure.captionkit"
    done = CliRunner().invoke(
        app,
        ["calibrate", str(tmp_path / "plain.captionkit"), str(table), "--split", "all", "-o", str(output), "-q"],
        catch_exceptions=False,
    )
    assert done.exit_code == 0
    written = read_bundle(output)
    assert written.calibration is not None
    assert sureness(written.calibration) in written.card
    assert sureness(None) not in written.card
    assert written.card.startswith("# Tiny\n")
    assert written.card.endswith("## Biases\n\nNone.\n")


def test_too_few_pictures_to_judge_on_are_one_sentence(tiny_bundle: Path, records: list[ImageRecord]) -> None:
    fitted = [record for record in records if in_fit_half(record.id)]
    judging = [record for record in records if not in_fit_half(record.id)][:5]
    with pytest.raises(
        DataError,
        match=r"at least 30 pictures to judge .* but got 5: of the \d+ about half are for that; .* 120 or more",
    ):
        calibrate(Captioner.load(tiny_bundle, threads=1), [*fitted, *judging], split="val", quiet=True)
