"""The page in Chromium: by keyboard alone, and under axe-core."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from captionkit.captioner import Captioner
from captionkit.explain import explain, format_page
from captionkit.selftest import draw_picture
from tests.accessible import expect_accessible, on_every_screen

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def page_file(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("explain") / "page.html"
    path.write_text(
        format_page(explain(Captioner.load(tiny_bundle, threads=1), draw_picture(3))), encoding="utf-8"
    )
    return path


def test_by_keyboard_alone(browser: Any, page_file: Path) -> None:
    page = browser.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(page_file.as_uri())
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the link that skips to the words
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "BUTTON"
    page.keyboard.press("End")
    count = page.locator(".words button").count()
    assert page.locator(".words button").nth(count - 1).get_attribute("aria-pressed") == "true"
    page.keyboard.press("Home")
    first = page.locator(".words button").first
    assert first.get_attribute("aria-pressed") == "true"
    assert page.locator(".map.on").count() == page.locator(".details section.on").count() == 1
    assert page.locator("#said").inner_text().startswith(first.inner_text())
    page.keyboard.press("Escape")
    assert page.locator(".map.on").count() == 0
    assert page.locator("#said").inner_text() == "The whole picture."
    page.close()
    assert problems == []


@on_every_screen
def test_axe_finds_nothing(browser: Any, axe: Path, page_file: Path, scheme: str, width: int) -> None:
    expect_accessible(browser, axe, page_file, scheme, width)
