"""CIDEr and CIDEr-D against the paper's definition written out slowly."""

from __future__ import annotations

import pytest
from hypothesis import given

from captionkit.metrics import DocumentFrequency, NotComputedError, cider, cider_d
from tests.metrics import slow
from tests.metrics.strategies import corpora, few


@few
@given(corpora())
def test_cider_d_is_the_definition(corpus: list[tuple[list[str], list[list[str]]]]) -> None:
    candidates, references = [one for one, _ in corpus], [group for _, group in corpus]
    value, per_image = cider_d(candidates, references)
    expected = slow.cider(candidates, references, clipped=True)
    assert list(per_image) == pytest.approx(expected, abs=1e-9)
    assert value == pytest.approx(sum(expected) / len(expected), abs=1e-9)


@few
@given(corpora())
def test_plain_cider_is_the_definition(corpus: list[tuple[list[str], list[list[str]]]]) -> None:
    candidates, references = [one for one, _ in corpus], [group for _, group in corpus]
    value, per_image = cider(candidates, references)
    expected = slow.cider(candidates, references, clipped=False)
    assert list(per_image) == pytest.approx(expected, abs=1e-9)
    assert value == pytest.approx(sum(expected) / len(expected), abs=1e-9)


@few
@given(corpora())
def test_a_stored_table_of_the_same_references_changes_nothing(
    corpus: list[tuple[list[str], list[list[str]]]],
) -> None:
    candidates, references = [one for one, _ in corpus], [group for _, group in corpus]
    table = DocumentFrequency.from_references(references)
    assert list(cider_d(candidates, references, table)[1]) == pytest.approx(
        list(cider_d(candidates, references)[1]), abs=1e-12
    )


def test_a_copy_of_the_only_reference_gets_ten() -> None:
    references = [[["a", "b", "c", "d"]], [["e", "f", "g", "h"]]]
    assert cider_d([group[0] for group in references], references)[0] == pytest.approx(10.0)


def test_the_penalty_counts_lengths_in_bigrams() -> None:
    # One bigram more: exp(-1 / 72). Plain CIDEr has no penalty, and clipping does not bite here.
    references = [[["a", "b"]], [["c", "d"]]]
    candidates = [["a", "b", "z"], ["c", "d"]]
    clipped, plain = cider_d(candidates, references)[1][0], cider(candidates, references)[1][0]
    assert clipped == pytest.approx(plain * 2.718281828459045 ** (-1 / 72))


def test_trap_7_one_picture_has_no_cider() -> None:
    with pytest.raises(NotComputedError, match="one picture"):
        cider_d([["a"]], [[["a"]]])
    with pytest.raises(NotComputedError, match="one picture"):
        cider([["a"]], [[["a"]]])


def test_one_picture_with_a_table_of_many_has_a_cider() -> None:
    table = DocumentFrequency.from_references([[["a", "b", "c", "d"]], [["e", "f", "g", "h"]]])
    assert cider_d([["a", "b", "c", "d"]], [[["a", "b", "c", "d"]]], table)[0] == pytest.approx(10.0)
