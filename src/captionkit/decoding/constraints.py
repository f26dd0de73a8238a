"""What a caption must hold, must not hold, and where it may end.

All but `must` are masks over the next token. `must` is a finite-state machine run beside the beam (Anderson
et al. 2017, "Guided open vocabulary image captioning with constrained beam search"): its state is the set of
demands met so far, and each state keeps beams of its own, so that a demanded word need not win on probability.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from captionkit.decoding.hypothesis import Floats
from captionkit.errors import UsageError
from captionkit.tokenizer import BOS, EOS, PAD, UNK

MAX_MUST = 4  # the machine has 2 ** len(must) states, each with beams of its own
_NEVER = (PAD, BOS, UNK)


@dataclass(frozen=True, slots=True)
class Constraints:
    """Limits on the captions of a search, in ids.

    Attributes:
        must: demands; each is met by any one of its ids (a word and its inflections).
        avoid: ids that never appear.
        min_length: words before eos may come.
        no_repeat_ngram: no n-gram of this many words appears twice; 0 allows all.
        bad_endings: ids after which eos may not come ("a", "with", "of").
        no_echo: ids ("and", "or") after which the word before them may not come again ("red and red").
        may_repeat: where there are any, every other word comes once at most ("a bed with a bed on the bed"), and
            none twice in a row.
        twins: sets of ids that name one thing, of which a caption holds one at most ("a bicycle on a bike").
        singular_after: ids ("a", "an") after which none of `plurals` comes ("on a rocks").
        plurals: see `singular_after`.
    """

    must: tuple[frozenset[int], ...] = ()
    avoid: frozenset[int] = frozenset()
    min_length: int = 1
    no_repeat_ngram: int = 0
    bad_endings: frozenset[int] = frozenset()
    no_echo: frozenset[int] = frozenset()
    may_repeat: frozenset[int] = frozenset()
    twins: tuple[frozenset[int], ...] = ()
    singular_after: frozenset[int] = frozenset()
    plurals: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if len(self.must) > MAX_MUST:
            raise UsageError(
                f"Expected at most {MAX_MUST} words that a caption must hold, but got {len(self.must)}; "
                "give fewer."
            )
        if any(not alternatives - self.avoid - {*_NEVER, EOS} for alternatives in self.must):
            raise UsageError(
                "Expected words that a caption can hold, but one of the words it must hold is unknown to the "
                "vocabulary or also to be avoided; leave it out."
            )
        if self.min_length < 0 or self.no_repeat_ngram < 0:
            raise UsageError("Expected a minimum length and an n-gram size of 0 or more; give larger ones.")

    @property
    def states(self) -> int:
        """How many states the machine of `must` has."""
        return 1 << len(self.must)

    def met_by(self, vocabulary: int) -> npt.NDArray[np.int64]:
        """int64 [V]: the demands that each token meets, as bits."""
        bits = np.zeros(vocabulary, np.int64)
        for index, alternatives in enumerate(self.must):
            bits[[id_ for id_ in alternatives if id_ < vocabulary]] |= 1 << index
        return bits

    def mask(self, log_probabilities: Floats, history: npt.NDArray[np.int32]) -> None:
        """Set what may not come next to minus infinity, in place.

        Args:
            log_probabilities: float32 [R, V], one row a hypothesis.
            history: int32 [R, T], the T words that each has so far.
        """
        vocabulary, length = log_probabilities.shape[1], history.shape[1]
        forbidden = [*_NEVER, *self.avoid]
        log_probabilities[:, [id_ for id_ in forbidden if id_ < vocabulary]] = -np.inf
        if length < self.min_length:
            log_probabilities[:, EOS] = -np.inf
        elif self.bad_endings and length:
            log_probabilities[_table(self.bad_endings, vocabulary)[history[:, -1]], EOS] = -np.inf
        if self.no_echo and length > 1:
            joined = np.flatnonzero(_table(self.no_echo, vocabulary)[history[:, -1]])
            log_probabilities[joined, history[joined, -2]] = -np.inf
        if self.may_repeat and length:
            once = ~_table(self.may_repeat, vocabulary)[history]
            once[:, -1] = True
            row, place = np.nonzero(once)
            log_probabilities[row, history[row, place]] = -np.inf
        for things in self.twins:
            named = np.flatnonzero(_table(things, vocabulary)[history].any(axis=1))
            _forbid(log_probabilities, named, things)
        if self.singular_after and length:
            after = np.flatnonzero(_table(self.singular_after, vocabulary)[history[:, -1]])
            _forbid(log_probabilities, after, self.plurals)
        if self.no_repeat_ngram:
            context = self.no_repeat_ngram - 1
            tail = history[:, length - context :]
            for first in range(length - context):
                same = np.flatnonzero((history[:, first : first + context] == tail).all(axis=1))
                log_probabilities[same, history[same, first + context]] = -np.inf


def _forbid(log_probabilities: Floats, rows: npt.NDArray[np.intp], ids: frozenset[int]) -> None:
    """Set these ids to minus infinity in these rows."""
    if len(rows):  # as in few steps: there may be hundreds of ids
        forbidden = np.flatnonzero(_table(ids, log_probabilities.shape[1]))
        log_probabilities[np.ix_(rows, forbidden)] = -np.inf


@lru_cache(maxsize=64)
def _table(ids: frozenset[int], vocabulary: int) -> npt.NDArray[np.bool_]:
    """bool [V]: which ids of a vocabulary are in a set. Every step of a search asks."""
    table = np.zeros(vocabulary, bool)
    table[[id_ for id_ in ids if id_ < vocabulary]] = True
    return table
