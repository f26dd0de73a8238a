"""MS COCO captions in the official JSON: `captions_train2017.json`, `captions_val2017.json` and their kind.

Lin et al. 2014, Chen et al. 2015. Beware of the official val: 30,504 of the 40,504 pictures of val2014 are
in Karpathy's train split ("restval"), and val2017 was drawn from val2014. Never train on the one and report on
the other.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

from captionkit.datasets.grouping import Grouping
from captionkit.datasets.problems import Problem, ProblemKind, settle
from captionkit.datasets.sources import is_encodable, read_json
from captionkit.datasets.split_lists import read_split_lists
from captionkit.errors import DataError
from captionkit.records import ImageRecord, split_name

_NAME = re.compile(r"(?:captions_)?((train|val|test)\w*)", re.IGNORECASE)


def read_coco(
    captions: Path | str,
    images: Path | str,
    *,
    train_list: Path | str = "",
    val_list: Path | str = "",
    test_list: Path | str = "",
    problems: list[Problem] | None = None,
) -> list[ImageRecord]:
    """Read official COCO captions.

    Args:
        captions: a `captions_*.json`, or a folder that holds several (`annotations/`): all of them are read.
        images: the folder of the pictures, or the folder above it: for `captions_val2017.json` the pictures are
            looked for in `images/val2017` if there is such a folder, else in `images` itself.
        train_list, val_list, test_list: files that name the pictures of a split, one number a line. Where one is
            given the file's name says nothing, and a picture in none of them has no split.
        problems: takes what is wrong; without it more than 1 % bad records raise.

    Returns:
        One record a picture, in the order of the file's `images`. `id` is the picture's number as text; the split
        comes from the caption file's name (None where it says nothing).

    Raises:
        DataError: a file cannot be read, is of another format, or too much of it is bad.
    """
    path, found = Path(captions), list[Problem]()
    files = sorted(path.glob("captions_*.json")) if path.is_dir() else [path]
    if not files:
        raise DataError(f"Expected captions_*.json in {path}, but there is none.")
    records: dict[str, ImageRecord] = {}
    for file in files:
        for record in _read_file(file, Path(images), found):
            if record.id in records:
                message = f"picture {record.id} is in {records[record.id].source} too; this one is left out."
                found.append(Problem(ProblemKind.DUPLICATE_ID, record.source, message, record.id))
            else:
                records[record.id] = record
    if any(str(value) for value in (train_list, val_list, test_list)):
        splits = read_split_lists(records, train_list, val_list, test_list, found)
        records = {key: dataclasses.replace(record, split=splits.get(key)) for key, record in records.items()}
    return settle(found, problems, list(records.values()), str(path))


def _read_file(path: Path, root: Path, found: list[Problem]) -> list[ImageRecord]:
    document = read_json(path, found)
    images = document.get("images") if isinstance(document, dict) else None
    annotations = document.get("annotations") if isinstance(document, dict) else None
    if not isinstance(images, list) or not isinstance(annotations, list):
        raise DataError(
            f"{path} is not a COCO caption file: expected an object with the lists 'images' and 'annotations'."
        )
    match = _NAME.match(path.stem)
    split = split_name(match.group(2)) if match else None
    if match and (root / match.group(1)).is_dir():
        root = root / match.group(1)
    grouping = Grouping(root, found)
    refused: set[str] = set()
    name = path.name
    for index, image in enumerate(images):
        _read_image(image, f"{name}:images[{index}]", grouping, refused)
    for index, annotation in enumerate(annotations):
        _read_annotation(annotation, f"{name}:annotations[{index}]", grouping, refused)
    return grouping.records(dict.fromkeys(grouping.captions, split))


def _read_image(image: Any, source: str, grouping: Grouping, refused: set[str]) -> None:
    record = _identify(image, "id")
    name = image.get("file_name") if isinstance(image, dict) else None
    if record is None or not isinstance(name, str) or not name:
        message = "expected a picture with an 'id' and a 'file_name'; the entry is left out."
        grouping.problems.append(Problem(ProblemKind.MALFORMED, source, message, record or ""))
        refused.add(record or "")
    elif record in grouping.captions:
        message = f"picture {record} occurs twice; the second is left out."
        grouping.problems.append(Problem(ProblemKind.DUPLICATE_ID, source, message, record))
    elif not grouping.add_picture(record, name, source):
        refused.add(record)


def _read_annotation(annotation: Any, source: str, grouping: Grouping, refused: set[str]) -> None:
    record = _identify(annotation, "image_id")
    caption = annotation.get("caption") if isinstance(annotation, dict) else None
    if record is None or not isinstance(caption, str):
        message = "expected an annotation with an 'image_id' and a 'caption'; the entry is left out."
        grouping.problems.append(Problem(ProblemKind.MALFORMED, source, message, record or ""))
    elif record in grouping.captions:
        grouping.add_caption(record, caption, source)
    elif record not in refused:
        message = f"picture {record} is not among the file's images; its caption is left out."
        grouping.problems.append(Problem(ProblemKind.UNKNOWN_PICTURE, source, message, record))


def _identify(entry: Any, key: str) -> str | None:
    """COCO's ids are numbers; data sets made in its form sometimes have text."""
    value = entry.get(key) if isinstance(entry, dict) else None
    if type(value) is int:
        return str(value)
    return value if isinstance(value, str) and value and is_encodable(value) else None
