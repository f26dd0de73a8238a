"""Reading what is to be scored: captions of a system, and the references.

Captions: the COCO results format (a JSON list of `{"image_id": ..., "caption": ...}`), JSON Lines, CSV or TSV, or
the `{"a.jpg": ["a dog"]}` that pycocoevalcap is called with. What `captionkit caption --json` and `--csv` write is
read too: the best caption of each picture.
References: COCO's annotation JSON as coco-caption reads it, and the formats of captions here; every other format
through `captionkit.datasets`.

A picture is named by its id as text. Where results and references call it otherwise, its file name joins them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from captionkit import files
from captionkit.files.delimited import (
    DELIMITED,
    IMAGE_COLUMNS,
    SPLIT_COLUMNS,
    delimiter_of,
    one_line_error,
    read_delimited,
)
from captionkit.picture_paths import HEIC_SUFFIXES, SUFFIXES
from captionkit.records import POSSIBLY, ImageRecord, split_name

IMAGE_KEYS = ("image_id", *IMAGE_COLUMNS, "id", "source")  # COCO's first, captionkit's own last
# Unlike in `captionkit.datasets.table` a name for one caption comes before one for several: one is scored.
CAPTION_KEYS = (
    *("caption", "text", "sentence", "captions", "references"),
    *("sentences", "description", "comment", "alt_text"),
)
_NUMBERED = re.compile(r"caption(?:[_ ]*\d+)?")  # caption, caption_1, ...: a column a caption

MAX_BYTES = 1 << 30
# Longer "captions" are a defect of the file; the tokeniser's time grows with the square of the length.
MAX_CAPTION_CHARACTERS = 5_000

_LINES = (".jsonl", ".ndjson")
_NUMBER = re.compile(r"(?:COCO_(?:train|val|test)20\d\d_)?0*(\d+)", re.ASCII)
_ONE_OF_LINES = re.compile(rb"\s*\{[^\n]*\}[ \t\r]*\n\s*\{")  # whatever the file is called


@dataclass(frozen=True, slots=True)
class References:
    """The reference captions.

    Attributes:
        captions: picture to captions, in the order of the file.
        aliases: other names (file names) of pictures to their ids.
        splits: those that the pictures are of, where the file divides them.
    """

    captions: Mapping[str, Sequence[str]]
    aliases: Mapping[str, str] = field(default_factory=dict)
    splits: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Row:
    place: str
    image: str
    caption: object
    worse: bool = False  # our own output: not the best caption of its picture, or none
    own: bool = False  # what `captionkit caption` wrote
    split: str | None = None
    columns: Sequence[object] = ()  # all captions, where they have a column each


_Item = TypeVar("_Item", _Row, ImageRecord)


def read_results(path: Path | str) -> dict[str, str]:
    """The captions of a system: picture to caption, in the order of the file.

    Raises:
        DataError: the file cannot be read, is of another format, holds no captions, two for one picture, or one
            that is not text.
    """
    path = Path(path)
    found: dict[str, str] = {}
    places: dict[str, str] = {}
    for row in _rows(path):
        if row.worse:
            continue
        caption = _text(_best(row.caption), row.image, row.place)
        if row.own:  # that it is unsure is no word of the caption
            caption = caption.removeprefix(POSSIBLY)
        if row.image in found:
            raise one_line_error(
                f"{path.name} has two captions for picture {row.image} ({places[row.image]} and {row.place}), "
                "but one a picture is scored; keep the best."
            )
        found[row.image] = caption
        places[row.image] = row.place
    if not found:
        raise one_line_error(f"Expected captions in {path}, but there are none.")
    return found


def read_references(path: Path | str, *, split: str | None = None, data_format: str = "") -> References:
    """The reference captions of a file.

    Args:
        path: COCO annotations, JSON Lines, CSV, TSV, or a file that `captionkit.datasets` reads.
        split: only pictures of this split, where the file divides them ("dev" is "val").
        data_format: a name from `captionkit.datasets.READERS`, where the file does not tell.

    Raises:
        ConfigError: there is no such format.
        DataError: the file cannot be read, holds no captions, or none of that split.
    """
    path = Path(path)
    if data_format and data_format != "coco":
        return _data_set(path, split, data_format)
    if path.suffix.lower() == ".json":
        data = files.read_bounded(path, MAX_BYTES)
        if _ONE_OF_LINES.match(data):
            return _grouped(_json_lines(data, path.name), path, split)
        document = _json(data, path.name)
        if isinstance(document, dict) and "annotations" in document:
            return _annotations(document, path)
        entries = _entries(document)
        if entries is not None:
            return _grouped(_listed(entries, path.name), path, split)
    elif path.suffix.lower() in (*DELIMITED, *_LINES):
        return _grouped(_rows(path), path, split)
    return _data_set(path, split, data_format)


def match(results: Mapping[str, str], references: References) -> dict[str, str]:
    """Results under the references' names.

    A name that is none of theirs becomes an id where one picture of the references has its file name, whatever the
    folder, the kind of slash and the ending, or COCO's number in it: "391895", "000000391895" and
    "COCO_val2014_000000391895.jpg" are one picture.

    A name of neither is kept; `score` says that it has no references.

    Raises:
        DataError: two names turn out to be one picture.
    """
    found: dict[str, str] = {}
    files_of: dict[str, set[str]] = {}  # file name to ids
    for name, own in [*((name, name) for name in references.captions), *references.aliases.items()]:
        files_of.setdefault(_file_name(name), set()).add(own)
    for name, caption in results.items():
        own = name if name in references.captions else references.aliases.get(name, "")
        if not own:
            ids = files_of.get(_file_name(name), ())
            own = next(iter(ids)) if len(ids) == 1 else name
        if own in found:
            raise one_line_error(f"The results name picture {own} twice (again as {name}); keep one caption.")
        found[own] = caption
    return found


def _file_name(name: str) -> str:
    """The file name without its folder and the ending of a picture; of a number, that alone."""
    name = name.replace("\\", "/").rpartition("/")[2]
    stem, dot, ending = name.rpartition(".")
    if f"{dot}{ending}".lower() in SUFFIXES | HEIC_SUFFIXES:
        name = stem
    number = _NUMBER.fullmatch(name)
    return number[1] if number else name


def _annotations(document: Mapping[str, Any], path: Path) -> References:
    """COCO: pictures in the order of `images`, captions in the order of `annotations`."""
    annotations, images = document["annotations"], document.get("images", [])
    if not isinstance(annotations, list) or not isinstance(images, list):
        raise one_line_error(f"Expected lists of images and annotations in {path}, as in COCO's captions_*.json.")
    captions: dict[str, list[str]] = {}
    aliases: dict[str, str] = {}
    for number, image in enumerate(images):
        name = _name(image, ("id",), f"{path.name}, image {number + 1}")
        captions[name] = []
        alias = image.get("file_name")
        if isinstance(alias, str):
            aliases[alias] = name
    for number, annotation in enumerate(annotations):
        place = f"{path.name}, annotation {number + 1}"
        name = _name(annotation, ("image_id",), place)
        captions.setdefault(name, []).append(_text(annotation.get("caption"), name, place))
    return References({name: group for name, group in captions.items() if group}, aliases)


def _grouped(rows: Iterator[_Row], path: Path, split: str | None) -> References:
    captions: dict[str, list[str]] = {}
    chosen = _of_split(list(rows), split, path)
    for row in chosen:
        values = row.columns or (row.caption if isinstance(row.caption, list) else [row.caption])
        captions.setdefault(row.image, []).extend(_text(value, row.image, row.place) for value in values)
    if not any(captions.values()):
        raise one_line_error(f"Expected reference captions in {path}, but there are none.")
    return References(captions, splits=_splits(chosen))


def _data_set(path: Path, split: str | None, data_format: str) -> References:
    from captionkit.datasets import dataset_config, read_dataset  # here: most references are read without

    records = [record for record in read_dataset(dataset_config(path, format=data_format)) if record.captions]
    records = _of_split(records, split, path)
    if not records:
        raise one_line_error(f"Expected reference captions in {path}, but there are none.")
    aliases = {str(record.path): record.id for record in records}
    return References({record.id: record.captions for record in records}, aliases, _splits(records))


def _splits(items: Sequence[_Item]) -> list[str]:
    return sorted({item.split for item in items if item.split})


def _of_split(items: list[_Item], split: str | None, path: Path) -> list[_Item]:
    """Those of a split; all where the file does not divide its pictures."""
    there = _splits(items)
    if split in (None, "all") or not there:
        return items
    wanted = split_name(split) or split
    chosen = [item for item in items if item.split == wanted]
    if not chosen:
        raise one_line_error(f"{path} has no captions of split '{split}'; it has {', '.join(there)}.")
    return chosen


def _rows(path: Path) -> Iterator[_Row]:
    data = files.read_bounded(path, MAX_BYTES)
    suffix = path.suffix.lower()
    if suffix in DELIMITED:
        return _delimited(data, path.name, suffix)
    if suffix in _LINES or _ONE_OF_LINES.match(data):
        return _json_lines(data, path.name)
    if suffix != ".json" and not data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"[", b"{")):
        raise one_line_error(f"Expected captions as JSON, .jsonl, .csv or .tsv, but {path.name} is none of them.")
    document = _json(data, path.name)
    entries = _entries(document)
    if entries is None:
        raise one_line_error(
            f'Expected a list of {{"image_id": ..., "caption": ...}} in {path.name}, as the COCO results format '
            f"has it, but got {_kind(document)}."
        )
    return _listed(entries, path.name)


def _entries(document: object) -> Sequence[object] | None:
    """The list of a JSON document, also of one that maps pictures to captions; None if it is of another kind."""
    if isinstance(document, dict):
        if isinstance(document.get("annotations"), list):
            document = document["annotations"]
        elif all(map(_captions, document.values())) and not document.keys() & {*IMAGE_KEYS}:
            document = [{"image": name, "caption": value} for name, value in document.items()]
    return document if isinstance(document, list) else None


def _captions(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))


def _listed(document: Sequence[object], name: str) -> Iterator[_Row]:
    for number, entry in enumerate(document, start=1):
        yield _row(entry, f"{name}, entry {number}")


def _json_lines(data: bytes, name: str) -> Iterator[_Row]:
    for number, line in enumerate(_decoded(data, name).split("\n"), start=1):
        if line.strip():
            place = f"{name}, line {number}"
            yield _row(_json(line.encode(), place), place)


def _delimited(data: bytes, name: str, suffix: str) -> Iterator[_Row]:
    def place(line: int) -> str:
        return f"{name}, line {line}"

    text = _decoded(data, name)
    columns, rows = read_delimited(text, place, delimiter=delimiter_of(text, suffix))
    if columns and not {column.lower() for column in columns} & {*IMAGE_KEYS}:
        raise one_line_error(
            f"{place(1)}: expected the names of columns, one of them {', '.join(IMAGE_KEYS)} for the picture, but "
            f"got {', '.join(columns[:8])}."
        )
    return (_row(cells, place(line)) for line, cells in rows)


def _row(entry: Any, place: str) -> _Row:
    if isinstance(entry, dict):
        entry = {key.lower(): value for key, value in reversed(entry.items())}  # of "id" and "ID", the first
    name = _name(entry, IMAGE_KEYS, place)  # which refuses what is no object
    worse = str(entry.get("rank") or "1") != "1" or bool(entry.get("error"))
    own = {"source", "error", "confidence"} <= entry.keys()
    split = split_name(str(next((entry[key] for key in SPLIT_COLUMNS if key in entry), "")))
    numbered = [entry[key] for key in reversed(entry) if _NUMBERED.fullmatch(key)]
    captions = [caption for caption in numbered if caption not in ("", None)]
    for key in CAPTION_KEYS:
        if key in entry:
            withheld = own and not entry[key]
            columns = captions if len(numbered) > 1 else ()
            return _Row(place, name, entry[key], worse or withheld, own, split, columns)
    if numbered:
        return _Row(place, name, captions, worse, split=split)
    known = f"{', '.join(CAPTION_KEYS)} or caption_0, caption_1"
    raise one_line_error(f"{place}: expected a caption under one of {known}, but got {_keys(entry)}.")


def _name(entry: object, keys: Sequence[str], place: str) -> str:
    if not isinstance(entry, dict):
        raise one_line_error(f"{place}: expected an object with {keys[0]}, but got {_kind(entry)}.")
    for key in keys:
        value = entry.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if value is not None:
            raise one_line_error(f"{place}: expected a whole number or a name as {key}, but got {value!r}.")
    raise one_line_error(f"{place}: expected a picture under one of {', '.join(keys)}, but got {_keys(entry)}.")


def _text(value: object, image: str, place: str) -> str:
    if not isinstance(value, str):
        raise one_line_error(
            f"{place}: expected the caption of picture {image} to be text, but got {_kind(value)}."
        )
    if len(value) > MAX_CAPTION_CHARACTERS:
        raise one_line_error(
            f"{place}: the caption of picture {image} has {len(value):,} characters, more than the "
            f"{MAX_CAPTION_CHARACTERS:,} a caption may have; is the file damaged?"
        )
    return value


def _best(captions: object) -> object:
    """The caption; that of a list of one; the first of a list of captions with their scores."""
    if isinstance(captions, list) and captions:
        if isinstance(captions[0], dict):
            return captions[0].get("text")
        if len(captions) == 1:
            return captions[0]
    return captions


def _kind(value: object) -> str:
    if value is None:
        return "nothing"
    return f"a {type(value).__name__} ({str(value)[:40]})"


def _keys(entry: Mapping[str, object]) -> str:
    return ", ".join(list(entry)[:8]) or "nothing"


def _decoded(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise one_line_error(f"{name} is not UTF-8 text (byte {error.start:,}); save it as UTF-8.") from None


def _json(data: bytes, place: str) -> Any:
    def refuse(word: str) -> NoReturn:
        raise one_line_error(
            f"{place} holds {word}, which is no JSON and no caption; write text or leave the entry out."
        )

    try:
        return json.loads(_decoded(data, place), parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        what = type(error).__name__
        if isinstance(error, json.JSONDecodeError):
            what = f"{error.msg}, line {error.lineno}"
        raise one_line_error(f"{place} is not valid JSON ({what}).") from None
