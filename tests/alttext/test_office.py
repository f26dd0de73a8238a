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

from captionkit.alttext.documents import read_document, write_alts
from captionkit.alttext.pictures import Picture
from captionkit.alttext.propose import propose
from captionkit.alttext.scan import ScannedDocument, scan
from captionkit.alttext.sidecar import open_sidecar
from captionkit.alttext.sources import Where, locate
from captionkit.alttext.verdict import Verdict
from captionkit.alttext.write import decide_confident, undo, write_documents
from captionkit.byte_edits import apply_edits, inverse_edits
from captionkit.errors import DataError
from tests.alttext.fakes import ColourCaptioner, photograph
from tests.alttext.test_archive import raw_members


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
    linked, second, chart = read_document(path).pictures
    assert linked.context.heading == "Walls"
    assert linked.context.link == "https://example.org/"
    assert second.alt == "green.jpg"
    assert chart.drawing == "a chart"
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


def book(container: str, package: str, **pages: str) -> bytes:
    """A book of pages "OPS/NAME.xhtml", packed without more ado."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("META-INF/container.xml", container)
        archive.writestr("OPS/a b.opf", package)
        for name, page in pages.items():
            archive.writestr(f"OPS/{name}.xhtml", page)
    return buffer.getvalue()


CONTAINER = '<c:x xmlns:c="c"><c:rootfile full-path="OPS/a b.opf"/><c:rootfile full-path="b.opf"/></c:x>'


def test_pages_of_a_book_come_in_the_order_in_which_they_are_read(tmp_path: Path) -> None:
    kinds = {
        "one": "application/xhtml+xml",
        "two": "text/html",
        "three": "application/xhtml+xml",
        "css": "text/css",
    }
    items = "".join(
        f'<o:item id="{name}" href="{name}.xhtml" media-type="{kind}"/>' for name, kind in kinds.items()
    )
    for place in ("gone.xhtml", "//[x"):
        items += f'<o:item id="gone{len(place)}" href="{place}" media-type="text/html"/>'
    spine = "".join(
        f'<o:itemref idref="{name}"/>' for name in ("three", "gone10", "css", "nobody", "one", "three")
    )
    languages = "<d:title>de</d:title><d:language> pt-BR </d:language><d:language>en</d:language>"
    package = f'<o:package xmlns:o="o" xmlns:d="d">{languages}{items}<o:spine>{spine}</o:spine></o:package>'
    own = '<html xmlns="http://www.w3.org/1999/xhtml" lang="sv"><img src="a.png"/></html>'
    addresses = ["/img/a.png", "../a.png?b#c", "a%20b.png", "//host/a.png", "http://[x", "data:,x", "#a"]
    tags = "<p>" + "".join(f"<img src='{address}'>" for address in addresses)  # as no XML is written
    data = book(CONTAINER, package, one=own, two=tags, three="<html><img src='a.png'/></html>", css=tags)
    pictures = read_document(tmp_path / "a.epub", data).pictures
    members = [f"OPS/{name}.xhtml" for name in ("three", "one", "two")]
    assert list(dict.fromkeys(picture.member for picture in pictures)) == members
    assert [picture.context.language for picture in pictures[:3]] == ["pt-br", "sv", "pt-br"]
    assert [picture.embedded for picture in pictures[2:]] == ["img/a.png", "a.png", "OPS/a b.png", "", "", "", ""]


def test_a_book_that_names_no_package_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="names no package document"):
        read_document(tmp_path / "a.epub", book("<container/>", ""))


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


def test_a_break_in_a_heading_stands_between_words(tmp_path: Path) -> None:
    path = make_docx(tmp_path)
    words = "<w:r><w:t>Walls</w:t><w:br/><w:t>of</w:t><w:tab/><w:t>Rome</w:t><w:cr/><w:t>now</w:t></w:r>"
    heading = f'<w:p><w:pPr><w:pStyle w:val="Heading1"/><w:tabs><w:tab/></w:tabs></w:pPr>{words}</w:p>'
    link = f'<w:p><w:hyperlink w:anchor="top">{words}{drawing("")}</w:hyperlink></w:p>'
    context = docx_part(path, heading + link)[0].context
    assert context.heading == context.link_text == "Walls of Rome now"
    deck = slide(tmp_path, f"<p:sp><p:nvPr><p:ph type='title'/></p:nvPr>{BROKEN}</p:sp><p:sp>{BROKEN}</p:sp>{PIC}")
    assert [(one.context.heading, one.context.nearby) for one in deck] == [("Dogs and cats", "Dogs and cats")]


BROKEN = "<a:p><a:r><a:t>Dogs</a:t></a:r><a:br/><a:r><a:t>and cats</a:t></a:r></a:p>"
PIC = '<p:pic><p:nvPicPr><p:cNvPr id="1" descr="A wall"/></p:nvPicPr><a:blip r:embed="r1"/></p:pic>'


def slide(folder: Path, body: str) -> tuple[Picture, ...]:
    """The pictures of a presentation whose first slide has another body."""
    path = make_pptx(folder)
    spaces = 'xmlns:p="p" xmlns:a="a" xmlns:r="r" xmlns:mc="mc"'
    xml = f"<p:sld {spaces}><p:cSld><p:spTree>{body}</p:spTree></p:cSld></p:sld>"
    return read_document(path, rezipped(path.read_bytes(), {"ppt/slides/slide1.xml": xml.encode()})).pictures


def choice(first: str, other: str) -> str:
    both = f"<mc:Choice>{first}</mc:Choice><mc:Fallback>{other}</mc:Fallback>"
    return f"<mc:AlternateContent>{both}</mc:AlternateContent>"


def test_an_embedded_table_of_a_slide_has_the_text_that_powerpoint_shows(tmp_path: Path) -> None:
    """The text stands at the frame; the picture inside, of the table as it looks, has properties of its own."""
    inner = PIC.replace(' descr="A wall"', ' name=""')
    for held in (inner, choice("<p:oleObj/>", f"<p:oleObj>{inner}</p:oleObj>")):
        frame = f'<p:graphicFrame><p:cNvPr id="4" descr="Sums by year"/><a:graphicData uri="x/ole">{held}'
        pictures = slide(tmp_path, f"{frame}</a:graphicData></p:graphicFrame>{PIC}")
        assert [one.alt for one in pictures] == ["Sums by year", "A wall"]
        assert pictures[0].source == pictures[1].source


def test_what_a_slide_shows_to_older_programs_is_not_listed_again(tmp_path: Path) -> None:
    chart = PIC.replace("p:pic>", "p:graphicFrame>").replace("A wall", "Sums")
    again = PIC.replace("A wall", "") + "<p:sp><a:p><a:r><a:t>Old</a:t></a:r></a:p></p:sp>"
    assert [one.alt for one in slide(tmp_path, choice(chart, again) + PIC)] == ["Sums", "A wall"]
    ink = slide(tmp_path, choice("<p:contentPart/>", again + PIC) + PIC)  # which is read nowhere else
    assert [one.alt for one in ink] == [None, "A wall", "A wall"]
    assert {one.context.nearby for one in ink} == {""}
    nested = choice(choice(chart, again), again + choice(again, again)) + PIC
    assert [one.alt for one in slide(tmp_path, nested)] == ["Sums", "A wall"]


def test_slides_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    path = make_pptx(tmp_path)
    names = ["10", "9", "2", "x", "\u00b2", "7" * 5000]
    xml = f'<p:sld xmlns:p="p" xmlns:a="a" xmlns:r="r">{PIC}</p:sld>'.encode()
    slides = {f"ppt/slides/slide{name}.xml": xml for name in names} | {"ppt/slidesX/slide3.xml": xml}
    members = [one.member for one in read_document(path, rezipped(path.read_bytes(), slides)).pictures]
    assert [name[16:-4] for name in dict.fromkeys(members)] == ["1", "2", "9", "10", "7" * 5000]


def test_the_words_of_a_slide_and_their_language(tmp_path: Path) -> None:
    text = '<p:sp>{}<a:p><a:r><a:rPr lang="{}"/><a:t>{}</a:t></a:r><a:fld lang="x"/></a:p></p:sp>'
    title = text.format('<p:nvPr><p:ph type="ctrTitle"/></p:nvPr>', "de-AT", "W\u00e4nde")
    other = text.format('<p:nvPr><p:ph type="body"/></p:nvPr>', "en-US", "x" * 400)
    (one,) = slide(tmp_path, f'<p:sp lang="fr"/>{title}{other}{PIC}')
    assert (one.context.heading, one.context.nearby) == ("W\u00e4nde", "x" * 300)
    assert one.context.language == "de-at"
    (one,) = slide(tmp_path, f'<p:sp><a:p><a:endParaRPr lang="sv"/></a:p></p:sp>{title}<p:sp>{BROKEN}</p:sp>{PIC}')
    assert (one.context.language, one.context.nearby) == ("sv", "Dogs and cats")


def test_a_size_beyond_all_bounds_is_none(tmp_path: Path) -> None:
    (one,) = slide(tmp_path, PIC.replace("</p:pic>", f'<a:ext cx="{"9" * 5000}" cy="\u00b2"/></p:pic>'))
    assert (one.width, one.height) == (None, None)


def test_a_picture_that_turns_the_slide_is_a_control(tmp_path: Path) -> None:
    def links(action: str) -> list[str | None]:
        click = f'descr="A wall"><a:hlinkClick r:id="" action="ppaction://{action}"/></p:cNvPr>'
        return [one.context.link for one in slide(tmp_path, PIC.replace('descr="A wall"/>', click))]

    assert links("hlinkshowjump?jump=nextslide") == ["ppaction://hlinkshowjump?jump=nextslide"]
    assert links("media") == links("noaction") == [None]


def test_the_main_part_of_a_word_document_may_have_another_name(tmp_path: Path) -> None:
    """Word for the web calls it document2.xml."""
    data = make_docx(tmp_path).read_bytes()
    moved = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(moved, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "_rels/.rels":
                content = content.replace(b'"word/document.xml"', b'"/word/document2.xml"')
            new.writestr(name.replace("document.xml", "document2.xml"), content)
    pictures = read_document(tmp_path / "a.docx", moved.getvalue()).pictures
    assert [one.member for one in pictures] == ["word/document2.xml", "word/document2.xml", "word/header1.xml"]
    assert pictures[0].source == "word/media/image1.jpg"
    deck = make_pptx(tmp_path).read_bytes()
    with pytest.raises(DataError, match="no Word document"):
        read_document(tmp_path / "a.docx", deck)


def add_relations(path: Path) -> None:
    """Relations "out", to a picture elsewhere, and "emf", to one that a program has drawn."""
    rels = zipfile.ZipFile(path).read("word/_rels/document.xml.rels").decode()
    out = '<Relationship Id="out" Target="https://example.org/a" TargetMode="External"/>'
    emf = '<Relationship Id="emf" Target="/word/media/x/../sums.EMF"/></Relation'
    changed = rels.replace("</Relation", out + emf).encode()
    path.write_bytes(rezipped(path.read_bytes(), {"word/_rels/document.xml.rels": changed}))


def test_pictures_of_word_that_are_linked_drawn_or_gone(tmp_path: Path) -> None:
    path = make_docx(tmp_path)
    add_relations(path)
    sized = '<wp:extent cx="952500" cy="1905000"/><a:ext cx="1" cy="1"/><a:ext uri="x"/><a:ext cx="-1"/>'
    linked = drawing('title=" My\n house "', f'{sized}<a:blip r:link="out"/><a:blip r:embed="emf"/>')
    drawn = drawing('descr=" Our\n sums "', '<a:ext uri="x"/><a:ext cx="9525" cy="-1"/><a:blip r:embed="emf"/>')
    decorative = '<wp:docPr><d:decorative val="True"/></wp:docPr><a:blip r:embed="none"/>'
    gone = f"<w:p><w:r><wp:anchor>{decorative}</wp:anchor></w:r></w:p>"
    body = (
        linked
        + drawn
        + gone
        + drawing("", "<a:x/>")
        + drawing("", '<a:blip r:embed="emf"/>').replace("docPr", "x")
    )
    first, second, third = docx_part(path, body)[:-1]
    assert (first.source, first.embedded, first.title) == ("https://example.org/a", "", "My house")
    assert (first.width, first.height, first.alt, first.line) == (100.0, 200.0, None, 0)
    assert (second.source, second.embedded) == ("word/media/sums.EMF", "word/media/sums.EMF")
    assert (second.drawing, second.alt) == ("a drawing (metafile)", "Our sums")
    assert (second.width, second.height) == (1.0, None)
    assert (third.source, third.embedded, third.decorative) == ("none", "", True)


def test_links_and_headings_of_word(tmp_path: Path) -> None:
    path = make_docx(tmp_path)
    add_relations(path)
    linked = f'<w:p><w:hyperlink r:id="out"><w:r><w:t>More</w:t></w:r>{drawing("")}</w:hyperlink></w:p>'
    clicked = drawing("").replace("</wp:docPr>", '<a:hlinkClick r:id="out"/></wp:docPr>')
    inner = drawing("").replace("</wp:inline>", '<pic:x><a:hlinkClick r:id="out"/></pic:x></wp:inline>')
    empty = '<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr></w:p>'
    heading = empty.replace("</w:p>", "<w:r><w:t>Our\n  walls</w:t></w:r></w:p>")
    shown = f"<mc:Fallback><w:t>Old</w:t><w:hyperlink/></mc:Fallback><w:t>New</w:t>{drawing('')}"
    pictures = docx_part(path, heading + empty + linked + clicked + inner + f"<w:p>{shown}</w:p>")[:-1]
    assert [one.context.link for one in pictures] == ["https://example.org/a"] * 2 + [None, None]
    assert [one.context.link_text for one in pictures] == ["More", "", "", ""]
    assert {one.context.heading for one in pictures} == {"Our walls"}
    assert (
        docx_part(path, f"<w:p>{shown}</w:p>".replace(drawing(""), drawing("")[5:-6]))[0].context.nearby == "New"
    )


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
