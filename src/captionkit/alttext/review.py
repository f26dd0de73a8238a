"""The review file: a CSV for spreadsheets, and the decisions that come back in one.

Columns: `id`, `document`, `line`, `picture`, `verdict`, `reason`, `present`, `proposal`, `confidence`, `language`,
`same_as`, `decision`, `alt`, `model`. A person fills `decision` with accept, decorative or skip (empty counts as
skip), and may change `alt`, which begins as the proposal. Where `same_as` holds the id of another row, which shows
the same picture in the same role, an empty decision is that row's. `model` is the SHA-256 of the bundle that
proposed the text.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from captionkit.alttext.formats.pictures import encodable, squeeze
from captionkit.alttext.propose import Proposal
from captionkit.alttext.wording import LANGUAGE
from captionkit.alttext.write import Decision
from captionkit.errors import DataError, nearest
from captionkit.files import read_bounded

COLUMNS = (
    "id", "document", "line", "picture", "verdict", "reason", "present", "proposal", "confidence", "language",
    "same_as", "decision", "alt", "model",
)  # fmt: skip
DECISIONS = ("accept", "decorative", "skip")
_Row = dict[str, str | None]
MAX_REVIEW_BYTES = 64_000_000
_SHA256 = re.compile("[0-9a-f]{64}")
_FORMULA = re.compile(r'((?:^|;) ?"*)(?=[=+\-@])')


def review_rows(proposals: Sequence[Proposal], model: str = "") -> list[dict[str, str]]:
    """The rows of the review file, one a proposal, undecided; `model` is the SHA-256 of their bundle."""
    rows = []
    for one in proposals:
        finding = one.finding
        picture = finding.picture
        member = f"!{picture.member}" if picture.member else ""
        row = {
            "id": finding.id,
            "document": f"{finding.document}{member}",
            "line": str(picture.line or ""),
            "picture": picture.source[:200],
            "verdict": finding.judgement.verdict.value,
            "reason": " ".join(part for part in (finding.judgement.reason, one.note) if part),
            "present": picture.alt or "",
            "proposal": one.text,
            "confidence": "" if one.confidence is None else f"{one.confidence:.2f}",
            "language": LANGUAGE if one.text else picture.context.language,
            "same_as": one.same_as,
            "decision": "",
            "alt": one.text,
            "model": model if one.text else "",
        }
        # No column is left out, or the next one that shows what a document says would be forgotten.
        rows.append({name: _cell(value) for name, value in row.items()})
    return rows


def format_csv(rows: Sequence[dict[str, str]]) -> bytes:
    """Rows as CSV with a byte order mark, without which spreadsheets misread UTF-8."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode("utf-8-sig")


def read_reviewed(path: Path) -> tuple[dict[str, Decision], int]:
    """The decisions of a reviewed CSV.

    Args:
        path: the file; its separator may be a comma, a semicolon or a tab, as spreadsheets write it.

    Returns:
        The decisions by finding id, and how many rows are undecided or skipped.

    Raises:
        DataError: it cannot be read, lacks a column, or a row's decision is none.
    """
    decisions: dict[str, Decision] = {}
    skipped = 0
    rows = _read_rows(path)
    by_id = {(row["id"] or "").strip(): row for _, row in rows}
    for line, row in rows:
        place = f"{path}, line {line}"
        decision = _decision(_followed(row, by_id), place)
        if decision is None:
            skipped += 1
            continue
        identity = (row["id"] or "").strip()
        if decisions.get(identity, decision) != decision:
            raise DataError(f"{place}: the picture {identity} is decided twice.")
        page = [row.get("document") or "", f"line {row['line']}" if row.get("line") else ""]
        decisions[identity] = replace(decision, place=", ".join(filter(None, page)) or place)
    return decisions, skipped


def is_untouched(path: Path) -> bool:
    """Whether a CSV is a review file in which nobody has decided or changed anything yet."""
    try:
        rows = [row for _, row in _read_rows(path)]
    except DataError:
        return False
    return all(not (row["decision"] or "").strip() and row["alt"] == row.get("proposal") for row in rows)


def _read_rows(path: Path) -> list[tuple[int, _Row]]:
    """The rows of a CSV with the numbers of their last lines."""
    data = read_bounded(path, MAX_REVIEW_BYTES)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8; save it as 'CSV UTF-8'.") from None
    delimiter = max(",;\t", key=text.split("\n", 1)[0].count)
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
        missing = [name for name in ("id", "decision", "alt") if name not in (reader.fieldnames or ())]
        if missing:
            raise DataError(f"{path}: expected a column '{missing[0]}', as in the review file that was written.")
        return [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise DataError(f"{path} is not a CSV file: {error}.") from None


def _followed(row: _Row, by_id: Mapping[str, _Row]) -> _Row:
    """A row with the decision of the row it is the same as, if it has none; its own text stays, if changed."""
    first = by_id.get((row.get("same_as") or "").strip())
    if first is None or (row["decision"] or "").strip():
        return row
    touched = squeeze(row["alt"] or "") != squeeze(row.get("proposal") or "")
    return {**row, "decision": first["decision"], "alt": row["alt"] if touched else first["alt"]}


def _decision(row: _Row, place: str) -> Decision | None:
    word = (row["decision"] or "").strip().lower()
    alt = squeeze(row["alt"] or "")
    if word in ("", "skip"):
        return None
    if word not in DECISIONS:
        raise DataError(
            f"{place}: expected accept, decorative or skip, but got '{word}'; {nearest(word, DECISIONS)}"
        )
    if word == "decorative":
        return Decision("", "person")
    if not alt:
        raise DataError(f"{place}: accepted without a text; write one, or decide 'decorative' or 'skip'.")
    proposal = squeeze(row.get("proposal") or "")
    if alt != proposal:
        return Decision(alt, "person")
    try:
        confidence = float(row.get("confidence") or "nan")
    except ValueError:
        confidence = float("nan")
    model = row.get("model") or ""
    known = model if _SHA256.fullmatch(model) else ""  # another cell may have slipped into its place
    return Decision(alt, "reviewed", known, confidence if 0 <= confidence <= 1 else None)


def _cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: what a document says must not compute anything.

    Where a spreadsheet expects semicolons, one inside a cell begins the next.
    """
    return _FORMULA.sub(r"\1'", encodable(squeeze(text)))
