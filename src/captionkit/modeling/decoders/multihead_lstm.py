"""LSTMs whose states look at the grid with several heads.

As in Show, Attend and Tell (Xu et al. 2015) a word is predicted from where the model looks, but where it looks
depends on the first LSTM's state alone and does not feed back into it. So a whole sentence attends in one matrix
product, which makes training several times cheaper than step-by-step attention. With two layers the second LSTM
reads the state and what was seen, as the language LSTM of Up-Down does (Anderson et al. 2018).

Letters: B images, C captions an image, P grid positions, D feature depth, L caption length, U units, E embedding,
N heads.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from captionkit.config import DecoderConfig
from captionkit.modeling.decoders.base import Decoder, State
from captionkit.modeling.layers import GridAttention, LSTMCell, dot, norm


class MultiheadLSTMDecoder(Decoder):
    """LSTMs, one upon another, with multi-head attention over the grid behind the first."""

    def __init__(self, config: DecoderConfig, vocabulary: int, *, seed: int = 0) -> None:
        """See `Decoder`; `config.layers` is 1 or more, `config.heads` divides `config.units`."""
        super().__init__(config, vocabulary, seed=seed)
        self.cells = [LSTMCell(config.units, self.seeds, name=f"cell_{k}") for k in range(config.layers)]
        self.attention = GridAttention(config.units, config.heads, self.seeds, name="attention")
        self.feature_norm = norm("feature_norm")
        self.grid_norm = norm("grid_norm")
        self.seen_norm = norm("seen_norm")

    def build(self, features_shape: tuple[int | None, ...]) -> None:
        """Make the weights for features [B, P, D]."""
        _, P, D = features_shape
        E, U = self.config.embedding, self.config.units
        super().build(features_shape)
        self.feature_norm.build((None, P, D))
        self.grid_norm.build((None, P, U))
        self.seen_norm.build((None, U))
        self.grid_kernel = self.weight("grid_kernel", D, U)
        self.places = self.add_weight(
            name="places", shape=(P, U), initializer=keras.initializers.RandomNormal(stddev=0.02, seed=self.seeds)
        )
        self.image_kernel = self.weight("image_kernel", U, E)
        self.image_bias = self.weight("image_bias", E)
        self.attention.build((None, P, U))
        for k, cell in enumerate(self.cells):
            cell.build((None, E if k == 0 else U))

    def start(self, features: tf.Tensor, training: bool = False) -> State:
        """Keys and values [B, N, P, U / N] of the grid, and the first LSTM after it has read the mean of it."""
        features = self.dropout(self.feature_norm(features), training)
        grid = self.grid_norm(dot(features, self.grid_kernel, self.low(training)) + self.places)  # [B, P, U]
        grid = self.dropout(grid, training)
        keys, values = self.attention.memory(grid, self.low(training))
        image = tf.matmul(tf.reduce_mean(grid, axis=1), self.image_kernel) + self.image_bias
        zeros = tf.zeros([tf.shape(features)[0], self.config.units], features.dtype)
        state: State = {"keys": keys, "values": values}
        for k, cell in enumerate(self.cells):
            state[f"h{k}"], state[f"c{k}"] = (
                cell.step(cell.inputs(image), zeros, zeros) if k == 0 else (zeros, zeros)
            )
        return state

    def advance(self, state: State, vectors: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, State]:
        """One word on; attention is the mean of the heads."""
        changed: State = {}
        weights: Any = None
        for k, cell in enumerate(self.cells):
            hidden, memory = cell.step(cell.inputs(vectors), state[f"h{k}"], state[f"c{k}"])
            changed[f"h{k}"], changed[f"c{k}"] = hidden, memory
            if k == 0:
                seen, weights = self.attention.attend(hidden[:, None], state["keys"], state["values"])
                vectors = self.seen_norm(hidden + seen[:, 0])
            else:
                vectors = vectors + hidden
        return vectors, tf.reduce_mean(weights[:, :, 0], axis=1), changed

    def hidden(self, features: tf.Tensor, ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        """See `Decoder.hidden`."""
        C, L, U, low = ids.shape[1], ids.shape[2], self.config.units, self.low(training)
        state = self.start(features, training)
        words = self.embed(tf.reshape(ids, [-1, L]), training)  # [B * C, L, E]
        for k, cell in enumerate(self.cells):
            hidden, memory = (tf.repeat(state[f"{leaf}{k}"], C, axis=0) for leaf in "hc")
            outputs = cell.sequence(words, hidden, memory, low=low)
            outputs = self.dropout(outputs, training)
            if k == 0:
                queries = tf.reshape(outputs, [-1, C * L, U])
                seen, _ = self.attention.attend(queries, state["keys"], state["values"], low=low)
                words = self.seen_norm(outputs + self.dropout(tf.reshape(seen, [-1, L, U]), training))
            else:
                words = words + outputs
        return tf.reshape(self.dropout(words, training), [-1, C, L, U])
