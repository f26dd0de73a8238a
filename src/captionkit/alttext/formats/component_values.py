"""What the attributes of a tag in source code say: a text, or an expression whose value only the program knows.

And where in such a tag the alternative text goes, in words that its language takes for exactly that text.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from captionkit.alttext.formats.attributes import (
    Attribute,
    StartTag,
    escape_braces,
    escape_double,
    escape_single,
    value_slot,
)
from captionkit.alttext.formats.context import FILLED_IN, PARTLY_WRITTEN
from captionkit.alttext.formats.pictures import Picture, Slot

_PICTURE_NAME = re.compile(r"[iI]mg|(?:[A-Z]\w{0,99})?(?:Img|Image|Figure|Picture)")
_STRING = re.compile(r"""(["'`])([^"'`\\]*)\1""")
_PLAIN = re.compile(r"true|false|\d{1,9}(?:\.\d{1,9})?")
_NOTHING = frozenset(["null", "undefined"])
_CALL = re.compile(r"""\w+\(\s*(?:["'`])([^"'`\\]*)["'`]\s*\)(?:\.default)?""")  # require("a.png").default, say
_URL = re.compile(r"""new\s+URL\(\s*["'`]([^"'`\\]*)["'`]\s*,\s*import\.meta\.url\s*\)(?:\.\w+(?:\(\))?)?""")
_NAME = re.compile(r"(\w+)(?:\.src)?")
_BOUND = re.compile(r"(?:[vx]-bind)?:([\w-]+)(?:\.\w+)*|bind:(\w+)|\.(\w+)")  # Vue, Alpine, Svelte
# Of an object, or of a name that only the program knows.
ALL_BOUND = re.compile(r"[vx]-bind|(?:v-bind)?:\[.*", re.S)
_ONE_HOLE = re.compile(r"\{([^{}]*)\}")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|\w{1,31});")


@dataclass(frozen=True, slots=True)
class Dialect:
    """What sets one language of tags apart from another.

    Attributes:
        code: a file is code, with tags in it; otherwise it is a page, with code in it.
        tags: an expression may be a tag.
        holes: a value in quotes may hold expressions in braces.
        comments: comments may stand between attributes.
        html: attributes are those of HTML, expressions stand in double braces, and the file is made of blocks.
    """

    code: bool = False
    tags: bool = False
    holes: bool = False
    comments: bool = False
    html: bool = False


JSX = Dialect(code=True, tags=True, comments=True)
SVELTE = Dialect(holes=True, comments=True)
ASTRO = Dialect(tags=True)
VUE = Dialect(html=True)


@dataclass(frozen=True, slots=True)
class Value:
    """The value of an attribute.

    Attributes:
        known: its text; None where only the program knows it.
        code: the expression, where it is one.
        bound: whether the attribute's name says that its value is an expression.
        attribute: where it stands.
    """

    known: str | None
    code: str
    bound: bool
    attribute: Attribute

    @property
    def absent(self) -> bool:
        """Whether the expression stands for no attribute at all."""
        return self.code in _NOTHING

    @property
    def shown(self) -> str:
        """The text, or the expression in braces."""
        return self.known if self.known is not None else f"{{{self.code}}}"


def is_picture_name(name: str) -> bool:
    """Whether a tag of that name is a picture by convention: `Image`, `nuxt-img`, `motion.img`, `CoverPicture`."""
    return _PICTURE_NAME.fullmatch(component_name(name)) is not None


def component_name(name: str) -> str:
    """The name of a component without its module, `nuxt-link` as `NuxtLink`."""
    last = re.split(r"[.:]", name)[-1]
    return "".join(part[:1].upper() + part[1:] for part in last.split("-")) if "-" in last else last


def read_values(text: str, tag: StartTag, dialect: Dialect) -> dict[str, Value]:
    """The values of a tag by lower-case names; "..." for attributes whose names only the program knows."""
    values: dict[str, Value] = {}
    for attribute in tag.attributes:
        name, written = attribute.name, text[attribute.start : attribute.end]
        if name == "..." or (not dialect.code and ALL_BOUND.fullmatch(name)):
            values.setdefault("...", Value(None, written, True, attribute))
            continue
        if not dialect.code and (bound := bound_name(name)):
            code = html.unescape(written).strip() if attribute.valued else bound
            values[bound.lower()] = Value(literal(code), code, True, attribute)
            continue
        code = _code(written, attribute, dialect)
        known = literal(code) if code else _unescape(written, dialect)
        if not attribute.valued and dialect.code and name.startswith("aria-"):
            known = "true"
        values.setdefault(name.lower(), Value(known, code, False, attribute))
    return values


def bound_name(name: str) -> str:
    """The attribute that such a name (`:alt`, `bind:alt`) binds to an expression; empty where it binds none."""
    found = _BOUND.fullmatch(name)
    return next((one for one in found.groups() if one), "") if found is not None else ""


def literal(code: str) -> str | None:
    """The text of an expression that is a string, a number, true or false; None of any other."""
    found = _STRING.fullmatch(code)
    if found is not None:
        return found[2] if found[1] != "`" or "${" not in found[2] else None
    return code if _PLAIN.fullmatch(code) else None


def address(value: str, imports: Mapping[str, str]) -> str:
    """The address that a shown value names; an expression that only the program knows stays as it is."""
    if not (value.startswith("{") and value.endswith("}")):
        return value
    code = value[1:-1].strip()
    for pattern in (_CALL, _URL):
        if (found := pattern.fullmatch(code)) is not None and "${" not in found[1]:
            return found[1]
    name = _NAME.fullmatch(code)
    return (imports.get(name[1]) if name is not None else "") or value


def place_alt(
    picture: Picture, text: str, tag: StartTag, dialect: Dialect, values: Mapping[str, Value]
) -> Picture:
    """A picture with its alternative text and the place where it stands, or would stand."""
    value = values.get("alt")
    if value is None:
        if "..." in values:
            return replace(picture, alt=None, fixed=PARTLY_WRITTEN)
        return replace(picture, alt=None, slot=_new_slot(text, tag, dialect))
    if value.bound or (value.known is None and not value.absent):
        return replace(picture, alt=None, fixed=FILLED_IN)
    one = value.attribute
    slot = value_slot(one, _escape(one.quote, dialect), anew=bool(value.code))
    return replace(picture, alt=value.known, slot=slot)


def _code(written: str, attribute: Attribute, dialect: Dialect) -> str:
    """The expression of a value; empty where it is text."""
    if attribute.quote == "{":
        return written.strip() or "undefined"
    if attribute.quote == "`":
        return f"`{written}`"
    if dialect.holes and "{" in written:
        hole = _ONE_HOLE.fullmatch(written)
        return hole[1].strip() if hole is not None else written
    return ""


def _unescape(written: str, dialect: Dialect) -> str:
    """A value in quotes as its language reads it; JSX knows references with their semicolon alone."""
    if dialect.code:
        return _ENTITY.sub(lambda found: html.unescape(found[0]), written)
    return html.unescape(written)


def _escape(quote: str, dialect: Dialect) -> Callable[[str], str]:
    escape = escape_single if quote == "'" else escape_double
    return partial(escape_braces, escape=escape) if dialect.holes else escape


def _new_slot(text: str, tag: StartTag, dialect: Dialect) -> Slot:
    """Behind the tag's name; on a line of its own where the first attribute has one."""
    rest = text[tag.name_end : tag.end]
    gap = rest[: len(rest) - len(rest.lstrip())]
    own_line = bool(tag.attributes) and ("\n" in gap or "\r" in gap)
    return Slot(
        tag.name_end, tag.name_end, _escape("", dialect), before=f'{gap if own_line else " "}alt="', after='"'
    )
