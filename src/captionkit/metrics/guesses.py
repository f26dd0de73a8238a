"""What a model says and people don't, a row a question, beside people measured the same way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from captionkit.metrics.corpus import Corpus, Tokens
from captionkit.metrics.gender import GENDERS, gender_guesses
from captionkit.metrics.left_out import left_out
from captionkit.metrics.mentions import unshared_mentions
from captionkit.metrics.proportion import Proportion


@dataclass(frozen=True, slots=True)
class Guess:
    """One question.

    Attributes:
        what: is guessed, as a clause that follows "the caption says".
        model: of the captions that the question is about, those that say it.
        people: the same of people's captions, each against the others of its picture. Their captions of one
            picture are no independent draws: take the share, not its interval.
    """

    what: str
    model: Proportion
    people: Proportion


@dataclass(frozen=True, slots=True)
class Guesses:
    """Everything that is counted; a question about no caption at all has a total of 0.

    Attributes:
        gender: what is said of gender against what people say, see `GenderGuesses`.
        told: for each gender, of the captions that name people, those that tell it: how a model leans.
        mentions: what is named that no other person names, see `captionkit.metrics.mentions`.
    """

    gender: tuple[Guess, ...]
    told: tuple[Guess, ...]
    mentions: tuple[Guess, ...]

    def to_document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            part: [
                {"what": one.what, "model": one.model.to_document(), "people": one.people.to_document()}
                for one in rows
            ]
            for part, rows in (("gender", self.gender), ("told", self.told), ("mentions", self.mentions))
        }


def guesses(corpus: Corpus) -> Guesses:
    """Count the guesses of a corpus of captions and references, as `score_with_outcomes` tokenised them."""
    model = _counted(list(zip(corpus.candidates, corpus.references, strict=True)))
    people = _counted(list(left_out(corpus.references)))
    return Guesses(*(_rows(own, others) for own, others in zip(model, people, strict=True)))


def _counted(pairs: Sequence[tuple[Tokens, Sequence[Tokens]]]) -> tuple[Mapping[str, Proportion], ...]:
    """What each part of `Guesses` counts in captions and their references."""
    found = gender_guesses(pairs)
    return (
        {
            "a gender, where people say none": found.unsaid,
            "one gender, where people disagree": found.disputed,
            "male, where people agree on female": found.agreed["female"],
            "female, where people agree on male": found.agreed["male"],
        },
        {f"{gender}, of captions that name people": found.told[gender] for gender in GENDERS},
        {f"{topic} that nobody else names": one for topic, one in unshared_mentions(pairs).items()},
    )


def _rows(model: Mapping[str, Proportion], people: Mapping[str, Proportion]) -> tuple[Guess, ...]:
    return tuple(Guess(what, one, people[what]) for what, one in model.items())
