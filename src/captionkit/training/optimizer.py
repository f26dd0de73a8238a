"""Gradient descent: AdamW with warm-up, cosine, clipping, and a running average of the weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from captionkit.config import TrainingConfig


def learning_rate(config: TrainingConfig, step: int, total_steps: int) -> float:
    """The rate of a step, 0 to `total_steps` - 1: linear warm-up, half a cosine (Loshchilov and Hutter 2017)."""
    warmup = min(config.warmup_steps, total_steps)
    if step < warmup:
        return config.learning_rate * (step + 1) / warmup
    cosine = 0.5 * (1.0 + math.cos(math.pi * (step - warmup) / (total_steps - warmup)))
    return config.learning_rate * (config.final_rate + (1.0 - config.final_rate) * cosine)


class Descent:
    """AdamW (Loshchilov and Hutter 2019) over a list of variables, with all that must be saved to go on.

    Attributes:
        variables: what is trained.
        rates: for each variable the factor on the learning rate (a smaller one for a fine-tuned encoder).
        average: running averages of `variables`; empty where `config.ema` is 0.
    """

    def __init__(
        self, config: TrainingConfig, variables: Sequence[keras.Variable], rates: Sequence[float] | None = None
    ) -> None:
        """Make the moments, and the averages where they are wanted."""
        self.config = config
        self.variables = list(variables)
        self.rates = [1.0] * len(self.variables) if rates is None else list(rates)
        self.optimizer = keras.optimizers.AdamW(
            learning_rate=config.learning_rate, weight_decay=config.weight_decay, epsilon=1e-8
        )
        # Decay pulls weights together; a bias, a gain or a norm has no reason to be small.
        vectors = [variable for variable in self.variables if len(variable.shape) < 2]
        self.optimizer.exclude_from_weight_decay(var_list=vectors)
        self.optimizer.build(self.variables)
        self.average = [
            tf.Variable(v.value, trainable=False, name=f"average_{i}")
            for i, v in enumerate(self.variables if config.ema else [])
        ]

    def apply(self, gradients: Sequence[Any], rate: tf.Tensor) -> tf.Tensor:
        """One step down; returns the global gradient norm before clipping, float32 scalar."""
        # That of an embedding has a row for each time a word was read. Adam, which squares it, and the norm need
        # the sum of a word's rows.
        summed = [tf.convert_to_tensor(gradient) for gradient in gradients]
        clipped, norm = tf.clip_by_global_norm(summed, self.config.clip_norm)
        self.optimizer.learning_rate.assign(rate)
        pairs = zip(self.variables, self.rates, strict=True)
        slower = [(variable, share, tf.identity(variable.value)) for variable, share in pairs if share != 1.0]
        self.optimizer.apply(clipped)
        # Adam's steps are as long whatever the scale of the gradients, so the step itself is shortened.
        for variable, share, before in slower:
            variable.assign(before + share * (variable.value - before))
        if self.average:
            count = tf.cast(self.optimizer.iterations.value, tf.float32)
            # A young average must forget its random beginning, so its decay starts low.
            decay = tf.minimum(self.config.ema, (1.0 + count) / (10.0 + count))
            for mean, variable in zip(self.average, self.variables, strict=True):
                mean.assign_sub((1.0 - decay) * (mean - variable.value))
        return norm

    def swap_average(self) -> None:
        """Exchange the weights and their averages; a second call puts them back."""
        for mean, variable in zip(self.average, self.variables if self.average else [], strict=True):
            weight = tf.identity(variable.value)
            variable.assign(mean)
            mean.assign(weight)

    def reset_average(self) -> None:
        """Let the averages begin at the weights as they are, after these were loaded."""
        for mean, variable in zip(self.average, self.variables if self.average else [], strict=True):
            mean.assign(variable.value)

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """The moments, the step count and the averages, for a checkpoint."""
        held = {f"optimizer/{i:04d}": v.value for i, v in enumerate(self.optimizer.variables)}
        held |= {f"average/{i:04d}": v for i, v in enumerate(self.average)}
        return {name: value.numpy() for name, value in held.items()}

    def restore(self, arrays: dict[str, npt.NDArray[np.generic]]) -> None:
        """Set what `arrays` gave."""
        for i, variable in enumerate(self.optimizer.variables):
            variable.assign(arrays[f"optimizer/{i:04d}"])
        for i, mean in enumerate(self.average):
            mean.assign(arrays[f"average/{i:04d}"])
