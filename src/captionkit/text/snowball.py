"""The Snowball stemmer for English ("Porter2") in the version of 2006 to 2014, which METEOR 1.5 uses.

Source: M. F. Porter, "The English (Porter2) stemming algorithm",
https://snowballstem.org/algorithms/english/stemmer.html. Later Snowball releases changed some rules ("past",
"univers", "inter", ...); a metric must not follow them, so the old ones stay here.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

_VOWELS = frozenset("aeiouy")
_NO_SHORT_END = _VOWELS | frozenset("wxY")
_VALID_LI = frozenset("cdeghkmnrt")
_DOUBLES = frozenset(("bb", "dd", "ff", "gg", "mm", "nn", "pp", "rr", "tt"))

# Whole words with a stem of their own; they never reach the rules.
_WHOLE_WORDS = {
    "skis": "ski", "skies": "sky", "dying": "die", "lying": "lie", "tying": "tie", "idly": "idl",
    "gently": "gentl", "ugly": "ugli", "early": "earli", "only": "onli", "singly": "singl",
    **{word: word for word in ("sky", "news", "howe", "atlas", "cosmos", "bias", "andes")},
}  # fmt: skip
# Whole words that stay as they are once a plural s is off.
_FINISHED_AFTER_1A = frozenset(
    ("inning", "outing", "canning", "herring", "earring", "proceed", "exceed", "succeed")
)
_R1_PREFIXES = ("gener", "commun", "arsen")

# Suffix -> replacement, applied where the suffix lies in R1. "ogi" and "li" carry conditions of their own.
_STEP_2 = {
    "tional": "tion", "enci": "ence", "anci": "ance", "abli": "able", "entli": "ent", "izer": "ize",
    "ization": "ize", "ational": "ate", "ation": "ate", "ator": "ate", "alism": "al", "aliti": "al", "alli": "al",
    "fulness": "ful", "ousli": "ous", "ousness": "ous", "iveness": "ive", "iviti": "ive", "biliti": "ble",
    "bli": "ble", "ogi": "og", "fulli": "ful", "lessli": "less", "li": "",
}  # fmt: skip
_STEP_3 = {
    "tional": "tion", "ational": "ate", "alize": "al", "icate": "ic", "iciti": "ic", "ical": "ic", "ful": "",
    "ness": "", "ative": "",
}  # fmt: skip
# Deleted where the suffix lies in R2; "ion" only after s or t.
_STEP_4 = frozenset(
    (
        *("al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement"),
        *("ment", "ent", "ism", "ate", "iti", "ous", "ive", "ize", "ion"),
    )
)
_STEP_1A = frozenset(("sses", "ied", "ies", "s", "us", "ss"))
_STEP_1B = frozenset(("eed", "eedly", "ed", "edly", "ing", "ingly"))


def _longest(word: str, suffixes: Iterable[str]) -> str:
    """The longest of `suffixes` that `word` ends in, or the empty string."""
    return max(filter(word.endswith, suffixes), key=len, default="")


def _past_vowel_and_consonant(word: str, start: int) -> int:
    """The place after the first non-vowel that follows a vowel, from `start` on; the end where there is none."""
    seen_vowel = False
    for place in range(start, len(word)):
        if word[place] in _VOWELS:
            seen_vowel = True
        elif seen_vowel:
            return place + 1
    return len(word)


def _ends_in_short_syllable(word: str) -> bool:
    if len(word) == 2:
        return word[0] in _VOWELS and word[1] not in _VOWELS
    return len(word) > 2 and word[-3] not in _VOWELS and word[-2] in _VOWELS and word[-1] not in _NO_SHORT_END


def _has_vowel(word: str) -> bool:
    return not _VOWELS.isdisjoint(word)


def _mark_consonant_y(word: str) -> str:
    """A y that opens the word or follows a vowel becomes Y, which no rule takes for a vowel."""
    letters = list(word)
    for place, letter in enumerate(letters):
        if letter == "y" and (place == 0 or letters[place - 1] in _VOWELS):
            letters[place] = "Y"
    return "".join(letters)


def _step_1a(word: str) -> str:
    for possessive in ("'s'", "'s", "'"):
        if word.endswith(possessive):
            word = word[: -len(possessive)]
            break
    suffix = _longest(word, _STEP_1A)
    if suffix == "sses":
        return word[:-2]
    if suffix in ("ied", "ies"):
        return word[:-2] if len(word) > 4 else word[:-1]
    if suffix == "s" and _has_vowel(word[:-2]):
        return word[:-1]
    return word


def _step_1b(word: str, r1: int) -> str:
    suffix = _longest(word, _STEP_1B)
    if not suffix:
        return word
    rest = word[: -len(suffix)]
    if suffix in ("eed", "eedly"):
        return f"{rest}ee" if len(rest) >= r1 else word
    if not _has_vowel(rest):
        return word
    if rest[-2:] in ("at", "bl", "iz"):
        return f"{rest}e"
    if rest[-2:] in _DOUBLES:
        return rest[:-1]
    return f"{rest}e" if len(rest) == r1 and _ends_in_short_syllable(rest) else rest


def _step_1c(word: str) -> str:
    if len(word) > 2 and word[-1] in "yY" and word[-2] not in _VOWELS:
        return f"{word[:-1]}i"
    return word


def _step_2(word: str, r1: int) -> str:
    suffix = _longest(word, _STEP_2)
    rest = word[: len(word) - len(suffix)]
    if not suffix or len(rest) < r1:
        return word
    if (suffix == "ogi" and not rest.endswith("l")) or (suffix == "li" and rest[-1:] not in _VALID_LI):
        return word
    return rest + _STEP_2[suffix]


def _step_3(word: str, r1: int, r2: int) -> str:
    suffix = _longest(word, _STEP_3)
    rest = word[: len(word) - len(suffix)]
    if not suffix or len(rest) < r1 or (suffix == "ative" and len(rest) < r2):
        return word
    return rest + _STEP_3[suffix]


def _step_4(word: str, r2: int) -> str:
    suffix = _longest(word, _STEP_4)
    rest = word[: len(word) - len(suffix)]
    if not suffix or len(rest) < r2 or (suffix == "ion" and rest[-1:] not in ("s", "t")):
        return word
    return rest


def _step_5(word: str, r1: int, r2: int) -> str:
    rest = word[:-1]
    if word.endswith("e"):
        if len(rest) >= r2 or (len(rest) >= r1 and not _ends_in_short_syllable(rest)):
            return rest
    elif word.endswith("ll") and len(rest) >= r2:
        return rest
    return word


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """The stem of a lower-cased English word.

    Args:
        word: one word; characters outside a to z count as consonants, as in the reference implementation.

    Returns:
        Its stem. Words of one or two characters come back as they are.
    """
    if word in _WHOLE_WORDS:
        return _WHOLE_WORDS[word]
    if len(word) < 3:
        return word
    word = _mark_consonant_y(word.removeprefix("'"))
    prefix = next((prefix for prefix in _R1_PREFIXES if word.startswith(prefix)), None)
    r1 = len(prefix) if prefix else _past_vowel_and_consonant(word, 0)
    r2 = _past_vowel_and_consonant(word, r1)
    word = _step_1a(word)
    if word not in _FINISHED_AFTER_1A:
        word = _step_1c(_step_1b(word, r1))
        word = _step_5(_step_4(_step_3(_step_2(word, r1), r1, r2), r2), r1, r2)
    return word.replace("Y", "y")
