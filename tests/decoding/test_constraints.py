"""Limits on captions, kept by a beam search."""

from __future__ import annotations

import pytest

from captionkit.decoding import Beam, Constraints, beam_search, greedy_search
from captionkit.errors import UsageError
from captionkit.tokenizer import BOS, EOS, UNK
from tests.decoding.test_beam import ONE, A, B, C, table_model
from tests.decoding.toy import Toy, allowed


@pytest.mark.parametrize("seed", range(5))
def test_narrow_constrained_beams_keep_every_promise(seed: int) -> None:
    toy = Toy(vocabulary=50, units=8, seed=seed, sharpness=0.5, eos_bias=4.0)
    limits = Constraints(
        must=(frozenset({10, 11}), frozenset({20}), frozenset({30})),
        avoid=frozenset({12, 13}),
        min_length=5,
        no_repeat_ngram=2,
        bad_endings=frozenset(range(40, 50)),
    )
    for several in Beam(beams=2, max_length=9).run(toy.start, toy.step, toy.features(5), constraints=limits, n=2):
        assert several[0].finished
        for one in several:
            assert allowed(one.ids, limits)


def test_more_beams_than_ways_to_keep_a_promise_do_not_break_it() -> None:
    toy = Toy(vocabulary=50, units=8, sharpness=0.5, eos_bias=4.0)
    limits = Constraints(must=(frozenset({10, 11}), frozenset({20})))
    for several in beam_search(
        toy.start, toy.step, toy.features(5), beams=8, max_length=3, constraints=limits, n=2
    ):
        assert [allowed(one.ids, limits) for one in several if one.finished] == [True, True]


def test_a_caption_does_not_say_the_same_on_both_sides_of_and() -> None:
    start, step = table_model({BOS: {A: 1.0}, A: {B: 0.9, EOS: 0.1}, B: {A: 0.8, C: 0.2}, C: {EOS: 1.0}})
    ((free,),) = beam_search(start, step, ONE, beams=1, max_length=3)
    ((held,),) = beam_search(
        start, step, ONE, beams=1, max_length=3, constraints=Constraints(no_echo=frozenset({B}))
    )
    assert free.ids == (A, B, A)
    assert held.ids == (A, B, C)


def test_only_words_that_may_repeat_come_twice() -> None:
    start, step = table_model({BOS: {A: 1.0}, A: {B: 0.9, C: 0.1}, B: {A: 0.9, EOS: 0.1}, C: {EOS: 1.0}})
    ((free,),) = beam_search(start, step, ONE, beams=1, max_length=4)
    ((held,),) = beam_search(
        start, step, ONE, beams=1, max_length=4, constraints=Constraints(may_repeat=frozenset({A}))
    )
    assert free.ids == (A, B, A, B)
    assert held.ids == (A, B, A, C)


def test_one_thing_is_named_once() -> None:
    start, step = table_model({BOS: {A: 1.0}, A: {B: 0.9, C: 0.1}, B: {EOS: 1.0}, C: {EOS: 1.0}})
    ((free,),) = beam_search(start, step, ONE, beams=1, max_length=4)
    ((held,),) = beam_search(
        start, step, ONE, beams=1, max_length=4, constraints=Constraints(twins=(frozenset({A, B}),))
    )
    assert free.ids == (A, B)
    assert held.ids == (A, C)


def test_no_plural_comes_right_after_a() -> None:
    start, step = table_model({BOS: {A: 1.0}, A: {B: 0.7, C: 0.3}, B: {EOS: 1.0}, C: {B: 0.6, EOS: 0.4}})
    limits = Constraints(singular_after=frozenset({A}), plurals=frozenset({B}))
    ((free,),) = beam_search(start, step, ONE, beams=1, max_length=4)
    ((held,),) = beam_search(start, step, ONE, beams=1, max_length=4, constraints=limits)
    assert free.ids == (A, B)
    assert held.ids == (A, C, B)  # not at once, but later


def test_a_caption_that_no_allowed_word_continues_is_cut() -> None:
    start, step = table_model({BOS: {A: 0.9, B: 0.1}, A: {B: 0.9}, B: {A: 0.9}})
    limits = Constraints(no_repeat_ngram=1, avoid=frozenset({C}), bad_endings=frozenset({A, B}))
    ((best,),) = beam_search(start, step, ONE, beams=2, max_length=9, constraints=limits)
    assert best.ids in ((A, B), (B, A))
    assert not best.finished
    ((greedy,),) = greedy_search(start, step, ONE, max_length=9, constraints=limits)
    assert (greedy.ids, greedy.finished) == ((A, B), False)


def test_what_can_go_no_further_is_no_caption_beside_one_that_ended() -> None:
    start, step = table_model({BOS: {A: 1.0}, A: {EOS: 0.6, B: 0.4}, B: {EOS: 1.0}})
    limits = Constraints(
        no_repeat_ngram=1,
        avoid=frozenset({C}),
        bad_endings=frozenset({B}),
        singular_after=frozenset({B}),
        plurals=frozenset({A}),
    )
    (found,) = beam_search(start, step, ONE, beams=2, max_length=9, constraints=limits, n=2)
    assert [one.ids for one in found] == [(A,)]


def test_at_the_limit_the_demanded_word_counts_more_than_a_whole_sentence() -> None:
    start, step = table_model({BOS: {A: 1.0}, A: {A: 0.5, EOS: 0.4, B: 0.1}, B: {A: 1.0}})
    limits = Constraints(must=(frozenset({B}),))
    ((best,),) = beam_search(start, step, ONE, beams=1, max_length=2, constraints=limits)
    assert (best.ids, best.finished) == ((A, B), False)


def test_must_words_that_cannot_be_said_are_refused() -> None:
    with pytest.raises(UsageError, match="unknown"):
        Constraints(must=(frozenset(),))
    with pytest.raises(UsageError, match="unknown"):
        Constraints(must=(frozenset({5}),), avoid=frozenset({5}))
    with pytest.raises(UsageError, match="unknown"):
        Constraints(must=(frozenset({UNK, EOS}),))
    with pytest.raises(UsageError, match="at most 4"):
        Constraints(must=tuple(frozenset({id_}) for id_ in range(4, 9)))
    assert Constraints(must=tuple(frozenset({id_}) for id_ in range(4, 8))).states == 16


def test_ids_beyond_the_vocabulary_and_limits_of_an_empty_caption_are_harmless() -> None:
    start, step = table_model({BOS: {A: 0.6, B: 0.3, EOS: 0.1}, A: {EOS: 1.0}, B: {EOS: 1.0}})
    other = frozenset({7})  # of 7 words, ids from 0 to 6
    limits = Constraints(must=(other | {B},), avoid=other | {A}, bad_endings=other)
    ((best,),) = beam_search(start, step, ONE, constraints=limits)
    assert best.ids == (B,)
    limits = Constraints(min_length=0, bad_endings=frozenset({A, B}))
    ((best,),) = beam_search(start, step, ONE, constraints=limits)
    assert (best.ids, best.finished) == ((), True)


@pytest.mark.parametrize("wrong", [{"min_length": -1}, {"no_repeat_ngram": -1}])
def test_limits_below_nothing_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="0 or more"):
        Constraints(**wrong)  # type: ignore[arg-type]
