"""Captions that a model wrote, as a table, beside those of people."""

from __future__ import annotations

from pathlib import Path

import pytest

from captionkit.errors import DataError
from captionkit.records import ImageRecord
from captionkit.training.pseudo_captions import read_pseudo_captions

HEAD = "source,rank,caption,log_probability,confidence,error\n"


def records(*names: str) -> list[ImageRecord]:
    return [ImageRecord(name, Path("pictures") / name, ("A dog .",), "train", "x.json") for name in names]


def table(folder: Path, text: str) -> str:
    path = folder / "written.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_rows_find_their_picture_by_its_name_whatever_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = table(
        tmp_path,
        HEAD
        + "/elsewhere/b.jpg,1,a dog runs.,-3.2,0.7,\n"
        + '/elsewhere/b.jpg,2,"a dog, running.",-3.9,,\n'
        + "/elsewhere/of dev.jpg,1,a cat.,-3.2,0.7,\n"
        + "/elsewhere/a.jpg,,,,,not a picture\n"
        + "c.jpg,1,Possibly: a horse.,-3.2,0.2,\n",
    )
    assert read_pseudo_captions(written, records("a.jpg", "b.jpg", "c.jpg")) == [
        (),
        ("a dog runs.", "a dog, running."),
        ("a horse.",),
    ]
    monkeypatch.setenv("WRITTEN", str(tmp_path))
    assert read_pseudo_captions("$WRITTEN/written.csv", records("c.jpg")) == [("a horse.",)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "picture,caption\na.jpg,a dog.\n",
            r"there is no source; write it with: captionkit caption PICTURES --csv",
        ),
        ("", r"there is no source and no caption"),
        (HEAD + "z.jpg,1,a dog.,-3.2,0.7,\n", r"no caption of the train pictures, of which one is a.jpg"),
        (HEAD + "a.jpg,1,a dog, running.,-3.2,0.7,\n", r"written.csv .*line 2: expected 6 cells, .*quote a cell"),
        (HEAD + "a.jpg,1,a dog.\n", r"line 2: expected 6 cells, .* but got 3"),
        (HEAD + 'a.jpg,1,"a dog.,-3.2,0.7,\n', r"line 2: .*not valid CSV .*unexpected end of data"),
        (HEAD + '"a.jpg,1,' + "a" * 200_000, r"written.csv .*not valid CSV .*field larger than"),
    ],
)
def test_a_table_that_does_not_fit_is_told(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_pseudo_captions(table(tmp_path, text), records("a.jpg"))


def test_two_pictures_of_one_name_are_not_mistaken_for_each_other(tmp_path: Path) -> None:
    one, two = (
        ImageRecord("1", Path("x/a.jpg"), (), "train", ""),
        ImageRecord("2", Path("y/a.jpg"), (), "train", ""),
    )
    written = table(tmp_path, HEAD + "x/a.jpg,1,a dog.,-3.2,0.7,\nb.jpg,1,a cat.,-3.2,0.7,\n")
    with pytest.raises(DataError, match=r"Two train pictures are called a.jpg"):
        read_pseudo_captions(written, [one, two])
    # Of which nothing is said, nothing can be mistaken.
    (tmp_path / "written.csv").write_text(HEAD + "b.jpg,1,a cat.,-3.2,0.7,\n")
    assert read_pseudo_captions(written, [one, two, *records("b.jpg")]) == [(), (), ("a cat.",)]
