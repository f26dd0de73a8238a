"""Markdown (CommonMark with tables): images, reference images and embedded HTML, with their places.

`markdown-it-py` decides what is an image. Its block tokens know their lines and its inline rules know their
position inside a block; two wrapped rules write that position down, and each line of a block is looked up in
its source line again. HTML inside Markdown is read by the HTML parser from a copy of the text in which all
that is not HTML is blank, so that every place stays what it is.
"""

from __future__ import annotations

import bisect
import json
import re
import urllib.parse
from collections.abc import Callable
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from captionkit.alttext.formats import html
from captionkit.alttext.formats.components import find_components, find_inclusions, without_unread
from captionkit.alttext.formats.context import FILLED_IN, NEARBY_CHUNKS, TEMPLATE_MARKS, beside
from captionkit.alttext.formats.decoding import TextDocument, decode_utf8
from captionkit.alttext.formats.lines import LineIndex, in_order
from captionkit.alttext.formats.markdown_blocks import unfolded
from captionkit.alttext.formats.pictures import MAX_CHARACTERS, Context, Picture, Placed, Slot, squeeze
from captionkit.errors import UsageError

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token


# A template is filled in before Markdown is read: its spaces and quotes do not end the address behind `](`. The
# parser is given stand-ins for them.
_FILLED_IN = re.compile(r"\]\([^\s()<>{}]*(?:\{\{[^{}\n]*\}\}|\{%[^{}\n]*%\})")
_STAND_INS = {ord(character): 0x10F000 + ord(character) for character in " \t\"'()<>[]|\\"}
_MEANT = {stand_in: character for character, stand_in in _STAND_INS.items()}
# In a label: to CommonMark, to tables, and braces to MDX, Liquid and attribute lists. An escape that need not be
# would stay visible where Markdown is not CommonMark's (MkDocs).
_MEANS_SOMETHING = re.compile(r"[\\\[\]*_`~|{}]|<(?=[A-Za-z/!?])|&(?=#?\w+;)")
# Behind a picture, as kramdown (Jekyll) and Python-Markdown (MkDocs) have it: `{: .wide alt="A dog"}`.
_ATTRIBUTES = re.compile(r"""\{(?=[:\s.#\w])(?:[^{}"'\n]|"[^"\n]*"|'[^'\n]*')*\}""")
_ALT = re.compile(r"""[{:\s]alt\s*=\s*(?:"([^"\n]*)"|'([^'\n]*)')""")


def read_markdown(data: bytes) -> TextDocument:
    """The pictures of a Markdown file, which is UTF-8 unless a byte order mark says otherwise."""
    decoded = decode_utf8(data)
    return TextDocument(decoded, find_pictures(decoded.text))


def find_pictures(text: str) -> tuple[Picture, ...]:
    """The pictures of a Markdown text."""
    text = without_unread(text)
    plain = _FILLED_IN.sub(lambda found: f"]({found[0][2:].translate(_STAND_INS)}", text)
    lines = _Lines(plain)
    body = lines.front_matter()
    shown = list(unfolded(lines.contents[body:]))
    reader = _Reader(text, lines)
    reader.read(_parser().parse("\n" * body + "\n".join(shown)))
    for number, line in enumerate(shown, start=body):
        if not line:
            reader.read_tag(number)
    made = find_inclusions(text, reader.code) + find_components(text, reader.code)
    made = [(offset, replace(one, context=reader.under_heading(offset, one.context))) for offset, one in made]
    known = {offset for offset, _ in made}  # a tag of JSX may pass for one of HTML
    pictures = [one for one in reader.pictures + reader.html_pictures() if one[0] not in known] + made
    return in_order(lines, pictures)


def escape_label(alt: str) -> str:
    """Alternative text as a Markdown label that renders as exactly that text."""
    escaped = squeeze(_MEANS_SOMETHING.sub(r"\\\g<0>", alt))
    return escaped.replace(r"\{%", "&#123;%")  # Liquid, which comes first, knows no backslash


class _Lines(LineIndex):
    """The source lines of a text; what was found in a line is not found there again."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._text = text
        self._cursor: dict[int, int] = {}

    def front_matter(self) -> int:
        """The number of lines of a YAML, TOML or JSON block at the very start, which is no Markdown."""
        first = self.contents[0].rstrip()
        if first.startswith("{"):
            return self._json_lines()
        ends = {"---": ("---", "..."), "+++": ("+++",)}.get(first, ())
        for number, line in enumerate(self.contents[1:], start=1):
            if line.rstrip() in ends:
                return number + 1
        return 0

    def _json_lines(self) -> int:
        try:
            _, end = json.JSONDecoder().raw_decode(self._text)
        except (ValueError, RecursionError):
            return 0
        line, column = self.place(end)
        return 0 if self.contents[line - 1][column - 1 :].strip() else line

    def find(self, number: int, part: str) -> int | None:
        """The offset of a block's line in its source line, behind what was found there before."""
        if number >= len(self.contents):
            return None
        core = part.strip(" \t")
        column = self.contents[number].find(core, self._cursor.get(number, 0))
        if column < 0:
            return None
        self._cursor[number] = column + len(core)
        return self.starts[number] + column - (len(part) - len(part.lstrip(" \t")))


