"""DOCX, PPTX and EPUB made by the libraries that people make them with, edited, and opened by them again."""

from __future__ import annotations

import io
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from captionkit.alttext.formats.documents import read_document, write_alts
from captionkit.alttext.formats.pictures import Picture
from captionkit.alttext.propose import propose
from captionkit.alttext.scan import ScannedDocument, scan
from captionkit.alttext.sidecar import open_sidecar
from captionkit.alttext.sources import Where, locate
from captionkit.alttext.verdict import Verdict
from captionkit.alttext.write import decide_confident, undo, write_documents
from captionkit.errors import DataError
from captionkit.files.edits import apply_edits, inverse_edits
from tests.alttext.fakes import ColourCaptioner, photograph
from tests.alttext.formats.test_archive import raw_members


def make_docx(folder: Path) -> Path:
    docx = pytest.importorskip("docx")
    document = docx.Document()
    document.add_heading("Walls of the town", 1)
    document.add_paragraph("Beside the river.").add_run().add_picture(str(photograph(folder / "red.jpg", "red")))
    document.add_picture(str(photograph(folder / "green.jpg", "green")))
    document.add_paragraph("Figure 1: a green wall", style="Caption")
    document.sections[0].header.paragraphs[0].add_run().add_picture(str(folder / "red.jpg"))
    document.save(folder / "walls.docx")
    return folder / "walls.docx"


def make_pptx(folder: Path) -> Path:
    pptx = pytest.importorskip("pptx")
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE

    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "Walls"
    picture = slide.shapes.add_picture(str(photograph(folder / "red.jpg", "red")), 0, 0)
    picture.click_action.hyperlink.address = "https://example.org/"
    slide.shapes.add_picture(str(photograph(folder / "green.jpg", "green")), 0, 0)
    data = CategoryChartData()
    data.categories = ["a", "b"]
    data.add_series("s", (1, 2))
    slide.shapes.add_chart(XL_CHART_TYPE.PIE, 0, 0, 914_400, 914_400, data)
    deck.save(folder / "walls.pptx")
    return folder / "walls.pptx"


