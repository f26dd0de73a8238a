"""Self-critical training: sampled captions are rewarded by how much better they are than their siblings.

Rennie et al. 2017, equation 5, with the mean reward of a picture's other samples as the baseline (Luo 2020,
"A better variant of self-critical sequence training", equation 3). The reward is CIDEr-D with document
frequencies counted on train references. Eos is a word of the reward's n-grams and of the policy: without it the
model learns to stop in the middle ("a man standing with a").

Letters: B images, S samples an image, P grid positions, D feature depth, L sentence length, V vocabulary.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from captionkit.config import SelfCriticalConfig
from captionkit.modeling.caption_model import CaptionModel
from captionkit.modeling.decoders import Decoder
from captionkit.tokenizer import BOS, EOS, PAD, UNK
from captionkit.training.input_pipeline import Batch, to_tensor
from captionkit.training.losses import shift_right, token_cross_entropy
from captionkit.training.optimizer import Descent
from captionkit.training.reward import Reward

NEVER = -1e9  # the logit of what a caption can never hold


def forbid_specials(logits: tf.Tensor) -> tf.Tensor:
    """Logits [..., V] in which pad, bos and unk cannot be chosen."""
    V = logits.shape[-1]
    forbidden = tf.reduce_sum(tf.one_hot([PAD, BOS, UNK], V), axis=0)
    return logits + NEVER * forbidden


def sample_captions(
    decoder: Decoder, features: tf.Tensor, *, samples: int, length: int, temperature: float = 1.0
) -> tf.Tensor:
    """Draw captions from the model, word by word.

    Args:
        decoder: its own seeds are drawn from, so a run that is resumed draws the same.
        features: float32 [B, P, D].
        samples: S.
        length: L, eos included; a caption that has not ended by then is cut.
        temperature: logits are divided by it; below 1 likely words become likelier.

    Returns:
        int32 [B, S, L]: words, eos, pad.
    """
    state = {name: tf.repeat(leaf, samples, axis=0) for name, leaf in decoder.start(features).items()}
    ids = tf.fill([tf.shape(features)[0] * samples], BOS)
    over = tf.zeros_like(ids, tf.bool)
    columns = []
    for _ in range(length):
        logits, _, changed = decoder.step(state, ids)
        state = {**state, **changed}
        allowed = forbid_specials(logits / temperature)
        drawn = keras.random.categorical(allowed, 1, dtype="int32", seed=decoder.seeds)[:, 0]
        ids = tf.where(over, PAD, drawn)
        over = over | (ids == EOS)
        columns.append(ids)
    return tf.reshape(tf.stack(columns, axis=1), [-1, samples, length])


def leave_one_out(rewards: tf.Tensor) -> tf.Tensor:
    """Each reward less the mean of its siblings: float32 [B, S] -> [B, S], S > 1; every row sums to 0."""
    S = rewards.shape[1]
    others = (tf.reduce_sum(rewards, axis=1, keepdims=True) - rewards) / (S - 1)
    return rewards - others


def policy_loss(logits: tf.Tensor, ids: tf.Tensor, advantages: tf.Tensor) -> tf.Tensor:
    """Minus the mean over tokens of advantage times log p(token).

    Args:
        logits: float32 [T, V] of the T real tokens of `ids`, row by row, with the same words forbidden and the
            same temperature as in sampling.
        ids: int32 [B, S, L], what was sampled; pad has no part in it, eos has.
        advantages: float32 [B, S].
    """
    real = ids != PAD
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.boolean_mask(ids, real), logits)
    weights = tf.boolean_mask(tf.broadcast_to(advantages[:, :, None], tf.shape(ids)), real)
    return tf.math.divide_no_nan(tf.reduce_sum(losses * weights), tf.cast(tf.size(losses), losses.dtype))


class SelfCritical:
    """The step of self-critical training: sample, reward, descend."""

    def __init__(
        self,
        config: SelfCriticalConfig,
        model: CaptionModel,
        descent: Descent,
        reward: Reward,
        *,
        length: int,
    ) -> None:
        """Compile lazily. The decoder is trained, and the encoder where the model has one.

        `reward` is to be maximised; `length` is L of the samples, eos included.
        """
        self._config, self._model, self._descent = config, model, descent
        self._reward, self._length = reward, length
        self._sample = tf.function(self._sample_step, autograph=False)
        self._descend = tf.function(self._descend_step, autograph=False)

    def __call__(self, batch: Batch, rate: float) -> tuple[float, float]:
        """One step: minus the mean reward (so that lower is better, as with any loss) and the gradient norm."""
        S = self._config.samples
        inputs = to_tensor(batch.inputs)
        sampled = self._sample(inputs)
        flat = sampled.numpy().reshape(-1, self._length)
        rewards = self._reward(flat, np.repeat(batch.rows, S)).reshape(-1, S).astype(np.float32)
        norm = self._descend(
            inputs, sampled, tf.constant(rewards), tf.constant(batch.ids), tf.constant(rate, tf.float32)
        )
        return -float(rewards.mean()), float(norm)

    def _sample_step(self, inputs: tf.Tensor) -> tf.Tensor:
        return sample_captions(
            self._model.decoder,
            self._model.encode(inputs),
            samples=self._config.samples,
            length=self._length,
            temperature=self._config.temperature,
        )

    def _descend_step(
        self, inputs: tf.Tensor, sampled: tf.Tensor, rewards: tf.Tensor, ids: tf.Tensor, rate: tf.Tensor
    ) -> tf.Tensor:
        share = self._config.cross_entropy
        with tf.GradientTape() as tape:
            # With dropout the policy that descends is a noisy copy of that which the samples came from; without
            # it the two are one, and the train references are learned by heart sooner.
            features = self._model.encode(inputs, self._config.dropout)
            logits = forbid_specials(self._logits(features, sampled) / self._config.temperature)
            loss = (1.0 - share) * policy_loss(logits, sampled, leave_one_out(rewards))
            if share:
                words = tf.boolean_mask(ids, ids != PAD)
                loss += share * token_cross_entropy(self._logits(features, ids), words)
        gradients = tape.gradient(loss, [variable.value for variable in self._descent.variables])
        return self._descent.apply(gradients, rate)

    def _logits(self, features: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
        """float32 [T, V] of the T real tokens of `ids` [B, S, L]."""
        decoder, dropout = self._model.decoder, self._config.dropout
        hidden = decoder.hidden(features, shift_right(ids), dropout)
        return decoder.project(tf.boolean_mask(hidden, ids != PAD), dropout)
