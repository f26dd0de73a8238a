"""BM25 of the captions of some pictures, by the counts of the whole index.

FTS5 ranks all that it finds, which takes a tenth of a second or two where a common word leads to tens of thousands
of pictures. Here the pictures are chosen before, and FTS5 only counts: the same formula, a tenth of the time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from captionkit.search.index import KIND_WEIGHT, Index
from captionkit.search.words import QueryWord, match_kind, match_stem

K1, B = 1.2, 0.75  # those of FTS5


def bm25(index: Index, words: Sequence[QueryWord], contents: Sequence[int]) -> list[float]:
    """BM25 of contents, larger for a better fit (S. Robertson and H. Zaragoza, "The Probabilistic Relevance
    Framework: BM25 and Beyond", 2009, equation 3.15; a hit of a wider term counts `KIND_WEIGHT`).

    All captions of a picture are one text. Its length is measured against the mean of `contents`, each there once.
    """
    terms = index.terms(contents)
    lengths = {content: len(stems) + len(kinds) for content, (stems, kinds) in terms.items()}
    average = sum(lengths.values()) / max(len(lengths), 1)
    count = index.count()
    kinds = dict.fromkeys(kind for word in words for kind in word.kinds)
    weighed = [(0, word.stem, 1.0, _rarity(index.holding(match_stem(word.stem)), count)) for word in words]
    weighed += [(1, kind, KIND_WEIGHT, _rarity(index.holding(match_kind(kind)), count)) for kind in kinds]
    scores = []
    for content in contents:
        columns = terms.get(content, ([], []))
        room = K1 * (1 - B + B * lengths.get(content, 0) / max(average, 1e-9))
        score = 0.0
        for column, term, weight, rarity in weighed:
            if found := weight * columns[column].count(term):
                score += rarity * found * (K1 + 1) / (found + room)
        scores.append(score)
    return scores


def _rarity(holding: int, count: int) -> float:
    """The inverse document frequency as FTS5 has it: hardly anything for what half of all texts hold."""
    return max(math.log((count - holding + 0.5) / (holding + 0.5)), 1e-6) if count >= holding else 1e-6
