"""The records of a split, as several commands name them."""

from __future__ import annotations

from pathlib import Path
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
    """Captioned pictures of a data set's split; its format is found out where `data_format` is empty."""
    from captionkit.config import DataConfig
    from captionkit.datasets import detect_format, read_dataset
    from captionkit.evaluate import split_records

    config = DataConfig(
        format=data_format or detect_format(captions),
        captions=captions,
        images=images or str(Path(captions).parent),
        train_list=train_list,
        val_list=val_list,
        test_list=test_list,
    )
    return split_records(read_dataset(config), split)
