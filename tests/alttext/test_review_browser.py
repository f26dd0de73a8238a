"""The review page in Chromium: by keyboard alone, downloaded and read back, and under axe-core."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from captionkit.alttext.propose import propose
from captionkit.alttext.review import read_reviewed
from captionkit.alttext.review_page import write_review
from captionkit.alttext.scan import ScannedDocument, scan
from tests.accessible import expect_accessible, on_every_screen
from tests.alttext.fakes import ColourCaptioner, photograph

MODEL = "0123456789abcdef" * 4

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture
def page_file(tmp_path: Path) -> Path:
    for colour in ("red", "green", "blue"):
        photograph(tmp_path / f"{colour}.jpg", colour)
    (tmp_path / "a.html").write_text(
        "<h1>Walls &amp; <em>more</em></h1><p>Beside it <img src=red.jpg> stand words.</p>"
        "<figure><img src=green.jpg alt=image><figcaption>A green wall</figcaption></figure>"
        "<a href='/home'><img src=blue.jpg></a><img src=gone.jpg>"
    )
    documents = [item for item in scan([tmp_path]) if isinstance(item, ScannedDocument)]
    return write_review(tmp_path / "review", propose(documents, ColourCaptioner()), documents, model=MODEL)[1]


def test_by_keyboard_alone_from_first_picture_to_download(browser: Any, page_file: Path, tmp_path: Path) -> None:
    context = browser.new_context(accept_downloads=True)
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(("file:", "data:", "blob:"))
            else problems.append(request.url))  # fmt: skip
    page.goto(page_file.as_uri())
    assert page.locator("#progress").inner_text() == "0 of 4 decided, 4 left."

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    for _ in range(20):  # on to the first text
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "TEXTAREA":
            break
    page.keyboard.press("Control+Enter")  # accepts the proposal and goes on
    assert page.evaluate("document.activeElement.id") == "p2t"
    page.keyboard.press("Control+A")
    page.keyboard.type('A "green" wall, seen from afar')
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.value") == "accept"
    page.keyboard.press("Tab")
    page.keyboard.type("To the start page")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    assert page.locator("#progress").inner_text() == "4 of 4 decided, 0 left."

    page.reload()
    assert page.locator("#progress").inner_text().startswith(("4 of 4", "0 of 4"))  # kept where storage is allowed
    assert page.locator("#p2t").input_value() == 'A "green" wall, seen from afar'
    page.locator("#download").focus()
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    download.value.save_as(tmp_path / "reviewed.csv")
    context.close()
    assert problems == []

    decisions, skipped = read_reviewed(tmp_path / "reviewed.csv")
    assert skipped == 0
    assert [one.model for one in decisions.values() if one.by == "reviewed"] == [MODEL]
    assert sorted((one.alt, one.by) for one in decisions.values()) == [
        ("", "person"),
        ('A "green" wall, seen from afar', "person"),
        ("A man with a red wall behind him.", "reviewed"),
        ("To the start page", "person"),
    ]


@on_every_screen
def test_axe_finds_nothing(browser: Any, axe: Path, page_file: Path, scheme: str, width: int) -> None:
    expect_accessible(browser, axe, page_file, scheme, width)


def test_the_bar_never_hides_what_has_the_focus(browser: Any, page_file: Path) -> None:
    """WCAG 2.2, 2.4.11 Focus Not Obscured: a bar that stays on top must leave room, on a small telephone too."""
    context = browser.new_context(viewport={"width": 360, "height": 640})
    page = context.new_page()
    page.goto(page_file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("textarea").last.focus()
    hidden = """() => {
      const one = document.activeElement, bar = document.querySelector(".bar");
      const [inner, outer] = [one, bar].map((element) => element.getBoundingClientRect());
      const over = inner.top < outer.bottom - 1 && inner.bottom > outer.top + 1;
      return over && one !== document.body && !bar.contains(one) ? one.outerHTML : ""; }"""
    met = 0
    for _ in range(12):
        page.keyboard.press("Shift+Tab")
        met += page.evaluate("document.activeElement.tagName") == "TEXTAREA"
        assert page.evaluate(hidden) == ""
    context.close()
    assert met == 3


def test_typing_does_not_say_the_same_progress_again(browser: Any, page_file: Path) -> None:
    """A live region is spoken at every change, one that leaves it as it was too."""
    page = browser.new_context().new_page()
    page.goto(page_file.as_uri())
    page.evaluate(
        """() => { window.told = []; new MutationObserver(() => told.push(progress.textContent)).observe(
        document.getElementById("progress"), {childList: true, characterData: true, subtree: true}); }"""
    )
    page.locator("#p2t").focus()
    page.keyboard.type("A green wall")
    assert page.evaluate("window.told") == ["1 of 4 decided, 3 left."]
    page.context.close()


def test_the_same_picture_on_other_pages_is_decided_with_the_first(
    browser: Any, axe: Path, tmp_path: Path
) -> None:
    photograph(tmp_path / "red.jpg", "red")
    for name in "abc":
        (tmp_path / f"{name}.html").write_text("<a href=/><img src=red.jpg></a>")
    documents = [item for item in scan([tmp_path]) if isinstance(item, ScannedDocument)]
    file = write_review(tmp_path / "review", propose(documents, ColourCaptioner()), documents)[1]
    context = browser.new_context(accept_downloads=True, bypass_csp=True)
    page = context.new_page()
    page.goto(file.as_uri())
    assert page.locator("#progress").inner_text() == "0 of 1 decided, 1 left."
    assert not page.locator("#p2t").is_visible()
    page.locator("#p1t").focus()
    page.keyboard.type("To the start")
    assert page.locator("#progress").inner_text() == "1 of 1 decided, 0 left."
    page.locator("summary", has_text="The same picture").click()
    assert page.locator("#p2t").input_value() == "To the start"
    page.locator("#p3t").fill("")
    page.locator("#p3t").focus()
    page.keyboard.type("Home")
    page.locator("#p1t").fill("To the start page")
    page.add_script_tag(path=axe)
    assert page.evaluate("axe.run(document)")["violations"] == []
    with page.expect_download() as download:
        page.locator("#download").click()
    download.value.save_as(tmp_path / "reviewed.csv")
    context.close()
    decisions, skipped = read_reviewed(tmp_path / "reviewed.csv")
    assert skipped == 0
    assert sorted(one.alt for one in decisions.values()) == ["Home", "To the start page", "To the start page"]
