"""Tables of captions in five forms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from captionkit.datasets import Problem, ProblemKind, read_table
from captionkit.errors import DataError

ROWS = [
    {"image": "a.jpg", "caption": 'A dog , "Rex" .', "split": "train"},
    {"image": "b/b.jpg", "caption": "Un café .\nTwo lines .", "split": "dev"},
    {"image": "a.jpg", "caption": "A brown dog .", "split": "train"},
]


def quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


def write_rows(folder: Path, suffix: str, rows: list[dict[str, Any]]) -> Path:
    path = folder / f"captions{suffix}"
    if suffix == ".parquet":
        pyarrow = pytest.importorskip("pyarrow")
        pytest.importorskip("pyarrow.parquet").write_table(pyarrow.Table.from_pylist(rows), path)
    elif suffix == ".json":
        path.write_text(json.dumps(rows), encoding="utf-8")
    elif suffix in (".jsonl", ".ndjson"):
        path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    else:
        comma = "\t" if suffix == ".tsv" else ","
        lines = [comma.join(rows[0]), *(comma.join(quoted(cell) for cell in row.values()) for row in rows)]
        path.write_text("\r\n".join(lines) + "\r\n", encoding="utf-8-sig", newline="")
    return path


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".json", ".parquet"])
def test_the_same_rows_in_every_form(tmp_path: Path, suffix: str) -> None:
    records = read_table(write_rows(tmp_path, suffix, ROWS), "pictures")
    assert [(r.id, r.path, r.captions, r.split) for r in records] == [
        ("a.jpg", Path("pictures/a.jpg"), ('A dog , "Rex" .', "A brown dog ."), "train"),
        ("b/b.jpg", Path("pictures/b/b.jpg"), ("Un café .\nTwo lines .",), "val"),
    ]


def test_a_csv_with_the_semicolons_of_a_spreadsheet_is_read(tmp_path: Path) -> None:
    path = tmp_path / "captions.csv"
    path.write_text('image;caption\r\na.jpg;"A dog, a cat; both ."\r\nb.jpg;A cat, asleep .\r\nc.jpg;a;b\r\n')
    problems: list[Problem] = []
    records = read_table(path, tmp_path, problems=problems)
    assert [(one.id, one.captions) for one in records] == [
        ("a.jpg", ("A dog, a cat; both .",)),
        ("b.jpg", ("A cat, asleep .",)),
    ]
    assert [one.message for one in problems] == [
        "expected 2 cells, as in the first line, but got 3; the row is left out."
    ]
    path.write_text("image,caption;more\na.jpg,A dog .\n")  # a comma decides
    assert read_table(path, tmp_path, caption_column="caption;more")[0].captions == ("A dog .",)
    path.write_text('image;caption\na.jpg;"A dog\n')
    with pytest.raises(DataError, match="quote a cell that holds a semicolon or a quote"):
        read_table(path, tmp_path)


def test_the_source_names_the_line_where_a_row_begins(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('image,caption\n\na.jpg,"one\ntwo"\nb.jpg,three\n', encoding="utf-8")
    assert [record.source for record in read_table(path, "")] == ["x.csv:3", "x.csv:5"]


def test_columns_are_named_by_arguments(tmp_path: Path) -> None:
    rows = [{"file": "a.jpg", "de": "Ein Hund", "en": "A dog", "key": 7, "part": "validation"}]
    path = write_rows(tmp_path, ".jsonl", rows)
    (record,) = read_table(
        path, "p", image_column="file", caption_column="en, de", id_column="key", split_column="part"
    )
    assert (record.id, record.captions, record.split) == ("7", ("A dog", "Ein Hund"), "val")


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".parquet"])
def test_a_cell_may_hold_a_list_of_captions(tmp_path: Path, suffix: str) -> None:
    path = write_rows(tmp_path, suffix, [{"file_name": "a.jpg", "captions": ["A dog", "One dog"]}])
    (record,) = read_table(path, "p")
    assert record.captions == ("A dog", "One dog")


def test_numbered_caption_columns_are_all_read(tmp_path: Path) -> None:
    path = write_rows(tmp_path, ".csv", [{"filename": "a.jpg", "caption_0": "A dog", "caption_1": "One dog"}])
    (record,) = read_table(path, "p")
    assert record.captions == ("A dog", "One dog")


def test_an_unknown_column_names_those_that_there_are(tmp_path: Path) -> None:
    path = write_rows(tmp_path, ".csv", [{"photo": "a.jpg", "words": "A dog"}])
    with pytest.raises(
        DataError, match=r"data\.image_column in a recipe, which every command takes .*\. It has: photo, words"
    ):
        read_table(path, "p")
    with pytest.raises(DataError, match="did you mean 'photo'"):
        read_table(path, "p", image_column="photos", caption_column="words")


def test_an_open_quote_cannot_swallow_the_rest_of_a_csv(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('image,caption\na.jpg,A dog\nb.jpg,"open\nc.jpg,A cat\nd.jpg,A bird\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"x\.csv:3: the row that starts here is not valid CSV"):
        read_table(path, "p")


def test_a_giant_cell_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("image,caption\na.jpg," + "x" * 200_000 + "\n", encoding="utf-8")
    with pytest.raises(DataError, match="not valid CSV"):
        read_table(path, "p")


def test_trap_25_every_bad_row_is_reported(tmp_path: Path) -> None:
    lines = [
        '{"image": "a.jpg", "caption": "A dog", "split": "train"}',
        '{"image": "a.jpg", "caption": "A dog", "split": "test"}',
        '{"image": "a.jpg", "caption": " ", "split": "holdout"}',
        '{"image": "../b.jpg", "caption": "B"}',
        '{"image": 5, "caption": "B"}',
        '{"caption": "B"}',
        '{"image": "c.jpg", "caption": 3}',
        '{"image": "d.jpg", "caption": "half \\ud83d a character"}',
        "[1]",
        "{broken",
        "[" * 100_000,
    ]
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    problems: list[Problem] = []
    records = read_table(path, "p", problems=problems)
    assert [(record.id, record.captions, record.split) for record in records] == [
        ("a.jpg", ("A dog", "A dog"), "test"),
        ("c.jpg", (), None),
        ("d.jpg", ("half ? a character",), None),
    ]
    assert sorted((problem.source, problem.kind) for problem in problems) == [
        ("x.jsonl:10", ProblemKind.MALFORMED),
        ("x.jsonl:11", ProblemKind.MALFORMED),
        ("x.jsonl:2", ProblemKind.DUPLICATE_CAPTION),
        ("x.jsonl:2", ProblemKind.TWO_SPLITS),
        ("x.jsonl:3", ProblemKind.EMPTY_CAPTION),
        ("x.jsonl:3", ProblemKind.MALFORMED),
        ("x.jsonl:4", ProblemKind.OUTSIDE_ROOT),
        ("x.jsonl:5", ProblemKind.MALFORMED),
        ("x.jsonl:6", ProblemKind.MALFORMED),
        ("x.jsonl:7", ProblemKind.MALFORMED),
        ("x.jsonl:7", ProblemKind.NO_CAPTION),
        ("x.jsonl:8", ProblemKind.REPAIRED),
        ("x.jsonl:9", ProblemKind.MALFORMED),
    ]


def test_a_name_with_half_a_character_is_reported_once(tmp_path: Path) -> None:
    rows = [{"image": "\ud83d.jpg", "caption": "A dog"}] * 2 + [{"image": "b.jpg", "caption": "A cat"}]
    problems: list[Problem] = []
    records = read_table(write_rows(tmp_path, ".jsonl", rows), "p", problems=problems)
    assert [record.id for record in records] == ["b.jpg"]
    assert [(problem.kind, problem.source) for problem in problems] == [
        (ProblemKind.MALFORMED, "captions.jsonl:1")
    ]


def test_white_space_around_names_is_no_part_of_them(tmp_path: Path) -> None:
    rows = [
        {"Image": " a.jpg", "Caption": "A dog", "Split": "train"},
        {"Image": "a.jpg ", "Caption": "One dog", "Split": ""},
        {"Image": " ", "Caption": "No name", "Split": ""},
    ]
    problems: list[Problem] = []
    (record,) = read_table(write_rows(tmp_path, ".csv", rows), "p", problems=problems)
    assert (record.id, record.path, record.captions) == ("a.jpg", Path("p/a.jpg"), ("A dog", "One dog"))
    assert record.split == "train"
    assert [(problem.kind, problem.source) for problem in problems] == [(ProblemKind.MALFORMED, "captions.csv:4")]


def test_a_caption_may_lack_where_there_are_several_columns(tmp_path: Path) -> None:
    several = [{"image": "a.jpg", "caption_1": "A dog", "caption 2": None, "caption3": 3, "key": True}]
    problems: list[Problem] = []
    (record,) = read_table(write_rows(tmp_path, ".ndjson", several), "p", problems=problems)
    assert record.captions == ("A dog",)
    assert [problem.message for problem in problems] == [
        "expected text in column 'caption3', but got '3'; it is left out."
    ]
    row: dict[str, Any] = {"image": "a.jpg", "caption": "A dog"}
    for one in ({**row, "caption": None}, *({**row, "key": key} for key in (True, None, 1.5, " "))):
        problems = []
        path = write_rows(tmp_path, ".jsonl", [one])
        read_table(path, "p", id_column="key" if "key" in one else "", problems=problems)
        assert problems[0].kind is ProblemKind.MALFORMED


def test_a_row_without_an_id_is_told_by_the_column_of_ids(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"id": 1, "image": "a.jpg", "caption": "A dog"},
        {"id": " ", "image": "b.jpg", "caption": "A cat"},
        {"id": "3", "image": 3, "caption": "A cat"},
    ]
    problems: list[Problem] = []
    (record,) = read_table(write_rows(tmp_path, ".jsonl", rows), "p", id_column="id", problems=problems)
    assert record.id == "1"
    assert [problem.message for problem in problems] == [
        "expected text in column 'id', but got ' '; the row is left out.",
        "expected text in column 'image', but got '3'; the row is left out.",
    ]


def test_two_pictures_under_one_id_are_reported(tmp_path: Path) -> None:
    rows = [{"id": "1", "image": "a.jpg", "caption": "A"}, {"id": "1", "image": "b.jpg", "caption": "B"}]
    problems: list[Problem] = []
    records = read_table(write_rows(tmp_path, ".jsonl", rows), "p", id_column="id", problems=problems)
    assert [(record.id, record.captions) for record in records] == [("1", ("A",))]
    assert [problem.kind for problem in problems] == [ProblemKind.DUPLICATE_ID]


def test_short_and_long_csv_rows_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("image,caption\na.jpg,A dog\nb.jpg\nc.jpg,A, B\n", encoding="utf-8")
    problems: list[Problem] = []
    assert len(read_table(path, "p", problems=problems)) == 1
    assert [problem.source for problem in problems] == ["x.csv:3", "x.csv:4"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.csv", b""),
        ("x.csv", b"image,image,caption\n"),
        ("x.csv", b"image,caption\n"),
        ("x.jsonl", b"\n"),
        ("x.json", b"{}"),
        ("x.json", b"[]"),
        ("x.parquet", b"PAR1 this is none PAR1"),
        ("x.xlsx", b"PK"),
    ],
)
def test_other_files_are_refused_in_one_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=name) as caught:
        read_table(path, "p")
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match=f"none{name[1:]}"):
        read_table(tmp_path / f"none{name[1:]}", "p")


def test_parquet_text_that_is_no_utf8_is_one_sentence(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    path = tmp_path / "x.parquet"
    table = pyarrow.table({"image": ["a.jpg"], "caption": pyarrow.array([b"A \xffog"]).view(pyarrow.string())})
    pytest.importorskip("pyarrow.parquet").write_table(table, path)
    with pytest.raises(DataError, match="damaged after row 0"):
        read_table(path, "p")


def test_a_parquet_column_of_pictures_is_not_loaded(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "x.parquet"
    table = pyarrow.table({"image": ["a.jpg"], "caption": ["A dog"], "bytes": [b"\0" * 100]})
    parquet.write_table(table, path)
    damaged = bytearray(path.read_bytes())
    column = parquet.ParquetFile(path).metadata.row_group(0).column(2)
    start = column.dictionary_page_offset or column.data_page_offset
    damaged[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    path.write_bytes(bytes(damaged))
    (record,) = read_table(path, "p")
    assert record.captions == ("A dog",)


def test_parquet_text_is_bounded_in_lists_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_rows(tmp_path, ".parquet", [{"image": "a.jpg", "caption": ["A dog " * 99]}])
    assert len(read_table(path, tmp_path)) == 1
    monkeypatch.setattr("captionkit.datasets.table.MAX_CAPTION_BYTES", 500)
    with pytest.raises(DataError, match="of which 500 are read"):
        read_table(path, tmp_path)


def test_a_column_name_with_a_line_break_leaves_the_message_on_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('"pic\nture","words"\na.jpg,A dog .\n', encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_table(path, tmp_path)
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError) as caught:
        read_table(path, tmp_path, image_column="pic")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("splits", [["train", "val", "test"], ["test", "val", "train"], ["val", "test", "val"]])
def test_a_picture_of_several_splits_is_held_out_in_whatever_order_they_come(
    tmp_path: Path, splits: list[str]
) -> None:
    rows = [{"image": "a.jpg", "caption": f"{number} dogs", "split": name} for number, name in enumerate(splits)]
    (record,) = read_table(write_rows(tmp_path, ".csv", rows), tmp_path, problems=[])
    assert record.split == "test"