class _Reader:
    def __init__(self, text: str, lines: _Lines) -> None:
        self._text = text
        self._lines = lines
        self._html: list[tuple[int, int, Context]] = []  # ranges of HTML with the Markdown around them
        self._headings: list[tuple[int, str]] = []  # with the lines that they stand in, from 0
        self.code: list[tuple[int, int]] = []  # ranges of blocks that are shown as they stand
        self.pictures: list[Placed] = []

    def under_heading(self, offset: int, context: Context) -> Context:
        """A context with the nearest heading before a character."""
        line, _ = self._lines.place(offset)
        number = bisect.bisect_left(self._headings, (line, ""))
        return replace(context, heading=self._headings[number - 1][1]) if number else context

    def read(self, tokens: list[Token]) -> None:
        heading = ""
        for position, token in enumerate(tokens):
            if token.type == "inline" and token.map is not None:
                opened = tokens[position - 1].type if position else ""
                if opened == "heading_open":
                    heading = _plain(token.children or [])[:MAX_CHARACTERS]
                    self._headings.append((token.map[0], heading))
                self._read_inline(token, heading, cell=opened in ("th_open", "td_open"))
            elif token.type == "html_block" and token.map is not None:
                self._read_html_block(token, heading)
            elif token.type in ("fence", "code_block") and token.map is not None:
                self.code.append((self._lines.starts[token.map[0]], self._lines.starts[token.map[1]]))

    def html_pictures(self) -> list[Placed]:
        """Pictures of all HTML in the text, read together, so that a tag opened in one block reaches the next."""
        if not self._html:
            return []
        blank = [character if character in "\r\n" else " " for character in self._text]
        for start, end, _ in self._html:
            blank[start:end] = self._text[start:end]
        found, _ = html.find_elements("".join(blank))
        ranges = sorted(self._html, key=lambda one: one[0])
        starts = [start for start, _, _ in ranges]
        result = []
        for offset, picture in found:
            number = bisect.bisect_right(starts, offset) - 1
            around = ranges[number][2] if number >= 0 and offset < ranges[number][1] else Context()
            own = picture.context
            context = replace(
                own,
                link=own.link if own.link is not None else around.link,
                link_text=own.link_text if own.link is not None else around.link_text,
                heading=own.heading or around.heading,
                nearby=own.nearby or around.nearby,
            )
            result.append((offset, replace(picture, context=context)))
        return result

    def read_tag(self, number: int) -> None:
        """The tag in a line that is blank to CommonMark: what stands around it is Markdown, and it is HTML."""
        line, start = self._lines.contents[number], self._lines.starts[number]
        if line.lstrip().startswith("<"):
            self._html.append((start, start + len(line), Context()))

    def _read_html_block(self, token: Token, heading: str) -> None:
        assert token.map is not None
        for number, part in enumerate(token.content.rstrip("\n").split("\n"), start=token.map[0]):
            offset = self._lines.find(number, part)
            if offset is not None and part.strip():
                lead = len(part) - len(part.lstrip(" \t"))
                core = part.strip(" \t")
                self._html.append((offset + lead, offset + lead + len(core), Context(heading=heading)))

    def _read_inline(self, token: Token, heading: str, *, cell: bool) -> None:
        assert token.map is not None
        places = self._places(token, cell)
        children = token.children or []
        pieces = [_text(child) for child in children]
        link: tuple[str, str] | None = None
        for position, child in enumerate(children):
            if child.type == "link_open":
                behind = map(children.__getitem__, range(position + 1, len(children)))
                inside = takewhile(lambda one: one.type != "link_close", behind)
                said = squeeze(" ".join(map(_text, inside)))
                link = (str(child.attrs.get("href", ""))[:MAX_CHARACTERS], said[:MAX_CHARACTERS])
            elif child.type == "link_close":
                link = None
            elif child.type in ("image", "html_inline") and "start" in child.meta:
                context = Context(
                    link=link[0] if link else None,
                    link_text=link[1] if link else "",
                    heading=heading,
                    nearby=beside(
                        "".join(pieces[max(0, position - NEARBY_CHUNKS) : position]),
                        "".join(pieces[position + 1 : position + 1 + NEARBY_CHUNKS]),
                    ),
                )
                if child.type == "image":
                    self._read_image(child, token.content, places, context)
                else:
                    self._read_html_inline(child, places, context)

    def _places(self, token: Token, cell: bool) -> Callable[[int], int | None]:
        """A function from a position inside a block's content to the offset in the source.

        Each | in a table cell is written with a backslash, which the content lacks.
        """
        assert token.map is not None
        starts: list[int] = []
        offsets: list[int | None] = []
        position = 0
        for number, part in enumerate(token.content.split("\n"), start=token.map[0]):
            starts.append(position)
            offsets.append(self._lines.find(number, part.replace("|", r"\|") if cell else part))
            position += len(part) + 1

        def place(position: int) -> int | None:
            number = bisect.bisect_right(starts, position) - 1
            offset = offsets[number]
            if offset is None:
                return None
            return offset + position - starts[number] + (token.content.count("|", 0, position) if cell else 0)

        return place

    def _read_image(
        self, token: Token, content: str, places: Callable[[int], int | None], context: Context
    ) -> None:
        start, label_end, end = token.meta["start"], token.meta["label_end"], token.meta["end"]
        alt = squeeze(_plain(token.children or []))
        said = bool(context.link_text)  # then an empty label is right, and nobody forgot it
        picture = Picture(
            source=_source(str(token.attrs.get("src", ""))),
            alt=alt if said else alt or None,
            context=context,
            title=str(token.attrs.get("title", "")),
            may_be_empty=said,
        )
        first, last = places(start), places(label_end)
        offset = first if first is not None else 0
        if own := _ALT.search(token.meta["attributes"]):
            alt = squeeze(own[1] or own[2] or "")
            filled_in = any(mark in alt for mark in TEMPLATE_MARKS)
            fixed = FILLED_IN if filled_in else "its text is in a list of attributes"
            self.pictures.append((offset, replace(picture, alt=alt, may_be_empty=True, fixed=fixed)))
            return
        tail = content[label_end + 1 : end]
        if first is None or last is None or self._text[first : first + 2] != "![" or self._text[last] != "]":
            fixed = "its place in the source is not certain"
            self.pictures.append((offset, replace(picture, fixed=fixed)))
            return
        slot = Slot(first + 2, last, escape_label)
        if tail in ("", "[]"):
            # The label is the reference too: it moves into brackets of its own.
            label = content[start + 2 : label_end]
            if "\n" not in label:
                label = self._text[first + 2 : last]  # with the backslashes of a table cell
            slot = Slot(first + 2, last + len(tail), escape_label, after=f"][{label}")
        self.pictures.append((first, replace(picture, slot=slot)))

    def _read_html_inline(self, token: Token, places: Callable[[int], int | None], context: Context) -> None:
        """An inline tag may run over several lines: each line of it is a range of its own."""
        position = token.meta["start"]
        for part in token.content.split("\n"):
            offset, end = places(position), places(position + len(part))
            if offset is not None and end == offset + len(part):
                self._html.append((offset, offset + len(part), context))
            position += len(part) + 1


