"""Lines of a text as people and CommonMark count them: they end at LF, CR or CRLF."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable
from dataclasses import replace

from captionkit.alttext.formats.pictures import Picture, Placed

_LINE_END = re.compile(r"\r\n|\n|\r")


class LineIndex:
    """Where the lines of a text begin.

    Attributes:
        starts: offset of each line's first character; one more at the end, the size of the text.
        contents: the lines without their ends.
    """

    def __init__(self, text: str) -> None:
        self.starts = [0]
        self.contents: list[str] = []
        for end in _LINE_END.finditer(text):
            self.contents.append(text[self.starts[-1] : end.start()])
            self.starts.append(end.end())
        self.contents.append(text[self.starts[-1] :])
        self.starts.append(len(text))

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of a character, both from 1."""
        line = min(bisect.bisect_right(self.starts, offset), len(self.contents))
        return line, offset - self.starts[line - 1] + 1


def in_order(lines: LineIndex, placed: Iterable[Placed]) -> tuple[Picture, ...]:
    """Pictures with their lines and columns, in the order of the source."""
    pictures = []
    for offset, picture in sorted(placed, key=lambda one: one[0]):
        line, column = lines.place(offset)
        pictures.append(replace(picture, line=line, column=column))
    return tuple(pictures)
