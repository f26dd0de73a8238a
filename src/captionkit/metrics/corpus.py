"""Tokenised candidates and references, the counts of their n-grams, and what a metric hands back.

Counting n-grams is most of the work of BLEU and CIDEr, so it is done once for all pictures with sorted integer
arrays: a sentence's n-gram is a number, and all sentences of one picture lie side by side with the candidate in
front. After one sort by (n-gram, sentence) the references that share an n-gram with their candidate directly
follow it.

Letters: N pictures, S sentences (candidates and references), T words of all sentences, E distinct (n-gram,
sentence) pairs, n the order of the n-grams.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain

import numpy as np
import numpy.typing as npt

ORDERS = 4  # BLEU and CIDEr both look at n-grams of 1 to 4 words

Tokens = Sequence[str]
Integers = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]


class NotComputedError(Exception):
    """A metric has no value here; the message says why. `score` records it, it never stops the others."""


@dataclass(frozen=True, slots=True, eq=False)
class Statistics:
    """What a corpus score is computed from: sums over pictures.

    Attributes:
        values: float64 [N, K].
        score: sums float64 [R, K] to name and float64 [R], the scores of R (re)sampled corpora.
    """

    values: Doubles
    score: Callable[[Doubles], Mapping[str, Doubles]]


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What one metric says of a corpus.

    Attributes:
        corpus: name to value, on the reference implementation's scale.
        per_image: name to float64 [N]; names without per-picture values lack.
        signature: what else must agree before two values may be compared, such as "n=4,sigma=6".
        warnings: sentences for the person who reads the numbers.
        statistics: for scores that are not the mean over pictures, what they are computed from.
    """

    corpus: Mapping[str, float]
    per_image: Mapping[str, Doubles] = field(default_factory=dict)
    signature: str = ""
    warnings: tuple[str, ...] = ()
    statistics: Statistics | None = None

    def statistics_or_means(self) -> Statistics:
        """`statistics`; without them those of the means over pictures."""
        if self.statistics is not None:
            return self.statistics
        names, columns = list(self.per_image), list(self.per_image.values())
        values = np.column_stack([*columns, np.ones(len(columns[0]))])

        def means(sums: Doubles) -> Mapping[str, Doubles]:
            return {name: sums[:, place] / sums[:, -1] for place, name in enumerate(names)}

        return Statistics(values, means)


@dataclass(frozen=True, slots=True)
class NgramCounts:
    """How often each sentence holds each n-gram of one order.

    Attributes:
        ngram: int64 [E], dense numbers from 0; entries are sorted by (ngram, sentence).
        sentence: int64 [E].
        count: int64 [E].
        key: int64 [size], what each distinct n-gram is made of, rising: (number of its first n - 1 words) *
            vocabulary + last word; for n = 1 the word.
        size: the number of distinct n-grams.
    """

    ngram: Integers
    sentence: Integers
    count: Integers
    key: Integers
    size: int


def split_words(tokens: Tokens) -> Tokens:
    """The words that BLEU and CIDEr see of a token list.

    The reference implementations join tokens by a space and split the line again on any white space. A PTB token
    can hold a no-break space (a telephone number, "1 1/2"): for them it is two words. ROUGE-L splits on the plain
    space alone.
    """
    line = " ".join(tokens)
    return tokens if line.isprintable() else line.split()  # of white space only the space is


