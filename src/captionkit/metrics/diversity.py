"""How varied the captions of a system are: distinct-n of Li et al. 2016 (arXiv 1510.03055), and plain counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from captionkit.metrics.corpus import Tokens


@dataclass(frozen=True, slots=True)
class Diversity:
    """Diversity of N captions, one a picture.

    Attributes:
        captions: N.
        distinct_1, distinct_2: distinct words and pairs of words, divided by all of them.
        vocabulary: how many distinct words the captions use.
        mean_length: words a caption.
        most_frequent: the caption given most often, and its share of all captions. A large share is the sign of
            a model that says the same of every picture.
        novel: share of captions that no train picture has word for word; None without train captions.
    """

    captions: int
    distinct_1: float
    distinct_2: float
    vocabulary: int
    mean_length: float
    most_frequent: tuple[str, float]
    novel: float | None

    def warnings(self) -> list[str]:
        """A sentence where the captions hardly look at the pictures."""
        caption, share = self.most_frequent
        if share < 0.2 or round(share * self.captions) < 2:  # of five captions, one is a fifth
            return []
        return [
            f"{100 * share:.0f} % of the pictures have the same caption ({caption!r}): are the pictures scaled as "
            "in training, and the features those of these pictures?"
        ]


def diversity(candidates: Sequence[Tokens], train: Iterable[Tokens] | None = None) -> Diversity:
    """Diversity of N tokenised captions.

    Args:
        candidates: N token lists, at least one.
        train: tokenised train captions, for `novel`.
    """
    words = Counter(word for tokens in candidates for word in tokens)
    pairs = Counter(pair for tokens in candidates for pair in pairwise(tokens))
    lines = [" ".join(tokens) for tokens in candidates]
    caption, times = Counter(lines).most_common(1)[0]
    known = None if train is None else {" ".join(tokens) for tokens in train}
    return Diversity(
        captions=len(lines),
        distinct_1=len(words) / max(1, words.total()),
        distinct_2=len(pairs) / max(1, pairs.total()),
        vocabulary=len(words),
        mean_length=words.total() / len(lines),
        most_frequent=(caption, times / len(lines)),
        novel=None if known is None else sum(line not in known for line in lines) / len(lines),
    )
