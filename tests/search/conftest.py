"""A folder of drawn pictures, its index, and the model that made it: all real, all tiny."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from captionkit.captioner import Captioner
from captionkit.search.database import INDEX_NAME
from captionkit.search.indexing import index_folder
from captionkit.selftest import draw_picture


@pytest.fixture(scope="session")
def captioner(tiny_bundle: Path) -> Captioner:
    return Captioner.load(tiny_bundle, threads=1)


@pytest.fixture(scope="session")
def drawn(captioner: Captioner, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six pictures, two of them in a folder below, and their index. Read-only."""
    root = tmp_path_factory.mktemp("drawn")
    (root / "trip").mkdir()
    for seed, name in enumerate(("a.png", "b.png", "c.png", "d.png", "trip/e.png", "trip/f.png")):
        (root / name).write_bytes(draw_picture(seed))
    index_folder(root, root / INDEX_NAME, captioner, quiet=True)
    return root


@pytest.fixture
def album(drawn: Path, tmp_path: Path) -> Path:
    """A copy of the pictures, without index."""
    return shutil.copytree(drawn, tmp_path / "album", ignore=shutil.ignore_patterns(f"{INDEX_NAME}*"))


@pytest.fixture
def indexed(drawn: Path, album: Path) -> Path:
    """The index of the album."""
    path = album / INDEX_NAME
    shutil.copy(drawn / INDEX_NAME, path)
    return path
