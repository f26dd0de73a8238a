"""What other Markdowns read as Markdown, and CommonMark as code, as HTML or as text: written as CommonMark has it.

Python-Markdown (MkDocs) indents what stands in a note or a tab; there and in kramdown (Jekyll) a tag may have the
attribute `markdown`. A footnote would be the address of a link. Lines keep their number and their words, so that
each is found again in the source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_NOTE = re.compile(r'\s*(?:!!!|\?\?\?\+?|===[!+]*(?=\s+"))\s+\S')
_TAG = re.compile(r"\s*<(\w+)(?=\s)(?:[^<>]*\s)?markdown(?=[\s=>])[^<>]*>\s*")
_FENCE = re.compile(r"\s*(```+|~~~+)")
_FOOTNOTE = re.compile(r"( {0,3})\[\^[^\]\s]+\]:")
_STEP = 4


def unfolded(lines: Sequence[str]) -> Iterator[str]:
    """Lines in which what notes, tabs, footnotes and tags with `markdown` hold is where CommonMark reads it."""
    notes: list[int] = []  # how far those that are open are indented
    tag = ""  # that is open
    fence = ""
    for line in lines:
        content = line.lstrip(" \t")
        indent = len(line[: len(line) - len(content)].expandtabs(_STEP))
        while content and notes and indent < notes[-1] + _STEP:
            notes.pop()
        if notes or tag:
            line = " " * (0 if tag else indent - _STEP * len(notes)) + content
        mark = _FENCE.match(line)
        if fence or mark is not None:
            if not fence:
                fence = mark[1] if mark is not None else ""
            elif mark is not None and mark[1].startswith(fence) and line.strip() == mark[1]:
                fence = ""
            yield line
        elif _NOTE.match(line):
            notes.append(indent)
            yield ""
        elif (opening := _TAG.fullmatch(line)) is not None:
            tag = opening[1]
            yield ""
        elif (footnote := _FOOTNOTE.match(line)) is not None:
            yield f"{footnote[1]}+ {line[footnote.end() :].lstrip()}"  # an item of a list goes on as it does
        else:
            tag = "" if tag and content.startswith(f"</{tag}") else tag
            yield line
