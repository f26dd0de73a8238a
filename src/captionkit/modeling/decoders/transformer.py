"""A transformer decoder (Vaswani et al. 2017), normalised before each part (Xiong et al. 2020).

The grid is first refined by self-attention layers of its own, so that a position knows its surroundings. `step`
keeps the keys and values of the words so far in a cache of fixed length: every shape but the batch is static,
as LiteRT wants it.

Letters: B images, C captions an image, P grid positions, D feature depth, L caption length, U units, N heads,
T cache length.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from captionkit.config import DecoderConfig
from captionkit.errors import ConfigError
from captionkit.modeling.decoders.base import Decoder, State
from captionkit.modeling.layers import FeedForward, GridAttention, dot, norm

FORBIDDEN = -1e9  # finite, so that a row of nothing but forbidden positions is not NaN


class _GridLayer:
    """The parts of a layer over the grid; the decoder owns the weights."""

    def __init__(self, config: DecoderConfig, seeds: keras.random.SeedGenerator, name: str) -> None:
        self.own = GridAttention(config.units, config.heads, seeds, name=f"{name}_self")
        self.own_norm = norm(f"{name}_self_norm")
        self.feed = FeedForward(config.units, 4 * config.units, seeds, name=f"{name}_feed")
        self.feed_norm = norm(f"{name}_feed_norm")

    def parts(self) -> list[keras.layers.Layer]:
        """All layers that hold weights, in the order in which these are drawn and stored."""
        return [self.own, self.own_norm, self.feed, self.feed_norm]


class _WordLayer(_GridLayer):
    """The parts of a layer over the words, which look at the grid too."""

    def __init__(self, config: DecoderConfig, seeds: keras.random.SeedGenerator, name: str) -> None:
        super().__init__(config, seeds, name)
        self.cross = GridAttention(config.units, config.heads, seeds, name=f"{name}_cross")
        self.cross_norm = norm(f"{name}_cross_norm")

    def parts(self) -> list[keras.layers.Layer]:
        return [self.own, self.own_norm, self.cross, self.cross_norm, self.feed, self.feed_norm]


class TransformerDecoder(Decoder):
    """`config.layers` decoder layers over a grid that `config.grid_layers` encoder layers refine."""

    def __init__(self, config: DecoderConfig, vocabulary: int, *, seed: int = 0) -> None:
        """See `Decoder`.

        Raises:
            ConfigError: `embedding` is not `units`: the residual stream has one width.
        """
        if config.embedding != config.units:
            raise ConfigError(
                f"Expected decoder.embedding = decoder.units for a transformer, but got {config.embedding} and "
                f"{config.units}; set both to the same number."
            )
        super().__init__(config, vocabulary, seed=seed)
        self.feature_norm = norm("feature_norm")
        self.grid_norm = norm("grid_norm")
        self.last_norm = norm("last_norm")
        self._grid_layers = [_GridLayer(config, self.seeds, f"grid_{k}") for k in range(config.grid_layers)]
        self._word_layers = [_WordLayer(config, self.seeds, f"word_{k}") for k in range(config.layers)]
        # Keras tracks layers in lists of layers, so the parts are listed here.
        self.parts = [part for layer in (*self._grid_layers, *self._word_layers) for part in layer.parts()]

    def build(self, features_shape: tuple[int | None, ...]) -> None:
        """Make the weights for features [B, P, D]."""
        _, P, D = features_shape
        U = self.config.units
        super().build(features_shape)
        self.feature_norm.build((None, P, D))
        self.grid_norm.build((None, P, U))
        self.last_norm.build((None, U))
        self.grid_kernel = self.weight("grid_kernel", D, U)
        small = keras.initializers.RandomNormal(stddev=0.02, seed=self.seeds)
        self.places = self.add_weight(name="places", shape=(P, U), initializer=small)
        self.times = self.add_weight(name="times", shape=(self.config.positions, U), initializer=small)
        for part in self.parts:
            part.build((None, None, U))

    def grid(self, features: tf.Tensor, training: bool = False) -> tf.Tensor:
        """The refined grid: float32 [B, P, D] -> [B, P, U]."""
        low = self.low(training)
        features = self.dropout(self.feature_norm(features), training)
        grid = self.dropout(dot(features, self.grid_kernel, low) + self.places, training)
        for layer in self._grid_layers:
            normed = layer.own_norm(grid)
            mixed, _ = layer.own.attend(normed, *layer.own.memory(normed, low), low=low)
            grid = grid + self.dropout(mixed, training)
            grid = grid + self.dropout(layer.feed(layer.feed_norm(grid), low=low), training)
        return self.grid_norm(grid)

    def memories(self, grid: tf.Tensor, low: bool = False) -> State:
        """Keys and values of the grid for every layer, float32 [B, N, P, U / N]."""
        state: State = {}
        for k, layer in enumerate(self._word_layers):
            state[f"grid_keys{k}"], state[f"grid_values{k}"] = layer.cross.memory(grid, low)
        return state

    def start(self, features: tf.Tensor) -> State:
        """The grid's keys and values, empty caches [B, N, T, U / N], and the position int32 [B]."""
        state = self.memories(self.grid(features))
        batch, config = tf.shape(features)[0], self.config
        empty = tf.zeros([batch, config.heads, config.positions, config.units // config.heads], features.dtype)
        for k in range(config.layers):
            state[f"keys{k}"], state[f"values{k}"] = empty, empty
        state["position"] = tf.zeros([batch], tf.int32)
        return state

    def advance(self, state: State, vectors: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, State]:
        """One word on; attention is that of the last layer, the mean of its heads."""
        position = state["position"]
        words = (vectors + tf.gather(self.times, position))[:, None]  # [B, 1, U]
        times = tf.range(self.config.positions)
        here = tf.cast(times == position[:, None], vectors.dtype)[:, None, :, None]  # [B, 1, T, 1]
        mask = tf.where(times <= position[:, None], 0.0, FORBIDDEN)[:, None, None]  # [B, 1, 1, T]
        changed: State = {"position": position + 1}
        weights: Any = None
        for k, layer in enumerate(self._word_layers):
            normed = layer.own_norm(words)
            key, value = layer.own.memory(normed)
            # Position t of the cache is still zero, so adding is writing, and needs no scatter operation.
            keys, values = state[f"keys{k}"] + here * key, state[f"values{k}"] + here * value
            changed[f"keys{k}"], changed[f"values{k}"] = keys, values
            words = words + layer.own.attend(normed, keys, values, mask)[0]
            seen, weights = layer.cross.attend(
                layer.cross_norm(words), state[f"grid_keys{k}"], state[f"grid_values{k}"]
            )
            words = words + seen
            words = words + layer.feed(layer.feed_norm(words))
        return self.last_norm(words)[:, 0], tf.reduce_mean(weights[:, :, 0], axis=1), changed

    def hidden(self, features: tf.Tensor, ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        """See `Decoder.hidden`. Cross-attention sees the C captions of a picture as one row of queries."""
        C, L, U, low = ids.shape[1], ids.shape[2], self.config.units, self.low(training)
        memories = self.memories(self.grid(features, training), low)
        words = self.embed(tf.reshape(ids, [-1, L]), training) + self.times[:L]  # [B * C, L, U]
        mask = tf.where(tf.range(L) <= tf.range(L)[:, None], 0.0, FORBIDDEN)  # [L, L]
        for k, layer in enumerate(self._word_layers):
            normed = layer.own_norm(words)
            mixed, _ = layer.own.attend(normed, *layer.own.memory(normed, low), mask, low)
            words = words + self.dropout(mixed, training)
            queries = tf.reshape(layer.cross_norm(words), [-1, C * L, U])
            seen, _ = layer.cross.attend(queries, memories[f"grid_keys{k}"], memories[f"grid_values{k}"], low=low)
            words = words + self.dropout(tf.reshape(seen, [-1, L, U]), training)
            words = words + self.dropout(layer.feed(layer.feed_norm(words), low=low), training)
        return tf.reshape(self.dropout(self.last_norm(words), training), [-1, C, L, U])
