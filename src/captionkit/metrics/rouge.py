"""ROUGE-L as the COCO caption evaluation computes it.

Source: Lin 2004, section 3 (longest common subsequence), with beta 1.2 and, as the reference implementation
(pycocoevalcap 1.2, `rouge.py`) has it, the largest precision and the largest recall over the references taken
separately. The length of the common subsequence is found bit-parallel (Hyyrö 2004, "Bit-parallel LCS-length
computation revisited"): one addition a word, with Python's integers as bit vectors of any length.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from captionkit.metrics.corpus import Corpus, Outcome, Tokens

NAME = "ROUGE-L"
BETA = 1.2
SIGNATURE = "beta=1.2,references=max-precision/max-recall"


def rouge_l(candidates: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> Outcome:
    """ROUGE-L of N candidates, for the corpus (the mean) and each picture.

    Args:
        candidates: N token lists.
        references: N lists of token lists.

    Returns:
        `ROUGE-L`, 0 to 1.

    Raises:
        ValueError: see `Corpus`.
    """
    return rouge_l_of(Corpus(candidates, references))


def rouge_l_of(corpus: Corpus) -> Outcome:
    """`rouge_l` for a corpus."""
    scores = np.fromiter(map(_score, corpus.candidates, corpus.references), np.float64, len(corpus))
    return Outcome({NAME: float(scores.mean())}, {NAME: scores}, SIGNATURE)


def _score(candidate: Tokens, references: Sequence[Tokens]) -> float:
    # The reference implementation splits the empty line into one empty word, which equals another empty word.
    candidate = candidate or ("",)
    width = len(candidate)
    places: dict[str, int] = {}
    for place, word in enumerate(candidate):
        places[word] = places.get(word, 0) | 1 << place
    ones = (1 << width) - 1
    precision = recall = 0.0
    for reference in references:
        reference = reference or ("",)
        row = ones
        for word in reference:
            if word in places:
                match = row & places[word]
                row = (row + match) | (row - match)
        common = width - (row & ones).bit_count()
        precision = max(precision, common / width)
        recall = max(recall, common / len(reference))
    if precision == 0:  # and so is recall
        return 0.0
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)