def make_epub(folder: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        epub = pytest.importorskip("ebooklib.epub")
        book = epub.EpubBook()
        book.set_identifier("x")
        book.set_title("Walls")
        book.set_language("en")
        page = epub.EpubHtml(title="One", file_name="text/one.xhtml", lang="en")
        page.content = (
            "<h1>Walls</h1><p>By the river <img src='../img/a%20b.jpg'/></p><p><img src='https://example.org/x.png'/>"
            "<img src='../img/gone.png' alt='image'/></p>"
        )
        content = photograph(folder / "red.jpg", "red").read_bytes()
        book.add_item(page)
        book.add_item(epub.EpubItem(uid="i", file_name="img/a b.jpg", media_type="image/jpeg", content=content))
        book.toc = (page,)
        book.add_item(epub.EpubNcx())
        book.add_item(epub.EpubNav())
        book.spine = ["nav", page]
        epub.write_epub(str(folder / "walls.epub"), book)
    return folder / "walls.epub"


MAKERS = {"docx": make_docx, "pptx": make_pptx, "epub": make_epub}


def verdicts(path: Path) -> list[tuple[Verdict, Where]]:
    (item,) = scan([path])
    assert isinstance(item, ScannedDocument), item
    return [(one.judgement.verdict, one.where) for one in item.findings]


def test_a_word_document_is_read_with_its_context(tmp_path: Path) -> None:
    path = make_docx(tmp_path)
    pictures = read_document(path).pictures
    first, second, header = pictures
    assert first.context.heading == "Walls of the town"
    assert first.context.nearby == "Beside the river."
    assert first.context.language == "en-us"
    assert second.context.caption == "Figure 1: a green wall"
    assert header.member == "word/header1.xml"
    assert first.width == pytest.approx(100 * 96 / 72, 0.5)
    assert verdicts(path) == [(Verdict.MISSING, Where.EMBEDDED)] * 3


def test_a_presentation_is_read_with_its_context(tmp_path: Path) -> None:
    path = make_pptx(tmp_path)
    document = read_document(path)
    linked, second, chart = document.pictures
    assert linked.context.heading == "Walls"
    assert linked.context.link == "https://example.org/"
    assert second.alt == "green.jpg"
    assert chart.drawing == "a chart"
    assert "drawn by the program" in locate(chart, document, path, tmp_path).problem  # no file is missing
    assert [verdict for verdict, _ in verdicts(path)] == [Verdict.FUNCTIONAL, Verdict.PLACEHOLDER, Verdict.TEXT]


def test_a_book_is_read_with_its_context(tmp_path: Path) -> None:
    path = make_epub(tmp_path)
    document = read_document(path)
    inside, _, gone = document.pictures
    assert inside.context.heading == "Walls"
    assert inside.context.nearby == "By the river"
    assert inside.context.language == "en"
    assert verdicts(path) == [
        (Verdict.MISSING, Where.EMBEDDED), (Verdict.MISSING, Where.REMOTE), (Verdict.PLACEHOLDER, Where.VANISHED)
    ]  # fmt: skip
    assert locate(inside, document, path, tmp_path).content == (tmp_path / "red.jpg").read_bytes()
    assert gone.line > 0


@pytest.mark.parametrize("kind", MAKERS)
def test_only_the_parts_with_alternative_text_change_and_undo_restores(tmp_path: Path, kind: str) -> None:
    path = MAKERS[kind](tmp_path)
    data = path.read_bytes()
    document = read_document(path)
    alts = {index: f'Wall "{index}" & <more> ☃' for index, picture in enumerate(document.pictures) if picture.slot}
    assert len(alts) == 3
    edits = write_alts(path, data, document, alts)
    new = apply_edits(data, edits)
    old_raw, new_raw = raw_members(data), raw_members(new)
    assert list(old_raw) == list(new_raw)
    changed = {name for name in old_raw if old_raw[name] != new_raw[name]}
    assert changed == {picture.member for picture in document.pictures}
    assert zipfile.ZipFile(io.BytesIO(new)).testzip() is None
    if kind == "epub":
        assert new[30:58] == b"mimetypeapplication/epub+zip"
    assert apply_edits(new, inverse_edits(data, edits)) == data


def test_a_part_of_which_no_text_changes_is_not_packed_anew(tmp_path: Path) -> None:
    path, buffer = make_docx(tmp_path), io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    data = buffer.getvalue()
    document = read_document(path, data)
    after = raw_members(apply_edits(data, document.edits({len(document.pictures) - 1: "A wall."})))
    assert {name for name, raw in raw_members(data).items() if after[name] != raw} == {"word/header1.xml"}


@pytest.mark.parametrize("kind", MAKERS)
def test_the_library_that_made_it_opens_it_again_and_sees_the_text(tmp_path: Path, kind: str) -> None:
    path = MAKERS[kind](tmp_path)
    data = path.read_bytes()
    (item,) = scan([path])
    assert isinstance(item, ScannedDocument)
    decisions = decide_confident(propose([item], ColourCaptioner()), "cafe")
    assert len(decisions) == {"docx": 2, "pptx": 0, "epub": 1}[kind]
    if kind == "pptx":
        from captionkit.alttext.write import Decision

        decisions = {item.findings[1].id: Decision("A man with a red wall behind him.", "person")}
    assert [error for _, _, error in write_documents([item], decisions)] == [""]
    assert "A man with a red wall behind him." in reopened(path, kind)
    assert [one.error for one in undo(open_sidecar(tmp_path))] == [""]
    assert path.read_bytes() == data


def reopened(path: Path, kind: str) -> list[str]:
    """The alternative texts that the other library sees."""
    texts: list[Any] = []
    if kind == "docx":
        import docx

        texts = [shape._inline.docPr.get("descr") for shape in docx.Document(str(path)).inline_shapes]
    elif kind == "pptx":
        import pptx

        shapes = pptx.Presentation(str(path)).slides[0].shapes
        texts = [shape._element.nvPicPr.cNvPr.get("descr") for shape in shapes if shape.shape_type == 13]
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from ebooklib import epub
            from lxml import etree

            book = epub.read_epub(str(path))
            page = book.get_item_with_href("text/one.xhtml")
            texts = [image.get("alt") for image in etree.fromstring(page.content).iter("{*}img")]
    return texts


def rezipped(data: bytes, change: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change.get(name, old.read(name)))
        for name in change.keys() - set(old.namelist()):
            new.writestr(name, change[name])
    return buffer.getvalue()


def docx_part(path: Path, body: str) -> tuple[Picture, ...]:
    """The pictures of a Word document with another body."""
    xml = (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?><w:document '
        'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:wp="wp" xmlns:a="a" '
        'xmlns:pic="pic" xmlns:r="r" xmlns:mc="mc" xmlns:v="urn:schemas-microsoft-com:vml" xmlns:d="d">'
        f"<w:body>{body}</w:body></w:document>"
    )
    return read_document(path, rezipped(path.read_bytes(), {"word/document.xml": xml.encode()})).pictures


def drawing(properties: str, inner: str = '<a:blip r:embed="rId9"/>') -> str:
    return f"<w:p><w:r><wp:inline><wp:docPr {properties}>{inner}</w:r></w:p>".replace(
        inner, f"</wp:docPr>{inner}</wp:inline>"
    )


def test_special_drawings_of_word(tmp_path: Path) -> None:
    path = make_docx(tmp_path)
    decorative = (
        '<w:p><w:r><wp:anchor><wp:docPr id="1" name="x"><a:extLst><d:decorative val="1"/></a:extLst></wp:docPr>'
        '<a:blip r:embed="rId9"/></wp:anchor></w:r></w:p>'
    )
    chart = drawing('id="2" descr=""', '<a:graphicData uri="http://x/drawingml/2006/chart"/>')
    text_box = drawing('id="3"', '<a:graphicData uri="http://x/wordprocessingShape"/>')
    old = '<w:p><w:r><v:shape alt="old picture here"><v:imagedata r:id="rId9"/></v:shape></w:r></w:p>'
    both = (
        "<mc:AlternateContent><mc:Choice>" + drawing('id="4"') + "</mc:Choice>"
        f"<mc:Fallback>{old}</mc:Fallback></mc:AlternateContent>"
    )
    link = '<w:hyperlink w:anchor="top"><w:r><w:t>Up</w:t></w:r>' + drawing('id="5"') + "</w:hyperlink>"
    linked = f"<w:p>{link}</w:p>"
    pictures = docx_part(path, decorative + chart + text_box + old + both + linked)[:-1]  # the header's is last
    assert [one.decorative for one in pictures] == [True, False, False, False, False]
    assert [one.drawing for one in pictures] == ["", "a chart", "", "", ""]
    assert pictures[2].alt == "old picture here"
    assert pictures[4].context.link == "#top"
    assert pictures[4].context.link_text == "Up"


def test_the_prefixes_of_a_word_document_are_its_own_affair(tmp_path: Path) -> None:
    """ElementTree writes ns0, ns1, ... when it writes a document that it has read."""
    path = make_docx(tmp_path)
    data = path.read_bytes()
    main = ElementTree.fromstring(zipfile.ZipFile(io.BytesIO(data)).read("word/document.xml"))
    path.write_bytes(rezipped(data, {"word/document.xml": ElementTree.tostring(main, "utf-8")}))
    document = read_document(path)
    assert document.pictures == tuple(
        replace(one, slot=other.slot)
        for one, other in zip(read_document(path, data).pictures, document.pictures, strict=True)
    )
    new = apply_edits(path.read_bytes(), write_alts(path, path.read_bytes(), document, {0: "A wall."}))
    assert read_document(path, new).pictures[0].alt == "A wall."
    strict = ElementTree.tostring(main).replace(
        b"http://schemas.openxmlformats.org/wordprocessingml/2006/main",
        b"http://purl.oclc.org/ooxml/wordprocessingml/main",
    )
    assert len(read_document(path, rezipped(data, {"word/document.xml": strict})).pictures) == 3


def test_a_signed_document_is_listed_but_not_written(tmp_path: Path) -> None:
    path = make_docx(tmp_path)
    signed = rezipped(path.read_bytes(), {"_xmlsignatures/sig1.xml": b"<s/>"})
    pictures = read_document(path, signed).pictures
    assert len(pictures) == len(read_document(path).pictures) > 0
    assert all(one.slot is None and "signed" in one.fixed for one in pictures)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.docx", b"no zip", "no zip archive"),
        ("a.epub", b"PK\x03\x04 cut", "no zip archive"),
        ("a.docx", rezipped(b"PK\x05\x06" + b"\0" * 18, {"x": b""}), "no Word document"),
        ("a.pptx", rezipped(b"PK\x05\x06" + b"\0" * 18, {"x": b""}), "no presentation"),
        ("a.epub", rezipped(b"PK\x05\x06" + b"\0" * 18, {"x": b""}), "META-INF/container.xml"),
        (
            "a.docx",
            rezipped(
                b"PK\x05\x06" + b"\0" * 18, {"word/document.xml": b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'}
            ),
            "entities",
        ),
    ],
)
def test_what_is_no_such_document_is_one_sentence(tmp_path: Path, name: str, data: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words) as error:
        read_document(tmp_path / name, data)
    assert name in str(error.value)
