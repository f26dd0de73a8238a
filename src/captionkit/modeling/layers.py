"""Layers that more than one decoder is made of."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from captionkit.errors import ConfigError


def dot(tensor: tf.Tensor, kernel: Any, low: bool = False) -> tf.Tensor:
    """The matrix product over the last axis: [..., A], [A, Z] -> [..., Z].

    `low` computes it in bfloat16: about 1.7 times faster on CPUs with AVX512-BF16, slower on others.
    Sums, states, weights and their updates stay float32 (Micikevicius et al. 2018).
    """
    if not low:
        return tf.tensordot(tensor, kernel, 1)
    return tf.cast(tf.tensordot(tf.cast(tensor, tf.bfloat16), tf.cast(kernel, tf.bfloat16), 1), tf.float32)


def norm(name: str) -> keras.layers.Layer:
    """The normalisation of a layer's inputs (Ba et al. 2016) that all decoders use."""
    return keras.layers.LayerNormalization(epsilon=1e-5, name=name)


class Seeded(keras.layers.Layer):
    """A layer whose weights are drawn from `seeds`, which all layers of a decoder share."""

    def __init__(self, seeds: keras.random.SeedGenerator, *, name: str) -> None:
        super().__init__(name=name)
        self.seeds = seeds

    def weight(self, name: str, *shape: int | None) -> keras.Variable:
        """A new weight: a vector of zeros, or a matrix, Glorot uniform (Glorot and Bengio 2010) from its seeds."""
        initializer = "zeros" if len(shape) == 1 else keras.initializers.GlorotUniform(seed=self.seeds)
        return self.add_weight(name=name, shape=shape, initializer=initializer)


