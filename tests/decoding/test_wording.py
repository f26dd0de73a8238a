"""Wishes in words become constraints in ids."""

from __future__ import annotations

from typing import Any

import pytest

from captionkit.decoding import Beam, Wording
from captionkit.decoding.inflection import inflections, plurals
from captionkit.errors import UsageError
from captionkit.tokenizer import Tokenizer
from tests.decoding.toy import Toy

VOCABULARY = {"dog", "dogs", "run", "runs", "running", "ran", "man", "men", "woman", "play", "plays", "played"}
VOCABULARY |= {"playing", "ride", "riding", "baby", "babies", "watch", "watches", "car", "cared", "red", "bus"}
VOCABULARY |= {"buses", "glass", "glasses", "stop", "stopped", "stopping", "hurry", "hurried", "hurrying", "visit"}
VOCABULARY |= {"box", "boxes", "brush", "brushes", "buzz", "buzzes", "photo", "photos", "tomato", "tomatoes"}
VOCABULARY |= {"wave", "waves", "waved", "waving", "visited", "bike", "biker", "king", "ring", "a", "the", "with"}
VOCABULARY |= {"she", "shed", "thing", "his", "hissing", "bee", "bees", "being"}
VOCABULARY |= {"canoe", "canoeing", "tie", "tying", "t-shirt", "t-shirts"}


@pytest.mark.parametrize(
    ("word", "forms"),
    [
        ("dog", "dog dogs"),
        ("dogs", "dog dogs"),
        ("running", "run runs running ran"),
        ("men", "man men"),
        ("woman", "woman"),
        ("played", "play plays played playing"),
        ("riding", "ride riding"),
        ("babies", "baby babies"),
        ("watch", "watch watches"),
        ("car", "car"),
        ("red", "red"),
        ("buses", "bus buses"),
        ("glass", "glass glasses"),
        ("stop", "stop stopped stopping"),
        ("shed", "shed"),
        ("thing", "thing"),
        ("hissing", "hissing"),
        ("bee", "bee bees"),
        ("canoe", "canoe canoeing"),
        ("tying", "tie tying"),
        ("hurry", "hurry hurried hurrying"),
        ("visited", "visit visited"),
        ("bike", "bike"),
        ("king", "king"),
        ("box", "box boxes"),
        ("brushes", "brush brushes"),
        ("buzz", "buzz buzzes"),
        ("photo", "photo photos"),
        ("tomatoes", "tomato tomatoes"),
        ("wave", "wave waves waved waving"),
        ("t-shirts", "t-shirt t-shirts"),
        ("cats", ""),
    ],
)
def test_forms_of_a_word(word: str, forms: str) -> None:
    assert inflections(word, VOCABULARY) == set(forms.split())


def test_most_words_take_ed_and_only_some_take_es() -> None:
    assert inflections("jump", {"jump", "jumped", "jumping"}) == {"jump", "jumped", "jumping"}
    assert inflections("star", {"star", "stars", "stares"}) == {"star", "stars"}
    assert inflections("new", {"new", "news"}) == {"new"}
    assert inflections("dye", {"dye", "dyed", "dyeing"}) == {"dye", "dyed", "dyeing"}
    assert inflections("jump", {"jumped"}) == {"jumped"}  # which a vocabulary may have without the word itself


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer(sorted(VOCABULARY))


def words(tokenizer: Tokenizer, ids: frozenset[int]) -> set[str]:
    return {tokenizer.words[id_] for id_ in ids}


def test_wishes_become_ids(tokenizer: Tokenizer) -> None:
    found = Wording(must=("Dogs", "red bus"), avoid=("running", "zebra", "a Photo"), min_length=4).constraints(
        tokenizer, no_repeat_ngram=3, bad_endings=("a", "the", "upon")
    )
    assert [words(tokenizer, demand) for demand in found.must] == [{"dog", "dogs"}, {"red"}, {"bus", "buses"}]
    assert words(tokenizer, found.avoid) == {"run", "runs", "running", "ran", "a", "photo", "photos"}
    assert words(tokenizer, found.bad_endings) == {"a", "the"}
    assert (found.min_length, found.no_repeat_ngram) == (4, 3)
    assert "red" in words(tokenizer, found.may_repeat)
    assert "dog" not in words(tokenizer, found.may_repeat)
    assert not Wording().constraints(tokenizer, may_repeat=()).may_repeat
    assert words(tokenizer, Wording().constraints(tokenizer, no_echo=("with", "or")).no_echo) == {"with"}


