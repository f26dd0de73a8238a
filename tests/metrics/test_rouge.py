"""ROUGE-L against its definition."""

from __future__ import annotations

import pytest
from hypothesis import given

from captionkit.metrics import rouge_l
from tests.metrics import slow
from tests.metrics.strategies import corpora, few, some_tokens


@few
@given(corpora(some_tokens, min_size=1))
def test_rouge_l_is_the_definition(corpus: list[tuple[list[str], list[list[str]]]]) -> None:
    found = rouge_l([one for one, _ in corpus], [group for _, group in corpus])
    expected = [slow.rouge_l(one, group) for one, group in corpus]
    assert list(found.per_image["ROUGE-L"]) == pytest.approx(expected, abs=1e-12)
    assert found.corpus["ROUGE-L"] == pytest.approx(sum(expected) / len(expected))


def test_precision_and_recall_may_come_from_different_references() -> None:
    # Precision 1 from the long reference, recall 1 from the short one: together 1, though neither equals it.
    assert rouge_l([["a", "b"]], [[["a", "x", "b"], ["b"]]]).corpus["ROUGE-L"] == pytest.approx(1.0)


def test_sentences_longer_than_a_machine_word() -> None:
    words = [str(number) for number in range(300)]
    assert rouge_l([words], [[words[::2]]]).per_image["ROUGE-L"][0] == pytest.approx(
        slow.rouge_l(words, [words[::2]])
    )


def test_empty_sentences_as_the_reference_has_them() -> None:
    # An empty line is one empty word there: it equals another empty line and nothing else.
    found = rouge_l([[], [], ["a"]], [[["a"]], [[], ["a"]], [[]]])
    assert list(found.per_image["ROUGE-L"]) == [0.0, 1.0, 0.0]
