"""Knowledge distillation: a model learns what finished models expect, not only the word that was written.

Hinton et al. 2015, "Distilling the knowledge in a neural network", at temperature 1, word by word as in Kim and
Rush 2016, section 3.1. Several teachers are asked as one ensemble: the mean of their probabilities. A picture of
Flickr8k has five captions of some thousands of possible ones; the teachers tell which others would do.

Letters: B images, C captions an image, L caption length, T real tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from captionkit.modeling.decoders import Decoder
from captionkit.tokenizer import BOS, PAD
from captionkit.training.input_pipeline import Inputs, ReadInputs


class Teachers:
    """Decoders that are not trained any more, each with the features it knows."""

    def __init__(self, decoders: Sequence[Decoder], reads: Sequence[ReadInputs]) -> None:
        """Put them together.

        Args:
            decoders: one or more, all with the student's vocabulary and without dropout.
            reads: for each, what gives its features of train rows.
        """
        self._decoders, self._reads = list(decoders), list(reads)

    def inputs(self, rows: npt.NDArray[np.int64]) -> tuple[Inputs, ...]:
        """Each teacher's features of these train rows."""
        return tuple(read(rows) for read in self._reads)

    def probabilities(self, inputs: Sequence[tf.Tensor], ids: tf.Tensor) -> tf.Tensor:
        """What they expect at each real token of `ids` int32 [B, C, L]: float32 [T, V], rows sum to 1."""
        before = tf.concat([tf.fill(tf.shape(ids[:, :, :1]), BOS), ids[:, :, :-1]], axis=2)
        found = []
        for decoder, features in zip(self._decoders, inputs, strict=True):
            # As in training, for its faster products; without dropout that is the only difference.
            hidden = decoder.hidden(tf.cast(features, tf.float32), before, True)
            found.append(tf.nn.softmax(decoder.project(tf.boolean_mask(hidden, ids != PAD), True)))
        return tf.stop_gradient(tf.add_n(found) / len(found))


def soft_cross_entropy(logits: tf.Tensor, probabilities: tf.Tensor) -> tf.Tensor:
    """Mean cross-entropy against whole distributions: logits and probabilities float32 [T, V] -> scalar, nats."""
    losses = tf.reduce_logsumexp(logits, axis=-1) - tf.reduce_sum(probabilities * logits, axis=-1)
    return tf.math.divide_no_nan(tf.reduce_sum(losses), tf.cast(tf.size(losses), losses.dtype))
