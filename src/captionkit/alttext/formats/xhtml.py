"""XHTML: pages that are XML, as in EPUB books.

Under the rules of HTML a `<title/>` or `<script/>` would swallow the rest of such a page, so an XML parser
reads them.
"""

from __future__ import annotations

from dataclasses import replace

from captionkit.alttext.formats.context import ContextBuilder
from captionkit.alttext.formats.decoding import DecodedText, TextDocument, decode_declared
from captionkit.alttext.formats.html import read_html, with_slots
from captionkit.alttext.formats.lines import LineIndex, in_order
from captionkit.alttext.formats.xml_tags import local, read_xml
from captionkit.errors import DataError


def read_xhtml(data: bytes) -> TextDocument:
    """The pictures of an XHTML page.

    Raises:
        DataError: not well-formed, or with entity declarations.
    """
    builder = ContextBuilder()

    def start(name: str, attributes: dict[str, str], offset: int) -> None:
        builder.start(local(name).lower(), attributes, offset)

    encoding = read_xml(
        data, start=start, end=lambda name, offset: builder.end(local(name).lower()), text=builder.text
    )
    decoded = decode_declared(data, encoding)
    offsets = character_offsets(decoded, [found.offset for found in builder.found])
    builder.found = [replace(found, offset=at) for found, at in zip(builder.found, offsets, strict=True)]
    pictures = in_order(LineIndex(decoded.text), with_slots(decoded.text, builder))
    return TextDocument(decoded, pictures, builder.base)


def read_page(data: bytes) -> TextDocument:
    """A page that should be XHTML; one that is not well-formed is shown by browsers as HTML when served so."""
    try:
        return read_xhtml(data)
    except DataError:
        return read_html(data)


def character_offsets(decoded: DecodedText, places: list[int]) -> list[int]:
    """Byte offsets of the file, in rising order, as offsets into its text."""
    data = decoded.text.encode(decoded.encoding, "surrogateescape")
    offsets: list[int] = []
    seen, characters = 0, 0
    for place in places:
        at = place - decoded.mark
        characters += len(data[seen:at].decode(decoded.encoding, "surrogateescape"))
        seen = at
        offsets.append(characters)
    return offsets
