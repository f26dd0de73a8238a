""" "a" or "an": told by the sound of the next word, where a model has seen too few elephants to know."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

_VOWEL = re.compile(r"[aeiou]")
# Written with a vowel, spoken with a consonant; and the other way round.
_SPOKEN_CONSONANT = re.compile(
    r"(?:one(?:s|sies?)?|usa?|uk|ufos?|u)(?![a-z])|once|uni(?!n|m|denti)|us[eu]|util|euro|eu[cgl]|ukulele|ute|ewe|oui"
)
_SPOKEN_VOWEL = re.compile(
    r"hour|honest|hono|heir|suv|8|1[18](?!\d)|(?!(?:st|mt|mr|mrs|ms)\.?$)[fhlmnrsx](?:[-.]|[^aeiouy]{0,3}$)"
)


def agree_articles(tokens: Iterable[str]) -> tuple[str, ...]:
    """The same words, lower-case, with "a" before consonants and "an" before vowels, as they are spoken."""
    words = list(tokens)
    for place, (word, following) in enumerate(pairwise(words)):
        if word in ("a", "an"):
            words[place] = "an" if begins_with_vowel(following) else "a"
    return tuple(words)


def begins_with_vowel(word: str) -> bool:
    """Whether a lower-case word is spoken with a vowel first."""
    if _VOWEL.match(word):
        return not _SPOKEN_CONSONANT.match(word)
    return _SPOKEN_VOWEL.match(word) is not None
