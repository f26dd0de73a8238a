"""Pictures that a site generator makes an `img` of: Hugo's shortcodes, Jekyll's includes, and the JSX of MDX.

The templates behind them are not read. By convention, which Hugo's own `figure` and the includes of themes keep,
the parameter `alt` becomes the alternative text.
"""

from __future__ import annotations

import bisect
import html
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from captionkit.alttext.attributes import escape_double
from captionkit.alttext.context import FILLED_IN, PARTLY_WRITTEN, TEMPLATE_MARKS
from captionkit.alttext.pictures import Context, Picture, Slot, squeeze

Placed = tuple[int, Picture]  # with the character at which it begins; line and column are still to be told

_PICTURES = r"[\w./-]{0,99}(?:figure|image|img|picture|photo)[\w./-]{0,99}"
_SHORTCODE = re.compile(rf"\{{\{{[<%]-?\s*({_PICTURES})(?=\s)", re.I)
_INCLUDE = re.compile(rf"\{{%-?\s*include(?:_cached|_relative)?\s+({_PICTURES})(?=\s)", re.I)
_COMPONENT = re.compile(r"<(img|Img|Image|Figure|Picture|[A-Z]\w{0,99}(?:Img|Image|Figure|Picture))(?=[\s/])")
_SHORTCODE_END, _INCLUDE_END, _COMPONENT_END = map(re.compile, (r"\s*/?-?[>%]\}\}", r"\s*-?%\}", r"\s*/?>"))
_QUOTED = r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`"""
_PARAMETER = re.compile(rf"\s*(?:([\w-]+)\s*=\s*)?({_QUOTED}|[^\s\"'`={{}}<>%]+)", re.S)
_ATTRIBUTE = re.compile(r"\s*([\w:.-]+)(?:\s*=\s*(\"[^\"]*\"|'[^']*'|(?=\{)))?")
_PIECE = re.compile(rf"{_QUOTED}|/\*.*?\*/|[{{}}]", re.S)
_IMPORT = re.compile(r"^import\s+(\w+)\s+from\s+[\"']([^\"'\n]+)[\"']", re.M)
_LITERAL = re.compile(r"""(["'`])([^"'`\\]*)\1""")
_CALL = re.compile(r"""\w+\(\s*(?:["'`])([^"'`\\]*)["'`]\s*\)(?:\.default)?""")  # require("a.png").default, say
_NAME = re.compile(r"(\w+)(?:\.src)?")
_SOURCES = ("src", "image_path", "image", "img", "file", "path", "filename", "picture", "source")
_SPACE = re.compile(r"\s*")
_MAX_CHARACTERS = 4_000  # of one tag
# What is shown or left out as it stands.
_VERBATIM = [
    (re.compile(opening, re.I), re.compile(closing, re.I))
    for opening, closing in (
        (r"<!--", r"-->"),
        (r"\{/\*", r"\*/\}"),
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
    skipped = [*skipped, *_verbatim(text)]
    shortcodes = [(found, _SHORTCODE_END) for found in _outside(_SHORTCODE, text, skipped)]
    includes = [(found, _INCLUDE_END) for found in _outside(_INCLUDE, text, skipped)]
    placed = []
    for found, end in (*shortcodes, *includes):
        hugo = end is _SHORTCODE_END
        values = _parameters(text, found.end(), end, hugo)
        picture = _included(values, found, hugo) if values is not None else None
        if picture is not None:
            placed.append((found.start(), picture))
    return placed


def find_components(text: str, skipped: Sequence[tuple[int, int]] = ()) -> list[Placed]:
    """The pictures of JSX: tags with an attribute in braces, and components called Image, Figure and the like."""
    imports: dict[str, str] | None = None
    placed = []
    for found in _outside(_COMPONENT, text, [*skipped, *_verbatim(text)]):
        values = _attributes(text, found.end())
        if values is None:
            continue
        braced = any(text[one.start] == "{" for one in values.values() if one.start < one.end)
        if "src" not in values or not (braced or found[1] != "img"):
            continue
        imports = dict(_IMPORT.findall(text)) if imports is None else imports
        picture = Picture(
            source=_component_source(text, values["src"], imports), alt=None, line=0, column=0, may_be_empty=True
        )
        placed.append((found.start(), _with_alt(picture, values, found, escape_double, braces=text)))
    return placed


def _verbatim(text: str) -> list[tuple[int, int]]:
    ranges = []
    for opening, closing in _VERBATIM:
        position = 0
        while (begin := opening.search(text, position)) and (end := closing.search(text, begin.end())):
            ranges.append((begin.start(), end.start()))
            position = end.start()
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


def _parameters(text: str, position: int, end: re.Pattern[str], hugo: bool) -> dict[str, _Value] | None:
    """The named parameters of a tag; None where it does not end."""
    values: dict[str, _Value] = {}
    limit = position + _MAX_CHARACTERS
    while not end.match(text, position, limit):
        found = _PARAMETER.match(text, position, limit)
        if found is None:
            return None
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
    named = next((values[name] for name in _SOURCES if name in values), None)
    if named is None:
        return None
    text = found.string
    source = named.text if named.text is not None else f"{{{{ {text[named.start : named.end]} }}}}"
    caption = squeeze(" ".join(values[name].text or "" for name in ("title", "caption") if name in values))
    link = values["link"].text if "link" in values else None
    picture = Picture(
        source=source,
        alt=None,
        line=0,
        column=0,
        context=Context(link=link, caption=caption),
        # Hugo's own figure leaves an empty text out.
        may_be_empty=not hugo,
    )
    picture = _with_alt(picture, values, found, _escape_quotes if hugo else escape_double)
    if hugo and found[1].lower() == "figure" and not picture.fixed and not picture.alt and "caption" in values:
        return replace(picture, alt=values["caption"].text)  # which it takes where there is none
    return picture


def _with_alt(
    picture: Picture,
    values: Mapping[str, _Value],
    found: re.Match[str],
    escape: Callable[[str], str],
    braces: str = "",
) -> Picture:
    """The picture with the text of the parameter `alt` and the place where it stands, or would stand."""
    alt = values.get("alt")
    if alt is None:
        if "..." in values:
            return replace(picture, fixed=PARTLY_WRITTEN)
        end = found.end()
        return replace(picture, slot=Slot(end, end, escape, before=' alt="', after='"'))
    known = _literal(braces[alt.start : alt.end]) if braces else alt.text
    if known is None:
        return replace(picture, fixed=FILLED_IN)
    slot = Slot(alt.start, alt.end, escape, before='"' if alt.end > alt.start else '="', after='"')
    empty = known == "" and picture.may_be_empty
    return replace(picture, alt=known if known or empty else None, slot=slot, decorative=empty, empty_alt=empty)


def _attributes(text: str, position: int) -> dict[str, _Value] | None:
    """The attributes of a JSX tag, "..." for those that an object brings; None where it does not end."""
    values: dict[str, _Value] = {}
    limit = position + _MAX_CHARACTERS
    while not _COMPONENT_END.match(text, position, limit):
        found = _ATTRIBUTE.match(text, position, limit)
        name, position = (found[1], found.end()) if found is not None else ("...", position)
        if found is not None and found[2] != "":  # in quotes, or without a value
            start = found.start(2) if found[2] else position
        else:
            start = _SPACE.match(text, position).end()  # type: ignore[union-attr]
            end = _brace_end(text, start, limit)
            if end is None:
                return None
            position = end
        values.setdefault(name, _Value(None, start, position))
    return values


def _brace_end(text: str, start: int, limit: int) -> int | None:
    """Where the braces that open at `start` are closed; strings and comments in them count for nothing."""
    if text[start : start + 1] != "{":
        return None
    depth = 0
    for piece in _PIECE.finditer(text, start, limit):
        depth += {"{": 1, "}": -1}.get(piece[0], 0)
        if depth == 0:
            return piece.end()
    return None


def _literal(value: str) -> str | None:
    """The text of a JSX value, in quotes or as a string in braces; None where it is another expression."""
    if value[:1] != "{":
        return html.unescape(value[1:-1])
    found = _LITERAL.fullmatch(value[1:-1].strip())
    return found[2] if found is not None and "${" not in found[2] else None


def _component_source(text: str, value: _Value, imports: Mapping[str, str]) -> str:
    """The address that a JSX value names; else the expression as it stands, in braces."""
    written = text[value.start : value.end]
    literal = _literal(written)
    if literal is not None:
        return literal
    expression = written[1:-1].strip()
    if (called := _CALL.fullmatch(expression)) is not None and "${" not in called[1]:
        return called[1]
    name = _NAME.fullmatch(expression)
    return imports.get(name[1], written) if name is not None else written


def _escape_quotes(alt: str) -> str:
    return alt.replace('"', '\\"')
