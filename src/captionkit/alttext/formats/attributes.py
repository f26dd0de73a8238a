"""The attributes of one tag with their places: the attribute states of the HTML tokeniser.

A parser says where a tag begins; which of its characters are the value of `alt`, it does not say. The states
are those of the HTML Standard, 13.2.5.32 to 13.2.5.40; XML start tags are a subset of what they accept.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from captionkit.alttext.formats.pictures import Slot

_SPACE = r"\t\n\f\r "
_OPENING = re.compile(rf"<[^\W\d_][^{_SPACE}/>]*+")
_CLOSE = re.compile(rf"[{_SPACE}/]*+>")
# An equals sign in the first place belongs to the name.
_ATTRIBUTE = re.compile(
    rf"[{_SPACE}/]*+([^{_SPACE}/>][^{_SPACE}/>=]*+)"
    rf"(?:[{_SPACE}]*+(=)[{_SPACE}]*+(?:\"([^\"]*+)\"|'([^']*+)'|([^{_SPACE}>\"'][^{_SPACE}>]*+|(?=>)))?+)?+"
)


@dataclass(frozen=True, slots=True)
class Attribute:
    """The places of one attribute in the text: its name, and its value without quotes.

    `quote` is `"`, `'` or empty, in source code also a backtick or brace; `start == end == name_end` and no quote
    where it has no value at all.
    """

    name: str
    name_start: int
    name_end: int
    start: int
    end: int
    quote: str

    @property
    def valued(self) -> bool:
        """Whether it has a value."""
        return bool(self.quote) or self.start > self.name_end


@dataclass(frozen=True, slots=True)
class StartTag:
    """A start tag of a text: `text[start:end]` reaches from `<` to behind `>`."""

    name: str
    start: int
    name_end: int
    end: int
    attributes: tuple[Attribute, ...]

    def attribute(self, name: str) -> Attribute | None:
        """The first attribute of that name, which is the one that counts; case is ignored."""
        return next((found for found in self.attributes if found.name.lower() == name), None)


def read_start_tag(text: str, start: int) -> StartTag | None:
    """The start tag that begins at `text[start]`.

    Returns:
        The tag, or None where there is no `<` and letter at that place, or the tag never ends.
    """
    opening = _OPENING.match(text, start)
    if opening is None:
        return None
    position = opening.end()
    attributes: list[Attribute] = []
    while found := _ATTRIBUTE.match(text, position):
        value = next((group for group in (3, 4, 5) if found[group] is not None), 1)
        if found[2] and value == 1:
            return None  # a quote that never closes, or nothing at all
        begin, end = found.span(value)
        quote = {3: '"', 4: "'"}.get(value, "")
        name_start, name_end = found.span(1)
        attributes.append(Attribute(found[1], name_start, name_end, begin if found[2] else end, end, quote))
        position = end + len(quote)
    close = _CLOSE.match(text, position)
    name = text[start + 1 : opening.end()]
    return StartTag(name, start, opening.end(), close.end(), tuple(attributes)) if close is not None else None


def escape_double(value: str) -> str:
    """A value for between double quotes, in HTML and XML alike."""
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def escape_single(value: str) -> str:
    """A value for between single quotes, in HTML and XML alike."""
    return escape_double(value).replace("&quot;", '"').replace("'", "&#39;")


def escape_braces(value: str, escape: Callable[[str], str] = escape_double) -> str:
    """The same where a brace may begin what a template fills in, or end the tag of one."""
    return escape(value).replace("{", "&#123;").replace("}", "&#125;")


def attribute_slot(tag: StartTag, name: str) -> Slot:
    """The slot of an attribute's value; where the tag lacks the attribute, it is put behind the tag's name."""
    attribute = tag.attribute(name)
    if attribute is None:
        return Slot(tag.name_end, tag.name_end, escape_braces, before=f' {name}="', after='"')
    escape = escape_single if attribute.quote == "'" else escape_double
    return value_slot(attribute, partial(escape_braces, escape=escape))


def value_slot(attribute: Attribute, escape: Callable[[str], str], *, anew: bool = False) -> Slot:
    """The slot of a value, between its quotes where it has some; with `anew` it gets others in their place."""
    if not attribute.valued:
        return Slot(attribute.end, attribute.end, escape, before='="', after='"')
    if attribute.quote and not anew:
        return Slot(attribute.start, attribute.end, escape)
    size = len(attribute.quote)
    return Slot(attribute.start - size, attribute.end + size, escape, before='"', after='"')
