"""What every decoder offers: `call` for teacher forcing, `start` and `step` for decoding, equal to each other.

Letters: B images, C captions an image, P grid positions, D feature depth, L caption length, V vocabulary,
U units, E embedding.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from captionkit.config import DecoderConfig
from captionkit.modeling.layers import Seeded, dot
from captionkit.modeling.processor import multiplies_bfloat16

State = dict[str, Any]
"""A flat dict of tensors, each leading with B. `step` returns only the leaves that it changes."""


class Decoder(Seeded):
    """A word network over picture features.

    A subclass gives `hidden`, `start` and `advance`; the embedding of words and the projection to the
    vocabulary are the same for all and live here.
    """

    def __init__(self, config: DecoderConfig, vocabulary: int, *, seed: int = 0) -> None:
        """Lay out what all decoders share, for V words, specials included; `seed`: of weights and dropout."""
        super().__init__(keras.random.SeedGenerator(seed, name="seeds"), name="decoder")
        self.config = config
        self.vocabulary = vocabulary

    def build(self, features_shape: tuple[int | None, ...]) -> None:
        """Make the shared weights; a subclass makes its own and calls this."""
        del features_shape
        E, U, V = self.config.embedding, self.config.units, self.vocabulary
        # Words must be as loud as the picture from the first step on, or hundreds of steps go by before the
        # recurrent network hears them. A tied embedding is the output layer too, whose logits must begin small.
        spread = keras.initializers.RandomNormal(stddev=0.05 if self.config.tied else 0.5, seed=self.seeds)
        self.embedding = self.add_weight(name="embedding", shape=(V, E), initializer=spread)
        if self.config.tied:
            # Press and Wolf 2017: the output layer reads the input embedding; a projection bridges U and E.
            self.bridge = self.weight("bridge", U, E)
        else:
            self.output_kernel = self.weight("output_kernel", U, V)
        self.output_bias = self.weight("output_bias", V)
        self.built = True

    def dropout(self, tensor: tf.Tensor, training: bool) -> tf.Tensor:
        """Inverted dropout with the configured rate; the identity outside training."""
        if not training or self.config.dropout == 0.0:
            return tensor
        return keras.random.dropout(tensor, self.config.dropout, seed=self.seeds)

    def embed(self, ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Word vectors: int32 [...] -> float32 [..., E]."""
        vectors = tf.gather(self.embedding, ids)
        if training and self.config.word_dropout:
            # A word is dropped whole (Gal and Ghahramani 2016): one random number a position, not a unit.
            keep = keras.random.uniform(tf.shape(ids), seed=self.seeds) >= self.config.word_dropout
            vectors *= tf.cast(keep, vectors.dtype)[..., None] / (1.0 - self.config.word_dropout)
        return self.dropout(vectors, training)

    def low(self, training: bool) -> bool:
        """Whether matrix products are computed in bfloat16: in training, if asked for and the processor can."""
        return training and self.config.bfloat16 and multiplies_bfloat16()

    def project(self, hidden: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Logits: float32 [..., U] -> float32 [..., V]."""
        low = self.low(training)
        if self.config.tied:
            return dot(dot(hidden, self.bridge, low), tf.transpose(self.embedding), low) + self.output_bias
        return dot(hidden, self.output_kernel, low) + self.output_bias

    def hidden(self, features: tf.Tensor, ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        """What the words so far and the picture make of each position, before the vocabulary.

        Args:
            features: float32 [B, P, D].
            ids: int32 [B, C, L], bos first: position l sees ids up to l and predicts the next word.

        Returns:
            float32 [B, C, L, U].
        """
        raise NotImplementedError

    def hidden_with_penalty(
        self, features: tf.Tensor, ids: tf.Tensor, real: tf.Tensor, training: bool = False
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """`hidden`, and a term that the training loss adds (nats; zero for decoders that ask for none).

        `real` bool [B, C, L] says at which positions a word (or eos) is to be predicted; the others are padding.
        """
        return self.hidden(features, ids, training), tf.zeros([])

    def call(self, features: tf.Tensor, ids: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Teacher-forced logits: features [B, P, D], ids int32 [B, C, L] -> float32 [B, C, L, V]."""
        return self.project(self.hidden(features, ids, training), training)

    def start(self, features: tf.Tensor) -> State:
        """The state before the first word: features float32 [B, P, D] -> dict of tensors that lead with B."""
        raise NotImplementedError

    def advance(self, state: State, vectors: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None, State]:
        """One word on: state, word vectors [B, E] -> (hidden [B, U], attention [B, P] or None, changed leaves)."""
        raise NotImplementedError

    def step(self, state: State, ids: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None, State]:
        """One word on.

        Args:
            state: all leaves, as `start` or the caller's `{**state, **changed}` gives them.
            ids: int32 [B], the word before (bos first).

        Returns:
            logits float32 [B, V] of the next word, attention float32 [B, P] or None, the changed leaves.
        """
        hidden, attention, changed = self.advance(state, self.embed(ids))
        return self.project(hidden), attention, changed
