"""Articles agree with the word that follows."""

from __future__ import annotations

import pytest

from captionkit.decoding import agree_articles


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("a elephant is standing under a umbrella", "an elephant is standing under an umbrella"),
        ("an dog in an red collar", "a dog in a red collar"),
        ("a man in a uniform on a unicycle", "a man in a uniform on a unicycle"),
        ("an one story house for an hour", "a one story house for an hour"),
        ("a suv beside a rv", "an suv beside an rv"),
        ("a used car and a unusual usher", "a used car and an unusual usher"),
        ("a european and a onion", "a european and an onion"),
        ("a 8 year old and an 7 year old", "an 8 year old and a 7 year old"),
        ("a 18 wheeler, a 11 and an 110", "an 18 wheeler, an 11 and a 110"),
        ("an st. bernard and an mr", "a st. bernard and a mr"),
        ("a unidentified man in an onesie", "an unidentified man in a onesie"),
        ("an us flag, an ufo and an u-turn", "a us flag, a ufo and a u-turn"),
        ("an fly in an sky with an ute and an hot-dog", "a fly in a sky with a ute and a hot-dog"),
        ("a html page", "an html page"),
        ("two dogs and a", "two dogs and a"),
        ("", ""),
    ],
)
def test_an_article_is_told_by_the_next_word(said: str, written: str) -> None:
    assert " ".join(agree_articles(said.split())) == written
