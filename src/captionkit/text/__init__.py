"""The one definition of tokenising captions, in training and in evaluation alike.

A caption's tokens are what the COCO caption evaluation (pycocoevalcap 1.2) makes of it: the tokens of Stanford's
PTBTokenizer 3.4.1, lower-cased, without a list of punctuation. `captionkit.text.ptb` holds the rules. Nearly all
captions are plain words, for which a short cut gives the same at a fraction of the time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from captionkit.text.ptb import ABBREVIATIONS, tokenize_line

# Tokens that the COCO caption evaluation drops. Lower-casing has turned round brackets into "-lrb-" and "-rrb-" by
# then, so they stay: copied as it is, since every published score has it.
PUNCTUATION = frozenset(
    ["''", "'", "``", "`", "-LRB-", "-RRB-", "-LCB-", "-RCB-", ".", "?", "!", ",", ":", "-", "--", "...", ";"]
)

# A word, a compound, either with 's, or a number before a word. The quantifiers are possessive: no backtracking.
_UNIT = r"(?:[A-Za-z]++(?:-[A-Za-z]++)*+(?:'s(?![A-Za-z0-9'-]))?+|[0-9]++(?= ++[A-Za-z]))"
_PLAIN = re.compile(rf" *+{_UNIT}(?:(?: ?,)? ++{_UNIT})*+(?: ?\.)? *+")
_SPLIT_IN_TWO = frozenset(["cannot", "gonna", "gotta", "lemme", "gimme", "wanna"])
# How the following caption begins, as far as a rule can see it.
_BEGINNING = re.compile(r"\d|\s*(?:[A-Z][A-Za-z]*\.?|<[^<>]{1,99}>)\s")
# The reference writes a line feed inside a caption as a space; any other line break would tear the caption in two.
_LINE_BREAKS = str.maketrans(dict.fromkeys("\n\r\x0b\x0c\u2028\u2029", " "))
_FOLLOWED = "\nA "

_ABBREVIATION = re.compile(ABBREVIATIONS, re.IGNORECASE)
_SENTINEL = re.compile(
    r"<(?:s|/s|pad|bos|eos|sos|unk|start|end|startseq|endseq)>|\b(?:startseq|endseq|starttoken|endtoken)\b",
    re.IGNORECASE,
)


def tokenize(caption: str) -> list[str]:
    """The words of one caption: lower-cased Penn Treebank tokens without punctuation.

    The reference tokeniser reads a whole file, and in rare cases ("... the letter C.") the next caption decides
    whether a period belongs to the last word. Here the next caption begins with "A", as most captions do.
    `tokenize_all` looks at the real one.
    """
    plain = _tokenize_plain(caption)
    return _tokenize_any(caption, _FOLLOWED) if plain is None else plain


def tokenize_all(captions: Sequence[str]) -> list[list[str]]:
    """The words of many captions, as the reference tokeniser gives them for a file with a caption a line."""
    result = []
    for place, caption in enumerate(captions):
        tokens = _tokenize_plain(caption)
        if tokens is None:
            tokens = _tokenize_any(caption, _after(captions, place))
        result.append(tokens)
    return result


def _tokenize_plain(caption: str) -> list[str] | None:
    """The words of a caption that needs no rules; None for any other."""
    if _PLAIN.fullmatch(caption) is None:
        return None
    lowered = caption.lower()
    if "." in lowered:  # one, at the end
        lowered = lowered[: lowered.index(".")]
        if _is_abbreviation(lowered[lowered.rfind(" ") + 1 :]):
            return None
    if "," in lowered:
        lowered = lowered.replace(",", " ")
    if "'" in lowered:
        lowered = lowered.replace("'s", " 's")
    words = lowered.split()
    return words if _SPLIT_IN_TWO.isdisjoint(words) else None


def _tokenize_any(caption: str, after: str) -> list[str]:
    line = caption.translate(_LINE_BREAKS)
    # The reference reads its tokens back from a line, whose end it strips.
    tokens = " ".join(tokenize_line(line, after)).rstrip().split(" ")
    return [token for token in tokens if token and token not in PUNCTUATION]


@lru_cache(maxsize=1 << 14)
def _is_abbreviation(word: str) -> bool:
    """Whether a final period may be part of the word."""
    return _ABBREVIATION.fullmatch(word) is not None


def _after(captions: Sequence[str], place: int) -> str:
    """What the reference tokeniser sees behind a caption of a file with a caption a line."""
    if place + 1 == len(captions):
        return ""
    if not captions[place].rstrip().endswith("."):
        return "\n"
    blank = "\n"
    for following in range(place + 1, len(captions)):
        caption = captions[following]
        if caption.strip():
            # A line break is white space too, for a caption of one word.
            beginning = _BEGINNING.match(caption if following + 1 == len(captions) else f"{caption}\n")
            return blank + (beginning[0] if beginning else "")
        blank += "\n"
    return blank


_TO_PREVIOUS = frozenset(
    ["'s", "'re", "'ve", "'ll", "'m", "'d", "n't", "%", "-rrb-", "-rsb-", "-rcb-", "!!", "??", "?!"]
)
_TO_NEXT = frozenset(["-lrb-", "-lsb-", "-lcb-", "$", "#"])
_JOINED = frozenset(["can not", "gon na", "got ta", "wan na", "lem me", "gim me", "'t is"])
_SIGNS = {"-lrb-": "(", "-rrb-": ")", "-lsb-": "[", "-rsb-": "]", "-lcb-": "{", "-rcb-": "}"}


def detokenize(tokens: Iterable[str]) -> str:
    """A caption as a person would write it, from its words.

    Contractions are joined ("do", "n't" to "don't"), brackets, currency and percent signs stand where they belong,
    and no-break spaces become spaces. What tokenising dropped (case, punctuation) does not come back, and no
    capital or full stop is added.
    """
    parts: list[str] = []
    previous = ""
    for token in tokens:
        glued = token in _TO_PREVIOUS or previous in _TO_NEXT or f"{previous} {token}" in _JOINED
        if parts and not glued:
            parts.append(" ")
        parts.append(_SIGNS.get(token, token))
        previous = token
    return "".join(parts).replace("\xa0", " ").replace("-lrb-", "(").replace("-rrb-", ")")


def sentinels(caption: str) -> list[str]:
    """Tokens of a model's vocabulary left in a caption: `<unk>`, `startseq`, `</s>` and their like."""
    return _SENTINEL.findall(caption)
