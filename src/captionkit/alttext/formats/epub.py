"""EPUB: the XHTML pages of a book in reading order, each picture a member of the archive."""

from __future__ import annotations

import posixpath
import urllib.parse
from dataclasses import replace

from captionkit.alttext.formats.archive import Archive
from captionkit.alttext.formats.decoding import DecodedText
from captionkit.alttext.formats.packed import PackedDocument
from captionkit.alttext.formats.pictures import Picture
from captionkit.alttext.formats.xhtml import read_page
from captionkit.alttext.formats.xml_tags import MAX_XML_BYTES, elements, local, read_xml
from captionkit.errors import DataError

_PAGES = ("application/xhtml+xml", "text/html")


def read_epub(data: bytes) -> PackedDocument:
    """The pictures of a book, page by page in the order of its spine.

    Raises:
        DataError: no zip, no package document, or beyond the bounds.
    """
    archive = Archive(data)
    pages, language = _read_package(archive)
    pictures: list[Picture] = []
    texts: dict[str, DecodedText] = {}
    for name in pages:
        page = read_page(archive.read(name, MAX_XML_BYTES))
        texts[name] = page.decoded
        for picture in page.pictures:
            context = picture.context
            if not context.language:
                context = replace(context, language=language)
            embedded = _member(picture.source, name)
            pictures.append(replace(picture, member=name, context=context, embedded=embedded))
    return PackedDocument(archive, tuple(pictures), texts)


def _read_package(archive: Archive) -> tuple[list[str], str]:
    """The names of the pages, those of the spine first, and the language of the book."""
    roots = elements(archive.read("META-INF/container.xml", MAX_XML_BYTES), "rootfile")
    package = next((path for _, attributes in roots if (path := attributes.get("full-path"))), "")
    if not package:
        raise DataError("its META-INF/container.xml names no package document.")
    items: dict[str, str] = {}
    spine: list[str] = []
    language: list[str] = []
    inside = ""

    def start(name: str, attributes: dict[str, str], offset: int) -> None:
        nonlocal inside
        inside = local(name)
        if inside == "item" and attributes.get("media-type") in _PAGES:
            items[attributes.get("id", "")] = _join(package, attributes.get("href", ""))
        elif inside == "itemref":
            spine.append(attributes.get("idref", ""))

    def end(name: str, offset: int) -> None:
        nonlocal inside
        inside = ""

    def text(piece: str) -> None:
        if inside == "language":
            language.append(piece)

    read_xml(archive.read(package, MAX_XML_BYTES), start=start, end=end, text=text)
    ordered = [*(items[identity] for identity in spine if identity in items), *items.values()]
    pages = [name for name in dict.fromkeys(ordered) if name in archive.members]
    return pages, (" ".join(language).split() or [""])[0].lower()


def _member(source: str, page: str) -> str:
    """The member that an address on a page names; empty for addresses that lead out of the book."""
    try:
        parts = urllib.parse.urlsplit(source.strip())
    except ValueError:
        return ""
    if parts.scheme or parts.netloc or not parts.path:
        return ""
    return _join(page, parts.path)


def _join(base: str, address: str) -> str:
    try:
        path = urllib.parse.unquote(urllib.parse.urlsplit(address).path)
    except ValueError:  # "//[x"
        return ""
    if path.startswith("/"):
        return posixpath.normpath(path.lstrip("/"))
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), path))
