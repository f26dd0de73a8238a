"""Every match between a candidate and a reference that METEOR's alignment may choose from.

Sentences are rows of word numbers; a *piece* is a place in a sentence with a length: a word, or a phrase that the
paraphrase table knows. Two pieces match in up to five ways, in this order: the same word (exact), the same stem, a
common synset, a paraphrase looked up from the reference's side, a paraphrase looked up from the candidate's side.
The order matters, because the alignment keeps the first of equals.

All pairs of sentences are worked on at once with NumPy. Letters: S sentences, T their words, P pairs, M matches,
Q pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from captionkit.metrics.corpus import Integers, find_chain, spread
from captionkit.metrics.meteor.data import MeteorData, SynonymDictionary
from captionkit.metrics.meteor.paraphrases import ParaphraseTable
from captionkit.text.snowball import stem

EXACT, STEM, SYNONYM, PARAPHRASE = range(4)
_FROM_CANDIDATE = 4  # the second way to be a paraphrase


@dataclass(frozen=True, slots=True)
class Sentences:
    """S sentences of word numbers.

    Attributes:
        words: the words by number.
        ids: int64 [T], word numbers of all sentences one after another.
        start: int64 [S + 1], where each sentence begins.
    """

    words: Sequence[str]
    ids: Integers
    start: Integers

    @property
    def length(self) -> Integers:
        """int64 [S]."""
        return np.diff(self.start)


@dataclass(frozen=True, slots=True)
class Matches:
    """Matches of P pairs, sorted by pair, start in the reference, and the order in which METEOR finds them.

    Attributes:
        pair: int64 [M].
        start, length: int64 [M], the place in the reference.
        other_start, other_length: int64 [M], the place in the candidate.
        matcher: int64 [M], 0 to 3.
    """

    pair: Integers
    start: Integers
    length: Integers
    other_start: Integers
    other_length: Integers
    matcher: Integers


def join(left: Integers, right: Integers) -> tuple[Integers, Integers]:
    """All pairs of places with `left[i] == right[j]`, by `i`."""
    order = np.argsort(right, kind="stable")
    low = np.searchsorted(right, left, "left", sorter=order)
    high = np.searchsorted(right, left, "right", sorter=order)
    owner, place = spread(high - low)
    return owner, order[low[owner] + place]


class Matcher:
    """Finds the matches between references and candidates of one corpus.

    Args:
        sentences: all sentences.
        candidates: int64, the sentences that occur as candidate.
        references: int64, the sentences that occur as reference.
        data: METEOR's data.
    """

    def __init__(self, sentences: Sentences, candidates: Integers, references: Integers, data: MeteorData) -> None:
        self._sentences = sentences
        stems = [stem(word) for word in sentences.words]
        hashes = {text: _java_hash(text) for text in {*sentences.words, *stems}}
        self._keys = np.array([hashes[word] for word in sentences.words], np.int64)
        of_stem = np.array([hashes[text] for text in stems], np.int64)
        pieces = _Pieces.of_words(sentences)
        left, right = pieces.of_sentences(references), pieces.of_sentences(candidates)
        relations = [self._equal(left, right), self._shared(left, right, of_stem[left], of_stem[right], STEM)]
        if data.synonyms is not None:
            relations.append(self._synonyms(left, right, data.synonyms))
        if data.paraphrases is not None:
            phrases = _Pieces.of_phrases(sentences, data.paraphrases)
            pieces, found = _with_phrases(pieces, phrases, candidates, references, data.paraphrases)
            relations += found
        self._relations = _Relations(np.concatenate(relations, axis=1), pieces.kinds)
        self._pieces = pieces

    def matches(self, candidates: Integers, references: Integers) -> Matches:
        """The matches of P pairs of sentences.

        Args:
            candidates, references: int64 [P], sentence numbers.
        """
        pieces = self._pieces
        width = pieces.count[candidates]
        pair, at = spread(pieces.count[references] * width)
        across = width[pair]
        of_reference = pieces.first[references][pair] + at // across
        of_candidate = pieces.first[candidates][pair] + at % across
        hit, way, rank = self._relations.look_up(pieces.kind[of_reference], pieces.kind[of_candidate])
        pair, of_reference, of_candidate = pair[hit], of_reference[hit], of_candidate[hit]
        # Sentences that are the same word for word are matched word for word.
        wanted = (way == EXACT) | ~self._same(candidates, references)[pair]
        pair, of_reference, of_candidate = pair[wanted], of_reference[wanted], of_candidate[wanted]
        way, rank = way[wanted], rank[wanted]
        start, length = pieces.start[of_reference], pieces.length[of_reference]
        other, other_length = pieces.start[of_candidate], pieces.length[of_candidate]
        # Found in loops over the reference's places (or, the other way, the candidate's), then phrase lengths,
        # then table entries; these lie by length themselves.
        order = np.lexsort((other, rank, np.where(way == _FROM_CANDIDATE, other, 0), way, start, pair))
        return Matches(
            pair=pair[order],
            start=start[order],
            length=length[order],
            other_start=other[order],
            other_length=other_length[order],
            matcher=np.minimum(way, PARAPHRASE)[order],
        )

    def _equal(self, left: Integers, right: Integers) -> Integers:
        a, b = join(self._keys[left], self._keys[right])
        return _relation(left[a], right[b], EXACT)

    def _shared(
        self, left: Integers, right: Integers, of_left: Integers, of_right: Integers, way: int
    ) -> Integers:
        """Pairs of different words with a common property."""
        a, b = join(of_left, of_right)
        left, right = left[a], right[b]
        different = self._keys[left] != self._keys[right]
        return _relation(left[different], right[different], way)

    def _synonyms(self, left: Integers, right: Integers, synonyms: SynonymDictionary) -> Integers:
        synsets = [synonyms.of(word) for word in self._sentences.words]
        owners, numbers = [], []
        for chosen in (left, right):
            counts = np.array([len(synsets[word]) for word in chosen], np.int64)
            owners.append(np.repeat(chosen, counts))
            numbers.append(np.array([number for word in chosen for number in synsets[word]], np.int64))
        found = self._shared(owners[0], owners[1], numbers[0], numbers[1], SYNONYM)
        return np.unique(found, axis=1)

    def _same(self, candidates: Integers, references: Integers) -> npt.NDArray[np.bool_]:
        """Which pairs are the same sentence, word for word."""
        sentences = self._sentences
        same: npt.NDArray[np.bool_] = sentences.length[candidates] == sentences.length[references]
        asked = np.flatnonzero(same)
        owner, place = spread(sentences.length[candidates[asked]])
        a = self._keys[sentences.ids[sentences.start[candidates[asked]][owner] + place]]
        b = self._keys[sentences.ids[sentences.start[references[asked]][owner] + place]]
        same[asked[owner[a != b]]] = False
        return same


@dataclass(frozen=True, slots=True)
class _Pieces:
    """Q pieces, sorted by sentence.

    Attributes:
        first, count: int64 [S], where the pieces of a sentence lie.
        start, length: int64 [Q], place in the sentence.
        kind: int64 [Q], the word number, or a number from `len(words)` on for a phrase.
        kinds: one more than the largest kind.
    """

    first: Integers
    count: Integers
    start: Integers
    length: Integers
    kind: Integers
    kinds: int

    @classmethod
    def of_words(cls, sentences: Sentences) -> _Pieces:
        _, place = spread(sentences.length)
        return cls(
            first=sentences.start[:-1],
            count=sentences.length,
            start=place,
            length=np.ones(len(place), np.int64),
            kind=sentences.ids,
            kinds=len(sentences.words),
        )

    @classmethod
    def of_phrases(cls, sentences: Sentences, table: ParaphraseTable) -> _Pieces:
        """All phrases of the table; `kind` is the table's node."""
        in_table = np.array([table.vocabulary.get(word, -1) for word in sentences.words], np.int64)
        owner, place = spread(sentences.length)
        at, length, node = table.phrases(in_table[sentences.ids], sentences.length[owner] - place)
        order = np.argsort(owner[at], kind="stable")
        at, length, node = at[order], length[order], node[order]
        count = np.bincount(owner[at], minlength=len(sentences.length))
        return cls(np.cumsum(count) - count, count, place[at], length, node, len(table.edges) + 1)

    def of_sentences(self, chosen: Integers) -> Integers:
        """The distinct kinds that occur in some sentences, rising."""
        present = np.zeros(self.kinds, np.bool_)
        owner, place = spread(self.count[chosen])
        present[self.kind[self.first[chosen][owner] + place]] = True
        return np.flatnonzero(present)


