"""Counting a data set."""

from __future__ import annotations

from pathlib import Path

from captionkit.datasets.stats import dataset_stats
from captionkit.records import ImageRecord
from tests.datasets.pictures import jpeg


def make(name: str, split: str | None, *captions: str, root: Path = Path("p")) -> ImageRecord:
    return ImageRecord(name, root / name, captions, split, name)


def test_counts_that_a_reader_can_check_by_hand() -> None:
    stats = dataset_stats(
        [
            make("a", "train", "A dog runs .", "A dog ."),
            make("b", "val", "One cat ."),
            make("c", None),
        ]
    )
    assert stats.pictures == {"train": 1, "val": 1, "none": 1}
    assert stats.captions == {"train": 2, "val": 1, "none": 0}
    assert stats.captions_a_picture is not None
    assert (stats.captions_a_picture.least, stats.captions_a_picture.greatest) == (0, 2)
    assert stats.captions_a_picture.mean == 1.0
    assert stats.lengths == {2: 2, 3: 1}
    # Train captions alone: a (2), dog (2), runs (1). "cat" is not in the vocabulary.
    assert stats.vocabulary == {1: 3, 2: 2, 3: 0, 4: 0, 5: 0, 10: 0}
    assert stats.vocabulary_split == "train"


def test_without_train_captions_all_are_counted() -> None:
    stats = dataset_stats([make("a", "val", "A dog ."), make("b", None, "A cat .")])
    assert (stats.vocabulary[1], stats.vocabulary_split) == (3, "all")


def test_an_empty_data_set_has_no_spread() -> None:
    assert dataset_stats([]).captions_a_picture is None
    assert dataset_stats([make("a", "train")]).words_a_caption is None


def test_sizes_come_from_the_headers(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(1, (40, 10)))
    (tmp_path / "b.jpg").write_bytes(jpeg(1, (20, 30)))
    records = [make(name, "train", "A", root=tmp_path) for name in ("a.jpg", "b.jpg", "none.jpg")]
    stats = dataset_stats(records, sizes=True)
    assert stats.widths is not None
    assert stats.heights is not None
    assert (stats.widths.least, stats.widths.greatest, stats.widths.mean) == (20, 40, 30)
    assert (stats.heights.least, stats.heights.greatest) == (10, 30)
    assert stats.unreadable == 1
