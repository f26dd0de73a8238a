"""What all searches share: the two callables they search over, what they return, and the log-softmax.

A decoder is two callables that know nothing of a search, and a search knows nothing of their framework:

- `start(features [B, P, D]) -> state`: a flat dict of arrays, each leading with B.
- `step(state, ids int32 [B]) -> (logits [B, V], attention [B, P] | None, changed)`: `changed` holds only
  the leaves that the step changes; the rest of the state stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from captionkit.errors import CaptionkitError

Floats = npt.NDArray[np.float32]
State = dict[str, npt.NDArray[Any]]
# Values may be anything that numpy takes as an array, so that a Keras decoder can be searched directly.
StartFunction = Callable[[Any], Mapping[str, Any]]
StepFunction = Callable[[State, npt.NDArray[np.int32]], tuple[Any, Any, Mapping[str, Any]]]


@dataclass(frozen=True, slots=True, eq=False)
class Hypothesis:
    """One caption as ids.

    Attributes:
        ids: the words, without bos and eos.
        token_log_probabilities: the model's own natural logarithms, one an id, then one for eos where the
            hypothesis ended with it.
        score: what the search ranked by.
        finished: whether it ended with eos within the limit.
        attention: float32 [L, P], one row an id; None where the decoder has none.
    """

    ids: tuple[int, ...]
    token_log_probabilities: tuple[float, ...]
    score: float
    finished: bool
    attention: Floats | None = None


def log_softmax(logits: npt.ArrayLike) -> Floats:
    """float32 [..., V] log-probabilities of logits [..., V], stable for any size of logit.

    Raises:
        CaptionkitError: a row has NaN or plus infinity, or nothing but minus infinity.
    """
    values = np.asarray(logits, dtype=np.float32)
    top = values.max(axis=-1, keepdims=True)
    if not np.isfinite(top).all():
        raise CaptionkitError(
            "Expected finite scores for the next word, but the decoder gave NaN or infinity; "
            "its weights are damaged or its training diverged."
        )
    shifted: Floats = values - top
    shifted -= np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return shifted


def normalised(log_probability: float, length: int, length_penalty: float) -> float:
    """log p / length ** length_penalty, where length counts the words and, where it was reached, eos.

    A penalty of 0 ranks by log p, which favours short captions; 1 ranks by the mean of a token.
    """
    return float(log_probability / max(length, 1) ** length_penalty)


def merged(state: State, changed: Mapping[str, Any]) -> State:
    """The state after a step: changed leaves as arrays, the others as the very objects they were."""
    return {**state, **{name: np.asarray(leaf) for name, leaf in changed.items()}}


def close_at_limit(eos_log_probability: float, vocabulary: int) -> bool:
    """Whether a hypothesis at its length limit counts as finished rather than cut.

    Its next token would have to be eos. Where the model finds eos less likely than chance (1 / V), the
    sentence is not over ("standing next to a"), and it ranks behind every finished one.
    """
    return eos_log_probability >= -float(np.log(vocabulary))
