"""Layers that more than one decoder is made of."""

from __future__ import annotations

import keras
import tensorflow as tf


class LSTMCell(keras.layers.Layer):
    """A long short-term memory cell (Hochreiter and Schmidhuber 1997; forget gate of Gers et al. 2000).

    The input's share of the gates is computed apart (`inputs`), for a whole sentence in one matrix product;
    only the recurrent share is left to the loop (`step`). Gate order: input, forget, candidate, output.
    """

    def __init__(self, units: int, seeds: keras.random.SeedGenerator, *, name: str) -> None:
        """Take the number of units U and the decoder's seeds."""
        super().__init__(name=name)
        self.units = units
        self.seeds = seeds

    def build(self, inputs_shape: tuple[int | None, ...]) -> None:
        """Make kernel [E, 4 U], recurrent kernel [U, 4 U] and bias [4 U]."""
        U = self.units
        self.kernel = self.add_weight(
            name="kernel",
            shape=(inputs_shape[-1], 4 * U),
            initializer=keras.initializers.GlorotUniform(seed=self.seeds),
        )
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel",
            shape=(U, 4 * U),
            initializer=keras.initializers.Orthogonal(seed=self.seeds),
        )
        # A forget bias of 1 lets gradients through at the beginning (Jozefowicz et al. 2015).
        self.bias = self.add_weight(
            name="bias",
            shape=(4 * U,),
            initializer=lambda shape, dtype=None: keras.ops.concatenate(
                [keras.ops.zeros(U), keras.ops.ones(U), keras.ops.zeros(2 * U)]
            ),
        )
        self.built = True

    def inputs(self, vectors: tf.Tensor) -> tf.Tensor:
        """The input's share of the gates: float32 [..., E] -> [..., 4 U]."""
        return tf.tensordot(vectors, self.kernel, 1) + self.bias

    def step(self, gates: tf.Tensor, hidden: tf.Tensor, memory: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """One step: gates [B, 4 U] from `inputs`, hidden and memory [B, U] -> the new hidden and memory."""
        gates = gates + tf.matmul(hidden, self.recurrent_kernel)
        enter, forget, candidate, leave = tf.split(gates, 4, axis=-1)
        memory = tf.sigmoid(forget) * memory + tf.sigmoid(enter) * tf.tanh(candidate)
        return tf.sigmoid(leave) * tf.tanh(memory), memory
