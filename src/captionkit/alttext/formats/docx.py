"""DOCX: pictures of the text, its headers, footers and notes, with the paragraph and the heading around them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from captionkit.alttext.formats.archive import Archive
from captionkit.alttext.formats.decoding import DecodedText
from captionkit.alttext.formats.ooxml import (
    Drawing,
    attribute,
    inside_drawing,
    main_part,
    properties,
    read_relationships,
    to_pictures,
)
from captionkit.alttext.formats.packed import PackedDocument
from captionkit.alttext.formats.pictures import Context, Picture, joined
from captionkit.alttext.formats.xml_tags import MAX_XML_BYTES, elements, local, read_xml
from captionkit.errors import DataError

MAIN = "word/document.xml"
# The prefix "w" is a habit; the namespaces are of ECMA-376, transitional and strict.
_PARAGRAPHS = (
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main p",
    "http://purl.oclc.org/ooxml/wordprocessingml/main p",
)
_SHAPE = "urn:schemas-microsoft-com:vml shape"
_BREAKS = ("br", "cr", "tab")  # between words as a space is
_PARTS = ("header", "footer", "footnotes", "endnotes", "comments")


def read_docx(data: bytes) -> PackedDocument:
    """The pictures of a Word document.

    Raises:
        DataError: no zip, no Word document, or beyond the bounds.
    """
    archive = Archive(data)
    main = MAIN if MAIN in archive.members else main_part(archive)
    if main not in archive.members or not main.startswith("word/"):
        raise DataError(f"it holds no {MAIN}, so it is no Word document.")
    others = sorted(
        name
        for name in archive.members
        if name.startswith("word/") and name.endswith(".xml") and name[5:].startswith(_PARTS)
    )
    styles, language = _read_styles(archive)
    pictures: list[Picture] = []
    texts: dict[str, DecodedText] = {}
    for part in (main, *others):
        content = archive.read(part, MAX_XML_BYTES)
        reader = _PartReader(styles, language, read_relationships(archive, part))
        encoding = read_xml(content, start=reader.start, end=reader.end, text=reader.text, namespaces=True)
        texts[part], found = to_pictures(archive, part, content, encoding, reader.finish())
        pictures += found
    return PackedDocument(archive, tuple(pictures), texts)


@dataclass(slots=True)
class _Paragraph:
    style: str = ""
    text: list[str] = field(default_factory=list)
    drawings: list[Drawing] = field(default_factory=list)


class _PartReader:
    """Follows one part from start to end."""

    def __init__(self, styles: dict[str, str], language: str, relations: dict[str, tuple[str, bool]]) -> None:
        self._styles, self._language, self._relations = styles, language, relations
        self._names: list[str] = []
        self._open: list[_Paragraph] = []
        self._done: list[_Paragraph] = []
        self._drawings: list[Drawing] = []
        self._links: list[tuple[str, list[str]]] = []
        self._linked: list[tuple[Drawing, str, list[str]]] = []
        self._fallback = 0

    def start(self, name: str, attributes: dict[str, str], offset: int) -> None:
        parent = self._names[-1] if self._names else ""
        short = local(name)
        self._names.append(short)
        if short == "Fallback":
            self._fallback += 1
        if self._fallback:
            return
        if name in _PARAGRAPHS:
            self._open.append(_Paragraph())
        elif short == "pStyle" and self._open:
            self._open[-1].style = attribute(attributes, "val")
        elif short == "hyperlink":
            target = self._relations.get(attribute(attributes, "id"), ("", True))[0]
            self._links.append((target or f"#{attribute(attributes, 'anchor')}", []))
        elif short in _BREAKS:
            self._say(" ")
        elif short in ("inline", "anchor") or name == _SHAPE:
            self._open_drawing(name, attributes, offset)
        elif self._drawings:
            drawing = self._drawings[-1]
            if short == "docPr":
                properties(drawing, attributes, offset)
            elif short == "imagedata":
                drawing.embed = attribute(attributes, "id")
            else:
                inside_drawing(drawing, short, attributes, parent)

    def end(self, name: str, offset: int) -> None:
        short = self._names.pop()
        if short == "Fallback":
            self._fallback -= 1
            return
        if self._fallback:
            return
        if name in _PARAGRAPHS:
            self._done.append(self._open.pop())
        elif short == "hyperlink":
            self._links.pop()
        elif short in ("inline", "anchor") or name == _SHAPE:
            drawing = self._drawings.pop()
            if self._open:
                self._open[-1].drawings.append(drawing)

    def text(self, data: str) -> None:
        if not self._fallback and self._names[-1] == "t":
            self._say(data)

    def finish(self) -> list[Drawing]:
        """All drawings, each with its context."""
        heading = ""
        paragraphs = self._done
        found = []
        for number, paragraph in enumerate(paragraphs):
            style = self._style(paragraph)
            text = joined("", paragraph.text)
            if style.startswith(("heading", "title")) and text:
                heading = text
            following = paragraphs[number + 1] if number + 1 < len(paragraphs) else _Paragraph()
            caption = joined("", following.text) if self._style(following).startswith("caption") else ""
            for drawing in paragraph.drawings:
                drawing.context = Context(heading=heading, nearby=text, caption=caption, language=self._language)
                found.append(drawing)
        for drawing, target, pieces in self._linked:
            drawing.context = replace(drawing.context, link=target, link_text=joined("", pieces))
        return found

    def _say(self, text: str) -> None:
        if self._open:
            self._open[-1].text.append(text)
        if self._links:
            self._links[-1][1].append(text)

    def _open_drawing(self, name: str, attributes: dict[str, str], offset: int) -> None:
        drawing = Drawing()
        if name == _SHAPE:
            drawing.offset, drawing.attribute = offset, "alt"
            drawing.descr, drawing.title = attributes.get("alt"), attributes.get("title", "")
        self._drawings.append(drawing)
        if self._links:
            self._linked.append((drawing, *self._links[-1]))

    def _style(self, paragraph: _Paragraph) -> str:
        return self._styles.get(paragraph.style, paragraph.style).lower()


def _read_styles(archive: Archive) -> tuple[dict[str, str], str]:
    """Style id -> name (ids are translated in other languages' Word, names are not), and the default language."""
    member = "word/styles.xml"
    names: dict[str, str] = {}
    language = ""
    current = ""
    if member not in archive.members:
        return names, language
    for name, attributes in elements(archive.read(member, MAX_XML_BYTES), "style", "name", "lang"):
        if name == "style":
            current = attribute(attributes, "styleId")
        elif name == "name" and current:
            names.setdefault(current, attribute(attributes, "val"))
        elif name == "lang" and not language:
            language = attribute(attributes, "val").lower()
    return names, language
