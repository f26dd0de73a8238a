"""The tags in source code: JSX, and the markup of Vue, Svelte and Astro, with their places.

One scanner goes through a file once. It checks no more of the language than it takes to know what is a tag. Where
it loses the thread, so would a compiler, and the file is left alone.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Literal, Protocol

from captionkit.alttext.attributes import Attribute, StartTag, read_start_tag
from captionkit.alttext.component_values import JSX, Dialect
from captionkit.alttext.script_text import Frame, Kind, LostError, ScriptReader, read_imports
from captionkit.errors import DataError

_EVENTS = 1_000  # that wait to be sent on
_TAG_DEPTH = 50  # of what a single tag may hold
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


class Sink(Protocol):
    """Takes what a scan meets, in order; each `start` has its `end`."""

    def start(self, tag: StartTag) -> None:
        """An element opens; what its attributes hold comes as if it stood in it."""

    def end(self) -> None:
        """The element that opened last closes."""

    def text(self, data: str) -> None:
        """Text, as it is written."""

    def expression(self, code: str) -> None:
        """Code without tags in it, whose value is shown in this place."""


# A call of a sink that is still to be made.
_Event = (
    tuple[Literal["start"], StartTag] | tuple[Literal["text", "expression"], str] | tuple[Literal["end"], None]
)
_END: _Event = ("end", None)


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
        scanner.flush()
        line = text.count("\n", 0, lost.place) + 1
        raise DataError(f"its code cannot be followed ({lost}, line {line}), so it is left alone.") from None
    return scanner.imports


def read_tag(text: str, start: int, end: int) -> StartTag | None:
    """The JSX tag that begins at `text[start]`; None where there is none, or it reaches beyond `end`."""
    try:
        return _Scanner(text, JSX, None, start, min(end, len(text))).first()
    except LostError:
        return None


class _Scanner(ScriptReader):
    def __init__(self, text: str, dialect: Dialect, sink: Sink | None, start: int, end: int) -> None:
        super().__init__(text, start, end, code=dialect.code)
        self._dialect, self._sink = dialect, sink
        self._events: list[_Event | None] = []  # None where a tag is not read yet
        self._tags = self._tags_open = 0
        self._elements: Counter[tuple[int, str]] = Counter()  # that are open, by boundary and name
        self._closed: dict[str, int] | None = None  # the last place where a name is closed
        self._gap = _GAP_WITH_COMMENTS if dialect.comments else _GAP
        self._name = _NAME if dialect.code else _PAGE_NAME
        self.steps |= {
            Kind.TAG: self._read_tag,
            Kind.QUOTED: self._read_quoted,
            Kind.ELEMENT: self._read_content,
        }

    def run(self) -> None:
        self._closed = {one[1]: one.start() for one in _CLOSED.finditer(self.text, self.position, self.size)}
        while self.position < self.size:
            self.step()
            if len(self._events) >= _EVENTS and not self._tags_open:
                self.flush()
        while len(self.stack) > 1:
            frame = self.stack[-1]
            if frame.kind is not Kind.ELEMENT or self._dialect.code:
                raise LostError("what begins does not end", frame.start)
            self._pop_element()
        self.flush()

    def first(self) -> StartTag | None:
        """The tag at the place where the text begins."""
        self.depth = _TAG_DEPTH
        if not self.begin_tag(self.position):
            return None
        while self._events[0] is None and self.position < self.size and len(self.stack) > 1:
            self.step()
        event = self._events[0]
        return event[1] if event is not None and event[0] == "start" else None

    # From < to >

    def begin_tag(self, position: int) -> bool:
        opening = _OPEN.match(self.text, position, self.size) if self._dialect.tags else None
        if opening is not None:
            self._begin_tag(position, opening)
        return opening is not None

    def _begin_tag(self, position: int, opening: re.Match[str]) -> None:
        number = len(self._events)
        self._events.append(None)  # its place, before what its attributes hold
        if self._dialect.html:
            tag = read_start_tag(self.text, position)
            if tag is None or tag.end > self.size:
                raise LostError("a tag does not end", position)
            value = tag.attributes[-1].end if tag.attributes else tag.name_end
            self._start_element(tag, number, closes=self.text[tag.end - 2] == "/" and value < tag.end - 1)
            return
        name_end = opening.end()
        if self.text.startswith("<", name_end):
            name_end = self._type_end(name_end)
        self._tags_open += 1
        frame = self.push(Kind.TAG, position, opening[1] or "")
        frame.name_end, frame.number = name_end, number
        self.position = name_end

    def _type_end(self, position: int) -> int:
        depth = 0
        for found in _ANGLE.finditer(self.text, position, min(self.size, position + _TYPE_CHARACTERS)):
            depth += {"<": 1, ">": -1}.get(found[0], 0)
            if depth == 0:
                return found.end()
        raise LostError("a tag's type does not end", position)

    def _read_tag(self) -> None:
        text, frame = self.text, self.stack[-1]
        position = self.position = self._behind_gap(self.position)
        if position == self.size:
            return
        mark = text[position]
        if mark == ">" or text.startswith("/>", position):
            self.stack.pop()
            self._tags_open -= 1
            end = text.index(">", position) + 1
            tag = StartTag(frame.name, frame.start, frame.name_end, end, tuple(frame.attributes))
            self._start_element(tag, frame.number, closes=mark == "/")
        elif mark == "{":
            self.push(Kind.VALUE, position)
            self.went(position + 1, value=False)
        elif found := self._name.match(text, position, self.size):
            self._read_attribute(frame, found)
        elif mark == "/" and not self._dialect.code:
            self.position = position + 1
        else:
            self._no_tag(position)

    def _behind_gap(self, position: int) -> int:
        found = self._gap.match(self.text, position, self.size)
        return found.end() if found is not None else position

    def _read_attribute(self, frame: Frame, found: re.Match[str]) -> None:
        name, begin, end = found[0], found.start(), found.end()
        equals = self._behind_gap(end)
        if equals == self.size or self.text[equals] != "=":
            frame.attributes.append(Attribute(name, begin, end, end, end, "", valued=False))
            self.position = end
            return
        start = self._behind_gap(equals + 1)
        mark = self.text[start] if start < self.size else ""
        frame.pending = (name, begin, end)
        quote = mark if mark in ("'", '"') else ""
        if mark == "{":
            self.push(Kind.VALUE, start)
            self.went(start + 1, value=False)
        elif quote and not self._dialect.holes:
            close = self.text.find(mark, start + 1, self.size)
            if close < 0:
                raise LostError("a value does not end", start)
            self._end_value(start + 1, close, mark)
        elif self._dialect.code:
            self._no_tag(start)
        elif mark == "`":
            self.push(Kind.TEMPLATE, start)
            self.position = start + 1
        else:
            self.push(Kind.QUOTED, start, quote)
            self.position = start + len(quote)

    def _read_quoted(self) -> None:
        frame = self.stack[-1]
        found = _QUOTED[frame.name].match(self.text, self.position, self.size)
        position = self.position = found.end() if found is not None else self.size
        if position == self.size:
            return
        if self.text[position] != "{":
            self.stack.pop()
            self._end_value(frame.start + len(frame.name), position, frame.name)
        elif self._dialect.holes:
            self.push(Kind.HOLE, position)
            self.went(position + 1, value=False)
        else:
            self.position = position + 1

    def _end_value(self, start: int, end: int, quote: str) -> None:
        frame = self.stack[-1]
        if frame.pending is not None:
            frame.attributes.append(Attribute(*frame.pending, start, end, quote, valued=True))
        frame.pending = None
        self.position = end + len(quote)

    def template_ends(self, frame: Frame, position: int) -> None:
        if self.stack[-1].kind is Kind.TAG:
            self._end_value(frame.start + 1, position, "`")
        else:
            self.went(position + 1, value=True)

    def braces_end(self, frame: Frame, position: int) -> None:
        start = frame.start + 1
        if frame.kind is Kind.CHILD and frame.number == self._tags:
            self._events.append(("expression", self.text[start:position]))
        elif frame.kind is Kind.VALUE and self.stack[-1].pending is not None:
            self._end_value(start, position, "{")
        elif frame.kind is Kind.VALUE:  # attributes whose names are in the code
            written = self.text[start:position].strip()
            name = "..." if self._dialect.code or written.startswith("...") else written
            if name == "..." or name.isidentifier():
                attribute = Attribute(name, start, start, start, position, "{", valued=True)
                self.stack[-1].attributes.append(attribute)

    def _no_tag(self, position: int) -> None:
        """In code it is another thing after all: `<T,>(x: T) => x`."""
        if self.stack[-2].kind is Kind.ELEMENT:
            raise LostError("a tag cannot be read", self.stack[-1].start)
        self.stack.pop()
        self._tags_open -= 1
        self.went(position, value=False)

    # Elements

    def _start_element(self, tag: StartTag, number: int, *, closes: bool) -> None:
        code, name = self._dialect.code, tag.name
        never = self._closed is not None and self._closed.get(name, -1) < tag.end
        single = closes or (never and (code or name not in _REPEATED))
        if single and not closes and code:
            if self.stack[-1].kind is Kind.ELEMENT:
                raise LostError(f"<{name}> is not closed", tag.start)
            self.went(tag.end, value=False)  # it is a type: `type F = <T>(x: T) => T`
            return
        self._events[number] = ("start", tag)
        self._tags += 1
        block = self._dialect.html and len(self.stack) == 1 and not _is_markup(self.text, tag)
        if single or (not code and name in _VOID):
            self._events.append(_END)
            self._element_ended(tag.end)
        elif not code and (name in _RAW or block or tag.attribute("is:raw") is not None):
            self._events.append(_END)
            self._read_raw(tag)
        else:
            parent = self.stack[-1]
            boundary = parent.boundary if parent.kind is Kind.ELEMENT else len(self.stack) - 1
            self.push(Kind.ELEMENT, tag.start, name).boundary = boundary
            self._elements[boundary, name] += 1
            self.position = tag.end

    def _element_ended(self, end: int) -> None:
        if self.stack[-1].kind is Kind.ELEMENT:
            self.position = end
        else:
            self.went(end, value=self._dialect.code)  # in Astro another may follow at once

    def _pop_element(self) -> str:
        frame = self.stack.pop()
        self._elements[frame.boundary, frame.name] -= 1
        self._events.append(_END)
        return frame.name

    def _read_raw(self, tag: StartTag) -> None:
        """What stands in an element as it is, up to its end."""
        closing = re.compile(rf"</{re.escape(tag.name)}(?=[\s/>])", re.I)
        found = closing.search(self.text, tag.end, self.size)
        end = found.start() if found is not None else self.size
        if tag.name == "script":
            self.imports |= self._read_script(tag, end)
        close = self.text.find(">", end, self.size)
        self._element_ended(self.size if close < 0 else close + 1)

    def _read_script(self, tag: StartTag, end: int) -> dict[str, str]:
        if not (self._dialect.html and _language(self.text, tag) in ("jsx", "tsx")):
            return read_imports(self.text, tag.end, end)
        self.flush()
        script = _Scanner(self.text, JSX, self._sink, tag.end, end)
        script.run()
        return script.imports

    def _read_content(self) -> None:
        text, size, code, begin = self.text, self.size, self._dialect.code, self.position
        found = (_CONTENT if code else _PAGE_CONTENT).match(text, begin, size)
        position = self.position = found.end() if found is not None else size
        if position > begin:
            self._events.append(("text", text[begin:position]))
        if position == size:
            return
        if text[position] == "{":
            self._read_braces(position)
        elif text.startswith("</", position):
            self._read_end_tag(position)
        elif not code and text.startswith("<!", position):
            self.position = self.find("-->" if text.startswith("<!--", position) else ">", position, "a comment")
        elif (opening := _OPEN.match(text, position, size)) is not None:
            if opening[1] == self.stack[-1].name and opening[1] in _REPEATED and not code:
                self._pop_element()
            self._begin_tag(position, opening)
        elif code:
            raise LostError("a tag cannot be read", position)
        else:
            self._events.append(("text", "<"))
            self.position = position + 1

    def _read_braces(self, position: int) -> None:
        if not self._dialect.html:
            self.push(Kind.CHILD, position).number = self._tags
            # {#if x}, {:else}, {/if} and {@html x} of Svelte
            sign = self._dialect.holes and self.text.startswith(("#", ":", "/", "@"), position + 1)
            self.went(position + (2 if sign else 1), value=False)
            return
        double = self.text.startswith("{{", position)
        end = self.find("}}", position, "an expression") if double else position + 1
        self._events.append(("text", self.text[position:end]))
        self.position = end

    def _read_end_tag(self, position: int) -> None:
        found = _CLOSE.match(self.text, position, self.size)
        name = found[1] if found is not None else ""
        top = self.stack[-1]
        if self._dialect.code and (found is None or top.name != name):
            raise LostError(f"</{name}> closes nothing", position)
        end = found.end() if found is not None else self.size
        if self._elements[top.boundary, name]:
            while self._pop_element() != name:
                pass
            self._element_ended(end)
        else:
            self.position = end

    def flush(self) -> None:
        """Send on what is complete."""
        sink = self._sink
        if sink is None:  # one tag alone is asked for
            return
        events, self._events = self._events, []
        for event in events:
            match event:
                case ("start", tag):
                    sink.start(tag)
                case ("text", data):
                    sink.text(data)
                case ("expression", code):
                    sink.expression(code)
                case ("end", _):
                    sink.end()


def _language(text: str, tag: StartTag) -> str:
    attribute = tag.attribute("lang")
    return text[attribute.start : attribute.end] if attribute is not None else ""


def _is_markup(text: str, tag: StartTag) -> bool:
    """Whether a block of a Vue component is its markup, and that is HTML."""
    return tag.name == "template" and _language(text, tag) in ("", "html")
