"""XML in untrusted files: start tags with their places, nothing expanded, nothing fetched.

expat reads; entity declarations are refused (so no entity grows), and the external part of a document type is
taken as empty (so `&nbsp;` of XHTML is passed over).
"""

from __future__ import annotations

from collections.abc import Callable
from xml.parsers import expat

from captionkit.errors import DataError

MAX_DEPTH = 1_000  # real documents stay below 100
MAX_XML_BYTES = 64_000_000

Start = Callable[[str, dict[str, str], int], None]


def local(name: str) -> str:
    """An element's or attribute's name without its prefix or namespace."""
    return name.rsplit(" ", 1)[-1].rsplit(":", 1)[-1]


def elements(data: bytes, *names: str) -> list[tuple[str, dict[str, str]]]:
    """The elements that have one of these names without their prefixes, in order, each with its attributes.

    Raises:
        DataError: as `read_xml`.
    """
    found = []

    def start(name: str, attributes: dict[str, str], offset: int) -> None:
        if local(name) in names:
            found.append((local(name), attributes))

    read_xml(data, start=start)
    return found


def read_xml(
    data: bytes,
    *,
    start: Start,
    end: Callable[[str, int], None] | None = None,
    text: Callable[[str], None] | None = None,
    namespaces: bool = False,
) -> str:
    """Send the elements of an XML document to handlers.

    Args:
        data: the document.
        start: called with name, attributes and the byte offset of `<`.
        end: if given, called with name and the byte offset of `</`; of an empty element (`<a/>`), that behind it.
        text: if given, called with pieces of text.
        namespaces: names and attribute names come as "URI name" instead of as written.

    Returns:
        The encoding that the document declares, "utf-8" where it declares none.

    Raises:
        DataError: not well-formed, too deep, too large, or with entity declarations. The message begins with
            a small letter, to be put behind the file's name.
    """
    if len(data) > MAX_XML_BYTES:
        raise DataError(f"its XML has {len(data):,} bytes, more than the {MAX_XML_BYTES:,} that are read.")
    parser = expat.ParserCreate(namespace_separator=" " if namespaces else None)
    parser.buffer_text = True
    depth = 0
    encoding = "utf-8"

    def on_start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_DEPTH:
            raise DataError(f"its elements are nested more than {MAX_DEPTH} deep.")
        start(name, attributes, parser.CurrentByteIndex)

    def on_end(name: str) -> None:
        nonlocal depth
        depth -= 1
        if end is not None:
            end(name, parser.CurrentByteIndex)

    def on_entity(*_: object) -> None:
        raise DataError("it declares XML entities, which are refused.")

    def on_declaration(version: str, declared: str | None, standalone: int) -> None:
        nonlocal encoding
        encoding = declared or encoding

    parser.StartElementHandler = on_start
    parser.EndElementHandler = on_end
    if text is not None:
        parser.CharacterDataHandler = text
    parser.EntityDeclHandler = on_entity
    parser.XmlDeclHandler = on_declaration
    parser.UseForeignDTD(True)  # for `&nbsp;`; without a handler nothing is fetched
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        what = expat.errors.messages[error.code]
        raise DataError(f"its XML is not well-formed (line {error.lineno}: {what}).") from None
    return encoding
