"""From text to what the index stores and asks for: stems, and wider terms for words that mean nearly the same.

The stems are those of the Snowball stemmer, after irregular forms (men, ran) were led back to one of their kind.
Wider terms stand in a column of their own, where a hit counts less: a search for "puppy" finds "dog", after
the puppies.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from captionkit.decoding.inflection import IRREGULAR
from captionkit.text.gendered import names_person
from captionkit.text.snowball import stem

# Raise this number when the same caption gives other terms: indexes then make theirs anew from their captions.
TERMS_VERSION = 3

MAX_QUERY_WORDS = 64  # different ones; the rest of a longer query is not looked for

WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_STOP_WORDS = frozenset(
    word
    for line in (
        "a an the of in on at with and or to for from by as into onto up down out over while",
        "is are was were be being been am has have had do does",
        "it its this that these those there here he she they his her their him them i you we my your our",
        "who which what where some any no not",
    )
    for word in line.split()
)
# A word may stand in several lines. Everyday words of photo captions; written by hand, with no source but use.
_KINDS = (
    "dog dogs puppy pup hound doggy canine",
    "cat kitten kitty feline",
    "horse pony mare stallion",
    "cow cattle bull calf ox",
    "sheep lamb",
    "bird gull seagull duck goose pigeon parrot eagle",
    "animal creature beast pet",
    "man guy gentleman male fellow dude",
    "woman lady female gal",
    "child kid toddler youngster boy girl",
    "baby infant toddler",
    "boy lad male child",
    "girl female child",
    "person people someone individual human",
    "crowd group gathering audience",
    "couple pair two",
    "worker labourer laborer builder",
    "player athlete sportsman",
    "bicycle bike cyclist bicyclist biker cycling",
    "motorcycle motorbike motorcyclist biker moped scooter dirtbike",
    "car automobile auto vehicle taxi cab",
    "truck lorry pickup van",
    "bus coach",
    "train railway locomotive subway metro tram",
    "plane airplane aeroplane aircraft jet",
    "boat ship canoe kayak sailboat raft vessel",
    "water sea ocean lake river pool pond stream",
    "sea ocean surf wave",
    "river stream creek",
    "swim swimmer swimming",
    "beach shore seaside coast sand seashore",
    "grass lawn field meadow pasture",
    "forest wood woods woodland tree",
    "mountain hill cliff peak rock",
    "rock boulder stone cliff",
    "snow snowy ski skier snowboard snowboarder sled",
    "ice icy frozen",
    "street road sidewalk pavement path lane",
    "path trail track",
    "building house home skyscraper",
    "city town urban downtown",
    "shop store market",
    "room kitchen bedroom bathroom indoor inside",
    "sofa couch settee",
    "television tv screen monitor",
    "phone cellphone telephone mobile",
    "computer laptop pc",
    "photo photograph picture camera photographer",
    "run jog sprint race",
    "jump leap hop bounce",
    "walk stroll hike",
    "climb climber scale",
    "throw toss pitch",
    "catch grab fetch",
    "hold carry grasp",
    "sit seated sitting",
    "lie lay rest",
    "smile grin laugh",
    "talk speak chat",
    "look watch stare gaze",
    "eat food meal",
    "play game",
    "ball football soccer basketball baseball tennis",
    "football soccer",
    "skateboard skateboarder skater skate",
    "shirt tshirt top jersey sweater",
    "jacket coat parka",
    "trousers pants jeans",
    "dress gown skirt",
    "hat cap helmet beanie",
    "glasses sunglasses goggles spectacles",
    "big large huge giant",
    "small little tiny",
    "fast quick speeding",
    "gray grey",
    "yellow blond blonde golden",
    "brown tan beige",
    "orange ginger",
    "purple violet lavender",
    "colorful colourful multicolored bright",
)


_EXCLUDES = frozenset(["without", "no"])
_BEFORE_IT = frozenset(["with", "but", "and"])  # goes with it: "with no hat", "but no people"
_INSIDE = frozenset(["a", "an", "the", "any", "some", "or", "and", "nor"])
# Of any of them a caption speaks that names a person, whatever it calls them.
_ANYBODY = frozenset(
    ["people", "person", "persons", "one", "human", "humans", "anybody", "anyone", "somebody", "someone"]
)


@dataclass(frozen=True, slots=True)
class QueryWord:
    """A word of a query, lower-cased; its stem, and the wider terms that it belongs to, often none."""

    word: str
    stem: str
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """A query in two parts.

    Attributes:
        wanted: what is looked for; as it was typed where nothing is excluded.
        excluded: things that are not to be there; a caption speaks of one where it has all words of it.
        excludes_all: nothing is looked for but what stands behind "without" or "no", so nothing is excluded.
    """

    wanted: str
    excluded: tuple[tuple[QueryWord, ...], ...] = ()
    excludes_all: bool = False


def split_words(text: str) -> list[str]:
    """The words of a text, lower-cased and without accents; any text will do, and some has none."""
    folded = text.casefold()
    if not folded.isascii():
        folded = unicodedata.normalize("NFKD", folded).casefold()
        folded = "".join(char for char in folded if not unicodedata.combining(char))
    return WORD.findall(folded)


def worth_looking_for(word: str) -> bool:
    """Whether a lower-cased word is none of those that stand everywhere, such as "the" and "in"."""
    return word not in _STOP_WORDS


@lru_cache(maxsize=1 << 16)
def to_stem(word: str) -> str:
    """The stem of a lower-cased word; the forms of an irregular word share one."""
    word = word.replace("’", "'").removesuffix("'s")
    return stem(_REPRESENTATIVE.get(word, word))


def index_terms(captions: Iterable[str]) -> tuple[str, str]:
    """What the index stores of a picture's captions.

    Returns:
        All stems, one for each running word, so that a word that several captions say counts more; and the wider
        terms. Both as words with spaces between.
    """
    stems = [to_stem(word) for caption in captions for word in split_words(caption)]
    return " ".join(stems), " ".join(kind for one in stems for kind in _KINDS_OF.get(one, ()))


def query_words(text: str) -> list[QueryWord]:
    """The words of a query that are worth looking for, each stem once, in order.

    Words such as "the" and "in" are left out, unless the query has no others.
    """
    words = split_words(text)
    kept = list(filter(worth_looking_for, words)) or words
    found: dict[str, QueryWord] = {}
    for word in kept:
        one = to_stem(word)
        found.setdefault(one, QueryWord(word, one, _KINDS_OF.get(one, ())))
    return list(found.values())


def split_query(text: str) -> Query:
    """What a query looks for, and what stands behind "without" and "no" in it.

    A thing that is excluded ends before "or", "and" and the next word such as "in"; what the first two join is
    excluded too. Where nothing else is looked for, nothing is excluded ("no parking").
    """
    wanted: list[str] = []
    excluded: list[list[str]] = []
    inside = False
    for token in WORD.findall(text):
        word = "".join(split_words(token))
        if word in _EXCLUDES:
            inside = True
            excluded.append([])
            if wanted and wanted[-1].casefold() in _BEFORE_IT:
                wanted.pop()
        elif inside and word in _INSIDE:
            excluded.append([])
        elif inside and worth_looking_for(word) and not word.isdigit():  # "bus no 5"
            excluded[-1].append(word)
        else:
            inside = False
            wanted.append(token)
    things = [tuple(query_words(" ".join(words))) for words in excluded[:MAX_QUERY_WORDS] if words]
    if not things or not any(worth_looking_for(word) for word in split_words(" ".join(wanted))):
        return Query(text, excludes_all=bool(things))
    return Query(" ".join(wanted), tuple(things))


def says_excluded(things: Iterable[Sequence[QueryWord]], caption: str) -> bool:
    """Whether a caption speaks of one of the things."""
    words = split_words(caption)
    stems = {to_stem(word) for word in words}
    kinds = {kind for one in stems for kind in _KINDS_OF.get(one, ())}
    return any(
        all(
            one.stem in stems or not kinds.isdisjoint(one.kinds) or (one.word in _ANYBODY and names_person(words))
            for one in thing
        )
        for thing in things
    )


def match_expression(words: Sequence[QueryWord]) -> str:
    """An FTS5 expression that any of the words satisfies; every term is quoted, so that none is an operator."""
    kinds = dict.fromkeys(kind for one in words for kind in one.kinds)
    return " OR ".join([match_stem(one.stem) for one in words] + [match_kind(kind) for kind in kinds])


def match_stem(stem: str) -> str:
    """An FTS5 expression for the captions that say a word with this stem."""
    return f'stems : "{stem}"'


def match_kind(kind: str) -> str:
    """An FTS5 expression for the captions that say a word of this wider term."""
    return f'kinds : "{kind}"'


def stems_of_kinds(kinds: Iterable[str]) -> list[str]:
    """The stems of all words that belong to one of these wider terms."""
    wanted = set(kinds)
    return [stem for stem, own in _KINDS_OF.items() if wanted.intersection(own)]


def hits(words: Sequence[QueryWord], caption: str) -> list[str]:
    """The words of a caption that a query asks for, as the caption has them, each once.

    A word that only a wider term leads to counts too.
    """
    stems = {one.stem for one in words}
    kinds = {kind for one in words for kind in one.kinds}
    return list(
        dict.fromkeys(
            word
            for word in split_words(caption)
            if to_stem(word) in stems or kinds.intersection(_KINDS_OF.get(to_stem(word), ()))
        )
    )


def _base(forms: set[str]) -> str:
    """Of run, runs, running, ran: run. The one that takes an s, else the shortest."""
    takes_s = [form for form in forms if forms & {f"{form}s", f"{form}es"}]
    return min(takes_s or forms, key=lambda form: (len(form), form))


_REPRESENTATIVE = {form: _base(forms) for forms in IRREGULAR for form in forms}
# "Laying" is what captions say for "lying"; of the others the stemmer cuts too little or too much.
_REPRESENTATIVE |= dict.fromkeys(("lie", "lies", "lying", "lay", "lain", "lays", "laying"), "lay")
_REPRESENTATIVE |= {"buses": "bus", "gases": "gas", "lenses": "lens", "menus": "menu", "tutus": "tutu"}
_REPRESENTATIVE |= {"sniff": "sniffing", "sniffs": "sniffing"}
_KINDS_OF: dict[str, tuple[str, ...]] = {}
for _number, _line in enumerate(_KINDS):
    for _one in dict.fromkeys(to_stem(word) for word in _line.split()):
        # A letter first: a term of the wider column must never look like a stem or a number of a caption.
        _KINDS_OF[_one] = (*_KINDS_OF.get(_one, ()), f"k{_number}")
