"""Karpathy's JSON: splits, COCO's folders in both years, damaged entries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from captionkit.datasets import Problem, ProblemKind, read_flickr8k, read_karpathy
from captionkit.errors import DataError


def entry(name: str, split: str = "train", *captions: str, **more: Any) -> dict[str, Any]:
    sentences = [{"raw": caption, "tokens": caption.split()} for caption in captions or ("A dog .",)]
    return {"filename": name, "split": split, "sentences": sentences, **more}


def write(folder: Path, *entries: Any) -> Path:
    path = folder / "dataset_x.json"
    path.write_text(json.dumps({"images": entries, "dataset": "x"}), encoding="utf-8")
    return path


def test_records_in_order_with_captions_and_split(tmp_path: Path) -> None:
    path = write(
        tmp_path, entry("a.jpg", "train", "A dog .", "Two ."), entry("b.jpg", "val"), entry("c.jpg", "test")
    )
    records = read_karpathy(path, "pictures")
    assert [(r.id, r.split, r.captions) for r in records] == [
        ("a.jpg", "train", ("A dog .", "Two .")),
        ("b.jpg", "val", ("A dog .",)),
        ("c.jpg", "test", ("A dog .",)),
    ]
    assert records[1].path == Path("pictures/b.jpg")
    assert records[1].source == "dataset_x.json:images[1]"


@pytest.mark.parametrize(("restval", "split"), [(True, "train"), (False, None)])
def test_restval_is_train_unless_told_otherwise(tmp_path: Path, restval: bool, split: str | None) -> None:
    (record,) = read_karpathy(write(tmp_path, entry("a.jpg", "restval")), tmp_path, restval_is_train=restval)
    assert record.split == split


def test_coco_entries_have_their_number_as_id_and_their_folder_in_the_path(tmp_path: Path) -> None:
    path = write(tmp_path, entry("COCO_val2014_000000000042.jpg", "val", filepath="val2014", cocoid=42))
    (record,) = read_karpathy(path, tmp_path)
    assert record.id == "42"
    assert record.path == tmp_path / "val2014" / "COCO_val2014_000000000042.jpg"


def test_coco_pictures_are_found_in_the_2017_release(tmp_path: Path) -> None:
    for folder in ("train2017", "val2017"):
        (tmp_path / folder).mkdir()
    (tmp_path / "val2017" / "000000000042.jpg").touch()
    path = write(
        tmp_path,
        entry("COCO_val2014_000000000042.jpg", "val", filepath="val2014", cocoid=42),
        entry("COCO_val2014_000000000043.jpg", "restval", filepath="val2014", cocoid=43),
    )
    assert [record.path.relative_to(tmp_path).as_posix() for record in read_karpathy(path, tmp_path)] == [
        "val2017/000000000042.jpg",
        "train2017/000000000043.jpg",
    ]


def test_without_a_number_a_picture_is_known_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "train2017").mkdir()
    entries = [entry(name, filepath="train2014", cocoid=None) for name in ("a.jpg", "b.jpg")]
    records = read_karpathy(write(tmp_path, *entries), tmp_path)
    assert [(r.id, r.path) for r in records] == [(n, tmp_path / "train2014" / n) for n in ("a.jpg", "b.jpg")]


def test_a_first_entry_without_sentences_does_not_hide_the_others(tmp_path: Path) -> None:
    records = read_karpathy(write(tmp_path, {"filename": "a.jpg"}, entry("b.jpg")), tmp_path, problems=[])
    assert [(record.id, record.captions) for record in records] == [("a.jpg", ()), ("b.jpg", ("A dog .",))]


@pytest.mark.parametrize(
    ("folders", "place"),
    [
        (("train2017",), "train2017/000000000042.jpg"),
        (("val2017",), "train2017/000000000042.jpg"),
        (("train2014", "train2017"), "train2014/COCO_train2014_000000000042.jpg"),
        (("val2014", "val2017"), "train2014/COCO_train2014_000000000042.jpg"),
        ((), "train2014/COCO_train2014_000000000042.jpg"),
    ],
)
def test_names_of_2017_are_taken_where_only_folders_of_2017_are(
    tmp_path: Path, folders: tuple[str, ...], place: str
) -> None:
    for folder in folders:
        (tmp_path / folder).mkdir()
    name = "COCO_train2014_000000000042.jpg"
    (record,) = read_karpathy(write(tmp_path, entry(name, "train", filepath="train2014", cocoid=42)), tmp_path)
    assert record.path == tmp_path / place


def test_trap_25_every_damaged_entry_is_reported(tmp_path: Path) -> None:
    entries = [
        entry("a.jpg"),
        entry("a.jpg"),
        entry("../b.jpg"),
        entry("c.jpg", filepath="/etc"),
        entry("d.jpg", "holdout"),
        {"filename": 3},
        None,
        {
            "filename": "e.jpg",
            "split": "train",
            "sentences": [{"raw": " "}, {"raw": 5}, "x", {"tokens": ["a", "dog"]}],
        },
        {"filename": "f.jpg", "split": "train"},
    ]
    problems: list[Problem] = []
    records = read_karpathy(write(tmp_path, *entries), tmp_path, problems=problems)
    assert [(record.id, record.captions) for record in records] == [
        ("a.jpg", ("A dog .",)),
        ("d.jpg", ("A dog .",)),
        ("e.jpg", ("a dog",)),
        ("f.jpg", ()),
    ]
    assert [(problem.kind, problem.source[-3:]) for problem in problems] == [
        (ProblemKind.DUPLICATE_ID, "[1]"),
        (ProblemKind.OUTSIDE_ROOT, "[2]"),
        (ProblemKind.OUTSIDE_ROOT, "[3]"),
        (ProblemKind.MALFORMED, "[4]"),
        (ProblemKind.MALFORMED, "[5]"),
        (ProblemKind.MALFORMED, "[6]"),
        (ProblemKind.EMPTY_CAPTION, "[7]"),
        (ProblemKind.MALFORMED, "[7]"),
        (ProblemKind.MALFORMED, "[7]"),
        (ProblemKind.NO_CAPTION, "[8]"),
    ]
    with pytest.raises(DataError, match="of the records are bad"):
        read_karpathy(write(tmp_path, *entries), tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"images": 3}',
        b'{"images": []}',
        b'{"images": [{"id": 1}]}',
        b"[" * 100_000,
        b"\xff\xfe{",
    ],
)
def test_other_files_are_refused_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"x\.json"):
        read_karpathy(path, tmp_path)


@pytest.mark.data
def test_real_flickr8k_agrees_with_the_official_files(data_root: Path) -> None:
    folder = data_root / "flickr8k"
    official = {
        record.id: record
        for record in read_flickr8k(
            folder / "Flickr8k.token.txt",
            "pictures",
            train_list=folder / "Flickr_8k.trainImages.txt",
            val_list=folder / "Flickr_8k.devImages.txt",
        )
    }
    records = read_karpathy(folder / "dataset_flickr8k.json", "pictures")
    assert len(records) == 7000
    for record in records:
        assert (record.captions, record.split, record.path) == (
            official[record.id].captions,
            official[record.id].split,
            official[record.id].path,
        )
