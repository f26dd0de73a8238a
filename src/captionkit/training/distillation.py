"""Knowledge distillation: a model learns what finished models expect, not only the word that was written.

Hinton et al. 2015, "Distilling the knowledge in a neural network", at temperature 1, word by word as in Kim and
Rush 2016, section 3.1. Several teachers are asked as one ensemble: the mean of their probabilities. A picture of
Flickr8k has five captions of some thousands of possible ones; the teachers tell which others would do.

Letters: B images, C captions an image, L caption length, T real tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from captionkit.modeling.decoders import Decoder
from captionkit.tokenizer import PAD, UNK, Tokenizer
from captionkit.training.input_pipeline import Inputs, ReadInputs
from captionkit.training.losses import shift_right, weighted_mean


def teacher_ids(student: Tokenizer, teacher: Tokenizer) -> npt.NDArray[np.int32]:
    """For each word of the student's vocabulary its id in the teacher's, -1 where that lacks it: int32 [V]."""
    places = {word: place for place, word in enumerate(teacher.words)}
    return np.array([places.get(word, -1) for word in student.words], np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class Teacher:
    """A decoder that is not trained any more.

    Attributes:
        decoder: without dropout.
        read: gives the features it knows, of train rows.
        ids: int32 [V], its ids of the student's words, see `teacher_ids`.
    """

    decoder: Decoder
    read: ReadInputs
    ids: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Teachers:
    """One or more teachers as one ensemble."""

    teachers: Sequence[Teacher]

    def inputs(self, rows: npt.NDArray[np.int64]) -> tuple[Inputs, ...]:
        """Each teacher's features of these train rows."""
        return tuple(teacher.read(rows) for teacher in self.teachers)

    def probabilities(self, inputs: Sequence[tf.Tensor], ids: tf.Tensor) -> tf.Tensor:
        """What they expect at each real token of `ids` int32 [B, C, L]: float32 [T, V], rows sum to 1.

        Where a teacher lacks the word that was written, it is asked nothing: that word is what it expects.
        """
        real = ids != PAD
        words = tf.boolean_mask(ids, real)
        written = tf.one_hot(words, len(self.teachers[0].ids))
        before = shift_right(ids)
        found = []
        for teacher, features in zip(self.teachers, inputs, strict=True):
            decoder, known = teacher.decoder, tf.constant(teacher.ids >= 0)
            place = tf.constant(np.maximum(teacher.ids, 0))
            heard = tf.where(tf.gather(known, before), tf.gather(place, before), UNK)
            # As in training, for its faster products; without dropout that is the only difference.
            hidden = decoder.hidden(tf.cast(features, tf.float32), heard, True)
            logits = decoder.project(tf.boolean_mask(hidden, real), True)
            expected = tf.nn.softmax(tf.where(known, tf.gather(logits, place, axis=1), -np.inf))
            found.append(tf.where(tf.gather(known, words)[:, None], expected, written))
        return tf.add_n(found) / len(found)


def soft_cross_entropy(logits: tf.Tensor, probabilities: tf.Tensor, weights: tf.Tensor | None = None) -> tf.Tensor:
    """Mean cross-entropy against whole distributions: logits and probabilities float32 [T, V] -> scalar, nats.

    `weights` float32 [T] says how much each token counts; None for all alike.
    """
    losses = tf.reduce_logsumexp(logits, axis=-1) - tf.reduce_sum(probabilities * logits, axis=-1)
    return weighted_mean(losses, weights)
