"""Teacher forcing: every word is predicted from the reference's words before it.

Letters: B images, C captions an image, P grid positions, D feature depth, L caption length, V vocabulary.
"""

from __future__ import annotations

import tensorflow as tf

from captionkit.config import TrainingConfig
from captionkit.modeling.caption_model import CaptionModel
from captionkit.tokenizer import PAD
from captionkit.training.distillation import Teachers, soft_cross_entropy
from captionkit.training.input_pipeline import Batch, to_tensor
from captionkit.training.losses import shift_right, token_cross_entropy
from captionkit.training.optimizer import Descent


class CrossEntropy:
    """The step of cross-entropy training, compiled once for each shape of batch."""

    def __init__(
        self,
        config: TrainingConfig,
        model: CaptionModel,
        descent: Descent,
        teachers: Teachers | None = None,
    ) -> None:
        """Compile lazily. The decoder is trained, and the encoder where the model has one.

        The probabilities of `teachers` are part of the target.
        """
        self._smoothing, self._share = config.label_smoothing, config.teachers_share if teachers else 0.0
        self._model = model
        self._descent = descent
        self._teachers = teachers
        # Without AutoGraph, here and wherever a graph is made: no Python branch or loop depends on a tensor.
        self._compiled = tf.function(self._step, reduce_retracing=False, autograph=False)

    def __call__(self, batch: Batch, rate: float) -> tuple[float, float]:
        """One step: the loss in nats per real token and the gradient norm."""
        known = self._teachers.inputs(batch.rows) if self._teachers else ()
        loss, norm = self._compiled(
            to_tensor(batch.inputs),
            tf.constant(batch.ids),
            tf.constant(rate, tf.float32),
            tuple(to_tensor(features) for features in known),
            None if batch.weights is None else tf.constant(batch.weights),
        )
        return float(loss), float(norm)

    def _step(
        self,
        inputs: tf.Tensor,
        ids: tf.Tensor,
        rate: tf.Tensor,
        known: tuple[tf.Tensor, ...],
        weights: tf.Tensor | None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        decoder = self._model.decoder
        with tf.GradientTape() as tape:
            features = self._model.encode(inputs, True)
            real = ids != PAD
            hidden, penalty = decoder.hidden_with_penalty(features, shift_right(ids), real, training=True)
            # The vocabulary is the widest product of all: it is computed for real tokens only.
            logits = decoder.project(tf.boolean_mask(hidden, real), training=True)
            targets = tf.boolean_mask(ids, real)
            counts = None
            if weights is not None:
                counts = tf.boolean_mask(tf.broadcast_to(weights[:, :, None], tf.shape(ids)), real)
            loss = token_cross_entropy(logits, targets, self._smoothing, counts)
            objective = loss
            if self._teachers:
                soft = soft_cross_entropy(logits, self._teachers.probabilities(known, ids), counts)
                objective = (1.0 - self._share) * loss + self._share * soft
            objective += penalty
        gradients = tape.gradient(objective, [variable.value for variable in self._descent.variables])
        return loss, self._descent.apply(gradients, rate)
