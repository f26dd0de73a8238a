"""CIDEr-D as a reward for self-critical training: references prepared once, thousands of captions a second.

Source of the use: Rennie et al. 2017 (arXiv 1612.00563). The score is the same as `cider.cider_d` gives with the
same table of document frequencies.

Letters: M candidates of a batch, L their length in ids, N prepared pictures, R references of all pictures.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from captionkit.metrics.cider import SCALE, SIGMA
from captionkit.metrics.corpus import (
    ORDERS,
    Doubles,
    Integers,
    Tokens,
    count_ngrams,
    find_chain,
    number_words,
    split_words,
    spread,
)
from captionkit.metrics.document_frequency import END, DocumentFrequency, rarity, with_end


class PreparedReferences:
    """The references of N pictures, ready to score candidates against."""

    def __init__(
        self, table: DocumentFrequency, references: Sequence[Sequence[Tokens]], words: Sequence[str] = ()
    ) -> None:
        """Weigh them once.

        Args:
            table: for training that of the train references, built with `end=True` so that the end of a sentence
                is part of the reward.
            references: N lists of token lists, as `text.tokenize` gives them. They are never mapped to a model's
                vocabulary: a word that it lacks stays a word, and no `<unk>` of a candidate can match it.
            words: the model's vocabulary by id, for `score_ids`.
        """
        self._table = table
        self._numbers = dict(table.numbers)
        sentences = [with_end(split_words(tokens), table.end) for group in references for tokens in group]
        ids, _ = number_words(sentences, self._numbers)
        # A word of the model that no reference holds gets a number of its own: it counts, and never matches.
        self._word_of_id = np.array(
            [self._numbers.setdefault(word, len(self._numbers)) for word in words], np.int64
        )
        self._end = self._numbers.setdefault(END, len(self._numbers))
        self._vocabulary = len(self._numbers)
        groups = np.array([len(group) for group in references], np.int64)
        self._groups = groups
        self._width = int(groups.max(initial=1))
        image, column = spread(groups)
        slot = image * self._width + column
        self._bigrams = np.zeros(len(groups) * self._width)
        lengths = np.fromiter(map(len, sentences), np.int64, len(sentences))
        self._bigrams[slot] = np.maximum(0, lengths - 1)

        self._keys: list[Integers] = []
        self._norms: list[Doubles] = []
        self._entries: list[tuple[Integers, Integers, Integers, Integers]] = []
        number = np.empty(0, np.int64)
        for order, counts in enumerate(count_ngrams(ids, lengths, self._vocabulary), start=1):
            number = self._in_table(order, counts.key, self._vocabulary, number)
            weight = counts.count * self._rarity(order, number)[counts.ngram]
            square = np.bincount(slot[counts.sentence], weights=weight**2, minlength=len(self._bigrams))
            self._norms.append(np.sqrt(square))
            self._keys.append(counts.key)
            # Entries by (picture, n-gram): a candidate's n-gram finds all references that hold it in one place.
            key = image[counts.sentence] * counts.size + counts.ngram
            by_key = np.argsort(key, kind="stable")
            key = key[by_key]
            start = np.flatnonzero(np.diff(key, prepend=-1))
            self._entries.append(
                (key[start], np.append(start, len(key)), column[counts.sentence[by_key]], counts.count[by_key])
            )

    def _in_table(self, order: int, key: Integers, vocabulary: int, previous: Integers) -> Integers:
        """The table's numbers of n-grams: (place of the prefix among `previous`) * vocabulary + last word."""
        last = key % vocabulary
        last = np.where(last < len(self._table.words), last, -1)
        prefix = last if order == 1 else previous[key // vocabulary]
        return self._table.find(order, prefix, last)

    def _rarity(self, order: int, number: Integers) -> Doubles:
        return rarity(self._table.frequency_of(order, number), self._table.documents)

    def score(self, candidates: Sequence[Tokens], images: npt.ArrayLike) -> Doubles:
        """CIDEr-D of M candidates.

        Args:
            candidates: M token lists; each is taken as a finished sentence where the table counts ends.
            images: int [M], the prepared picture that each belongs to.

        Returns:
            float64 [M], 0 to 10.
        """
        sentences = [with_end(split_words(tokens), self._table.end) for tokens in candidates]
        ids, words = number_words(sentences, dict(self._numbers))
        lengths = np.fromiter(map(len, sentences), np.int64, len(sentences))
        return self._score(ids, lengths, np.asarray(images, np.int64), len(words))

    def score_ids(self, ids: npt.ArrayLike, images: npt.ArrayLike, *, eos: int = 2) -> Doubles:
        """CIDEr-D of M candidates given as word ids of the vocabulary `words`.

        Args:
            ids: int [M, L]; a sentence ends at its first `eos`, or at L if it has none. Where the table counts
                ends, a sentence that never reaches `eos` lacks that word.
            images: int [M], the prepared picture that each belongs to.
            eos: the id that ends a sentence.

        Returns:
            float64 [M], 0 to 10.
        """
        matrix = np.asarray(ids, np.int64)
        is_end = matrix == eos
        finished = is_end.any(axis=1)
        lengths = np.where(finished, is_end.argmax(axis=1), matrix.shape[1])
        words = self._word_of_id[matrix]
        if self._table.end:
            words[is_end] = self._end
            lengths = lengths + finished
        inside = np.arange(matrix.shape[1]) < lengths[:, None]
        return self._score(words[inside], lengths, np.asarray(images, np.int64), self._vocabulary)

    def _score(self, flat: Integers, lengths: Integers, images: Integers, vocabulary: int) -> Doubles:
        number = len(lengths)
        if images.shape != (number,):
            raise ValueError(f"{number} candidates, but picture numbers of shape {images.shape}")
        similarity = np.zeros(number * self._width)
        slots = (images[:, None] * self._width + np.arange(self._width)).ravel()
        in_table = in_references = np.empty(0, np.int64)
        for order, counts in enumerate(count_ngrams(flat, lengths, vocabulary), start=1):
            in_table = self._in_table(order, counts.key, vocabulary, in_table)
            last = counts.key % vocabulary
            if order == 1:
                in_references = self._places(self._keys[0], last)
            else:
                # A word that no reference holds is beyond the vocabulary: as a digit of a key it would carry over.
                known_last = np.where(last < self._vocabulary, last, -1)
                places = in_references[counts.key // vocabulary]
                in_references = find_chain(self._keys[order - 1], self._vocabulary, places, known_last)
            rare = self._rarity(order, in_table)[counts.ngram]
            norm = np.sqrt(np.bincount(counts.sentence, weights=(counts.count * rare) ** 2, minlength=number))

            keys, starts, columns, reference_counts = self._entries[order - 1]
            place = in_references[counts.ngram]
            wanted = images[counts.sentence] * len(self._keys[order - 1]) + place
            group = self._places(keys, wanted)
            group[place < 0] = -1
            hit = np.flatnonzero(group >= 0)
            begin, size = starts[group[hit]], np.diff(starts)[group[hit]]
            owner, offset = spread(size)
            entry, reference = hit[owner], begin[owner] + offset
            of_reference = reference_counts[reference]
            product = rare[entry] ** 2 * np.minimum(counts.count[entry], of_reference) * of_reference
            pair = counts.sentence[entry] * self._width + columns[reference]
            summed = np.bincount(pair, weights=product, minlength=len(similarity))
            norms = np.repeat(norm, self._width) * self._norms[order - 1][slots]
            similarity += np.divide(summed, norms, out=np.zeros(len(summed)), where=norms != 0)
        bigrams = np.repeat(np.maximum(0, lengths - 1), self._width)
        similarity *= np.exp(-((bigrams - self._bigrams[slots]) ** 2) / (2 * SIGMA**2))
        total = similarity.reshape(number, self._width).sum(axis=1)
        result: Doubles = SCALE * total / (ORDERS * self._groups[images])
        return result

    @staticmethod
    def _places(keys: Integers, wanted: Integers) -> Integers:
        """Where rising `keys` hold `wanted`, -1 where they do not."""
        return find_chain(keys, 0, np.zeros(len(wanted), np.int64), wanted)