def _source(address: str) -> str:
    """An address; one that a template fills in as it stands in the text."""
    meant = urllib.parse.unquote(address).translate(_MEANT)
    return meant if any(mark in meant for mark in TEMPLATE_MARKS) else address


def _plain(tokens: list[Token]) -> str:
    """The text of inline tokens as a reader sees it; pictures give their alternative text."""
    return squeeze("".join(_plain(one.children or []) if one.type == "image" else _text(one) for one in tokens))


def _text(token: Token) -> str:
    """The text of one inline token, a picture's left out."""
    if token.type in ("text", "code_inline"):
        return token.content.translate(_MEANT)
    return " " if token.type in ("softbreak", "hardbreak") else ""


def _parser() -> MarkdownIt:
    try:
        from markdown_it import MarkdownIt
        from markdown_it.rules_inline import html_inline, image
    except ImportError:
        raise UsageError(
            "Reading Markdown needs the package markdown-it-py, which is not installed; "
            "run: pip install 'captionkit[alt]'"
        ) from None

    def placed(rule: Callable[[StateInline, bool], bool]) -> Callable[[StateInline, bool], bool]:
        def read(state: StateInline, silent: bool) -> bool:
            start, count = state.pos, len(state.tokens)
            if not rule(state, silent):
                return False
            end = state.pos
            attributes = _ATTRIBUTES.match(state.src, end, state.posMax) if rule is image else None
            if len(state.tokens) > count:
                label_end = state.md.helpers.parseLinkLabel(state, start + 1, False) if rule is image else start
                listed = attributes[0] if attributes is not None else ""
                state.tokens[-1].meta.update(start=start, label_end=label_end, end=end, attributes=listed)
            state.pos = attributes.end() if attributes is not None else end
            return True

        return read

    parser: Any = MarkdownIt("commonmark").enable("table")
    parser.inline.ruler.at("image", placed(image))
    parser.inline.ruler.at("html_inline", placed(html_inline))
    checked: MarkdownIt = parser
    return checked
