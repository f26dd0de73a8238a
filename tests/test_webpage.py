"""Self-contained pages."""

from __future__ import annotations

import base64
import hashlib
import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import captionkit
from captionkit.errors import ImageError
from captionkit.selftest import draw_picture
from captionkit.webpage import fill_page, jpeg_address, png_address, shrink, thumbnail_address

ROOT = Path(captionkit.__file__).parent
TEMPLATE = '<meta content="@POLICY@"><style>@STYLE@</style><p>@TEXT@</p>'
SCRIPT = "<script>@SCRIPT@</script>"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A package with two pages: `alive` has a script, `still` has none."""
    folder = tmp_path_factory.mktemp("room")
    files = {"alive.html": TEMPLATE + SCRIPT, "alive.css": "p{}", "alive.js": "1;"}
    for name, text in {**files, "still.html": TEMPLATE, "still.css": "p{}"}.items():
        (folder / name).write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder.parent)
        yield folder.name


def test_names_are_replaced_once_and_the_policy_holds_the_hashes(room: str) -> None:
    page = fill_page(room, "alive", {"TEXT": "@STYLE@ @UNKNOWN@"})
    assert "<style>p{}</style><p>@STYLE@ @UNKNOWN@</p><script>1;</script>" in page
    for text in ("p{}", "1;"):
        assert f"'{_hash(text)}'" in page
    assert "default-src 'none'; img-src data:; style-src" in page
    assert "; base-uri 'none'; form-action 'none'\">" in page
    assert "connect-src" not in page


def test_a_page_without_a_script_runs_none(room: str) -> None:
    assert f"script-src '{_hash('')}'" in fill_page(room, "still", {"TEXT": ""})


def test_a_page_may_name_its_sources(room: str) -> None:
    page = fill_page(room, "alive", {"TEXT": ""}, sources="connect-src 'self'")
    assert "default-src 'none'; connect-src 'self'; style-src" in page


def test_a_name_that_nothing_fills_is_an_error(room: str) -> None:
    with pytest.raises(KeyError):
        fill_page(room, "alive", {})


@pytest.mark.parametrize(
    ("package", "page"),
    [("explain", "page"), ("report", "page"), ("search", "gallery"), ("alttext", "review"), ("serve", "page")],
)
def test_every_page_of_the_house_trusts_only_itself(package: str, page: str) -> None:
    template = (ROOT / package / f"{page}.html").read_text()
    assert '<meta http-equiv="Content-Security-Policy" content="@POLICY@">' in template
    assert "<style>@STYLE@</style>" in template
    assert (ROOT / package / f"{page}.css").read_text().strip()


def test_pictures_become_addresses_and_come_back() -> None:
    pixels = np.zeros((40, 100, 3), np.uint8)
    small = shrink(pixels, 50)
    assert small.size == (50, 20)
    for address in (jpeg_address(small), png_address(small)):
        kind, data = re.fullmatch(r"data:image/(jpeg|png);base64,(.*)", address).groups()  # type: ignore[union-attr]
        image = Image.open(io.BytesIO(base64.b64decode(data)))
        assert (image.format, image.size) == (kind.upper(), (50, 20))


def test_a_thumbnail_has_the_side_and_the_quality_that_are_asked_for() -> None:
    data = draw_picture(0)
    fine, coarse = (thumbnail_address(data, 48, quality) for quality in (95, 10))
    assert len(coarse) < len(fine)
    with Image.open(io.BytesIO(base64.b64decode(fine.partition(",")[2]))) as image:
        assert image.size == (48, 48)
    with pytest.raises(ImageError):
        thumbnail_address(b"no picture", 48)


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
