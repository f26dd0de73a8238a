"""Beam search against brute force, against greedy search, and the traps of the field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from captionkit.bundle import Decoding
from captionkit.decoding import Beam, Constraints, Hypothesis, beam_search, greedy_search
from captionkit.decoding.beam import _choose, _Ended, _top
from captionkit.decoding.hypothesis import State, log_softmax
from captionkit.errors import CaptionkitError, UsageError
from captionkit.tokenizer import BOS, EOS
from tests.decoding.toy import Toy, brute_force

A, B, C, D, E = 4, 5, 6, 7, 8  # words of hand-written models; of most, D and E are beyond the vocabulary


def table_model(rows: Mapping[int, Mapping[int, float]], vocabulary: int = 7) -> Any:
    """start and step of a model whose next word depends on the last one alone, by given probabilities."""
    logits = np.full((vocabulary, vocabulary), -1e4, np.float32)
    for previous, following in rows.items():
        for token, probability in following.items():
            logits[previous, token] = np.log(probability)

    def start(features: npt.NDArray[np.float32]) -> dict[str, Any]:
        return {"features": features}

    def step(state: State, ids: npt.NDArray[np.int32]) -> tuple[Any, None, dict[str, Any]]:
        return logits[ids], None, {}

    return start, step


ONE = np.zeros((1, 1, 1), np.float32)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("length_penalty", [0.0, 0.7, 1.0])
def test_a_beam_as_wide_as_the_space_equals_brute_force(seed: int, length_penalty: float) -> None:
    toy = Toy(vocabulary=6, seed=seed)
    features = toy.features(3, seed)
    limits = Constraints(min_length=0)
    found = beam_search(
        toy.start, toy.step, features, beams=6**3, max_length=3, length_penalty=length_penalty,
        constraints=limits, n=5,
    )  # fmt: skip
    for picture, hypotheses in enumerate(found):
        best = brute_force(toy, features[picture], max_length=3, length_penalty=length_penalty, constraints=limits)
        assert [one.ids for one in hypotheses] == [words for _, words in best[:5]]
        np.testing.assert_allclose([one.score for one in hypotheses], [s for s, _ in best[:5]], atol=1e-5)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "limits",
    [
        Constraints(must=(frozenset({4}), frozenset({5, 6}))),
        Constraints(must=(frozenset({6}),), bad_endings=frozenset({4, 6})),
        Constraints(avoid=frozenset({5}), min_length=2),
        Constraints(no_repeat_ngram=1),
        Constraints(no_repeat_ngram=2, min_length=3),
        Constraints(bad_endings=frozenset({4}), must=(frozenset({4, 5}), frozenset({4, 6}))),
        Constraints(no_echo=frozenset({4, 5}), min_length=3),
        Constraints(may_repeat=frozenset({4}), min_length=3),
        Constraints(twins=(frozenset({4, 5}), frozenset({6})), must=(frozenset({5}),)),
        Constraints(singular_after=frozenset({4}), plurals=frozenset({5, 6}), min_length=3),
    ],
    ids=[
        "must",
        "must-ending",
        "avoid",
        "no-repeat-1",
        "no-repeat-2",
        "shared-must",
        "no-echo",
        "may-repeat",
        "twins",
        "singular",
    ],
)
def test_constrained_beams_equal_brute_force(seed: int, limits: Constraints) -> None:
    toy = Toy(vocabulary=7, seed=seed)
    features = toy.features(2, seed)
    found = beam_search(
        toy.start, toy.step, features, beams=350, max_length=4, length_penalty=0.7, constraints=limits
    )
    for picture, (best,) in enumerate(found):
        expected = brute_force(toy, features[picture], max_length=4, length_penalty=0.7, constraints=limits)
        assert best.finished
        assert best.ids == expected[0][1]
        assert best.score == pytest.approx(expected[0][0], abs=1e-5)


@pytest.mark.parametrize("seed", range(20))
def test_one_beam_equals_greedy_search(seed: int) -> None:
    toy = Toy(vocabulary=40, units=8, seed=seed, sharpness=0.8)
    features = toy.features(7, seed)
    limits = Constraints(no_repeat_ngram=2, bad_endings=frozenset({4, 5, 6, 7, 8}))
    for constraints in (None, limits):
        beams = beam_search(
            toy.start, toy.step, features, beams=1, max_length=9, length_penalty=1.0, constraints=constraints
        )
        greedy = greedy_search(toy.start, toy.step, features, max_length=9, constraints=constraints)
        for (left,), (right,) in zip(beams, greedy, strict=True):
            assert (left.ids, left.finished) == (right.ids, right.finished)
            assert left.score == pytest.approx(right.score, abs=1e-5)
            np.testing.assert_allclose(left.token_log_probabilities, right.token_log_probabilities, atol=1e-5)
            assert left.attention is not None
            assert right.attention is not None
            np.testing.assert_allclose(left.attention, right.attention, atol=1e-5)


@pytest.mark.parametrize("beams", [1, 3, 5])
def test_log_probabilities_and_attention_are_those_of_the_words(beams: int) -> None:
    toy = Toy(vocabulary=30, units=8, seed=3, sharpness=0.7)
    features = toy.features(8)
    found = beam_search(toy.start, toy.step, features, beams=beams, max_length=8, n=min(beams, 2))
    assert {one.finished for hypotheses in found for one in hypotheses} >= {True}
    for picture, hypotheses in enumerate(found):
        for one in hypotheses:
            expected = toy.score(features[picture], one.ids)[: len(one.ids) + one.finished]
            np.testing.assert_allclose(one.token_log_probabilities, expected, atol=1e-4)
            assert one.attention is not None
            assert one.attention.shape == (len(one.ids), toy.positions)
            state = {name: np.asarray(leaf) for name, leaf in toy.start(features[picture][None]).items()}
            for row, previous in zip(one.attention, (BOS, *one.ids), strict=False):
                _, weights, changed = toy.step(state, np.array([previous], np.int32))
                state.update(changed)
                np.testing.assert_allclose(row, weights[0], atol=1e-5)


def test_a_part_of_the_state_may_change_from_a_later_step_on() -> None:
    toy = Toy(vocabulary=30, units=8, seed=3, sharpness=0.7)

    def step(state: State, ids: npt.NDArray[np.int32]) -> Any:
        logits, weights, changed = toy.step(state, ids)
        return logits, weights, {} if (ids == BOS).all() else changed

    ((best,),) = beam_search(toy.start, step, toy.features(1), beams=5, max_length=8)
    state = {name: np.asarray(leaf) for name, leaf in toy.start(toy.features(1)).items()}
    for previous, word, found in zip((BOS, *best.ids), best.ids, best.token_log_probabilities, strict=False):
        logits, _, changed = step(state, np.array([previous], np.int32))
        state.update(changed)
        assert found == pytest.approx(log_softmax(logits)[0, word], abs=1e-4)


def test_a_picture_gets_the_same_captions_alone_and_in_a_batch() -> None:
    toy = Toy(vocabulary=30, units=8, seed=5, sharpness=0.9)
    features = toy.features(20)
    together = beam_search(toy.start, toy.step, features, beams=4, max_length=12, n=3)
    assert len({len(hypotheses[0].ids) for hypotheses in together}) > 3, "the pictures end at different times"
    for picture, hypotheses in enumerate(together):
        (alone,) = beam_search(toy.start, toy.step, features[picture : picture + 1], beams=4, max_length=12, n=3)
        assert [one.ids for one in alone] == [one.ids for one in hypotheses]


def test_pictures_that_are_done_are_not_stepped_any_more() -> None:
    toy = Toy(vocabulary=30, units=8, seed=5, sharpness=0.9, eos_bias=3.0)
    beam_search(toy.start, toy.step, toy.features(20), beams=4, max_length=12)
    assert toy.calls[0] == 20
    assert toy.calls[1] == 80
    assert toy.calls[1:] == sorted(toy.calls[1:], reverse=True)
    assert toy.calls[-1] < 40


def test_the_search_stops_once_nothing_can_win_any_more() -> None:
    endless = {B: 0.5, C: 0.5}
    start, step = table_model({BOS: {A: 0.5, B: 0.5}, A: {EOS: 1.0}, B: endless, C: endless})
    calls: list[int] = []

    def counted(state: State, ids: npt.NDArray[np.int32]) -> Any:
        calls.append(len(ids))
        return step(state, ids)

    search = Beam(beams=2, max_length=50, length_penalty=0.0)
    for n in (1, 2):
        calls.clear()
        ((best, *_),) = search.run(start, counted, ONE, n=n)
        assert best.ids == (A,)
        assert len(calls) <= 4


def test_the_search_goes_on_while_certain_words_could_win() -> None:
    start, step = table_model({BOS: {A: 0.6, B: 0.4}, A: {EOS: 1.0}, B: {C: 1.0}, C: {D: 1.0}, D: {EOS: 1.0}}, 8)
    ((best,),) = beam_search(start, step, ONE, beams=2, max_length=3, length_penalty=1.0)
    assert best.ids == (B, C, D)  # log(0.4) / 4 > log(0.6) / 2


def test_trap_14_the_best_words_are_kept_not_dropped() -> None:
    start, step = table_model({BOS: {A: 0.6, B: 0.3, C: 0.1}, A: {EOS: 1.0}, B: {EOS: 1.0}, C: {EOS: 1.0}})
    (found,) = beam_search(start, step, ONE, beams=2, max_length=3, n=2)
    assert [one.ids for one in found] == [(A,), (B,)]
    (found,) = beam_search(start, step, ONE, beams=1, max_length=3, n=3)
    assert [one.ids for one in found] == [(A,), (B,), (C,)]


def test_trap_15_no_crash_when_no_beam_ends_before_the_limit() -> None:
    start, step = table_model({BOS: {A: 1.0}, A: {B: 0.7, A: 0.3}, B: {A: 0.6, B: 0.4}})
    (found,) = beam_search(start, step, ONE, beams=3, max_length=6, n=3)
    assert len(found) == 3
    for one in found:
        assert not one.finished
        assert len(one.ids) == len(one.token_log_probabilities) == 6
    assert found[0].score >= found[1].score >= found[2].score


def test_where_no_word_is_allowed_any_more_what_there_is_must_do() -> None:
    start, step = table_model({BOS: {A: 0.6, B: 0.4}, A: {EOS: 0.9, B: 0.1}, B: {EOS: 1.0}})
    limits = Constraints(min_length=2, no_repeat_ngram=1, avoid=frozenset({B, C}), twins=(frozenset({A, D, E}),))
    (found,) = beam_search(start, step, ONE, beams=4, max_length=5, n=4, constraints=limits)
    assert [(one.ids, one.finished) for one in found][:1] == [((A,), False)]


def test_what_is_left_of_a_picture_counts_beside_one_that_is_done() -> None:
    _, step = table_model({A: {EOS: 1.0}, B: {C: 1.0}, C: {A: 1.0}})

    def first_word(state: State, ids: npt.NDArray[np.int32]) -> Any:
        logits, *rest = step(state, ids)
        return np.where(ids[:, None] == BOS, state["first"], logits), *rest

    def start(features: npt.NDArray[np.float32]) -> dict[str, Any]:
        return {"first": features}

    limits = Constraints(twins=(frozenset({A, B}),), no_repeat_ngram=1, bad_endings=frozenset({B, C}))
    ((done,), (left,)) = beam_search(start, first_word, 1e4 * np.eye(7)[[A, B]], beams=1, constraints=limits)
    assert (done.ids, done.finished) == ((A,), True)
    assert (left.ids, left.finished) == ((B, C), False)


def test_trap_15_at_one_word_a_finished_caption_is_told_from_a_cut_one() -> None:
    start, step = table_model({BOS: {A: 0.5, B: 0.4}, A: {C: 1.0}, B: {C: 0.4, EOS: 0.6}, C: {C: 1.0}})
    (found,) = beam_search(start, step, ONE, beams=2, max_length=1, n=2)
    assert [(one.ids, one.finished) for one in found] == [((B,), True), ((A,), False)]


def test_trap_15_a_finished_caption_ranks_before_a_cut_one() -> None:
    start, step = table_model(
        {BOS: {A: 0.99, B: 0.01}, A: {A: 0.9949, C: 0.005, EOS: 1e-4}, B: {EOS: 1.0}, C: {C: 1.0}}
    )
    (found,) = beam_search(start, step, ONE, beams=2, max_length=4, n=2)
    assert [one.ids for one in found] == [(B,), (A, A, A, A)]
    assert [one.finished for one in found] == [True, False]
    assert found[1].score > found[0].score


def test_trap_16_length_normalisation_lets_the_longer_caption_win() -> None:
    start, step = table_model(
        {BOS: {A: 0.5, B: 0.5}, A: {EOS: 0.5, C: 0.5}, B: {C: 0.7, B: 0.3}, C: {EOS: 0.69, C: 0.31}}
    )
    raw = beam_search(start, step, ONE, beams=3, max_length=4, length_penalty=0.0)[0][0]
    mean = beam_search(start, step, ONE, beams=3, max_length=4, length_penalty=1.0)[0][0]
    assert raw.ids == (A,)
    assert raw.score == pytest.approx(np.log(0.25), abs=1e-5)
    assert mean.ids == (B, C)
    assert mean.score == pytest.approx(np.log(0.5 * 0.7 * 0.69) / 3, abs=1e-5)


def test_a_beam_searches_with_its_own_settings() -> None:
    start, step = table_model({BOS: {A: 0.6, B: 0.4}, A: {C: 0.6, A: 0.4}, B: {EOS: 1.0}, C: {EOS: 1.0}})
    for beams, penalty, ids in ((1, 0.0, (A, C)), (2, 0.0, (B,)), (2, 1.0, (A, C))):
        ((best,),) = Beam(beams=beams, length_penalty=penalty).run(start, step, ONE)
        assert best.ids == ids


def test_trap_17_nothing_follows_eos_and_eos_counts_once() -> None:
    # A model that would go on after eos, and that is sure of eos: an added second eos would cost nothing
    # in log p but would win by length, and a word after eos would show.
    start, step = table_model(
        {BOS: {A: 0.9, B: 0.1}, A: {EOS: 0.6, B: 0.4}, B: {EOS: 1.0}, EOS: {EOS: 0.5, A: 0.5}}
    )
    (found,) = beam_search(start, step, ONE, beams=3, max_length=8, length_penalty=1.0, n=3)
    for one in found:
        assert EOS not in one.ids
        assert len(one.token_log_probabilities) == len(one.ids) + 1
    by_ids = {one.ids: one for one in found}
    assert by_ids[(A,)].score == pytest.approx(np.log(0.9 * 0.6) / 2, abs=1e-5)
    assert by_ids[(A, B)].score == pytest.approx(np.log(0.9 * 0.4) / 3, abs=1e-5)


def test_pad_bos_and_unk_are_never_emitted() -> None:
    start, step = table_model({BOS: {0: 0.4, 1: 0.3, 3: 0.2, A: 0.1}, A: {0: 0.5, 1: 0.3, 3: 0.15, EOS: 0.05}})
    ((best,),) = beam_search(start, step, ONE, beams=3, max_length=4)
    assert best.ids == (A,)
    assert best.token_log_probabilities == pytest.approx(np.log([0.1, 0.05]), abs=1e-4)


def test_more_beams_than_words_is_fine() -> None:
    toy = Toy(vocabulary=5, seed=1)
    (found,) = beam_search(toy.start, toy.step, toy.features(1), beams=50, max_length=4, n=50)
    assert len(found) == 4  # the word 4, once to four times
    assert len({one.ids for one in found}) == 4


@pytest.mark.parametrize("seed", range(5))
def test_diverse_groups_keep_the_first_caption_and_differ(seed: int) -> None:
    toy = Toy(vocabulary=60, units=8, seed=seed, sharpness=1.5)
    features = toy.features(6, seed)
    single = Beam(beams=3, max_length=8).run(toy.start, toy.step, features)
    diverse = Beam(beams=3, max_length=8, diversity=2.0).run(toy.start, toy.step, features, n=4)
    plain = Beam(beams=3, max_length=8, diversity=0.0).run(toy.start, toy.step, features, n=4)
    for (first,), several in zip(single, diverse, strict=True):
        assert several[0].ids == first.ids
        assert len({one.ids for one in several}) == len(several) == 4
        rest = [one.score for one in several[1:] if one.finished]
        assert rest == sorted(rest, reverse=True)

    def words(found: list[list[Hypothesis]]) -> float:
        return float(np.mean([len({w for one in several for w in one.ids}) for several in found]))

    assert words(diverse) > words(plain)


def test_a_group_pays_for_the_words_of_those_before_it() -> None:
    start, step = table_model({BOS: {A: 0.6, B: 0.4}, A: {EOS: 1.0}, B: {EOS: 1.0}})
    for diversity, words in ((0.41, [(A,), (B,)]), (0.4, [(A,)])):  # log 0.6 - log 0.4 is 0.405
        (found,) = beam_search(start, step, ONE, beams=1, n=2, diversity=diversity)
        assert [one.ids for one in found] == words


def test_a_group_pays_for_each_beam_that_takes_the_word() -> None:
    rows = {BOS: {A: 0.51, B: 0.49}, A: {C: 0.8, D: 0.2}, B: {C: 0.8, D: 0.2}, C: {EOS: 1.0}, D: {EOS: 1.0}}
    start, step = table_model(rows, vocabulary=8)
    for diversity, second in ((0.7, (A, D)), (0.6, (B, C))):  # log 0.8 - log 0.2 is 1.39, and two beams take C
        (found,) = beam_search(start, step, ONE, beams=2, n=2, diversity=diversity)
        assert [one.ids for one in found] == [(A, C), second]


def test_several_captions_have_words_of_their_own_unless_told_otherwise() -> None:
    rows = {BOS: {A: 0.51, B: 0.49}, A: {C: 0.6, D: 0.4}, B: {C: 0.6, D: 0.4}, C: {EOS: 1.0}, D: {EOS: 1.0}}
    start, step = table_model(rows, vocabulary=8)
    (found,) = Beam(beams=1).run(start, step, ONE, n=2)
    assert [one.ids for one in found] == [(A, C), (B, D)]


def test_a_search_and_a_bundle_have_the_same_settings_unless_told_otherwise() -> None:
    plain = Decoding()
    assert Beam() == Beam(plain.beams, plain.max_length, plain.length_penalty)


def test_diverse_groups_report_the_models_own_probabilities() -> None:
    toy = Toy(vocabulary=30, seed=2)
    features = toy.features(2)
    for picture, several in enumerate(Beam(max_length=6, diversity=3.0).run(toy.start, toy.step, features, n=3)):
        for one in several:
            expected = toy.score(features[picture], one.ids)[: len(one.ids) + one.finished]
            np.testing.assert_allclose(one.token_log_probabilities, expected, atol=1e-4)


@pytest.mark.parametrize("word", [A, B, C, D, E])
def test_a_group_that_is_done_costs_the_others_nothing(word: int) -> None:
    likely = {**dict.fromkeys((A, B, C, D, E), 0.1), word: 0.6}
    start, step = table_model({BOS: {A: 0.9, D: 0.1}, A: {EOS: 1.0}, D: {E: 1.0}, E: likely}, vocabulary=9)
    (found,) = beam_search(start, step, ONE, beams=1, max_length=3, n=2, diversity=3.0)
    assert [one.ids for one in found] == [(A,), (D, E, word)]


def test_no_pictures_give_no_captions() -> None:
    toy = Toy()
    assert beam_search(toy.start, toy.step, toy.features(0)) == []
    assert toy.calls == []  # a network of fixed shapes may not take none


@pytest.mark.parametrize(
    "wrong",
    [{"beams": 0}, {"max_length": 0}, {"n": 0}, {"length_penalty": -1.0}, {"length_penalty": float("nan")},
     {"diversity": -0.1}, {"constraints": Constraints(min_length=30)},
     {"constraints": Constraints(must=(frozenset({4}), frozenset({5}))), "max_length": 1},
     {"constraints": Constraints(min_length=0), "max_length": 0}],
)  # fmt: skip
def test_arguments_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    toy = Toy()
    with pytest.raises(UsageError):
        beam_search(toy.start, toy.step, toy.features(1), **wrong)


def test_scores_that_are_not_finite_are_an_error() -> None:
    start, _ = table_model({})
    with pytest.raises(CaptionkitError, match="finite"):
        beam_search(start, lambda state, ids: (np.full((len(ids), 7), np.nan), None, {}), ONE)


def test_log_softmax_is_stable_and_keeps_float32() -> None:
    found = log_softmax(np.array([[1e4, 1e4 - 1, -1e4], [0.0, 0.0, -np.inf]], np.float64))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0, :2], [-0.3132617, -1.3132617], rtol=1e-5)
    np.testing.assert_allclose(found[1], [-np.log(2), -np.log(2), -np.inf], rtol=1e-6)


@pytest.mark.parametrize("width", [6, 64, 130, 1000, 9000])
def test_the_largest_are_found_among_many(width: int) -> None:
    values = np.random.default_rng(width).normal(size=(20, width)).astype(np.float32)
    values[values < 0.5] = -np.inf
    values[3] = -np.inf
    values[4, :-1] = -np.inf
    index, found = _top(values, 6)
    np.testing.assert_array_equal(found, -np.sort(-values, axis=1)[:, :6])
    finite = np.isfinite(found)
    np.testing.assert_array_equal(np.take_along_axis(values, index, axis=1)[finite], found[finite])
    assert index.max() < width


def test_the_padding_of_the_last_block_names_no_candidate() -> None:
    values = np.full((2, 259), -np.inf, np.float32)
    values[0, -1] = values[1, 0] = 0.0
    assert _top(values, 2)[0].max() < 259


def test_captions_are_the_best_of_each_group_then_the_best_of_the_rest() -> None:
    def ended(word: int, score: float) -> _Ended:
        return _Ended(Hypothesis((word,), (score,), score, finished=True), met=0)

    groups = [[ended(B, -4.0), ended(A, -1.0)], [ended(C, -3.0), ended(A, -1.5), ended(D, -3.5)]]
    assert [one.ids for one in _choose(groups, 2)] == [(A,), (C,)]  # B is of the first group, which has spoken
    assert [one.ids for one in _choose(groups, 3)] == [(A,), (C,), (D,)]
    assert [one.score for one in _choose(groups, 9)] == [-1.0, -3.0, -3.5, -4.0]
    # The first group's best leads; the others follow by their scores.
    groups = [[ended(A, -2.0)], [ended(B, -3.0)], [ended(C, -1.0)]]
    assert [one.ids for one in _choose(groups, 3)] == [(A,), (C,), (B,)]
