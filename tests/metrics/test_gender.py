"""Guesses of gender, counted by hand."""

from __future__ import annotations

from captionkit.metrics.gender import gender_guesses
from captionkit.metrics.left_out import left_out
from captionkit.metrics.proportion import Proportion


def counted(*pictures: tuple[str, list[str]]) -> dict[str, tuple[int, int]]:
    found = gender_guesses((caption.split(), [one.split() for one in texts]) for caption, texts in pictures)
    rows = {"unsaid": found.unsaid, "disputed": found.disputed}
    rows |= {f"agreed {gender}": one for gender, one in found.agreed.items()}
    rows |= {f"told {gender}": one for gender, one in found.told.items()}
    return {name: (one.count, one.total) for name, one in rows.items() if one.total}


def test_a_guess_where_people_say_none() -> None:
    people = ["a person runs", "a runner", "someone in red", "a child on a path", "a red jacket"]
    assert counted(("a man runs", people))["unsaid"] == (1, 1)
    assert counted(("a person runs", people)) == {"unsaid": (0, 1), "told female": (0, 1), "told male": (0, 1)}


def test_a_picture_of_no_people_asks_nothing() -> None:
    dogs = ["a dog runs", "a dog with his ball", "a brown dog", "two dogs", "a person and a dog"]
    assert counted(("a dog runs", dogs)) == {}


def test_people_who_agree_are_contradicted_or_not() -> None:
    women = ["a woman sits", "a lady in red", "a person sits", "she is a woman", "a bench"]
    assert counted(("a man sits", women))["agreed female"] == (1, 1)
    assert counted(("a man and a woman sit", women))["agreed female"] == (1, 1)
    assert counted(("a woman sits", women))["agreed female"] == (0, 1)
    assert counted(("a person sits", women))["agreed female"] == (0, 1)


def test_a_minority_that_tells_is_no_agreement() -> None:
    few = ["a man sits", "a person sits", "a person", "someone", "a rider"]
    assert counted(("a woman sits", few)) == {"told female": (1, 1), "told male": (0, 1)}
    half = ["a man sits", "a man", "a person", "a rider"]
    assert "agreed male" not in counted(("a woman sits", half))
    assert counted(("a woman sits", half[:3]))["agreed male"] == (1, 1)


def test_half_of_the_references_are_not_more_than_half() -> None:
    half = ["a person runs", "a runner", "a red jacket", "a path"]
    assert "unsaid" not in counted(("a man runs", half))
    assert counted(("a man runs", half[:3]))["unsaid"] == (1, 1)


def test_people_who_disagree_are_no_couple() -> None:
    differ = ["a boy on a swing", "a girl on a swing", "a child swings", "a kid", "a toddler"]
    assert counted(("a boy swings", differ))["disputed"] == (1, 1)
    assert counted(("a child swings", differ))["disputed"] == (0, 1)
    assert counted(("a boy and a girl swing", differ))["disputed"] == (0, 1)
    couple = ["a man and a woman", "a man", "a woman", "two people", "a couple"]
    assert "disputed" not in counted(("a man", couple))


def test_people_are_measured_against_each_other() -> None:
    group = [["a", "man"], ["a", "man"], ["a", "woman"]]
    assert list(left_out([[["one"], ["other"]]])) == [(["one"], [["other"]]), (["other"], [["one"]])]
    pairs = list(left_out([group, [["alone"]]]))
    assert [one for one, _ in pairs] == group
    assert all(len(others) == 2 for _, others in pairs)
    found = gender_guesses(pairs)
    assert found.agreed["male"] == Proportion(1, 1)
    assert found.disputed == Proportion(2, 2)
