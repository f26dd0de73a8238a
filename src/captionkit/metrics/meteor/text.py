"""The tokeniser and normaliser behind METEOR 1.5's option `-norm`, for English.

It follows the Moses tokeniser with METEOR's additions (Denkowski and Lavie 2014, section 2, and the behaviour of
meteor-1.5.jar): quotes and dashes are made plain, hyphens between words split them, contractions split before the
apostrophe, and a full stop is split off except after a non-breaking prefix or before a lower-cased word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise

_LETTERS = "A-Za-zŠŽšžŸÀ-ÖØ-öø-žЀ-ӿԀ-ԧ\ua640-\ua66e\ua67e-\ua697\u1d00-\u1d7f"
_ALNUM = f"0-9{_LETTERS}"

# In this order. The reference implementation replaces from left to right without overlap, as `re.sub` does, so
# "a-b-c" loses only its first hyphen; the rules must not be made cleverer.
_RULES = tuple(
    (re.compile(pattern, re.ASCII), replacement)
    for pattern, replacement in (
        (rf"([^{_ALNUM}\s.'`,\-‘’])", r" \1 "),
        (r"\.{2,}", r" \g<0> "),
        (r"([^0-9]),([^0-9])", r"\1 , \2"),
        (r"([0-9]),([^0-9])", r"\1 , \2"),
        (r"([^0-9]),([0-9])", r"\1 , \2"),
        (r"[`‘’]", "'"),
        (r"[“”]|''", ' " '),
        ("–", "-"),
        ("--", "-"),
        (rf"([{_ALNUM}.])-([{_ALNUM}])", r"\1 \2"),
        (rf"([^{_LETTERS}])'([^{_LETTERS}])", r"\1 ' \2"),
        (rf"([^{_LETTERS}0-9])'([{_LETTERS}])", r"\1 ' \2"),
        (rf"([{_LETTERS}])'([^{_LETTERS}])", r"\1 ' \2"),
        (rf"([{_LETTERS}])'([{_LETTERS}])", r"\1 '\2"),
        (r"([0-9])'(s)", r"\1 '\2"),
    )
)
_PLAIN = re.compile(r"[a-z0-9]+")
_LETTER = re.compile(f"[{_LETTERS}]")
_WORDS = re.compile(r"[^ \t\n\r\f]+")  # what java.util.StringTokenizer takes for words
_UNICODE_SPACES = re.compile("[ \u00a0\u2000-\u200a\u202f\u205f\u3000]+")
_TRIMMED = "".join(map(chr, range(33)))  # what java.lang.String.trim takes off


def is_plain(word: str) -> bool:
    """Whether no rule changes a word in any surroundings: lower-cased ASCII letters and digits."""
    return _PLAIN.fullmatch(word) is not None


def normalize(line: str, prefixes: Mapping[str, bool]) -> tuple[str, ...]:
    """The words METEOR sees of a sentence, lower-cased.

    Args:
        line: one sentence.
        prefixes: abbreviations that keep their full stop ("Mr"); true for those that keep it only before a
            number ("No").

    Returns:
        The words, punctuation included.
    """
    line = f" {line.strip(_TRIMMED)} "
    for pattern, replacement in _RULES:
        line = pattern.sub(replacement, line)
    words = [*_WORDS.findall(line), ""]
    line = " ".join(_full_stop(word, after, prefixes) for word, after in pairwise(words))
    line = _UNICODE_SPACES.sub(" ", line).strip(_TRIMMED).lower()
    return tuple(_WORDS.findall(line))


def _full_stop(word: str, after: str, prefixes: Mapping[str, bool]) -> str:
    """`word` with the full stop at its end kept, split off, or, in "U.S.", all of them dropped."""
    stem = word[:-1]
    if not stem or not word.endswith(".") or stem.endswith("."):  # an ellipsis stays whole
        return word
    if "." in stem and _LETTER.search(stem):
        return word.replace(".", "")
    number_only = prefixes.get(stem)
    follower = after[:1]
    if number_only is False or "a" <= follower <= "z" or (number_only and "0" <= follower <= "9"):
        return word
    return f"{stem} ."
