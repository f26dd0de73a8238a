"""Runs that chose by the test split, or learned from it; so do the runs they build on."""

from __future__ import annotations

from pathlib import Path

import pytest

from captionkit.audit.findings import Finding, Weight
from captionkit.audit.runs import Earlier, check_run
from captionkit.config import Config, parse_config
from captionkit.config.places import without_places
from tests.audit.scenes import record

RECORDS = [record(Path("pictures"), f"{number}.jpg", "test") for number in range(4)]
RECORDS += [record(Path("pictures"), "5.jpg", "train")]


def findings(config: Config, earlier: Earlier | None = None) -> list[Finding]:
    return check_run(config, RECORDS, earlier)[0]


def run(text: str) -> list[tuple[Weight, str]]:
    """What is said of a run; that its data cannot be read, as none of these can, is another matter."""
    found = findings(parse_config(text, ["data.captions=gone.json"]))
    return [(entry.weight, entry.message) for entry in found if "gone.json" not in entry.message]


def test_trap_1_the_test_split_used_for_choosing(tmp_path: Path) -> None:
    assert run("") == []
    ((weight, message),) = run('[data]\nval = "test"')
    assert weight is Weight.LEAK
    assert "chose its best epoch on the test split" in message
    listed = tmp_path / "list.txt"
    listed.write_text("7.jpg\n2.jpg\n3\n")
    ((weight, message),) = run(f"[data]\nval_list = '{listed}'")
    assert weight is Weight.LEAK
    assert "chose by 2 test pictures" in message


def test_trained_on_what_is_held_out(tmp_path: Path) -> None:
    weights = [weight for weight, _ in run('[data]\ntrain = "test"')]
    assert weights == [Weight.LEAK]
    ((weight, message),) = run('[data]\nval = "train"')
    assert weight is Weight.PROBLEM
    assert "on what it trained on" in message
    (tmp_path / "train.txt").write_text("1.jpg\n5.jpg\n")
    (tmp_path / "test.txt").write_text("1.jpg\n2.jpg\n")
    text = f"[data]\ntrain_list = '{tmp_path / 'train.txt'}'\ntest_list = '{tmp_path / 'test.txt'}'"
    ((weight, message),) = run(text)
    assert "trained on 1 test picture" in message


def test_lists_that_are_gone_are_passed_over() -> None:
    assert run("[data]\nval_list = '/nowhere/list.txt'\ntrain_list = '$NOT_SET_ANYWHERE/x'") == []


def test_what_a_run_trained_on_is_read(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text(
        "image,caption,split\n1.jpg,A dog .,train\n2.jpg,A cat .,val\n9.jpg,Rain .,train\n"
    )
    (tmp_path / "more.csv").write_text("image,caption\n0.jpg,A dog .\n")
    own = {"format": "table", "captions": str(tmp_path / "own.csv"), "images": str(tmp_path)}
    text = "".join(f"data.{key}={value} " for key, value in own.items())
    (found,) = findings(parse_config("", text.split()))
    assert found.weight is Weight.LEAK
    assert found.message == "1 held-out picture is among the 2 that the model was trained on."
    assert found.examples == ("1.jpg",)
    more = text.replace("data.", "more_data.").replace("own.csv", "more.csv")
    (found,) = findings(parse_config("", [*text.split(), *more.split()]))
    assert found.examples == ("0.jpg", "1.jpg")
    # Trained on what others hold out.
    (found,) = findings(parse_config("", [*text.split(), "data.train=val", "data.val=train"]))[1:]
    assert found.examples == ("2.jpg",)


def test_data_of_a_run_that_are_gone_are_told() -> None:
    (found,) = findings(parse_config("", ["data.captions=/nowhere/own.json"]))
    assert found.weight is Weight.NOTE
    assert "(data.captions = '/nowhere/own.json') cannot be read any more" in found.message


@pytest.mark.parametrize("section", ["data", "more_data"])
@pytest.mark.parametrize("form", ["coco", "karpathy"])
def test_a_data_set_that_a_bundle_does_not_name_is_told(section: str, form: str) -> None:
    """Its place is not passed on."""
    own = [f"{section}.format={form}", f"{section}.captions=/nowhere/more.json"]
    kept = without_places(parse_config("", own))
    found = [
        entry for entry in findings(kept) if f"whose place a bundle does not say ({section})" in entry.message
    ]
    assert [entry.weight for entry in found] == [Weight.NOTE]
    assert "--trained-on" in found[0].message


def test_the_run_of_an_encoder_that_a_bundle_does_not_name_is_told() -> None:
    kept = without_places(parse_config("", ["encoder.weights=/nowhere/run/encoder.safetensors"]))
    (gone,) = (entry for entry in findings(kept, {kept.encoder.weights: None}) if "builds on" in entry.message)
    assert "(that of its encoder, which a bundle does not name) cannot be read any more" in gone.message


def test_runs_that_a_run_builds_on_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("image,caption,split\n8.jpg,A dog .,train\n9.jpg,A cat .,val\n")
    (tmp_path / "old.csv").write_text("image,caption,split\n2.jpg,A dog .,train\n9.jpg,A cat .,test\n")
    own, old = (
        [f"data.captions={tmp_path / name}", "data.format=table", f"data.images={tmp_path}"]
        for name in ("own.csv", "old.csv")
    )
    config = parse_config("", own)
    assert findings(config) == []
    before = parse_config("", [*old, "data.val=test"])
    chosen, learned = findings(config, {"runs/old": before})
    assert chosen.message.startswith("A run it builds on (runs/old) chose its best epoch on the test split")
    assert learned.weight is Weight.LEAK
    assert learned.message == "1 held-out picture is among the 2 that the model was trained on."
    assert learned.examples == ("2.jpg",)
    (gone,) = findings(config, {"runs/gone": None})
    assert gone.weight is Weight.NOTE
    assert "(runs/gone) cannot be read any more" in gone.message


def test_one_data_set_of_several_runs_is_told_once() -> None:
    config = parse_config("", ["data.captions=/nowhere/own.json"])
    assert len(findings(config, {"a": config, "b": config})) == 1
