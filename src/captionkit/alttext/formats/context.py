"""Pictures and what stands around them, from a well-nested stream of start, text and end events.

The stream comes from an HTML tree walked in document order or from an XML parser. Each open element carries
what it inherits (link, button, figure, language), so that deep nesting costs nothing more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile

from captionkit.alttext.formats.pictures import MAX_CHARACTERS, Context, Picture, joined, squeeze

HEADINGS = frozenset(["h1", "h2", "h3", "h4", "h5", "h6"])
_BLOCKS = HEADINGS | frozenset([
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "div",
    "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "head", "header", "hr", "html", "legend",
    "li", "main", "nav", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead",
    "title", "tr", "ul",
])  # fmt: skip
_UNSPOKEN = frozenset(["script", "style", "template", "title", "noscript"])
# Where lazy loaders keep the address until the picture comes into view.
_LATE = ("data-src", "data-original", "data-lazy-src", "data-srcset", "data-lazy-srcset")
# Others, and galleries, have names of their own for it.
_PICTURE_FILE = re.compile(r"[^?#\s]+\.(?:jpe?g|png|gif|webp|svg|avif)(?:[?#]\S*)?", re.I)
_SPACES = re.compile(r"\s+")
_DIGITS = re.compile(r"[0-9]+\.?[0-9]*|\.[0-9]+")
# A picture inside text that a program fills in later is not ours to judge.
TEMPLATE_MARKS = ("{{", "{%", "<%", "<?", "${")
FILLED_IN = "its alt text is filled in by a template"
PARTLY_WRITTEN = "a template writes parts of its tag"
NEARBY_CHUNKS = 24  # pieces of text looked at on each side: bounds the work in a block of endless pictures
NEARBY_CHARACTERS = 300


@dataclass(slots=True)
class _Link:
    target: str
    label: str
    labelled_by: str = ""
    text: list[str] = field(default_factory=list)
    pictures: list[tuple[int, str]] = field(default_factory=list)  # place and name of those in it


@dataclass(frozen=True, slots=True)
class _Frame:
    """An open element: its name, id and place in the stream, and what is true of all that stands in it."""

    name: str
    identity: str = ""
    chunk: int = 0
    link: _Link | None = None
    button: _Link | None = None
    figure: list[str] | None = None  # its caption
    language: str = ""
    hidden: bool = False
    in_caption: bool = False
    in_heading: bool = False
    unspoken: bool = False
    # Inside SVG, a `title` that is a child names the element, and is spoken with the link or button around it.
    titles: list[str] | None = None
    in_title_of: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A picture element: its attributes, its place in the source, and what is around it."""

    name: str
    attributes: Mapping[str, str | None]
    offset: int
    frame: _Frame
    heading: str
    sources: tuple[Mapping[str, str | None], ...]  # the `source` elements of the `picture` around it


