"""Dividing pictures into train, val and test.

A picture goes to one side with all its captions; rows of captions are never divided (the classic leak). Which side
depends on the seed and the picture's id alone: the order of the file does not matter, and byte-identical pictures
stay together.
"""

from __future__ import annotations

import dataclasses
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from captionkit.datasets.sources import SPLITS
from captionkit.errors import DataError, ImageError, UsageError, several
from captionkit.files import sha256, write_text
from captionkit.images import read_image_bytes
from captionkit.records import ImageRecord
from captionkit.text import tokenize


def split_records(
    records: Sequence[ImageRecord], *, val: float, test: float, seed: int, by_content: bool = True
) -> list[ImageRecord]:
    """Give every record a split.

    Pictures are ranked by the SHA-256 of seed and id; from the top they fill test, then val; the rest is train.

    Args:
        records: their own splits are forgotten.
        val, test: how much to hold out: below 1 a share of the pictures, from 1 on a number of pictures.
        by_content: whether to read the pictures and keep byte-identical ones together. A picture that cannot be
            read stands alone.

    Returns:
        The records in their order, each with its split. A group of identical pictures that would overfill a split
        goes to the next; with none, the sizes are exact.

    Raises:
        UsageError: the held-out parts are negative, not whole numbers, too small for a single picture or for any
            group of identical ones, or leave nothing to train on.
    """
    total = len(records)
    sizes = {"test": _size(test, total, "test"), "val": _size(val, total, "val")}
    if sizes["test"] + sizes["val"] >= total:
        raise UsageError(
            f"Expected to keep pictures for training, but val {sizes['val']} and test {sizes['test']} take all "
            f"{total}; hold out less."
        )
    groups: dict[str, list[str]] = defaultdict(list)
    for record in records:
        groups[_content(record) if by_content else f"path {record.path}"].append(record.id)
    splits: dict[str, str] = {}
    for group in sorted(groups.values(), key=lambda group: sha256(f"{seed}\n{min(group)}".encode())):
        split = next((name for name, room in sizes.items() if len(group) <= room), "train")
        if split != "train":
            sizes[split] -= len(group)
        splits.update(dict.fromkeys(group, split))
    empty = next((name for name, room in sizes.items() if room and name not in splits.values()), None)
    if empty is not None:
        raise UsageError(
            f"Expected {several(sizes[empty], 'picture')} in {empty}, but identical pictures stay together and no "
            "group of them is so small; hold out more, or divide them with --no-content."
        )
    return [dataclasses.replace(record, split=splits[record.id]) for record in records]


def _size(value: float, total: int, name: str) -> int:
    if not 0 <= value < float("inf") or (value >= 1 and value != int(value)):
        raise UsageError(
            f"Expected {name} as a share below 1 or a whole number of pictures, but got {value}; "
            "for example 0.1 or 1000."
        )
    size = round(value * total) if value < 1 else int(value)
    if value and not size:
        raise UsageError(
            f"Expected at least one picture in {name}, but a share of {value:g} of {total} is none; give a larger "
            f"share, a number such as 1, or 0 for no {name}."
        )
    return size


def _content(record: ImageRecord) -> str:
    try:
        return f"bytes {sha256(read_image_bytes(record.path))}"
    except ImageError:
        return f"path {record.path}"


def write_split_lists(records: Sequence[ImageRecord], folder: Path | str) -> list[Path]:
    """Write `train.txt`, `val.txt` and `test.txt` with the ids of their pictures, sorted, one a line.

    They serve the Flickr formats (`train_list = "train.txt"`), whose ids are file names.

    Returns:
        The files, each whole or not there.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for split in SPLITS:
        path = folder / f"{split}.txt"
        write_text(path, "".join(f"{name}\n" for name in sorted(r.id for r in records if r.split == split)))
        paths.append(path)
    return paths


def write_karpathy(records: Sequence[ImageRecord], images: Path | str, path: Path | str) -> None:
    """Write records as Karpathy's JSON, which `read_karpathy` reads back (up to the place they came from).

    The pictures are sorted by id, so the file does not depend on the order of `records`.

    Args:
        records: every path lies below `images`; a record without split is left without.
        images: the folder that the file's names are relative to.
        path: the JSON file; it is whole or not there.

    Raises:
        DataError: a picture lies outside `images`.
    """
    path = Path(path)
    entries, sentence = [], 0
    for number, record in enumerate(sorted(records, key=lambda record: record.id)):
        try:
            name = record.path.relative_to(images).as_posix()
        except ValueError:
            raise DataError(
                f"Expected all pictures below {images}, but {record.id} is at {record.path}."
            ) from None
        ids = list(range(sentence, sentence + len(record.captions)))
        sentence += len(ids)
        entry: dict[str, object] = {"filename": name, "imgid": number, "sentids": ids}
        if record.split is not None:
            entry["split"] = record.split
        if record.id.isdecimal() and len(record.id) < 20 and str(int(record.id)) == record.id:
            entry["cocoid"] = int(record.id)
        elif record.id != name:
            entry["id"] = record.id
        entry["sentences"] = [
            {"tokens": tokenize(caption), "raw": caption, "imgid": number, "sentid": sentid}
            for sentid, caption in zip(ids, record.captions, strict=True)
        ]
        entries.append(entry)
    document = {"images": entries, "dataset": path.stem.removeprefix("dataset_")}
    write_text(path, json.dumps(document, ensure_ascii=False) + "\n")
