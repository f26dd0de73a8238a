"""Searches that keep one hypothesis: greedy, and sampling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from captionkit.decoding.constraints import Constraints
from captionkit.decoding.hypothesis import (
    Floats,
    Hypothesis,
    StartFunction,
    State,
    StepFunction,
    close_at_limit,
    log_softmax,
    merged,
    normalised,
)
from captionkit.errors import UsageError
from captionkit.tokenizer import BOS, EOS

Scores = npt.NDArray[np.floating]
# Allowed log-probabilities [R, V] -> the next ids [R].
Choose = Callable[[Floats], npt.NDArray[np.int64]]


def greedy_search(
    start: StartFunction,
    step: StepFunction,
    features: Any,
    *,
    max_length: int = 20,
    constraints: Constraints | None = None,
) -> list[list[Hypothesis]]:
    """The likeliest allowed word at each step, for each picture of features [B, P, D].

    Equal to `beam_search` with one beam. `score` is the mean log-probability of a token.

    Raises:
        UsageError: `constraints.must` is set (one hypothesis cannot keep the promise), or `max_length` < 1.
        CaptionkitError: the decoder gives scores that are not finite.
    """
    state = {name: np.asarray(leaf) for name, leaf in start(features).items()}
    rows = _roll_out(step, state, max_length, constraints or Constraints(), lambda scores: scores.argmax(axis=1))
    return [[row] for row in rows]


def sample(
    start: StartFunction,
    step: StepFunction,
    features: Any,
    *,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int = 0,
    first: int = 0,
    max_length: int = 20,
    constraints: Constraints | None = None,
    n: int = 1,
) -> list[list[Hypothesis]]:
    """n captions of each picture, drawn from the model word by word.

    The allowed words' probabilities are raised to the power 1 / temperature and scaled to sum to 1; `top_k`
    keeps the k likeliest of them, then `top_p` the smallest set that holds this much of the probability
    (nucleus sampling, Holtzman et al. 2020); the next word is drawn from what is kept. The draws of a picture
    depend on `seed` and on its place, not on the pictures beside it.

    Args:
        start, step: the decoder, see `captionkit.decoding.hypothesis`.
        features: [B, P, D], passed to `start`.
        temperature: above 0; below 1 prefers likely words, above 1 evens them out.
        top_k: words kept; 0 keeps all.
        top_p: probability kept, above 0; 1 keeps all.
        seed: of the draws, 0 or more.
        first: place of the first of these pictures, where others came before: each place has draws of its own.
        max_length: words at most.
        constraints: what captions must not hold; `must` cannot be promised here.
        n: draws a picture.

    Returns:
        One list a picture with its draws in the order drawn, equal ones included. `score` is the mean
        log-probability of a token under the model itself (temperature 1, nothing left out).

    Raises:
        UsageError: an argument out of range, or `constraints.must` is set.
        CaptionkitError: the decoder gives scores that are not finite.
    """
    if not (0 < temperature < np.inf and 0 < top_p <= 1 and top_k >= 0 and min(seed, first) >= 0 and n >= 1):
        raise UsageError(
            "Expected temperature > 0, 0 < top_p <= 1, top_k, seed and first >= 0, and n >= 1, but got "
            f"temperature {temperature}, top_p {top_p}, top_k {top_k}, seed {seed}, first {first}, n {n}."
        )
    state = {name: np.repeat(np.asarray(leaf), n, axis=0) for name, leaf in start(features).items()}
    pictures = next(iter(state.values())).shape[0] // n
    generators = [np.random.default_rng([seed, first + index]) for index in range(pictures)]

    def draw(scores: Floats) -> npt.NDArray[np.int64]:
        # Counted from the likeliest word, which stays at 0 however low the temperature is.
        below = scores - scores.max(axis=1, keepdims=True)
        with np.errstate(over="ignore"):
            kept = keep_likely(below / np.float64(temperature), top_k=top_k, top_p=top_p)
        noise = np.concatenate([one.gumbel(size=(n, scores.shape[1])) for one in generators])
        # The argmax of log p + Gumbel noise is a draw from p (Gumbel 1954; Maddison et al. 2014).
        drawn: npt.NDArray[np.int64] = (kept + noise).argmax(axis=1)
        return drawn

    rows = _roll_out(step, state, max_length, constraints or Constraints(), draw)
    return [rows[index * n : (index + 1) * n] for index in range(pictures)]


def keep_likely(scores: Scores, *, top_k: int = 0, top_p: float = 1.0) -> Scores:
    """Scores [R, V] with all but the likeliest set to minus infinity: the `top_k` first, then the nucleus.

    The likeliest word is always kept.
    """
    if top_k == 0 and top_p == 1.0:
        return scores
    order = np.argsort(-scores, axis=1, kind="stable")
    ranked = np.take_along_axis(scores, order, axis=1)
    if top_k:
        ranked[:, top_k:] = -np.inf
    mass = np.exp(ranked - ranked[:, :1]).astype(np.float64)
    mass /= mass.sum(axis=1, keepdims=True)
    # A word belongs to the nucleus if the words before it hold less than top_p.
    ranked[np.cumsum(mass, axis=1) - mass >= top_p] = -np.inf
    kept = np.empty_like(scores)
    np.put_along_axis(kept, order, ranked, axis=1)
    return kept


def _roll_out(
    step: StepFunction, state: State, max_length: int, constraints: Constraints, choose: Choose
) -> list[Hypothesis]:
    """One hypothesis a row of the state, each word chosen by `choose` from the allowed ones."""
    if max_length < 1 or constraints.min_length > max_length:
        raise UsageError(
            f"Expected a maximum length of at least 1 and the minimum ({constraints.min_length}), "
            f"but got {max_length}; raise it."
        )
    if constraints.must:
        raise UsageError("Words that a caption must hold need beam search: leave out greedy or sampling.")
    count = next(iter(state.values())).shape[0]
    words = np.zeros((count, max_length), np.int32)
    picked = np.zeros((count, max_length + 1), np.float32)
    lengths = np.full(count, max_length)
    finished = np.zeros(count, bool)
    attentions: list[Floats] = []
    going = np.ones(count, bool)
    ids = np.full(count, BOS, np.int32)
    for length in range(max_length + 1):
        if not going.any():
            break
        logits, attention, changed = step(state, ids)
        state = merged(state, changed)
        scores = log_softmax(logits)
        constraints.mask(scores, words[:, :length])
        if length == max_length:
            eos = scores[:, EOS]
            finished |= going & np.array([close_at_limit(float(one), scores.shape[1]) for one in eos])
            picked[going, length] = eos[going]
            break
        stuck = ~np.isfinite(scores).any(axis=1)
        scores[stuck] = 0.0  # a row with nothing allowed ends here or has ended; it must not disturb the others
        stuck &= going
        chosen = choose(scores).astype(np.int32)
        ends = going & ~stuck & (chosen == EOS)
        picked[going, length] = scores[going, chosen[going]]
        lengths[ends | stuck] = length
        finished |= ends
        going &= ~(ends | stuck)
        words[going, length] = chosen[going]
        if attention is not None:
            attentions.append(np.asarray(attention, np.float32))
        ids = chosen
    found = []
    for row, (length, whole) in enumerate(zip(lengths.tolist(), finished.tolist(), strict=True)):
        log_probabilities = picked[row, : length + whole].tolist()
        found.append(
            Hypothesis(
                ids=tuple(words[row, :length].tolist()),
                token_log_probabilities=tuple(log_probabilities),
                score=normalised(sum(log_probabilities), len(log_probabilities), 1.0),
                finished=whole,
                attention=np.stack([one[row] for one in attentions[:length]]) if attentions and length else None,
            )
        )
    return found
