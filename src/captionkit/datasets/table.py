"""A person's own table of captions: CSV, TSV, JSON Lines, a JSON list of objects, or Parquet.

The cells of a CSV are divided by commas, or by semicolons where its header row has these alone. One row a caption,
or one row a picture with several: a list in the cell, or several caption columns.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from captionkit.datasets.grouping import Grouping
from captionkit.datasets.problems import Problem, ProblemKind, settle
from captionkit.datasets.sources import (
    MAX_CAPTION_BYTES,
    SPLITS,
    read_json,
    read_lines,
    read_text,
)
from captionkit.errors import DataError, nearest
from captionkit.files.delimited import DELIMITED, IMAGE_COLUMNS, SPLIT_COLUMNS, delimiter_of, read_delimited
from captionkit.records import ImageRecord, split_name

CAPTION_COLUMNS = ("caption", "captions", "text", "sentence", "sentences", "description", "comment", "alt_text")
TABLE_SUFFIXES = frozenset([*DELIMITED, ".jsonl", ".ndjson", ".json", ".parquet"])

_Row = tuple[str, Mapping[str, Any]]  # the place ("table.csv:12") and the cells by column
_OpenRows = Callable[[Sequence[str]], Iterable[_Row]]  # the rows, with at least the columns named


def read_table(
    captions: Path | str,
    images: Path | str,
    *,
    image_column: str = "",
    caption_column: str = "",
    split_column: str = "",
    id_column: str = "",
    problems: list[Problem] | None = None,
) -> list[ImageRecord]:
    """Read a table; its suffix says which kind (.csv, .tsv, .jsonl, .ndjson, .json, .parquet).

    Args:
        captions: the file. CSV and TSV need a header row; .json holds one list of objects.
        images: the folder that the image column is relative to.
        image_column, caption_column, split_column, id_column: column names. Empty means: the first of the usual
            names that the table has; for the id, the image column. `caption_column` may name several columns,
            with commas between. A caption cell may hold a list of captions.
        problems: takes what is wrong; without it more than 1 % bad records raise.

    Returns:
        One record a picture, in the order of first rows; rows with the same id make one record.

    Raises:
        DataError: the file cannot be read, a column is not there, a quote is never closed (CSV), or too much is
            bad.
    """
    path, found = Path(captions), list[Problem]()
    columns, open_rows = _open(path, found)
    image = _choose(path, columns, image_column, IMAGE_COLUMNS, "image")
    texts = [
        _choose(path, columns, name.strip(), (), "caption") for name in caption_column.split(",") if name.strip()
    ]
    texts = texts or _usual_captions(path, columns)
    split = _choose(path, columns, split_column, SPLIT_COLUMNS, "split", needed=False)
    key = _choose(path, columns, id_column, (image,), "id")
    grouping = Grouping(Path(images), found)
    splits: dict[str, str] = {}
    for source, row in open_rows([image, *texts, key, split]):
        _read_row(source, row, (key, image, split, texts), grouping, splits)
    return settle(found, problems, grouping.records(splits), str(path))


def _read_row(
    source: str,
    row: Mapping[str, Any],
    columns: tuple[str, str, str, Sequence[str]],
    grouping: Grouping,
    splits: dict[str, str],
) -> None:
    key, image, split, texts = columns
    found = grouping.problems
    name, record = row.get(image), row.get(key)
    if isinstance(record, int) and not isinstance(record, bool):
        record = str(record)
    if not isinstance(name, str) or not name.strip() or not isinstance(record, str) or not record.strip():
        column = key if isinstance(name, str) and name.strip() else image
        message = (
            f"expected text in column {column!r}, but got {str(row.get(column))[:60]!r}; the row is left out."
        )
        found.append(Problem(ProblemKind.MALFORMED, source, message))
        return
    name, record = name.strip(), record.strip()
    if not grouping.add_picture(record, name, source):
        return
    if grouping.names[record] != name:
        message = f"{record} is {grouping.names[record]!r} above and {name!r} here; the row is left out."
        found.append(Problem(ProblemKind.DUPLICATE_ID, source, message, record))
        return
    for text in texts:
        cell = row.get(text)
        for caption in cell if isinstance(cell, list) else [cell]:
            if len(texts) > 1 and not str(caption or "").strip():
                continue  # a picture with fewer captions than there are columns
            if isinstance(caption, str):
                grouping.add_caption(record, caption, source)
            else:
                message = f"expected text in column {text!r}, but got {str(caption)[:60]!r}; it is left out."
                found.append(Problem(ProblemKind.MALFORMED, source, message, record))
    if split and row.get(split) not in (None, ""):
        _note_split(source, record, str(row[split]), splits, found)


def _note_split(source: str, record: str, value: str, splits: dict[str, str], found: list[Problem]) -> None:
    name = split_name(value)
    if name is None:
        message = f"{record}: expected the split train, val or test, but got {value[:60]!r}; it has none."
        found.append(Problem(ProblemKind.MALFORMED, source, message, record))
    elif splits.get(record, name) != name:
        # The split that is trained on least, so that nothing held out is learned.
        kept = max(name, splits[record], key=SPLITS.index)
        message = f"{record} is in {splits[record]} and in {name}; it counts as {kept}."
        found.append(Problem(ProblemKind.TWO_SPLITS, source, message, record))
        splits[record] = kept
    else:
        splits[record] = name


def _choose(
    path: Path, columns: Sequence[str], wanted: str, usual: Iterable[str], what: str, *, needed: bool = True
) -> str:
    if wanted:
        if wanted not in columns:
            raise DataError(f"{path} has no column {wanted!r}; {nearest(wanted, columns)}")
        return wanted
    lower = {name.lower(): name for name in reversed(columns)}
    for name in usual:
        if name.lower() in lower:
            return lower[name.lower()]
    if needed:
        raise DataError(
            f"{path} has no column that is known as the {what} column; name it with --{what}-column, or with "
            f"data.{what}_column in a recipe, which every command takes in the table's place. "
            f"It has: {', '.join(' '.join(column.split()) for column in columns)}."
        )
    return ""


def _usual_captions(path: Path, columns: Sequence[str]) -> list[str]:
    """The one usual caption column, or all of caption_0, caption_1 and so on."""
    numbered = [name for name in columns if name.lower().rstrip("0123456789").rstrip("_ ") == "caption"]
    if len(numbered) > 1:
        return numbered
    return [numbered[0] if numbered else _choose(path, columns, "", CAPTION_COLUMNS, "caption")]


def _open(path: Path, found: list[Problem]) -> tuple[list[str], _OpenRows]:
    """The columns of a table and its rows."""
    suffix = path.suffix.lower()
    if suffix in DELIMITED:
        return _open_csv(path, suffix, found)
    if suffix in (".jsonl", ".ndjson"):
        return _open_objects(path, _json_lines(path, found), found)
    if suffix == ".json":
        document = read_json(path, found)
        if not isinstance(document, list):
            raise DataError(f"{path} is not a table: expected a JSON list of objects, one a row.")
        return _open_objects(path, ((f"{path.name}[{i}]", row) for i, row in enumerate(document)), found)
    if suffix == ".parquet":
        return _open_parquet(path)
    raise DataError(
        f"Expected a table with one of the suffixes {', '.join(sorted(TABLE_SUFFIXES))}, but got {path}."
    )


def _open_csv(path: Path, suffix: str, found: list[Problem]) -> tuple[list[str], _OpenRows]:
    def leave_out(line: int, message: str) -> None:
        source = f"{path.name}:{line}"
        found.append(Problem(ProblemKind.MALFORMED, source, f"{message}; the row is left out."))

    text = read_text(path, found)
    columns, rows = read_delimited(
        text, lambda line: f"{path}:{line}", delimiter=delimiter_of(text, suffix), leave_out=leave_out
    )
    if not columns:
        raise DataError(f"{path} is empty; expected a header row with column names.")
    return columns, lambda _: ((f"{path.name}:{line}", cells) for line, cells in rows)


def _json_lines(path: Path, found: list[Problem]) -> Iterator[tuple[str, Any]]:
    for number, line in read_lines(path, found):
        try:
            yield f"{path.name}:{number}", json.loads(line)
        except (ValueError, RecursionError):
            yield f"{path.name}:{number}", None


def _open_objects(
    path: Path, objects: Iterable[tuple[str, Any]], found: list[Problem]
) -> tuple[list[str], _OpenRows]:
    rows: list[_Row] = []
    columns: dict[str, None] = {}
    for source, value in objects:
        if isinstance(value, dict):
            rows.append((source, value))
            columns.update(dict.fromkeys(value))
        else:
            message = "expected a JSON object; the row is left out."
            found.append(Problem(ProblemKind.MALFORMED, source, message))
    if not rows:
        raise DataError(f'{path} holds no row: expected JSON objects such as {{"image": ..., "caption": ...}}.')
    return list(columns), lambda _: rows


def _open_parquet(path: Path) -> tuple[list[str], _OpenRows]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise DataError(
            f"Reading {path} needs pyarrow; install it with: pip install 'captionkit[tables]'."
        ) from None
    try:
        file = pyarrow.parquet.ParquetFile(path)
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise DataError(f"{path} cannot be read as Parquet: {str(error).splitlines()[0]}") from None
    columns = [str(name) for name in file.schema_arrow.names]

    def rows(needed: Sequence[str]) -> Iterator[_Row]:
        number = 0
        wanted = [name for name in columns if name in needed]  # a column of pictures as bytes is never loaded
        try:
            groups = [file.metadata.row_group(index) for index in range(file.metadata.num_row_groups)]
            parts = [group.column(index) for group in groups for index in range(group.num_columns)]
            size = sum(p.total_uncompressed_size for p in parts if p.path_in_schema.split(".")[0] in wanted)
            if size > MAX_CAPTION_BYTES:
                raise DataError(f"{path} holds {size:,} bytes of text, of which {MAX_CAPTION_BYTES:,} are read.")
            for batch in file.iter_batches(columns=wanted):
                for row in batch.to_pylist():
                    yield f"{path.name}[{number}]", row
                    number += 1
        except (OSError, ValueError, pyarrow.ArrowException) as error:  # ValueError: text that is not UTF-8
            raise DataError(f"{path} is damaged after row {number}: {str(error).splitlines()[0]}") from None

    return columns, rows
