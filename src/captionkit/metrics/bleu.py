"""BLEU 1 to 4 as the COCO caption evaluation computes it.

Source: Papineni et al. 2002, equations 1 to 3, with the closest reference length and the small numbers of the
reference implementation (pycocoevalcap 1.2, `bleu_scorer.py`): 1e-15 on counts, 1e-9 on totals. They keep a
zero from stopping the product; for a whole corpus they are far below any printed digit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from captionkit.metrics.corpus import ORDERS, Corpus, Doubles, Integers, Outcome, Statistics, Tokens, run_starts

NAMES = tuple(f"BLEU-{order}" for order in range(1, ORDERS + 1))
SIGNATURE = "n=4,length=closest,smoothing=1e-15/1e-9"

_TINY = 1e-15
_SMALL = 1e-9


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
    sums = _statistics(corpus)
    per_image = _scores(sums)
    return Outcome(
        corpus={name: float(value) for name, value in _scores(sums.sum(axis=0)).items()},
        per_image=per_image,
        signature=SIGNATURE,
        statistics=Statistics(sums, _scores),
    )


def _statistics(corpus: Corpus) -> Doubles:
    """float64 [N, 10]: all that BLEU needs to know of each picture; their sums are the statistics of a corpus.

    Of each order the n-grams of the candidate that are found in a reference, each as often as in the one reference
    that holds it most; of each order the n-grams of the candidate; its words; and the words of the reference whose
    length is closest (the shorter of two).
    """
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
    return np.column_stack([matches, totals, length, _closest_length(corpus, length)]).astype(np.float64)


def _closest_length(corpus: Corpus, candidate_length: Integers) -> Integers:
    """The reference length nearest to the candidate's, the shorter where two are as near."""
    distance = np.abs(corpus.lengths - candidate_length[corpus.image])
    # Distance decides, then the length itself; a candidate is never its own reference.
    scale = int(corpus.lengths.max(initial=0)) + 1
    rank = distance * scale + corpus.lengths
    rank[corpus.first] = np.iinfo(np.int64).max
    result: Integers = np.minimum.reduceat(rank, corpus.first) % scale
    return result


def _scores(sums: Doubles) -> dict[str, Doubles]:
    """BLEU-1 to BLEU-4, each float64 [...], of statistics (or their sums) float64 [..., 10]."""
    matches, totals = sums[..., :ORDERS], sums[..., ORDERS:-2]
    candidate_length, reference_length = sums[..., -2], sums[..., -1]
    orders = np.arange(1, ORDERS + 1)
    precision = (matches + _TINY) / (totals + _SMALL)
    geometric = np.cumprod(precision, axis=-1) ** (1.0 / orders)
    ratio = (candidate_length + _TINY) / (reference_length + _SMALL)
    penalty = np.exp(np.minimum(0.0, 1.0 - 1.0 / ratio))
    values = geometric * np.asarray(penalty)[..., None]
    return {name: values[..., k] for k, name in enumerate(NAMES)}
