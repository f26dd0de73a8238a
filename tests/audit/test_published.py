"""The verdict: which table, and why not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from captionkit.audit.findings import Finding, Weight
from captionkit.audit.published import (
    TABLES,
    check_official_coco,
    check_trained_on,
    judge,
    table_of,
)
from captionkit.records import ImageRecord

CAPTIONS = ("a", "b", "c", "d", "e")
NAMES = {
    "Flickr8k": "{:07d}_0123456789.jpg",
    "Flickr30k": "{:010d}.jpg",
    "COCO": "COCO_val2014_{:012d}.jpg",
}


def data_set(name: str, sizes: dict[str, int]) -> list[ImageRecord]:
    """A data set with the names and numbers of pictures of a published one."""
    records: list[ImageRecord] = []
    for split, size in sizes.items():
        for _ in range(size):
            file = NAMES[name].format(len(records))
            records.append(ImageRecord(file, Path(file), CAPTIONS, split, "x"))
    return records


def test_the_published_splits_are_comparable() -> None:
    for table in TABLES:
        assert table_of(data_set(table.name, {"train": 5})) is table
    records = data_set("Flickr8k", {"train": 6000, "val": 1000, "test": 1000})
    verdict = judge(records, [], split="test", official_coco=False)
    assert verdict.comparable
    assert verdict.sentence() == "comparable to the published Flickr8k / Flickr30k / COCO tables: yes (Flickr8k)"


def test_every_reason_is_told() -> None:
    records = data_set("Flickr8k", {"train": 10, "val": 1000})
    leak = Finding("pictures", Weight.LEAK, "x")
    note = Finding("pictures", Weight.NOTE, "x")
    verdict = judge(records, [leak, leak, note], split="test", official_coco=False)
    assert verdict.table == "Flickr8k"
    assert verdict.sentence().endswith(
        "no, because the Flickr8k split has 1,000 test pictures, and this has none; "
        "the Flickr8k split has 6,000 train pictures, and this has 10; 2 leaks in pictures"
    )


def test_a_single_leak_and_a_test_split_of_another_size_are_told() -> None:
    records = data_set("Flickr8k", {"train": 6000, "val": 1000, "test": 10})
    verdict = judge(records, [Finding("pictures", Weight.LEAK, "x")], split="test", official_coco=False)
    assert verdict.reasons == (
        "the Flickr8k split has 1,000 test pictures, and this has 10",
        "a leak in pictures",
    )


def test_nine_names_in_ten_tell_the_table() -> None:
    other = [ImageRecord(f"{number}.png", Path(f"{number}.png"), CAPTIONS, "test", "x") for number in (1, 2)]
    assert table_of([*data_set("Flickr8k", {"test": 9}), *other[:1]]) is TABLES[0]
    assert table_of([*data_set("Flickr8k", {"test": 8}), *other]) is None
    assert table_of([]) is None


def test_dev_figures_are_not_test_figures() -> None:
    records = data_set("Flickr8k", {"train": 6000, "val": 1000, "test": 1000})
    verdict = judge(records, [], split="val", official_coco=False)
    assert verdict.reasons == ("the tables are on the test split, and this is val",)


def test_other_pictures() -> None:
    records = [ImageRecord("holiday.png", Path("holiday.png"), CAPTIONS, "test", "x")]
    assert judge(records, [], split="test", official_coco=False).table is None
    assert not judge([], [], split="test", official_coco=False).comparable


def test_trap_10_official_coco_val_overlaps_karpathy_train() -> None:
    records = data_set("COCO", {"val": 5000})
    (found,) = check_official_coco(records)
    assert found.weight is Weight.PROBLEM
    assert "restval" in found.message
    assert check_official_coco(data_set("COCO", {"train": 1, "val": 1})) == [found]
    assert check_official_coco(data_set("COCO", {"train": 5})) == []
    verdict = judge(records, [found], split="val", official_coco=True)
    assert "official files" in verdict.reasons[0]


def test_trap_10_by_the_numbers_of_the_pictures() -> None:
    """COCO's two names for one picture: the 2014 release and the 2017 release."""
    official = [
        ImageRecord(str(number), Path(f"val2017/{number:012d}.jpg"), CAPTIONS, "val", "x") for number in (7, 8, 9)
    ]
    karpathy = [
        ImageRecord(str(number), Path(f"COCO_val2014_{number:012d}.jpg"), CAPTIONS, split, "x")
        for number, split in ((8, "train"), (9, "test"), (10, "train"))
    ]
    (found,) = check_trained_on(official, karpathy)
    assert found.weight is Weight.LEAK
    assert "1 held-out picture is among the 2" in found.message
    assert found.examples == ("8",)
    assert check_trained_on(official, karpathy[2:]) == []


def test_only_held_out_pictures_leak_and_without_splits_all_were_trained_on() -> None:
    own = data_set("Flickr8k", {"train": 1, "val": 1, "test": 1})
    assert check_trained_on(own, own[:1]) == []
    (found,) = check_trained_on(own, [replace(one, split=None) for one in own])
    assert found.examples == tuple(one.id for one in own[1:])
    assert "2 held-out pictures are among the 3" in found.message
