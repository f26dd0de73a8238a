"""In how many pictures' references each n-gram occurs: counted once, stored, looked up.

The n-grams form a chain: an n-gram is (the number of its first n - 1 words, its last word), and its own number
is its place among the sorted pairs. So a table is one rising array of integers an order, and a look-up is one
binary search an order.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from captionkit import files
from captionkit.errors import DataError
from captionkit.files.arrays import read_arrays
from captionkit.metrics.corpus import (
    ORDERS,
    Corpus,
    Doubles,
    Integers,
    Tokens,
    count_ngrams,
    find_chain,
    number_words,
    run_starts,
    split_words,
)

# The end of a sentence as a word: no tokeniser gives an empty token.
END = ""

MAX_TABLE_BYTES = 1 << 30
_FORMAT = 1


def rarity(frequency: Integers, documents: int) -> Doubles:
    """log(documents) - log(max(1, frequency)): the inverse document frequency of CIDEr."""
    result: Doubles = np.log(float(documents)) - np.log(np.maximum(1.0, frequency))
    # Exactly zero where every document holds the n-gram, whatever the logarithm's last digit is.
    result[frequency == documents] = 0.0
    return result


@dataclass(frozen=True, eq=False)
class DocumentFrequency:
    """A table of document frequencies.

    Attributes:
        documents: the number of pictures it was counted on.
        words: the distinct words; a word's number is its place.
        keys: for each order int64 [size], rising: prefix number * len(words) + last word.
        frequencies: for each order int64 [size], pictures whose references hold the n-gram.
        end: whether each reference's end counts as a word.
    """

    documents: int
    words: tuple[str, ...]
    keys: tuple[Integers, ...]
    frequencies: tuple[Integers, ...]
    end: bool = False

    @classmethod
    def from_references(cls, references: Sequence[Sequence[Tokens]], *, end: bool = False) -> DocumentFrequency:
        """Count the n-grams of N pictures' tokenised references.

        Args:
            references: N lists of token lists.
            end: count the end of each sentence as a word, as self-critical training wants it: without it a
                caption that stops in the middle ("... with a") costs nothing.
        """
        sentences = [with_end(split_words(tokens), end) for group in references for tokens in group]
        image = np.repeat(np.arange(len(references)), [len(group) for group in references])
        ids, words = number_words(sentences, {})
        lengths = np.fromiter(map(len, sentences), np.int64, len(sentences))
        keys, frequencies = [], []
        for counts in count_ngrams(ids, lengths, len(words)):
            new = run_starts(counts.ngram, image[counts.sentence])
            keys.append(counts.key)
            frequencies.append(np.bincount(counts.ngram[new]))
        return cls(len(references), tuple(words), tuple(keys), tuple(frequencies), end)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Word to number."""
        return {word: number for number, word in enumerate(self.words)}

    @cached_property
    def signature(self) -> str:
        """The table in a fingerprint: pictures counted and the first digits of its hash."""
        digest = files.sha256(b"".join(array.tobytes() for array in (*self.keys, *self.frequencies)))
        return f"table:{self.documents}:{digest[:8]}{':end' if self.end else ''}"

    def find(self, order: int, prefix: Integers, last: Integers) -> Integers:
        """The numbers of n-grams of this order, -1 where the table lacks them.

        Args:
            order: 1 to 4.
            prefix: int64 [E], numbers of their first n - 1 words (unused for order 1); may hold -1.
            last: int64 [E], word numbers; may hold -1.
        """
        if order == 1:
            return last
        return find_chain(self.keys[order - 1], len(self.words), prefix, last)

    def frequency_of(self, order: int, number: Integers) -> Integers:
        """The frequencies of n-grams by number; 0 for -1."""
        result = np.zeros(len(number), np.int64)
        known = number >= 0
        result[known] = self.frequencies[order - 1][number[known]]
        return result

    def lookup(self, corpus: Corpus) -> tuple[Integers, ...]:
        """For each order int64 [size]: the frequencies of a corpus's distinct n-grams."""
        _, words = corpus.words
        word = number = np.array([self.numbers.get(name, -1) for name in words], np.int64)
        result: list[Integers] = []
        for order, counts in enumerate(corpus.counts, start=1):
            number = self.find(order, number[counts.key // len(words)], word[counts.key % len(words)])
            result.append(self.frequency_of(order, number))
        return tuple(result)

    def save(self, path: Path | str) -> None:
        """Write the table as a compressed `.npz` without pickled objects."""
        buffer = io.BytesIO()
        arrays = {f"keys_{order}": keys for order, keys in enumerate(self.keys, start=1)}
        arrays |= {f"frequencies_{order}": values for order, values in enumerate(self.frequencies, start=1)}
        text = "\n".join(self.words).encode("utf-8", "surrogatepass")
        np.savez_compressed(
            buffer,
            header=np.array([_FORMAT, self.documents, int(self.end), len(self.words)], np.int64),
            words=np.frombuffer(text, np.uint8),
            allow_pickle=False,
            **arrays,
        )
        files.write_bytes(path, buffer.getvalue())

    @classmethod
    def load(cls, path: Path | str) -> DocumentFrequency:
        """Read a table that `save` wrote.

        Raises:
            DataError: it is no such file, is damaged, or is larger than a table may be.
        """
        data = files.read_bounded(path, MAX_TABLE_BYTES)
        try:
            return cls._from_arrays(read_arrays(data, MAX_TABLE_BYTES))
        except (KeyError, ValueError, TypeError, OverflowError) as error:
            raise DataError(
                f"Expected a table of document frequencies at {path}, but it cannot be read as one "
                f"({str(error) or 'its arrays are others'}); make it again with `captionkit score --save-df`."
            ) from None

    @classmethod
    def _from_arrays(cls, arrays: dict[str, Integers]) -> DocumentFrequency:
        form, documents, end, number = (int(value) for value in arrays["header"])
        words = tuple(arrays["words"].tobytes().decode("utf-8", "surrogatepass").split("\n")) if number else ()
        if form != _FORMAT:
            raise ValueError
        keys, frequencies = [], []
        for order in range(1, ORDERS + 1):
            key, frequency = arrays[f"keys_{order}"], arrays[f"frequencies_{order}"]
            if key.ndim != 1 or key.shape != frequency.shape or key.dtype != np.int64:
                raise ValueError
            if frequency.dtype != np.int64 or np.any(np.diff(key) <= 0) or np.any(frequency > documents):
                raise ValueError
            keys.append(key)
            frequencies.append(frequency)
        if len(keys[0]) != len(words):
            raise ValueError
        return cls(documents, words, tuple(keys), tuple(frequencies), bool(end))


def with_end(tokens: Tokens, end: bool) -> Tokens:
    """The tokens, followed by the end of the sentence if it counts."""
    return [*tokens, END] if end else tokens