class ContextBuilder:
    """Collects pictures from events; `pictures()` completes them once the stream has ended."""

    def __init__(self) -> None:
        self._frames: list[_Frame] = [_Frame("")]
        self._chunks: list[str | None] = []  # None is the edge of a block
        self._heading: list[str] = []
        self._sources: list[Mapping[str, str | None]] = []
        self._places: dict[str, tuple[int, int]] = {}  # id -> its chunks, from and up to
        self._whole = False  # the source has the page's root: no other file adds elements to it
        self.found: list[Found] = []
        self.base = ""

    def start(self, name: str, attributes: Mapping[str, str | None], offset: int | None) -> None:
        """An element opens. `offset` is the character of its `<`; None where the source has no such tag."""
        above = self._frames[-1]
        if name in _BLOCKS:
            self._chunks.append(None)
        frame = self._frame(name, attributes, above)
        if name in HEADINGS:
            self._heading = []
        if name == "base" and not self.base:
            self.base = attributes.get("href") or ""
        if name in ("html", "body") and offset is not None:
            self._whole = True
        if name == "picture":
            self._sources = []
        if name == "source" and above.name == "picture":
            self._sources.append(attributes)
        label = squeeze(attributes.get("aria-label") or "")
        if offset is not None and _is_picture(name, attributes):
            heading = joined(" ", self._heading)
            sources: tuple[Mapping[str, str | None], ...] = ()
            if above.name == "picture":
                sources, self._sources = tuple(self._sources), []
            self.found.append(Found(name, attributes, offset, frame, heading, sources))
            said = label or squeeze(attributes.get("alt") or "")
            for group in (frame.link, frame.button):
                if name == "img" and said and not frame.hidden and group and len(group.pictures) < NEARBY_CHUNKS:
                    group.pictures.append((offset, said))
        if label and not frame.hidden and (name == "svg" or (_is_drawn(attributes) and name != "img")):
            _say(frame, label)
        self._frames.append(frame)

    def end(self, name: str) -> None:
        """The element that opened last closes."""
        frame = self._frames.pop()
        if frame.identity:
            self._places.setdefault(frame.identity, (frame.chunk, len(self._chunks)))
        if name in _BLOCKS:
            self._chunks.append(None)

    def text(self, data: str) -> None:
        """Text of the open element."""
        frame, data = self._frames[-1], _SPACES.sub(" ", data)
        if frame.in_title_of is not None:
            frame.in_title_of.append(data)
            if not frame.hidden:
                _say(frame, data)
        if frame.unspoken:
            return
        self._chunks.append(data)
        if frame.in_heading:
            self._heading.append(data)
        if frame.in_caption and frame.figure is not None:
            frame.figure.append(data)
        _say(frame, data)

    def pictures(self) -> Iterator[tuple[Found, Picture]]:
        """The pictures, still without their lines and slots. The stream must have ended."""
        for found in self.found:
            yield found, _to_picture(found, self._context(found), self._reference(found))

    def _context(self, found: Found) -> Context:
        frame = found.frame
        group = frame.link or frame.button
        caption = joined(" ", frame.figure) if frame.figure is not None and not frame.in_caption else ""
        return Context(
            link=frame.link.target if frame.link is not None else None,
            link_text=self._group_text(group, found) if group is not None else "",
            button=frame.button is not None,
            caption=caption,
            heading=found.heading,
            nearby=self._nearby(frame.chunk),
            language=frame.language,
        )

    def _reference(self, found: Found) -> str:
        """The ids of `aria-labelledby` where they name the picture, else nothing.

        Ids of no element name nothing, and browsers take `alt` then (Accessible Name and Description Computation,
        step 2B). Those of a part of a page may stand in another part, and those with a template's marks anywhere.
        """
        value = squeeze(found.attributes.get("aria-labelledby") or "")
        told = not self._whole or any(mark in value for mark in TEMPLATE_MARKS)
        return value if told or any(one in self._places for one in value.split()) else ""

    def _frame(self, name: str, attributes: Mapping[str, str | None], above: _Frame) -> _Frame:
        role = _role(attributes)
        language = attributes.get("lang") or attributes.get("xml:lang")
        label = squeeze(attributes.get("aria-label") or "")[:MAX_CHARACTERS]
        frame = replace(
            above,
            name=name,
            language=language.strip().lower()[:MAX_CHARACTERS] if language else above.language,
            hidden=above.hidden or (attributes.get("aria-hidden") or "").strip().lower() == "true",
            in_caption=above.in_caption or name == "figcaption",
            in_heading=above.in_heading or name in HEADINGS,
            unspoken=above.unspoken or name in _UNSPOKEN,
            identity=attributes.get("id") or "",
            chunk=len(self._chunks),
            titles=[] if name == "svg" or above.titles is not None else None,
            in_title_of=above.titles if name == "title" else above.in_title_of,
        )
        labelled_by = squeeze(attributes.get("aria-labelledby") or "")[:MAX_CHARACTERS]
        if name in ("a", "area") and attributes.get("href") is not None:
            frame = replace(frame, link=_Link((attributes["href"] or "")[:MAX_CHARACTERS], label, labelled_by))
        elif role == "link":
            frame = replace(frame, link=_Link("", label, labelled_by))
        if name == "button" or role == "button" or _is_image_button(name, attributes):
            frame = replace(frame, button=_Link("", label, labelled_by))
        if name == "figure" or role == "figure":
            frame = replace(frame, figure=[], in_caption=False)
        return frame

    def _group_text(self, group: _Link, found: Found) -> str:
        """What a link or button says without the picture, in the order in which browsers look for it."""
        others = [alt for offset, alt in group.pictures if offset != found.offset]
        pieces: list[str] = []
        for identity in group.labelled_by.split()[:NEARBY_CHUNKS]:
            begin, end = self._places.get(identity, (0, 0))
            chunks = self._chunks[begin : min(end, begin + NEARBY_CHUNKS)]
            pieces += [(chunk or " ")[:MAX_CHARACTERS] for chunk in chunks]
        return joined(" ", pieces) or group.label or joined(" ", [joined(" ", group.text), *others])

    def _nearby(self, chunk: int) -> str:
        before = _to_the_edge(self._chunks[max(0, chunk - NEARBY_CHUNKS) : chunk][::-1])
        after = _to_the_edge(self._chunks[chunk : chunk + NEARBY_CHUNKS])
        return beside(
            "".join(one[-MAX_CHARACTERS:] for one in reversed(before)),
            "".join(one[:MAX_CHARACTERS] for one in after),
        )


