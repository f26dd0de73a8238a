"""METEOR 1.5 for English, equal to meteor-1.5.jar as pycocoevalcap calls it (`-l en -norm`).

Source: Denkowski and Lavie 2014, "Meteor Universal", section 2 and 3, with the parameters of its English ranking
task. Precision and recall weigh matched words by matcher and by being a content or a function word; their harmonic
mean is lowered by a fragmentation penalty. A picture's score is that of its best reference; the corpus score is
computed from the summed statistics of those.

Letters: N pictures, P (picture, reference) pairs, S distinct sentences, M matches.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain

import numpy as np
import numpy.typing as npt

from captionkit.ahead import processors
from captionkit.metrics.corpus import (
    Corpus,
    Doubles,
    Integers,
    NotComputedError,
    Outcome,
    Statistics,
    number_words,
)
from captionkit.metrics.meteor.alignment import align
from captionkit.metrics.meteor.data import MATCHERS, MeteorData, read_meteor_data
from captionkit.metrics.meteor.matching import Matcher, Sentences
from captionkit.metrics.meteor.text import is_plain, normalize

NAME = "METEOR"
ALPHA, BETA, GAMMA, DELTA = 0.85, 0.2, 0.6, 0.75
WEIGHTS = (1.0, 0.6, 0.8, 0.6)  # exact, stem, synonym, paraphrase

_CHUNK = 200_000  # pairs of words looked at at once: small enough for the processor's cache, enough for NumPy
_MAX_PAIRS = 1_000_000  # of one caption and one reference; 9 million took 2 GB


def meteor_of(corpus: Corpus, data: MeteorData | None = None, *, quiet: bool = False) -> Outcome:
    """METEOR 1.5 of a corpus and of each of its pictures.

    Args:
        corpus: candidates and references.
        data: what `read_meteor_data` read; by default it looks for an installed pycocoevalcap.
        quiet: show no progress where its table has to be parsed.

    Returns:
        `METEOR`, 0 to 1. Where data for a matcher are missing the value is no METEOR 1.5, and it is named by the
        matchers that ran: `METEOR(exact+stem)`.

    Raises:
        DataError: the data are damaged.
        NotComputedError: a caption and its reference are too long to be aligned.
    """
    data = read_meteor_data(quiet=quiet) if data is None else data
    pairs = _Pairs.of(corpus, data)
    statistics = _statistics(pairs, data)
    scores = _scores(statistics)
    first = np.cumsum(pairs.per_image) - pairs.per_image
    highest = np.maximum.reduceat(scores, first)
    candidates = np.where(scores == np.repeat(highest, pairs.per_image), np.arange(len(scores)), len(scores))
    best = np.minimum.reduceat(candidates, first)
    total = statistics[best]
    # As the reference implementation adds them up: a sentence matched whole in one piece has no chunks.
    total[_whole(total), _CHUNKS] = 0
    value = float(_scores(total.sum(axis=0, keepdims=True))[0])
    matchers = data.matchers
    complete = matchers == MATCHERS
    name = NAME if complete else f"{NAME}({'+'.join(matchers)})"
    warnings = () if complete else (f"{name} is not METEOR 1.5: {data.missing}.",)
    table = "" if data.paraphrases is None else f",table={data.paraphrases.identity}"
    signature = f"1.5,language=en,norm=yes,matchers={'+'.join(matchers)}{table}"
    sums_of = Statistics(total.astype(np.float64), lambda sums: {name: _scores(sums)})
    return Outcome({name: value}, {name: highest}, signature, warnings, sums_of)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """All (picture, reference) pairs, as numbers of distinct sentences.

    Attributes:
        sentences: the distinct normalised sentences.
        candidate, reference: int64 [P], sentence numbers.
        per_image: int64 [N], references a picture.
    """

    sentences: Sentences
    candidate: Integers
    reference: Integers
    per_image: Integers

    @classmethod
    def of(cls, corpus: Corpus, data: MeteorData) -> _Pairs:
        tokens = set(chain.from_iterable(chain(corpus.candidates, *corpus.references)))
        plain = frozenset(filter(is_plain, tokens))
        numbers: dict[tuple[str, ...], int] = {}
        candidate, reference, per_image = [], [], []
        for own, others in zip(corpus.candidates, corpus.references, strict=True):
            if plain.issuperset(own):
                words = tuple(own)
            else:
                words = normalize(" ".join(own).replace("|||", "").replace("  ", " "), data.prefixes)
            of_image = []
            for other in others:
                if plain.issuperset(other):
                    of_image.append(tuple(other))
                else:
                    # The protocol between pycocoevalcap and the jar separates sentences by three bars.
                    of_image += [normalize(part, data.prefixes) for part in " ".join(other).split("|||")]
            reference += [numbers.setdefault(other, len(numbers)) for other in of_image]
            candidate += [numbers.setdefault(words, len(numbers))] * len(of_image)
            per_image.append(len(of_image))
        ids, vocabulary = number_words(numbers, {})
        length = np.fromiter(map(len, numbers), np.int64, len(numbers))
        return cls(
            sentences=Sentences(vocabulary, ids, np.concatenate([[0], np.cumsum(length)])),
            candidate=np.array(candidate, np.int64),
            reference=np.array(reference, np.int64),
            per_image=np.array(per_image, np.int64),
        )


# Columns of the statistics: words and function words of both sides, chunks, then content and function words
# matched by each matcher, in the candidate and in the reference.
_LENGTHS, _FUNCTIONS, _CHUNKS = (0, 1), (2, 3), 4
_CONTENT_MATCHES, _FUNCTION_MATCHES = (5, 9), (13, 17)
_COLUMNS = 21

Numbers = Integers | Doubles  # counts, or sums of counts weighed by a resample


def _statistics(pairs: _Pairs, data: MeteorData) -> Integers:
    """int64 [P, 21]: what the score of each pair is made of."""
    sentences = pairs.sentences
    work_of = sentences.length[pairs.candidate] * sentences.length[pairs.reference]
    if len(work_of) and work_of.max() > _MAX_PAIRS:
        longest = int(work_of.argmax())
        words, others = (sentences.length[side[longest]] for side in (pairs.candidate, pairs.reference))
        raise NotComputedError(
            f"a caption of {words:,} words and its reference of {others:,} are too long to be aligned; are they "
            "sentences?"
        )
    matcher = Matcher(sentences, np.unique(pairs.candidate), np.unique(pairs.reference), data)
    is_function = np.array([word in data.function_words for word in sentences.words], np.int64)
    # Function words before each place, so that a stretch's number is one subtraction.
    functions = np.concatenate([[0], np.cumsum(is_function[sentences.ids])])
    work = partial(_statistics_of, sentences, matcher, functions)
    cuts = np.flatnonzero(np.diff(np.cumsum(work_of) // _CHUNK)) + 1
    with ThreadPoolExecutor(processors()) as threads:  # NumPy lets other threads run while it works
        return np.concatenate(
            list(threads.map(work, np.split(pairs.candidate, cuts), np.split(pairs.reference, cuts)))
        )


def _statistics_of(
    sentences: Sentences, matcher: Matcher, functions: Integers, candidate: Integers, reference: Integers
) -> Integers:
    matches = matcher.matches(candidate, reference)
    chosen, chunks = align(matches, sentences.length[reference], sentences.length[candidate])
    pair, way = matches.pair[chosen], matches.matcher[chosen]
    result = np.zeros((len(candidate), _COLUMNS), np.int64)
    result[:, _CHUNKS] = chunks
    for side, (sentence, start, length) in enumerate(
        (
            (candidate, matches.other_start[chosen], matches.other_length[chosen]),
            (reference, matches.start[chosen], matches.length[chosen]),
        )
    ):
        result[:, _LENGTHS[side]] = sentences.length[sentence]
        result[:, _FUNCTIONS[side]] = (
            functions[sentences.start[sentence + 1]] - functions[sentences.start[sentence]]
        )
        at = sentences.start[sentence[pair]] + start
        function = functions[at + length] - functions[at]
        np.add.at(result, (pair, _CONTENT_MATCHES[side] + way), length - function)
        np.add.at(result, (pair, _FUNCTION_MATCHES[side] + way), function)
    return result


def _matched(statistics: Numbers, side: int) -> Numbers:
    """int64 [P]: all words matched on one side."""
    content, function = _CONTENT_MATCHES[side], _FUNCTION_MATCHES[side]
    total: Numbers = statistics[:, content : content + 4].sum(axis=1)
    total += statistics[:, function : function + 4].sum(axis=1)
    return total


def _whole(statistics: Numbers) -> npt.NDArray[np.bool_]:
    """bool [P]: all words of both sides matched, in one chunk."""
    whole: npt.NDArray[np.bool_] = statistics[:, _CHUNKS] == 1
    for side in (0, 1):
        whole &= _matched(statistics, side) == statistics[:, _LENGTHS[side]]
    return whole


def _scores(statistics: Numbers) -> Doubles:
    """float64 [P]: METEOR of each row; 0 where nothing matches or a side is empty."""
    with np.errstate(divide="ignore", invalid="ignore"):
        precision, recall = (_weighted_share(statistics, side) for side in (0, 1))
        mean = 1.0 / ((1.0 - ALPHA) / precision + ALPHA / recall)
        matched = (_matched(statistics, 0) + _matched(statistics, 1)) / 2
        fragmentation = np.where(_whole(statistics), 0.0, statistics[:, _CHUNKS] / matched)
        score = mean * (1.0 - GAMMA * fragmentation**BETA)
    result: Doubles = np.fmax(score, 0.0)  # which passes over what is not a number
    return result


def _weighted_share(statistics: Numbers, side: int) -> Doubles:
    """float64 [P]: weighted words matched, of the weighted words there are (equations 1 and 2)."""
    functions = statistics[:, _FUNCTIONS[side]]
    words = DELTA * (statistics[:, _LENGTHS[side]] - functions) + (1.0 - DELTA) * functions
    matched = np.zeros(len(statistics))
    for first, share in ((_CONTENT_MATCHES[side], DELTA), (_FUNCTION_MATCHES[side], 1.0 - DELTA)):
        for matcher, weight in enumerate(WEIGHTS):
            matched += statistics[:, first + matcher] * weight * share
    result: Doubles = matched / words
    return result
