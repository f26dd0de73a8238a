"""The attributes of one tag with their places: the attribute states of the HTML tokeniser.

A parser says where a tag begins; which of its characters are the value of `alt`, it does not say. The states
are those of the HTML Standard, 13.2.5.32 to 13.2.5.40; XML start tags are a subset of what they accept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from captionkit.alttext.pictures import Slot

_SPACE = "\t\n\f\r "


@dataclass(frozen=True, slots=True)
class Attribute:
    """The places of one attribute in the text: its name, and its value without quotes.

    `quote` is `"`, `'` or empty; `start == end == name_end` and no quote where it has no value at all.
    """

    name: str
    name_start: int
    name_end: int
    start: int
    end: int
    quote: str
    valued: bool


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
    if text[start : start + 1] != "<" or not text[start + 1 : start + 2].isalpha():
        return None
    position = start + 1
    size = len(text)
    while position < size and text[position] not in _SPACE + "/>":
        position += 1
    name_end = position
    attributes: list[Attribute] = []
    while position < size:
        character = text[position]
        if character == ">":
            name = text[start + 1 : name_end]
            return StartTag(name, start, name_end, position + 1, tuple(attributes))
        if character in _SPACE + "/":
            position += 1
            continue
        attribute = _read_attribute(text, position)
        if attribute is None:
            return None
        attributes.append(attribute)
        position = attribute.end + len(attribute.quote)
    return None


def _read_attribute(text: str, position: int) -> Attribute | None:
    size = len(text)
    name_start = position
    position += 1  # an equals sign in the first place belongs to the name
    while position < size and text[position] not in _SPACE + "/>=":
        position += 1
    name_end = position
    name = text[name_start:name_end]
    while position < size and text[position] in _SPACE:
        position += 1
    if position >= size or text[position] != "=":
        return Attribute(name, name_start, name_end, name_end, name_end, "", valued=False)
    position += 1
    while position < size and text[position] in _SPACE:
        position += 1
    if position >= size:
        return None
    quote = text[position]
    if quote in "\"'":
        end = text.find(quote, position + 1)
        if end < 0:
            return None
        return Attribute(name, name_start, name_end, position + 1, end, quote, valued=True)
    begin = position
    while position < size and text[position] not in _SPACE + ">":
        position += 1
    return Attribute(name, name_start, name_end, begin, position, "", valued=True)


def escape_double(value: str) -> str:
    """A value for between double quotes, in HTML and XML alike."""
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def escape_single(value: str) -> str:
    """A value for between single quotes, in HTML and XML alike."""
    return escape_double(value).replace("&quot;", '"').replace("'", "&#39;")


def attribute_slot(tag: StartTag, name: str) -> Slot:
    """The slot of an attribute's value; where the tag lacks the attribute, it is put behind the tag's name."""
    attribute = tag.attribute(name)
    if attribute is None:
        return Slot(tag.name_end, tag.name_end, escape_double, before=f' {name}="', after='"')
    return value_slot(attribute, escape_single if attribute.quote == "'" else escape_double)


def value_slot(attribute: Attribute, escape: Callable[[str], str], *, anew: bool = False) -> Slot:
    """The slot of a value, between its quotes where it has some; with `anew` it gets others in their place."""
    if not attribute.valued:
        return Slot(attribute.end, attribute.end, escape, before='="', after='"')
    if attribute.quote and not anew:
        return Slot(attribute.start, attribute.end, escape)
    size = len(attribute.quote)
    return Slot(attribute.start - size, attribute.end + size, escape, before='"', after='"')
