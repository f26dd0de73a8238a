"""Words for people that say nothing of gender, with the grammar kept.

A caption model guesses gender from clothes and hair. Where that guess is not wanted, "a man and a woman" becomes
"two people", "his dog" "their dog" and "he runs" "they run".
"""

from __future__ import annotations

import re
from itertools import dropwhile, pairwise

from captionkit.decoding.articles import begins_with_vowel
from captionkit.text.gendered import ADJECTIVES, FEMALE, MALE

_TOKEN = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)?|[^A-Za-z]+")

_NOUNS = {**FEMALE, **MALE}
_VERBS = {"is": "are", "was": "were", "has": "have", "does": "do", "isn't": "aren't", "wasn't": "weren't"}
_VERBS |= {"hasn't": "haven't", "doesn't": "don't"}
_PRONOUNS = {"he's": "they're", "she's": "they're", "himself": "themselves", "herself": "themselves"}
_PRONOUNS |= {"him": "them", "hers": "theirs"}
# Verbs of captions, to tell "he runs and jumps" from "he runs and dogs follow".
_COMMON_VERBS = frozenset([
    "balances", "bends", "blows", "bounces", "carries", "catches", "chases", "claps", "climbs", "crosses",
    "dances", "dives", "does", "drinks", "drives", "eats", "falls", "flies", "gets", "gives", "goes", "grabs",
    "grinds", "has", "hits", "holds", "is", "jumps", "kicks", "kneels", "laughs", "leans", "leaps", "lies",
    "lifts", "listens", "looks", "makes", "plays", "points", "poses", "prepares", "pulls", "pushes", "puts",
    "races", "reaches", "reads", "rides", "runs", "sings", "sits", "skates", "skis", "sleeps", "slides",
    "smiles", "splashes", "stands", "stares", "surfs", "swims", "swings", "takes", "talks", "throws",
    "touches", "tries", "uses", "waits", "walks", "watches", "waves", "wears",
])  # fmt: skip
# After a possessive there stands a noun; before one of these, "her" is the object.
_NOT_NOUNS = frozenset([
    "a", "an", "the", "in", "on", "at", "with", "while", "as", "and", "or", "to", "from", "by", "for", "near",
    "behind", "into", "onto", "over", "under", "is", "are", "who", "that", "which", "his", "her", "their",
    "through", "during", "after", "before", "up", "down", "off", "out", "around", "across", "along", "against",
])  # fmt: skip
_NUMBERS = {"a": 1, "an": 1, "one": 1, "another": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_WORDS = ["", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
_PLURAL = {"person": "people", "child": "children", "parent": "parents", "sibling": "siblings", "rider": "riders"}
_PLURAL |= {"newlywed": "newlyweds", "spouse": "spouses", "partner": "partners", "grandparent": "grandparents"}
_SINGULAR = {plural: single for single, plural in _PLURAL.items()}


def neutral_wording(text: str) -> str:
    """An English caption without words that tell the gender of people.

    Args:
        text: one caption.

    Returns:
        The caption with such words replaced and the grammar around them kept. Words that merely contain one
        (snowman, ladybug, manhole) stay.
    """
    tokens = _TOKEN.findall(text)
    tokens = _drop_adjectives(tokens)
    tokens = _pronouns(tokens)
    tokens = [_noun(token) for token in tokens]
    return _articles(_merge_pairs("".join(tokens)))


def _drop_adjectives(tokens: list[str]) -> list[str]:
    """ "a female runner" loses the adjective; "a female runs" and "the male in red" get a noun."""
    result: list[str] = []
    for index, token in enumerate(tokens):
        if token.lower() not in ADJECTIVES:
            result.append(token)
            continue
        following = _next_word(tokens, index)
        if (
            following
            and following not in _NOT_NOUNS
            and not following.endswith("ing")
            and following not in _COMMON_VERBS
        ):
            tokens[index + 1] = ""
            if token[0].isupper():
                tokens[index + 2] = tokens[index + 2].capitalize()
        else:
            result.append(_like("person", token))
    return [token for token in result if token]


def _pronouns(tokens: list[str]) -> list[str]:
    result = list(tokens)
    for index, token in enumerate(tokens):
        word = token.lower()
        if word in ("he", "she"):
            result[index] = _like("they", token)
            _agree(result, index)
        elif word in _PRONOUNS:
            result[index] = _like(_PRONOUNS[word], token)
        elif word in ("his", "her"):
            following = _next_word(tokens, index)
            noun = bool(following) and following not in _NOT_NOUNS
            result[index] = _like("their" if noun else ("theirs" if word == "his" else "them"), token)
    return result


def _agree(tokens: list[str], index: int) -> None:
    """The verb after "they" loses its -s, and so does a second one: "he runs and jumps" -> "they run and jump"."""
    words = [position for position in range(index + 1, len(tokens)) if tokens[position][0].isalpha()]
    words = list(dropwhile(lambda one: tokens[one].lower().endswith("ly"), words))  # adverbs
    if not words:
        return
    verb = words[0]
    plural = _base(tokens[verb])
    if plural == tokens[verb]:
        return
    tokens[verb] = plural
    for position, following in pairwise(words[1:]):
        if tokens[position].lower() in ("and", "or") and tokens[following].lower() in _COMMON_VERBS:
            tokens[following] = _base(tokens[following])
            return
        if tokens[position].lower() in ("while", "as", "that", "who"):
            return


def _base(verb: str) -> str:
    """A verb's third person singular as its plural: runs -> run, catches -> catch, flies -> fly."""
    word = verb.lower()
    if word in _VERBS:
        return _like(_VERBS[word], verb)
    if not word.endswith("s") or word.endswith("ss") or len(word) < 4:
        return verb
    if word.endswith("ies") and len(word) > 4:
        return f"{verb[:-3]}y"
    if word.endswith(("shes", "ches", "xes", "zzes", "sses", "oes")):
        return verb[:-2]
    return verb[:-1]


def _noun(token: str) -> str:
    word = token.lower()
    owner = ""
    if word.endswith("'s"):
        word, owner = word[:-2], "'s"
    return _like(_NOUNS[word], token) + owner if word in _NOUNS else token


_COUNT = "|".join(_NUMBERS)
_PEOPLE = "|".join([*_PLURAL, *_SINGULAR])
_ADJECTIVES = "little|small|young|older|old|elderly|toddler|teenage"
_PAIR = re.compile(
    rf"\b(?P<first>{_COUNT}) (?P<kind>(?:(?:{_ADJECTIVES}) )?)(?P<one>{_PEOPLE})(?: and| ?, and| ?,) "
    rf"(?:(?P<second>{_COUNT}) )?(?P<same>(?:(?:{_ADJECTIVES}) )?)(?P<other>{_PEOPLE})\b(?!')",
    re.IGNORECASE,
)
_BARE_PAIR = re.compile(rf"\b({'|'.join(_SINGULAR)}) and \1\b", re.IGNORECASE)


def _merge_pairs(text: str) -> str:
    """ "a person and a person" -> "two people"; "people and people" -> "people"; once more for a third."""

    def merged(match: re.Match[str]) -> str:
        first, one, second, other = match.group("first", "one", "second", "other")
        kind = match["kind"].lower()
        single = _SINGULAR.get(one.lower(), one.lower())
        if single != _SINGULAR.get(other.lower(), other.lower()) or kind != match["same"].lower():
            return match.group()
        if second is None and other.lower() in _SINGULAR:
            return match.group()  # "two people and people": the second number is not known
        count = _NUMBERS[first.lower()] + _NUMBERS[(second or "a").lower()]
        return _like(f"{_WORDS[count]} {kind}{_PLURAL[single]}", first)

    for _ in range(3):
        text = _PAIR.sub(merged, text)
    return _BARE_PAIR.sub(r"\1", text)


def _articles(text: str) -> str:
    """ "a athlete" -> "an athlete", "an person" -> "a person", by the sound of what now stands behind."""

    def right(match: re.Match[str]) -> str:
        article, word = match.groups()
        return f"{_like('an' if begins_with_vowel(word.lower()) else 'a', article)} {word}"

    return re.sub(r"\b(an?) ([A-Za-z]+)", right, text, flags=re.IGNORECASE)


def _next_word(tokens: list[str], index: int) -> str:
    """The word that follows with nothing but a space between; empty where there is none."""
    if index + 2 < len(tokens) and tokens[index + 1].isspace() and tokens[index + 2][0].isalpha():
        return tokens[index + 2].lower()
    return ""


def _like(word: str, example: str) -> str:
    return word[0].upper() + word[1:] if example[:1].isupper() else word
