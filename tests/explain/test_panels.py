"""The words of a picture that explains: broken and cut where they no longer fit."""

from __future__ import annotations

from PIL import ImageFont

from captionkit.explain.panels import _fit, _wrap

FONT = ImageFont.load_default(15)


def room(text: str) -> int:
    return int(FONT.getlength(text)) + 1


def test_lines_break_between_words_and_a_word_is_never_broken() -> None:
    assert _wrap("one two  three four", FONT, room("three four")) == ["one two", "three four"]
    assert _wrap("one two", FONT, 1) == ["one", "two"]
    assert _wrap("", FONT, 100) == [""]


def test_what_is_too_long_ends_in_dots_and_what_fits_stays() -> None:
    assert _fit("one two", FONT, room("one two")) == "one two"
    assert _fit("one two three", FONT, room("one two…")) == "one two…"
    assert _fit("one two three", FONT, room("one …")) == "one…"  # no space before the dots
    assert _fit("one", FONT, 0) == "…"
