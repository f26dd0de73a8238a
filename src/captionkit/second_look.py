"""A second look: what the decoder and the detectors make of the same picture in a mirror.

A photograph and its mirror image deserve the same sentence, unless it speaks of a side or of something written.
Where a network finds a sentence likelier of one than of the other, that is its own noise, and the mean of both
looks has less of it.

Letters: B pictures, N captions, S side of the network's picture, P grid positions, D feature depth, T things,
L caption length.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from captionkit.decoding import teacher_forced
from captionkit.detectors import Floats
from captionkit.detectors.things import named
from captionkit.detectors.words import Sight
from captionkit.engine import Engine
from captionkit.images import Pixels
from captionkit.records import Caption
from captionkit.text.mirrored import holds_mirrored
from captionkit.tokenizer import EOS, PAD, Tokenizer


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What is seen of B pictures.

    Attributes:
        features: float32 [B, P, D].
        sight: what the word detector looks at; None without one.
        things: float32 [B, T], how likely each thing is; None without a thing detector.
    """

    features: Floats
    sight: Sight | None
    things: Floats | None

    def at(self, rows: Sequence[int]) -> Look:
        """The same of some of the pictures."""
        sight = None if self.sight is None else replace(self.sight, seen=self.sight.seen[rows])
        return Look(self.features[rows], sight, None if self.things is None else self.things[rows])


def encode_mirrored(encode: Callable[[Pixels], Floats], pixels: Pixels) -> Floats:
    """Features of mirrored pictures, each place where it is in the picture itself.

    Pixels uint8 [B, S, S, 3] -> float32 [B, P, D]; the grid is square.
    """
    features = encode(np.ascontiguousarray(pixels[:, :, ::-1]))
    pictures, positions, depth = features.shape
    side = math.isqrt(positions)
    grid = features.reshape(pictures, side, side, depth)
    return np.ascontiguousarray(grid[:, :, ::-1]).reshape(features.shape)


def joined(
    captions: Sequence[tuple[Caption, ...]], mirrored: Sequence[tuple[Caption, ...]]
) -> list[tuple[Caption, ...]]:
    """B pictures' captions and those that only the mirrored pictures gave; without what cannot be mirrored."""
    result = []
    for some, others in zip(captions, mirrored, strict=True):
        known = {one.ids for one in some}
        new = (one for one in others if one.ids not in known and holds_mirrored(one.tokens))
        result.append((*some, *new))
    return result


def seen_twice(
    captions: Sequence[tuple[Caption, ...]],
    other: Look,
    engine: Engine,
    tokenizer: Tokenizer,
    things: Sequence[frozenset[int]],
) -> list[tuple[Caption, ...]]:
    """Captions that one look found, with what the other look says of them taken in.

    Log-probabilities, evidence and how likely what they name is become the means of both looks'; a caption that
    cannot be mirrored keeps those of its own.

    Args:
        captions: of each of B pictures, as the search found them.
        other: the other look at the pictures.
        things: as `ids_of_things` gives them.
    """
    every = [(row, one) for row, some in enumerate(captions) for one in some]
    ids = np.full((len(every), 1 + max(len(one.ids) for _, one in every)), PAD, np.int32)
    for place, (_, one) in enumerate(every):
        ids[place, : len(one.ids) + 1] = (*one.ids, EOS)
    steps = teacher_forced(engine.start, engine.step, other.features, ids, [row for row, _ in every])
    heard = np.stack([log[np.arange(len(ids)), words] for log, words in zip(steps, ids.T, strict=True)], axis=1)

    def taken_in(row: int, one: Caption, log: Floats) -> Caption:
        if not holds_mirrored(one.tokens):
            return one
        evidence, recognised = one.evidence, one.recognised
        if other.sight is not None:
            again = other.sight.of_words(row, one.tokens, tokenizer)
            evidence = tuple(
                None if a is None or b is None else (a + b) / 2 for a, b in zip(evidence, again, strict=True)
            )
        if other.things is not None and recognised is not None:
            recognised = (recognised + named(other.things[row], things, one.ids)) / 2
        logs = zip(one.token_log_probabilities, log.tolist(), strict=False)
        return replace(
            one,
            token_log_probabilities=tuple((a + b) / 2 for a, b in logs),
            evidence=evidence,
            recognised=recognised,
        )

    both = iter([taken_in(row, one, log) for (row, one), log in zip(every, heard, strict=True)])
    return [tuple(next(both) for _ in some) for some in captions]
