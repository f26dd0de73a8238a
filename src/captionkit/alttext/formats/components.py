"""Pictures that a site generator makes an `img` of: Hugo's shortcodes, Jekyll's includes, and the JSX of MDX.

The templates behind them are not read. By convention, which Hugo's own `figure` and the includes of themes keep,
the parameter `alt` becomes the alternative text.
"""

from __future__ import annotations

import bisect
import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from captionkit.alttext.formats.attributes import escape_braces
from captionkit.alttext.formats.code_tags import read_tag
from captionkit.alttext.formats.component_values import JSX, address, is_picture_name, place_alt, read_values
from captionkit.alttext.formats.context import FILLED_IN, TEMPLATE_MARKS
from captionkit.alttext.formats.pictures import Context, Picture, Placed, Slot, squeeze
from captionkit.alttext.formats.script_text import IMPORT_FROM, not_rebound

_PICTURES = r"[\w./-]{0,99}(?:figure|image|img|picture|photo)[\w./-]{0,99}"
_SHORTCODE = re.compile(rf"\{{\{{[<%]-?\s*({_PICTURES})(?=\s)", re.I)
_INCLUDE = re.compile(rf"\{{%-?\s*include(?:_cached|_relative)?\s+({_PICTURES})(?=\s)", re.I)
_COMPONENT = re.compile(r"<([A-Za-z]\w{0,109})(?=[\s/])")
_SHORTCODE_END, _INCLUDE_END = map(re.compile, (r"\s*/?-?[>%]\}\}", r"\s*-?%\}"))
_QUOTED = r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`"""
_PARAMETER = re.compile(rf"\s*(?:([\w-]+)\s*=\s*)?({_QUOTED}|[^\s\"'`={{}}<>%]+)", re.S)
_IMPORT = re.compile(rf"^{IMPORT_FROM}\s*[\"']([^\"'\n]+)[\"']", re.M)
_SOURCES = ("src", "image_path", "image", "img", "file", "path", "filename", "picture", "source")
_MAX_CHARACTERS = 4_000  # of one tag
# What MDX and templates leave out, and code that they show. A comment of a script may begin as MDX's do: it has no
# picture either.
_UNREAD = [
    (re.compile(opening), re.compile(closing))
    for opening, closing in (
        *((r"\{/\*", r"\*/"), (r"\{#(?=\s)", r"#\}"), (r"\{\{!?--", r"--\}\}"), (r"<%--", r"--%>")),
        *((rf"\{{%-?\s*{name}\b", rf"\{{%-?\s*end{name}\b") for name in ("comment", "highlight")),
        (r"\{\{[<%]\s*highlight\b", r"\{\{[<%]\s*/\s*highlight\b"),
    )
]
# What is shown or left out as it stands.
_VERBATIM = [
    (re.compile(opening, re.I), re.compile(closing, re.I))
    for opening, closing in (
        (r"<!--", r"-->"),
        (r"\{%-? raw", r"\{%-? endraw"),
        *((rf"<{name}\b", f"</{name}") for name in ("script", "style", "pre", "code", "textarea")),
    )
]


@dataclass(frozen=True, slots=True)
class _Value:
    """A parameter: its value, None where only the program knows it, and the characters that it takes."""

    text: str | None
    start: int
    end: int


def find_inclusions(text: str, skipped: Sequence[tuple[int, int]] = ()) -> list[Placed]:
    """The pictures of Hugo's shortcodes and Jekyll's includes; none in the ranges or in what is shown as it is."""
    skipped = [*skipped, *_ranges(text, _VERBATIM)]
    placed = []
    for begin, end, hugo in ((_SHORTCODE, _SHORTCODE_END, True), (_INCLUDE, _INCLUDE_END, False)):
        for found in _outside(begin, text, skipped):
            picture = _included(_parameters(text, found.end(), end, hugo), found, hugo)
            if picture is not None:
                placed.append((found.start(), picture))
    return placed


