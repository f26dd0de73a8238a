"""The tags in source code: JSX, and the markup of Vue, Svelte and Astro, with their places.

One scanner goes through a file once. It checks no more of the language than it takes to know what is a tag. Where
it loses the thread, so would a compiler, and the file is left alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import partial

from captionkit.alttext.formats.attributes import Attribute, StartTag, read_start_tag
from captionkit.alttext.formats.component_values import JSX, Dialect
from captionkit.alttext.formats.script_text import MAX_OPEN, LostError, ScriptReader, read_imports
from captionkit.errors import DataError

_TAG_ROOM = 20  # pieces of code in a single tag; where tags begin in tags without end, each reads them anew
_TYPE_CHARACTERS = 500  # of `<string>` in <Select<string> value={x} />

_OPEN = re.compile(r"<(?:([A-Za-z_$][\w$.:-]*+)(?=[\s/><{])|(?=>))")
_CLOSE = re.compile(r"</\s*+([\w$.:-]*+)[^>]*+>")
_CLOSED = re.compile(r"</\s*+([\w$.:-]*+)")
_ANGLE = re.compile(r"=>|[<>]")
_GAP, _GAP_WITH_COMMENTS = re.compile(r"\s*+"), re.compile(r"(?:\s|/\*(?:[^*]|\*(?!/))*+\*/|//[^\n]*+)*+")
_NAME, _PAGE_NAME = re.compile(r"[\w$:.-]++"), re.compile(r"[^\s=/>\"'`{}<]++")
_CONTENT = re.compile(r"[^<{]*+")
_PAGE_CONTENT = re.compile(r"(?:[^<{]|<(?![A-Za-z_$/!>]))*+")
_QUOTED = {
    '"': re.compile(r'[^"{]*+'),
    "'": re.compile(r"[^'{]*+"),
    "": re.compile(r"(?:[^\s>{\"'`/]|/(?!>))*+"),
}
_VOID = frozenset([
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr",
])  # fmt: skip
_RAW = frozenset(["script", "style", "textarea"])
_REPEATED = frozenset(["li", "p", "dt", "dd", "tr", "td", "th", "option"])  # ended by the next one


class Sink:
    """Takes what a scan meets, in order; each `start` has its `end`. This one makes nothing of it."""

    def start(self, tag: StartTag) -> None:
        """An element opens; what its attributes hold comes as if it stood in it."""

    def end(self) -> None:
        """The element that opened last closes."""

    def text(self, data: str) -> None:
        """Text, as it is written."""

    def expression(self, code: str) -> None:
        """Code without tags in it, whose value is shown in this place."""


def scan_tags(text: str, dialect: Dialect, sink: Sink, start: int = 0) -> dict[str, str]:
    """Send the tags of a text, from `start` on, to a sink.

    Returns:
        What imports call files, by name: `import dog from "./dog.png"`.

    Raises:
        DataError: the thread was lost; the message says in which line.
    """
    scanner = _Scanner(text, dialect, sink, start, len(text))
    try:
        scanner.run()
    except LostError as lost:
        line = text.count("\n", 0, lost.place) + 1
        raise DataError(f"its code cannot be followed ({lost}, line {line}), so it is left alone.") from None
    return scanner.imports


def read_tag(text: str, start: int, end: int) -> StartTag | None:
    """The JSX tag that begins at `text[start]`; None where there is none, or it reaches beyond `end`."""
    size = min(end, len(text))
    opening = _OPEN.match(text, start, size)
    if opening is None:
        return None
    scanner = _Scanner(text, JSX, Sink(), start, size)
    scanner.room = _TAG_ROOM
    try:
        read = scanner.read_tag(opening)
    except LostError:
        return None
    return read[0] if read is not None else None


class _Scanner(ScriptReader):
    def __init__(self, text: str, dialect: Dialect, sink: Sink, start: int, end: int) -> None:
        super().__init__(text, start, end)
        self._dialect, self._sink = dialect, sink
        self._calls: list[Callable[[], None]] = []  # that wait
        self._tags = self._tags_open = 0  # that were read; that are being read
        self._closed = {
            one[1]: one.start() for one in _CLOSED.finditer(text, start, end)
        }  # the last place, by name
        self._gap = _GAP_WITH_COMMENTS if dialect.comments else _GAP
        self._name = _NAME if dialect.code else _PAGE_NAME

    def run(self) -> None:
        try:
            if self._dialect.code:
                super().run()
            else:
                self._read_content(None)
        finally:
            self._tags_open = 0
            self._send()

    def _send(self, *calls: Callable[[], None]) -> None:
        """Make calls of the sink, or have them wait for the tag that they stand in."""
        self._calls += calls
        if not self._tags_open:
            waiting, self._calls = self._calls, []
            for call in waiting:
                call()

    def begin_tag(self, position: int) -> bool:
        opening = _OPEN.match(self.text, position, self.size) if self._dialect.tags else None
        if opening is None:
            return False
        tag = self._begin_element(opening, in_code=True)
        if tag is not None:
            self._read_content(tag)
        return True

    # From < to >

    def read_tag(self, opening: re.Match[str]) -> tuple[StartTag, bool] | None:
        """A tag, and whether it is closed at once (`/>`). None where it is none after all: `<T,>(x: T) => x`."""
        text, start = self.text, opening.start()
        if self._dialect.html:
            tag = read_start_tag(text, start)
            if tag is None or tag.end > self.size:
                raise LostError("a tag does not end", start)
            value = tag.attributes[-1].end if tag.attributes else tag.name_end
            return tag, text[tag.end - 2] == "/" and value < tag.end - 1
        name_end = opening.end()
        if text.startswith("<", name_end):
            name_end = self._type_end(name_end)
        attributes: list[Attribute] = []
        self.position = name_end
        while (position := self.behind(self._gap)) < self.size:
            self.position = position
            mark = text[position]
            if mark == ">" or text.startswith("/>", position):
                end = text.index(">", position) + 1
                return StartTag(opening[1] or "", start, name_end, end, tuple(attributes)), mark == "/"
            if mark == "{":
                self.read_braces(position, position + 1)
                attributes += self._named_in_code(position + 1, self.position - 1)
            elif found := self._name.match(text, position, self.size):
                attribute = self._read_attribute(found)
                if attribute is None:
                    return None
                attributes.append(attribute)
            elif mark == "/" and not self._dialect.code:
                self.position = position + 1
            else:
                return None
        raise LostError("what begins does not end", start)

    def _type_end(self, position: int) -> int:
        """Where the type ends that stands behind a tag's name."""
        depth = 0
        for found in _ANGLE.finditer(self.text, position, min(self.size, position + _TYPE_CHARACTERS)):
            depth += {"<": 1, ">": -1}.get(found[0], 0)
            if depth == 0:
                return found.end()
        raise LostError("a tag's type does not end", position)

    def _named_in_code(self, start: int, end: int) -> list[Attribute]:
        """What braces in a tag hold: attributes whose names are in the code."""
        written = self.text[start:end].strip()
        name = "..." if self._dialect.code or written.startswith("...") else written
        named = name == "..." or name.isidentifier()
        return [Attribute(name, start, start, start, end, "{")] if named else []

    def _read_attribute(self, found: re.Match[str]) -> Attribute | None:
        """An attribute; None where what stands behind its `=` is no value."""
        text = self.text
        name, (begin, end) = found[0], found.span()
        self.position = end
        equals = self.behind(self._gap)
        if equals == self.size or text[equals] != "=":
            return Attribute(name, begin, end, end, end, "")
        self.position = equals + 1
        start = self.position = self.behind(self._gap)
        mark = text[start] if start < self.size else ""
        quote = mark if mark in ("'", '"', "`", "{") else ""
        if mark == "{":
            self.read_braces(start, start + 1)
        elif mark in ("'", '"') and not self._dialect.holes:
            close = text.find(mark, start + 1, self.size)
            if close < 0:
                raise LostError("a value does not end", start)
            self.position = close + 1
        elif self._dialect.code:
            return None
        elif mark == "`":
            self.read_template(start)
        else:
            self._read_quoted(start, quote)
        size = len(quote)
        return Attribute(name, begin, end, start + size, self.position - size, quote)

    def _read_quoted(self, start: int, quote: str) -> None:
        """A value in quotes, or without, in which braces may hold code."""
        self.position = start + len(quote)
        while (position := self.behind(_QUOTED[quote])) < self.size:
            if self.text[position] != "{":
                self.position = position + len(quote)
                return
            if self._dialect.holes:
                self.read_braces(position, position + 1)
            else:
                self.position = position + 1
        raise LostError("what begins does not end", start)

    # Elements

    def _begin_element(
        self, opening: re.Match[str], *, in_code: bool = False, block: bool = False
    ) -> StartTag | None:
        """Read a tag, and what stands in it as it is; where more may, the tag comes back and its content is left.

        Args:
            opening: its beginning.
            in_code: it may be something else after all.
            block: it is a block of a Vue component.
        """
        code, number = self._dialect.code, len(self._calls)
        self._tags_open += 1
        read = self.read_tag(opening)
        self._tags_open -= 1
        if read is None:
            if not in_code:
                raise LostError("a tag cannot be read", opening.start())
            self.went(self.position, value=False)
            return None
        tag, closes = read
        name = tag.name
        never = self._closed.get(name, -1) < tag.end
        if code and never and not closes:
            if not in_code:
                raise LostError(f"<{name}> is not closed", tag.start)
            self.went(tag.end, value=False)  # it is a type: `type F = <T>(x: T) => T`
            return None
        self._tags += 1
        self._calls.insert(number, partial(self._sink.start, tag))  # before what its attributes hold
        self._ended(tag.end)
        if closes or (not code and (name in _VOID or (never and name not in _REPEATED))):
            self._send(self._sink.end)
            return None
        block = block and not _is_markup(self.text, tag)
        if not code and (name in _RAW or block or tag.attribute("is:raw") is not None):
            self._send(self._sink.end)
            self._read_raw(tag)
            return None
        return tag

    def _ended(self, end: int) -> None:
        self.went(end, value=self._dialect.code)  # in Astro another may follow at once

    def _read_raw(self, tag: StartTag) -> None:
        """What stands in an element as it is, up to its end."""
        closing = re.compile(rf"</{re.escape(tag.name)}(?=[\s/>])", re.I)
        found = closing.search(self.text, tag.end, self.size)
        end = found.start() if found is not None else self.size
        if tag.name == "script":
            self.imports |= self._read_script(tag, end)
        close = self.text.find(">", end, self.size)
        self._ended(self.size if close < 0 else close + 1)

    def _read_script(self, tag: StartTag, end: int) -> dict[str, str]:
        if not (self._dialect.html and _language(self.text, tag) in ("jsx", "tsx")):
            return read_imports(self.text, tag.end, end)
        script = _Scanner(self.text, JSX, self._sink, tag.end, end)
        script.run()
        return script.imports

    def _read_content(self, element: StartTag | None) -> None:
        """Text and tags up to the end of an element; of the whole page where there is none."""
        text, size, code, html = self.text, self.size, self._dialect.code, self._dialect.html
        elements = [element] if element is not None else []  # that are open
        names = Counter(one.name for one in elements)

        def close() -> str:
            name = elements.pop().name
            names[name] -= 1
            self._send(self._sink.end)
            return name

        while self.position < size and (elements or element is None):
            begin = self.position
            position = self.position = self.behind(_CONTENT if code else _PAGE_CONTENT)
            if position > begin:
                self._send(partial(self._sink.text, text[begin:position]))
            if position == size:
                break
            if text[position] == "{":
                self._read_expression(position)
            elif text.startswith("</", position):
                found = _CLOSE.match(text, position, size)
                name = found[1] if found is not None else ""
                if code and (found is None or elements[-1].name != name):
                    raise LostError(f"</{name}> closes nothing", position)
                while names[name] and close() != name:
                    pass
                self._ended(found.end() if found is not None else size)
            elif not code and text.startswith("<!", position):
                mark = "-->" if text.startswith("<!--", position) else ">"
                self.position = self.find(mark, position, "a comment")
            elif (opening := _OPEN.match(text, position, size)) is not None:
                if not code and opening[1] in _REPEATED and elements and elements[-1].name == opening[1]:
                    close()
                tag = self._begin_element(opening, block=html and not elements)
                if tag is not None:
                    if len(elements) == MAX_OPEN:
                        raise LostError(f"more than {MAX_OPEN:,} things are open at once", position)
                    elements.append(tag)
                    names[tag.name] += 1
            elif code:
                raise LostError("a tag cannot be read", position)
            else:
                self._send(partial(self._sink.text, "<"))
                self.position = position + 1
        if code and elements:
            raise LostError("what begins does not end", elements[-1].start)
        while elements:
            close()

    def _read_expression(self, position: int) -> None:
        """An expression among text and tags."""
        text = self.text
        if self._dialect.html:
            double = text.startswith("{{", position)
            self.position = self.find("}}", position, "an expression") if double else position + 1
            self._send(partial(self._sink.text, text[position : self.position]))
            return
        tags = self._tags
        # {#if x}, {:else}, {/if} and {@html x} of Svelte
        sign = self._dialect.holes and text.startswith(("#", ":", "/", "@"), position + 1)
        self.read_braces(position, position + (2 if sign else 1))
        if self._tags == tags:
            self._send(partial(self._sink.expression, text[position + 1 : self.position - 1]))


def _language(text: str, tag: StartTag) -> str:
    attribute = tag.attribute("lang")
    return text[attribute.start : attribute.end] if attribute is not None else ""


def _is_markup(text: str, tag: StartTag) -> bool:
    """Whether a block of a Vue component is its markup, and that is HTML."""
    return tag.name == "template" and _language(text, tag) in ("", "html")
