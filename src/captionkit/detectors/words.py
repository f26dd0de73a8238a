"""Which words a picture calls for, read off its features by one linear layer: a second opinion on a caption.

A decoder hears itself: the words it has said make the next ones likely. The detector looks at the picture alone,
so its doubts are of another kind. After the word detectors of Fang et al. 2015 ("From captions to visual concepts
and back"), here one ridge regression of reduced rank on the mean of the grid.

Letters: B N pictures, P grid positions, D feature depth, R rank, V vocabulary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from captionkit.decoding.wording import SMALL_WORDS
from captionkit.detectors import MOST, Floats, read_detector, ridge, to_int8, write_detector
from captionkit.errors import BundleError, DataError
from captionkit.text import tokenize
from captionkit.tokenizer import Tokenizer

RANK = 256  # directions of the features that are looked at; 384 told little more, 128 less
RIDGE = 0.03  # pull of the weights towards zero, as a share of the features' mean variance
FLOOR = 0.03  # added to both shares of captions, so that rare words weigh less
SEEN = 3  # train pictures whose captions hold a word; of rarer ones nothing can be said
MIN_PICTURES = 50


@dataclass(frozen=True, slots=True, eq=False)
class WordDetector:
    """Shares of captions that should hold each word, as a linear function of a picture's mean features.

    Attributes:
        mean: float32 [D], of the features.
        basis: float32 [D, R], the directions that are looked at.
        weights: float32 [R, V].
        usual: float32 [V], the share of all captions that hold a word; 0 for words of which it knows nothing.
    """

    mean: Floats
    basis: Floats
    weights: Floats
    usual: Floats

    def evidence(self, features: Floats) -> Floats:
        """How much likelier each word is with these pictures than with any.

        Args:
            features: float32 [B, P, D].

        Returns:
            float32 [B, V]: log((share expected + `FLOOR`) / (usual share + `FLOOR`)), in nats; NaN for words of
            which nothing is known.
        """
        shares = self.usual + (features.mean(axis=1) - self.mean) @ self.basis @ self.weights
        logs = np.log((np.clip(shares, 0.0, 1.0) + FLOOR) / (self.usual + FLOOR))
        result: Floats = np.where(self.usual > 0, logs, np.nan).astype(np.float32)
        return result

    def to_bytes(self) -> bytes:
        """As an `.npz`; basis and weights as int8 with a scale a column."""
        arrays: dict[str, npt.NDArray[Any]] = {"mean": self.mean, "usual": self.usual}
        for name, matrix in (("basis", self.basis), ("weights", self.weights)):
            arrays[name], arrays[f"{name}_scale"] = to_int8(matrix)
        return write_detector(arrays)

    @classmethod
    def from_bytes(cls, data: bytes, *, depth: int, vocabulary: int) -> WordDetector:
        """Inverse of `to_bytes`, but for the rounding to int8.

        Raises:
            BundleError: the bytes are damaged, or belong to other features or another vocabulary.
        """
        names = ("mean", "usual", "basis", "basis_scale", "weights", "weights_scale")
        mean, usual, basis, basis_scale, weights, weights_scale = read_detector(data, "word_detector.npz", names)
        rank = basis.shape[-1:]
        fits = (
            (mean.shape, usual.shape) == ((depth,), (vocabulary,))
            and (basis.shape, basis_scale.shape) == ((depth, *rank), rank)
            and (weights.shape, weights_scale.shape) == ((*rank, vocabulary), (vocabulary,))
            and basis.dtype == weights.dtype == np.int8
        )
        plain = (mean, usual, basis_scale, weights_scale)
        fits = fits and all(one.dtype == np.float32 and (np.abs(one) <= MOST).all() for one in plain)
        if not fits or (usual < 0).any():
            raise BundleError(
                f"Expected a word detector for features of depth {depth:,} and {vocabulary:,} words, but its "
                "word_detector.npz holds another; export the bundle again."
            )
        return cls(mean, basis * basis_scale, weights * weights_scale, usual)


def of_words(evidence: Floats, tokens: Sequence[str], tokenizer: Tokenizer) -> tuple[float | None, ...]:
    """The evidence for each token of a caption; None for small words and those of which nothing is known.

    Args:
        evidence: float32 [V], a row of `WordDetector.evidence`.
        tokens: words of a caption.
        tokenizer: the vocabulary that the row belongs to.
    """
    ids = [None if token in SMALL_WORDS else tokenizer.id_of(token) for token in tokens]
    found = [None if known is None else float(evidence[known]) for known in ids]
    return tuple(None if value is None or np.isnan(value) else value for value in found)


def fit_word_detector(features: Floats, captions: Sequence[Iterable[str]], tokenizer: Tokenizer) -> WordDetector:
    """Fit a detector to pictures and their captions.

    Args:
        features: float32 [N, D], the mean over the grid of each picture.
        captions: of each picture, as people wrote them.
        tokenizer: the bundle's.

    Raises:
        DataError: fewer than `MIN_PICTURES` pictures.
    """
    if len(features) < MIN_PICTURES:
        raise DataError(f"Expected at least {MIN_PICTURES} pictures to fit words to, but got {len(features):,}.")
    mean = features.mean(axis=0, dtype=np.float64)
    centred = features - mean
    # The directions of most variance (principal components); the later ones are noise to so few pictures.
    _, directions = np.linalg.eigh(centred.T @ centred)
    basis = directions[:, ::-1][:, : min(RANK, len(features) - 1)]
    seen = centred @ basis  # [N, R]
    V = len(tokenizer)  # noqa: N806 -- axes of the letter legend
    usual, pictures, together = np.zeros(V), np.zeros(V, np.int64), np.zeros((basis.shape[1], V))
    for row, texts in zip(seen, captions, strict=True):
        ids, shares = _shares(list(texts), tokenizer)
        usual[ids] += shares / len(features)
        pictures[ids] += 1
        together[:, ids] += row[:, None] * shares
    known = pictures >= SEEN
    # The mean of `seen` is 0, so nothing need be taken from the shares.
    weights = ridge(seen.T @ seen, together, RIDGE)
    plain = (mean, basis, weights * known, usual * known)
    return WordDetector(*(array.astype(np.float32) for array in plain))


def _shares(texts: Sequence[str], tokenizer: Tokenizer) -> tuple[list[int], npt.NDArray[np.float64]]:
    """The ids of the words in a picture's captions, and the share of these captions that hold each."""
    held: Counter[int] = Counter()
    for text in texts:
        known = {tokenizer.id_of(token) for token in set(tokenize(text)).difference(SMALL_WORDS)}
        held.update(number for number in known if number is not None)
    return list(held), np.array(list(held.values()), np.float64) / len(texts)
