"""The one reader of CSV and TSV, strict: a quote or comma out of place would otherwise make a wrong caption.

And the rows of CSV that are written for spreadsheets and programs alike.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from captionkit.errors import DataError

_NAMES = {",": "comma", ";": "semicolon", "\t": "tab"}
DELIMITED = (".csv", ".tsv")  # the suffixes of such tables
# The names under which columns go in tables of captions, the usual first.
IMAGE_COLUMNS = ("image", "file_name", "filename", "image_path", "filepath", "path", "img", "image_name")
SPLIT_COLUMNS = ("split", "set", "subset")
FORMULA = "=+-@\t\r"  # what a spreadsheet takes for the beginning of one


def delimiter_of(text: str, suffix: str) -> str:
    """What stands between the cells of a table: a tab in a .tsv, else a comma.

    Where the first line has semicolons alone it is these: spreadsheets write them where a comma stands in numbers.
    """
    if suffix.lower() == ".tsv":
        return "\t"
    header = text.split("\n", 1)[0]
    return ";" if ";" in header and "," not in header else ","


def read_delimited(
    text: str,
    place: Callable[[int], str],
    *,
    delimiter: str = ",",
    leave_out: Callable[[int, str], None] | None = None,
) -> tuple[list[str], Iterator[tuple[int, dict[str, str]]]]:
    """The columns of a table and its rows, as they are asked for.

    Args:
        text: the whole table, line ends untouched.
        place: what a message calls a line, of its number from 1: "captions.csv, line 12".
        delimiter: what stands between cells: a comma, a semicolon or a tab.
        leave_out: is told the line and the matter of a row with too many or too few cells; without it such a row
            raises.

    Returns:
        The names of the header row without the white space around them, none of an empty table; and each row that
        is not empty as the line where it begins and its cells by column, as they are written.

    Raises:
        DataError: two columns have one name, or (while the rows are read) a row is not valid CSV or has another
            number of cells. The message is one line.
    """
    lines = _rows(text, place, delimiter)
    header, names = next(lines, (1, []))
    columns = [name.strip() for name in names]
    twice = next((name for name, count in Counter(columns).items() if name and count > 1), None)
    if twice is not None:
        raise one_line_error(f"{place(header)}: two columns named {twice!r}; give one of them another name.")

    def rows() -> Iterator[tuple[int, dict[str, str]]]:
        for line, cells in lines:
            if len(cells) == len(columns):
                yield line, dict(zip(columns, cells, strict=True))
                continue
            message = f"expected {len(columns)} cells, as in the first line, but got {len(cells)}"
            if leave_out is None:
                raise one_line_error(f"{place(line)}: {message}; quote a cell that holds a {_NAMES[delimiter]}.")
            leave_out(line, message)

    return columns, rows()


def format_row(cells: Iterable[object]) -> str:
    """A row of CSV with its line end.

    What a spreadsheet would take for a formula gets an apostrophe before it: a file's name, an id or a caption of
    somebody else's must not compute anything. Numbers stay as they are.
    """
    out = io.StringIO()
    # Python 3.11 quotes a carriage return only where it is part of the line end.
    csv.writer(out, lineterminator="\r\n").writerow([_no_formula(str(cell)) for cell in cells])
    return f"{out.getvalue()[:-2]}\n"


def _no_formula(cell: str) -> str:
    if len(cell) < 2 or cell[0] not in FORMULA:
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def _rows(text: str, place: Callable[[int], str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, each with the line where it begins."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise one_line_error(
                f"{place(line)}: the row that starts here is not valid CSV ({error}); "
                f'quote a cell that holds a {_NAMES[delimiter]} or a quote, and write " inside it as "".'
            ) from None
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield line, cells


def one_line_error(message: str) -> DataError:
    """The error with its message on one line, whatever line breaks the names in it hold."""
    return DataError(" ".join(message.split()))
