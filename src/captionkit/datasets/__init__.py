"""Data sets: readers that give `ImageRecord`s, one format a file; checking, splitting and fetching them.

Every reader is a plain function (`read_karpathy(captions, images)`); `read_dataset` chooses one by the name in
the configuration.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from captionkit.config import DataConfig, read_config
from captionkit.config.paths import expand_path
from captionkit.datasets.coco import read_coco
from captionkit.datasets.detect import detect_format, find_images, find_split_lists, release_folder
from captionkit.datasets.flickr import read_flickr8k, read_flickr8k_csv, read_flickr30k_csv
from captionkit.datasets.folder import read_folder
from captionkit.datasets.karpathy import read_karpathy
from captionkit.datasets.problems import Problem, ProblemKind, settle
from captionkit.datasets.table import read_table
from captionkit.errors import ConfigError, nearest
from captionkit.records import ImageRecord

__all__ = [
    "READERS",
    "Problem",
    "ProblemKind",
    "dataset_config",
    "detect_format",
    "images_folder",
    "read_coco",
    "read_dataset",
    "read_flickr8k",
    "read_flickr8k_csv",
    "read_flickr30k_csv",
    "read_folder",
    "read_karpathy",
    "read_table",
    "train_records",
]

_LISTS = ("train_list", "val_list", "test_list")
_COLUMNS = ("image_column", "caption_column", "split_column", "id_column")


def images_folder(config: DataConfig) -> Path:
    """The folder that the pictures of a configuration lie below.

    That is `images`; of pictures with a `.txt` beside each the folder itself, if `images` is empty. Recipes say
    "images": where there is no such folder, it is the one beside it that the release unpacks to.

    Raises:
        ConfigError: a variable in a path is not set.
    """
    if config.format == "folder" and not config.images:
        return expand_path(config.captions)
    folder = expand_path(config.images)
    if folder.name == "images" and not folder.is_dir():
        return release_folder(folder.parent) or folder
    return folder


READERS: dict[str, Callable[..., list[ImageRecord]]] = {
    "flickr8k": read_flickr8k,
    "flickr8k_csv": read_flickr8k_csv,
    "flickr30k": read_flickr8k,
    "flickr30k_csv": read_flickr30k_csv,
    "coco": read_coco,
    "karpathy": read_karpathy,
    "folder": read_folder,
    "table": read_table,
}


def _settings(config: DataConfig) -> dict[str, Any]:
    """What the reader of a format takes besides the places of captions and pictures.

    Raises:
        ConfigError: a setting that it would pass over is given: whoever gives it means something by it.
    """
    settings: dict[str, Any] = {}
    if config.format == "karpathy":
        settings = {"restval_is_train": config.restval}
    elif config.format == "table":
        settings = {name: getattr(config, name) for name in _COLUMNS}
    elif config.format != "folder":
        settings = {name: expand_path(value) if (value := getattr(config, name)) else "" for name in _LISTS}
    for names, readers in ((_COLUMNS, "a table"), (_LISTS, "a Flickr or COCO format")):
        for name in names:
            if name not in settings and getattr(config, name):
                option = f"--{name.replace('_', '-')}"
                raise ConfigError(
                    f"{config.captions} is of format {config.format}, of which {name} ({option}) says nothing: "
                    f"it is for {readers}; leave it out."
                )
    return settings


def read_dataset(config: DataConfig, *, problems: list[Problem] | None = None) -> list[ImageRecord]:
    """Read the data set that a configuration names: one record a picture, with all its captions.

    Args:
        config: `format` is a name from `READERS`; the paths may hold environment variables.
        problems: takes what is wrong; without it more bad records than `max_bad` of the configuration raise, and
            fewer are counted in a warning.

    Raises:
        ConfigError: there is no such format, a variable in a path is not set, or a setting says nothing of that
            format.
        DataError: the files cannot be read as that format, or too much of them is bad.
    """
    if config.format not in READERS:
        raise ConfigError(f"There is no data set format {config.format!r}; {nearest(config.format, READERS)}")
    found: list[Problem] = []
    settings = _settings(config)
    captions, images = expand_path(config.captions), images_folder(config)
    records = READERS[config.format](captions, images, **settings, problems=found)
    return settle(found, problems, records, str(captions), max_bad=config.max_bad)


def train_records(
    config: DataConfig, records: Sequence[ImageRecord], *, second: bool = False
) -> list[ImageRecord]:
    """The captioned pictures of a data set that a model learns from.

    Args:
        config: of the data set; `train` is the split.
        records: as `read_dataset` gave them.
        second: it is a recipe's `more_data`, which is train as a whole if it names no splits.
    """
    divided = bool(config.train_list) or any(record.split for record in records)
    split = config.train if divided or not second else None
    return [record for record in records if record.captions and record.split == split]


def dataset_config(path: Path | str, **settings: str | bool | None) -> DataConfig:
    """The configuration for a bare path, as commands take it.

    Args:
        path: a caption file or folder; or a recipe (.toml), whose data set it then is.
        settings: fields of `DataConfig` that are not empty override what is found. Without `format` it is told
            from the file (`detect_format`); without `images` and the lists they are looked for where the
            releases have them (`find_images`, `find_split_lists`).

    Raises:
        DataError: the format cannot be told.
        ConfigError: the recipe is wrong.
    """
    path = Path(path)
    given = {name: value for name, value in settings.items() if value not in ("", None)}
    if path.suffix == ".toml":
        return dataclasses.replace(read_config(path).data, **given)  # type: ignore[arg-type]
    name = given.pop("format", None) or detect_format(path)
    found = {"format": name, "captions": str(path), "images": ""}
    if name != "folder":
        found["images"] = str(find_images(path, str(name)))
    if name in ("flickr8k", "flickr8k_csv") and not any(key.endswith("_list") for key in given):
        found |= find_split_lists(path)
    return dataclasses.replace(DataConfig(), **{**found, **given})  # type: ignore[arg-type]
