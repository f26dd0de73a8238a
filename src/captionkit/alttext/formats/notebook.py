"""Jupyter notebooks: the Markdown cells, edited inside the JSON as it was written.

Only the characters of the alternative text change, within the string literal of the cell's source; indentation,
key order, escapes and line ends of the rest of the file stay. Pictures may be attachments of the cell. Outputs
are made by running the code and have no place for alternative text.
"""

from __future__ import annotations

import base64
import json
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from captionkit.alttext.formats import markdown
from captionkit.alttext.formats.decoding import DecodedText, decode_utf8
from captionkit.alttext.formats.pictures import Edit, Picture, slot_edits
from captionkit.errors import DataError
from captionkit.files.edits import ByteEdit

_TOKEN = re.compile(r'[{}\[\],]|"[^"\\]*+(?:\\.[^"\\]*+)*+"(\s*+:)?+')  # what follows a name is a colon
# Two escapes may be halves of one character.
_CHARACTER = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.|.", re.S)


@dataclass(frozen=True, slots=True)
class _Source:
    """A cell's source: its text, and for each character the offset in the file."""

    text: str
    places: list[int]


@dataclass(frozen=True, slots=True)
class NotebookDocument:
    """A notebook. `pictures` stand in the order of its cells; `member` is "cell N", from 1."""

    decoded: DecodedText
    pictures: tuple[Picture, ...]
    sources: Mapping[str, _Source]
    attachments: Mapping[str, bytes]

    def edits(self, alts: Mapping[int, str]) -> tuple[ByteEdit, ...]:
        """The edits of the file that give picture number `i` the alternative text `alts[i]`."""
        edits = []
        for index, inner in zip(alts, slot_edits(self.pictures, alts), strict=True):
            places = self.sources[self.pictures[index].member].places
            # An alt text over two lines may span two literals: the quotes between them go, one literal is left.
            edits.append(Edit(places[inner.start], places[inner.end], self._escape(inner.new)))
        return self.decoded.byte_edits(edits)

    def embedded(self, name: str) -> bytes | None:
        """The bytes of a cell's attachment."""
        return self.attachments.get(name)

    def _escape(self, text: str) -> str:
        # A file in plain ASCII stays so.
        return json.dumps(text, ensure_ascii=self.decoded.text.isascii())[1:-1]


def read_notebook(data: bytes) -> NotebookDocument:
    """The pictures of a notebook's Markdown cells.

    Raises:
        DataError: not JSON, or no notebook of format 4.
    """
    decoded = decode_utf8(data)
    try:
        notebook = json.loads(decoded.text)
    except (ValueError, RecursionError):
        raise DataError("it is not JSON, so it is no notebook.") from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise DataError("it has no list of cells, so it is no notebook of format 4.")
    literals = _source_literals(decoded.text)
    pictures: list[Picture] = []
    sources: dict[str, _Source] = {}
    attachments: dict[str, bytes] = {}
    for number, cell in enumerate(cells):
        if not isinstance(cell, dict) or cell.get("cell_type") != "markdown":
            continue
        name = f"cell {number + 1}"
        source = _join_literals(decoded.text, literals.get(number, []))
        lines = cell.get("source")
        if not isinstance(lines, str | list | None):
            raise DataError(f"its {name} has a source that is no text.")
        if source.text != (lines if isinstance(lines, str) else "".join(map(str, lines or []))):
            raise DataError(f"its {name} has more than one source.")
        sources[name] = source
        for picture in markdown.find_pictures(source.text):
            embedded = ""
            if picture.source.startswith("attachment:"):
                embedded = f"{name}: {picture.source}"
                content = _attachment(cell, picture.source.removeprefix("attachment:"))
                if content is not None:
                    attachments[embedded] = content
            pictures.append(replace(picture, member=name, embedded=embedded))
    return NotebookDocument(decoded, tuple(pictures), sources, attachments)


def _attachment(cell: dict[str, Any], name: str) -> bytes | None:
    bundles = cell.get("attachments")
    # In an address, a space or a letter with an accent is escaped; the attachment's own name has it as it is.
    bundle = bundles.get(name, bundles.get(urllib.parse.unquote(name))) if isinstance(bundles, dict) else None
    for kind, content in bundle.items() if isinstance(bundle, dict) else ():
        text = "".join(map(str, content)) if isinstance(content, list) else content
        if str(kind).startswith("image/") and isinstance(text, str):
            if kind == "image/svg+xml":
                return text.encode("utf-8", "replace")
            try:
                return base64.b64decode("".join(text.split()), validate=True)
            except ValueError:
                return None
    return None


def _source_literals(text: str) -> dict[int, list[tuple[int, int]]]:
    """Cell number -> the places of the string literals of its `source`, quotes included."""
    found: dict[int, list[tuple[int, int]]] = {}
    stack: list[Any] = []  # keys of objects and numbers of arrays, from the outermost
    for token in _TOKEN.finditer(text):
        mark = token[0][0]
        if mark in "{[":
            stack.append(None if mark == "{" else 0)
        elif mark in "}]":
            stack.pop()
        elif mark == ",":
            stack[-1] = stack[-1] + 1 if isinstance(stack[-1], int) else None
        elif token[1]:
            stack[-1] = json.loads(token[0][: -len(token[1])])
        elif stack[:1] == ["cells"] and stack[2:3] == ["source"] and len(stack) <= 4:
            found.setdefault(stack[1], []).append(token.span())
    return found


def _join_literals(text: str, literals: list[tuple[int, int]]) -> _Source:
    """The text of string literals, one behind the other, with the place of each character in the file.

    `places` has one more entry, the closing quote of the last.
    """
    found = [one for start, end in literals for one in _CHARACTER.finditer(text, start + 1, end - 1)]
    characters = "".join(json.loads(f'"{one[0]}"', strict=False) for one in found)
    return _Source(characters, [*(one.start() for one in found), literals[-1][1] - 1 if literals else 0])
