"""A page in Chromium under axe-core, light and dark, on a telephone and on a desk."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def expect_accessible(
    browser: Any,
    axe: Path,
    page_file: Path | str,
    scheme: str,
    width: int,
    *,
    use: Callable[[Any], None] | None = None,
) -> None:
    """No violation of axe-core's rules, nothing in the console, no scrolling sideways. The page may be an address.

    `use` may do something with the page before it is judged.

    With $CAPTIONKIT_SCREENSHOTS a picture of the page is put there, to be looked at.
    """
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=True)
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.goto(page_file.as_uri() if isinstance(page_file, Path) else page_file)
    if use is not None:
        use(page)
    page.add_script_tag(path=axe)
    result = page.evaluate("axe.run(document, {resultTypes: ['violations', 'incomplete']})")
    wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    if target := os.environ.get("CAPTIONKIT_SCREENSHOTS"):
        name = page_file.stem if isinstance(page_file, Path) else "served"
        page.screenshot(path=f"{target}/{name}-{scheme}-{width}.png", full_page=True)
    context.close()
    assert [(one["id"], one["nodes"][0]["html"]) for one in result["violations"]] == []
    assert len(result["passes"]) > 15  # it did look
    assert not wide, "the page scrolls sideways"
    assert problems == []


on_every_screen = pytest.mark.parametrize(
    ("scheme", "width"), [(scheme, width) for scheme in ("light", "dark") for width in (360, 1200)]
)
