"""Where in a picture its words show: what single places of the grid add to a word detector.

Fang et al. 2015, "From captions to visual concepts and back", section 3: a picture holds a word where one of its
regions does. They take the places' noisy-or; here the places correct what the mean of the grid says already.

Letters: B N pictures, P grid positions, R rank, V vocabulary.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from captionkit.detectors.words import WordDetector, log_odds, word_shares
from captionkit.progress import Progress
from captionkit.tokenizer import Tokenizer

EPOCHS = 8
BATCH = 64  # pictures a step; fewer where these have more than
AT_ONCE = 1 << 27  # numbers, one for each of their places and each word: of so many a step takes 1.2 GB
LEARNING_RATE = 1e-3  # of the first step; it falls to 0 in a straight line
DROPOUT = 0.3  # share of the directions that a picture in training is seen without, at all places


def fit_places(
    detector: WordDetector,
    seen: npt.NDArray[np.float16],
    captions: Sequence[Iterable[str]],
    tokenizer: Tokenizer,
    *,
    seed: int,
    quiet: bool = False,
) -> WordDetector:
    """The detector with `places` and a `bias`, its other parts as they are.

    Gradient descent (Adam) on the cross-entropy of each word's share of a picture's captions, summed over words,
    from places that add nothing. Whole directions are left out of a picture at random, as there are more weights
    than pictures. Twice the same but for round-off: threads share the sums over places, in whatever order.

    Args:
        detector: one that looks at the mean alone.
        seen: float16 [N, P, R], as its `look` gives it of the pictures that it was fitted to.
        seed: of the order of the pictures, and of what is left out.
    """
    known = np.flatnonzero(detector.usual > 0)
    targets = [word_shares(list(texts), tokenizer) for texts in captions]
    rank = seen.shape[2]
    # Adam's steps are of one size, whatever that of an encoder's features. All directions are divided by the same
    # number, so that the small ones stay small.
    scale = float(seen.mean(axis=1, dtype=np.float32).std()) or 1.0
    places = keras.Variable(np.zeros((rank, len(known)), np.float32), name="places")
    bias = keras.Variable(np.zeros(len(known), np.float32), name="bias")
    optimizer = keras.optimizers.Adam()
    optimizer.build([places, bias])

    @tf.function(reduce_retracing=True)
    def step(grids: tf.Tensor, odds: tf.Tensor, shares: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            added = tf.einsum("bpr,rv->bpv", grids, places.value)
            logits = odds + bias.value + tf.reduce_logsumexp(added, axis=1) - np.log(seen.shape[1])
            losses = tf.nn.sigmoid_cross_entropy_with_logits(shares, logits)
            loss = tf.reduce_mean(tf.reduce_sum(losses, axis=1))
        optimizer.apply(tape.gradient(loss, [places.value, bias.value]))
        return loss

    random = np.random.default_rng(seed)
    together = min(BATCH, AT_ONCE // (seen.shape[1] * max(1, len(known)))) or 1
    steps = [
        rows
        for _ in range(EPOCHS)
        for rows in np.array_split(random.permutation(len(seen)), -(-len(seen) // together))
    ]
    with Progress("training the word detector", len(steps), "steps", quiet=quiet) as bar:
        for number, rows in enumerate(steps):
            optimizer.learning_rate = LEARNING_RATE * (1.0 - number / len(steps))
            grids = seen[rows].astype(np.float32)
            odds = log_odds(detector.usual[known] + grids.mean(axis=1) @ detector.weights[:, known])
            shares = np.zeros((len(rows), len(tokenizer)), np.float32)
            for place, row in enumerate(rows):
                ids, held = targets[row]
                shares[place, ids] = held
            kept = (random.random((len(rows), 1, rank)) >= DROPOUT) / (1.0 - DROPOUT)
            step(grids * kept.astype(np.float32) / scale, odds, shares[:, known])
            bar.advance()
    whole = np.zeros_like(detector.weights), np.zeros_like(detector.usual)
    whole[0][:, known], whole[1][known] = places.numpy() / scale, bias.numpy()
    return dataclasses.replace(detector, places=whole[0], bias=whole[1])
