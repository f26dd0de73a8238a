"""Which pictures fit a query: by captions and expected words first, then the best by the model's own likelihood.

The first stage adds a little BM25 over the captions to the likelihood of the query's words under what the model
expects of a picture (`expectation`); it needs the index alone. The second asks the model itself: for a picture I
and a query q, log p(q | I) - log p(q) is how many nats likelier the query becomes by the picture. p(q) is the mean
over the pictures of the index, of which those that the first stage chose and a sample of the others are asked. It
is the same for all pictures, so it changes no ranking; it makes scores of different queries comparable.

Letters: N pictures, P grid positions, D feature depth, L words of the query.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from captionkit.captioner import Captioner
from captionkit.search.bm25 import bm25
from captionkit.search.compact import Floats, to_features
from captionkit.search.expectation import query_scores
from captionkit.search.index import Index
from captionkit.search.likelihood import known_words, to_word_ids, word_log_probabilities
from captionkit.search.words import (
    MAX_QUERY_WORDS,
    Query,
    QueryWord,
    query_words,
    says_excluded,
    split_query,
    stems_of_kinds,
)

DEPTH = 100  # pictures that are ranked by the model
MATCHES = 400  # pictures whose captions are ranked by BM25: those whose expected words fit best
OTHERS = 64  # pictures that stand for all that the model does not rank
# What a point of BM25 counts beside a nat of the expected words, and what the first stage counts beside a nat of
# the model's: docs/search.md says how they were chosen.
BM25_WEIGHT = 0.1
FIRST_WEIGHT = 0.4


@dataclass(frozen=True, slots=True)
class Hit:
    """A picture that fits.

    Attributes:
        score: what it was ranked by.
        bm25: of its captions; 0 where none of them has a word of the query.
        expected: how many nats likelier its expected words make the query's words.
        gain: log p(query | picture) - log p(query) in nats; None where the model was not asked.
        word_gains: for each word that the model was asked for, how many nats likelier the picture makes it than
            pictures do on average.
    """

    content: int
    score: float
    bm25: float
    expected: float
    gain: float | None = None
    word_gains: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Ranking:
    """What a query found.

    Attributes:
        hits: best first.
        asked: the words that the model was asked for, in order; empty where it was not asked.
        unknown: words of the query that the model's vocabulary lacks, each once.
        unasked: words beyond what a caption of the model can hold, or beyond `MAX_QUERY_WORDS`.
    """

    hits: tuple[Hit, ...]
    asked: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    unasked: int = 0


def rank(index: Index, query: str, captioner: Captioner | None, *, limit: int = 20, depth: int = DEPTH) -> Ranking:
    """The pictures of an index that fit a query. Any text is one; what it excludes (`split_query`) is left out.

    Args:
        captioner: the model that the index was made with; None for the first stage alone.
        depth: pictures that the model ranks, at least `limit`: the best of the first stage. An index that holds no
            more than that is ranked whole, whatever its captions say.
    """
    parts = split_query(query)
    words = query_words(parts.wanted)
    unasked = max(0, len(words) - MAX_QUERY_WORDS)
    depth = max(limit, depth)
    count = limit if captioner is None else depth
    first = first_stage(index, words[:MAX_QUERY_WORDS], max(MATCHES, count))
    saying: set[int] = set()
    if parts.excluded:
        saying = _saying(index, [*(hit.content for hit in first), *index.first(depth)], parts)
    first = [hit for hit in first if hit.content not in saying][:count]
    if captioner is None:
        return Ranking(tuple(first), unasked=unasked)
    known, unknown = known_words(parts.wanted, captioner.bundle.tokenizer)
    ids = to_word_ids(known, captioner)
    unasked = max(unasked, len(known) - len(ids))
    if len(ids) and len(first) < depth and index.count() <= depth:
        found = {hit.content for hit in first} | saying
        first += [Hit(content, 0.0, 0.0, 0.0) for content in index.first(depth) if content not in found]
    if not first or not len(ids):
        return Ranking(tuple(first[:limit]), (), tuple(unknown), unasked)
    gains, word_gains = query_gains(index, captioner, [hit.content for hit in first], ids)
    ranked = [
        replace(hit, score=FIRST_WEIGHT * hit.score + gain, gain=gain, word_gains=tuple(row.tolist()))
        for hit, gain, row in zip(first, gains.tolist(), word_gains, strict=True)
    ]
    ranked.sort(key=lambda hit: -hit.score)
    return Ranking(tuple(ranked[:limit]), tuple(known[: len(ids)]), tuple(unknown), unasked)


def first_stage(index: Index, words: Sequence[QueryWord], limit: int) -> list[Hit]:
    """The best pictures by their captions and expected words; those that neither speaks for are left out."""
    stems = index.stems()
    places = []
    for word in words:
        # What a model never learned to say is expected where words of the same wider term are.
        asked = [word.stem] if word.stem in stems else stems_of_kinds(word.kinds)
        if some := [stems[stem] for stem in asked if stem in stems]:
            places.append(some)
    count = max(MATCHES, limit)
    if places:
        contents, codes = index.expected([place for some in places for place in some])
        expected = query_scores(codes, [len(some) for some in places])
        best = np.argpartition(-expected, count)[:count] if len(expected) > count else np.arange(len(expected))
        chosen = dict(zip(contents[best].tolist(), expected[best].tolist(), strict=True))
    else:
        chosen = dict.fromkeys(index.matches(words, count), 0.0)
    scores = bm25(index, words, list(chosen))
    found = [
        Hit(content, nats + BM25_WEIGHT * points, points, nats)
        for (content, nats), points in zip(chosen.items(), scores, strict=True)
        if nats + points > 0
    ]
    return sorted(found, key=lambda hit: (-hit.score, hit.content))[:limit]


def _saying(index: Index, contents: Sequence[int], query: Query) -> set[int]:
    """Those of some contents whose captions speak of what a query excludes."""
    return {
        content
        for content, captions in index.captions(dict.fromkeys(contents)).items()
        if any(says_excluded(query.excluded, one) for one in captions)
    }


def query_gains(
    index: Index, captioner: Captioner, contents: Sequence[int], ids: npt.NDArray[np.int32]
) -> tuple[Floats, Floats]:
    """How much likelier pictures make a query, and each of its words.

    Args:
        contents: N pictures, the likely ones.
        ids: int32 [L] of the query's words.

    Returns:
        float32 [N], log p(query | picture) - log p(query) in nats, and float32 [N, L], log p(word | picture, words
        before) less its average over the other pictures.
    """
    asked = set(contents)
    others = [content for content in index.spread(OTHERS) if content not in asked]
    cells = index.cells([*contents, *others])
    features = to_features(cells, captioner.engine.network.positions)
    scores = word_log_probabilities(captioner.engine, features, ids)
    sums = scores.astype(np.float64).sum(axis=1)
    # p(query) is the mean over all pictures; each of the others asked stands for as many as were not.
    weights = np.ones(len(sums))
    weights[len(contents) :] = (index.count() - len(contents)) / max(len(others), 1)
    prior = np.logaddexp.reduce(sums + np.log(weights)) - np.log(weights.sum())
    average = scores[len(contents) :] if others else scores
    gains: Floats = (sums[: len(contents)] - prior).astype(np.float32)
    return gains, scores[: len(contents)] - average.mean(axis=0)
