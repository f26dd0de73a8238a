"""What a model learns from and is chosen by: the pictures of a recipe, and the words of their captions."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote

from captionkit.config import Config
from captionkit.config.paths import expand_path
from captionkit.datasets import images_folder, read_dataset, train_records
from captionkit.errors import ConfigError, DataError
from captionkit.records import ImageRecord
from captionkit.tokenizer import Tokenizer

Splits = tuple[list[ImageRecord], list[ImageRecord]]
"""The pictures of train and of dev."""


def read_splits(config: Config) -> Splits:
    """The captioned pictures of the train and the dev split; those of `more_data` are added to train.

    Raises:
        ConfigError: they are one split.
        DataError: one of them is empty, dev has a single picture, a data set cannot be read, or both data sets
            hold the same picture.
    """
    if config.data.train == config.data.val:
        raise ConfigError(
            f"Expected data.train and data.val to be two splits, but both are {config.data.train!r}; a model is "
            "chosen by pictures that it has not learned from."
        )
    records = [record for record in read_dataset(config.data) if record.captions]
    if records and not any(record.split for record in records):
        captions, images = (
            quote(str(place)) for place in (expand_path(config.data.captions), images_folder(config.data))
        )
        raise DataError(
            f"Expected pictures to learn from and others to choose by in {config.data.captions}, but it does not "
            f"divide them; do so with: captionkit data split {captions} --images {images} --out mine.json, and "
            f"train with data.format=karpathy data.captions=mine.json data.images={images}"
        )
    parts = []
    for name in (config.data.train, config.data.val):
        parts.append([record for record in records if record.split == name])
        if not parts[-1]:
            splits = ", ".join(sorted({record.split or "no split" for record in records})) or "none"
            raise DataError(
                f"Expected pictures with captions in split '{name}' of {config.data.captions}, but there are none "
                f"(splits there: {splits}); set data.train and data.val."
            )
    expect_two(parts[1], config)
    known = {record.id for record in records}
    more = read_more(config)
    twice = next((record.id for record in more if record.id in known), None)
    if twice is not None:
        raise DataError(f"The picture {twice} is in data and in more_data; leave it out of one of them.")
    return [*parts[0], *more], parts[1]


def expect_two(val: list[ImageRecord], config: Config) -> list[ImageRecord]:
    """The dev pictures as they are, if CIDEr can be computed of them: it weighs words by how rare they are.

    Raises:
        DataError: there are fewer than two.
    """
    if len(val) < 2:
        raise DataError(
            f"Expected 2 or more dev pictures (split '{config.data.val}' of {config.data.captions}) to choose a "
            f"model by, but got {len(val)}; put more pictures there, or divide them anew: captionkit data split"
        )
    return val


def read_more(config: Config) -> list[ImageRecord]:
    """The captioned train pictures of `more_data`, none where it is not set.

    Raises:
        DataError: it is set and has none, or cannot be read.
    """
    if not config.more_data.captions:
        return []
    found = train_records(config.more_data, read_dataset(config.more_data), second=True)
    if not found:
        raise DataError(
            f"Expected pictures with captions in split '{config.more_data.train}' of "
            f"{config.more_data.captions}, but there are none; set more_data.train."
        )
    return found


def build_vocabulary(config: Config, train: Sequence[ImageRecord]) -> Tokenizer:
    """The vocabulary of the train captions.

    Raises:
        DataError: no word comes often enough.
    """
    least = config.tokenizer.min_count
    tokenizer = Tokenizer.build((text for record in train for text in record.captions), min_count=least)
    if not tokenizer.spoken:
        raise DataError(
            f"Expected words that come at least {least} times in the captions of {len(train):,} train pictures, "
            "but there are none; lower tokenizer.min_count."
        )
    return tokenizer
