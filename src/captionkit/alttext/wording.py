"""From a caption to alternative text: every rule has a number in `docs/alt-text.md`, with its source.

1. It does not begin with "image of": a screen reader has said "image" already.
2. It is one sentence with a capital and a full stop, so that a screen reader pauses behind it.
3. It is at most `max_length` characters long, cut where a phrase ends.
4. No word is said twice in a row.
5. On request, words for people say nothing of gender (`neutral`).
6. Its language is known: `LANGUAGE`.
"""

from __future__ import annotations

import re

from captionkit.alttext.formats.pictures import squeeze
from captionkit.alttext.neutral import neutral_wording
from captionkit.alttext.verdict import MAX_LENGTH, placeholder

LANGUAGE = "en"  # the language of the captions that the models here are trained on


def is_foreign(language: str) -> bool:
    """Whether a page in that language would have a caption spoken wrongly; one that declares none has not."""
    return bool(language) and language.split("-")[0] != LANGUAGE


_NOUN = r"(?:image|picture|photo|photograph|pic|snapshot|shot)"
_OPENING = re.compile(
    r"^(?:(?:this|it|here) is |there is |we see |i see )?(?:an? |the |this |some )?"
    r"(?:(?:black[ -]and[ -]white|colou?r|close[ -]?up|blurry|old|beautiful|nice|stock|zoomed in) )*"
    rf"{_NOUN}s?(?: that)?(?: taken)? (?:of|shows?|showing|depicts?|depicting) +",
    re.IGNORECASE,
)
_ASIDE = re.compile(rf"(?:^|,? )in (?:this|the) {_NOUN}\b,?", re.IGNORECASE)
_TWICE = re.compile(r"\b([a-z']+)(?: \1)+\b", re.IGNORECASE)
# A phrase may end before one of these words; what stands before it still says something true.
_JOINTS = frozenset([
    "and", "while", "with", "as", "in", "on", "at", "near", "by", "behind", "beside", "under", "over", "through",
    "during", "for", "from", "next", "against", "around", "across", "along", "that", "who", "which", "where",
])  # fmt: skip
# What cannot end a sentence.
_OPEN_ENDS = _JOINTS | frozenset(
    ["a", "an", "the", "of", "to", "is", "are", "or", "his", "her", "their", "its", "two", "three", "some", "into"]
)


def word_alt_text(caption: str, *, max_length: int = MAX_LENGTH, neutral: bool = False) -> str:
    """A caption as alternative text.

    Args:
        caption: an English caption in any case, with or without a full stop.
        max_length: characters that the result may have, at least 2.
        neutral: say nothing of people's gender.

    Returns:
        One sentence; empty where the caption says nothing.
    """
    text = squeeze(caption).strip(" .,;:")
    # Words do not begin with the marks that begin a formula in a spreadsheet (the review file).
    text = _ASIDE.sub("", _OPENING.sub("", text)).strip(" .,;:").lstrip("=+-@ ")
    if neutral:
        text = neutral_wording(text)
    text = squeeze(_TWICE.sub(r"\1", text))
    text = shorten(text, max_length - 1)
    if not text or placeholder(text):
        return ""
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?" else f"{text}."


def shorten(text: str, limit: int) -> str:
    """The beginning of a sentence, at most `limit` characters, ended where a phrase ends if it can be."""
    if len(text) <= limit:
        return text
    words = text[: limit + 1].rsplit(" ", 1)[0].split(" ") if " " in text[: limit + 1] else []
    for size in range(len(words), len(words) // 2, -1):
        following = text.split(" ")[size].strip(",;").lower()
        if (following in _JOINTS or words[size - 1].endswith((",", ";"))) and _may_end(words[:size]):
            return " ".join(words[:size]).rstrip(" ,;")
    while words and not _may_end(words):
        words.pop()
    return " ".join(words).rstrip(" ,;") or text[:limit].rstrip()


def _may_end(words: list[str]) -> bool:
    return words[-1].strip(",;").lower() not in _OPEN_ENDS