def _with_phrases(
    words: _Pieces, phrases: _Pieces, candidates: Integers, references: Integers, table: ParaphraseTable
) -> tuple[_Pieces, list[Integers]]:
    """Words and those phrases that have a partner on the other side, and the relations of both."""
    of_reference, of_candidate = phrases.of_sentences(references), phrases.of_sentences(candidates)
    found = []
    for keys, others in ((of_reference, of_candidate), (of_candidate, of_reference)):
        wanted = np.zeros(len(table.edges) + 1, np.bool_)
        wanted[others] = True
        first = table.offsets[keys].astype(np.int64)
        owner, place = spread(table.offsets[keys + 1] - first)
        entry = first[owner] + place
        partner = table.targets[entry]
        hit = wanted[partner]
        found.append((keys[owner[hit]], partner[hit].astype(np.int64), entry[hit]))

    # One number a node: its word's where it is a single word, else one after all words.
    number = np.full(len(table.edges) + 1, -1, np.int64)
    for key, partner, _ in found:
        number[key] = number[partner] = -2
    single = phrases.length == 1
    one_word = np.flatnonzero(single)
    sentence = np.repeat(np.arange(len(phrases.count)), phrases.count)
    number_of_word = words.kind[words.first[sentence[one_word]] + phrases.start[one_word]]
    used = number[phrases.kind] == -2
    number[phrases.kind[one_word]] = number_of_word
    longer = np.flatnonzero(number == -2)
    number[longer] = words.kinds + np.arange(len(longer))

    kept = np.flatnonzero(used & ~single)
    sentence = np.concatenate([np.repeat(np.arange(len(words.count)), words.count), sentence[kept]])
    order = np.argsort(sentence, kind="stable")
    count = np.bincount(sentence, minlength=len(words.count))
    pieces = _Pieces(
        first=np.cumsum(count) - count,
        count=count,
        start=np.concatenate([words.start, phrases.start[kept]])[order],
        length=np.concatenate([words.length, phrases.length[kept]])[order],
        kind=np.concatenate([words.kind, number[phrases.kind[kept]]])[order],
        kinds=words.kinds + len(longer),
    )
    (a, b, entry), (c, d, back) = found
    return pieces, [
        _relation(number[a], number[b], PARAPHRASE, entry),
        _relation(number[d], number[c], _FROM_CANDIDATE, back),
    ]


