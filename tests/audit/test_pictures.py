"""Pictures on both sides of a split."""

from __future__ import annotations

from pathlib import Path

import pytest

from captionkit.audit.findings import EXAMPLES, Weight
from captionkit.audit.pictures import check_names, check_pictures
from captionkit.records import ImageRecord
from tests.audit.scenes import jpeg, record, scene


def test_byte_identical_pictures_of_two_splits_are_a_leak(tmp_path: Path) -> None:
    records = [
        record(tmp_path, "a.jpg", "train", data=jpeg(scene(1))),
        record(tmp_path, "b.jpg", "test", data=jpeg(scene(1))),
        record(tmp_path, "c.jpg", "val", data=jpeg(scene(2))),
    ]
    (found,) = check_pictures(records)
    assert found.weight is Weight.LEAK
    assert "1 pair of pictures, one in test and one in train, is byte-identical" in found.message
    assert found.examples == ("a.jpg (train) = b.jpg (test)",)


def test_inside_one_split_they_are_a_note(tmp_path: Path) -> None:
    records = [record(tmp_path, name, "train", data=jpeg(scene(1))) for name in ("a.jpg", "b.jpg", "c.jpg")]
    (found,) = check_pictures(records)
    assert (found.weight, found.count) == (Weight.NOTE, 3)
    assert "3 pairs of pictures, both in train, are byte-identical" in found.message


def test_with_a_picture_of_no_split_too(tmp_path: Path) -> None:
    records = [
        record(tmp_path, name, split, data=jpeg(scene(1))) for name, split in (("a.jpg", None), ("b.jpg", "val"))
    ]
    (found,) = check_pictures(records)
    assert found.weight is Weight.NOTE
    assert "one in no split and one in val, is byte-identical" in found.message


def test_a_picture_that_comes_hundreds_of_times_is_compared_once(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(scene(1)))
    twins = [ImageRecord(f"{number}", tmp_path / "a.jpg", (), "train", "x") for number in range(60)]
    copy = record(tmp_path, "b.jpg", "val", data=jpeg(scene(1), 60))
    leak, twin = sorted(check_pictures([*twins, copy]), key=lambda entry: entry.weight)
    assert (leak.weight, leak.examples) == (Weight.LEAK, ("0 (train) = b.jpg (val)",))
    assert (twin.weight, twin.count) == (Weight.NOTE, 60 * 59 // 2)
    assert len(twin.examples) == EXAMPLES


def test_a_copy_leaks_into_every_split_that_has_the_picture(tmp_path: Path) -> None:
    records = [
        record(tmp_path, "a.jpg", "train", data=jpeg(scene(1))),
        record(tmp_path, "b.jpg", "val", data=jpeg(scene(1))),
        record(tmp_path, "c.jpg", "test", data=jpeg(scene(1), 60)),
    ]
    assert {entry.examples for entry in check_pictures(records)} == {
        ("a.jpg (train) = b.jpg (val)",),
        ("a.jpg (train) = c.jpg (test)",),
        ("b.jpg (val) = c.jpg (test)",),
    }


def test_of_more_pairs_than_are_told_those_across_the_split_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("captionkit.audit.pictures._MOST_IDENTICAL", 3)
    (tmp_path / "a.jpg").write_bytes(jpeg(scene(1)))
    splits = ["train"] * 4 + ["test"]
    records = [ImageRecord(f"{place}", tmp_path / "a.jpg", (), split, "x") for place, split in enumerate(splits)]
    leak, note, rest = sorted(check_pictures(records), key=lambda entry: entry.weight)
    assert (leak.weight, leak.examples) == (Weight.LEAK, ("0 (train) = 4 (test)", "4 (test) = 1 (train)"))
    assert (note.weight, note.examples) == (Weight.NOTE, ("0 (train) = 1 (train)",))
    assert "7 more identical pairs" in rest.message  # of five times four halves


def test_a_scaled_copy_is_a_leak_too(tmp_path: Path) -> None:
    records = [
        record(tmp_path, "a.jpg", "train", data=jpeg(scene(1))),
        record(tmp_path, "b.jpg", "val", data=jpeg(scene(1).resize((80, 60)).convert("L"), 60)),
    ]
    (found,) = check_pictures(records)
    assert found.weight is Weight.LEAK
    assert "scaled, recompressed or recoloured" in found.message


# Too far apart for one picture are both measures, the hashes alone, and the thumbnails alone.
@pytest.mark.parametrize(("size", "place"), [(56, (90, 50)), (24, (40, 50)), (40, (0, 0))])
def test_pictures_that_look_alike_are_a_note(tmp_path: Path, size: int, place: tuple[int, int]) -> None:
    other = scene(1)
    other.paste(scene(2).crop((0, 0, size, size)), place)  # something in the scene has moved
    records = [
        record(tmp_path, "a.jpg", "train", data=jpeg(scene(1))),
        record(tmp_path, "b.jpg", "val", data=jpeg(other)),
    ]
    (found,) = check_pictures(records)
    assert found.weight is Weight.NOTE
    assert "looks alike" in found.message


def test_unread_pictures_are_told(tmp_path: Path) -> None:
    records = [record(tmp_path, "a.jpg", "train", data=jpeg(scene(1))), record(tmp_path, "b.jpg", "test")]
    (found,) = check_pictures(records)
    assert found.weight is Weight.NOTE
    assert "1 picture of 2 could not be read" in found.message


def test_trap_9_rows_split_instead_of_pictures(tmp_path: Path) -> None:
    """Two records for one file, each with some of its captions, on both sides of the split."""
    one = record(tmp_path, "a.jpg", "train")
    other = record(tmp_path, "a.jpg", "val")
    (found,) = check_names([one, other, record(tmp_path, "b.jpg", "val")])
    assert found.weight is Weight.LEAK
    assert "rows of captions were split instead of pictures" in found.message
    assert found.examples == ("a.jpg (train) = a.jpg (val)",)
    assert check_names([one, record(tmp_path, "b.jpg", "val"), record(tmp_path, "a.jpg", None)]) == []
