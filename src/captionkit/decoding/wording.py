"""What a person asks of a caption, in words; `constraints` says it in ids."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache

from captionkit.decoding.constraints import Constraints
from captionkit.decoding.inflection import inflections, plurals
from captionkit.errors import UsageError
from captionkit.text import tokenize
from captionkit.tokenizer import Tokenizer

# Words on whose two sides a caption does not say the same ("red and red").
NO_ECHO = ("and", "or")

# Words that hold a sentence together; the others carry its meaning.
_SMALL = (
    "a an the this that these those another other one two three four five some and or but while as with "
    "without in on of at to from for by into onto over under up down out off near next through behind "
    "beside between around across along toward towards above below is are was were be being been has have "
    "having it its he she they his her their him them himself herself who which what there front side top "
    "back together each all not 's very"
)
SMALL_WORDS = tuple(_SMALL.split())

# Words that may come twice in a caption: small ones, people, the colours of what they wear ("a man in white and a
# woman in white"), and games ("football players play football"). A second "bed" or "wooden" is mostly a stutter.
_PEOPLE = "man men woman women boy boys girl girls child children person people guy lady kid kids"
_COLOURS = "red blue green yellow white black brown orange pink purple grey gray tan gold silver"
_GAMES = "football basketball baseball soccer tennis hockey volleyball rugby softball cricket golf polo"
MAY_REPEAT = (*SMALL_WORDS, *" ".join((_PEOPLE, _COLOURS, _GAMES)).split())

# Words that name one thing: a caption with two of them has lost the thread ("riding a bicycle on a bike").
TWINS = (
    "bike bicycle motorcycle motorbike",
    "bikes bicycles motorcycles motorbikes",
    "couch sofa",
    "child kid",
    "children kids",
)

# Words after which no plural comes ("on a rocks").
ONE = ("a", "an")


@dataclass(frozen=True, slots=True)
class Wording:
    """Wishes for a caption.

    Attributes:
        must: words that appear, in any of their forms ("dog" is met by "dogs"); of several words in one
            string ("fire truck") each must appear.
        avoid: words that appear in none of their forms.
        min_length: words at least.

    Raises:
        UsageError: a string where several are expected.
    """

    must: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()
    min_length: int = 1

    def __post_init__(self) -> None:
        for name, words in (("must", self.must), ("avoid", self.avoid)):
            if isinstance(words, str):  # of which each letter would be a word
                raise UsageError(f"Expected several words for {name}, but got one; write {name}=({words!r},).")

    def constraints(
        self,
        tokenizer: Tokenizer,
        *,
        no_repeat_ngram: int = 0,
        bad_endings: Iterable[str] = (),
        no_echo: Iterable[str] = NO_ECHO,
        may_repeat: Iterable[str] = MAY_REPEAT,
        twins: Iterable[str] = TWINS,
        one: Iterable[str] = ONE,
    ) -> Constraints:
        """These wishes and a model's own habits as ids of its vocabulary.

        Args:
            tokenizer: the model's.
            no_repeat_ngram: see `Constraints`.
            bad_endings, no_echo, may_repeat: words, see `Constraints`; those that the vocabulary lacks have no
                part in it.
            twins: words that name one thing, with spaces between; of those that must appear two may.
            one: words after which no plural comes.

        Raises:
            UsageError: a word that must appear is not in the vocabulary, is also to be avoided, or is one of
                too many.
        """
        known = frozenset(tokenizer.spoken)
        avoid = {form for wish in self.avoid for word in tokenize(wish) for form in inflections(word, known)}
        must = []
        for word in (word for wish in self.must for word in tokenize(wish)):
            forms = inflections(word, known)
            if not forms:
                raise UsageError(
                    f"A caption cannot hold {word!r}: it is not among the {len(known):,} words of this model; "
                    f"{_remedy(word, known)}"
                )
            if not forms - avoid:
                raise UsageError(f"A caption cannot both hold and avoid {word!r}; leave one of the two out.")
            if forms - avoid not in must:  # "a dog" and "a cat" are three demands
                must.append(forms - avoid)
        alike = [set(words.split()) for words in twins]
        singular_after = _ids(one, tokenizer)
        return Constraints(
            must=tuple(_ids(forms, tokenizer) for forms in must),
            avoid=_ids(avoid, tokenizer),
            min_length=self.min_length,
            no_repeat_ngram=no_repeat_ngram,
            bad_endings=_ids(bad_endings, tokenizer),
            no_echo=_ids(no_echo, tokenizer),
            may_repeat=_ids(may_repeat, tokenizer),
            twins=tuple(
                _ids(words, tokenizer) for words in alike if sum(bool(forms & words) for forms in must) < 2
            ),
            singular_after=singular_after,
            plurals=_plurals(tokenizer) if singular_after else frozenset(),
        )


@lru_cache(maxsize=8)
def _plurals(tokenizer: Tokenizer) -> frozenset[int]:
    """Found once for a vocabulary: it takes longer than a step of the search."""
    return _ids(plurals(tokenizer.spoken), tokenizer)


def _ids(words: Iterable[str], tokenizer: Tokenizer) -> frozenset[int]:
    found = (tokenizer.id_of(word) for word in words)
    return frozenset(id_ for id_ in found if id_ is not None)


def _remedy(word: str, known: Collection[str]) -> str:
    import difflib  # only where a word is not known

    close = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {close[0]!r}?" if close else "choose another word."
