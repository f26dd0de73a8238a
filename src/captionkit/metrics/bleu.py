"""BLEU 1 to 4 as the COCO caption evaluation computes it.

Source: Papineni et al. 2002, equations 1 to 3, with the closest reference length and the small numbers of the
reference implementation (pycocoevalcap 1.2, `bleu_scorer.py`): 1e-15 on counts, 1e-9 on totals. They keep a
zero from stopping the product; for a whole corpus they are far below any printed digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from captionkit.metrics.corpus import ORDERS, Corpus, Floats, Integers, Outcome, Statistics, Tokens, run_starts

NAMES = tuple(f"BLEU-{order}" for order in range(1, ORDERS + 1))
SIGNATURE = "n=4,length=closest,smoothing=1e-15/1e-9"

Numbers = Integers | Floats

_TINY = 1e-15
_SMALL = 1e-9


@dataclass(frozen=True, slots=True)
class BleuStatistics:
    """All that BLEU needs to know of each picture. Sums over pictures are the statistics of a corpus.

    Attributes:
        matches: int64 [N, 4], n-grams of the candidate found in a reference, each as often as in the one
            reference that holds it most.
        totals: int64 [N, 4], n-grams of the candidate.
        candidate_length: int64 [N], words.
        reference_length: int64 [N], words of the reference whose length is closest (the shorter of two).
    """

    matches: Integers
    totals: Integers
    candidate_length: Integers
    reference_length: Integers


def bleu(candidates: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> Outcome:
    """BLEU-1 to BLEU-4 of N candidates, for the corpus and each picture.

    Args:
        candidates: N token lists.
        references: N lists of token lists.

    Returns:
        `BLEU-1` to `BLEU-4`, 0 to 1. The corpus value is computed from summed counts: it is not the mean of the
        per-picture values.

    Raises:
        ValueError: see `Corpus`.
    """
    return bleu_of(Corpus(candidates, references))


def bleu_of(corpus: Corpus) -> Outcome:
    """`bleu` for a corpus whose n-grams may have been counted already."""
    statistics = bleu_statistics(corpus)
    per_image = bleu_from_sums(
        statistics.matches, statistics.totals, statistics.candidate_length, statistics.reference_length
    )
    whole = bleu_from_sums(
        statistics.matches.sum(axis=0),
        statistics.totals.sum(axis=0),
        statistics.candidate_length.sum(),
        statistics.reference_length.sum(),
    )
    return Outcome(
        corpus={name: float(whole[k]) for k, name in enumerate(NAMES)},
        per_image={name: per_image[:, k] for k, name in enumerate(NAMES)},
        signature=SIGNATURE,
        statistics=_resampling(statistics),
    )


def _resampling(statistics: BleuStatistics) -> Statistics:
    lengths = np.column_stack([statistics.candidate_length, statistics.reference_length])

    def score(sums: Floats) -> dict[str, Floats]:
        values = bleu_from_sums(sums[:, :ORDERS], sums[:, ORDERS:-2], sums[:, -2], sums[:, -1])
        return {name: values[:, k] for k, name in enumerate(NAMES)}

    return Statistics(np.hstack([statistics.matches, statistics.totals, lengths]).astype(np.float64), score)


def bleu_statistics(corpus: Corpus) -> BleuStatistics:
    """The sufficient statistics of each picture."""
    number = len(corpus)
    matches = np.zeros((number, ORDERS), np.int64)
    for k, counts in enumerate(corpus.counts):
        image = corpus.image[counts.sentence]
        group_start = np.flatnonzero(run_starts(counts.ngram, image))
        is_candidate = corpus.is_candidate[counts.sentence]
        most = np.maximum.reduceat(np.where(is_candidate, 0, counts.count), group_start)
        led = is_candidate[group_start]
        found = np.minimum(counts.count[group_start[led]], most[led])
        matches[:, k] = np.bincount(image[group_start[led]], weights=found, minlength=number)
    length = corpus.lengths[corpus.first]
    totals = np.maximum(0, length[:, None] - np.arange(ORDERS))
    return BleuStatistics(matches, totals, length, _closest_length(corpus, length))


def _closest_length(corpus: Corpus, candidate_length: Integers) -> Integers:
    """The reference length nearest to the candidate's, the shorter where two are as near."""
    distance = np.abs(corpus.lengths - candidate_length[corpus.image])
    # Distance decides, then the length itself; a candidate is never its own reference.
    scale = int(corpus.lengths.max(initial=0)) + 1
    rank = distance * scale + corpus.lengths
    rank[corpus.first] = np.iinfo(np.int64).max
    result: Integers = np.minimum.reduceat(rank, corpus.first) % scale
    return result


def bleu_from_sums(
    matches: Numbers, totals: Numbers, candidate_length: Numbers, reference_length: Numbers
) -> Floats:
    """BLEU-1 to BLEU-4 from (summed) statistics.

    Args:
        matches, totals: [..., 4], whole numbers of either type.
        candidate_length, reference_length: [...].

    Returns:
        float64 [..., 4].
    """
    orders = np.arange(1, ORDERS + 1)
    precision = (matches + _TINY) / (totals + _SMALL)
    geometric = np.cumprod(precision, axis=-1) ** (1.0 / orders)
    ratio = (candidate_length + _TINY) / (reference_length + _SMALL)
    penalty = np.exp(np.minimum(0.0, 1.0 - 1.0 / ratio))
    result: Floats = geometric * np.asarray(penalty)[..., None]
    return result
