"""The records of a split, as several commands name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from captionkit.records import ImageRecord


def read_split(
    captions: str,
    *,
    images: str,
    split: str,
    data_format: str,
    train_list: str,
    val_list: str,
    test_list: str,
) -> list[ImageRecord]:
    """Captioned pictures of a data set's split; what is empty is found out as `captionkit data check` does."""
    from captionkit.datasets import dataset_config, read_dataset
    from captionkit.evaluate import split_records

    config = dataset_config(
        captions,
        images=images,
        format=data_format,
        train_list=train_list,
        val_list=val_list,
        test_list=test_list,
    )
    return split_records(read_dataset(config), split)
