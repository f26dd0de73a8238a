"""What holds for every reader: any file gives records or one clear sentence; no path leaves the folder."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from captionkit.config import DataConfig
from captionkit.datasets import (
    READERS,
    Problem,
    dataset_config,
    detect_format,
    read_coco,
    read_dataset,
    read_flickr8k,
    read_flickr8k_csv,
    read_flickr30k_csv,
    read_karpathy,
    read_table,
    train_records,
)
from captionkit.errors import DataError
from captionkit.records import ImageRecord

Reader = Callable[..., list[ImageRecord]]
TEXT_READERS: list[tuple[Reader, str]] = [
    (read_flickr8k, "x.token"),
    (read_flickr8k_csv, "x.txt"),
    (read_flickr30k_csv, "x.csv"),
    (read_table, "x.csv"),
    (read_table, "x.tsv"),
    (read_table, "x.jsonl"),
    (read_table, "x.parquet"),
]
JSON_READERS: list[tuple[Reader, str]] = [(read_coco, "x.json"), (read_karpathy, "x.json"), (read_table, "x.json")]

# Bytes that look enough like the formats to get past their first lines.
NAMES = [
    "a.jpg",
    "b/c.jpg",
    "../d.jpg",
    "/e.jpg",
    "",
    "é.jpg",
    "C:\\f.jpg",
    "a\udc80.jpg",
    "g\0.jpg",
    "h\\..\\..\\i.jpg",
]
PIECES = [
    b"image,caption\n",
    b"image_name| comment_number| comment\n",
    b"a.jpg#0\t",
    b"a.jpg,",
    b'"',
    b"|",
    b"#1",
    b"\t",
]
PIECES += [
    b"A dog .",
    b"\n",
    b"\r\n",
    b"\xff",
    b"\xc3\xa9",
    b"\0",
    b'{"image": "a.jpg", "caption": ',
    b"}",
    b"../x.jpg",
]
ROWS = st.lists(st.sampled_from(PIECES) | st.binary(max_size=4), max_size=40).map(b"".join)

WEIRD: list[Any] = [None, True, 0, -1, 1, 1e999, "train", "restval", "holdout", [], {}, ["A"], *NAMES]
TEXTS: list[Any] = ["A dog .", "A cat .", " ", "half \ud83d", "two\nlines", None, 3, ["One", "", 3]]
NAME = st.sampled_from(NAMES * 2 + WEIRD)
SENTENCES = st.lists(
    st.sampled_from([*({"raw": text} for text in TEXTS), {"tokens": ["a", 3]}, {}, None]), max_size=3
)
ENTRY = st.fixed_dictionaries(
    {
        "file_name": NAME,
        "filename": NAME,
        "image": NAME,
        "caption": st.sampled_from(TEXTS),
        "sentences": SENTENCES,
    },
    optional={
        "id": st.sampled_from([1, 2, 3, "key", "a\ud800", "", None, True]),
        "image_id": st.sampled_from([1, 2, 3, "key", "a\ud800", "", None]),
        "cocoid": st.sampled_from(WEIRD),
        "filepath": st.sampled_from(WEIRD),
        "split": st.sampled_from(WEIRD),
    },
)
ENTRIES = st.lists(ENTRY, max_size=8).flatmap(lambda entries: st.sampled_from([entries, [*entries, None, 3, {}]]))
ROOTS = st.fixed_dictionaries({"images": ENTRIES, "annotations": ENTRIES})
DOCUMENTS = st.one_of(ROOTS, ENTRIES, st.sampled_from([*WEIRD, {"images": 3}, {"annotations": []}]))


def check(reader: Reader, path: Path, root: Path) -> None:
    for problems in (None, list[Problem]()):
        try:
            records = reader(path, root, problems=problems)
        except DataError as error:
            if "\n" in str(error):
                raise AssertionError("more than one line") from error
            continue
        assert len({record.id for record in records}) == len(records)
        for record in records:
            assert record.path.is_relative_to(root)
            assert ".." not in record.path.parts
            assert record.split in (None, "train", "val", "test")
            assert record.id
            " ".join([record.id, str(record.path), *record.captions]).encode()  # no half characters
            assert all(caption == caption.strip() != "" for caption in record.captions)
        for problem in problems or []:
            assert problem.message
            f"{problem.source} {problem.message}".encode()  # can be printed


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logger = logging.getLogger("captionkit.datasets.problems")
    logger.setLevel(logging.ERROR)
    yield
    logger.setLevel(logging.NOTSET)  # other tests of the process read its warnings


@pytest.mark.parametrize(("reader", "name"), TEXT_READERS, ids=lambda value: getattr(value, "__name__", value))
@given(content=ROWS)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_give_records_or_one_sentence(reader: Reader, name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    check(reader, path, tmp_path / "pictures")


@pytest.mark.parametrize(("reader", "name"), JSON_READERS, ids=lambda value: getattr(value, "__name__", value))
@given(document=DOCUMENTS)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_json_gives_records_or_one_sentence(reader: Reader, name: str, document: Any, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(json.dumps(document), encoding="utf-8")
    check(reader, path, tmp_path / "pictures")


@given(content=ROWS)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_have_a_format_or_one_sentence(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(content)
    with contextlib.suppress(DataError):
        assert detect_format(path) in READERS


def test_how_much_may_be_bad_is_the_configuration_to_say(tmp_path: Path) -> None:
    rows = [f"{number}.jpg,a dog number {number}" for number in range(20)]
    (tmp_path / "table.csv").write_text("\n".join(["image,caption", *rows, "../20.jpg,a dog"]), encoding="utf-8")
    config = dataset_config(tmp_path / "table.csv")
    with pytest.raises(DataError, match=r"4\.8% of the records are bad, more than the 1% .*data\.max_bad"):
        read_dataset(config)
    assert len(read_dataset(dataclasses.replace(config, max_bad=0.05))) == 20


def test_a_model_learns_from_the_captioned_pictures_of_its_split_alone() -> None:
    def record(name: str, split: str | None, *captions: str) -> ImageRecord:
        return ImageRecord(name, Path(name), captions, split, name)

    divided = [record("a", "train", "A"), record("b", "val", "B"), record("c", "train"), record("d", None, "D")]
    undivided = [record("a", None, "A"), record("b", None)]

    def learned(records: list[ImageRecord], second: bool, train: str = "train", train_list: str = "") -> list[str]:
        config = DataConfig(train=train, train_list=train_list)
        return [one.id for one in train_records(config, records, second=second)]

    for second in (False, True):
        assert learned(divided, second) == ["a"]
        assert learned(divided, second, train="val") == ["b"]
        assert learned(undivided, second, train_list="list.txt") == []
    assert learned(undivided, False) == []
    assert learned(undivided, True) == ["a"]
