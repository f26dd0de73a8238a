"""What captions tell: references, sentinels, shared sets, vocabulary, rows in two splits."""

from __future__ import annotations

from pathlib import Path

import pytest

from captionkit.audit.captions import (
    check_references,
    check_sentinels,
    check_shared_captions,
    check_splits,
    check_vocabulary,
)
from captionkit.audit.findings import Weight
from captionkit.datasets import read_table
from captionkit.datasets.problems import Problem
from tests.audit.scenes import CAPTIONS, record

ROOT = Path("pictures")


def test_trap_9_caption_rows_of_one_picture_in_two_splits(tmp_path: Path) -> None:
    rows = ["image,caption,split", "a.jpg,A dog .,train", "a.jpg,One dog .,val", "b.jpg,A cat .,val", "b.jpg,,val"]
    (tmp_path / "rows.csv").write_text("\n".join(rows))
    problems: list[Problem] = []
    read_table(tmp_path / "rows.csv", tmp_path, problems=problems)
    assert len(problems) == 2  # the other is an empty caption
    (found,) = check_splits(problems)
    assert found.weight is Weight.LEAK
    assert "1 picture has caption rows" in found.message
    assert "a.jpg is in train and in val" in found.examples[0]


def test_fewer_than_five_references_in_held_out_splits() -> None:
    records = [
        record(ROOT, "a.jpg", "test", CAPTIONS[:4]),
        record(ROOT, "b.jpg", "test"),
        record(ROOT, "c.jpg", "train", CAPTIONS[:1]),
    ]
    (found,) = check_references(records)
    assert found.weight is Weight.PROBLEM
    assert "1 picture of the 2 in test" in found.message
    assert found.examples == ("a.jpg: 4 references",)


@pytest.mark.parametrize("caption", ["startseq a dog endseq", "a <unk> dog", "<s> a dog </s>", "a dog <end>"])
def test_trap_2_and_3_sentinels_in_references(caption: str) -> None:
    (found,) = check_sentinels([record(ROOT, "a.jpg", "val", (caption, *CAPTIONS[1:]))])
    assert found.weight is Weight.PROBLEM
    assert found.examples == (f"a.jpg (val): {caption}",)
    (found,) = check_sentinels([record(ROOT, "a.jpg", "train", (caption,))])
    assert found.weight is Weight.NOTE
    (found,) = check_sentinels([record(ROOT, f"{split}.jpg", split, (caption,)) for split in ("train", "val")])
    assert (found.weight, found.count) == (Weight.PROBLEM, 2)
    (found,) = check_sentinels([record(ROOT, "a.jpg", "val", ("<s> a <unk> dog", "a <unk>"))])
    assert "2 captions hold tokens of a model's vocabulary (<unk>, <s>)" in found.message
    assert check_sentinels([record(ROOT, "a.jpg", "val")]) == []


def test_three_shared_captions_are_a_leak_whatever_their_case_and_space() -> None:
    records = [
        record(ROOT, "a.jpg", "train", ("A dog .", "Two dogs .", "Some dogs .")),
        record(ROOT, "b.jpg", "test", (" Two dogs .", "a dog .", "SOME DOGS .\n")),
        record(ROOT, "c.jpg", None, ("A dog .", "Two dogs .", "Some dogs .")),
    ]
    (found,) = check_shared_captions(records)
    assert found.weight is Weight.LEAK
    assert found.examples == ("a.jpg (train) = b.jpg (test) = c.jpg (no split)",)
    assert check_shared_captions(records[::2]) == []


def test_common_captions_are_no_sign_of_a_shared_picture() -> None:
    records = [
        record(ROOT, "a.jpg", "train", ("A dog .", "Two dogs .")),
        record(ROOT, "b.jpg", "test", ("A dog .", "Two dogs .")),
        record(ROOT, "c.jpg", "train", (*CAPTIONS[:4], "Another one .")),
        record(ROOT, "d.jpg", "test"),
        record(ROOT, "e.jpg", "train", ("A shoe .",) * 5),  # one caption five times tells no more than once
        record(ROOT, "f.jpg", "test", ("A shoe .",) * 5),
    ]
    assert check_shared_captions(records) == []


def test_trap_4_dev_and_test_words_in_the_vocabulary() -> None:
    records = [
        record(ROOT, "a.jpg", "train", ("A dog runs .",)),
        record(ROOT, "b.jpg", "val", ("A zebra runs .",)),
        record(ROOT, "c.jpg", "test", ("A giraffe and a zebra stand .",)),
    ]
    assert check_vocabulary(records, ["a", "dog", "runs"]) == []
    val, test = check_vocabulary(records, ["a", "dog", "zebra", "giraffe"])
    assert (val.weight, test.weight) == (Weight.LEAK, Weight.LEAK)
    assert val.examples == ("zebra",)
    assert "captions too. Build it from train captions alone." in val.message
    assert test.examples == ("giraffe", "zebra")
    (test,) = check_vocabulary(records, ["a", "dog", "giraffe"])
    assert (test.weight, test.examples) == (Weight.LEAK, ("giraffe",))
    # Built from other captions too: from theirs, or from val's?
    (problem, _) = check_vocabulary(records, ["a", "dog", "zebra", "helicopter"])[:2]
    assert problem.weight is Weight.PROBLEM
    assert "with --trained-on" in problem.message
    others = [record(ROOT, "d.jpg", "train", ("A zebra under a helicopter .",))]
    assert check_vocabulary(records, ["a", "dog", "zebra", "helicopter"], others) == []
    (note,) = check_vocabulary(records, ["a", "dog", "helicopter"])
    assert note.weight is Weight.NOTE
    assert note.examples == ("helicopter",)


def test_a_vocabulary_is_compared_with_other_train_captions_where_a_data_set_has_none() -> None:
    records = [record(ROOT, "a.jpg", "test", ("A dog and a zebra .",))]
    others = [record(ROOT, "d.jpg", "train", ("A dog .",))]
    (leak,) = check_vocabulary(records, ["a", "dog", "zebra"], others)
    assert (leak.weight, leak.examples) == (Weight.LEAK, ("zebra",))
    assert check_vocabulary(records, ["a", "dog"], others) == []


def test_a_vocabulary_without_a_train_split_cannot_be_judged() -> None:
    (note,) = check_vocabulary([record(ROOT, "a.jpg", "test")], ["a"])
    assert (note.weight, note.count) == (Weight.NOTE, 1)
    assert "no train split" in note.message
