"""Sampling really samples; greedy search; the nucleus."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from captionkit.decoding import Constraints, Greedy, Hypothesis, Sample, sample
from captionkit.decoding.hypothesis import State
from captionkit.decoding.sampling import keep_likely
from captionkit.errors import UsageError
from captionkit.tokenizer import BOS, EOS
from tests.decoding.test_beam import ONE, A, B, C, table_model
from tests.decoding.toy import Toy

DRAWS = 4000


def frequencies(hypotheses: list[Hypothesis]) -> dict[int, float]:
    counts = Counter(one.ids[0] for one in hypotheses)
    return {id_: counts[id_] / len(hypotheses) for id_ in (A, B, C)}


def first_word() -> Any:
    return table_model({BOS: {A: 0.6, B: 0.3, C: 0.1}, A: {EOS: 1.0}, B: {EOS: 1.0}, C: {EOS: 1.0}})


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, {A: 0.6, B: 0.3, C: 0.1}),
        ({"temperature": 0.5}, {A: 0.36 / 0.46, B: 0.09 / 0.46, C: 0.01 / 0.46}),
        ({"temperature": 2.0}, {A: 0.4727, B: 0.3343, C: 0.1930}),
        ({"top_p": 0.7}, {A: 2 / 3, B: 1 / 3, C: 0.0}),
        ({"top_p": 0.8}, {A: 2 / 3, B: 1 / 3, C: 0.0}),
        ({"top_k": 2}, {A: 2 / 3, B: 1 / 3, C: 0.0}),
        ({"top_p": 0.5}, {A: 1.0, B: 0.0, C: 0.0}),
        ({"top_k": 1, "temperature": 5.0}, {A: 1.0, B: 0.0, C: 0.0}),
    ],
)
def test_trap_18_sampling_draws_with_the_right_frequencies(
    settings: dict[str, Any], expected: dict[int, float]
) -> None:
    start, step = first_word()
    (found,) = sample(start, step, ONE, n=DRAWS, seed=3, max_length=3, **settings)
    for id_, share in frequencies(found).items():
        # Four standard deviations of a binomial share.
        tolerance = 4 * np.sqrt(expected[id_] * (1 - expected[id_]) / DRAWS)
        assert share == pytest.approx(expected[id_], abs=tolerance)


def test_whole_captions_are_drawn_with_their_probability() -> None:
    toy = Toy(vocabulary=6, seed=4, sharpness=0.5, eos_bias=1.0)
    features = toy.features(1)
    (found,) = sample(toy.start, toy.step, features, n=DRAWS, max_length=6, constraints=Constraints(min_length=0))
    counts = Counter(one.ids for one in found if one.finished)
    # pad, bos and unk are never drawn, so a draw's probability is that among the rest.
    for words, count in counts.most_common(4):
        state = {name: np.asarray(leaf) for name, leaf in toy.start(features).items()}
        probability, previous = 1.0, BOS
        for word in (*words, EOS):
            logits, _, changed = toy.step(state, np.array([previous], np.int32))
            state.update(changed)
            kept = np.exp(np.asarray(logits, np.float64))[0, [EOS, 4, 5]]
            probability *= kept[[EOS, 4, 5].index(word)] / kept.sum()
            previous = word
        assert count / DRAWS == pytest.approx(probability, abs=4 * np.sqrt(probability / DRAWS))


def test_log_probabilities_are_the_models_own_at_any_temperature() -> None:
    start, step = first_word()
    (found,) = sample(start, step, ONE, temperature=3.0, top_k=2, n=50, max_length=3)
    for one in found:
        expected = np.log([{A: 0.6, B: 0.3, C: 0.1}[one.ids[0]], 1.0])
        np.testing.assert_allclose(one.token_log_probabilities, expected, atol=1e-4)
        assert one.score == pytest.approx(expected.mean(), abs=1e-4)


def test_a_seed_gives_the_same_draws_whatever_pictures_follow() -> None:
    toy = Toy(vocabulary=40, sharpness=0.4)
    features = toy.features(4)
    together = Sample(seed=7, max_length=8).run(toy.start, toy.step, features, n=5)
    alone = Sample(seed=7, max_length=8).run(toy.start, toy.step, features[:1], n=5)
    other = Sample(seed=8, max_length=8).run(toy.start, toy.step, features[:1], n=5)
    assert [one.ids for one in together[0]] == [one.ids for one in alone[0]]
    assert [one.ids for one in other[0]] != [one.ids for one in alone[0]]
    assert len({one.ids for one in together[0]}) > 1
    twice = Sample(seed=7, max_length=8).run(toy.start, toy.step, features[[0, 0]], n=5)
    later = Sample(seed=7, max_length=8, first=1).run(toy.start, toy.step, features[:1], n=5)
    assert [one.ids for one in twice[0]] != [one.ids for one in twice[1]] == [one.ids for one in later[0]]


def test_samples_keep_the_constraints() -> None:
    toy = Toy(vocabulary=12, sharpness=0.3)
    limits = Constraints(avoid=frozenset({5}), min_length=3, no_repeat_ngram=2, bad_endings=frozenset({6, 7, 8}))
    (found,) = sample(toy.start, toy.step, toy.features(1), n=300, max_length=7, constraints=limits)
    for one in found:
        assert not {0, 1, 2, 3, 5} & set(one.ids)
        assert len(one.ids) >= 3
        pairs = list(zip(one.ids, one.ids[1:], strict=False))
        assert len(set(pairs)) == len(pairs)
        assert not one.finished or one.ids[-1] not in limits.bad_endings


def test_sampling_at_the_limit_tells_finished_from_cut() -> None:
    start, step = table_model({BOS: {A: 0.5, B: 0.5}, A: {C: 1.0}, B: {C: 0.4, EOS: 0.6}, C: {C: 1.0}})
    (found,) = sample(start, step, ONE, n=40, max_length=1)
    assert {(one.ids, one.finished) for one in found} == {((A,), False), ((B,), True)}


@pytest.mark.parametrize("temperature", [1e-320, 1e-40, 1e300])
def test_any_temperature_draws_words(temperature: float) -> None:
    start, step = first_word()
    (found,) = sample(start, step, ONE, n=40, temperature=temperature, top_p=0.999, max_length=3)
    # One draws the likeliest alone, the other all as often.
    assert {one.ids[0] for one in found} >= ({A, B, C} if temperature > 1 else {A})
    assert temperature > 1 or {one.ids for one in found} == {(A,)}


def test_draws_that_can_go_no_further_leave_the_others_alone() -> None:
    start, step = first_word()
    constraints = Constraints(
        min_length=3, no_repeat_ngram=1, twins=(frozenset({A, B}), frozenset({A, C})), avoid=frozenset({BOS})
    )
    (found,) = sample(start, step, ONE, n=40, top_p=0.99, max_length=4, constraints=constraints)
    assert {len(one.ids) for one in found} == {1, 2}  # A, and B with C
    assert not any(one.finished for one in found)
    shorter = replace(constraints, min_length=2)
    (found,) = sample(start, step, ONE, n=40, max_length=2, constraints=shorter)
    assert {(one.ids, one.finished) for one in found} == {((A,), False), ((B, C), True), ((C, B), True)}


def test_the_nucleus_keeps_the_word_that_crosses_the_line() -> None:
    scores = np.log(np.array([[0.5, 0.1, 0.3, 0.1], [0.25, 0.25, 0.25, 0.25]], np.float32))
    kept = np.isfinite(keep_likely(scores, top_p=0.6))
    assert kept.tolist() == [[True, False, True, False], [True, True, True, False]]
    assert np.isfinite(keep_likely(scores, top_p=0.5)).sum(axis=1).tolist() == [1, 2]
    assert np.isfinite(keep_likely(scores, top_k=9)).all()


def test_greedy_search_takes_the_likeliest_word() -> None:
    start, step = table_model({BOS: {A: 0.4, B: 0.35, C: 0.25}, A: {B: 0.9, EOS: 0.1}, B: {EOS: 0.8, C: 0.2}})
    ((best,),) = Greedy(max_length=5).run(start, step, ONE)
    assert best.ids == (A, B)
    assert best.finished
    assert best.token_log_probabilities == pytest.approx(np.log([0.4, 0.9, 0.8]), abs=1e-4)


def test_nothing_is_stepped_once_all_have_ended() -> None:
    start, step = first_word()
    rows = []

    def counted(state: State, ids: npt.NDArray[np.int32]) -> Any:
        rows.append(len(ids))
        return step(state, ids)

    Greedy().run(start, counted, ONE)
    assert rows == [1, 1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": 0.0},
        {"temperature": float("inf")},
        {"top_p": 0.0},
        {"top_p": 1.5},
        {"top_k": -1},
        {"seed": -1},
        {"first": -1},
        {"n": 0},
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    start, step = first_word()
    with pytest.raises(UsageError, match="temperature"):
        sample(start, step, ONE, **wrong)


def test_what_one_hypothesis_cannot_promise_is_refused() -> None:
    start, step = first_word()
    with pytest.raises(UsageError, match="beam search"):
        Sample().run(start, step, ONE, constraints=Constraints(must=(frozenset({A}),)))
    for most, least in ((0, 0), (3, 4)):
        with pytest.raises(UsageError, match=f"maximum length of at least 1 and the minimum .{least}"):
            Greedy(max_length=most).run(start, step, ONE, constraints=Constraints(min_length=least))
    with pytest.raises(UsageError, match="one caption"):
        Greedy().run(start, step, ONE, n=2)


def test_a_state_of_one_unchanging_leaf_is_enough() -> None:
    def start(features: npt.NDArray[np.float32]) -> dict[str, Any]:
        return {"only": features}

    def step(state: State, ids: npt.NDArray[np.int32]) -> Any:
        assert state["only"].shape[0] == len(ids)
        return np.zeros((len(ids), 5), np.float32), None, {}

    assert all(len(found) == 2 for found in sample(start, step, np.zeros((3, 1, 1)), n=2, max_length=4))
