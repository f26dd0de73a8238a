"""Which words of a vocabulary are forms of one another: dog and dogs, run and running, man and men.

English spelling rules for regular forms (plural and third person in -s, past in -ed, participle in -ing) and a
table of the irregular ones that captions use. A form is found only if the vocabulary has both words.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Set

_VOWELS = "aeiou"
# One vowel between consonants: the last consonant doubles (run, running), as in no other short word.
_DOUBLES = re.compile(r"^[^aeiou]*[aeiou][^aeiouwxy]$")
# Words that only look as if "shed", "thing", "hissing" and "news" were made of them.
_WITHOUT_FORMS = frozenset({"she", "the", "his", "new"})
# Sets of words that are forms of one another and follow no rule.
_IRREGULAR = (
    "man men; woman women; child children; person people persons; foot feet; tooth teeth; goose geese; "
    "mouse mice; sheep; fish fishes; wolf wolves; leaf leaves; knife knives; shelf shelves; "
    "scarf scarves scarfs; calf calves; run runs running ran; sit sits sitting sat; "
    "stand stands standing stood; lie lies lying lay lain; ride rides riding rode ridden; "
    "swim swims swimming swam; throw throws throwing threw thrown; catch catches catching caught; "
    "hold holds holding held; wear wears wearing wore worn; eat eats eating ate eaten; "
    "drink drinks drinking drank; drive drives driving drove driven; fly flies flying flew flown; "
    "fall falls falling fell fallen; take takes taking took taken; make makes making made; "
    "write writes writing wrote written; sing sings singing sang; sleep sleeps sleeping slept; "
    "blow blows blowing blew blown; swing swings swinging swung; hang hangs hanging hung; "
    "dig digs digging dug; go goes going went gone; do does doing did done; have has having had; "
    "be is are am was were being been"
)
IRREGULAR = [set(forms.split()) for forms in _IRREGULAR.split("; ")]


# Plurals that no rule makes.
_IRREGULAR_PLURALS = (
    "men women children people persons feet teeth geese mice wolves leaves knives shelves scarves calves"
)
# Words in -s that "a" may stand before: a sports car, a backwards cap, a jeans jacket.
_MAY_FOLLOW_A = "sports thumbs backwards outdoors news jeans ropes crafts gymnastics athletics"


def plurals(vocabulary: Collection[str]) -> set[str]:
    """The words of the vocabulary that "a" does not stand before: plurals, and third persons, of words it has."""
    forms = {form for base in vocabulary for form in _regular_forms(base) - {base} if form.endswith("s")}
    return forms.union(_IRREGULAR_PLURALS.split()).intersection(vocabulary).difference(_MAY_FOLLOW_A.split())


def inflections(word: str, vocabulary: Set[str]) -> set[str]:
    """The words of the vocabulary that are forms of `word`, itself included where the vocabulary has it."""
    related = {word}
    for forms in IRREGULAR:
        if word in forms:
            related |= forms
    bases = {base for base in vocabulary if word in _regular_forms(base)}
    for base in bases | {word}:
        related |= _regular_forms(base)
    return related & vocabulary


def _regular_forms(base: str) -> set[str]:
    """The base and its regular forms."""
    if len(base) < 3 or base in _WITHOUT_FORMS:
        return {base}
    forms = {base}
    if base.endswith(("s", "x", "z", "ch", "sh")):
        forms.add(base + "es")
    elif base.endswith("y") and base[-2] not in _VOWELS:
        forms |= {base[:-1] + "ies", base[:-1] + "ied"}
    elif base.endswith("o"):
        forms |= {base + "s", base + "es"}
    else:
        forms.add(base + "s")
    if base.endswith(("ee", "oe", "ye")):
        forms |= {base + "d", base + "ing"}
    elif base.endswith("e"):
        forms |= {base + "d", (base[:-2] + "y" if base.endswith("ie") else base[:-1]) + "ing"}
    elif _DOUBLES.match(base):
        forms |= {base + base[-1] + "ed", base + base[-1] + "ing"}
    else:
        forms |= {base + "ed", base + "ing"}
    return forms
