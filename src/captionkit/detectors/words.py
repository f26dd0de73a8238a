"""Which words a picture calls for, read off its features by linear layers: a second opinion on a caption.

A decoder hears itself: the words it has said make the next ones likely. The detector looks at the picture alone,
so its doubts are of another kind. After the word detectors of Fang et al. 2015 ("From captions to visual concepts
and back"): here one ridge regression of reduced rank on the mean of the grid, and what single places of the grid
add to it (`captionkit.training.word_places`), since a ball fills a hundredth of a picture.

Letters: B N pictures, P grid positions, D feature depth, R rank, V vocabulary, W words asked for.
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
LEAST = 0.002  # share of captions below which, by the mean alone, no word is thought to be; 1 - `LEAST` above
FURTHEST = 30.0  # log-odds beyond which shares are 0 and 1 in float32, or nearly


@dataclass(frozen=True, slots=True, eq=False)
class WordDetector:
    """Shares of captions that should hold each word, as a function of a picture's features.

    Attributes:
        mean: float32 [D], of the features.
        basis: float32 [D, R], the directions that are looked at.
        weights: float32 [R, V], from the mean of the grid to shares.
        usual: float32 [V], the share of all captions that hold a word; 0 for words of which it knows nothing.
        places: float32 [R, V], from each place of the grid to log-odds; None for a detector that looks at the mean
            alone.
        bias: float32 [V], which goes with `places`.
    """

    mean: Floats
    basis: Floats
    weights: Floats
    usual: Floats
    places: Floats | None = None
    bias: Floats | None = None

    def look(self, features: Floats) -> Sight:
        """What it looks at in the features float32 [B, P, D] of pictures."""
        seen: Floats = np.matmul(features - self.mean, self.basis)
        return Sight(self, seen)

    def to_bytes(self) -> bytes:
        """As an `.npz`; the matrices as int8 with a scale a column."""
        arrays: dict[str, npt.NDArray[Any]] = {"mean": self.mean, "usual": self.usual}
        matrices = {"basis": self.basis, "weights": self.weights}
        if self.places is not None and self.bias is not None:
            matrices["places"], arrays["bias"] = self.places, self.bias
        for name, matrix in matrices.items():
            arrays[name], arrays[f"{name}_scale"] = to_int8(matrix)
        return write_detector(arrays)

    @classmethod
    def from_bytes(cls, data: bytes, *, depth: int, vocabulary: int) -> WordDetector:
        """Inverse of `to_bytes`, but for the rounding to int8.

        Raises:
            BundleError: the bytes are damaged, or belong to other features or another vocabulary.
        """
        arrays = read_detector(data, "word_detector.npz", ("mean", "usual", "basis", "weights"))
        rank = arrays["basis"].shape[-1] if arrays["basis"].ndim else 0
        vectors = {"mean": depth, "usual": vocabulary}
        matrices = {"basis": (depth, rank), "weights": (rank, vocabulary)}
        if "places" in arrays:
            vectors["bias"], matrices["places"] = vocabulary, (rank, vocabulary)
        vectors |= {f"{name}_scale": columns for name, (_, columns) in matrices.items()}
        plain = {name: arrays.get(name, np.zeros(0)) for name in vectors}
        if (
            any(plain[name].shape != (length,) for name, length in vectors.items())
            or any(one.dtype != np.float32 or not (np.abs(one) <= MOST).all() for one in plain.values())
            or any(arrays[name].shape != shape for name, shape in matrices.items())
            or any(arrays[name].dtype != np.int8 for name in matrices)
            or (plain["usual"] < 0).any()
        ):
            raise BundleError(
                f"Expected a word detector for features of depth {depth:,} and {vocabulary:,} words, but its "
                "word_detector.npz holds another; export the bundle again."
            )
        whole = {name: arrays[name] * plain[f"{name}_scale"] for name in matrices}
        return cls(plain["mean"], usual=plain["usual"], bias=plain.get("bias"), **whole)


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What a word detector looks at in pictures, for whatever words it will be asked.

    Few are asked for at a time: evidence for all the vocabulary would take milliseconds a picture.

    Attributes:
        seen: float32 [B, P, R], the features less their mean, in the directions of `basis`.
    """

    detector: WordDetector
    seen: Floats

    def evidence(self, row: int, words: Sequence[int]) -> Floats:
        """How much likelier words, W ids, are with the picture at place `row` than with any.

        The share by the mean of the grid is a linear function of it. The places add to its log-odds the logarithm
        of the mean of their exponentials (log-sum-exp less log P), between their mean and their maximum: one place
        can be enough.

        Returns:
            float32 [W]: log((share expected + `FLOOR`) / (usual share + `FLOOR`)), in nats; NaN for words of which
            nothing is known.
        """
        by, seen, ids = self.detector, self.seen[row], np.asarray(words, np.intp)
        usual = by.usual[ids]
        shares = np.clip(usual + seen.mean(axis=0) @ by.weights[:, ids], 0.0, 1.0)
        if by.places is not None and by.bias is not None:
            added = seen @ by.places[:, ids]  # [P, W]
            top = added.max(axis=0)  # taken out of the exponentials, which a float32 could not hold
            odds = log_odds(shares) + by.bias[ids] + top + np.log(np.exp(added - top).mean(axis=0))
            shares = 1.0 / (1.0 + np.exp(-np.clip(odds, -FURTHEST, FURTHEST)))
        logs = np.log((shares + FLOOR) / (usual + FLOOR))
        result: Floats = np.where(usual > 0, logs, np.nan).astype(np.float32)
        return result

    def of_words(self, row: int, tokens: Sequence[str], tokenizer: Tokenizer) -> tuple[float | None, ...]:
        """The evidence for each token of a caption; None for small words and those of which nothing is known."""
        ids = [None if token in SMALL_WORDS else tokenizer.id_of(token) for token in tokens]
        asked = [id_ for id_ in ids if id_ is not None]
        found = dict(zip(asked, self.evidence(row, asked).tolist(), strict=True))
        return tuple(None if id_ is None or np.isnan(found[id_]) else found[id_] for id_ in ids)


def log_odds(shares: Floats) -> Floats:
    """log(s / (1 - s)) of shares, which are kept `LEAST` away from 0 and 1."""
    kept = np.clip(shares, LEAST, 1.0 - LEAST)
    result: Floats = np.log(kept / (1.0 - kept))
    return result


def fit_word_detector(features: Floats, captions: Sequence[Iterable[str]], tokenizer: Tokenizer) -> WordDetector:
    """Fit a detector to pictures and their captions.

    Args:
        features: float32 [N, D], the mean over the grid of each picture.

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
        ids, shares = word_shares(list(texts), tokenizer)
        usual[ids] += shares / len(features)
        pictures[ids] += 1
        together[:, ids] += row[:, None] * shares
    known = pictures >= SEEN
    # The mean of `seen` is 0, so nothing need be taken from the shares.
    weights = ridge(seen.T @ seen, together, RIDGE)
    plain = (mean, basis, weights * known, usual * known)
    return WordDetector(*(array.astype(np.float32) for array in plain))


def word_shares(texts: Sequence[str], tokenizer: Tokenizer) -> tuple[list[int], npt.NDArray[np.float64]]:
    """The ids of the words in a picture's captions, and the share of these captions that hold each."""
    held: Counter[int] = Counter()
    for text in texts:
        known = {tokenizer.id_of(token) for token in set(tokenize(text)).difference(SMALL_WORDS)}
        held.update(number for number in known if number is not None)
    return list(held), np.array(list(held.values()), np.float64) / len(texts)
