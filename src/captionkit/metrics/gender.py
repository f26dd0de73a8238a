"""How often captions guess the gender of people.

A photograph does not show anybody's gender; what people wrote can be counted. After Hendricks et al. 2018, "Women
also Snowboard: Overcoming Bias in Captioning Models" (their error rate is `agreed` here), and Bhargava and Forsyth
2019, "Exposing and Correcting the Gender Bias in Image Captioning Datasets and Models" (guesses where people say
none).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from captionkit.metrics.corpus import Tokens
from captionkit.metrics.proportion import Proportion
from captionkit.text.gendered import Gender, genders_said, names_person

GENDERS: tuple[Gender, ...] = ("female", "male")


@dataclass(frozen=True, slots=True)
class GenderGuesses:
    """Counted over pictures of people.

    Attributes:
        unsaid: of the pictures where more than half of the references name people and none tells a gender, those
            whose caption tells one.
        disputed: of the pictures where one reference tells only female, another only male, and none both, those
            whose caption tells exactly one.
        agreed: for each gender, of the pictures where more than half of the references tell it and none the other,
            those whose caption tells the other.
        told: for each gender, of the captions that name people, those that tell it (some tell both).
    """

    unsaid: Proportion
    disputed: Proportion
    agreed: Mapping[Gender, Proportion]
    told: Mapping[Gender, Proportion]


def gender_guesses(pairs: Iterable[tuple[Tokens, Sequence[Tokens]]]) -> GenderGuesses:
    """Count what captions tell of gender that their references do not.

    Args:
        pairs: for each picture the words of its caption and of its references, as `captionkit.text.tokenize` gives
            them. With `captionkit.metrics.left_out.left_out`, people are measured against each other.
    """
    unsaid: list[bool] = []
    disputed: list[bool] = []
    agreed: dict[Gender, list[bool]] = {gender: [] for gender in GENDERS}
    told: dict[Gender, list[bool]] = {gender: [] for gender in GENDERS}
    for caption, references in pairs:
        said = genders_said(caption)
        if names_person(caption):
            for gender in GENDERS:
                told[gender].append(gender in said)
        by_people = [genders_said(reference) for reference in references]
        everyone = frozenset[Gender]().union(*by_people)
        people = sum(map(names_person, references))
        if not everyone and people > len(references) / 2:
            unsaid.append(bool(said))
        elif len(everyone) == 2 and not any(len(one) == 2 for one in by_people):
            disputed.append(len(said) == 1)
        elif len(everyone) == 1:
            (gender,) = everyone
            if sum(map(bool, by_people)) > len(references) / 2:
                agreed[gender].append(bool(said - everyone))
    return GenderGuesses(
        Proportion.of(unsaid),
        Proportion.of(disputed),
        {gender: Proportion.of(events) for gender, events in agreed.items()},
        {gender: Proportion.of(events) for gender, events in told.items()},
    )
