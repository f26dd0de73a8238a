"""HTML: pictures of a page through a full HTML5 parser, edited by the places of their attributes.

`justhtml` builds the tree that browsers build (so links, figures and headings are what a reader meets) and says
at which character each start tag began; `attributes` finds `alt` inside that tag.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from captionkit.alttext.attributes import StartTag, attribute_slot, read_start_tag
from captionkit.alttext.components import find_inclusions
from captionkit.alttext.context import FILLED_IN, PARTLY_WRITTEN, TEMPLATE_MARKS, ContextBuilder, Found, to_picture
from captionkit.alttext.decoding import DecodedText, decode_declared
from captionkit.alttext.lines import LineIndex
from captionkit.alttext.pictures import Edit, Picture
from captionkit.errors import UsageError
from captionkit.files.edits import ByteEdit

if TYPE_CHECKING:
    from collections.abc import Mapping

# The names by which frameworks bind `alt`: Vue, Alpine, Angular, AngularJS, Lit, Thymeleaf.
_BOUND = re.compile(
    r"(?:[vx]-bind)?:alt(?:\.\w+)*|\[(?:attr\.)?alt\]|bind-(?:attr\.)?alt|\.alt|(?:data-)?(?:th[:-]alt(?:-title)?|ng-attr-alt)",
    re.I,
)
# Attributes that bind others, `alt` among them where their value names it: Knockout, Thymeleaf, TAL.
_BINDERS = re.compile(r"data-bind|(?:data-)?th[:-]attr(?:append|prepend)?|(?:data-)?tal[:-]attributes", re.I)
_NAMES_ALT = re.compile(r"(?<![\w-])alt(?![\w-])")
_ALL_BOUND = ("v-bind", "x-bind")  # of an object whose names only the program knows
_SNIFFED_BYTES = 1024  # the HTML Standard's bound for finding a `meta` that declares the encoding


@dataclass(frozen=True, slots=True)
class HtmlDocument:
    """A page. `pictures` stand in the order of the source."""

    decoded: DecodedText
    pictures: tuple[Picture, ...]
    base: str

    def edits(self, alts: Mapping[int, str]) -> tuple[ByteEdit, ...]:
        """The edits of the file that give picture number `i` the alternative text `alts[i]`."""
        return self.decoded.byte_edits(slot_edits(self.pictures, alts))

    def embedded(self, name: str) -> bytes | None:
        """A page holds no pictures of its own beside `data:` addresses."""
        return None


def read_html(data: bytes) -> HtmlDocument:
    """The pictures of an HTML page.

    Raises:
        UsageError: the extra `captionkit[alt]` is not installed.
        DataError: the encoding cannot be worked with.
    """
    declared = _parser()(data[:_SNIFFED_BYTES], sanitize=False).encoding or "windows-1252"
    decoded = decode_declared(data, declared)
    pictures, base = find_pictures(decoded.text)
    included = find_inclusions(decoded.text)
    if included:
        lines = LineIndex(decoded.text)
        placed = [(lines.place(offset), picture) for offset, picture in included]
        more = [replace(picture, line=line, column=column) for (line, column), picture in placed]
        pictures = tuple(sorted([*pictures, *more], key=lambda one: (one.line, one.column)))
    return HtmlDocument(decoded, pictures, base)


def find_pictures(text: str) -> tuple[tuple[Picture, ...], str]:
    """The pictures of a page's text, and its `base` address (empty where it has none)."""
    builder = ContextBuilder()
    # A lone U+FEFF at the start would be dropped by the parser and shift every place.
    shift = 1 if text.startswith("\ufeff") else 0
    document = _parser()(text[shift:], sanitize=False, track_node_locations=True, scripting_enabled=False)
    _walk(document.root, builder, shift)
    return complete(text, builder), builder.base


def complete(text: str, builder: ContextBuilder) -> tuple[Picture, ...]:
    """The pictures of a finished builder with their places and slots in `text`, in the order of the source."""
    lines = LineIndex(text)
    pictures = []
    for found in sorted(builder.found, key=lambda one: one.offset):
        line, column = lines.place(found.offset)
        picture = to_picture(found, builder.context(found), builder.reference(found))
        pictures.append(_with_slot(text, found, replace(picture, line=line, column=column)))
    return tuple(pictures)


def slot_edits(pictures: tuple[Picture, ...], alts: Mapping[int, str]) -> list[Edit]:
    """The text edits for `alts`, each of whose pictures must have a slot."""
    edits = []
    for index, alt in alts.items():
        slot = pictures[index].slot
        if slot is None:
            raise ValueError(f"picture {index} has no slot: {pictures[index].fixed}")
        edits.append(slot.edit(alt))
    return edits


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
        if marked or listed or _BOUND.fullmatch(attribute.name):
            return replace(picture, fixed=FILLED_IN)
    if _is_partly_written(text, tag):
        return replace(picture, fixed=PARTLY_WRITTEN)
    return replace(picture, slot=attribute_slot(tag, "alt"))


def _is_partly_written(text: str, tag: StartTag) -> bool:
    """Whether a template may put attributes into a tag: its marks stand elsewhere than in their values."""
    position = tag.name_end
    for attribute in tag.attributes:
        if attribute.name.lower() in _ALL_BOUND:
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