class Corpus:
    """N candidates with their references, as words.

    Args:
        candidates: N token lists.
        references: N lists of token lists, at least one each.

    Raises:
        ValueError: other numbers of candidates and references, a picture without any, or text that is no tokens.
    """

    def __init__(self, candidates: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> None:
        if len(candidates) != len(references):
            raise ValueError(f"{len(candidates)} candidates, but references for {len(references)} pictures")
        if not all(references):
            raise ValueError("every picture needs at least one reference")
        if any(isinstance(tokens, str) for tokens in chain(candidates, *references)):
            raise ValueError("captions must be lists of tokens (captionkit.text.tokenize), not text")
        self.candidates = candidates
        self.references = references

    def __len__(self) -> int:
        return len(self.candidates)

    @cached_property
    def sentences(self) -> list[Tokens]:
        """All S sentences as BLEU and CIDEr see them: picture by picture, candidate first."""
        return [
            split_words(tokens)
            for candidate, references in zip(self.candidates, self.references, strict=True)
            for tokens in chain((candidate,), references)
        ]

    @cached_property
    def reference_counts(self) -> Integers:
        """int64 [N]: how many references each picture has."""
        return np.fromiter(map(len, self.references), np.int64, len(self))

    @cached_property
    def image(self) -> Integers:
        """int64 [S]: the picture of each sentence."""
        return np.repeat(np.arange(len(self)), self.reference_counts + 1)

    @cached_property
    def first(self) -> Integers:
        """int64 [N]: the sentence that is each picture's candidate."""
        return np.cumsum(self.reference_counts + 1) - self.reference_counts - 1

    @cached_property
    def is_candidate(self) -> npt.NDArray[np.bool_]:
        """bool [S]."""
        flags = np.zeros(len(self.image), np.bool_)
        flags[self.first] = True
        return flags

    @cached_property
    def lengths(self) -> Integers:
        """int64 [S]: words of each sentence."""
        return np.fromiter(map(len, self.sentences), np.int64, len(self.sentences))

    @cached_property
    def words(self) -> tuple[Integers, list[str]]:
        """int64 [T] word numbers of all sentences in order, and the words they stand for."""
        return number_words(self.sentences, {})

    @cached_property
    def counts(self) -> tuple[NgramCounts, ...]:
        """The n-gram counts of order 1 to 4."""
        ids, words = self.words
        return count_ngrams(ids, self.lengths, len(words))

    @cached_property
    def document_frequency(self) -> tuple[Integers, ...]:
        """For each order int64 [size]: in how many pictures' references an n-gram occurs."""
        frequencies = []
        for counts in self.counts:
            in_reference = ~self.is_candidate[counts.sentence]
            ngram, image = counts.ngram[in_reference], self.image[counts.sentence[in_reference]]
            frequencies.append(np.bincount(ngram[run_starts(ngram, image)], minlength=counts.size))
        return tuple(frequencies)


def run_starts(*columns: Integers) -> npt.NDArray[np.bool_]:
    """bool [E]: whether a row begins a run of equal rows, given by its columns int64 [E]."""
    starts = np.zeros(len(columns[0]), np.bool_)
    starts[:1] = True
    for column in columns:
        starts[1:] |= column[1:] != column[:-1]
    return starts


def spread(counts: Integers) -> tuple[Integers, Integers]:
    """For counts [2, 0, 3] the owners [0, 0, 2, 2, 2] and the places within each [0, 1, 0, 1, 2]."""
    owner = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    return owner, place


def find_chain(keys: Integers, vocabulary: int, prefix: Integers, last: Integers) -> Integers:
    """Places of (prefix, last < vocabulary) pairs in rising `keys`, -1 where they lack or a part is -1."""
    if not len(keys):
        return np.full(len(last), -1)
    wanted = prefix * vocabulary + last
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where((keys[place] == wanted) & (last >= 0), place, -1)


def number_words(sentences: Iterable[Tokens], numbers: dict[str, int]) -> tuple[Integers, list[str]]:
    """Give each distinct word a number, going on from those in `numbers`, which is added to.

    Returns:
        int64 [T] and the list of words by number.
    """
    flat = list(chain.from_iterable(sentences))
    for word in dict.fromkeys(flat):
        numbers.setdefault(word, len(numbers))
    ids = np.fromiter(map(numbers.__getitem__, flat), np.int64, len(flat))
    return ids, list(numbers)


def count_ngrams(ids: Integers, lengths: Integers, vocabulary: int) -> tuple[NgramCounts, ...]:
    """Count the n-grams of order 1 to 4 in each sentence.

    Args:
        ids: int64 [T], the words of all sentences one after another, each below `vocabulary`.
        lengths: int64 [S], words of each sentence.
        vocabulary: the number of different words.
    """
    total = len(ids)
    sentence = np.repeat(np.arange(len(lengths)), lengths)
    left = np.repeat(np.cumsum(lengths), lengths) - np.arange(total)  # words from here to the sentence's end
    start = np.arange(total)
    rank = np.zeros(total, np.int64)
    size = 1
    result = []
    for order in range(1, ORDERS + 1):
        start = start[left[start] >= order]
        key = rank[start] * vocabulary + ids[start + order - 1]
        sorted_start, sorted_key = stable_order(key, start, size * vocabulary)
        sorted_sentence = sentence[sorted_start]
        new_ngram = run_starts(sorted_key)
        new_entry = new_ngram | run_starts(sorted_sentence)
        sorted_rank = np.cumsum(new_ngram) - 1
        size = int(sorted_rank[-1]) + 1 if len(sorted_rank) else 0
        first = np.flatnonzero(new_entry)
        result.append(
            NgramCounts(
                ngram=sorted_rank[first],
                sentence=sorted_sentence[first],
                count=np.diff(first, append=len(key)),
                key=sorted_key[new_ngram],
                size=size,
            )
        )
        rank[sorted_start] = sorted_rank
    return tuple(result)


def stable_order(key: Integers, start: Integers, bound: int) -> tuple[Integers, Integers]:
    """`start` (rising) in the order that sorts `key` (0 <= key < bound), and the sorted keys."""
    bits = int(start.max(initial=0)).bit_length()
    if bound.bit_length() + bits < 64:
        # Sorting (key, place) packed in one number is several times faster than a stable argsort.
        packed = np.sort((key << bits) | start)
        return packed & ((1 << bits) - 1), packed >> bits
    order = np.argsort(key, kind="stable")
    return start[order], key[order]
