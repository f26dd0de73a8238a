"""Scores too good to be true, and runs that chose by the test split."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from captionkit.audit.findings import Weight
from captionkit.audit.results import check_run, check_scores
from captionkit.config import parse_config
from captionkit.errors import DataError
from tests.audit.scenes import record

RECORDS = [record(Path("pictures"), f"{number}.jpg", "test") for number in range(4)]
GOOD = {"BLEU-1": 0.66, "BLEU-4": 0.21, "METEOR": 0.21, "ROUGE-L": 0.47, "CIDEr-D": 0.53}


def messages(document: Any) -> str:
    return "\n".join(entry.message for entry in check_scores(document, RECORDS, "test"))


@pytest.mark.parametrize(
    "document",
    [
        GOOD,
        {"corpus": GOOD},
        {"scores": GOOD, "model": "x"},
        {"Bleu_1": 66.0, "Bleu_4": 21.0, "CIDEr": 53.0, "ROUGE_L": 47.0},
        {"CIDEr-D": 120.5},
        {"ROUGE-L": 50.0},
    ],
)
def test_ordinary_scores_pass_in_any_form(document: Any) -> None:
    assert messages(document) == ""


@pytest.mark.parametrize(
    "document", [{"BLEU-4": 1.0}, {"Bleu_4": 100.0, "Bleu_1": 100.0}, {**GOOD, "BLEU-4": 0.75}, {"CIDEr": 9.9}]
)
def test_trap_8_absurd_scores(document: Any) -> None:
    assert "absurd" in messages(document)


def test_trap_7_cider_of_one_picture() -> None:
    assert "no score" in messages({**GOOD, "CIDEr-D": 0.0})
    assert "no score" in messages({"corpus": GOOD, "fingerprint": {"images": "1"}})


def test_numbers_that_are_none() -> None:
    (found,) = check_scores({**GOOD, "METEOR": float("nan")}, RECORDS, "test")
    assert found.examples == ("METEOR: nan",)


def test_trap_6_meteor_without_its_data() -> None:
    assert "METEOR(exact+stem) is not METEOR 1.5" in messages({**GOOD, "METEOR(exact+stem)": 0.2})


def test_the_fingerprint_is_read() -> None:
    facts = {"images": "3", "references": "2-4", "beams": "not stated", "split": "test", "objective": "XE"}
    text = messages({"corpus": GOOD, "fingerprint": facts})
    assert "3 pictures were scored, but test has 4" in text
    assert "2-4 references" in text
    assert "do not say: beams" in text
    assert "are of the split 'val', and the audit is of test" in messages(
        {"corpus": GOOD, "fingerprint": {"split": "val"}}
    )


def test_dev_is_val() -> None:
    found = check_scores({"corpus": GOOD, "fingerprint": {"split": "dev"}}, RECORDS, "val")
    assert [entry.message for entry in found] == []


@pytest.mark.parametrize("document", [[], "x", {}, {"loss": 1.0}, {"corpus": {"loss": 2}}])
def test_a_file_without_scores(document: Any) -> None:
    with pytest.raises(DataError, match="Expected"):
        check_scores(document, RECORDS, "test")


def run(text: str) -> list[tuple[Weight, str]]:
    """What is said of a run; that its data cannot be read, as none of these can, is another matter."""
    found = check_run(parse_config(text, ["data.captions=gone.json"]), RECORDS)
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
    (tmp_path / "train.txt").write_text("1.jpg\n")
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
    (found,) = check_run(parse_config("", text.split()), RECORDS)
    assert found.weight is Weight.LEAK
    assert found.message == "1 held-out picture is among the 2 that the model was trained on."
    assert found.examples == ("1.jpg",)
    more = text.replace("data.", "more_data.").replace("own.csv", "more.csv")
    (found,) = check_run(parse_config("", [*text.split(), *more.split()]), RECORDS)
    assert found.examples == ("0.jpg", "1.jpg")
    # Trained on what others hold out.
    (found,) = check_run(parse_config("", [*text.split(), "data.train=val", "data.val=train"]), RECORDS)[1:]
    assert found.examples == ("2.jpg",)


def test_data_of_a_run_that_are_gone_are_told() -> None:
    (found,) = check_run(parse_config("", ["data.captions=/nowhere/own.json"]), RECORDS)
    assert found.weight is Weight.NOTE
    assert "(data.captions = '/nowhere/own.json') cannot be read any more" in found.message
