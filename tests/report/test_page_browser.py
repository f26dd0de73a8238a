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
from tests.accessible import expect_accessible, on_every_screen
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


@on_every_screen
def test_axe_finds_nothing(browser: Any, axe: Path, page_file: Path, scheme: str, width: int) -> None:
    expect_accessible(browser, axe, page_file, scheme, width)


def test_beside_each_number_its_row_is_named(browser: Any, page_file: Path) -> None:
    """On a telephone the table of scores is wider than the page, and moves below the names of its rows."""
    page = browser.new_page(viewport={"width": 360, "height": 800})
    page.goto(page_file.as_uri())
    scrolled, *lefts = page.evaluate(
        """() => {
            const region = document.querySelector('.scroll');
            region.scrollLeft = 9999;
            const lefts = [...region.querySelectorAll('th:first-child')].map(e => e.getBoundingClientRect().left);
            return [region.scrollLeft, ...lefts.map(left => left - region.getBoundingClientRect().left)];
        }"""
    )
    page.close()
    assert scrolled > 100
    assert len(lefts) > 3
    assert set(lefts) == {0}
