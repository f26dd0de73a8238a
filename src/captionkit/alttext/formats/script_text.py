"""JavaScript and TypeScript, read as far as it takes to know what a `<` is.

A value stands in quotes or backticks, a comment or a regular expression begins at a slash, a tag begins where an
expression may: behind an operator, never behind a value. So `a < b`, `Array<Image>` and `useState<Image>()` are no
tags.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping

MAX_OPEN = 1_000  # brackets, or elements: bounds memory, and people's code is far from it
_MAX_NESTED = 60  # pieces of code, each in a string or a tag of the one before: such are read by recursion
_IMPORT_CHARACTERS = 200

_PLAIN = re.compile(r"[^\"'`/<(){}\[\]]*+")
_STRINGS = {
    '"': re.compile(r'"(?:[^"\\\n]|\\.)*+"?', re.S),
    "'": re.compile(r"'(?:[^'\\\n]|\\.)*+'?", re.S),
}
_TEMPLATE = re.compile(r"(?:[^`\\$]|\\.|\$(?!\{))*+", re.S)
_REGEX = re.compile(r"/(?:[^\\/\[\r\n]|\\[^\r\n]|\[(?:[^\]\\\r\n]|\\[^\r\n])*+\])++/\w*")
# A file by the name of its default: `cup from`, `cup, { other } from`, `{ other, default as cup } from`.
IMPORT_FROM = (
    r"import(?:\s+|\s*\{[\w$\s,]{0,200}?\bdefault\s+as\s+)(\w+)(?:\s*,[\w$\s,{}*]{0,200}[\s}]|\s*\}\s*|\s+)from"
)
_IMPORT = re.compile(
    rf"(?:^|[\s;])(?:{IMPORT_FROM}"
    r"|(?:const|let|var|import)\s+(\w+)\s*=\s*require\s*\()\Z"
)
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


class LostError(Exception):
    """The code cannot be followed beyond a place."""

    def __init__(self, what: str, place: int) -> None:
        super().__init__(what)
        self.place = place


class ScriptReader:
    """Goes through code from `position` on. What stands in it, such as a string, is read by a method of its own.

    Attributes:
        room: how many more pieces of code may stand in each other.
        imports: what imports call files, by name; empty where one name stands for two.
    """

    def __init__(self, text: str, start: int, end: int) -> None:
        self.text, self.size, self.position = text, end, start
        self.imports: dict[str, str] = {}
        # What stands before a place: a value or an operator up to `_floor`, then plain characters.
        self._floor, self._value = start, False
        self._no_regex = 0  # up to here one was looked for in vain
        self.room = _MAX_NESTED

    def run(self) -> None:
        """Read all of it.

        Raises:
            LostError: it cannot be followed, or something in it does not end.
        """
        self._read_code()

    def went(self, end: int, *, value: bool) -> None:
        """All code up to `end` is read, and a value or an operator was the last of it."""
        self.position = self._floor = end
        self._value = value

    def behind(self, pattern: re.Pattern[str]) -> int:
        """Where a pattern ends that begins at the position; the position itself where there is none."""
        found = pattern.match(self.text, self.position, self.size)
        return found.end() if found is not None else self.position

    def find(self, mark: str, position: int, what: str) -> int:
        """The place behind the mark that ends what begins at a place with two characters."""
        end = self.text.find(mark, position + 2, self.size)
        if end < 0:
            raise LostError(f"{what} does not end", position)
        return end + len(mark)

    def begin_tag(self, position: int) -> bool:
        """Read the tag at a place where one may be, and what stands in its element; whether there is one."""
        return False

    def read_braces(self, start: int, code: int) -> None:
        """Code in braces that begin at `start`; the code itself begins at `code`."""
        if not self.room:
            raise LostError(f"more than {_MAX_NESTED} things are open at once", start)
        self.room -= 1
        self.went(code, value=False)
        self._read_code(start)
        self.room += 1

    def read_template(self, start: int) -> None:
        """A string in backticks."""
        self.position = start + 1
        while (mark := self.behind(_TEMPLATE)) < self.size:
            if self.text[mark] == "`":
                self.position = mark + 1
                return
            self.read_braces(mark, mark + 2)
        raise LostError("what begins does not end", start)

    def _read_code(self, braces: int | None = None) -> None:
        """Code up to its end, or behind the end of the braces that it stands in, which begin at a place."""
        text = self.text
        brackets: list[tuple[str, int]] = []  # that are open, with their places
        while (position := self.behind(_PLAIN)) < self.size:
            mark = text[position]
            if string := _STRINGS[mark].match(text, position, self.size) if mark in _STRINGS else None:
                self._read_import(position, string.end())
                self.went(string.end(), value=True)
            elif mark == "`":
                self.read_template(position)
                self.went(self.position, value=True)
            elif mark == "/":
                self._read_slash(position)
            elif mark == "<":
                if self._follows_value(position) or not self.begin_tag(position):
                    self.went(position + 1, value=False)
            elif mark in "([{":
                if len(brackets) == MAX_OPEN:
                    raise LostError(f"more than {MAX_OPEN:,} things are open at once", position)
                # Behind the condition of an `if` stands no operator.
                before = text[self._floor : position].rstrip() if mark == "(" else ""
                brackets.append(("(if" if _last_word(before) in _CONDITIONS else mark, position))
                self.went(position + 1, value=False)
            elif mark == "}" and braces is not None and not brackets:
                self.position = position + 1
                return
            else:
                opened = brackets.pop()[0] if brackets else ""
                if opened[:1] != _PAIRS[mark]:
                    raise LostError(f"a {mark} closes nothing", position)
                self.went(position + 1, value=mark != "}" and opened != "(if")
        self.position = self.size
        if brackets:
            raise LostError("what begins does not end", brackets[-1][1])
        if braces is not None:
            raise LostError("what begins does not end", braces)

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
