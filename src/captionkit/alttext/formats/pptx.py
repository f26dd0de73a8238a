"""PPTX: pictures, charts and diagrams of the slides, with the slide's title and words."""

from __future__ import annotations

import re

from captionkit.alttext.formats.archive import Archive
from captionkit.alttext.formats.decoding import DecodedText
from captionkit.alttext.formats.ooxml import Drawing, inside_drawing, properties, to_pictures
from captionkit.alttext.formats.packed import PackedDocument
from captionkit.alttext.formats.pictures import Context, Picture, joined, squeeze
from captionkit.alttext.formats.xml_tags import MAX_XML_BYTES, local, read_xml
from captionkit.errors import DataError

_SLIDE = re.compile(r"ppt/slides/slide([0-9]+)\.xml")
_MAX_WORDS = 300
_FRAMES = ("pic", "graphicFrame")


def read_pptx(data: bytes) -> PackedDocument:
    """The pictures of a presentation, slide by slide in the order of their part names.

    Raises:
        DataError: no zip, no presentation, or beyond the bounds.
    """
    archive = Archive(data)
    if "ppt/presentation.xml" not in archive.members:
        raise DataError("it holds no ppt/presentation.xml, so it is no presentation.")
    numbered = ((_SLIDE.fullmatch(name), name) for name in archive.members)
    slides = sorted((len(match[1]), match[1], name) for match, name in numbered if match)  # 2 before 10
    pictures: list[Picture] = []
    texts: dict[str, DecodedText] = {}
    for _, _, part in slides:
        content = archive.read(part, MAX_XML_BYTES)
        reader = _SlideReader()
        encoding = read_xml(content, start=reader.start, end=reader.end, text=reader.text)
        texts[part], found = to_pictures(archive, part, content, encoding, reader.finish())
        pictures += found
    return PackedDocument(archive, tuple(pictures), texts)


class _SlideReader:
    def __init__(self) -> None:
        self._names: list[str] = []
        self._drawing: Drawing | None = None
        self._depth = 0  # of the drawing; an embedded table is a frame with a picture of it inside
        self._before: list[int] = []  # drawings done at the start of each open mc:AlternateContent
        self._skipped = 0  # elements open at the start of what is passed over
        self._done: list[Drawing] = []
        self._title: list[str] = []
        self._words: list[str] = []
        self._in_title = False
        self._language = ""

    def start(self, name: str, attributes: dict[str, str], offset: int) -> None:
        parent = self._names[-1] if self._names else ""
        short = local(name)
        self._names.append(short)
        if self._skipped:
            return
        if short == "AlternateContent":
            self._before.append(len(self._done))
        elif short == "Fallback" and self._before and len(self._done) > self._before[-1]:
            self._skipped = len(self._names)  # for older programs, once more what has been read
        elif short in _FRAMES:
            self._drawing = self._drawing or Drawing()
            self._depth += 1
        elif self._drawing is not None and short == "cNvPr":
            properties(self._drawing, attributes, offset)
        elif self._drawing is not None:
            inside_drawing(self._drawing, short, attributes, parent)
        elif short == "ph":
            self._in_title = attributes.get("type") in ("title", "ctrTitle")
        if short == "br":
            self._say(" ")
        if short in ("rPr", "endParaRPr") and not self._language:
            self._language = attributes.get("lang", "").lower()

    def end(self, name: str, offset: int) -> None:
        short = self._names.pop()
        if self._skipped:
            if len(self._names) < self._skipped:
                self._skipped = 0
        elif short == "AlternateContent":
            self._before.pop()
        elif short in _FRAMES:
            self._depth -= 1
            if self._depth == 0 and self._drawing is not None:
                self._done.append(self._drawing)
                self._drawing = None
        elif short == "sp":
            self._in_title = False
        elif short == "p":
            self._say(" ")

    def text(self, data: str) -> None:
        if self._names[-1] == "t" and "Fallback" not in self._names:
            self._say(data)

    def _say(self, text: str) -> None:
        (self._title if self._in_title else self._words).append(text)

    def finish(self) -> list[Drawing]:
        """All drawings, each with its context."""
        words = squeeze("".join(self._words))[:_MAX_WORDS]
        heading = joined("", self._title)
        for drawing in self._done:
            drawing.context = Context(heading=heading, nearby=words, language=self._language)
        return self._done
