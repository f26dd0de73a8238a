"""The report in Chromium under axe-core."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from captionkit.captioner import Captioner
from captionkit.records import ImageRecord
from captionkit.report import Judging, describe_run, describe_split, format_report
from captionkit.selftest import draw_picture
from tests.report.test_report import HISTORY

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def page_file(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("report")
    records = []
    for seed in range(30):
        (root / f"{seed}.png").write_bytes(draw_picture(seed, size=32))
        texts = (f"a dog runs {seed}", "two red balls on the grass")
        records.append(ImageRecord(f"{seed}.png", root / f"{seed}.png", texts, "val", ""))
    captioner = Captioner.load(tiny_bundle, threads=1)
    report = describe_split(
        describe_run(None, captioner), captioner, records, split="val", metrics=("BLEU", "CIDEr-D"), quiet=True
    )
    judging = Judging(np.linspace(0.1, 0.9, 50), np.linspace(0, 2, 50), 0.4)
    path = root / "report.html"
    path.write_text(format_report(dataclasses.replace(report, history=HISTORY, judging=judging)), encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_axe_finds_nothing(browser: Any, axe: Path, page_file: Path, scheme: str, width: int) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=True)
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.goto(page_file.as_uri())
    page.add_script_tag(path=axe)
    result = page.evaluate("axe.run(document, {resultTypes: ['violations', 'incomplete']})")
    wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    context.close()
    assert [(one["id"], one["nodes"][0]["html"]) for one in result["violations"]] == []
    assert not wide, "the page scrolls sideways"
    assert problems == []
