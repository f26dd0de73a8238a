"""Scores too good to be true."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from captionkit.audit.results import check_scores
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
    assert "no score" not in messages(dict.fromkeys(GOOD, 0.0))  # captions may share no word at all


def test_numbers_that_are_none() -> None:
    (found,) = check_scores({**GOOD, "METEOR": float("nan")}, RECORDS, "test")
    assert found.examples == ("METEOR: nan",)
    assert check_scores({**GOOD, "METEOR": 10**400}, RECORDS, "test")[0].examples == ("METEOR: inf",)
    assert check_scores({**GOOD, "METEOR": -0.01}, RECORDS, "test")[0].examples == ("METEOR: -0.01",)


def test_trap_6_meteor_without_its_data() -> None:
    assert "METEOR(exact+stem) is not METEOR 1.5" in messages({**GOOD, "METEOR(exact+stem)": 0.2})


def test_the_fingerprint_is_read() -> None:
    facts = {"images": "3", "references": "2-4", "beams": "not stated", "split": "test", "objective": "XE"}
    text = messages({"corpus": GOOD, "fingerprint": facts})
    assert "3 pictures were scored, but test has 4" in text
    assert "2-4 references" in text
    assert messages({"corpus": GOOD, "fingerprint": {"images": "4"}}) == ""
    for number in ("\u00b2", "4" * 5000):  # a number to str.isdigit, and not to int
        assert messages({"corpus": GOOD, "fingerprint": {"images": number}}) == ""
    assert "do not say: beams" in text
    assert "are of the split 'val', and the audit is of test" in messages(
        {"corpus": GOOD, "fingerprint": {"split": "val"}}
    )


@pytest.mark.parametrize("number", range(1, 5))
def test_fewer_than_five_references_are_told(number: int) -> None:
    told = messages({"corpus": GOOD, "fingerprint": {"references": str(number)}})
    assert told.startswith(f"The scores were computed with {number} references a picture")
    assert messages({"corpus": GOOD, "fingerprint": {"references": str(number + 4)}}) == ""


def test_all_that_a_fingerprint_does_not_state_is_listed() -> None:
    facts = dict.fromkeys(("split", "beams", "max_length", "objective", "ensemble"), "not stated")
    assert "do not say: split, beams, max_length, objective." in messages({"corpus": GOOD, "fingerprint": facts})


def test_dev_is_val() -> None:
    facts = {"split": "dev", "images": "3"}  # of val there are no pictures here to compare the number with
    found = check_scores({"corpus": GOOD, "fingerprint": facts}, RECORDS, "val")
    assert [entry.message for entry in found] == []


@pytest.mark.parametrize(
    "document", [[], "x", {}, {"loss": 1.0}, {"corpus": {"loss": 2}}, {"BLEU-4": True}, {"METEOR": "0.2"}]
)
def test_a_file_without_scores(document: Any) -> None:
    with pytest.raises(DataError, match="Expected"):
        check_scores(document, RECORDS, "test")
