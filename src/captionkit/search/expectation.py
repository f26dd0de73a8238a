"""Which words a model expects of a picture: more than its captions say.

Along its captions a decoder gives every word of its vocabulary a probability at every step. Their sum over the
steps, averaged over the captions, is how often it expects the word; as shares of all words worth looking for they
are a unigram language model of the picture, and a query is ranked by its likelihood under that (J. Ponte and W. B.
Croft, "A Language Modeling Approach to Information Retrieval", 1998), smoothed with the average picture as C. Zhai
and J. Lafferty do ("A Study of Smoothing Methods for Language Models Applied to Ad Hoc Information Retrieval",
2001, the Jelinek-Mercer method).

Letters: B pictures, C captions an image, P grid positions, D feature depth, V vocabulary, S stems of it, N
pictures of the index, W words of a query.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from captionkit.decoding import log_softmax
from captionkit.engine import Engine
from captionkit.records import Caption
from captionkit.search.compact import Floats
from captionkit.search.segments import Codes
from captionkit.search.words import split_words, to_stem, worth_looking_for
from captionkit.tokenizer import BOS, EOS, SPECIALS, Tokenizer

SMOOTHING = 0.1  # the average picture's part of a picture's language model
_STEPS = 18.0  # of a code, for a factor of e: 255 of them reach from 1 down to 7e-7


def vocabulary_stems(tokenizer: Tokenizer) -> tuple[str, ...]:
    """The stems of a vocabulary's words that are worth looking for, in the order of the alphabet."""
    return tuple(sorted({stem for stem in map(_stem_of, tokenizer.spoken) if stem is not None}))


def stem_places(tokenizer: Tokenizer, stems: Mapping[str, int]) -> npt.NDArray[np.int64]:
    """int64 [V]: the place of each word's stem, or `len(stems)` for a word without."""
    spoken = [stems.get(_stem_of(word) or "", len(stems)) for word in tokenizer.spoken]
    return np.array([len(stems)] * len(SPECIALS) + spoken, np.int64)


def expected_shares(
    engine: Engine,
    tokenizer: Tokenizer,
    features: Floats,
    captions: Sequence[Sequence[Caption]],
    places: npt.NDArray[np.int64],
) -> Floats:
    """Each stem's share of the words that are expected of each picture.

    Args:
        features: float32 [B, P, D].
        captions: C or fewer, at least one, of each picture.
        places: int64 [V] as `stem_places` gave it, with S stems.

    Returns:
        float32 [B, S]; a row sums to 1.
    """
    rows = np.array([row for row, some in enumerate(captions) for _ in some])
    ids = [[tokenizer.id_of(word) or EOS for word in one.tokens] for some in captions for one in some]
    state = {name: leaf[rows] for name, leaf in engine.start(features).items()}
    counts = np.zeros((len(features), len(tokenizer)), np.float32)
    np.add.at(counts, rows, _expected_counts(engine, state, ids))
    # Sums serve as well as averages: only shares are kept.
    order = np.argsort(places, kind="stable")
    starts = np.flatnonzero(np.diff(places[order], prepend=-1))
    found = places[order][starts]
    shares = np.zeros((len(features), int(places.max()) + 1), np.float32)
    shares[:, found] = np.add.reduceat(counts[:, order], starts, axis=1)
    shares = shares[:, :-1]  # the last place gathered the words that are not looked for
    total = shares.sum(axis=1, keepdims=True)
    return (shares / np.where(total > 0, total, 1)).astype(np.float32, copy=False)


def to_codes(shares: Floats) -> Codes:
    """Shares as bytes on a logarithmic scale, uint8; 0 for less than 7e-7."""
    logarithms = np.log(np.maximum(shares, 1e-30))
    return np.clip(np.rint(255 + _STEPS * logarithms), 0, 255).astype(np.uint8)


def query_scores(codes: Codes, together: Sequence[int]) -> Floats:
    """log p(query | picture) - log p(query | average picture) under the unigram models, in nats.

    Args:
        codes: uint8 [W, N], the share of each word in each picture.
        together: for each word of the query how many rows stand for it, of which any will do.

    Returns:
        float32 [N], 0 and more: what no picture expects counts for none.
    """
    share_of = np.exp((np.arange(256, dtype=np.float64) - 255) / _STEPS)
    share_of[0] = 0.0
    scores = np.zeros(codes.shape[1], np.float32)
    for some in np.split(codes, np.cumsum(together)[:-1]):
        word = some[0] if len(some) == 1 else to_codes(share_of[some].sum(axis=0))
        held = np.bincount(word, minlength=256)
        average = float(held @ share_of) / max(len(word), 1)
        if average > 0:
            gain_of = np.log1p((1 - SMOOTHING) / SMOOTHING * share_of / average)
            scores += gain_of.astype(np.float32)[word]
    return scores


def _expected_counts(engine: Engine, state: dict[str, npt.NDArray[np.generic]], ids: list[list[int]]) -> Floats:
    """float32 [R, V]: how often each word is expected along R captions of ids without bos and eos."""
    counts: Floats | None = None
    going = np.arange(len(ids))
    previous = np.full(len(ids), BOS, np.int32)
    for place in range(max(map(len, ids)) + 1):
        logits, _, changed = engine.step(state, previous)
        state = {**state, **changed}
        probabilities = np.exp(log_softmax(logits))
        if counts is None:
            counts = probabilities
        else:
            counts[going] += probabilities
        stays = np.array([place < len(ids[row]) for row in going])
        if not stays.all():  # a copy of all keys and values
            going, state = going[stays], {name: leaf[stays] for name, leaf in state.items()}
        previous = np.array([ids[row][place] for row in going], np.int32)
    assert counts is not None
    return counts


def _stem_of(word: str) -> str | None:
    """The stem of a vocabulary's word; None for signs and for words that stand everywhere."""
    parts = split_words(word)  # of "t-shirt" the last part says what it is
    return to_stem(parts[-1]) if parts and worth_looking_for(parts[-1]) else None
