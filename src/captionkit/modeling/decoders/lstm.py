"""Show and Tell: the picture is the first "word" of an LSTM (Vinyals et al. 2015, equations 4 to 9 and 10 to 12).

One departure, because it learns several times faster from few pictures: the picture is also heard at every step,
in the gates and beside the output (the "par-inject" and "merge" places of Tanti et al. 2018, "Where to put the
image in an image caption generator"). Both are computed once a picture.

Letters: B images, C captions an image, P grid positions, D feature depth, L caption length, U units, E embedding.
"""

from __future__ import annotations

import tensorflow as tf

from captionkit.config import DecoderConfig
from captionkit.modeling.decoders.base import Decoder, State
from captionkit.modeling.layers import LSTMCell, norm


class LSTMDecoder(Decoder):
    """LSTM that sees the picture once, before bos.

    Grid features are averaged over the grid first, so pooled (P = 1) and grid features serve alike.
    """

    def __init__(self, config: DecoderConfig, vocabulary: int, *, seed: int = 0) -> None:
        """See `Decoder`; `config.layers` LSTMs stand on each other."""
        super().__init__(config, vocabulary, seed=seed)
        self.cells = [LSTMCell(config.units, self.seeds, name=f"cell_{k}") for k in range(config.layers)]
        self.norm = norm("feature_norm")

    def build(self, features_shape: tuple[int | None, ...]) -> None:
        """Make the weights for features [B, P, D]."""
        D, E, U = features_shape[-1], self.config.embedding, self.config.units
        super().build(features_shape)
        # Encoders differ in the scale of their activations by orders of magnitude; the norm makes one
        # learning rate fit all of them.
        self.norm.build((None, D))
        self.image_kernel = self.weight("image_kernel", D, E)
        self.image_bias = self.weight("image_bias", E)
        # From the picture as a word to its share of the first LSTM's gates and to what stands beside the output.
        self.every_kernel = self.weight("every_kernel", E, 5 * U)
        for k, cell in enumerate(self.cells):
            cell.build((None, E if k == 0 else U))

    def start(self, features: tf.Tensor, training: bool = False) -> State:
        """The state after the picture has been read.

        Returns:
            Leaves gates [B, 4 U] and beside [B, U], the picture's part in every step; h0, c0, h1, c1, ... [B, U].
        """
        pooled = self.dropout(self.norm(tf.reduce_mean(features, axis=1)), training)
        word = tf.matmul(pooled, self.image_kernel) + self.image_bias
        gates, beside = tf.split(
            tf.matmul(word, self.every_kernel), [4 * self.config.units, self.config.units], axis=-1
        )
        zeros = tf.zeros([tf.shape(features)[0], self.config.units], features.dtype)
        state: State = {"gates": gates, "beside": beside}
        for k, cell in enumerate(self.cells):
            word, memory = cell.step(cell.inputs(word) + (gates if k == 0 else 0.0), zeros, zeros)
            state[f"h{k}"], state[f"c{k}"] = word, memory
        return state

    def advance(self, state: State, vectors: tf.Tensor) -> tuple[tf.Tensor, None, State]:
        """One word on; gates and beside stay."""
        changed: State = {}
        for k, cell in enumerate(self.cells):
            gates = cell.inputs(vectors) + (state["gates"] if k == 0 else 0.0)
            vectors, memory = cell.step(gates, state[f"h{k}"], state[f"c{k}"])
            changed[f"h{k}"], changed[f"c{k}"] = vectors, memory
        return vectors + state["beside"], None, changed

    def hidden(self, features: tf.Tensor, ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        """See `Decoder.hidden`. The picture is read once for its C captions, not C times."""
        C, L = ids.shape[1], ids.shape[2]
        state = self.start(features, training)
        words = self.embed(tf.reshape(ids, [-1, L]), training)  # [B * C, L, E]
        for k, cell in enumerate(self.cells):
            hidden, memory = (tf.repeat(state[f"{leaf}{k}"], C, axis=0) for leaf in "hc")
            extra = tf.repeat(state["gates"], C, axis=0)[:, None] if k == 0 else None
            words = cell.sequence(words, hidden, memory, extra, self.low(training))
            words = self.dropout(words, training) if k + 1 < len(self.cells) else words
        words = tf.reshape(words, [-1, C, L, self.config.units]) + state["beside"][:, None, None]
        return self.dropout(words, training)
