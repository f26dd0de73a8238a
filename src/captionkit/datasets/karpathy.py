"""Karpathy's JSON: `dataset_flickr8k.json`, `dataset_flickr30k.json`, `dataset_coco.json`.

Karpathy and Fei-Fei, "Deep Visual-Semantic Alignments", 2015. Its splits are those of all published tables.
`captionkit data split` writes the same form.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from captionkit.datasets.grouping import add_caption
from captionkit.datasets.problems import Problem, ProblemKind, settle
from captionkit.datasets.sources import is_encodable, picture_path, read_json
from captionkit.errors import DataError
from captionkit.records import ImageRecord, split_name


def read_karpathy(
    captions: Path | str,
    images: Path | str,
    *,
    restval_is_train: bool = True,
    problems: list[Problem] | None = None,
) -> list[ImageRecord]:
    """Read Karpathy's JSON.

    Args:
        images: the folder that `filepath` / `filename` is relative to. For COCO it holds `train2014` and
            `val2014`, or `train2017` and `val2017`: the 2017 release has the same pictures under other names,
            and the pictures are then found by their `cocoid`.
        restval_is_train: whether the 30,504 COCO pictures marked "restval" count as train, as in all published
            tables since 2015; otherwise their split is None.
        problems: takes what is wrong; without it more than 1 % bad records raise.

    Returns:
        One record a picture, in the order of the file. `id` is `cocoid` where there is one, else the file name.

    Raises:
        DataError: the file cannot be read, is of another format, or too much of it is bad.
    """
    path, found = Path(captions), list[Problem]()
    document = read_json(path, found)
    entries = document.get("images") if isinstance(document, dict) else None
    if not isinstance(entries, list) or (
        entries and not any(isinstance(entry, dict) and "sentences" in entry for entry in entries[:1000])
    ):
        raise DataError(f"{path} is not Karpathy's JSON: expected an object with 'images' that have 'sentences'.")
    locate, name = _Locator(Path(images)), path.name
    records: list[ImageRecord] = []
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        source = f"{name}:images[{index}]"
        record = _identify(entry)
        if not record:
            message = "expected an object with a 'filename'; the entry is left out."
            found.append(Problem(ProblemKind.MALFORMED, source, message))
            continue
        if record in seen:
            message = f"{record} occurs twice; the second is left out."
            found.append(Problem(ProblemKind.DUPLICATE_ID, source, message, record))
            continue
        seen.add(record)
        where = locate(entry)
        if where is None:
            message = f"{entry['filename']!r} is no path below the picture folder; the picture is left out."
            found.append(Problem(ProblemKind.OUTSIDE_ROOT, source, message, record))
            continue
        sentences = _read_sentences(entry.get("sentences"), record, source, found)
        split = _read_split(entry.get("split"), restval_is_train, record, source, found)
        records.append(ImageRecord(record, where, sentences, split, source))
    return settle(found, problems, records, str(path))


def _identify(entry: Any) -> str:
    """The id of an entry; "" where it has none that can be used."""
    if not isinstance(entry, dict) or not isinstance(entry.get("filename"), str):
        return ""
    if type(entry.get("cocoid")) is int:
        return str(entry["cocoid"])
    # Only files written by `captionkit data split` have a text "id".
    value = entry["id"] if isinstance(entry.get("id"), str) else entry["filename"]
    return str(value) if is_encodable(value) else ""


def _read_sentences(value: Any, record: str, source: str, found: list[Problem]) -> tuple[str, ...]:
    captions: list[str] = []
    for sentence in value if isinstance(value, list) else []:
        raw = sentence.get("raw") if isinstance(sentence, dict) else None
        if raw is None and isinstance(sentence, dict) and isinstance(sentence.get("tokens"), list):
            raw = " ".join(str(token) for token in sentence["tokens"])
        if not isinstance(raw, str):
            message = f"{record}: expected a sentence with 'raw' text; it is left out."
            found.append(Problem(ProblemKind.MALFORMED, source, message, record))
            continue
        add_caption(captions, raw, record, source, found)
    if not captions:
        found.append(Problem(ProblemKind.NO_CAPTION, source, f"{record} has no caption.", record))
    return tuple(captions)


def _read_split(value: Any, restval_is_train: bool, record: str, source: str, found: list[Problem]) -> str | None:
    if value == "restval":
        return "train" if restval_is_train else None
    split = split_name(value) if isinstance(value, str) else None
    if split is None and value is not None:
        message = f"{record}: expected the split train, restval, val or test, but got {value!r}; it has none."
        found.append(Problem(ProblemKind.MALFORMED, source, message, record))
    return split


class _Locator:
    """Finds an entry's picture; knows COCO's two names for one picture."""

    def __init__(self, root: Path) -> None:
        self.root = root
        years, parts = ("2014", "2017"), ("train", "val")
        present = {year for year in years if any((root / f"{part}{year}").is_dir() for part in parts)}
        self.renamed = present == {"2017"}
        val = root / "val2017"
        self.val2017 = {file.name for file in val.iterdir()} if self.renamed and val.is_dir() else set()

    def __call__(self, entry: dict[str, Any]) -> Path | None:
        folder, name, coco = entry.get("filepath"), entry["filename"], entry.get("cocoid")
        if self.renamed and folder in ("train2014", "val2014") and isinstance(coco, int):
            name = f"{coco:012d}.jpg"
            folder = "val2017" if name in self.val2017 else "train2017"
        return picture_path(self.root, f"{folder}/{name}" if isinstance(folder, str) and folder else name)
