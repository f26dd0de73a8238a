"""Paths that stay below their root, and bounded, decoded text."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from captionkit.datasets import Problem, ProblemKind
from captionkit.datasets.sources import picture_path, read_json, read_lines, read_text
from captionkit.errors import DataError

ROOT = Path("root")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jpg", "a.jpg"),
        ("val2017/000000000139.jpg", "val2017/000000000139.jpg"),
        ("Fotos\\é è.jpg", "Fotos/é è.jpg"),
        ("./a.jpg", "a.jpg"),
        ("a..b.jpg", "a..b.jpg"),
        ("...", "..."),
    ],
)
def test_names_below_the_root(name: str, expected: str) -> None:
    assert picture_path(ROOT, name) == ROOT / expected


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "/",
        "/a",
        "../a",
        "a/../b",
        "a/..",
        "..\\a",
        "\\a",
        "\\\\host\\a",
        "C:\\a",
        "c:a",
        "a\0b",
        "a\ud800",
    ],
)
def test_names_that_are_no_path_below_the_root(name: str) -> None:
    assert picture_path(ROOT, name) is None


def test_text_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"12345")
    assert read_text(path, [], limit=5) == "12345"
    with pytest.raises(DataError, match="longer than the 4 bytes"):
        read_text(path, [], limit=4)


def test_only_the_damaged_bytes_of_a_text_are_read_as_windows_1252(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes("é\n".encode() + b"\x80 \x81 \xe9\n" + "\U0001f600".encode())
    problems: list[Problem] = []
    assert list(read_lines(path, problems)) == [(1, "é"), (2, "€ \x81 é"), (3, "\U0001f600")]
    assert [(problem.kind, problem.source) for problem in problems] == [(ProblemKind.NOT_UTF8, "x:2")]


def test_reading_json_leaves_garbage_collection_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match="line 1, column 2"):
        read_json(path, [])
    assert gc.isenabled()
    gc.disable()
    try:
        path.write_text("[1]", encoding="utf-8")
        assert read_json(path, []) == [1]
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_utf_16_is_told_and_lines_of_white_space_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "x"
    for encoding in ("utf-16-le", "utf-16-be"):
        path.write_bytes("\ufeffa".encode(encoding))
        with pytest.raises(DataError, match="is UTF-16 text"):
            read_text(path, [])
    path.write_bytes("\ufeffa\r\n \t\r\n\r\nb \r\n".encode())
    assert list(read_lines(path, [])) == [(1, "a"), (4, "b ")]
