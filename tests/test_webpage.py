"""Self-contained pages."""

from __future__ import annotations

import base64
import hashlib
import io
import re

import numpy as np
import pytest
from PIL import Image

from captionkit.webpage import fill_page, jpeg_address, page_part, png_address, shrink

TEMPLATE = '<meta content="@POLICY@"><style>@STYLE@</style><p>@TEXT@</p><script>@SCRIPT@</script>'


def test_names_are_replaced_once_and_the_policy_holds_the_hashes() -> None:
    page = fill_page(TEMPLATE, style="p{}", script="1;", parts={"TEXT": "@STYLE@ @UNKNOWN@"})
    assert "<p>@STYLE@ @UNKNOWN@</p>" in page
    for text in ("p{}", "1;"):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in page
    assert "default-src 'none'; img-src data:; style-src" in page
    assert "connect-src" not in page


def test_a_page_may_name_its_sources() -> None:
    page = fill_page(TEMPLATE, style="", script="", parts={"TEXT": ""}, sources="connect-src 'self'")
    assert "default-src 'none'; connect-src 'self'; style-src" in page


def test_a_name_that_nothing_fills_is_an_error() -> None:
    with pytest.raises(KeyError):
        fill_page(TEMPLATE, style="", script="", parts={})


@pytest.mark.parametrize(
    ("package", "page"),
    [("explain", "page"), ("report", "page"), ("search", "gallery"), ("alttext", "review"), ("serve", "page")],
)
def test_every_page_of_the_house_trusts_only_itself(package: str, page: str) -> None:
    template = page_part(f"captionkit.{package}", f"{page}.html")
    assert '<meta http-equiv="Content-Security-Policy" content="@POLICY@">' in template
    assert "<style>@STYLE@</style>" in template
    assert page_part(f"captionkit.{package}", f"{page}.css").strip()


def test_pictures_become_addresses_and_come_back() -> None:
    pixels = np.zeros((40, 100, 3), np.uint8)
    small = shrink(pixels, 50)
    assert small.size == (50, 20)
    for address in (jpeg_address(small), png_address(small)):
        kind, data = re.fullmatch(r"data:image/(jpeg|png);base64,(.*)", address).groups()  # type: ignore[union-attr]
        image = Image.open(io.BytesIO(base64.b64decode(data)))
        assert (image.format, image.size) == (kind.upper(), (50, 20))
