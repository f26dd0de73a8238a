"""How the Penn Treebank tokeniser writes a token that it has found."""

from __future__ import annotations

import re
from collections.abc import Callable

_CURRENCY = str.maketrans({"¢": "cents", "£": "#", "\x80": "$", "¤": "$", "\u20a0": "$", "€": "$"})
_FRACTION = str.maketrans({"¼": "1/4", "½": "1/2", "¾": "3/4", "\u2153": "1/3", "\u2154": "2/3"})
_AMPERSAND = re.compile("&amp;", re.IGNORECASE)
_WORD = re.compile(r"(?:[^\W\u2e80-\ua4cf\uf900-\ufaff]|[-'.·‐])+")
_QUOTES = str.maketrans(
    {
        **dict.fromkeys("\x91\u2018\u201b\u2039", "`"),
        **dict.fromkeys("\x92\u2019\u203a", "'"),
        **dict.fromkeys("\x93\u201c\xab", "``"),
        **dict.fromkeys("\x94\u201d\xbb", "''"),
    }
)


def same(token: str) -> str:
    """As it stands."""
    return token


def drop(token: str) -> str:
    """Not at all."""
    return ""


def written(form: str) -> Callable[[str], str]:
    """Always in one form."""
    return lambda token: form


def solid(token: str) -> str:
    """Without soft hyphens; where nothing remains, a hyphen."""
    return token.replace("\xad", "") or "-"


def no_break(token: str) -> str:
    """With no-break spaces for spaces, so that it stays one token on a line of tokens."""
    return token.replace(" ", "\xa0")


def round_brackets(token: str) -> str:
    """With the Treebank's names of round brackets."""
    return token.replace("(", "-LRB-").replace(")", "-RRB-")


def telephone(token: str) -> str:
    """As one token, with the Treebank's names of brackets."""
    return round_brackets(no_break(token))


def ampersand(token: str) -> str:
    """With & for &amp;."""
    return _AMPERSAND.sub("&", token)


def currency(token: str) -> str:
    """With the signs of the Wall Street Journal of 1989: no euro, and # for the pound."""
    return token.translate(_CURRENCY)


def fraction(token: str) -> str:
    """The commonest fractions as figures."""
    return token.translate(_FRACTION)


def dashes(token: str) -> str:
    """Three or four hyphens are a dash."""
    return "--" if 3 <= len(token) <= 4 else token


def closing_quote(token: str) -> str:
    """Straight quotation marks end something, as ' and ''; of curly ones each tells."""
    return token.replace("&apos;", "'").replace('"', "''").replace("&quot;", "''").translate(_QUOTES)


def without_last_of_two(token: str) -> str:
    """An initial at the end of a sentence loses its period; longer ones keep it ("U.S.")."""
    return token[:1] if len(token) == 2 else token


def lower_case(token: str) -> str:
    """In small letters, a capital sigma as Java writes it: final only at the end of its hyphened word."""
    return _WORD.sub(_lower_word, token).lower() if "Σ" in token else token.lower()


def _lower_word(match: re.Match[str]) -> str:
    word = match[0]
    cased = [at for at, letter in enumerate(word) if letter.islower() or letter.isupper() or letter.istitle()]
    final = len(cased) > 1 and word[cased[-1]] == "Σ"
    word = word.replace("Σ", "σ")
    return word[: cased[-1]] + "ς" + word[cased[-1] + 1 :] if final else word
