"""The strict reader of CSV and TSV."""

from __future__ import annotations

import csv
import io
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captionkit.errors import DataError
from captionkit.files.delimited import delimiter_of, format_row, read_delimited

Rows = list[tuple[int, dict[str, str]]]


def place(line: int) -> str:
    return f"x.csv, line {line}"


def read(text: str, delimiter: str = ",") -> tuple[list[str], Rows]:
    columns, rows = read_delimited(text, place, delimiter=delimiter)
    return columns, list(rows)


def test_rows_by_column_with_the_line_where_each_begins() -> None:
    text = '\r\n image , caption\r\na.jpg,"one\r\ntwo, ""three"""\r\n,\r\n\r\nb.jpg, four \r\n'
    assert read(text) == (
        ["image", "caption"],
        [
            (3, {"image": "a.jpg", "caption": 'one\r\ntwo, "three"'}),
            (7, {"image": "b.jpg", "caption": " four "}),
        ],
    )


@pytest.mark.parametrize(
    ("text", "suffix", "delimiter"),
    [
        ("a,b", ".TSV", "\t"),
        ("a,b\n1;2,3", ".csv", ","),
        ("a;b\n1,2;3", ".csv", ";"),
        ("a;b,c\n", ".csv", ","),
        ("a\n1;2", ".txt", ","),
    ],
)
def test_the_first_line_tells_what_stands_between_cells(text: str, suffix: str, delimiter: str) -> None:
    assert delimiter_of(text, suffix) == delimiter


def test_an_empty_table_has_no_columns() -> None:
    assert read("") == read("\n , \n") == ([], [])
    assert read("image,caption\n") == (["image", "caption"], [])


def test_columns_without_a_name_may_be_several() -> None:
    assert read("image,,\na.jpg,1,2\n")[0] == ["image", "", ""]


@pytest.mark.parametrize(
    ("text", "delimiter", "message"),
    [
        ("a,b\n1,2\n\n1,2,3\n", ",", r"line 4: expected 2 cells, as in the first line, but got 3; .* a comma\."),
        ("a\tb\n1\n", "\t", r"line 2: expected 2 cells, as in the first line, but got 1; .* a tab\."),
        ('a,b\n1,2\n1,"2\n3,4\n', ",", r"line 3: the row that starts here is not valid CSV \(unexpected end"),
        ('a,b\n1,"2" 3\n', ",", r'line 2: .* write " inside it as ""\.'),
        ("a,b\n1," + "2" * 200_000, ",", r"line 2: .*field larger than"),
        ("\na, b,a\n1,2,3\n", ",", r"line 2: two columns named 'a'"),
    ],
)
def test_what_is_out_of_place_is_told_with_its_line(text: str, delimiter: str, message: str) -> None:
    with pytest.raises(DataError, match=r"^x\.csv, " + message):
        read(text, delimiter)


def test_many_columns_are_read_at_once() -> None:
    names = [f"column {number}" for number in range(50_000)]
    began = time.process_time()
    assert read_delimited(",".join(names), str)[0] == names
    assert time.process_time() - began < 5  # each name was looked for among all of them: 20 s


def test_the_message_is_one_line_whatever_the_file_is_called() -> None:
    with pytest.raises(DataError, match=r"^a b\.csv:2: expected 1 cells"):
        list(read_delimited("a\n1,2\n", lambda line: f"a\nb.csv:{line}")[1])


def test_rows_of_another_length_are_left_out_where_somebody_is_told() -> None:
    told: list[tuple[int, str]] = []
    _, rows = read_delimited("a,b\n1\n2,3\n4,5,6\n", place, leave_out=lambda *row: told.append(row))
    assert list(rows) == [(3, {"a": "2", "b": "3"})]
    assert told == [
        (2, "expected 2 cells, as in the first line, but got 1"),
        (4, "expected 2 cells, as in the first line, but got 3"),
    ]


@given(st.lists(st.tuples(st.text(), st.text()).filter(lambda row: any(cell.strip() for cell in row))))
@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_what_was_written_is_read(delimiter: str, rows: list[tuple[str, str]]) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows([("one", "two"), *rows])
    assert [tuple(cells.values()) for _, cells in read(out.getvalue(), delimiter)[1]] == rows


def test_a_row_is_read_back_and_holds_no_formula() -> None:
    cells = ["a,b", 'say "x"', "two\nlines", "back\rhere", "", "-8.5", "-", 3]
    assert read(f"{format_row('abcdefgh')}{format_row(cells)}")[1] == [
        (2, dict(zip("abcdefgh", map(str, cells), strict=True)))
    ]
    assert format_row(["=1+1", "+a", "-a", "@a", "\t=1", "\r=1"]) == "'=1+1,'+a,'-a,'@a,'\t=1,\"'\r=1\"\n"
