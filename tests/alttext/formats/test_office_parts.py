"""Slides, parts of Word documents and pages of books as programs write them, down to their XML."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from captionkit.alttext.formats.documents import read_document
from captionkit.alttext.formats.pictures import Picture
from captionkit.errors import DataError
from tests.alttext.formats.test_office import docx_part, drawing, make_docx, make_pptx, rezipped
from tests.pace import expect_linear

CONTAINER = '<c:x xmlns:c="c"><c:rootfile full-path="OPS/a b.opf"/><c:rootfile full-path="b.opf"/></c:x>'
BROKEN = "<a:p><a:r><a:t>Dogs</a:t></a:r><a:br/><a:r><a:t>and cats</a:t></a:r></a:p>"
PIC = '<p:pic><p:nvPicPr><p:cNvPr id="1" descr="A wall"/></p:nvPicPr><a:blip r:embed="r1"/></p:pic>'


def book(container: str, package: str, **pages: str) -> bytes:
    """A book of pages "OPS/NAME.xhtml", packed without more ado."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("META-INF/container.xml", container)
        archive.writestr("OPS/a b.opf", package)
        for name, page in pages.items():
            archive.writestr(f"OPS/{name}.xhtml", page)
    return buffer.getvalue()


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


def test_a_book_that_lists_pages_without_end_is_read_soon() -> None:
    item = '<item id="{0}" href="{0}" media-type="text/html"/><itemref idref="{0}"/>'

    def read(number: int) -> None:
        package = f"<package>{''.join(map(item.format, range(number)))}</package>"
        assert read_document(Path("a.epub"), book(CONTAINER, package)).pictures == ()

    expect_linear(read, 40_000)


def test_a_book_that_names_no_package_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="names no package document"):
        read_document(tmp_path / "a.epub", book("<container/>", ""))


def test_a_style_is_known_by_its_id_alone_and_the_first_language_is_the_documents(tmp_path: Path) -> None:
    path = make_docx(tmp_path)
    names = (
        '<w:style><w:name w:val="heading 1"/></w:style><w:style w:styleId="Kopf"><w:name w:val="Title"/></w:style>'
    )
    styles = f'<w:styles xmlns:w="w"><w:lang w:val="de-AT"/><w:lang w:val="en-US"/>{names}</w:styles>'
    path.write_bytes(rezipped(path.read_bytes(), {"word/styles.xml": styles.encode()}))
    title = '<w:p><w:pPr><w:pStyle w:val="Kopf"/></w:pPr><w:r><w:t>Walls</w:t></w:r></w:p>'
    context = docx_part(path, f"{title}<w:p><w:r><w:t>Beside</w:t></w:r></w:p>{drawing('')}")[0].context
    assert (context.heading, context.language) == ("Walls", "de-at")


def test_a_break_in_a_heading_stands_between_words(tmp_path: Path) -> None:
    path = make_docx(tmp_path)
    words = "<w:r><w:t>Walls</w:t><w:br/><w:t>of</w:t><w:tab/><w:t>Rome</w:t><w:cr/><w:t>now</w:t></w:r>"
    heading = f'<w:p><w:pPr><w:pStyle w:val="Heading1"/><w:tabs><w:tab/></w:tabs></w:pPr>{words}</w:p>'
    link = f'<w:p><w:hyperlink w:anchor="top">{words}{drawing("")}</w:hyperlink></w:p>'
    context = docx_part(path, heading + link)[0].context
    assert context.heading == context.link_text == "Walls of Rome now"
    deck = slide(tmp_path, f"<p:sp><p:nvPr><p:ph type='title'/></p:nvPr>{BROKEN}</p:sp><p:sp>{BROKEN}</p:sp>{PIC}")
    assert [(one.context.heading, one.context.nearby) for one in deck] == [("Dogs and cats", "Dogs and cats")]


def test_what_many_drawings_of_word_share_is_bounded(tmp_path: Path) -> None:
    words = f"<w:r><w:t>{'words ' * 2_000}</w:t></w:r>"
    heading = f'<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr>{words}</w:p>'
    link = f'<w:p><w:hyperlink w:anchor="top">{words}{drawing("") * 3}</w:hyperlink></w:p>'
    for picture in docx_part(make_docx(tmp_path), heading + link)[:3]:
        assert picture.context.link_text.startswith("words words")
        assert len(str(picture.context)) < 4_000


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
    twice = f'<p:sp><a:p><a:endParaRPr lang="sv"/></a:p></p:sp>{title}<p:sp>{BROKEN}{BROKEN}</p:sp>{PIC}'
    (one,) = slide(tmp_path, twice)
    assert (one.context.language, one.context.nearby) == ("sv", "Dogs and cats Dogs and cats")


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
