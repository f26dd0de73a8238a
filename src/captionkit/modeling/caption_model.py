"""An encoder and a decoder that belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from captionkit.errors import TrainingError
from captionkit.modeling.decoders import Decoder
from captionkit.modeling.weights import variable_names


class CaptionModel:
    """From pixels to words.

    Attributes:
        encoder: uint8 [B, H, W, 3] -> float32 [B, P, D]; None where features are read instead of pictures.
        decoder: features and words -> logits.
    """

    def __init__(self, encoder: keras.Model | None, decoder: Decoder) -> None:
        """Put two networks together; the decoder must have been built for the encoder's features."""
        self.encoder = encoder
        self.decoder = decoder

    def encode(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Features float32 [B, P, D] of pictures uint8 [B, H, W, 3], or of features where there is no encoder."""
        if self.encoder is None:
            return tf.cast(inputs, tf.float32)
        return self.encoder(inputs, training=training)

    def variables(self) -> dict[str, keras.Variable]:
        """Every variable of the model, by a name that is stable between versions and unique."""
        named: dict[str, keras.Variable] = {}
        for variable in self.decoder.variables:
            path = variable.path if variable.path.startswith("decoder/") else f"decoder/{variable.path}"
            if named.get(path, variable) is not variable:  # a shared variable is listed by each of its layers
                raise TrainingError(f"Two variables of the model are called {path}; give the layers names.")
            named[path] = variable
        if self.encoder is not None:
            names = (f"encoder/{name}" for name in variable_names(self.encoder))
            named |= zip(names, self.encoder.variables, strict=True)
        return named

    def weights(self) -> dict[str, npt.NDArray[np.generic]]:
        """Copies of all variables as arrays, random states left out."""
        return {
            name: variable.value.numpy()
            for name, variable in self.variables().items()
            if "seed_generator" not in name
        }

    def load_weights(
        self, weights: Mapping[str, npt.NDArray[np.generic]], *, parts: Sequence[str] = ("decoder", "encoder")
    ) -> None:
        """Set the variables that `weights()` gave, of these `parts`: a run may keep the decoder's alone.

        Raises:
            TrainingError: a weight is missing, unknown or of another shape; nothing has been set then.
        """
        variables = {
            name: variable
            for name, variable in self.variables().items()
            if "seed_generator" not in name and name.split("/")[0] in parts
        }
        weights = {name: value for name, value in weights.items() if name.split("/")[0] in parts}
        missing, unknown = sorted(variables.keys() - weights.keys()), sorted(weights.keys() - variables.keys())
        if missing or unknown:
            raise TrainingError(
                f"Expected weights for this model, but {len(missing)} are missing ({', '.join(missing[:3])}) "
                f"and {len(unknown)} are unknown ({', '.join(unknown[:3])}); is it another recipe's file?"
            )
        for name, variable in variables.items():
            if tuple(variable.shape) != weights[name].shape:
                raise TrainingError(
                    f"Expected {name} of shape {tuple(variable.shape)}, but the file has {weights[name].shape}."
                )
        for name, variable in variables.items():
            variable.assign(weights[name])
