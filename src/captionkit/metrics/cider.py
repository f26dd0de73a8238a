"""CIDEr-D and CIDEr.

Source: Vedantam et al. 2015 (arXiv 1411.5726): CIDEr is equations 1 to 3, CIDEr-D section 5 (clipped counts and a
Gaussian penalty on the difference of lengths). As in the authors' implementations both are multiplied by 10 and
words are not stemmed. What the COCO caption evaluation (pycocoevalcap 1.2) prints as "CIDEr" is CIDEr-D; its
lengths are counted in bigrams.

The weight of an n-gram in a sentence is its count times log(pictures) - log(max(1, pictures whose references hold
it)). On a single picture every weight of a reference's n-gram is log 1 - log 1 = 0, so there is no score: that is
an error here, not a 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from captionkit.metrics.corpus import ORDERS, Corpus, Doubles, NotComputedError, Outcome, Tokens, run_starts
from captionkit.metrics.document_frequency import DocumentFrequency, rarity

SIGMA = 6.0
SCALE = 10.0
CIDER_D = "CIDEr-D"
CIDER = "CIDEr"


def cider_d(
    candidates: Sequence[Tokens],
    references: Sequence[Sequence[Tokens]],
    document_frequency: DocumentFrequency | None = None,
) -> tuple[float, Doubles]:
    """CIDEr-D of N candidates.

    Args:
        candidates: N token lists.
        references: N lists of token lists, at least one each.
        document_frequency: a stored table; None counts the references given here, as the COCO caption
            evaluation does.

    Returns:
        The mean, and float64 [N]; 0 to 10.

    Raises:
        NotComputedError: one picture and no table.
        ValueError: see `Corpus`.
    """
    scores = cider_scores(Corpus(candidates, references), document_frequency, clipped=True)
    return float(scores.mean()), scores


def cider(
    candidates: Sequence[Tokens],
    references: Sequence[Sequence[Tokens]],
    document_frequency: DocumentFrequency | None = None,
) -> tuple[float, Doubles]:
    """Plain CIDEr: as `cider_d`, but without clipped counts and without the length penalty."""
    scores = cider_scores(Corpus(candidates, references), document_frequency, clipped=False)
    return float(scores.mean()), scores


def cider_d_of(corpus: Corpus, document_frequency: DocumentFrequency | None = None) -> Outcome:
    """`cider_d` for a corpus whose n-grams may have been counted already."""
    scores = cider_scores(corpus, document_frequency, clipped=True)
    signature = f"n=4,sigma=6,x10,df={_origin(document_frequency)}"
    return Outcome({CIDER_D: float(scores.mean())}, {CIDER_D: scores}, signature)


def cider_of(corpus: Corpus, document_frequency: DocumentFrequency | None = None) -> Outcome:
    """`cider` for a corpus whose n-grams may have been counted already."""
    scores = cider_scores(corpus, document_frequency, clipped=False)
    signature = f"n=4,x10,df={_origin(document_frequency)}"
    return Outcome({CIDER: float(scores.mean())}, {CIDER: scores}, signature)


def _origin(document_frequency: DocumentFrequency | None) -> str:
    return "references" if document_frequency is None else document_frequency.signature


def cider_scores(corpus: Corpus, document_frequency: DocumentFrequency | None, *, clipped: bool) -> Doubles:
    """CIDEr-D (clipped) or CIDEr of each picture: float64 [N]."""
    number = len(corpus)
    documents = number if document_frequency is None else document_frequency.documents
    if documents < 2:
        raise NotComputedError(
            "undefined on one picture: its document frequencies come from the references of all pictures; "
            "score more pictures, or give a stored table of document frequencies"
        )
    sentences = len(corpus.image)
    similarity = np.zeros(sentences)
    frequencies = corpus.document_frequency if document_frequency is None else document_frequency.lookup(corpus)
    for counts, frequency in zip(corpus.counts, frequencies, strict=True):
        weight = counts.count * rarity(frequency, documents)[counts.ngram]
        norm = np.sqrt(np.bincount(counts.sentence, weights=weight * weight, minlength=sentences))

        # Entries of one n-gram and picture follow each other with the candidate in front, so a reference's entry
        # meets its candidate's where its group begins with one.
        image = corpus.image[counts.sentence]
        is_candidate = corpus.is_candidate[counts.sentence]
        new_group = run_starts(counts.ngram, image)
        group_start = np.flatnonzero(new_group)
        leader = group_start[np.cumsum(new_group) - 1]
        both = np.flatnonzero(is_candidate[leader] & ~is_candidate)
        of_candidate, of_reference = weight[leader[both]], weight[both]
        if clipped:
            of_candidate = np.minimum(of_candidate, of_reference)
        product = np.bincount(counts.sentence[both], weights=of_candidate * of_reference, minlength=sentences)
        norms = norm * norm[corpus.first[corpus.image]]
        similarity += np.divide(product, norms, out=np.zeros(sentences), where=norms != 0)
    if clipped:
        # The penalty counts bigrams, which differ as words do: sentences without words are like none anyway.
        delta = (corpus.lengths[corpus.first[corpus.image]] - corpus.lengths).astype(np.float64)
        similarity *= np.exp(-(delta**2) / (2 * SIGMA**2))
    summed = np.bincount(corpus.image, weights=similarity)
    result: Doubles = SCALE * summed / (ORDERS * corpus.reference_counts)
    return result
