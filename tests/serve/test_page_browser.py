"""The page in Chromium: by keyboard alone, by mouse, and under axe-core."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pillow_heif
import pytest
from PIL import Image

from captionkit.selftest import draw_picture
from tests.accessible import expect_accessible, on_every_screen
from tests.serve.running import Client

pytestmark = [pytest.mark.slow, pytest.mark.browser]

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two, and what is none."""
    bad = tmp_path_factory.mktemp("serve") / "notes.txt"
    bad.write_text("no picture")
    return [EXAMPLES / "photographer.jpg", bad, EXAMPLES / "rocket.jpg"]


def choose(page: Any, pictures: list[Path]) -> None:
    page.locator("#files").set_input_files(pictures)
    page.wait_for_function("() => document.querySelector('li') && !document.querySelector('li.waiting')")


def test_by_keyboard_alone(browser: Any, served: Client, pictures: list[Path]) -> None:
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if "400" not in message.text else None)
    page.goto(f"http://127.0.0.1:{served.port}/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "files"
    choose(page, pictures)
    assert page.evaluate("document.activeElement.id") == "files"  # nothing takes the focus
    good, wrong, unsure = page.locator("#pictures li").all()
    assert good.locator(".text").inner_text() == "A man is holding a camera on a tripod."
    assert "Expected a picture" in wrong.locator(".text").inner_text()
    assert not wrong.locator("button").is_visible()
    assert unsure.locator(".text").inner_text().startswith("Possibly: ")
    assert unsure.locator(".note").inner_text() == "The model is unsure of this one."
    told = page.locator("#said p").all_text_contents()
    assert sorted(told)[1:] == [
        "photographer.jpg: A man is holding a camera on a tripod.",
        f"rocket.jpg: {unsure.locator('.text').inner_text()} The model is unsure of this one.",
    ]
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.getElementById('said').lastElementChild.textContent === 'Copied.'")
    assert page.evaluate("navigator.clipboard.readText()") == "A man is holding a camera on a tripod."
    assert page.evaluate("document.activeElement.tagName") == "BUTTON"
    assert good.locator(".do").inner_text() == "Copied"
    page.evaluate("void (navigator.clipboard.writeText = () => Promise.reject())")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_function("() => getSelection().toString().startsWith('Possibly: ')")
    assert unsure.locator(".do").inner_text() == "Selected: press Ctrl+C"
    context.close()
    assert problems == []


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_dropped_and_pasted(browser: Any, served: Client, way: str) -> None:
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{served.port}/")
    page.evaluate(
        """([way, data]) => {
            const carried = new DataTransfer();
            const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
            carried.items.add(new File([bytes], "<b>.png", { type: "image/png" }));
            const event = way === "drop"
                ? new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true })
                : new ClipboardEvent("paste", { clipboardData: carried, bubbles: true, cancelable: true });
            document.body.dispatchEvent(event);
        }""",
        [way, base64.b64encode(draw_picture(1)).decode()],
    )
    page.wait_for_selector("li.done")
    assert page.locator("li h3").inner_text() == "<b>.png"
    page.wait_for_function("() => document.querySelector('li img').naturalWidth > 0")
    page.close()


def test_a_picture_that_the_browser_cannot_show_has_its_caption_and_no_broken_frame(
    browser: Any, served: Client, pictures: list[Path], tmp_path: Path
) -> None:
    heic = tmp_path / "IMG_1.HEIC"
    pillow_heif.from_pillow(Image.open(pictures[0]).convert("RGB")).save(heic)
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{served.port}/")
    choose(page, [heic, pictures[0]])
    assert page.locator("li.done").count() == 2
    hidden, shown = page.locator("li img").all()
    page.wait_for_function("() => document.querySelector('li img').style.visibility === 'hidden'")
    assert (hidden.is_visible(), shown.is_visible()) == (False, True)
    page.close()


def test_what_is_too_large_is_not_sent_and_a_server_that_has_gone_is_told(
    browser: Any, served: Client, pictures: list[Path]
) -> None:
    page = browser.new_page()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.goto(f"http://127.0.0.1:{served.port}/")
    page.evaluate("document.getElementById('files').dataset.upload = '100'")
    choose(page, pictures[:1])
    assert "larger than this server takes" in page.locator("li .text").inner_text()
    assert sent == []
    page.evaluate("document.getElementById('files').dataset.upload = '100000000'")
    page.context.set_offline(True)
    choose(page, pictures[:2])
    assert "is captionkit still running" in page.locator("li .text").last.inner_text()
    page.close()


@on_every_screen
def test_axe_finds_nothing(
    browser: Any, axe: Path, served: Client, pictures: list[Path], scheme: str, width: int
) -> None:
    address = f"http://127.0.0.1:{served.port}/"
    good = [pictures[0], pictures[2]]  # of a bad one the browser tells its console
    expect_accessible(browser, axe, address, scheme, width, use=lambda page: choose(page, good))
