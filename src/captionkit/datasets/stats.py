"""What a data set is made of: pictures, captions, words, sizes."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from captionkit.errors import ImageError
from captionkit.images import read_image_size
from captionkit.records import ImageRecord
from captionkit.text import tokenize

MIN_COUNTS = (1, 2, 3, 4, 5, 10)


@dataclass(frozen=True, slots=True)
class Spread:
    """The least, mean, median and greatest of some numbers."""

    least: float
    mean: float
    median: float
    greatest: float


@dataclass(frozen=True, slots=True)
class DatasetStats:
    """Counts of a data set.

    Attributes:
        pictures, captions: by split, "none" for the records of no split; in the order train, val, test, none.
        captions_a_picture: None where there is no record.
        words_a_caption: None where there is no caption.
        lengths: words a caption to number of captions, ascending.
        vocabulary: least count to the number of different words seen at least so often, in train captions where
            there are any, else in all.
        vocabulary_split: "train" or "all": which captions `vocabulary` was counted in.
        widths, heights: of the pictures in pixels, as stored; None unless they were asked for.
        unreadable: pictures whose size could not be read.
    """

    pictures: dict[str, int]
    captions: dict[str, int]
    captions_a_picture: Spread | None
    words_a_caption: Spread | None
    lengths: dict[int, int]
    vocabulary: dict[int, int]
    vocabulary_split: str
    widths: Spread | None = None
    heights: Spread | None = None
    unreadable: int = 0


def dataset_stats(records: Sequence[ImageRecord], *, sizes: bool = False) -> DatasetStats:
    """Count a data set; words are those of `captionkit.text.tokenize`.

    With `sizes` every picture is opened for its width and height (the header alone is read).
    """
    pictures = Counter(record.split or "none" for record in records)
    captions: Counter[str] = Counter()
    counts: list[int] = []
    words: Counter[str] = Counter()
    trained = "train" in pictures
    for record in records:
        captions[record.split or "none"] += len(record.captions)
        for caption in record.captions:
            tokens = tokenize(caption)
            counts.append(len(tokens))
            if not trained or record.split == "train":
                words.update(tokens)
    order = [split for split in ("train", "val", "test", "none") if split in pictures]
    widths, heights, unreadable = _sizes(records) if sizes else (None, None, 0)
    return DatasetStats(
        pictures={split: pictures[split] for split in order},
        captions={split: captions[split] for split in order},
        captions_a_picture=_spread([len(record.captions) for record in records]),
        words_a_caption=_spread(counts),
        lengths=dict(sorted(Counter(counts).items())),
        vocabulary={least: sum(count >= least for count in words.values()) for least in MIN_COUNTS},
        vocabulary_split="train" if trained else "all",
        widths=widths,
        heights=heights,
        unreadable=unreadable,
    )


def _spread(values: Sequence[int]) -> Spread | None:
    if not values:
        return None
    return Spread(min(values), statistics.fmean(values), statistics.median(values), max(values))


def _sizes(records: Iterable[ImageRecord]) -> tuple[Spread | None, Spread | None, int]:
    widths, heights, unreadable = [], [], 0
    for record in records:
        try:
            width, height = read_image_size(record.path)
        except ImageError:
            unreadable += 1
        else:
            widths.append(width)
            heights.append(height)
    return _spread(widths), _spread(heights), unreadable
