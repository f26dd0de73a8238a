"""Official COCO caption files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from captionkit.config import DataConfig
from captionkit.datasets import Problem, ProblemKind, read_coco, read_dataset
from captionkit.errors import DataError


def write(folder: Path, name: str, images: Any, annotations: Any) -> Path:
    path = folder / name
    path.write_text(json.dumps({"info": {}, "images": images, "annotations": annotations}), encoding="utf-8")
    return path


def image(number: int) -> dict[str, Any]:
    return {"id": number, "file_name": f"{number:012d}.jpg", "height": 1, "width": 1}


def caption(number: int, text: str) -> dict[str, Any]:
    return {"image_id": number, "id": 1, "caption": text}


def test_captions_are_gathered_by_picture_in_the_order_of_images(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "captions_val2017.json",
        [image(9), image(4)],
        [caption(4, "A cat.\n"), caption(9, "A dog."), caption(4, "One cat.")],
    )
    first, second = read_coco(path, "pictures")
    assert (first.id, first.path, first.captions, first.split) == (
        "9",
        Path("pictures/000000000009.jpg"),
        ("A dog.",),
        "val",
    )
    assert second.captions == ("A cat.", "One cat.")


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("captions_train2017.json", "train"),
        ("captions_val2014.json", "val"),
        ("captions_train.json", "train"),
        ("mine.json", None),
    ],
)
def test_the_split_comes_from_the_name_of_the_file(tmp_path: Path, name: str, split: str | None) -> None:
    (record,) = read_coco(write(tmp_path, name, [image(1)], [caption(1, "A")]), "pictures")
    assert record.split == split


def test_pictures_are_looked_for_in_the_folder_of_the_year(tmp_path: Path) -> None:
    path = write(tmp_path, "captions_val2017.json", [image(1)], [caption(1, "A")])
    (tmp_path / "val2017").mkdir()
    (record,) = read_coco(path, tmp_path)
    assert record.path == tmp_path / "val2017" / "000000000001.jpg"


def test_lists_of_numbers_choose_among_the_pictures(tmp_path: Path) -> None:
    captions = [caption(number, "A cat.") for number in (4, 9, 12)]
    path = write(tmp_path, "captions_train2017.json", [image(4), image(9), image(12)], captions)
    (tmp_path / "some.txt").write_text("9\n4\n")
    (tmp_path / "held.txt").write_text("4\n77\n")
    problems: list[Problem] = []
    records = read_coco(
        path, "p", train_list=tmp_path / "some.txt", val_list=tmp_path / "held.txt", problems=problems
    )
    assert [(record.id, record.split) for record in records] == [("4", "val"), ("9", "train"), ("12", None)]
    assert [problem.kind for problem in problems] == [ProblemKind.TWO_SPLITS, ProblemKind.UNKNOWN_PICTURE]
    config = DataConfig(
        format="coco", captions=str(path), images="p", train_list=str(tmp_path / "some.txt"), val_list=""
    )
    assert [record.split for record in read_dataset(config)] == ["train", "train", None]


def test_an_id_may_be_text(tmp_path: Path) -> None:
    picture = {"id": "dog-1", "file_name": "a.jpg"}
    path = write(tmp_path, "mine.json", [picture], [{"image_id": "dog-1", "caption": "A dog."}])
    (record,) = read_coco(path, "p")
    assert (record.id, record.path, record.captions) == ("dog-1", Path("p/a.jpg"), ("A dog.",))
    problems: list[Problem] = []
    others = [{"id": wrong, "file_name": "b.jpg"} for wrong in ("", ["x"], 1.5, True, None, "\ud83d")]
    records = read_coco(write(tmp_path, "mine.json", [picture, *others], []), "p", problems=problems)
    assert [one.id for one in records] == ["dog-1"]
    assert [problem.kind for problem in problems] == [ProblemKind.MALFORMED] * 6 + [ProblemKind.NO_CAPTION]


def test_a_folder_of_caption_files_is_one_data_set(tmp_path: Path) -> None:
    write(tmp_path, "captions_train2017.json", [image(1)], [caption(1, "A")])
    write(tmp_path, "captions_val2017.json", [image(2), image(1)], [caption(2, "B"), caption(1, "C")])
    problems: list[Problem] = []
    records = read_coco(tmp_path, tmp_path, problems=problems)
    assert [(record.id, record.split, record.captions) for record in records] == [
        ("1", "train", ("A",)),
        ("2", "val", ("B",)),
    ]
    assert [problem.kind for problem in problems] == [ProblemKind.DUPLICATE_ID]


def test_trap_25_every_damaged_entry_is_reported(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "captions_val2017.json",
        [image(1), image(1), {"id": 2}, {"file_name": "x.jpg"}, 7, {"id": 3, "file_name": "../x.jpg"}, image(4)],
        [
            caption(1, "A"),
            caption(1, "A"),
            caption(1, " "),
            caption(2, "B"),
            caption(3, "C"),
            caption(5, "D"),
            {},
            None,
            {"image_id": 1, "caption": 5},
            {"caption": "E"},
        ],
    )
    problems: list[Problem] = []
    records = read_coco(path, tmp_path, problems=problems)
    assert [(record.id, record.captions) for record in records] == [("1", ("A", "A")), ("4", ())]
    assert [problem.kind for problem in problems] == [
        ProblemKind.DUPLICATE_ID,
        ProblemKind.MALFORMED,
        ProblemKind.MALFORMED,
        ProblemKind.MALFORMED,
        ProblemKind.OUTSIDE_ROOT,
        ProblemKind.DUPLICATE_CAPTION,
        ProblemKind.EMPTY_CAPTION,
        ProblemKind.UNKNOWN_PICTURE,
        ProblemKind.MALFORMED,
        ProblemKind.MALFORMED,
        ProblemKind.MALFORMED,
        ProblemKind.MALFORMED,
        ProblemKind.NO_CAPTION,
    ]


def test_other_files_are_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    wrong = ('{"images": [], "annotations": 3}', '{"images": 3, "annotations": []}')
    for content in ("[]", "{}", *wrong, '{"images": [], "annotations": []}'):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(DataError, match=r"x\.json"):
            read_coco(path, tmp_path)
    with pytest.raises(DataError, match=r"captions_\*\.json"):
        read_coco(tmp_path, tmp_path)


@pytest.mark.data
def test_real_coco_files(data_root: Path) -> None:
    records = read_coco(data_root / "coco-mini" / "captions_val2017.json", "pictures")
    assert len(records) == 100
    assert {len(record.captions) for record in records} == {5}
    assert len(read_coco(data_root / "coco-mini", "pictures")) == 632
