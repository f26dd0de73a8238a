"""Words that tell the gender of people."""

from __future__ import annotations

import pytest

from captionkit.alttext.neutral import neutral_wording
from captionkit.text.gendered import FEMALE, HE, MALE, PERSONS, SHE, genders_said, names_person


@pytest.mark.parametrize(
    ("caption", "said"),
    [
        ("a man and a dog", {"male"}),
        ("two girls play", {"female"}),
        ("a man kisses his wife", {"female", "male"}),
        ("a person runs", set()),
        ("a person walks her dog", {"female"}),
        ("a dog with his ball", set()),
        ("a dog with her ball", set()),
        ("a person walks his dog", {"male"}),
        ("a female swimmer", {"female"}),
        ("a male swimmer", {"male"}),
        ("a snowman by the manhole", set()),
    ],
)
def test_what_a_caption_tells(caption: str, said: set[str]) -> None:
    assert genders_said(caption.split()) == said


def test_a_dog_is_no_person() -> None:
    assert not names_person(["a", "dog", "runs", "after", "his", "ball"])
    assert names_person(["a", "skateboarder", "and", "his", "dog"])
    assert all(names_person([word]) for word in ("woman", "man", "female", "male"))


def test_the_lists_do_not_overlap() -> None:
    assert not FEMALE.keys() & MALE.keys()
    assert not SHE & HE
    assert not PERSONS & (FEMALE.keys() | MALE.keys())


@pytest.mark.parametrize("word", sorted([*FEMALE, *MALE]))
def test_neutral_wording_leaves_no_gender_that_is_counted(word: str) -> None:
    assert not genders_said(neutral_wording(f"the {word} runs").lower().rstrip(".").split())


def test_words_said_instead_name_people() -> None:
    for instead in {*FEMALE.values(), *MALE.values()}:
        assert not genders_said(instead.split())
