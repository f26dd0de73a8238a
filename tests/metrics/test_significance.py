"""Intervals and tests: seeded, right where the answer is known, and of the metric itself rather than of means."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from captionkit.errors import UsageError
from captionkit.metrics import Corpus, Outcome, bleu
from captionkit.metrics.score import score_with_outcomes
from captionkit.metrics.significance import compare, confidence
from tests.metrics.corpora import invented


def means(values: Sequence[float]) -> dict[str, Outcome]:
    array = np.array(values)
    return {"M": Outcome({"M": float(array.mean())}, {"M": array})}


def test_an_interval_of_a_mean_is_the_normal_one() -> None:
    values = np.random.default_rng(0).normal(0.5, 0.1, 400)
    interval = confidence(means(list(values)), resamples=4000)["M"]
    half = 1.96 * values.std() / 20
    assert interval.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.1 * half)
    half = 0.6745 * values.std() / 20  # half of all resamples lie between the quartiles
    interval = confidence(means(list(values)), resamples=4000, level=0.5)["M"]
    assert (interval.low, interval.high) == pytest.approx(
        (values.mean() - half, values.mean() + half), abs=half / 5
    )


def test_every_picture_is_drawn() -> None:
    # Of two pictures a quarter of the resamples holds the first alone, and a quarter the second.
    interval = confidence(means([0.0, 1.0]), resamples=200)["M"]
    assert (interval.low, interval.high) == (0.0, 1.0)
    assert confidence(means([0.5, 0.5]), resamples=1)["M"].low == 0.5


def test_ninety_five_of_a_hundred_intervals_hold_the_truth() -> None:
    generator = np.random.default_rng(1)
    held = 0
    for _ in range(200):
        interval = confidence(means(list(generator.normal(0, 1, 100))), resamples=300)["M"]
        held += interval.low <= 0 <= interval.high
    assert 178 <= held <= 198


def test_equal_systems_do_not_differ() -> None:
    found = compare(means([0.1, 0.5, 0.3]), means([0.1, 0.5, 0.3]))["M"]
    assert found.difference == 0.0
    assert found.p_bootstrap == 1.0
    assert found.p_randomization == 1.0


def test_p_values_of_systems_that_differ_by_chance_are_uniform() -> None:
    generator = np.random.default_rng(2)
    values = []
    for _ in range(150):
        one, other = generator.normal(0, 1, (2, 60))
        found = compare(means(list(one)), means(list(other)), resamples=200)["M"]
        values.append((found.p_bootstrap, found.p_randomization))
    for column in np.array(values).T:
        assert 0.02 <= np.mean(column < 0.1) <= 0.19
        assert 0.38 <= np.mean(column < 0.5) <= 0.62


def test_a_clear_difference_is_found() -> None:
    one = np.random.default_rng(3).random(200)
    found = compare(means(list(one)), means(list(one + 0.05)))["M"]
    assert found.difference == pytest.approx(0.05)
    assert found.p_bootstrap < 0.01
    assert found.p_randomization < 0.01
    assert found.interval.low == pytest.approx(0.05)


@pytest.mark.parametrize("chunk", [4_000_000, 450])
def test_what_no_resample_reaches_has_a_p_value_of_one_in_all_of_them(
    chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("captionkit.metrics.significance._CHUNK", chunk)  # two resamples at once, or all
    one = np.random.default_rng(3).random(200)
    found = compare(means(list(one)), means(list(one + 0.05)), resamples=9)["M"]
    assert (found.p_bootstrap, found.p_randomization) == (1 / 10, 1 / 10)


def test_how_many_are_drawn_at_once_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = (means(list(np.random.default_rng(seed).random(30))) for seed in (1, 2))
    whole = compare(one, other, resamples=100)["M"]
    monkeypatch.setattr("captionkit.metrics.significance._CHUNK", 300)
    parts = compare(one, other, resamples=100)["M"]
    assert (parts.p_bootstrap, parts.p_randomization) == (whole.p_bootstrap, whole.p_randomization)
    assert (parts.interval.low, parts.interval.high) == pytest.approx((whole.interval.low, whole.interval.high))


def test_scores_that_one_of_the_two_lacks_are_not_compared() -> None:
    def outcomes(**values: list[float]) -> Outcome:
        arrays = {name: np.array(each) for name, each in values.items()}
        return Outcome({name: float(each.mean()) for name, each in arrays.items()}, arrays)

    one = {"first": outcomes(A=[0.1, 0.2]), "second": outcomes(B=[0.1, 0.2], D=[0.1, 0.2])}
    other = {"second": outcomes(B=[0.3, 0.4], E=[0.1, 0.2]), "third": outcomes(C=[0.1, 0.2])}
    assert compare(one, other).keys() == {"B"}
    assert compare(one, other)["B"].difference == pytest.approx(0.2)


def test_randomization_with_few_pictures_is_the_exact_test() -> None:
    # Two pictures: of the four ways to swap, two give a difference as large as the observed one.
    found = compare(means([0.0, 0.0]), means([1.0, 1.0]), resamples=4000)["M"]
    assert found.p_randomization == pytest.approx(0.5, abs=0.03)
    # Of four the two in sixteen that swap all or none, as the coin is fair.
    found = compare(means([0.0] * 4), means([1.0] * 4), resamples=4000)["M"]
    assert found.p_randomization == pytest.approx(1 / 8, abs=0.015)


def test_bleu_is_resampled_from_counts_not_averaged() -> None:
    predictions, references = invented(120)
    scored = score_with_outcomes(predictions, references, ["BLEU"])
    interval = confidence(scored.outcomes, resamples=500)["BLEU-4"]
    value = scored.scores.corpus["BLEU-4"]
    assert interval.low < value < interval.high
    mean = float(scored.scores.per_image["BLEU-4"].mean())
    assert not interval.low < mean < interval.high, "the mean of pictures is another number"


def test_a_resample_scores_like_a_corpus_of_the_drawn_pictures() -> None:
    candidates = [["a", "b"], ["c", "d", "e"], ["f"]]
    references = [[["a", "b", "c"]], [["c", "d"], ["e"]], [["g"]]]
    statistics = bleu(candidates, references).statistics
    assert statistics is not None
    drawn = [0, 0, 2]
    sums = statistics.values[drawn].sum(axis=0, keepdims=True)
    corpus = Corpus([candidates[n] for n in drawn], [references[n] for n in drawn])
    expected = bleu(corpus.candidates, corpus.references).corpus
    assert {name: float(values[0]) for name, values in statistics.score(sums).items()} == pytest.approx(expected)


def test_the_seed_decides() -> None:
    outcomes = means(list(np.random.default_rng(4).random(50)))
    assert confidence(outcomes, seed=1) == confidence(outcomes, seed=1)
    assert confidence(outcomes, seed=1) != confidence(outcomes, seed=2)


def test_arguments_that_cannot_be() -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        confidence(means([0.1, 0.2]), level=1.0)
    with pytest.raises(UsageError, match="at least one"):
        confidence(means([0.1, 0.2]), resamples=0)
    with pytest.raises(UsageError, match="between 0 and 1"):
        compare(means([0.1, 0.2]), means([0.1, 0.2]), level=0.0)
    with pytest.raises(UsageError, match="at least one"):
        compare(means([0.1, 0.2]), means([0.1, 0.2]), resamples=0)
    with pytest.raises(UsageError, match="same pictures"):
        compare(means([0.1, 0.2]), means([0.1]))
