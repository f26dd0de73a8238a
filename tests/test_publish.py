"""What a bundle is made from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from captionkit.publish import readable_pictures
from captionkit.records import ImageRecord


def test_pictures_that_training_left_out_are_passed_over(tmp_path: Path) -> None:
    for number in range(4):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / f"{number}.png")
    (tmp_path / "2.png").write_bytes(b"cut off")
    records = [
        ImageRecord(str(number), tmp_path / f"{number}.png", ("a dog",), "train", "") for number in range(5)
    ]
    drawn = list(readable_pictures(records, 16, seed=1))
    assert sorted(record.id for record, _ in drawn) == ["0", "1", "3"]
    for record, pixels in drawn:
        np.testing.assert_array_equal(pixels, np.full((16, 16, 3), (int(record.id), 0, 0)))
