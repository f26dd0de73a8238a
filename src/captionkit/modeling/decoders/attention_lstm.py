"""Show, Attend and Tell: before each word the LSTM looks at the grid (Xu et al. 2015, soft attention).

Additive attention after Bahdanau et al. 2015; the gating scalar of section 4.2.1; the deep output of equation 7;
the doubly stochastic term of equation 14.

Letters: B images, C captions an image, P grid positions, D feature depth, L caption length, U units, E embedding.
"""

from __future__ import annotations

import tensorflow as tf

from captionkit.config import DecoderConfig
from captionkit.modeling.decoders.base import Decoder, State
from captionkit.modeling.layers import LSTMCell, norm
from captionkit.tokenizer import PAD


class AttentionLSTMDecoder(Decoder):
    """LSTM with step-by-step additive attention; `config.layers` and `config.heads` have no part in it."""

    def __init__(self, config: DecoderConfig, vocabulary: int, *, seed: int = 0) -> None:
        """See `Decoder`."""
        super().__init__(config, vocabulary, seed=seed)
        self.cell = LSTMCell(config.units, self.seeds, name="cell")
        self.feature_norm = norm("feature_norm")

    def build(self, features_shape: tuple[int | None, ...]) -> None:
        """Make the weights for features [B, P, D]."""
        _, P, D = features_shape
        E, U = self.config.embedding, self.config.units
        super().build(features_shape)
        self.feature_norm.build((None, P, D))
        weight = self.weight
        self.grid_kernel, self.grid_bias = weight("grid_kernel", D, U), weight("grid_bias", U)
        self.memory_kernel, self.memory_bias = weight("memory_kernel", U, U), weight("memory_bias", U)
        self.begin_kernel, self.begin_bias = weight("begin_kernel", U, U), weight("begin_bias", U)
        self.key_kernel, self.query_kernel = weight("key_kernel", U, U), weight("query_kernel", U, U)
        self.energy_bias, self.energy = weight("energy_bias", U), weight("energy", U, 1)
        self.gate_kernel, self.gate_bias = weight("gate_kernel", U, 1), weight("gate_bias", 1)
        self.word_output, self.seen_output = weight("word_output", E, U), weight("seen_output", U, U)
        self.hidden_output = weight("hidden_output", U, U)
        self.seen_kernel = weight("seen_kernel", U, 4 * U)  # the context's share of the LSTM's gates
        self.cell.build((None, E))

    def start(self, features: tf.Tensor, training: bool = False) -> State:
        """Projected grid and keys [B, P, U]; h and c [B, U] from the mean of the grid (section 3.1.2)."""
        features = self.dropout(self.feature_norm(features), training)
        grid = tf.nn.relu(tf.tensordot(features, self.grid_kernel, 1) + self.grid_bias)
        grid = self.dropout(grid, training)
        mean = tf.reduce_mean(grid, axis=1)
        return {
            "grid": grid,
            "keys": tf.tensordot(grid, self.key_kernel, 1) + self.energy_bias,
            "h": tf.tanh(tf.matmul(mean, self.begin_kernel) + self.begin_bias),
            "c": tf.tanh(tf.matmul(mean, self.memory_kernel) + self.memory_bias),
        }

    def look(self, hidden: tf.Tensor, grid: tf.Tensor, keys: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Where to look and what is there.

        Args:
            hidden: float32 [B, C, U].
            grid, keys: float32 [B, P, U], shared by the C captions of a picture.

        Returns:
            context float32 [B, C, U] after the gate, weights float32 [B, C, P].
        """
        queries = tf.tensordot(hidden, self.query_kernel, 1)
        energies = tf.tensordot(tf.tanh(keys[:, None] + queries[:, :, None]), self.energy, 1)[..., 0]
        weights = tf.nn.softmax(energies)
        gate = tf.sigmoid(tf.tensordot(hidden, self.gate_kernel, 1) + self.gate_bias)
        return gate * tf.matmul(weights, grid), weights

    def one(
        self, gates: tf.Tensor, hidden: tf.Tensor, memory: tf.Tensor, grid: tf.Tensor, keys: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Look, then move on: gates [B, C, 4 U] of the words, hidden and memory [B, C, U] -> those after, the
        context [B, C, U] and the weights [B, C, P]."""
        context, weights = self.look(hidden, grid, keys)
        gates = gates + tf.tensordot(context, self.seen_kernel, 1)
        flat = [tf.reshape(x, [-1, x.shape[-1]]) for x in (gates, hidden, memory)]
        shape = tf.shape(hidden)
        new_hidden, new_memory = (tf.reshape(x, shape) for x in self.cell.step(*flat))
        return new_hidden, new_memory, context, weights

    def deep_output(self, words: tf.Tensor, hidden: tf.Tensor, context: tf.Tensor) -> tf.Tensor:
        """Equation 7 without its last product: [..., E], [..., U], [..., U] -> [..., U]."""
        return (
            tf.tensordot(words, self.word_output, 1)
            + tf.tensordot(hidden, self.hidden_output, 1)
            + tf.tensordot(context, self.seen_output, 1)
        )

    def advance(self, state: State, vectors: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, State]:
        """One word on."""
        hidden, memory, context, weights = self.one(
            self.cell.inputs(vectors)[:, None],
            state["h"][:, None],
            state["c"][:, None],
            state["grid"],
            state["keys"],
        )
        output = self.deep_output(vectors, hidden[:, 0], context[:, 0])
        return output, weights[:, 0], {"h": hidden[:, 0], "c": memory[:, 0]}

    def hidden_with_penalty(
        self, features: tf.Tensor, ids: tf.Tensor, real: tf.Tensor, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """See `Decoder`. The penalty is the mean over captions of sum_p (1 - sum_t weight_tp)^2, equation 14."""
        C, L, U = ids.shape[1], ids.shape[2], self.config.units
        state = self.start(features, training)
        words = self.embed(ids, training)  # [B, C, L, E]
        hidden, memory = (tf.repeat(state[name][:, None], C, axis=1) for name in ("h", "c"))
        steps = tf.cast(real, features.dtype)  # [B, C, L]
        looked = tf.zeros_like(state["grid"][:, None, :, 0])  # [B, 1, P], then [B, C, P]
        outputs, contexts = [], []
        for position, gates in enumerate(tf.unstack(self.cell.inputs(words), axis=2)):
            hidden, memory, context, weights = self.one(gates, hidden, memory, state["grid"], state["keys"])
            outputs.append(hidden)
            contexts.append(context)
            looked = looked + weights * steps[:, :, position, None]
        states = self.dropout(tf.stack(outputs, axis=2), training)
        output = self.deep_output(words, states, tf.stack(contexts, axis=2))
        captions = tf.reduce_max(steps, axis=2)  # [B, C]: 0 for a row of padding alone
        penalties = tf.reduce_sum(tf.square(1.0 - looked), axis=2) * captions
        penalty = tf.math.divide_no_nan(tf.reduce_sum(penalties), tf.reduce_sum(captions))
        return self.dropout(tf.reshape(output, [-1, C, L, U]), training), self.config.doubly_stochastic * penalty

    def hidden(self, features: tf.Tensor, ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        """See `Decoder.hidden`."""
        return self.hidden_with_penalty(features, ids, ids != PAD, training)[0]
