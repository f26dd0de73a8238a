"""Pictures in source code: JSX, and the components of Vue, Svelte and Astro.

The scanner's tags go to the builder that reads pages, so links, figures and headings count as they do there.
Components are what their names say: `<Link to="/x">` is a link, `<Image src="a.png" />` a picture.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace

from captionkit.alttext.formats.attributes import StartTag
from captionkit.alttext.formats.code_tags import Sink, scan_tags
from captionkit.alttext.formats.component_values import (
    ASTRO,
    Dialect,
    Value,
    address,
    component_name,
    is_picture_name,
    literal,
    place_alt,
    read_values,
)
from captionkit.alttext.formats.context import ContextBuilder
from captionkit.alttext.formats.decoding import TextDocument, decode_utf8
from captionkit.alttext.formats.html import nameless
from captionkit.alttext.formats.lines import LineIndex, in_order
from captionkit.alttext.formats.pictures import Placed
from captionkit.alttext.formats.script_text import not_rebound, read_imports
from captionkit.errors import DataError

# A file without any of these has no picture, and is not read further: most scripts are such.
_MAY_HAVE_PICTURES = re.compile(r"<[\w$.:-]{0,99}(?:img|image|figure|picture|input|area)\b|role\s*=", re.I)
_FRONT_MATTER = re.compile(r"\s*---[ \t]*\r?\n")
_FRONT_MATTER_END = re.compile(r"^---", re.M)
_SHOWN_CHARACTERS = 200  # of an expression among text
_SHOWS_NOTHING = ("#", ":", "/", "@const", "@debug", "@attach")  # blocks and tags of Svelte, comments
# Attributes that stand for nothing where only the program knows them.
_MUST_BE_KNOWN = frozenset(["lang", "id", "role", "type", "width", "height", "aria-hidden"])


def read_source_code(data: bytes, dialect: Dialect, *, certain: bool = True) -> TextDocument:
    """The pictures of a file of source code.

    Args:
        data: the file.
        dialect: its language.
        certain: whether it surely is of that language. If not, a file that cannot be followed, and in which no
            picture was found until then, is one without pictures: most `.js` is no JSX.

    Raises:
        DataError: its code cannot be followed.
    """
    decoded = decode_utf8(data)
    text = decoded.text
    if _MAY_HAVE_PICTURES.search(text) is None:
        return TextDocument(decoded, ())
    collector = _Collector(text, dialect)
    start, imports = _front_matter(text) if dialect is ASTRO else (0, {})
    try:
        imports |= scan_tags(text, dialect, collector, start)
    except DataError:
        if certain or collector.builder.found:
            raise
        return TextDocument(decoded, ())
    return TextDocument(decoded, in_order(LineIndex(text), collector.pictures(imports)))


def _front_matter(text: str) -> tuple[int, dict[str, str]]:
    """Where the page of an Astro component begins, and what the script before it imports."""
    begin = _FRONT_MATTER.match(text)
    end = _FRONT_MATTER_END.search(text, begin.end()) if begin is not None else None
    if begin is None or end is None:
        return 0, {}
    return end.end(), read_imports(text, begin.end(), end.start())


class _Collector(Sink):
    """Takes the tags of a scan, and makes pictures of them."""

    def __init__(self, text: str, dialect: Dialect) -> None:
        self._text, self._dialect = text, dialect
        self._names: list[str] = []
        self._tags: dict[int, tuple[StartTag, dict[str, Value]]] = {}
        self.builder = ContextBuilder()

    def start(self, tag: StartTag) -> None:
        values = read_values(self._text, tag, self._dialect)
        name = _element_name(tag.name, values)
        attributes = {
            key: value.shown
            for key, value in values.items()
            if not value.absent and (value.known is not None or key not in _MUST_BE_KNOWN)
        }
        if name == "a" and "to" in attributes:
            attributes.setdefault("href", attributes["to"])
        known = len(self.builder.found)
        # A component is part of a page, and other files hold the rest of it: its root settles nothing.
        self.builder.start(name, attributes, None if name in ("html", "body") else tag.start)
        if len(self.builder.found) > known:
            self._tags[tag.start] = (tag, values)
        self._names.append(name)

    def end(self) -> None:
        self.builder.end(self._names.pop())

    def text(self, data: str) -> None:
        self.builder.text(html.unescape(data))

    def expression(self, code: str) -> None:
        code = code.strip()
        text = literal(code)
        if text is not None:
            self.builder.text(text)
        elif not code.startswith(_SHOWS_NOTHING):
            self.builder.text(f"{{{code[:_SHOWN_CHARACTERS]}}}")

    def pictures(self, imports: dict[str, str]) -> Iterator[Placed]:
        """The pictures of a finished scan."""
        imports = not_rebound(imports, self._text)
        for found, picture in self.builder.pictures():
            picture = replace(picture, source=address(picture.source, imports))
            tag, values = self._tags[found.offset]
            if fixed := nameless(found.name):
                yield found.offset, replace(picture, fixed=fixed)
            else:
                yield found.offset, place_alt(picture, self._text, tag, self._dialect, values)


def _element_name(name: str, values: dict[str, Value]) -> str:
    """The element of HTML that a tag stands for, as far as its name says so."""
    component = component_name(name)
    if component in ("img", "Img") or ("src" in values and is_picture_name(name)):
        return "img"
    if component.endswith("Link") and ("href" in values or "to" in values):
        return "a"
    if component.endswith("Button"):
        return "button"
    return "#template" if name == "template" else name  # a Vue one is shown
