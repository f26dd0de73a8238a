"""The gallery: results as one self-contained HTML page.

It loads nothing and runs no script, so it works wherever a browser does; every picture is a list item with its
caption as text and as alternative text, and a link to its file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from captionkit.errors import ImageError
from captionkit.search.words import WORD, split_words
from captionkit.webpage import fill_page, thumbnail_address

THUMBNAIL = 480


@dataclass(frozen=True, slots=True)
class Card:
    """A picture: its file, what is shown of the path, its caption, words of that to be marked, a line below it."""

    path: Path
    name: str
    caption: str
    hits: tuple[str, ...]
    facts: str


def format_gallery(title: str, note: str, sections: Sequence[tuple[str, Sequence[Card]]]) -> str:
    """The page: pictures under headings, of which empty ones are left out.

    A picture that cannot be read is told in its place.
    """
    parts = {
        "TITLE": escape(_shown(title)),
        "NOTE": escape(_shown(note)),
        "SECTIONS": "\n".join(_section(*one) for one in sections) or "<p>Nothing was found.</p>",
    }
    return fill_page("captionkit.search", "gallery", parts)


def _section(heading: str, cards: Sequence[Card]) -> str:
    headline = f"<h2>{escape(_shown(heading))}</h2>\n" if heading else ""
    items = "\n".join(map(_card, cards))
    # The role keeps the list a list where a browser takes its missing markers for a sign that it is none.
    return f'{headline}<ol class="pictures" role="list">\n{items}\n</ol>'


def _card(card: Card) -> str:
    name = escape(_shown(card.name))
    try:
        address = thumbnail_address(card.path, THUMBNAIL)
        picture = (
            f'<a class="frame" href="{escape(card.path.absolute().as_uri())}">'
            f'<img alt="{escape(_shown(card.caption))} Opens {name}" src="{address}"></a>'
        )
    except ImageError:
        picture = '<p class="none">The picture cannot be read.</p>'
    facts = f"{name}<br>{escape(_shown(card.facts))}"
    return (
        f'<li>{picture}<p class="caption">{_marked(card.caption, card.hits)}</p><p class="facts">{facts}</p></li>'
    )


def _marked(caption: str, hits: Sequence[str]) -> str:
    """The caption as HTML, the words that hit in mark elements."""
    wanted = set(hits)
    text, parts, end = _shown(caption), [], 0
    for word in WORD.finditer(text):
        if wanted.intersection(split_words(word[0])):
            parts += [escape(text[end : word.start()]), f"<mark>{escape(word[0])}</mark>"]
            end = word.end()
    return "".join([*parts, escape(text[end:])])


def _shown(text: str) -> str:
    """Text that UTF-8 can hold: the bytes of a file name need not be text."""
    return text.encode("utf-8", "replace").decode("utf-8")
