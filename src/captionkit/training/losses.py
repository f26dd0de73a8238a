"""The losses that captions are trained with, and what the decoder reads for them."""

from __future__ import annotations

import tensorflow as tf

from captionkit.tokenizer import BOS


def shift_right(ids: tf.Tensor) -> tf.Tensor:
    """The decoder's input for target ids [B, C, L]: bos, then all but the last."""
    return tf.concat([tf.fill(tf.shape(ids[:, :, :1]), BOS), ids[:, :, :-1]], axis=2)


def token_cross_entropy(
    logits: tf.Tensor, targets: tf.Tensor, label_smoothing: float = 0.0, weights: tf.Tensor | None = None
) -> tf.Tensor:
    """Mean cross-entropy over T tokens.

    With label smoothing e the target is (1 - e) for the word and e / V for every word of the vocabulary
    (Szegedy et al. 2016, section 7).

    Args:
        logits: float32 [T, V].
        targets: int32 [T].
        label_smoothing: e, from 0 to 1.
        weights: float32 [T], how much each token counts; None for all alike.

    Returns:
        float32 scalar, nats per token; 0 where there is none.
    """
    normaliser = tf.reduce_logsumexp(logits, axis=-1)
    chosen = tf.gather(logits, targets, axis=1, batch_dims=1)
    losses = normaliser - (1.0 - label_smoothing) * chosen - label_smoothing * tf.reduce_mean(logits, axis=-1)
    return weighted_mean(losses, weights)


def masked_cross_entropy(
    logits: tf.Tensor,
    target_ids: tf.Tensor,
    mask: tf.Tensor,
    label_smoothing: float = 0.0,
    weights: tf.Tensor | None = None,
) -> tf.Tensor:
    """`token_cross_entropy` of those of logits float32 [..., V] and targets int32 [...] where a mask bool [...] is
    True. Padding has no part in the loss at all, not even in its denominator."""
    logits, targets = tf.boolean_mask(logits, mask), tf.boolean_mask(target_ids, mask)
    return token_cross_entropy(
        logits, targets, label_smoothing, None if weights is None else tf.boolean_mask(weights, mask)
    )


def weighted_mean(losses: tf.Tensor, weights: tf.Tensor | None = None) -> tf.Tensor:
    """The mean of losses float32 [T], each counted as often as `weights` float32 [T] says; 0 of none."""
    if weights is None:
        weights = tf.ones_like(losses)
    return tf.math.divide_no_nan(tf.reduce_sum(weights * losses), tf.reduce_sum(weights))