def _relation(left: Integers, right: Integers, way: int, rank: Integers | None = None) -> Integers:
    """int64 [4, relations]: kind in the reference, kind in the candidate, way, rank among its like."""
    if rank is None:
        rank = np.zeros(len(left), np.int64)
    return np.stack([left, right, np.full(len(left), way), rank])


class _Relations:
    """Which kinds of pieces match which, and how; made for millions of questions of which few say yes."""

    def __init__(self, relations: Integers, kinds: int) -> None:
        left, right, way, rank = relations
        code = left * kinds + right
        order = np.lexsort((rank, way, code))
        self._kinds = kinds
        self._way, self._rank = way[order], rank[order]
        self._code, self._first, self._count = np.unique(code[order], return_index=True, return_counts=True)

    def look_up(self, left: Integers, right: Integers) -> tuple[Integers, Integers, Integers]:
        """Place of the question, way and rank of every relation between `left` and `right`."""
        place = find_chain(self._code, self._kinds, left, right)
        question = np.flatnonzero(place >= 0)
        place = place[question]
        owner, within = spread(self._count[place])
        relation = self._first[place][owner] + within
        return question[owner], self._way[relation], self._rank[relation]


def _java_hash(word: str) -> int:
    """`java.lang.String.hashCode`: the reference implementation takes words with equal hashes for equal."""
    value = 0
    units = word.encode("utf-16-be", "surrogatepass")
    for high, low in zip(units[0::2], units[1::2], strict=True):
        value = (31 * value + (high << 8 | low)) & 0xFFFFFFFF
    return value
