"""The reward gives what `cider_d` gives with the same table, for words and for ids."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from captionkit.metrics import DocumentFrequency, PreparedReferences, cider_d
from captionkit.metrics.document_frequency import with_end
from tests.metrics.strategies import corpora, few

REFERENCES = [
    [["a", "man", "rides", "a", "horse"], ["a", "man", "on", "a", "brown", "horse"]],
    [["two", "dogs", "play"], ["dogs", "run", "on", "grass"], ["two", "dogs"]],
    [["a", "boat"]],
]
WORDS = ["<pad>", "<bos>", "<eos>", "<unk>", "a", "man", "horse", "two", "dogs", "on"]
EOS = 2


@pytest.mark.parametrize("end", [False, True])
@few
@given(corpora())
def test_the_reward_is_cider_d(end: bool, corpus: list[tuple[list[str], list[list[str]]]]) -> None:
    candidates, references = [one for one, _ in corpus], [group for _, group in corpus]
    table = DocumentFrequency.from_references(references, end=end)
    found = PreparedReferences(table, references).score(candidates, np.arange(len(corpus)))
    candidates = [[*with_end(one, end)] for one in candidates]
    references = [[[*with_end(one, end)] for one in group] for group in references]
    assert list(found) == pytest.approx(list(cider_d(candidates, references, table)[1]), abs=1e-12)


@few
@given(corpora(), corpora())
def test_with_a_table_of_other_captions_too(
    corpus: list[tuple[list[str], list[list[str]]]], counted: list[tuple[list[str], list[list[str]]]]
) -> None:
    candidates, references = [one for one, _ in corpus], [group for _, group in corpus]
    table = DocumentFrequency.from_references([[["the"]], *(group for _, group in counted)])
    found = PreparedReferences(table, references).score(candidates, np.arange(len(corpus)))
    assert list(found) == pytest.approx(list(cider_d(candidates, references, table)[1]), abs=1e-12)


def test_unknown_words_are_not_taken_for_others() -> None:
    """Numbered one after another they would be, as digits of an n-gram's number, those of other n-grams."""
    references = [[["a", "b", "c"], ["c", "b", "a", "b"]], [["b", "c", "a"]]]
    table = DocumentFrequency.from_references(references)
    prepared = PreparedReferences(table, references)
    for first in ("a", "b", "c"):
        unknown = [first, "x", "y", "z", first, "y", "x"]
        own = [first, "z", first, "z", "x"]
        for candidate in (unknown, own, unknown[::-1]):
            for image in (0, 1):
                (found,) = prepared.score([candidate], [image])
                _, scores = cider_d([candidate], [references[image]], table)
                assert found == pytest.approx(scores[0], abs=1e-12)


def test_several_candidates_of_one_picture_in_any_order() -> None:
    prepared = PreparedReferences(DocumentFrequency.from_references(REFERENCES), REFERENCES)
    candidates = [["two", "dogs"], ["a", "man"], ["dogs", "play"], []]
    images = [1, 0, 1, 2]
    together = prepared.score(candidates, images)
    alone = [prepared.score([one], [image])[0] for one, image in zip(candidates, images, strict=True)]
    assert list(together) == pytest.approx(alone)


def test_ids_stand_for_their_words() -> None:
    prepared = PreparedReferences(DocumentFrequency.from_references(REFERENCES), REFERENCES, WORDS)
    ids = np.array([[4, 5, 9, 4, 6, EOS, 0], [7, 8, EOS, 5, 5, 5, 5], [4, 4, 4, 4, 4, 4, 4]], np.int32)
    words = [["a", "man", "on", "a", "horse"], ["two", "dogs"], ["a"] * 7]
    assert list(prepared.score_ids(ids, [0, 1, 2])) == pytest.approx(list(prepared.score(words, [0, 1, 2])))


def test_trap_3_an_unknown_word_matches_nothing() -> None:
    # "brown" is not in the vocabulary; a candidate's <unk> must not take its place.
    prepared = PreparedReferences(DocumentFrequency.from_references(REFERENCES), REFERENCES, WORDS)
    (with_unknown,) = prepared.score_ids([[4, 3, 6, EOS]], [0])
    (with_word,) = prepared.score([["a", "brown", "horse"]], [0])
    (with_other,) = prepared.score([["a", "zebra", "horse"]], [0])
    assert with_unknown == pytest.approx(with_other)
    assert with_unknown < with_word


def test_trap_13_a_caption_that_never_ends_scores_lower_where_ends_count() -> None:
    ended = PreparedReferences(DocumentFrequency.from_references(REFERENCES, end=True), REFERENCES, WORDS)
    finished, cut = ended.score_ids([[7, 8, EOS], [7, 8, 0]], [1, 1], eos=EOS)
    assert finished == pytest.approx(ended.score([["two", "dogs"]], [1])[0])
    (open_ended,) = ended.score_ids([[7, 8]], [1], eos=EOS)
    assert open_ended < finished
    assert cut < finished


def test_pictures_and_candidates_must_agree() -> None:
    prepared = PreparedReferences(DocumentFrequency.from_references(REFERENCES), REFERENCES, WORDS)
    with pytest.raises(ValueError, match="2 candidates"):
        prepared.score([["a"], ["b"]], [0])
