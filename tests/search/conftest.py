"""A folder of drawn pictures, its index, and the model that made it: all real, all tiny."""

from __future__ import annotations

from pathlib import Path

import pytest

from captionkit.captioner import Captioner
from captionkit.search.database import INDEX_NAME
from captionkit.search.indexing import index_folder
from captionkit.selftest import draw_picture


@pytest.fixture(scope="session")
def captioner(tiny_bundle: Path) -> Captioner:
    return Captioner.load(tiny_bundle, threads=1)


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Six pictures, two of them in a folder below."""
    root = tmp_path / "album"
    (root / "trip").mkdir(parents=True)
    for seed, name in enumerate(("a.png", "b.png", "c.png", "d.png", "trip/e.png", "trip/f.png")):
        (root / name).write_bytes(draw_picture(seed))
    return root


@pytest.fixture
def indexed(album: Path, captioner: Captioner) -> Path:
    """The index of the album."""
    path = album / INDEX_NAME
    index_folder(album, path, captioner, quiet=True)
    return path