def _to_the_edge(chunks: list[str | None]) -> list[str]:
    return [one or "" for one in takewhile(lambda one: one is not None, chunks)]


def beside(before: str, after: str) -> str:
    """The text on both sides of a picture, bounded."""
    return squeeze(f"{squeeze(before)[-NEARBY_CHARACTERS:]} {squeeze(after)[:NEARBY_CHARACTERS]}")


def _say(frame: _Frame, text: str) -> None:
    for group in (frame.link, frame.button):
        if group is not None:
            group.text.append(text)


def _to_picture(found: Found, context: Context, reference: str) -> Picture:
    attributes = found.attributes
    return Picture(
        source=_address(found),
        alt=attributes["alt"] or "" if "alt" in attributes else None,
        context=context,
        hidden=found.frame.hidden or _role(attributes) in ("presentation", "none"),
        label=squeeze(attributes.get("aria-label") or "")
        or (f"#{reference}" if reference else squeeze(" ".join(found.frame.titles or ()))),
        title=squeeze(attributes.get("title") or ""),
        width=_pixels(attributes.get("width")),
        height=_pixels(attributes.get("height")),
        may_be_empty=True,
    )


def _is_image_button(name: str, attributes: Mapping[str, str | None]) -> bool:
    return name == "input" and (attributes.get("type") or "").strip().lower() == "image"


def _is_picture(name: str, attributes: Mapping[str, str | None]) -> bool:
    if name in ("img", "image") or _is_image_button(name, attributes):
        return True
    if name == "area":
        return attributes.get("href") is not None
    return _is_drawn(attributes)


def _is_drawn(attributes: Mapping[str, str | None]) -> bool:
    return _role(attributes) in ("img", "image")


def _role(attributes: Mapping[str, str | None]) -> str:
    """The first of the roles that are listed; empty where there is none."""
    return (*(attributes.get("role") or "").lower().split(), "")[0]


def _address(found: Found) -> str:
    """The address of the picture that loads: a lazy loader's before `src`, which is its stand-in then."""
    if found.name == "area":
        return ""
    elements = (found.attributes, *found.sources)
    late = [_value(attributes, name) for attributes in elements for name in _LATE]
    own = [_value(found.attributes, name) for name in ("src", "href", "xlink:href")]
    # Browsers may take another candidate than `src`: it shows the same, unless `src` is a `data:` stand-in.
    others = [_value(attributes, name) for attributes in elements for name in ("srcset", "src")]
    unknown = [_value(found.attributes, name) for name in found.attributes if name.startswith("data-")]
    files = [value for value in unknown if _PICTURE_FILE.fullmatch(value)]
    known = [address for address in (*late, *own, *others, *files) if address]
    return next((address for address in known if address[:5].lower() != "data:"), known[0] if known else "")


def _value(attributes: Mapping[str, str | None], name: str) -> str:
    """An address; of a list of candidates (`srcset`) the first."""
    value = (attributes.get(name) or "").strip()
    return value.split(maxsplit=1)[0].rstrip(",") if value and name.endswith("srcset") else value


def _pixels(value: str | None) -> float | None:
    """A `width` or `height` as browsers read it: leading digits; a percentage is no size in pixels."""
    text = (value or "").strip()
    digits = _DIGITS.match(text)
    return float(digits[0]) if digits is not None and not text.endswith("%") else None
