"""Which captions hold of a picture in a mirror as well.

For two uses: which train pictures may be mirrored (`captionkit.training.augment`), and which captions both looks
at a picture may judge (`captionkit.second_look`).
"""

from __future__ import annotations

from collections.abc import Iterable

from captionkit.text import tokenize

# A mirrored picture makes these words wrong, and letters and numbers unreadable.
SIDED = frozenset({
    "left", "leftmost", "lefthand", "left-hand", "left-handed", "right", "rightmost", "righthand", "right-hand",
    "right-handed", "clockwise", "counterclockwise", "counter-clockwise",
})  # fmt: skip
WRITTEN = frozenset({"sign", "letter", "letters", "word", "words", "number", "numbers", "reads", "says", "text"})


def can_be_mirrored(captions: Iterable[str]) -> bool:
    """Whether no caption speaks of a side or of something written."""
    return all(map(holds_mirrored, map(tokenize, captions)))


def holds_mirrored(tokens: Iterable[str]) -> bool:
    """The same of the tokens of one caption."""
    return (SIDED | WRITTEN).isdisjoint(tokens)
