"""The two stages of ranking, on a real index of a tiny model."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from captionkit.captioner import Captioner
from captionkit.images import load_pixels
from captionkit.search.answer import answer_duplicates, answer_like, answer_query, best_caption
from captionkit.search.bm25 import bm25
from captionkit.search.compact import to_features
from captionkit.search.index import KIND_WEIGHT, Index, open_index
from captionkit.search.likelihood import to_word_ids, word_log_probabilities
from captionkit.search.ranking import BM25_WEIGHT, FIRST_WEIGHT, first_stage, query_gains, rank
from captionkit.search.words import hits, match_expression, query_words, split_words, worth_looking_for


@pytest.fixture
def index(indexed: Path) -> Iterator[Index]:
    with open_index(indexed) as found:
        yield found


def test_every_caption_finds_its_picture_by_words_alone(index: Index) -> None:
    for content, captions in index.captions(index.first(9)).items():
        hits = first_stage(index, query_words(captions[0]), 6)
        scores = {hit.content: hit.score for hit in hits}
        assert scores[content] > 0
        assert [hit.score for hit in hits] == sorted(scores.values(), reverse=True)
        for hit in hits:
            assert hit.score == pytest.approx(hit.expected + BM25_WEIGHT * hit.bm25, abs=1e-4)


def test_words_without_a_kind_are_expected_too_and_more_are_given_than_are_ranked_by_captions(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = first_stage(index, query_words("red"), 5)
    assert len(whole) > 2
    assert max(hit.expected for hit in whole) > 0
    monkeypatch.setattr("captionkit.search.ranking.MATCHES", 2)
    assert {hit.content for hit in first_stage(index, query_words("red"), 5)} == {hit.content for hit in whole}
    assert len(rank(index, "a dog without xyzzy", None, limit=4).hits) == 4


def test_bm25_is_that_of_fts5(index: Index) -> None:
    everything = index.first(9)
    said = " ".join(captions[0] for captions in index.captions(everything[:4]).values())
    words = query_words(f"a dog and two children in the grass {said}")
    rows = index.connection.execute(
        "SELECT rowid, -bm25(terms, 1.0, ?) FROM terms WHERE terms MATCH ?", (KIND_WEIGHT, match_expression(words))
    )
    given = dict(rows.fetchall())
    assert len(given) > 2
    ours = bm25(index, words, everything)
    np.testing.assert_allclose(ours, [given.get(content, 0.0) for content in everything], rtol=1e-6, atol=1e-9)


def test_words_that_the_model_never_learned_are_expected_where_their_kind_is(index: Index) -> None:
    wider = {hit.content: hit.expected for hit in first_stage(index, query_words("hound"), 6)}
    narrow = {hit.content: hit.expected for hit in first_stage(index, query_words("dog"), 6)}
    assert wider == pytest.approx(narrow, abs=0.1)  # of the kinds of "hound", the vocabulary has "dog" alone


def test_words_that_nothing_is_known_of_find_nothing(index: Index) -> None:
    assert first_stage(index, query_words("xyzzy plugh"), 6) == []


def test_the_model_ranks_by_what_a_picture_makes_likelier(index: Index, captioner: Captioner, album: Path) -> None:
    """Against log p(query | picture) of the picture files themselves, and its mean over all of them."""
    query = "a dog in the grass"
    ranking = rank(index, query, captioner)
    paths = index.paths(hit.content for hit in ranking.hits)
    size = captioner.engine.network.image_size
    pixels = np.stack([load_pixels(paths[hit.content][0], size) for hit in ranking.hits])
    ids = to_word_ids(query.split(), captioner)
    sums = word_log_probabilities(captioner.engine, captioner.engine.encode(pixels), ids).sum(axis=1)
    gains = sums - np.log(np.mean(np.exp(sums)))
    assert len(ranking.hits) == 6
    # Within what a byte a number loses, for a model whose weights were made sharp.
    given = np.array([hit.gain for hit in ranking.hits], np.float64)
    np.testing.assert_allclose(given, gains, atol=0.3)
    assert ranking.asked == tuple(query.split())
    for hit in ranking.hits:
        assert hit.gain is not None
        assert hit.score == pytest.approx(
            hit.gain + FIRST_WEIGHT * (hit.expected + BM25_WEIGHT * hit.bm25), abs=1e-4
        )
    assert [hit.score for hit in ranking.hits] == sorted((hit.score for hit in ranking.hits), reverse=True)


def test_the_prior_is_that_of_all_pictures_even_where_few_are_ranked(index: Index, captioner: Captioner) -> None:
    ids = to_word_ids(["a", "dog"], captioner)
    everything, all_words = query_gains(index, captioner, index.first(6), ids)
    two, words = query_gains(index, captioner, index.first(6)[:2], ids)
    np.testing.assert_allclose(two, everything[:2], atol=1e-3)
    scores = word_log_probabilities(
        captioner.engine, to_features(index.cells(index.first(6)), captioner.engine.network.positions), ids
    )
    np.testing.assert_allclose(all_words, scores - scores.mean(axis=0), atol=1e-3)
    np.testing.assert_allclose(words, scores[:2] - scores[2:].mean(axis=0), atol=1e-3)  # the other pictures'


def test_depth_bounds_what_the_model_is_asked(index: Index, captioner: Captioner) -> None:
    query = index.captions([1])[1][0]
    shallow = rank(index, query, captioner, limit=1, depth=2)
    assert len(shallow.hits) == 1
    # The best of the first stage's two, not of all.
    assert shallow.hits[0].content in {hit.content for hit in first_stage(index, query_words(query), 2)}


def test_all_of_the_depth_are_ranked_by_the_model_however_few_are_wanted(
    index: Index, captioner: Captioner
) -> None:
    moved = 0
    for query in ("dog", "child", "street", "running", "dogs woman", "children dogs"):
        whole = rank(index, query, captioner, limit=6, depth=6).hits
        (best,) = rank(index, query, captioner, limit=1, depth=6).hits
        assert best == whole[0]
        moved += best.content != first_stage(index, query_words(query), 1)[0].content
    assert moved, "the first stage ranks as the model does"


def test_the_model_ranks_no_fewer_pictures_than_are_wanted(index: Index, captioner: Captioner) -> None:
    ranking = rank(index, "a dog", captioner, limit=6, depth=1)
    assert len(ranking.hits) == 6
    assert all(hit.gain is not None for hit in ranking.hits)


def test_of_an_index_that_holds_more_only_what_fits_is_ranked(index: Index, captioner: Captioner) -> None:
    said = [split_words(captions[0]) for captions in index.captions(index.first(9)).values()]
    words = sorted({word for tokens in said for word in tokens if not worth_looking_for(word)})
    word = next(one for one in words if 0 < len(first_stage(index, query_words(one), 9)) < 5)
    fitting = {hit.content for hit in first_stage(index, query_words(word), 9)}
    assert {hit.content for hit in rank(index, word, captioner, limit=5, depth=5).hits} == fitting
    assert len(rank(index, word, captioner, limit=6, depth=6).hits) == 6


def test_what_is_left_out_takes_no_place_of_what_is_wanted(index: Index) -> None:
    captions = index.captions(index.first(9))
    words = sorted({word for one in captions.values() for word in split_words(one[0]) if worth_looking_for(word)})
    queries = ((one, f"{one} without {other}") for one in words for other in words if one != other)
    for plain, query in queries:
        rest = rank(index, query, None).hits
        if rest and rank(index, plain, None).hits[0].content not in {hit.content for hit in rest}:
            assert rank(index, query, None, limit=1).hits == rest[:1]
            return
    raise AssertionError("no query whose best picture is left out")


def test_without_a_model_the_first_stage_ranks(index: Index) -> None:
    words = query_words("a dog in the grass")
    ranking = rank(index, "a dog in the grass", None, limit=3)
    assert list(ranking.hits) == first_stage(index, words, 3)
    assert len(ranking.hits) == 3
    assert (ranking.asked, ranking.unknown, ranking.unasked) == ((), (), 0)
    assert rank(index, " ".join(f"dog{number}" for number in range(70)), None).unasked == 6


def test_what_the_model_cannot_be_asked_for_is_found_by_the_first_stage(
    index: Index, captioner: Captioner
) -> None:
    ranking = rank(index, "hound", captioner, limit=2)
    assert list(ranking.hits) == first_stage(index, query_words("hound"), 2)
    assert (len(ranking.hits), ranking.unknown, ranking.unasked) == (2, ("hound",), 0)


def test_words_that_stand_everywhere_are_looked_for_in_captions_alone(index: Index) -> None:
    hits = first_stage(index, query_words("on"), 6)
    said = {
        content
        for content, captions in index.captions(index.first(9)).items()
        if any("on" in split_words(caption) for caption in captions)
    }
    assert said
    assert {hit.content for hit in hits} == said
    assert all(hit.expected == 0 and hit.score == BM25_WEIGHT * hit.bm25 > 0 for hit in hits)


def test_unknown_words_are_told_and_passed_over(index: Index, captioner: Captioner) -> None:
    plain, strange = (rank(index, query, captioner) for query in ("a dog", "a xyzzy dog 🐶"))
    assert (plain.unknown, plain.unasked, strange.unasked) == ((), 0, 0)
    assert strange.unknown == ("xyzzy", "🐶")
    assert [hit.content for hit in strange.hits] == [hit.content for hit in plain.hits]
    assert rank(index, "xyzzy", captioner).hits == ()
    assert rank(index, "", captioner).hits == ()


@pytest.mark.parametrize("with_model", [True, False])
def test_what_a_query_excludes_is_left_out(index: Index, captioner: Captioner, with_model: bool) -> None:
    model = captioner if with_model else None
    captions = {
        content: {word for one in some for word in split_words(one)}
        for content, some in index.captions(index.first(9)).items()
    }
    wanted, excluded = next(
        (one, other)
        for one in sorted(captions[1])
        for other in sorted(captions[1])
        if worth_looking_for(one) and worth_looking_for(other) and one != other
        if any(one in words and other not in words for words in captions.values())
    )
    plain, without = (rank(index, query, model) for query in (wanted, f"{wanted} without {excluded}"))
    left = {hit.content for hit in without.hits}
    says = {content for content, words in captions.items() if excluded in words}
    assert 1 in {hit.content for hit in plain.hits} & says
    assert left
    assert not left & says
    stays = [hit for hit in plain.hits if hit.content in left]
    assert [hit.content for hit in without.hits] == [hit.content for hit in stays]
    assert [hit.score for hit in without.hits] == pytest.approx([hit.score for hit in stays], abs=1e-3)
    assert without.asked == plain.asked
    answer = answer_query(index, f"{wanted} without {excluded}", model)
    assert answer.notes == (f"Pictures whose captions speak of '{excluded}' are left out.",)
    assert all(excluded not in result.hits for result in answer.groups[0])
    if model is not None:
        shallow = rank(index, f"{wanted} without {excluded}", model, limit=1, depth=1)
        assert len(shallow.hits) == 1  # what is left out takes no place among those that are ranked


def test_what_is_excluded_is_left_out_of_what_the_model_alone_ranks(index: Index, captioner: Captioner) -> None:
    word = next(filter(worth_looking_for, split_words(index.captions([1])[1][0])))
    says = {
        content
        for content, some in index.captions(index.first(9)).items()
        if any(word in split_words(one) for one in some)
    }
    hits = rank(index, f"on xyzzy without {word}", captioner).hits
    assert hits
    assert says.isdisjoint(hit.content for hit in hits)


def test_words_beyond_what_a_caption_can_hold_are_not_asked_for(index: Index, captioner: Captioner) -> None:
    most = captioner.bundle.decoding.max_length
    ranking = rank(index, "dog " * (most + 5), captioner)
    assert (ranking.asked, ranking.unasked) == (("dog",) * most, 5)
    assert rank(index, " ".join(f"dog{number}" for number in range(70)), captioner).unasked == 6


def test_a_picture_that_nothing_speaks_for_is_no_hit(indexed: Path) -> None:
    with closing(sqlite3.connect(indexed)) as connection:
        connection.execute("UPDATE recent SET codes = zeroblob(length(codes)) WHERE content = 1")
        connection.commit()
    with open_index(indexed) as changed:
        captions = changed.captions([1])[1]
        word = next(word for word in ("dog", "red", "beach") if not hits(query_words(word), " ".join(captions)))
        found = {hit.content for hit in first_stage(changed, query_words(word), 9)}
    assert found
    assert 1 not in found


def test_a_query_that_excludes_alone_says_that_it_leaves_nothing_out(index: Index) -> None:
    word = next(word for _, some in index.captions([1]).items() for word in split_words(some[0]) if len(word) > 3)
    told = answer_query(index, f"no {word}", None)
    assert any(note.startswith("Nothing is left out") for note in told.notes)
    assert told.groups[0]
    plain = answer_query(index, word, None)
    assert not any(note.startswith("Nothing is left out") for note in plain.notes)


def test_the_caption_that_is_shown_has_most_words_of_the_query() -> None:
    captions = ["A man.", "Two dogs run.", "A dog runs on grass."]
    assert best_caption(captions, query_words("dog on grass")) == ("A dog runs on grass.", ("dog", "grass"))
    assert best_caption(captions, query_words("cat")) == ("A man.", ())
    assert best_caption([], query_words("cat")) == ("", ())


def test_words_that_a_wider_term_finds_are_hits(index: Index, captioner: Captioner) -> None:
    assert best_caption(["A dog runs."], query_words("puppy"))[1] == ("dog",)


def test_gains_of_a_word_that_comes_twice_are_added(index: Index, captioner: Captioner) -> None:
    (results,) = answer_query(index, "dog dog", captioner).groups
    hits = rank(index, "dog dog", captioner).hits
    assert [result.words for result in results] == [{"dog": sum(hit.word_gains)} for hit in hits]
    assert {len(hit.word_gains) for hit in hits} == {2}


def test_answers_carry_notes(index: Index, captioner: Captioner) -> None:
    answer = answer_query(index, "xyzzy", captioner)
    assert answer.groups == ((),)
    assert answer.notes[0] == "No picture fits: no caption has a word of the query, and the model expects none."
    assert "does not know 'xyzzy'" in answer.notes[1]
    long = answer_query(index, "dog " * 100, captioner)
    assert long.notes == ("The query is long; its last 90 words do not count for the model.",)
    alone = answer_query(index, " ".join(f"dog{number}" for number in range(70)), None)
    assert alone.notes[-1] == "The query is long; its last 6 words are not looked for."
    assert answer_query(index, "🐶", captioner).notes == ("The query has no words, so nothing is looked for.",)


def test_a_picture_is_most_like_itself_and_its_copies(index: Index, captioner: Captioner, album: Path) -> None:
    def never() -> Captioner:
        raise AssertionError("a picture that the index holds needs no model")

    answer = answer_like(index, album / "a.png", never)
    assert album / "a.png" not in [result.path for result in answer.groups[0]]
    assert len(answer.groups[0]) == 5
    (few,) = answer_like(index, album / "a.png", never, limit=2).groups
    assert [result.path for result in few] == [result.path for result in answer.groups[0][:2]]
    assert answer_duplicates(index).notes == ("No two pictures are nearly the same.",)


def test_the_page_of_an_answer(index: Index, captioner: Captioner, album: Path) -> None:
    page = answer_query(index, "a <dog>", captioner).to_page(index.root)
    assert page.count("<img ") == 6
    assert "<h1>a &lt;dog&gt;</h1>" in page
    assert ">trip/e.png<" in page