def test_no_plural_comes_after_a(tokenizer: Tokenizer) -> None:
    found = Wording().constraints(tokenizer)
    assert words(tokenizer, found.singular_after) == {"a"}
    expected = (
        "dogs runs men plays babies bees watches buses glasses waves brushes buzzes tomatoes boxes photos t-shirts"
    )
    assert words(tokenizer, found.plurals) == set(expected.split())
    assert not Wording().constraints(tokenizer, one=()).plurals


def test_what_nobody_has_to_ask_for() -> None:
    found = Wording().constraints(known := Tokenizer(["a", "an", "and", "bike", "bicycle", "dog", "or"]))
    assert found.min_length == 1
    assert words(known, found.no_echo) == {"and", "or"}
    assert words(known, found.singular_after) == {"a", "an"}
    assert {"bike", "bicycle"} in [words(known, things) for things in found.twins]


def test_words_in_s_that_are_no_plurals_may_come_after_a() -> None:
    known = {"sport", "sports", "bu", "bus", "glass", "grass", "thumb", "thumbs", "rock", "rocks", "tennis", "is"}
    assert plurals(known) == {"rocks"}


def test_words_for_one_thing_may_both_come_where_both_are_demanded(tokenizer: Tokenizer) -> None:
    def twins(*must: str) -> list[set[str]]:
        found = Wording(must=must).constraints(tokenizer, twins=("dog bus", "red man zebra"))
        return [words(tokenizer, things) for things in found.twins]

    assert twins() == twins("dogs") == [{"dog", "bus"}, {"red", "man"}]
    assert twins("dog", "bus") == [{"red", "man"}]


def test_a_word_demanded_twice_is_one_demand(tokenizer: Tokenizer) -> None:
    found = Wording(must=("a dog", "a man", "dogs", "a bus", "dog")).constraints(tokenizer)
    assert [words(tokenizer, one) for one in found.must] == [
        {"a"},
        {"dog", "dogs"},
        {"man", "men"},
        {"bus", "buses"},
    ]


def test_a_word_that_must_be_avoided_cannot_be_held(tokenizer: Tokenizer) -> None:
    with pytest.raises(UsageError, match="both hold and avoid 'dog'"):
        Wording(must=("dog",), avoid=("dogs",)).constraints(tokenizer)


def test_of_a_demanded_word_the_forms_that_are_not_avoided_are_left() -> None:
    known = Tokenizer(["leaf", "leave", "leaves"])
    found = Wording(must=("Leaf,", "leaf"), avoid=("leave",)).constraints(known)
    assert [words(known, demand) for demand in found.must] == [{"leaf"}]


def test_an_unknown_word_names_a_near_one(tokenizer: Tokenizer) -> None:
    with pytest.raises(UsageError, match=r"'runing'.*did you mean 'running'"):
        Wording(must=("runing",)).constraints(tokenizer)
    with pytest.raises(UsageError, match="choose another word"):
        Wording(must=("xylophone",)).constraints(tokenizer)


@pytest.mark.parametrize("name", ["must", "avoid"])
def test_a_word_is_no_list_of_words(name: str) -> None:
    wishes: dict[str, Any] = {name: "dog"}  # as ("dog") is, without its comma
    with pytest.raises(UsageError, match=rf"several words for {name}.* write {name}=\('dog',\)"):
        Wording(**wishes)


def test_a_search_keeps_the_wishes(tokenizer: Tokenizer) -> None:
    toy = Toy(vocabulary=len(tokenizer), units=8, seed=3, sharpness=0.6, eos_bias=3.0)
    limits = Wording(must=("dog", "ride"), avoid=("man", "play")).constraints(tokenizer, bad_endings=("a", "with"))
    for (best,) in Beam(max_length=8).run(toy.start, toy.step, toy.features(10), constraints=limits):
        said = set(tokenizer.to_tokens(best.ids))
        assert best.finished
        assert said & {"dog", "dogs"}
        assert said & {"ride", "riding"}
        assert not said & {"man", "men", "play", "plays", "played", "playing"}
        assert tokenizer.to_tokens(best.ids)[-1] not in ("a", "with")
