"""What a run reads instead of picture files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from captionkit.config import parse_config
from captionkit.errors import CacheError, ConfigError
from captionkit.images import load_pixels
from captionkit.records import ImageRecord
from captionkit.training.augment import numbered_view
from captionkit.training.pictures import encode_pictures, encode_views

RECIPE = """
[encoder]
name = "mobilenet_v3_small"
weights = "none"
image_size = 32
[training]
views = 3
"""


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[ImageRecord]:
    """Six pictures; a caption of the last one speaks of a side."""
    folder = tmp_path_factory.mktemp("pictures")
    generator = np.random.default_rng(3)
    found = []
    for number in range(6):
        path = folder / f"{number}.png"
        Image.fromarray(generator.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(path)
        captions = ("A dog on the left .",) if number == 5 else ("A dog runs .",)
        found.append(ImageRecord(path.name, path, captions, "train", "test"))
    return found


def colours() -> keras.Model:
    """The mean colours of 16 places: fresh weights of a large network would hardly tell two pictures apart."""
    pixels = keras.Input((32, 32, 3), dtype="uint8")
    means = keras.layers.AveragePooling2D(8)(keras.layers.Rescaling(1 / 255)(pixels))
    return keras.Model(pixels, keras.layers.Reshape((16, 3))(means))


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAPTIONKIT_CACHE", str(tmp_path_factory.getbasetemp() / "views"))


def test_each_picture_is_drawn_in_every_view_that_its_captions_allow(records: list[ImageRecord]) -> None:
    config, encoder = parse_config(RECIPE), colours()
    plain = encode_pictures(config, encoder, records, quiet=True)
    # One picture is not in the train part, and so is at another row among all.
    views = encode_views(config, encoder, records[1:], quiet=True)
    assert views is not None
    rows = np.array([4, 0, 2])
    inputs = plain.read(rows + 1)
    pixels = np.stack([load_pixels(records[row + 1].path, 32) for row in rows.tolist()])
    expected = [encoder(numbered_view(pixels, number), training=False).numpy() for number in range(3)]
    seen: list[set[int]] = [set() for _ in rows]
    for step in range(40):
        found = views(rows, inputs, np.random.default_rng(step))
        assert found.dtype == np.float16
        for place in range(len(rows)):
            gaps = [float(np.abs(found[place] - other[place]).max()) for other in expected]
            assert min(gaps) < 2e-3
            seen[place].add(int(np.argmin(gaps)))
        np.testing.assert_array_equal(found, views(rows, inputs, np.random.default_rng(step)))
    assert seen == [{0, 2}, {0, 1, 2}, {0, 1, 2}]
    np.testing.assert_array_equal(inputs, plain.read(rows + 1))


def test_one_view_is_the_picture_itself_and_a_trained_encoder_makes_its_own(records: list[ImageRecord]) -> None:
    config, encoder = parse_config(RECIPE, ["training.views=1"]), colours()
    assert encode_views(config, encoder, records, quiet=True) is None
    trainable = parse_config(RECIPE, ["encoder.trainable=true"])
    with pytest.raises(ConfigError, match=r"training\.views = 1"):
        encode_views(trainable, encoder, records, quiet=True)


def test_a_picture_that_cannot_be_read_any_more_is_told(records: list[ImageRecord], tmp_path: Path) -> None:
    gone = replace(records[0], id="gone.png", path=tmp_path / "gone.png")
    others = [replace(records[1], id=f"{number}.png") for number in range(150)]
    with pytest.raises(CacheError, match=r"1 of 151 pictures cannot be read"):
        encode_views(parse_config(RECIPE), colours(), [*others, gone], quiet=True)
