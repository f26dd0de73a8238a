"""JavaScript and TypeScript, read as far as it takes to know what a `<` is.

A value stands in quotes or backticks, a comment or a regular expression begins at a slash, a tag begins where an
expression may: behind an operator, never behind a value. So `a < b`, `Array<Image>` and `useState<Image>()` are no
tags.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from captionkit.alttext.attributes import Attribute

MAX_DEPTH = 1_000  # of what is open at once: bounds memory, and people's code is far from it
_IMPORT_CHARACTERS = 200

_PLAIN = re.compile(r"[^\"'`/<(){}\[\]]*+")
_STRINGS = {
    '"': re.compile(r'"(?:[^"\\\n]|\\.)*+"?', re.S),
    "'": re.compile(r"'(?:[^'\\\n]|\\.)*+'?", re.S),
}
_TEMPLATE = re.compile(r"(?:[^`\\$]|\\.|\$(?!\{))*+", re.S)
_REGEX = re.compile(r"/(?:[^\\/\[\r\n]|\\[^\r\n]|\[(?:[^\]\\\r\n]|\\[^\r\n])*+\])++/\w*")
_IMPORT = re.compile(r"(?:^|[\s;])(?:import\s+(\w+)\s+from|(?:const|let|var|import)\s+(\w+)\s*=\s*require\s*\()\Z")
# Words behind which an expression begins, as behind an operator; and those with a condition in brackets.
_OPERATORS = frozenset([
    "return", "typeof", "instanceof", "in", "of", "new", "delete", "void", "throw", "case", "do", "else", "await",
    "yield", "default", "extends",
])  # fmt: skip
_CONDITIONS = frozenset(["if", "while", "for", "with"])
_LAST_WORD = re.compile(r"[\w$]+\Z")
_LONGEST_WORD = 12
# What gives names another meaning in a part of a file: parameters, `const {dog} = ...`, loops of Vue and Svelte.
_REBOUND = re.compile(
    r"""\(([^()]{0,500})\)\s*(?::[^={}()]{0,99})?=>
    | \b(\w+)\s*=>
    | \bfunction\b[^()]{0,99}\(([^()]{0,500})\)
    | \b(?:const|let|var)\s*[{[]([^}\]]{0,500})[}\]]\s*=
    | \bv-for\s*=\s*["']([^"']{0,200}?)\s(?:in|of)\s
    | \{\#each\s[^{}]{0,200}?\sas\s([^{}]{0,200}(?:\{[^{}]{0,200}\})?)""",
    re.X,
)
_PAIRS = {")": "(", "]": "[", "}": "{"}


class Kind(Enum):
    """What may be open at a place of source code."""

    CODE = auto()  # the file itself
    BRACKET = auto()  # in code
    TEMPLATE = auto()  # a string in backticks
    HOLE = auto()  # code in a string
    CHILD = auto()  # code in braces among text and tags
    VALUE = auto()  # code in braces in a tag
    QUOTED = auto()  # a value with holes
    TAG = auto()  # from `<` to `>`
    ELEMENT = auto()  # from `>` to `</`; the page itself


@dataclass(slots=True)
class Frame:
    """What is open, and where it began; each kind uses what it needs.

    Attributes:
        name: of a tag or an element; the bracket; the quote.
        boundary: of an element: where the stack has the frame that it and the elements around it stand in.
        number: how many tags were before it; of a tag, its own place among the events.
        name_end, pending, attributes: of a tag: the place behind its name, the attribute whose value is being
            read (name, from, to), and those that were read.
    """

    kind: Kind
    start: int
    name: str = ""
    boundary: int = 0
    number: int = 0
    name_end: int = 0
    pending: tuple[str, int, int] | None = None
    attributes: list[Attribute] = field(default_factory=list)


class LostError(Exception):
    """The code cannot be followed beyond a place."""

    def __init__(self, what: str, place: int) -> None:
        super().__init__(what)
        self.place = place


class ScriptReader:
    """Goes through code from `position`, a step at a time, with a stack of what is open.

    Attributes:
        depth: how many things may be open at once.
        imports: what imports call files, by name; empty where one name stands for two.
    """

    def __init__(self, text: str, start: int, end: int, *, code: bool = True) -> None:
        self.text, self.size, self.position = text, end, start
        self.stack = [Frame(Kind.CODE if code else Kind.ELEMENT, start)]
        self.imports: dict[str, str] = {}
        self.depth = MAX_DEPTH
        self.steps: dict[Kind, Callable[[], None]] = {Kind.TEMPLATE: self._read_template}
        # What stands before a place: a value or an operator up to `_floor`, then plain characters.
        self._floor, self._value = start, False
        self._no_regex = 0  # up to here one was looked for in vain

    def run(self) -> None:
        """Read all of it.

        Raises:
            LostError: it cannot be followed, or something in it does not end.
        """
        while self.position < self.size:
            self.step()
        if len(self.stack) > 1:
            raise LostError("what begins does not end", self.stack[-1].start)

    def step(self) -> None:
        """Read on, to the next place that counts."""
        self.steps.get(self.stack[-1].kind, self._read_code)()

    def push(self, kind: Kind, start: int, name: str = "") -> Frame:
        """Something opens."""
        if len(self.stack) >= self.depth:
            raise LostError(f"more than {self.depth:,} things are open at once", start)
        frame = Frame(kind, start, name)
        self.stack.append(frame)
        return frame

    def went(self, end: int, *, value: bool) -> None:
        """All code up to `end` is read, and a value or an operator was the last of it."""
        self.position = self._floor = end
        self._value = value

    def find(self, mark: str, position: int, what: str) -> int:
        """The place behind the mark that ends what begins at a place with two characters."""
        end = self.text.find(mark, position + 2, self.size)
        if end < 0:
            raise LostError(f"{what} does not end", position)
        return end + len(mark)

    def begin_tag(self, position: int) -> bool:
        """Begin the tag at a place where one may be; whether there is one."""
        return False

    def braces_end(self, frame: Frame, position: int) -> None:
        """Code in braces ends at a place; its frame is closed."""

    def template_ends(self, frame: Frame, position: int) -> None:
        """A string in backticks ends at a place; its frame is closed."""
        self.went(position + 1, value=True)

    def _read_code(self) -> None:
        text = self.text
        found = _PLAIN.match(text, self.position, self.size)
        position = self.position = found.end() if found is not None else self.size
        if position == self.size:
            return
        mark = text[position]
        if string := _STRINGS[mark].match(text, position, self.size) if mark in _STRINGS else None:
            self._read_import(position, string.end())
            self.went(string.end(), value=True)
        elif mark == "`":
            self.push(Kind.TEMPLATE, position)
            self.position = position + 1
        elif mark == "/":
            self._read_slash(position)
        elif mark == "<":
            if self._follows_value(position) or not self.begin_tag(position):
                self.went(position + 1, value=False)
        elif mark in "([{":
            # Behind the condition of an `if` stands no operator.
            before = text[self._floor : position].rstrip() if mark == "(" else ""
            self.push(Kind.BRACKET, position, "(if" if _last_word(before) in _CONDITIONS else mark)
            self.went(position + 1, value=False)
        else:
            self._close_bracket(position, mark)

    def _follows_value(self, position: int) -> bool:
        """Whether an operator is due at a place of the code, and no new expression."""
        before = self.text[self._floor : position].rstrip()
        if not before:
            return self._value
        if word := _last_word(before):
            return word not in _OPERATORS or before[: -len(word)].endswith(".")
        if before.endswith("!"):  # "that is surely there" in TypeScript
            return bool(_last_word(before[:-1])) or (before == "!" and self._value)
        return before.endswith(("++", "--", "."))

    def _read_slash(self, position: int) -> None:
        text = self.text
        if text.startswith("//", position):
            self.went(self._line_end(position), value=self._follows_value(position))
        elif text.startswith("/*", position):
            end = self.find("*/", position, "a comment")
            self.went(end, value=self._follows_value(position))
        elif self._follows_value(position) or position < self._no_regex:
            self.went(position + 1, value=False)
        elif found := _REGEX.match(text, position, self.size):
            self.went(found.end(), value=True)
        else:
            self._no_regex = self._line_end(position)
            self.went(position + 1, value=False)

    def _line_end(self, position: int) -> int:
        end = self.text.find("\n", position, self.size)
        return self.size if end < 0 else end

    def _read_import(self, start: int, end: int) -> None:
        before = self.text[max(0, start - _IMPORT_CHARACTERS) : start].rstrip()
        found = _IMPORT.search(before) if before.endswith(("from", "(")) else None
        if found is not None:
            name, address = found[1] or found[2], self.text[start + 1 : end - 1]
            if self.imports.setdefault(name, address) != address or "\\" in address:
                self.imports[name] = ""  # two files of one name: no telling which is meant

    def _close_bracket(self, position: int, mark: str) -> None:
        frame = self.stack[-1]
        opened = "{" if frame.kind in (Kind.HOLE, Kind.CHILD, Kind.VALUE) else frame.name[:1]
        if opened != _PAIRS[mark]:
            raise LostError(f"a {mark} closes nothing", position)
        self.stack.pop()
        if frame.kind is Kind.BRACKET:
            self.went(position + 1, value=mark != "}" and frame.name != "(if")
        else:
            self.position = position + 1
            self.braces_end(frame, position)

    def _read_template(self) -> None:
        found = _TEMPLATE.match(self.text, self.position, self.size)
        end = self.position = found.end() if found is not None else self.size
        if end == self.size:
            return
        if self.text[end] == "`":
            self.template_ends(self.stack.pop(), end)
        else:
            self.push(Kind.HOLE, end)
            self.went(end + 2, value=False)


def read_imports(text: str, start: int, end: int) -> dict[str, str]:
    """What imports call files in a script without tags, as far as it can be followed."""
    reader = ScriptReader(text, start, end)
    with contextlib.suppress(LostError):  # of such a script nothing else is asked
        reader.run()
    return reader.imports


def not_rebound(imports: Mapping[str, str], text: str) -> dict[str, str]:
    """Imports whose names mean nothing else in their file: of others only a compiler knows what is meant where."""
    if not imports:
        return {}
    rebound = {
        name for found in _REBOUND.finditer(text) for name in re.findall(r"\w+", found[found.lastindex or 0])
    }
    return {name: address for name, address in imports.items() if name not in rebound}


def _last_word(before: str) -> str:
    """The word that ends a text, or as much of it as tells it from those that count."""
    found = _LAST_WORD.search(before[-_LONGEST_WORD:])
    return found[0] if found is not None else ""
