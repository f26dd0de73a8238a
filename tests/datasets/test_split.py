"""Splits by picture: properties that hold for every data set, and the files that are written."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captionkit.datasets import read_flickr8k, read_karpathy
from captionkit.datasets.split import split_records, write_karpathy, write_split_lists
from captionkit.errors import DataError, UsageError
from captionkit.records import ImageRecord
from tests.datasets.pictures import jpeg

NAMES = st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8), unique=True)


def records_of(names: list[str]) -> list[ImageRecord]:
    return [
        ImageRecord(name, Path("p") / f"{index}.jpg", ("A", "B"), None, name) for index, name in enumerate(names)
    ]


def splits_of(records: list[ImageRecord]) -> dict[str, str | None]:
    return {record.id: record.split for record in records}


@given(
    names=NAMES.filter(lambda names: len(names) >= 4),
    seed=st.integers(),
    shuffle=st.randoms(use_true_random=False),
)
@settings(deadline=None)
def test_the_split_depends_on_ids_and_seed_and_not_on_the_order(
    names: list[str], seed: int, shuffle: random.Random
) -> None:
    records = records_of(names)
    first = splits_of(split_records(records, val=1, test=2, seed=seed, by_content=False))
    shuffle.shuffle(records)
    second = split_records(records, val=1, test=2, seed=seed, by_content=False)
    assert splits_of(second) == first
    assert Counter(first.values()) == {
        "val": 1,
        "test": 2,
        **({"train": len(names) - 3} if len(names) > 3 else {}),
    }
    assert [record.id for record in second] == [record.id for record in records]


def test_trap_9_a_picture_is_on_one_side_with_all_its_captions() -> None:
    records = records_of([f"{number}.jpg" for number in range(1000)])
    divided = split_records(records, val=0.1, test=0.2, seed=1, by_content=False)
    assert Counter(record.split for record in divided) == {"train": 700, "test": 200, "val": 100}
    assert [(record.id, record.captions) for record in divided] == [(r.id, r.captions) for r in records]


def test_a_picture_keeps_its_rank_when_others_come() -> None:
    few = splits_of(
        split_records(records_of([f"{n}" for n in range(100)]), val=10, test=0, seed=3, by_content=False)
    )
    many = splits_of(
        split_records(records_of([f"{n}" for n in range(101)]), val=10, test=0, seed=3, by_content=False)
    )
    assert sum(few[name] != many[name] for name in few) <= 1


def test_another_seed_gives_another_split() -> None:
    records = records_of([f"{number}" for number in range(100)])
    one, two = (splits_of(split_records(records, val=50, test=0, seed=s, by_content=False)) for s in (1, 2))
    assert one != two


def test_the_split_of_a_seed_is_the_same_for_ever() -> None:
    divided = split_records(records_of(list("abcdefghij")), val=2, test=1, seed=1, by_content=False)
    assert (
        "".join((record.split or "")[1] for record in divided) == "rarerrrarr"
    )  # by hand: sha256sum of "1\n" + id, sorted


def test_identical_pictures_stay_on_one_side(tmp_path: Path) -> None:
    records = []
    for number in range(60):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(jpeg(number // 3))  # every picture three times
        records.append(ImageRecord(path.name, path, ("A",), None, path.name))
    for seed in range(5):
        divided = split_records(records, val=0.25, test=0.25, seed=seed)
        for first in range(0, 60, 3):
            assert len({record.split for record in divided[first : first + 3]}) == 1
        assert Counter(record.split for record in divided) == {"train": 30, "val": 15, "test": 15}


def test_a_group_that_would_overfill_goes_on(tmp_path: Path) -> None:
    records = []
    for number in range(10):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(jpeg(max(0, number - 7)))  # eight alike, and two others
        records.append(ImageRecord(path.name, path, ("A",), None, path.name))
    divided = [record.split for record in split_records(records, val=2, test=1, seed=1)]
    assert divided[:8] == ["train"] * 8
    assert set(divided[8:]) == {"val", "test"}


def test_a_split_that_no_group_fits_into_is_refused(tmp_path: Path) -> None:
    for name in "abcd":
        (tmp_path / name).write_bytes(jpeg(1))
    records = [ImageRecord(name, tmp_path / name, ("A",), None, "") for name in "abcd"]
    with pytest.raises(UsageError, match="Expected 1 picture in test, but identical pictures stay together"):
        split_records(records, val=1, test=1, seed=1)
    assert {one.split for one in split_records(records, val=0, test=0, seed=1)} == {"train"}
    assert len({one.split for one in split_records(records, val=1, test=1, seed=1, by_content=False)}) == 3


def test_pictures_that_cannot_be_read_stand_alone() -> None:
    divided = split_records(records_of(list("abcd")), val=1, test=1, seed=1)
    assert Counter(record.split for record in divided) == {"train": 2, "val": 1, "test": 1}


@pytest.mark.parametrize(
    ("val", "test"),
    [(-1, 0), (0, -0.5), (1.5, 0), (float("nan"), 0), (float("inf"), 0), (3, 1), (0.5, 0.5), (0.01, 1)],
)
def test_sizes_that_make_no_sense_are_refused(val: float, test: float) -> None:
    with pytest.raises(UsageError, match="Expected"):
        split_records(records_of(list("abcd")), val=val, test=test, seed=1, by_content=False)


def test_lists_are_read_back_by_the_flickr_reader(tmp_path: Path) -> None:
    token = tmp_path / "x.token"
    token.write_text("".join(f"{n}.jpg#0\tA\n" for n in range(20)), encoding="utf-8")
    divided = split_records(read_flickr8k(token, "p"), val=4, test=6, seed=1, by_content=False)
    train, val, test = write_split_lists(divided, tmp_path / "lists")
    again = read_flickr8k(token, "p", train_list=train, val_list=val, test_list=test)
    assert splits_of(again) == splits_of(divided)


@given(
    entries=st.lists(
        st.tuples(
            st.sampled_from(["a.jpg", "sub/a.jpg", "b c.png", "é.jpg", "7.jpg"]),
            st.sampled_from(["", "42", "007", "key"]),
            st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).map(str.strip).filter(bool)),
            st.sampled_from(["train", "val", "test", None]),
        ),
        unique_by=lambda entry: entry[1] or entry[0],
        min_size=1,
    )
)
@settings(deadline=None, max_examples=30)
def test_karpathy_json_is_read_back_as_it_was_written(
    entries: list[tuple[str, str, list[str], str | None]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root, path = Path("p"), tmp_path_factory.mktemp("split") / "dataset_mine.json"
    records = [
        ImageRecord(key or name, root / name, tuple(captions), split, "") for name, key, captions, split in entries
    ]
    write_karpathy(records, root, path)
    written = path.read_bytes()
    again = read_karpathy(path, root, problems=[])
    assert sorted((r.id, r.path, r.captions, r.split or "") for r in again) == sorted(
        (r.id, r.path, r.captions, r.split or "") for r in records
    )
    write_karpathy(records[::-1], root, path)
    assert path.read_bytes() == written


def test_karpathy_json_is_numbered_as_its_other_readers_expect(tmp_path: Path) -> None:
    records = [
        ImageRecord("7", Path("p/b.jpg"), ("A dog.", "Two dogs."), "val", ""),
        ImageRecord("a.jpg", Path("p/a.jpg"), ("A café.",), None, ""),
    ]
    write_karpathy(records, "p", tmp_path / "dataset_mine.json")

    def sentence(number: int, picture: int, raw: str, *tokens: str) -> dict[str, object]:
        return {"tokens": list(tokens), "raw": raw, "imgid": picture, "sentid": number}

    dogs = [sentence(0, 0, "A dog.", "a", "dog"), sentence(1, 0, "Two dogs.", "two", "dogs")]
    cafe = [sentence(2, 1, "A café.", "a", "café")]
    assert json.loads((tmp_path / "dataset_mine.json").read_text(encoding="utf-8")) == {
        "dataset": "mine",
        "images": [
            {
                "filename": "b.jpg", "imgid": 0, "sentids": [0, 1], "split": "val", "cocoid": 7, "sentences": dogs,
            },
            {"filename": "a.jpg", "imgid": 1, "sentids": [2], "sentences": cafe},
        ],
    }  # fmt: skip


def test_an_id_of_thousands_of_digits_is_a_name(tmp_path: Path) -> None:
    record = ImageRecord("7" * 5000, Path("p/a.jpg"), ("A dog.",), "val", "")
    write_karpathy([record], "p", tmp_path / "mine.json")
    (entry,) = json.loads((tmp_path / "mine.json").read_text(encoding="utf-8"))["images"]
    assert (entry["id"], "cocoid" in entry) == ("7" * 5000, False)


def test_a_picture_outside_the_folder_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="below other"):
        write_karpathy(records_of(["a"]), "other", tmp_path / "x.json")
