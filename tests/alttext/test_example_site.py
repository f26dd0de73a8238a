"""`examples/site`: scanned, written, reviewed, undone; bytes compared."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from captionkit.alttext.formats.documents import read_document
from captionkit.alttext.propose import propose
from captionkit.alttext.review import format_csv, read_reviewed, review_rows
from captionkit.alttext.scan import ScannedDocument, scan
from captionkit.alttext.sidecar import open_sidecar
from captionkit.alttext.sources import Where
from captionkit.alttext.verdict import Verdict
from captionkit.alttext.write import decide_confident, undo, write_documents
from captionkit.bundle import DEFAULT_BUNDLE
from tests.alttext.fakes import ColourCaptioner
from tests.command import Run

SITE = Path(__file__).parents[2] / "examples" / "site"
PAGES = ("about.md", "card.jsx", "index.html", "path.ipynb")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SITE, tmp_path / "site"))


def scanned(site: Path) -> list[ScannedDocument]:
    return [item for item in scan([site]) if isinstance(item, ScannedDocument)]


def contents(site: Path) -> dict[str, bytes]:
    return {path.relative_to(site).as_posix(): path.read_bytes() for path in site.rglob("*") if path.is_file()}


def test_every_verdict_is_in_it_once_or_more(site: Path) -> None:
    documents = scanned(site)
    assert tuple(one.name for one in documents) == PAGES
    findings = [finding for document in documents for finding in document.findings]
    assert {one.judgement.verdict for one in findings} == set(Verdict)
    assert {Where.FILE, Where.REMOTE, Where.VANISHED, Where.EMBEDDED} <= {one.where for one in findings}
    assert not any("in-a-comment" in one.picture.source for one in findings)
    card = next(one for one in documents if one.name == "card.jsx")
    assert [(one.picture.source, one.where) for one in card.findings] == [
        ("./img/evening.jpg", Where.FILE),  # by its import
        ("/img/hills.jpg", Where.FILE),
        ("/img/bullet.png", Where.FILE),
    ]


def test_written_reviewed_and_undone_to_the_byte(site: Path) -> None:
    before = contents(site)
    documents = scanned(site)
    proposals = propose(documents, ColourCaptioner(), min_confidence=0.9)
    sure = decide_confident(proposals, "cafe")
    assert sure
    assert all(not error for _, _, error in write_documents(documents, sure))
    after = contents(site)
    assert {name for name in before if before[name] != after[name]} <= set(PAGES)

    documents = scanned(site)
    rows = review_rows(propose(documents, ColourCaptioner()))
    for number, row in enumerate(rows):
        row.update(decision="accept", alt=f'Text {number} with "quotes" & <marks>')
    (site.parent / "reviewed.csv").write_bytes(format_csv(rows))
    decisions, _ = read_reviewed(site.parent / "reviewed.csv")
    assert all(not error for _, _, error in write_documents(documents, decisions))
    texts = [picture.alt for name in PAGES for picture in read_document(site / name).pictures]
    assert sum((text or "").startswith("Text ") for text in texts) == len(rows)
    left = {one.judgement.verdict for document in scanned(site) for one in document.findings}
    assert left == {Verdict.OK, Verdict.DECORATIVE}

    assert all(not one.error for one in undo(open_sidecar(site)))
    assert contents(site) == before


@pytest.mark.slow
@pytest.mark.skipif(not DEFAULT_BUNDLE.exists(), reason="no bundle is installed with this copy")
def test_with_the_model_that_is_installed(site: Path, monkeypatch: pytest.MonkeyPatch, captionkit: Run) -> None:
    before = contents(site)
    monkeypatch.chdir(site.parent)
    assert captionkit("alt", "write", "site", "--yes", "--min-confidence", "0").code == 0
    again = contents(site)
    assert captionkit("alt", "write", "site", "--yes", "--min-confidence", "0").code == 0
    assert contents(site) == again
    assert captionkit("alt", "undo", "site").code == 0
    assert contents(site) == before
