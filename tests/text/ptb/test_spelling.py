"""How tokens are written."""

from __future__ import annotations

import pytest

from captionkit.text.ptb import spelling


@pytest.mark.parametrize(
    ("token", "written"),
    [("ΟΔΟΣ", "οδος"), ("ΣΑΣ-We", "σασ-we"), ("Σ", "σ"), ("ΟΔΟΣ/A", "οδος/a"), ("STRASSE", "strasse")],
)
def test_lower_case_of_sigma(token: str, written: str) -> None:
    assert spelling.lower_case(token) == written


def test_soft_hyphens_vanish() -> None:
    assert spelling.solid("co\xadop") == "coop"
    assert spelling.solid("\xad") == "-"


def test_quotation_marks() -> None:
    assert spelling.closing_quote("&quot;") == "''"
    assert spelling.closing_quote("“‘") == "```"
