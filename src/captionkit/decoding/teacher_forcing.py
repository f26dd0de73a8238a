"""What a decoder expects along a sentence that is given, not searched for.

Letters: B images, N sentences, P grid positions, D feature depth, L caption length, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from captionkit.decoding.hypothesis import Floats, StartFunction, StepFunction, log_softmax, merged
from captionkit.tokenizer import BOS


def teacher_forced(
    start: StartFunction,
    step: StepFunction,
    features: Any,
    ids: Sequence[int] | npt.NDArray[np.int32],
    rows: Sequence[int] | None = None,
) -> Iterator[Floats]:
    """What a decoder thinks of every word at every place of a sentence, place by place.

    Args:
        features: float32 [B, P, D].
        ids: the L words of one sentence for all pictures, without bos and eos; or int32 [N, L], a sentence each.
        rows: the picture of each of N sentences; None for one a picture, N being B.

    Yields:
        L times float32 [N, V], natural logarithms: at place l after the sentence's first l words.
    """
    state = {name: np.asarray(leaf) for name, leaf in start(features).items()}
    if rows is not None:
        state = {name: leaf[rows] for name, leaf in state.items()}
    sentences = len(features) if rows is None else len(rows)
    words = np.broadcast_to(np.asarray(ids, np.int32), (sentences, np.shape(ids)[-1]))
    before = np.full(sentences, BOS, np.int32)
    for place in range(words.shape[1]):
        logits, _, changed = step(state, before)
        yield log_softmax(logits)
        state, before = merged(state, changed), words[:, place].copy()
