"""What `captionkit caption` writes of a picture: a sentence, an object of JSON, or rows of CSV."""

from __future__ import annotations

import json
from collections.abc import Callable

from captionkit.cli.output import STDIN, printable
from captionkit.records import Prediction

Format = Callable[[str, Prediction], str]

CSV_HEADER = "source,rank,caption,log_probability,confidence,error\n"


def plain(name: str, prediction: Prediction, *, alone: bool = False) -> str:
    """A line a sentence; before each its path, where there is more than one picture."""
    from captionkit.confidence import UNSURE

    texts = [one.text for one in prediction.captions] or ([UNSURE] if prediction.error is None else [])
    return "".join(f"{text}\n" if alone else f"{printable(name)}\t{text}\n" for text in texts)


def json_line(name: str, prediction: Prediction) -> str:
    """One object a picture."""
    document = {**prediction.to_document(), "source": name}
    # A name that is no Unicode is escaped, so that the line stays JSON.
    unicode = name.isascii() or "\\ud" not in ascii(name)
    return json.dumps(document, ensure_ascii=not unicode) + "\n"


def csv_rows(name: str, prediction: Prediction) -> str:
    """One row a caption, and one for a picture without."""
    from captionkit.files.delimited import FORMULA, format_row

    if name[0] in FORMULA and name != STDIN:
        name = f"./{name}"  # the same file, and no formula
    rows: list[tuple[object, ...]] = []
    for rank, one in enumerate(prediction.captions, start=1):
        sure = "" if rank > 1 else _number(prediction.confidence)
        rows.append((name, rank, one.text, f"{one.log_probability:.6f}", sure, ""))
    if not rows:
        rows.append((name, "", "", "", _number(prediction.confidence), prediction.error or ""))
    # A table that is not UTF-8 throughout is read by nobody: bytes of a name that are no text are written out.
    return "".join(map(format_row, rows)).encode("utf-8", "backslashreplace").decode("utf-8")


def _number(confidence: float | None) -> str:
    return "" if confidence is None else f"{confidence:.4f}"
