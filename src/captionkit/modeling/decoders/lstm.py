"""Show and Tell: the picture is the first "word" of an LSTM (Vinyals et al. 2015, equations 4 to 9 and 10 to 12).

Letters: B images, C captions an image, P grid positions, D feature depth, L caption length, U units, E embedding.
"""

from __future__ import annotations

import keras
import tensorflow as tf

from captionkit.config import DecoderConfig
from captionkit.modeling.decoders.base import Decoder, State
from captionkit.modeling.layers import LSTMCell


class LSTMDecoder(Decoder):
    """LSTM that sees the picture once, before bos.

    Grid features are averaged over the grid first, so pooled (P = 1) and grid features serve alike.
    """

    def __init__(self, config: DecoderConfig, vocabulary: int, *, seed: int = 0) -> None:
        """See `Decoder`; `config.layers` LSTMs stand on each other."""
        super().__init__(config, vocabulary, seed=seed)
        self.cells = [LSTMCell(config.units, self.seeds, name=f"cell_{k}") for k in range(config.layers)]
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5, name="feature_norm")

    def build(self, features_shape: tuple[int | None, ...]) -> None:
        """Make the weights for features [B, P, D]."""
        D, E = features_shape[-1], self.config.embedding
        super().build(features_shape)
        # Encoders differ in the scale of their activations by orders of magnitude; the norm makes one
        # learning rate fit all of them.
        self.norm.build((None, D))
        self.image_kernel = self.add_weight(name="image_kernel", shape=(D, E), initializer=self.initializer())
        self.image_bias = self.add_weight(name="image_bias", shape=(E,), initializer="zeros")
        for k, cell in enumerate(self.cells):
            cell.build((None, E if k == 0 else self.config.units))

    def image_vector(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        """The picture as a word vector: float32 [B, P, D] -> [B, E]."""
        pooled = self.dropout(self.norm(tf.reduce_mean(features, axis=1)), training)
        return tf.matmul(pooled, self.image_kernel) + self.image_bias

    def start(self, features: tf.Tensor, training: bool = False) -> State:
        """The state after the picture has been read: leaves h0, c0, h1, c1, ... float32 [B, U]."""
        inputs = self.image_vector(features, training)
        zeros = tf.zeros([tf.shape(features)[0], self.config.units], inputs.dtype)
        state: State = {}
        for k, cell in enumerate(self.cells):
            inputs, memory = cell.step(cell.inputs(inputs), zeros, zeros)
            state[f"h{k}"], state[f"c{k}"] = inputs, memory
        return state

    def advance(self, state: State, vectors: tf.Tensor) -> tuple[tf.Tensor, None, State]:
        """One word on; all leaves change."""
        changed: State = {}
        for k, cell in enumerate(self.cells):
            vectors, memory = cell.step(cell.inputs(vectors), state[f"h{k}"], state[f"c{k}"])
            changed[f"h{k}"], changed[f"c{k}"] = vectors, memory
        return vectors, None, changed

    def hidden(self, features: tf.Tensor, ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        """See `Decoder.hidden`. The picture is read once for its C captions, not C times."""
        C, L = ids.shape[1], ids.shape[2]
        state = self.start(features, training)
        words = self.embed(tf.reshape(ids, [-1, L]), training)  # [B * C, L, E]
        for k, cell in enumerate(self.cells):
            outputs = cell.sequence(
                words, tf.repeat(state[f"h{k}"], C, axis=0), tf.repeat(state[f"c{k}"], C, axis=0)
            )
            words = self.dropout(outputs, training)  # [B * C, L, U]
        return tf.reshape(words, [-1, C, L, self.config.units])
