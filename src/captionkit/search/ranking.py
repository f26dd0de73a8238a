"""Which pictures fit a query: BM25 over the captions first, then the best by the model's own likelihood.

For a picture I and a query q of words w the model's part is log p(q | I) - log p(q), how many nats likelier the
query becomes by the picture. As log p(q) stands p(q | the average picture of the index). It is the same for all
pictures, so it changes no ranking; it makes scores of different queries comparable, and, word by word, says which
words the picture speaks for.

Letters: N pictures, P grid positions, D feature depth, L words of the query.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from captionkit.captioner import Captioner
from captionkit.search.compact import Floats, to_features
from captionkit.search.index import Index
from captionkit.search.likelihood import known_words, to_word_ids, word_log_probabilities
from captionkit.search.words import MAX_QUERY_WORDS, query_words

DEPTH = 100  # pictures that are ranked by the model
# What a point of BM25 counts beside a nat of the model's; docs/search.md says how it was chosen.
BM25_WEIGHT = 0.5
PRIOR_PICTURES = 256


@dataclass(frozen=True, slots=True)
class Hit:
    """A picture that fits.

    Attributes:
        content: which.
        score: what it was ranked by.
        bm25: of its captions; 0 where none of them has a word of the query.
        gain: log p(query | picture) - log p(query) in nats; None where the model was not asked.
        word_gains: the same for each word that the model knows.
    """

    content: int
    score: float
    bm25: float
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
    """The pictures of an index that fit a query. Any text is a query.

    Args:
        index: where to look.
        query: a text.
        captioner: the model that the index was made with; None ranks by captions alone.
        limit: pictures wanted.
        depth: pictures that the model ranks, at least `limit`: the best by their captions. An index that holds no
            more than that is ranked whole, whatever its captions say.
    """
    words = query_words(query)
    unasked = max(0, len(words) - MAX_QUERY_WORDS)
    depth = max(limit, depth)
    matches = index.matches(words[:MAX_QUERY_WORDS], depth)
    if captioner is None:
        return Ranking(_by_captions(matches, limit), unasked=unasked)
    known, unknown = known_words(query, captioner.bundle.tokenizer)
    ids = to_word_ids(known, captioner)
    asked = tuple(known[: len(ids)])
    unasked = max(unasked, len(known) - len(ids))
    if len(ids) and len(matches) < depth and index.count() <= depth:
        matches |= {content: 0.0 for content in index.first(depth) if content not in matches}
    if not matches or not len(ids):
        return Ranking(_by_captions(matches, limit), (), tuple(unknown), unasked)
    gains = query_gains(index, captioner, list(matches), ids)
    ranked = [
        Hit(content, BM25_WEIGHT * bm25 + float(row.sum()), bm25, float(row.sum()), tuple(row.tolist()))
        for (content, bm25), row in zip(matches.items(), gains, strict=True)
    ]
    ranked.sort(key=lambda hit: -hit.score)
    return Ranking(tuple(ranked[:limit]), asked, tuple(unknown), unasked)


def _by_captions(matches: dict[int, float], limit: int) -> tuple[Hit, ...]:
    return tuple(Hit(content, score, score) for content, score in list(matches.items())[:limit])


def query_gains(index: Index, captioner: Captioner, contents: Sequence[int], ids: npt.NDArray[np.int32]) -> Floats:
    """float32 [N, L]: how much likelier each picture makes each word than the average picture does, in nats."""
    positions = captioner.engine.network.positions
    average = index.cells(index.spread(PRIOR_PICTURES)).mean(axis=0, keepdims=True)
    cells = np.concatenate([average, index.cells(contents)])
    scores = word_log_probabilities(captioner.engine, to_features(cells, positions), ids)
    gains: Floats = scores[1:] - scores[:1]
    return gains
