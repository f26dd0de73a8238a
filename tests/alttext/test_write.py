from __future__ import annotations

import errno
import json
import resource
from pathlib import Path

import pytest

from captionkit.alttext import sidecar as sidecar_module
from captionkit.alttext.propose import Proposal, count_pictures, propose
from captionkit.alttext.scan import ScannedDocument, scan
from captionkit.alttext.sidecar import NAME, open_sidecar
from captionkit.alttext.write import (
    Decision,
    decide_confident,
    undo,
    write_document,
    write_documents,
    written_before,
    written_ids,
)
from captionkit.errors import DataError
from tests.alttext.fakes import ColourCaptioner, photograph, run_as_nobody_special

PAGE = (
    b'<html lang="en">\r\n<h1>Walls</h1>\r\n<img src=red.jpg>\r\n<img src="green.jpg" alt="green.jpg">\r\n'
    b'<img src="blue.jpg"><a href="/x"><img src="red.jpg"></a>\r\n<img src="gone.jpg">'
    b'<img src="red.jpg" alt="A wall">'
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for colour in ("red", "green", "blue"):
        photograph(tmp_path / f"{colour}.jpg", colour)
    (tmp_path / "a.html").write_bytes(PAGE)
    (tmp_path / "b.md").write_bytes(b"# Walls\n\n![](red.jpg) ![img](green.jpg)\n")
    return tmp_path


def scanned(site: Path) -> list[ScannedDocument]:
    return [item for item in scan([site]) if isinstance(item, ScannedDocument)]


def proposed(site: Path, captioner: ColourCaptioner | None = None) -> tuple[list[ScannedDocument], list[Proposal]]:
    documents = scanned(site)
    known = written_before(documents)
    return documents, propose(documents, captioner or ColourCaptioner(), skip=lambda one: one.id in known)


def write_confident(site: Path) -> list[tuple[ScannedDocument, int, str]]:
    documents, proposals = proposed(site)
    return list(write_documents(documents, decide_confident(proposals, "cafe")))


def test_only_what_the_model_is_sure_of_is_written_without_review(site: Path) -> None:
    before = (site / "a.html").read_bytes()
    assert [(one.name, count, error) for one, count, error in write_confident(site)] == [
        ("a.html", 1, ""),
        ("b.md", 1, ""),
    ]
    alt = b'alt="A man with a red wall behind him."'
    assert (site / "a.html").read_bytes() == before.replace(b"<img src=red", b"<img " + alt + b" src=red")
    assert (
        site / "b.md"
    ).read_bytes() == b"# Walls\n\n![A man with a red wall behind him.](red.jpg) ![img](green.jpg)\n"


def test_low_and_unknown_confidence_are_for_review(site: Path) -> None:
    _, proposals = proposed(site)
    notes = {one.finding.picture.source: (one.confident, one.note) for one in proposals if one.text}
    assert notes["red.jpg"][0]
    assert notes["green.jpg"] == (False, "The model is not sure.")
    assert notes["blue.jpg"] == (False, "The model does not say how sure it is.")


def test_functional_pictures_and_lost_ones_get_no_description(site: Path) -> None:
    _, proposals = proposed(site)
    functional = next(one for one in proposals if one.finding.judgement.verdict == "functional")
    assert not functional.text
    assert "where it leads" in functional.finding.judgement.reason
    gone = next(one for one in proposals if one.finding.picture.source == "gone.jpg")
    assert not gone.text
    assert "no such file" in gone.note


def test_a_picture_shown_in_many_places_is_captioned_once(site: Path) -> None:
    captioner = ColourCaptioner()
    proposed(site, captioner)
    assert captioner.asked == 3


def test_as_many_pictures_are_announced_as_are_captioned(site: Path) -> None:
    captioner = ColourCaptioner()
    documents = scanned(site)
    propose(documents, captioner)
    assert count_pictures(documents) == captioner.asked


def test_a_picture_that_is_removed_meanwhile_is_told_and_the_rest_goes_on(site: Path) -> None:
    documents = scanned(site)
    (site / "red.jpg").unlink()
    notes = {one.finding.picture.source: one.note for one in propose(documents, ColourCaptioner())}
    assert notes["red.jpg"] == "No proposal: it is no longer there."
    assert notes["green.jpg"] == "The model is not sure."


def test_a_picture_that_may_not_be_read_is_told_and_the_rest_goes_on(site: Path) -> None:
    (site / "a.html").write_text("<p><img src=red.jpg alt='A wall'> A wall</p><img src=green.jpg>")
    (site / "red.jpg").chmod(0)
    code = (
        "import sys; from pathlib import Path; from tests.alttext.fakes import ColourCaptioner; "
        "from captionkit.alttext.propose import propose; from captionkit.alttext.scan import scan; "
        "print(*(one.note for one in propose(list(scan([Path(sys.argv[1])])), ColourCaptioner())), sep='\\n')"
    )
    done = run_as_nobody_special("-c", code, site / "a.html")
    assert done.stdout.splitlines() == [
        "No proposal: its file cannot be read (Permission denied).",
        "The model is not sure.",
    ], done.stderr


def test_a_page_in_another_language_is_for_review(site: Path) -> None:
    (site / "a.html").write_bytes(PAGE.replace(b'"en"', b'"de"'))
    _, proposals = proposed(site)
    mine = [one for one in proposals if one.finding.document == "a.html"]
    assert mine
    assert not any(one.confident for one in mine)
    assert any("translate" in one.note for one in mine)


def test_neutral_wording_on_request(site: Path) -> None:
    proposals = propose(scanned(site), ColourCaptioner(), neutral=True)
    assert proposals[0].text == "A person with a red wall behind them."


def test_a_second_run_changes_nothing(site: Path) -> None:
    write_confident(site)
    files = {path: path.read_bytes() for path in site.iterdir()}
    assert all(count == 0 for _, count, _ in write_confident(site))
    assert {path: path.read_bytes() for path in site.iterdir()} == files


def test_what_was_written_is_not_proposed_again_even_if_it_repeats_the_caption(site: Path) -> None:
    text = b"<figure><img src=red.jpg><figcaption>A man with a red wall behind him.</figcaption></figure>"
    (site / "a.html").write_bytes(text)
    write_confident(site)
    documents, proposals = proposed(site)
    assert documents[0].findings[0].judgement.verdict == "redundant"
    assert not [one for one in proposals if one.finding.document == "a.html"]


def test_undo_restores_every_byte_and_forgets(site: Path) -> None:
    files = {path: path.read_bytes() for path in site.iterdir()}
    write_confident(site)
    documents = scanned(site)
    more = {documents[0].findings[1].id: Decision("Second <write> & more", "person")}
    assert [count for _, count, _ in write_documents(documents, more)] == [1, 0]
    results = sorted((one.document, one.restored, one.error) for one in undo(open_sidecar(site)))
    assert results == [("a.html", 2, ""), ("b.md", 1, "")]
    assert {path: path.read_bytes() for path in site.iterdir()} == files


def test_undo_leaves_a_document_that_was_changed_since(site: Path) -> None:
    write_confident(site)
    changed = (site / "a.html").read_bytes() + b"<p>New.</p>"
    (site / "a.html").write_bytes(changed)
    results = {one.document: one for one in undo(open_sidecar(site))}
    assert "was changed after" in results["a.html"].error
    assert "A man with a red wall behind him." in results["a.html"].error
    assert (site / "a.html").read_bytes() == changed
    assert not results["b.md"].error
    assert [write.document for write in open_sidecar(site).writes] == ["a.html"]


def test_documents_to_undo_are_named_by_path_or_by_a_folder_above(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_confident(site)
    monkeypatch.chdir(site)

    def undone(*named: Path) -> list[str]:
        return [one.document for one in undo(open_sidecar(site), named)]

    assert undone(site / "c.md", site.parent / "other") == undone() == []
    assert undone(Path("b.md")) == ["b.md"]
    assert undone(Path()) == ["a.html"]
    assert not (site / NAME).exists()


def test_what_was_written_is_known_until_its_bytes_of_before_are_back(site: Path) -> None:
    before = (site / "a.html").read_bytes()
    write_confident(site)
    ids = {write.document: {one.id for one in write.alts} for write in open_sidecar(site).writes}
    assert ids.keys() == {"a.html", "b.md"}
    assert written_ids(scanned(site)) == ids["a.html"] | ids["b.md"]
    (site / "a.html").write_bytes(before)  # from a backup, say
    assert written_ids(scanned(site)) == ids["b.md"]


def stop_at_documents(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """The sidecar is written, and a document is not."""

    def write(path: Path, data: bytes) -> None:
        if path.name != NAME:
            raise error
        path.write_bytes(data)

    monkeypatch.setattr(sidecar_module, "write_bytes", write)


def test_a_document_that_the_system_does_not_let_write_leaves_no_record(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_at_documents(monkeypatch, OSError(errno.ENOSPC, "No space left on device"))
    said = {one.name: (count, error) for one, count, error in write_confident(site)}
    assert said["a.html"] == (0, f"{site / 'a.html'} cannot be written (No space left on device).")
    assert list(open_sidecar(site).writes) == []
    assert (site / "a.html").read_bytes() == PAGE


def test_a_write_that_died_before_the_document_is_forgotten_by_undo(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (site / "a.html").read_bytes()
    stop_at_documents(monkeypatch, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        write_confident(site)
    monkeypatch.undo()
    assert len(open_sidecar(site).writes) == 1
    assert [(one.restored, one.error) for one in undo(open_sidecar(site))] == [(0, "")]
    assert (site / "a.html").read_bytes() == before
    assert not (site / NAME).exists()


def test_a_read_only_document_is_left_alone(site: Path) -> None:
    (site / "a.html").chmod(0o444)
    results = {one.name: (count, error) for one, count, error in write_confident(site)}
    assert "read-only" in results["a.html"][1]
    assert results["b.md"] == (1, "")
    assert (site / "a.html").read_bytes() == PAGE


def test_where_the_record_cannot_be_kept_nothing_is_written(site: Path) -> None:
    """A disk that is full: a text that undo would not know of must not be written."""
    before = {path: path.read_bytes() for path in sorted(site.iterdir())}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    documents, proposals = proposed(site)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        results = list(write_documents(documents, decide_confident(proposals, "cafe")))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [count for _, count, _ in results] == [0] * len(results)
    assert "the system refused (File too large)" in results[0][2]
    assert {path: path.read_bytes() for path in sorted(site.iterdir())} == before
    assert [count for _, count, _ in write_confident(site)] == [1, 1]


def test_a_document_that_changed_since_the_scan_is_not_written(site: Path) -> None:
    documents, proposals = proposed(site)
    (site / "a.html").write_bytes(PAGE + b"more")
    results = list(write_documents(documents, decide_confident(proposals, "cafe")))
    assert "changed while" in results[0][2]
    assert (site / "a.html").read_bytes() == PAGE + b"more"


def test_a_text_that_the_place_cannot_hold_is_refused_whole(site: Path) -> None:
    (site / "t.md").write_bytes(b"| a |\n|---|\n| <img src=red.jpg> |\n")
    document = next(one for one in scanned(site) if one.name == "t.md")
    with pytest.raises(DataError, match="would not read back"):
        write_document(document, {document.findings[0].id: Decision("one | two", "person")}, open_sidecar(site))
    assert not (site / NAME).exists()


def test_decorative_is_written_where_the_format_has_it(site: Path) -> None:
    documents = scanned(site)
    decisions = {finding.id: Decision("", "person") for one in documents for finding in one.findings[:1]}
    results = list(write_documents(documents, decisions))
    assert [count for _, count, _ in results] == [1, 0]
    assert "cannot mark a picture as decorative" in results[1][2]
    assert b'<img alt="" src=red.jpg>' in (site / "a.html").read_bytes()


def test_the_sidecar_remembers_who_and_how_sure(site: Path) -> None:
    write_confident(site)
    record = json.loads((site / NAME).read_text(encoding="utf-8").splitlines()[1])
    assert record["document"] == "a.html"
    (alt,) = record["alts"]
    assert (alt["by"], alt["model"], alt["confidence"], alt["before"]) == ("model", "cafe", 0.95, None)


def test_two_writers_do_not_lose_each_others_records(site: Path) -> None:
    documents, proposals = proposed(site)
    sidecar = open_sidecar(site)
    sure = decide_confident(proposals, "cafe")
    list(write_documents(documents[1:], sure))  # another process
    before = (site / "a.html").read_bytes()
    with pytest.raises(DataError, match="another process"):
        write_document(documents[0], sure, sidecar)
    assert (site / "a.html").read_bytes() == before
    assert [write.document for write in open_sidecar(site).writes] == ["b.md"]


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"format": "captionkit-alt", "version": 3, "writes": []}', '{"format": "x", "version": 1}',
     '{"format": "captionkit-alt", "version": 1, "writes": [{"document": "a"}]}', "[" * 100_000],
)  # fmt: skip
def test_a_damaged_sidecar_is_one_sentence(site: Path, text: str) -> None:
    (site / NAME).write_text(text)
    with pytest.raises(DataError):
        open_sidecar(site)


def test_a_sidecar_that_points_out_of_the_root_is_refused(site: Path) -> None:
    (site / "sub").mkdir()
    write_confident(site)
    record = (site / NAME).read_text(encoding="utf-8").replace('"a.html"', '"../a.html"')
    (site / "sub" / NAME).write_text(record, encoding="utf-8")
    written = (site / "a.html").read_bytes()
    results = {one.document: one for one in undo(open_sidecar(site / "sub"))}
    assert "outside the root" in results["../a.html"].error
    assert (site / "a.html").read_bytes() == written


def test_a_sidecar_whose_edits_lie_restores_nothing(site: Path) -> None:
    write_confident(site)
    header, first, *others = (site / NAME).read_text(encoding="utf-8").splitlines()
    record = json.loads(first) | {"undo": [[0, 5, ""], [2, 10**9, ""]]}
    (site / NAME).write_text("\n".join([header, json.dumps(record), *others]), encoding="utf-8")
    written = (site / "a.html").read_bytes()
    results = {one.document: one for one in undo(open_sidecar(site))}
    assert "damaged" in results["a.html"].error
    assert (site / "a.html").read_bytes() == written