class LSTMCell(Seeded):
    """A long short-term memory cell (Hochreiter and Schmidhuber 1997; forget gate of Gers et al. 2000).

    The input's share of the gates is computed apart (`inputs`), for a whole sentence in one matrix product;
    only the recurrent share is left to the loop (`step`). Gate order: input, forget, candidate, output.
    """

    def __init__(self, units: int, seeds: keras.random.SeedGenerator, *, name: str) -> None:
        """Take the number of units U and the decoder's seeds."""
        super().__init__(seeds, name=name)
        self.units = units

    def build(self, inputs_shape: tuple[int | None, ...]) -> None:
        """Make kernel [E, 4 U], recurrent kernel [U, 4 U] and bias [4 U]."""
        U = self.units
        self.kernel = self.weight("kernel", inputs_shape[-1], 4 * U)
        orthogonal = keras.initializers.Orthogonal(seed=self.seeds)
        self.recurrent_kernel = self.add_weight(name="recurrent_kernel", shape=(U, 4 * U), initializer=orthogonal)
        # A forget bias of 1 lets gradients through at the beginning (Jozefowicz et al. 2015).
        self.bias = self.add_weight(
            name="bias",
            shape=(4 * U,),
            initializer=lambda shape, dtype=None: keras.ops.concatenate(
                [keras.ops.zeros(U), keras.ops.ones(U), keras.ops.zeros(2 * U)]
            ),
        )
        self.built = True

    def inputs(self, vectors: tf.Tensor, low: bool = False) -> tf.Tensor:
        """The input's share of the gates: float32 [..., E] -> [..., 4 U]."""
        return dot(vectors, self.kernel, low) + self.bias

    def step(
        self, gates: tf.Tensor, hidden: tf.Tensor, memory: tf.Tensor, low: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """One step: gates [B, 4 U] from `inputs`, hidden and memory [B, U] -> the new hidden and memory."""
        gates = gates + dot(hidden, self.recurrent_kernel, low)
        input_gate, forget_gate, candidate, output_gate = tf.split(gates, 4, axis=-1)
        memory = tf.sigmoid(forget_gate) * memory + tf.sigmoid(input_gate) * tf.tanh(candidate)
        return tf.sigmoid(output_gate) * tf.tanh(memory), memory

    def sequence(
        self,
        vectors: tf.Tensor,
        hidden: tf.Tensor,
        memory: tf.Tensor,
        extra: tf.Tensor | None = None,
        low: bool = False,
    ) -> tf.Tensor:
        """All steps: vectors float32 [B, L, E] (L static), hidden and memory [B, U] before them -> [B, L, U].

        `extra` [B, 1, 4 U] is added to the gates of every step.
        """
        shares = self.inputs(vectors, low)
        if extra is not None:
            shares += extra
        outputs = []
        for gates in tf.unstack(shares, axis=1):
            hidden, memory = self.step(gates, hidden, memory, low)
            outputs.append(hidden)
        return tf.stack(outputs, axis=1)


class GridAttention(Seeded):
    """Multi-head scaled dot-product attention over a picture's grid (Vaswani et al. 2017, equation 1).

    Keys and values belong to a picture and are computed once (`memory`), for all its captions and all steps.
    """

    def __init__(self, units: int, heads: int, seeds: keras.random.SeedGenerator, *, name: str) -> None:
        """Take the model width U, which `heads` must divide."""
        super().__init__(seeds, name=name)
        if units % heads:
            raise ConfigError(
                f"Expected decoder.heads to divide decoder.units, but {heads} does not divide {units}."
            )
        self.units, self.heads = units, heads

    def build(self, memory_shape: tuple[int | None, ...]) -> None:
        """Make the four kernels for memory [B, P, M]."""
        U, M, weight = self.units, memory_shape[-1], self.weight
        self.query_kernel, self.key_kernel = weight("query_kernel", U, U), weight("key_kernel", M, U)
        self.value_kernel, self.output_kernel = weight("value_kernel", M, U), weight("output_kernel", U, U)
        self.built = True

    def memory(self, grid: tf.Tensor, low: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Keys [B, N, P, U / N] and values of the same shape, from a grid [B, P, M]; N heads."""
        return self._split(dot(grid, self.key_kernel, low)), self._split(dot(grid, self.value_kernel, low))

    def attend(
        self,
        queries: tf.Tensor,
        keys: tf.Tensor,
        values: tf.Tensor,
        mask: tf.Tensor | None = None,
        low: bool = False,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Look at the grid.

        Args:
            queries: float32 [B, Q, U], any number Q of positions a picture.
            keys, values: what `memory` gave.
            mask: added to the logits [B, N, Q, P] before the softmax; 0 where looking is allowed.

        Returns:
            float32 [B, Q, U] and the weights float32 [B, N, Q, P], which sum to 1 over P.
        """
        split = self._split(dot(queries, self.query_kernel, low))  # [B, N, Q, U / N]
        logits = tf.matmul(split, keys, transpose_b=True) / math.sqrt(self.units / self.heads)
        weights = tf.nn.softmax(logits if mask is None else logits + mask)
        mixed = tf.transpose(tf.matmul(weights, values), [0, 2, 1, 3])  # [B, Q, N, U / N]
        mixed = tf.reshape(mixed, [-1, tf.shape(queries)[1], self.units])
        return dot(mixed, self.output_kernel, low), weights

    def _split(self, tensor: tf.Tensor) -> tf.Tensor:
        parts = tf.reshape(tensor, [-1, tf.shape(tensor)[1], self.heads, self.units // self.heads])
        return tf.transpose(parts, [0, 2, 1, 3])


class FeedForward(Seeded):
    """Two dense layers with GELU between them (Vaswani et al. 2017, equation 2; Hendrycks and Gimpel 2016)."""

    def __init__(self, units: int, width: int, seeds: keras.random.SeedGenerator, *, name: str) -> None:
        """Take the outer and the inner width."""
        super().__init__(seeds, name=name)
        self.units, self.width = units, width

    def build(self, inputs_shape: tuple[int | None, ...]) -> None:
        """Make kernels [U, W] and [W, U] with their biases."""
        U, W, weight = self.units, self.width, self.weight
        self.kernel_0, self.bias_0 = weight("kernel_0", inputs_shape[-1], W), weight("bias_0", W)
        self.kernel_1, self.bias_1 = weight("kernel_1", W, U), weight("bias_1", U)
        self.built = True

    def call(self, inputs: tf.Tensor, low: bool = False) -> tf.Tensor:
        """float32 [..., U] -> [..., U]."""
        # The tanh form: LiteRT has it as plain operations, the exact one needs erf.
        inner = tf.nn.gelu(dot(inputs, self.kernel_0, low) + self.bias_0, approximate=True)
        return dot(inner, self.kernel_1, low) + self.bias_1