def find_components(text: str, skipped: Sequence[tuple[int, int]] = ()) -> list[Placed]:
    """The pictures of JSX: tags with an attribute in braces, and components called Image, Figure and the like."""
    imports = not_rebound(dict(_IMPORT.findall(text)), text)
    placed = []
    for found in _outside(_COMPONENT, text, [*skipped, *_ranges(text, _VERBATIM)]):
        if not is_picture_name(found[1]):
            continue
        tag = read_tag(text, found.start(), found.end() + _MAX_CHARACTERS)
        values = read_values(text, tag, JSX) if tag is not None else {}
        braced = any(one.attribute.quote == "{" for one in values.values())
        if tag is None or "src" not in values or not (braced or found[1] != "img"):
            continue
        source = address(values["src"].shown, imports)
        picture = place_alt(Picture(source, None, may_be_empty=True), text, tag, JSX, values)
        placed.append((found.start(), picture))
    return placed


def without_unread(text: str) -> str:
    """A text in which what MDX and templates leave out, or show as code, is blank; no place in it changes."""
    pieces, position = [], 0
    for start, end in sorted(_ranges(text, _UNREAD)):
        if end > position:
            start = max(start, position)
            pieces += [text[position:start], re.sub(r"[^\r\n]", " ", text[start:end])]
            position = end
    return "".join([*pieces, text[position:]])


def _ranges(text: str, pairs: list[tuple[re.Pattern[str], re.Pattern[str]]]) -> list[tuple[int, int]]:
    """From what opens to what closes it, for each pair."""
    ranges = []
    for opening, closing in pairs:
        position = 0
        while (begin := opening.search(text, position)) and (end := closing.search(text, begin.end())):
            ranges.append((begin.start(), end.end()))
            position = end.end()
    return ranges


def _outside(pattern: re.Pattern[str], text: str, skipped: Sequence[tuple[int, int]]) -> Iterator[re.Match[str]]:
    ranges = sorted(skipped)
    starts = [first for first, _ in ranges]
    ends = list(accumulate((last for _, last in ranges), max))
    for found in pattern.finditer(text):
        start = found.start()
        number = bisect.bisect_right(starts, start)
        line = text[max(text.rfind("\n", 0, start) + 1, start - _MAX_CHARACTERS) : start]
        in_code = len(re.findall(r"`+", line)) % 2 == 1  # between two runs of backticks
        if not in_code and not (number and start < ends[number - 1]):
            yield found


def _parameters(text: str, position: int, end: re.Pattern[str], hugo: bool) -> dict[str, _Value]:
    """The named parameters of a tag; none where it does not end."""
    values: dict[str, _Value] = {}
    limit = position + _MAX_CHARACTERS
    while not end.match(text, position, limit):
        found = _PARAMETER.match(text, position, limit)
        if found is None:
            return {}
        position = found.end()
        name, value = found[1], found[2]
        if name:
            quoted = value[0] in "\"'`"
            plain = re.sub(r"\\([\"'])", r"\1", value[1:-1]) if quoted else value
            plain = plain if hugo else html.unescape(plain)
            # What Liquid reads without quotes is a variable.
            known = (quoted or hugo) and not any(mark in value for mark in TEMPLATE_MARKS)
            values.setdefault(name.lower(), _Value(plain if known else None, found.start(2), found.end(2)))
    return values


def _included(values: Mapping[str, _Value], found: re.Match[str], hugo: bool) -> Picture | None:
    """The picture of a tag, with the text of its parameter `alt` and the place where it stands, or would stand."""
    named = next((values[name] for name in _SOURCES if name in values), None)
    if named is None:
        return None
    text = found.string
    source = named.text if named.text is not None else f"{{{{ {text[named.start : named.end]} }}}}"
    caption = squeeze(" ".join(values[name].text or "" for name in ("title", "caption") if name in values))
    link = values["link"].text if "link" in values else None
    # Hugo's own figure leaves an empty text out.
    picture = Picture(source, None, context=Context(link=link, caption=caption), may_be_empty=not hugo)
    escape = _escape_quotes if hugo else escape_braces
    alt, end = values.get("alt"), found.end()
    if alt is None:
        picture = replace(picture, slot=Slot(end, end, escape, before=' alt="', after='"'))
    elif alt.text is None:
        return replace(picture, fixed=FILLED_IN)
    else:
        slot = Slot(alt.start, alt.end, escape, before='"', after='"')
        picture = replace(picture, alt=alt.text or (None if hugo else ""), slot=slot)
    if hugo and found[1].lower() == "figure" and not picture.alt and "caption" in values:
        return replace(picture, alt=values["caption"].text)  # which it takes where there is none
    return picture


def _escape_quotes(alt: str) -> str:
    return alt.replace('"', '\\"')
