"""Flickr8k and Flickr30k: the rows that exist in the world, and the ones that should not."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from captionkit.datasets import ProblemKind, read_flickr8k, read_flickr8k_csv, read_flickr30k_csv
from captionkit.datasets.problems import Problem
from captionkit.errors import DataError
from tests.pace import expect_linear

IMAGES = Path("pictures")


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def kinds(problems: list[Problem]) -> list[ProblemKind]:
    return [problem.kind for problem in problems]


def test_token_rows_become_one_record_a_picture(tmp_path: Path) -> None:
    path = write(tmp_path, "x.token.txt", "b.jpg#0\tA dog .\nb.jpg#1\tTwo dogs .\na.jpg#0\tA cat .\n")
    first, second = read_flickr8k(path, IMAGES)
    assert (first.id, first.path, first.captions) == ("b.jpg", IMAGES / "b.jpg", ("A dog .", "Two dogs ."))
    assert (second.id, second.split, second.source) == ("a.jpg", None, "x.token.txt:3")


def test_split_lists_give_train_val_and_test_and_need_no_suffix(tmp_path: Path) -> None:
    path = write(tmp_path, "x.token.txt", "a.jpg#0\tA\nb.jpg#0\tB\nc.jpg#0\tC\nd.jpg#0\tD\n")
    records = read_flickr8k(
        path,
        IMAGES,
        train_list=write(tmp_path, "train.txt", "a.jpg\r\n\r\n"),
        val_list=write(tmp_path, "dev.txt", "b\n"),
        test_list=write(tmp_path, "test.txt", "c.jpg"),
    )
    assert [record.split for record in records] == ["train", "val", "test", None]


def test_a_list_that_names_an_unknown_picture_is_reported(tmp_path: Path) -> None:
    path = write(tmp_path, "x.token.txt", "a.jpg#0\tA\n")
    problems: list[Problem] = []
    read_flickr8k(path, IMAGES, train_list=write(tmp_path, "train.txt", "a.jpg\nghost.jpg\n"), problems=problems)
    assert kinds(problems) == [ProblemKind.UNKNOWN_PICTURE]
    assert problems[0].source == "train.txt:2"
    assert problems[0].message.startswith("'ghost.jpg' has no captions")


def test_a_picture_in_two_lists_is_held_out_and_reported(tmp_path: Path) -> None:
    path = write(tmp_path, "x.token.txt", "a.jpg#0\tA\n")
    both = write(tmp_path, "list.txt", "a.jpg\n")
    problems: list[Problem] = []
    (record,) = read_flickr8k(path, IMAGES, train_list=both, test_list=both, problems=problems)
    assert record.split == "test"
    assert kinds(problems) == [ProblemKind.TWO_SPLITS]
    assert problems[0].message == "a.jpg is in train and in test; it counts as test."


def test_a_picture_that_a_list_names_twice_is_reported(tmp_path: Path) -> None:
    path = write(tmp_path, "x.token.txt", "a.jpg#0\tA\n")
    problems: list[Problem] = []
    read_flickr8k(path, IMAGES, val_list=write(tmp_path, "dev.txt", "a.jpg\na\n"), problems=problems)
    assert kinds(problems) == [ProblemKind.DUPLICATE_ID]
    assert problems[0].message == "a.jpg is listed twice in val."


def test_byte_order_mark_windows_line_ends_latin1_and_unicode_separators(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbfa.jpg#0\tA caf\xc3\xa9 .\r\n\r\n   \r\n"
    data += b"a.jpg#1\tA caf\xe9 \x93bar\x94\r\na.jpg#2\tone\xe2\x80\xa8line"
    problems: list[Problem] = []
    (record,) = read_flickr8k(write(tmp_path, "x.token", data), IMAGES, problems=problems)
    assert record.captions == ("A café .", "A café “bar”", "one\u2028line")
    assert [(p.kind, p.source) for p in problems] == [(ProblemKind.NOT_UTF8, "x.token:4")]


def test_rows_without_tab_are_read_and_rows_without_number_are_reported(tmp_path: Path) -> None:
    problems: list[Problem] = []
    path = write(tmp_path, "x.token", "a.jpg#0   A dog\nno caption here\na.jpg#x\tB\n\tC\n#1\tD\n")
    (record,) = read_flickr8k(path, IMAGES, problems=problems)
    assert record.captions == ("A dog",)
    assert kinds(problems) == [ProblemKind.MALFORMED] * 4
    assert [problem.source for problem in problems] == [f"x.token:{n}" for n in (2, 3, 4, 5)]


def test_trap_25_nothing_is_dropped_silently(tmp_path: Path) -> None:
    rows = "a.jpg#0\tA\na.jpg#1\t \na.jpg#0\tA\nb.jpg#0\t\n../c.jpg#0\tC\n/d.jpg#0\tD\nbad\n"
    problems: list[Problem] = []
    records = read_flickr8k(write(tmp_path, "x.token", rows), IMAGES, problems=problems)
    assert [(record.id, record.captions) for record in records] == [("a.jpg", ("A", "A")), ("b.jpg", ())]
    assert sorted(kinds(problems)) == sorted(
        [
            ProblemKind.EMPTY_CAPTION,
            ProblemKind.DUPLICATE_ID,
            ProblemKind.DUPLICATE_CAPTION,
            ProblemKind.EMPTY_CAPTION,
            ProblemKind.NO_CAPTION,
            ProblemKind.OUTSIDE_ROOT,
            ProblemKind.OUTSIDE_ROOT,
            ProblemKind.MALFORMED,
        ]
    )


def test_more_than_one_percent_bad_records_raise(tmp_path: Path) -> None:
    rows = "0.jpg#1\tA dog\n"  # the same as below, which is no bad record
    rows += "".join(f"{n}.jpg#0\tA dog\n" for n in range(98)) + "broken\nbroken too\n"
    with pytest.raises(DataError, match=r"2\.0% of the records are bad.*2 x malformed entry.*first: x\.token:100"):
        read_flickr8k(write(tmp_path, "x.token", rows), IMAGES)


def test_one_percent_bad_records_are_counted_in_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = "".join(f"{n}.jpg#0\tA dog\n" for n in range(99)) + "broken\n"
    with caplog.at_level(logging.WARNING):
        assert len(read_flickr8k(write(tmp_path, "x.token", rows), IMAGES)) == 99
    assert "1 x malformed entry" in caplog.text


def test_csv_captions_with_commas_and_quotes(tmp_path: Path) -> None:
    rows = (
        "image,caption\n"
        'a.jpg,"A dog , a ball and ""fun"" ."\n'
        "a.jpg,A dog .\n"
        "a.jpg,A dog , unquoted\n"
        'b.jpg,"an open quote\n'
        'b.jpg,"one" and "two"\n'
        "c.jpg,after it\n"
        "c.jpg\n"
    )
    problems: list[Problem] = []
    records = read_flickr8k_csv(write(tmp_path, "captions.txt", rows), IMAGES, problems=problems)
    assert [record.captions for record in records] == [
        ('A dog , a ball and "fun" .', "A dog .", "A dog , unquoted"),
        ('"an open quote', '"one" and "two"'),
        ("after it",),
    ]
    assert kinds(problems) == [*[ProblemKind.REPAIRED] * 3, ProblemKind.MALFORMED]


def test_csv_captions_without_a_header_with_quoted_names_and_without_any(tmp_path: Path) -> None:
    rows = 'a.jpg,A dog .\n"a.jpg", "Two dogs ." \n,No name .\nb.jpg,A cat .\n'
    problems: list[Problem] = []
    records = read_flickr8k_csv(write(tmp_path, "captions.txt", rows), IMAGES, problems=problems)
    assert [(record.id, record.captions) for record in records] == [
        ("a.jpg", ("A dog .", "Two dogs .")),
        ("b.jpg", ("A cat .",)),
    ]
    assert [(problem.kind, problem.source) for problem in problems] == [(ProblemKind.MALFORMED, "captions.txt:3")]


def test_a_header_below_empty_lines_is_no_picture(tmp_path: Path) -> None:
    path = write(tmp_path, "captions.txt", "\n \nimage,caption\na.jpg,A dog .\n")
    assert [record.id for record in read_flickr8k_csv(path, IMAGES)] == ["a.jpg"]
    path = write(tmp_path, "results.csv", "\nimage_name| comment_number| comment\na.jpg| 0| A dog .\n")
    assert [record.id for record in read_flickr30k_csv(path, IMAGES)] == ["a.jpg"]


def test_a_picture_called_as_a_header_is_one_below_the_first_row(tmp_path: Path) -> None:
    path = write(tmp_path, "captions.txt", "image,caption\nimage,A dog .\n")
    assert [(record.id, record.captions) for record in read_flickr8k_csv(path, IMAGES)] == [
        ("image", ("A dog .",))
    ]
    path = write(tmp_path, "results.csv", "1.jpg| 0| A cat .\nimage_name| 0| A dog .\n")
    assert [record.id for record in read_flickr30k_csv(path, IMAGES)] == ["1.jpg", "image_name"]


def test_files_with_headers_can_be_put_together(tmp_path: Path) -> None:
    path = write(tmp_path, "captions.txt", "image,caption\na.jpg,A dog .\nimage,caption\nb.jpg,A cat .\n")
    assert [record.id for record in read_flickr8k_csv(path, IMAGES)] == ["a.jpg", "b.jpg"]
    header = "image_name| comment_number| comment\n"
    path = write(tmp_path, "results.csv", f"{header}1.jpg| 0| A cat .\n{header}2.jpg| 0| A dog .\n")
    assert [record.id for record in read_flickr30k_csv(path, IMAGES)] == ["1.jpg", "2.jpg"]


def test_flickr30k_rows_that_are_none_are_reported_and_those_after_them_read(tmp_path: Path) -> None:
    rows = "1.jpg| 0| A cat .\nno bar at all\n| 1| No name .\n1.jpg| x| No number .\n1.jpg| 1| Two cats .\n"
    problems: list[Problem] = []
    (record,) = read_flickr30k_csv(write(tmp_path, "results.csv", rows), IMAGES, problems=problems)
    assert record.captions == ("A cat .", "Two cats .")
    assert [(problem.kind, problem.source) for problem in problems] == [
        (ProblemKind.MALFORMED, f"results.csv:{line}") for line in (2, 3, 4)
    ]


def test_flickr30k_csv_with_padding_and_its_known_broken_row(tmp_path: Path) -> None:
    rows = (
        "image_name| comment_number| comment\n"
        "2199200615.jpg| 3| A dog | running .\n"
        "2199200615.jpg| 4   A dog runs across the grass .\n"
        "1.jpg| 0 | A cat .\n"
    )
    problems: list[Problem] = []
    first, second = read_flickr30k_csv(write(tmp_path, "results.csv", rows), IMAGES, problems=problems)
    assert first.captions == ("A dog | running .", "A dog runs across the grass .")
    assert second.captions == ("A cat .",)
    assert [(problem.kind, problem.source) for problem in problems] == [(ProblemKind.REPAIRED, "results.csv:3")]


def test_a_file_of_another_format_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no picture with captions"):
        read_flickr8k(write(tmp_path, "x.token", "hello\nworld\n"), IMAGES)
    with pytest.raises(DataError, match="UTF-16"):
        read_flickr8k(write(tmp_path, "y.token", "a.jpg#0\tA".encode("utf-16")), IMAGES)
    with pytest.raises(DataError, match=r"none, but it cannot be read \(No such file or directory\)\."):
        read_flickr8k(tmp_path / "none", IMAGES)


@pytest.mark.data
def test_real_flickr8k_is_the_same_in_token_and_csv_form(data_root: Path) -> None:
    folder = data_root / "flickr8k"
    train, val = folder / "Flickr_8k.trainImages.txt", folder / "Flickr_8k.devImages.txt"
    token = read_flickr8k(folder / "Flickr8k.token.txt", IMAGES, train_list=train, val_list=val)
    table = read_flickr8k_csv(folder / "captions.txt", IMAGES, train_list=train, val_list=val)
    # The token file names one picture more, which no release ever held.
    assert [record.id for record in token if record.id.endswith(".1")] == ["2258277193_586949ec62.jpg.1"]
    kept = [record for record in token if not record.id.endswith(".1")]
    assert [(r.id, r.captions, r.split) for r in kept] == [(r.id, r.captions, r.split) for r in table]
    assert [sum(r.split == split for r in table) for split in ("train", "val", None)] == [6000, 1000, 91]


def test_time_grows_no_faster_than_the_rows(tmp_path: Path) -> None:
    def read(number: int) -> None:
        rows = "".join(f"{n}.jpg#{k}\tA dog number {k} .\n" for n in range(number) for k in range(5))
        assert len(read_flickr8k(write(tmp_path, "x.token", rows), IMAGES)) == number

    expect_linear(read, 8000)
