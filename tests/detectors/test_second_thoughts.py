"""What a caption should have named or left out, and the second search for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from captionkit.bundle import read_bundle
from captionkit.captioner import Captioner
from captionkit.decoding import Beam, Constraints, Greedy, Hypothesis, Wording
from captionkit.detectors.second_thoughts import NONE, SecondThought, second_thoughts
from captionkit.detectors.things import (
    CALLED_FOR,
    CLASSES,
    MEMBERS,
    NEVER_OVERLOOKED,
    SURE,
    SURELY_NOT,
    WORDS,
    ThingDetector,
    ids_of_things,
)
from captionkit.detectors.words import WordDetector
from captionkit.images import load_pixels
from captionkit.selftest import draw_picture
from tests.tiny import DEPTH, IMAGE_SIZE, tiny_tokenizer

TOKENIZER = tiny_tokenizer()
DOG, CAT, ZEBRA = 151, 281, 340
DOGS = {"dog", "dogs"}
PICTURES = [draw_picture(seed) for seed in range(5)]
MORE = [draw_picture(seed) for seed in range(40)]


def seeing(path: Path, shares: dict[int, float]) -> Captioner:
    """A captioner whose thing detector gives classes these probabilities, whatever the picture."""
    bias = np.full(CLASSES, np.log((1 - sum(shares.values())) / CLASSES), np.float32)
    for number, share in shares.items():
        bias[number] = np.log(share)
    layer = ThingDetector(np.zeros((DEPTH, CLASSES), np.float32), bias)
    return Captioner(dataclasses.replace(read_bundle(path), things=layer.to_bytes()), threads=1)


def texts(captioner: Captioner, **options: object) -> list[str | None]:
    return [one.text for one in captioner.caption(MORE, **options)]  # type: ignore[arg-type]


def test_dogs_are_never_overlooked_for_they_have_121_classes() -> None:
    assert [(WORDS[place][0], MEMBERS[:, place].sum()) for place in NEVER_OVERLOOKED] == [("dog", 121)]


def test_a_caption_names_the_thing_that_is_surely_there(tiny_bundle: Path) -> None:
    plain, guided = Captioner.load(tiny_bundle, threads=1), seeing(tiny_bundle, {CAT: 0.62, DOG: 0.3})
    before, after = plain.caption(PICTURES), guided.caption(PICTURES)
    assert not any("cat" in one.captions[0].tokens for one in before)
    assert all("cat" in one.captions[0].tokens for one in after)
    # As if the person had asked for it.
    asked = plain.caption(PICTURES, wording=Wording(must=("cat",)))
    assert [one.text for one in after] == [one.text for one in asked]
    assert all(len(one.captions) == 3 for one in guided.caption(PICTURES, n=3))
    assert {one.captions[0].demanded for one in after} == {"cat"}
    assert {one.captions[0].demanded for one in (*before, *asked)} == {None}
    assert {one.captions[0].denied for one in after} == {None}


def test_of_two_things_that_are_named_the_likelier_is_recognised(tiny_bundle: Path) -> None:
    found = [one.captions[0] for one in seeing(tiny_bundle, {CAT: 0.62, DOG: 0.3}).caption(MORE)]
    both = [one for one in found if "cat" in one.tokens and DOGS & set(one.tokens)]
    assert both
    assert [one.recognised for one in both] == pytest.approx([0.62] * len(both), abs=0.01)


def test_what_is_not_sure_or_has_no_word_changes_nothing(tiny_bundle: Path) -> None:
    before = texts(Captioner.load(tiny_bundle, threads=1))
    for shares in ({CAT: SURE - 0.02, DOG: 0.3}, {ZEBRA: 0.65, DOG: 0.3}):  # the second has no word here
        assert texts(seeing(tiny_bundle, shares)) == before
    assert texts(seeing(tiny_bundle, {CAT: SURE + 0.02, DOG: 0.3})) != before


def test_a_caption_leaves_out_dogs_where_there_surely_are_none(tiny_bundle: Path) -> None:
    plain, doubtful = Captioner.load(tiny_bundle, threads=1), seeing(tiny_bundle, {DOG: 0.1})
    before = plain.caption(MORE)
    with_dogs = {place for place, one in enumerate(before) if DOGS & set(one.captions[0].tokens)}
    assert 0 < len(with_dogs) < len(MORE)
    # A breed has these shares, the 120 others together 0.11 of what is left: just above the bound and just below.
    assert 0.1 + 0.9 * 0.12 > SURELY_NOT > 0.08 + 0.92 * 0.12
    assert texts(doubtful) == [one.text for one in before]
    after = seeing(tiny_bundle, {DOG: 0.08}).caption(MORE)
    asked = plain.caption(MORE, wording=Wording(avoid=("dog",)))
    for place, (one, other, told) in enumerate(zip(after, before, asked, strict=True)):
        assert one.text == (told.text if place in with_dogs else other.text)
        assert one.captions[0].denied == ("dog" if place in with_dogs else None)
        assert not DOGS & set(one.captions[0].tokens)
    # Of several captions the best counts, too.
    several = seeing(tiny_bundle, {DOG: 0.08}).caption(MORE[:12], n=3)
    for one, other in zip(several, after, strict=False):  # their numbers may differ in the last digits
        assert (one.text, one.captions[0].denied) == (other.text, other.captions[0].denied)


def test_one_thing_is_named_and_another_left_out_in_one_search(tiny_bundle: Path) -> None:
    before = Captioner.load(tiny_bundle, threads=1).caption(MORE)
    found = seeing(tiny_bundle, {CAT: 0.9}).caption(MORE)
    both = 0
    for one, other in zip(before, found, strict=True):
        said, caption = set(one.captions[0].tokens), other.captions[0]
        if DOGS & said and one.text != other.text:
            assert "cat" in caption.tokens
            assert not DOGS & set(caption.tokens)
            assert (caption.demanded, caption.denied) == (None if "cat" in said else "cat", "dog")
            both += "cat" not in said
    assert both


@pytest.mark.parametrize("shares", [{CAT: 0.62, DOG: 0.3}, {DOG: 0.05}])
def test_a_persons_wishes_come_first(tiny_bundle: Path, shares: dict[int, float]) -> None:
    plain, guided = Captioner.load(tiny_bundle, threads=1), seeing(tiny_bundle, shares)
    for wording in (Wording(avoid=("cat", "dog")), Wording(must=("water",)), Wording(must=("dog",))):
        assert texts(guided, wording=wording) == texts(plain, wording=wording)
    assert texts(guided, search=Greedy(10)) == texts(plain, search=Greedy(10))


def test_what_a_person_forbids_stays_forbidden_in_the_second_search(tiny_bundle: Path) -> None:
    guided = seeing(tiny_bundle, {DOG: 0.05})
    word = next(
        token
        for one in guided.caption(MORE)
        if one.captions[0].denied
        for token in one.captions[0].tokens
        if token not in {"a", "the", "is", "in", "on"}
    )
    for one in guided.caption(MORE, wording=Wording(avoid=(word,))):
        assert word not in one.captions[0].tokens


def test_a_sentence_that_is_over_is_not_given_up_for_one_that_is_cut(tiny_bundle: Path) -> None:
    plain, guided = Captioner.load(tiny_bundle, threads=1), seeing(tiny_bundle, {CAT: 0.62, DOG: 0.3})
    search = Beam(max_length=2)
    before = plain.caption(MORE, search=search)
    asked = plain.caption(MORE, search=search, wording=Wording(must=("cat",)))
    cut = [
        place
        for place, (one, other) in enumerate(zip(before, asked, strict=True))
        if one.captions[0].finished and not other.captions[0].finished
    ]
    after = guided.caption([MORE[place] for place in cut], search=search)
    assert [one.text for one in after] == [before[place].text for place in cut] != []
    assert {(one.captions[0].demanded, one.captions[0].denied) for one in after} == {(None, None)}


def test_a_sentence_that_is_cut_before_the_thing_is_no_better() -> None:
    def cut(word: int) -> Hypothesis:
        return Hypothesis((4, word), (-1.0, -1.0), -1.0, finished=False)

    asked = SecondThought("cat", frozenset({7, 8}))
    assert [asked.better(cut(word), cut(5)) for word in (6, 8)] == [False, True]


def test_a_thing_is_asked_for_where_one_of_its_words_is_called_for_and_it_has_any() -> None:
    """A thing has many words; a picture of kittens calls for one of them."""
    chances = np.zeros((1, len(WORDS)), np.float32)
    chances[0, NEVER_OVERLOOKED] = SURE
    best, limits = [Hypothesis((4,), (-1.0,), -1.0, finished=True)], Constraints()
    told = np.full(9, CALLED_FOR - 0.5, np.float32)
    told[8] = CALLED_FOR

    def of(_row: int, words: Sequence[int]) -> np.ndarray:
        return told[list(words)]

    for ids, evidence, asked in (({7, 8}, of, 1), ({6, 7}, of, 0), (set(), of, 0), (set(), None, 0)):
        things = [frozenset(ids if place in NEVER_OVERLOOKED else ()) for place in range(len(WORDS))]
        assert len(second_thoughts(best, chances, things, evidence, limits)) == asked


def test_a_thing_is_left_out_below_the_bound_alone() -> None:
    best, ids = [Hypothesis((7,), (-1.0,), -1.0, finished=True)], [frozenset({7})] * len(WORDS)
    for chance, asked in ((SURELY_NOT, 0), (SURELY_NOT - 1e-6, 1)):
        chances = np.full((1, len(WORDS)), chance, np.float32)
        assert len(second_thoughts(best, chances, ids, None, Constraints())) == asked


@pytest.mark.parametrize(
    ("evidence", "named"), [(CALLED_FOR + 0.01, True), (CALLED_FOR - 0.1, False), (None, True)]
)
def test_the_word_detector_must_agree_where_it_knows_the_word(
    tiny_bundle: Path, evidence: float | None, named: bool
) -> None:
    captioner = seeing(tiny_bundle, {CAT: 0.62, DOG: 0.3})
    features = captioner.engine.encode(np.stack([load_pixels(one, IMAGE_SIZE) for one in PICTURES]))
    found = captioner.search.run(captioner.engine.start, captioner.engine.step, features)
    assert captioner.thing_detector is not None
    cat = TOKENIZER.id_of("cat")

    def told(_row: int, words: Sequence[int]) -> np.ndarray:
        agrees = np.nan if evidence is None else evidence
        return np.array([agrees if word == cat else np.nan for word in words], np.float32)

    thoughts = second_thoughts(
        [hypotheses[0] for hypotheses in found],
        captioner.thing_detector.probabilities(features),
        ids_of_things(TOKENIZER),
        told,
        captioner.constraints(),
    )
    assert NONE not in thoughts
    assert [(one.demanded, rows) for one, rows in thoughts.items()] == [("cat", [0, 1, 2, 3, 4])] * named


def test_the_word_detector_of_the_bundle_is_asked(tiny_bundle: Path) -> None:
    plain, guided = Captioner.load(tiny_bundle, threads=1), seeing(tiny_bundle, {CAT: 0.62, DOG: 0.3})
    usual = np.full(len(TOKENIZER), 0.01, np.float32)
    basis, blind = np.zeros((DEPTH, 1), np.float32), np.zeros((1, len(TOKENIZER)), np.float32)
    for bias, other in ((0, plain), (10, guided)):  # log-odds beside those of any picture
        detector = WordDetector(basis[:, 0], basis, blind, usual, blind, np.full_like(usual, bias))
        both = Captioner(dataclasses.replace(guided.bundle, word_detector=detector.to_bytes()), threads=1)
        assert [one.text for one in both.caption(PICTURES)] == [one.text for one in other.caption(PICTURES)]
