"""HTML: pictures of a page through a full HTML5 parser, edited by the places of their attributes.

`justhtml` builds the tree that browsers build (so links, figures and headings are what a reader meets) and says
at which character each start tag began; `attributes` finds `alt` inside that tag.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import replace
from typing import Any

from captionkit.alttext.formats.attributes import StartTag, attribute_slot, read_start_tag
from captionkit.alttext.formats.component_values import ALL_BOUND, bound_name
from captionkit.alttext.formats.components import find_inclusions, without_unread
from captionkit.alttext.formats.context import FILLED_IN, PARTLY_WRITTEN, TEMPLATE_MARKS, ContextBuilder, Found
from captionkit.alttext.formats.decoding import TextDocument, decode_declared
from captionkit.alttext.formats.lines import LineIndex, in_order
from captionkit.alttext.formats.pictures import Picture, Placed
from captionkit.errors import UsageError

# The names by which other frameworks bind `alt`: Angular, AngularJS, Thymeleaf.
_BOUND = re.compile(r"\[(?:attr\.)?alt\]|bind-(?:attr\.)?alt|(?:data-)?(?:th[:-]alt(?:-title)?|ng-attr-alt)", re.I)
# Attributes that bind others, `alt` among them where their value names it: Knockout, Thymeleaf, TAL.
_BINDERS = re.compile(r"data-bind|(?:data-)?th[:-]attr(?:append|prepend)?|(?:data-)?tal[:-]attributes", re.I)
_NAMES_ALT = re.compile(r"(?<![\w-])alt(?![\w-])")
_SNIFFED_BYTES = 1024  # the HTML Standard's bound for finding a `meta` that declares the encoding
_COMMENT = re.compile(rb"<!--.*?-->", re.S)
_CHARSET = re.compile(rb"<meta\s[^<>]*?\bcharset\s*=\s*[\"']?\s*([\w.:+-]+)", re.I)
# The encodings of browsers, by Python's names, and those for which the Encoding Standard takes others.
_ENCODING = re.compile(
    r"utf-8|cp(?:866|874|932|949|125\d)|iso8859-\d+|koi8-[ru]|mac-(?:roman|cyrillic)|tis-620|gbk|gb18030|big5\w*|euc_jp|"
    r"iso2022_jp"
)
_TAKEN_FOR = {
    "iso8859-1": "cp1252", "iso8859-9": "cp1254", "gb2312": "gbk", "shift_jis": "cp932", "euc_kr": "cp949",
    "utf-16": "utf-8", "utf-16-le": "utf-8", "utf-16-be": "utf-8",
}  # fmt: skip


def read_html(data: bytes) -> TextDocument:
    """The pictures of an HTML page.

    Raises:
        UsageError: the extra `captionkit[alt]` is not installed.
        DataError: the encoding cannot be worked with.
    """
    decoded = decode_declared(data, _declared(data))
    return TextDocument(decoded, *find_pictures(decoded.text))


def _declared(data: bytes) -> str:
    """The encoding that a page declares, by Python's name; that of Western Europe where it declares none."""
    found = _CHARSET.search(_COMMENT.sub(b"", data[:_SNIFFED_BYTES]))
    try:
        name = codecs.lookup(found[1].decode("ascii").lower().removeprefix("x-")).name if found is not None else ""
    except LookupError:
        name = ""
    name = _TAKEN_FOR.get(name, name)
    return name if _ENCODING.fullmatch(name) else "cp1252"


def find_pictures(text: str) -> tuple[tuple[Picture, ...], str]:
    """The pictures of a page's text, and its `base` address (empty where it has none)."""
    placed, base = find_elements(text)
    return in_order(LineIndex(text), placed + find_inclusions(without_unread(text))), base


def find_elements(text: str) -> tuple[list[Placed], str]:
    """The pictures that are elements of HTML, and the `base` address."""
    builder = ContextBuilder()
    # A lone U+FEFF at the start would be dropped by the parser and shift every place.
    shift = 1 if text.startswith("\ufeff") else 0
    document = _parser()(
        without_unread(text[shift:]), sanitize=False, track_node_locations=True, scripting_enabled=False
    )
    _walk(document.root, builder, shift)
    return with_slots(text, builder), builder.base


def with_slots(text: str, builder: ContextBuilder) -> list[Placed]:
    """The pictures of a finished builder with their slots in `text`."""
    return [(found.offset, _with_slot(text, found, picture)) for found, picture in builder.pictures()]


def nameless(name: str) -> str:
    """Why an element does not take its name from `alt`; empty where it does."""
    if name == "image":
        return "an SVG image takes its name from aria-label or title, not from alt"
    return "" if name in ("img", "input", "area") else f"a <{name}> takes its name from aria-label, not from alt"


def _with_slot(text: str, found: Found, picture: Picture) -> Picture:
    drawn = text[found.offset + 1 : found.offset + 4] == "svg"
    if fixed := nameless(found.name) or (nameless("image") if drawn else ""):
        return replace(picture, fixed=fixed)
    tag = read_start_tag(text, found.offset)
    if tag is None:
        return replace(picture, fixed="its tag never ends")
    for attribute in tag.attributes:
        value = text[attribute.start : attribute.end]
        marked = attribute.name.lower() == "alt" and any(mark in value for mark in TEMPLATE_MARKS)
        listed = _BINDERS.fullmatch(attribute.name) and _NAMES_ALT.search(value)
        bound = bound_name(attribute.name.lower()) == "alt" or _BOUND.fullmatch(attribute.name)
        if marked or listed or bound:
            return replace(picture, fixed=FILLED_IN)
    if _is_partly_written(text, tag):
        return replace(picture, fixed=PARTLY_WRITTEN)
    return replace(picture, slot=attribute_slot(tag, "alt"))


def _is_partly_written(text: str, tag: StartTag) -> bool:
    """Whether a template may put attributes into a tag: its marks stand elsewhere than in their values."""
    position = tag.name_end
    for attribute in tag.attributes:
        if ALL_BOUND.fullmatch(attribute.name.lower()):
            return True
        if any(mark in text[position : attribute.start] for mark in TEMPLATE_MARKS):
            return True
        position = attribute.end
    # A quote inside a template's mark ends the value for HTML, and the mark's own end the tag.
    cut = text.startswith(("?>", "%>"), tag.end - 2)
    return cut or any(mark in text[position : tag.end] for mark in TEMPLATE_MARKS)


def _walk(root: Any, builder: ContextBuilder, shift: int) -> None:
    """Send a tree to the builder in document order, without recursion: pages nest as deeply as they like."""
    stack: list[tuple[Any, bool]] = [(root, False)]
    while stack:
        node, leaving = stack.pop()
        name = node.name
        if leaving:
            builder.end(name)
            continue
        if name == "#text":
            builder.text(node.data or "")
            continue
        if name.startswith(("#comment", "!")):
            continue
        children = list(getattr(node, "children", None) or ())
        content = getattr(node, "template_content", None)
        if content is not None:
            children += content.children or ()
        if not name.startswith("#"):
            offset = node.origin_offset
            builder.start(name, node.attrs, offset + shift if offset is not None else None)
            stack.append((node, True))
        stack.extend((child, False) for child in reversed(children))


def _parser() -> Any:
    try:
        from justhtml import JustHTML
    except ImportError:
        raise UsageError(
            "Reading HTML needs the package justhtml, which is not installed; run: pip install 'captionkit[alt]'"
        ) from None
    return JustHTML
