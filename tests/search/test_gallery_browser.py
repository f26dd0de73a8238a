"""The gallery in Chromium: by keyboard alone, and under axe-core."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from captionkit.search.gallery import Card, format_gallery
from captionkit.selftest import draw_picture
from tests.accessible import expect_accessible, on_every_screen

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture
def page_file(tmp_path: Path) -> Path:
    cards = []
    for number in range(7):
        path = tmp_path / f"photo {number} with a rather long name of its own.png"
        path.write_bytes(draw_picture(number))
        caption = "A brown dog runs through the deep snow." if number % 2 else "Two dogs play."
        cards.append(Card(path, path.name, caption, ("dog", "dogs", "snow"), f"score {7 - number:.2f}"))
    (tmp_path / "photo 3 with a rather long name of its own.png").unlink()
    sections = [("Group 1, 4 pictures", cards[:4]), ("Group 2, 3 pictures", cards[4:])]
    page = tmp_path / "gallery.html"
    page.write_text(format_gallery('a "dog" in the snow', "7 pictures, ranked by captions and model.", sections))
    return page


def test_by_keyboard_from_picture_to_picture(browser: Any, page_file: Path) -> None:
    page = browser.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: None if request.url.startswith(("file:", "data:"))
            else problems.append(request.url))  # fmt: skip
    page.goto(page_file.as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    names = []
    for _ in range(6):  # the seventh is gone and has nothing to open
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.querySelector('img').alt"))
    assert [name.split("Opens photo ")[1][0] for name in names] == ["0", "1", "2", "4", "5", "6"]
    assert page.locator("img").evaluate_all("all => all.every(one => one.naturalWidth > 0)")
    page.keyboard.press("Enter")
    page.wait_for_url("**/photo%206*")
    page.close()
    assert problems == []


@on_every_screen
def test_axe_finds_nothing(browser: Any, axe: Path, page_file: Path, scheme: str, width: int) -> None:
    expect_accessible(browser, axe, page_file, scheme, width)
