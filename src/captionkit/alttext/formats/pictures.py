"""A picture as a document shows it: what it is called, what stands around it, and where its alt text goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

MAX_CHARACTERS = 1_000  # of what thousands of pictures may share: a link, a caption, a heading


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace `text[start:end]` by `new`; positions count characters of the text before any edit."""

    start: int
    end: int
    new: str


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a picture's alternative text stands, or would stand, in the text of its document.

    Attributes:
        start, end: the characters that a new alt text replaces; `start == end` inserts.
        escape: makes the alt text safe for this place (HTML attribute, Markdown label, ...).
        before, after: what is written around it (` alt="` and `"` where the attribute is missing).
    """

    start: int
    end: int
    escape: Callable[[str], str]
    before: str = ""
    after: str = ""

    def edit(self, alt: str) -> Edit:
        """The edit that makes `alt` the alternative text."""
        return Edit(self.start, self.end, f"{self.before}{self.escape(alt)}{self.after}")


@dataclass(frozen=True, slots=True)
class Context:
    """What stands around a picture.

    Attributes:
        link: where the link around the picture leads; None outside links.
        link_text: what that link says without the picture: its text, or its `aria-label`.
        button: whether the picture is, or lies in, a button.
        caption: the text of its `figcaption` or of the document's own caption.
        heading: the nearest heading before it.
        nearby: the other text of the same block (paragraph, cell, list item).
        language: the language declared for this place, lower-cased ("en", "de-at"); empty where none is.
    """

    link: str | None = None
    link_text: str = ""
    button: bool = False
    caption: str = ""
    heading: str = ""
    nearby: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a document.

    Attributes:
        source: the address as the document writes it ("img/dog.jpg", "data:...", a member's name).
        alt: its alternative text; None where it has none at all.
        line, column: where it stands, from 1; in `member` where that is set. Line 0: the format has no lines.
        context: what stands around it.
        slot: where its alt text goes; None where it cannot be written (reason in `fixed`).
        fixed: why there is no slot.
        member: the member of an archive, or the cell of a notebook, that it stands in.
        hidden: marked as carrying no information (`role="presentation"`, `aria-hidden`, ...), whatever `alt` says.
        label: a name from elsewhere (`aria-label`, `aria-labelledby`), which stands in for alt text.
        title: its `title`, which does not.
        width, height: declared size in CSS pixels; None where it is not declared.
        drawing: what the format itself says it is ("chart", "diagram", "SmartArt"); empty for a picture.
        may_be_empty: whether the format tells an empty alternative text from none (HTML does, Markdown does not).
        embedded: name of the member or attachment that holds its bytes, where they are inside the document.
    """

    source: str
    alt: str | None
    line: int = 0
    column: int = 0
    context: Context = field(default_factory=Context)
    slot: Slot | None = None
    fixed: str = ""
    member: str = ""
    hidden: bool = False
    label: str = ""
    title: str = ""
    width: float | None = None
    height: float | None = None
    drawing: str = ""
    may_be_empty: bool = False
    embedded: str = ""

    @property
    def decorative(self) -> bool:
        """Whether screen readers pass it over: it is hidden, or its alternative text is empty.

        White space is announced by some (W3C Images Tutorial, Tips and Tricks).
        """
        return self.hidden or (self.may_be_empty and self.alt == "")


Placed = tuple[int, Picture]  # with the character at which it begins; line and column are still to be told


def slot_edits(pictures: Sequence[Picture], alts: Mapping[int, str]) -> list[Edit]:
    """The text edits for `alts`, each of whose pictures must have a slot."""
    edits = []
    for index, alt in alts.items():
        slot = pictures[index].slot
        if slot is None:
            raise ValueError(f"picture {index} has no slot: {pictures[index].fixed}")
        edits.append(slot.edit(alt))
    return edits


def squeeze(text: str) -> str:
    """Text with every run of white space as one space, none at the ends."""
    return " ".join(text.split())


def joined(between: str, pieces: list[str]) -> str:
    """Pieces of text as one, bounded. It takes their place: what many pictures share is joined but once."""
    pieces[:] = [squeeze(between.join(pieces))[:MAX_CHARACTERS]]
    return pieces[0]


def brief(text: str, limit: int) -> str:
    """Squeezed text of so many characters at most; three dots stand for what is left out."""
    text = squeeze(text)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def encodable(text: str) -> str:
    r"""Text that every encoder takes: a byte or half a character that is no text stands as an escape (`\udce9`).

    It reads as Python's own messages show such a name, and inside JSON it means what it meant.
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
