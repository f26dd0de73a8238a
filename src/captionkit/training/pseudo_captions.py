"""Captions that a finished model wrote for the train pictures, to be learned beside those of people.

Kim and Rush 2016, "Sequence-level knowledge distillation" (arXiv 1606.07947), section 3.2: a small model learns
the sentences that a better one finds by beam search. People describe a picture in many ways; a model says what
most of them would say, in words that are easy to learn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from captionkit.config.paths import expand_path
from captionkit.datasets.sources import read_text
from captionkit.errors import DataError
from captionkit.files.delimited import read_delimited
from captionkit.records import POSSIBLY, ImageRecord


def read_pseudo_captions(table: str, records: Sequence[ImageRecord]) -> list[tuple[str, ...]]:
    """What a table as `captionkit caption PICTURES --csv` writes it says of these pictures.

    Rows belong to a picture by its file name, whatever the folder. Rows of other pictures, and those without a
    caption (pictures that could not be read), are passed over; a hedge is not learned.

    Args:
        table: the path of a CSV file with the columns `source` and `caption`; it may hold environment variables.

    Returns:
        For each record its captions of the table, in the table's order; none where it has no row.

    Raises:
        DataError: the table cannot be read (see `read_delimited`), lacks a column or speaks of none of the
            pictures, or two of the pictures have one file name, so that it cannot be told which is meant.
    """
    path = expand_path(table)
    columns, rows = read_delimited(
        read_text(path, []), lambda line: f"{path} (training.pseudo_captions), line {line}"
    )
    missing = [name for name in ("source", "caption") if name not in columns]
    if missing:
        raise DataError(
            f"Expected the columns source and caption in {path} (training.pseudo_captions), but there is no "
            f"{' and no '.join(missing)}; write it with: captionkit caption PICTURES --csv -o FILE"
        )
    found: dict[str, list[str]] = {record.path.name: [] for record in records}
    for _, row in rows:
        text = row["caption"].strip().removeprefix(POSSIBLY)
        own = found.get(Path(row["source"]).name)
        if text and own is not None:
            own.append(text)
    if not any(found.values()):
        raise DataError(
            f"{path} (training.pseudo_captions) has no caption of the train pictures, of which one is "
            f"{records[0].path.name}; caption the folder that data.images names."
        )
    names = Counter(record.path.name for record in records)
    twice = next((name for name, number in names.items() if number > 1 and found[name]), None)
    if twice is not None:
        raise DataError(
            f"Two train pictures are called {twice}, so {path} (training.pseudo_captions) does not say which one "
            "it means; rename one of them."
        )
    return [tuple(found[record.path.name]) for record in records]
