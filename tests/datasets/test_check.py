"""Missing, unreadable, linked and duplicated pictures."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from captionkit.config import DataConfig
from captionkit.datasets import ProblemKind
from captionkit.datasets.check import check_dataset, check_pictures
from captionkit.records import ImageRecord
from tests.datasets.pictures import jpeg, record

needs_links = pytest.mark.skipif(os.name == "nt", reason="symbolic links need rights on Windows")


def test_whole_pictures_are_no_problem(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.jpg").write_bytes(jpeg(number))
    done: list[tuple[int, int]] = []
    records = [record(tmp_path, f"{number}.jpg") for number in range(5)]
    assert check_pictures(records, progress=lambda count, total: done.append((count, total))) == []
    assert done == [(count, 5) for count in range(1, 6)]


def test_trap_25_every_picture_that_cannot_be_used_is_listed(tmp_path: Path) -> None:
    data = jpeg(0, (64, 64))
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) // 2])
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("not a picture", encoding="utf-8")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "Photo.JPG").write_bytes(jpeg(1))
    names = ["cut.jpg", "empty.jpg", "text.jpg", "folder.jpg", "none.jpg", "x" * 5000 + ".jpg", "nul\0.jpg"]
    problems = check_pictures([record(tmp_path, name) for name in names])
    assert [problem.record for problem in problems] == names
    assert [problem.kind for problem in problems[:5]] == [
        ProblemKind.UNREADABLE_PICTURE,
        ProblemKind.UNREADABLE_PICTURE,
        ProblemKind.UNREADABLE_PICTURE,
        ProblemKind.UNREADABLE_PICTURE,
        ProblemKind.MISSING_PICTURE,
    ]
    assert all(problem.kind.bad for problem in problems)


def test_a_name_in_the_other_case_is_pointed_out(tmp_path: Path) -> None:
    (tmp_path / "Photo.JPG").write_bytes(jpeg(1))
    if (tmp_path / "photo.jpg").exists():
        pytest.skip("this file system does not tell the cases apart")
    (problem,) = check_pictures([record(tmp_path, "photo.jpg")])
    assert "There is Photo.JPG" in problem.message
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "Other.jpg").write_bytes(jpeg(2))
    names = ["photo.jpg", "below/other.jpg", "nowhere/a.jpg"]
    told = [problem.message for problem in check_pictures([record(tmp_path, name) for name in names])]
    assert "There is Photo.JPG" in told[0]
    assert "There is Other.jpg" in told[1]
    assert "There is" not in told[2]


def test_without_decoding_a_damaged_picture_passes(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    records = [record(tmp_path, "empty.jpg"), record(tmp_path, "none.jpg")]
    problems = check_pictures(records, decode=False)
    assert [problem.kind for problem in problems] == [ProblemKind.MISSING_PICTURE]


@needs_links
def test_links_are_followed_wherever_they_lead(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "sub").mkdir(parents=True)
    outside.mkdir()
    (outside / "a.jpg").write_bytes(jpeg(1))
    (outside / "cut.jpg").write_bytes(jpeg(1)[:100])
    (root / "sub" / "b.jpg").write_bytes(jpeg(2))
    (root / "a.jpg").symlink_to(outside / "a.jpg")
    (root / "b.jpg").symlink_to(root / "sub" / "b.jpg")
    (root / "dir").symlink_to(outside)
    (root / "loop.jpg").symlink_to(root / "loop.jpg")
    (root / "gone.jpg").symlink_to(outside / "gone.jpg")
    problems = check_pictures(
        [record(root, name) for name in ("a.jpg", "b.jpg", "dir/cut.jpg", "loop.jpg", "gone.jpg")]
    )
    assert [(problem.record, problem.kind) for problem in problems] == [
        ("dir/cut.jpg", ProblemKind.UNREADABLE_PICTURE),
        ("loop.jpg", ProblemKind.MISSING_PICTURE),
        ("gone.jpg", ProblemKind.MISSING_PICTURE),
    ]


@needs_links
def test_pictures_that_links_keep_elsewhere_are_told_in_one_note(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    names = ["a.jpg", "b.jpg", "dir/c.jpg", "d.jpg", "e.jpg", "none/\0.jpg"]
    for number, name in enumerate("abcde"):
        (outside / f"{name}.jpg").write_bytes(jpeg(number))
    for name in ("a.jpg", "b.jpg"):
        (root / name).symlink_to(outside / name)
    (root / "dir").symlink_to(outside)
    (outside / "d.jpg").rename(root / "d.jpg")
    (root / "e.jpg").symlink_to("d.jpg")
    (tmp_path / "x.token").write_text("".join(f"{name}#0\ta dog runs\n" for name in names), encoding="utf-8")
    (tmp_path / "link").symlink_to(root)  # the folder itself may be one
    config = DataConfig(format="flickr8k", captions=str(tmp_path / "x.token"), images=str(tmp_path / "link"))
    (note,) = (one.message for one in check_dataset(config).problems if one.kind is ProblemKind.NOTE)
    assert note == (
        f"symbolic links lead out of {tmp_path / 'link'} to 3 pictures "
        f"(the first: from {tmp_path / 'link' / 'a.jpg'} to {outside / 'a.jpg'})."
    )
    (root / "a.jpg").unlink()
    (root / "b.jpg").unlink()
    (root / "dir").unlink()
    assert not any(one.kind is ProblemKind.NOTE for one in check_dataset(config).problems)


def test_identical_pictures_are_bad_only_across_the_split(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg", "d.jpg"):
        (tmp_path / name).write_bytes(jpeg(7))
    records = [
        record(tmp_path, "a.jpg", "train"),
        record(tmp_path, "b.jpg", "train"),
        record(tmp_path, "c.jpg", "val"),
        record(tmp_path, "d.jpg", None),
    ]
    problems = check_pictures(records)
    assert [(problem.record, problem.kind) for problem in problems] == [
        ("b.jpg", ProblemKind.IDENTICAL_PICTURE),
        ("c.jpg", ProblemKind.TWO_SPLITS),
        ("d.jpg", ProblemKind.IDENTICAL_PICTURE),
    ]


def test_a_leak_is_told_before_a_twin_that_is_none(tmp_path: Path) -> None:
    names = ("a.jpg", "b.jpg", "c.jpg", "d.jpg")
    for name in names:
        (tmp_path / name).write_bytes(jpeg(7))
    splits = ("val", "test", "train", "test")
    problems = check_pictures([record(tmp_path, *pair) for pair in zip(names, splits, strict=True)])
    assert [(problem.kind, problem.message) for problem in problems] == [
        (ProblemKind.IDENTICAL_PICTURE, "b.jpg (test) and a.jpg (val) are the same picture."),
        (ProblemKind.TWO_SPLITS, "c.jpg (train) and a.jpg (val) are the same picture."),
        (ProblemKind.TWO_SPLITS, "d.jpg (test) and c.jpg (train) are the same picture."),
    ]


def test_two_records_of_one_file_are_one_problem(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(1))
    one = record(tmp_path, "a.jpg")
    other = ImageRecord("other", one.path, one.captions, "test", "captions.txt:2")
    assert [problem.record for problem in check_pictures([one, other])] == ["other"]


def test_two_records_of_one_file_are_listed_even_without_decoding(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(1))
    one = record(tmp_path, "a.jpg")
    other = ImageRecord("other", one.path, one.captions, "test", "captions.txt:2")
    (problem,) = check_pictures([one, other], decode=False)
    assert problem.kind is ProblemKind.TWO_SPLITS


def test_a_report_counts_records_once(tmp_path: Path) -> None:
    (tmp_path / "x.token").write_text("a.jpg#0\tA\na.jpg#1\t\nb.jpg#0\tB\nrubbish\n", encoding="utf-8")
    (tmp_path / "b.jpg").write_bytes(jpeg(1))
    report = check_dataset(DataConfig(format="flickr8k", captions=str(tmp_path / "x.token"), images=str(tmp_path)))
    assert report.bad_records == 2  # a.jpg (missing, and an empty caption) and the row that is rubbish
    assert report.bad_share == pytest.approx(2 / 3)
    document = report.to_json()
    assert document["counts"] == {"empty caption": 1, "malformed entry": 1, "missing picture": 1}
    assert (document["pictures"], document["captions"], document["splits"]) == (2, 2, {"none": 2})
    problems = document["problems"]
    assert isinstance(problems, list)
    assert {"kind": "malformed entry", "bad": True, "source": "x.token:4", "record": ""}.items() <= next(
        problem.items() for problem in problems if problem["kind"] == "malformed entry"
    )


def test_a_name_that_is_too_long_is_one_bad_record(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(1))
    (tmp_path / "t.csv").write_text(f"image,caption\na.jpg,A dog .\n{'x' * 300}.jpg,A cat .\n", encoding="utf-8")
    config = DataConfig(format="table", captions=str(tmp_path / "t.csv"), images=str(tmp_path))
    assert [problem.kind for problem in check_dataset(config).problems] == [ProblemKind.UNREADABLE_PICTURE]


def test_the_wrong_picture_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.token").write_text("a.jpg#0\tA\n", encoding="utf-8")
    report = check_dataset(DataConfig(format="flickr8k", captions=str(tmp_path / "x.token"), images=str(tmp_path)))
    assert any("is that the folder of the pictures?" in problem.message for problem in report.problems)


def test_trap_10_official_coco_val_comes_with_a_warning(tmp_path: Path) -> None:
    for number, split in ((1, "train"), (2, "val")):
        (tmp_path / f"captions_{split}2017.json").write_text(
            f'{{"images": [{{"id": {number}, "file_name": "{number}.jpg"}}], '
            f'"annotations": [{{"image_id": {number}, "caption": "A"}}]}}',
            encoding="utf-8",
        )
        (tmp_path / f"{number}.jpg").write_bytes(jpeg(number))
    (tmp_path / "x.csv").write_text("image,caption,split\n1.jpg,A,train\n2.jpg,A,val\n", encoding="utf-8")

    def warned(name: str, captions: Path) -> bool:
        report = check_dataset(DataConfig(format=name, captions=str(captions), images=str(tmp_path)))
        assert report.bad_records == 0
        return any("overlaps Karpathy's train split" in problem.message for problem in report.problems)

    assert warned("coco", tmp_path / "captions_val2017.json")
    assert warned("coco", tmp_path)  # train and val together
    assert not warned("coco", tmp_path / "captions_train2017.json")
    assert not warned("table", tmp_path / "x.csv")


@pytest.mark.data
def test_real_coco_pictures_are_whole(data_root: Path, tmp_path: Path) -> None:
    import tarfile

    with tarfile.open(data_root / "coco-mini" / "images.tar") as archive:
        members = [member for member in archive if member.name.startswith("val2017/")]
        archive.extractall(tmp_path, members, filter="data")
    config = DataConfig(
        format="coco", captions=str(data_root / "coco-mini" / "captions_val2017.json"), images=str(tmp_path)
    )
    report = check_dataset(config)
    assert (len(report.records), report.captions, report.bad_records) == (100, 500, 0)
