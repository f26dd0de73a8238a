"""What a decoder expects along a sentence that is given, not searched for.

Letters: B images, P grid positions, D feature depth, L caption length, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from captionkit.decoding.hypothesis import Floats, StartFunction, StepFunction, log_softmax, merged
from captionkit.tokenizer import BOS


def teacher_forced(
    start: StartFunction, step: StepFunction, features: Any, ids: Sequence[int] | npt.NDArray[np.int32]
) -> Iterator[Floats]:
    """What a decoder thinks of every word at every place of a sentence, place by place.

    `features` are float32 [B, P, D], `ids` the sentence's L words, without bos and eos.

    Yields:
        L times float32 [B, V], natural logarithms: at place l after the sentence's first l words.
    """
    state = {name: np.asarray(leaf) for name, leaf in start(features).items()}
    before = BOS
    for word in ids:
        logits, _, changed = step(state, np.full(len(features), before, np.int32))
        yield log_softmax(logits)
        state, before = merged(state, changed), int(word)
