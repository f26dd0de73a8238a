"""Batches: which pictures and captions a step sees. The order is a function of (seed, step) and nothing else.

Letters: B images, C captions an image, L caption length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from captionkit.ahead import map_ahead
from captionkit.tokenizer import PAD, Tokenizer

Inputs = npt.NDArray[Any]
ReadInputs = Callable[[npt.NDArray[np.int64]], Inputs]
Augment = Callable[[npt.NDArray[np.int64], Inputs, np.random.Generator], Inputs]


def to_tensor(inputs: Inputs) -> tf.Tensor:
    """What the network reads: features float16 -> float32, pixels uint8 as they are.

    The features are widened by numpy: oneDNN complains of float16 on processors without AVX512.
    """
    return tf.constant(inputs.astype(np.float32) if inputs.dtype == np.float16 else inputs)


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step trains on.

    Attributes:
        rows: int64 [B], which pictures.
        inputs: float16 features [B, P, D] or uint8 pixels [B, S, S, 3].
        ids: int32 [B, C, L]: words, eos, pad. A picture with fewer than C captions has rows of pad.
        weights: float32 [B, C], how much each caption counts; None for all alike.
    """

    rows: npt.NDArray[np.int64]
    inputs: Inputs
    ids: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float32] | None = None


class Batches:
    """An endless stream of batches in which every picture comes once an epoch, or as often as `times` says.

    A batch may reach over the end of an epoch, so no picture is left out however the numbers divide.
    """

    def __init__(
        self,
        read: ReadInputs,
        captions: Sequence[Sequence[str]],
        tokenizer: Tokenizer,
        *,
        batch_size: int,
        captions_per_image: int,
        length: int,
        seed: int,
        augment: Augment | None = None,
        times: npt.NDArray[np.int64] | None = None,
        weights: Sequence[npt.NDArray[np.float32]] | None = None,
    ) -> None:
        """Turn captions into ids once.

        Args:
            batch_size: B.
            captions_per_image: C; where a picture has more, a fresh choice is made each epoch.
            length: L, eos included.
            augment: (rows, inputs, random numbers of the step) -> inputs.
            times: int64 [N], how often each picture comes an epoch; None for once.
            weights: for each picture how much each of its captions counts; None for all alike.
        """
        self._read = read
        self.batch_size = min(batch_size, len(captions))
        self.captions_per_image = captions_per_image
        places = np.arange(len(captions))
        self._population = places if times is None else np.repeat(places, times)
        self.pictures = len(self._population)
        self._seed, self._augment = seed, augment
        self._ids = [tokenizer.to_ids(list(texts), length) for texts in captions]
        self._length, self._weights = length, weights
        self._order: tuple[int, npt.NDArray[np.int64]] = (-1, np.zeros(0, np.int64))

    @property
    def steps_per_epoch(self) -> float:
        """Steps in which every picture goes by as often as it should."""
        return self.pictures / self.batch_size

    def rows(self, step: int) -> npt.NDArray[np.int64]:
        """The pictures of a step, counted from 0: int64 [B]."""
        places = np.arange(step * self.batch_size, (step + 1) * self.batch_size)
        return np.array([self._epoch(int(p) // self.pictures)[p % self.pictures] for p in places], np.int64)

    def __getitem__(self, step: int) -> Batch:
        """The batch of a step."""
        rows = self.rows(step)
        ids = np.full((len(rows), self.captions_per_image, self._length), PAD, np.int32)
        weights = np.ones(ids.shape[:2], np.float32)
        for place, row in enumerate(rows):
            own = self._ids[row]
            chosen = np.arange(len(own))
            if len(own) > self.captions_per_image:
                order = np.random.default_rng((self._seed, step, place)).permutation(len(own))
                chosen = np.sort(order[: self.captions_per_image])
            ids[place, : len(chosen)] = own[chosen]
            if self._weights is not None:
                weights[place, : len(chosen)] = self._weights[row][chosen]
        inputs = self._read(rows)
        if self._augment is not None:
            inputs = self._augment(rows, inputs, np.random.default_rng((self._seed, step)))
        return Batch(rows, inputs, ids, weights if self._weights is not None else None)

    def stream(self, first: int, last: int) -> Iterator[tuple[int, Batch]]:
        """The batches of steps `first` to `last` - 1, read by a thread while the network works."""
        steps = range(first, last)
        with closing(map_ahead(self.__getitem__, steps, threads=1, ahead=2)) as batches:
            yield from zip(steps, batches, strict=True)

    def _epoch(self, epoch: int) -> npt.NDArray[np.int64]:
        if self._order[0] != epoch:
            order = np.random.default_rng((self._seed, epoch)).permutation(self.pictures)
            self._order = (epoch, self._population[order])
        return self._order[1]
