"""What a run reads instead of picture files: features or pixels, computed once and kept."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from captionkit.config import Config, EncoderConfig
from captionkit.errors import ConfigError
from captionkit.files import cache_folder
from captionkit.modeling.encoders import build_encoder
from captionkit.records import ImageRecord
from captionkit.text.mirrored import can_be_mirrored
from captionkit.training.augment import is_mirrored
from captionkit.training.feature_cache import FeatureCache, build_feature_cache, build_pixel_cache, cache_name
from captionkit.training.input_pipeline import Inputs


def features_folder() -> Path:
    """Where features are kept: $CAPTIONKIT_CACHE, else the user's cache folder."""
    chosen = os.environ.get("CAPTIONKIT_CACHE")
    return Path(chosen) if chosen else cache_folder()


def encoder_of(config: Config) -> keras.Model:
    """The run's encoder, built first of all: its random weights, if any, follow from the run's seed."""
    tf.config.experimental.enable_op_determinism()
    tf.keras.utils.set_random_seed(config.training.seed)
    return build_encoder(config.encoder)


def encode_pictures(
    config: Config, encoder: keras.Model, records: list[ImageRecord], *, quiet: bool = False
) -> FeatureCache:
    """Cached features of the train pictures, then of the dev pictures; pixels where the encoder is trained too."""
    if config.encoder.trainable:
        size = encoder.input_shape[1]
        pixels = EncoderConfig(name="pixels", weights="none", image_size=size)
        folder = features_folder() / cache_name(records, pixels)
        return build_pixel_cache(records, size, folder, max_bad=config.data.max_bad, quiet=quiet)
    folder = features_folder() / cache_name(records, config.encoder)
    return build_feature_cache(records, encoder, config.encoder, folder, max_bad=config.data.max_bad, quiet=quiet)


class Views:
    """Features of several views of the train pictures, where the encoder is not trained; see `training.views`.

    Attributes:
        others: of the views 1, 2, ...
    """

    def __init__(self, others: Sequence[FeatureCache], records: Sequence[ImageRecord]) -> None:
        """Take the features of the views 1, 2, ... of all `records`; rows are places among these."""
        self.others = others
        numbers = range(len(others) + 1)
        unmirrored = [number for number in numbers if not is_mirrored(number)]
        self._choices = [list(numbers) if can_be_mirrored(record.captions) else unmirrored for record in records]

    def __call__(self, rows: npt.NDArray[np.int64], inputs: Inputs, rng: np.random.Generator) -> Inputs:
        """Some view of each picture: rows int64 [B], features float16 [B, P, D] of the pictures themselves."""
        chosen = [int(rng.choice(self._choices[row])) for row in rows.tolist()]
        out = inputs.copy()
        for number in sorted(set(chosen) - {0}):
            places = [place for place, view in enumerate(chosen) if view == number]
            out[places] = self.others[number - 1].read(rows[places])
        return out


def encode_views(
    config: Config,
    encoder: keras.Model,
    records: Sequence[ImageRecord],
    *,
    quiet: bool = False,
) -> Views | None:
    """Features of `training.views` views of the train pictures; None where there is only the picture itself.

    `records` are those of the train pictures that can be read.

    Raises:
        CacheError: one of them cannot be read any more.
        ConfigError: the encoder is trained too: it sees other views at every step.
    """
    count = config.training.views
    if count <= 1:
        return None
    if config.encoder.trainable:
        raise ConfigError(
            f"Expected training.views = 1 with a trainable encoder, which sees another view of a picture at every "
            f"step, but got {count}; leave it out."
        )
    folders = [features_folder() / cache_name(records, config.encoder, view) for view in range(1, count)]
    others = [
        build_feature_cache(records, encoder, config.encoder, folder, max_bad=0.0, quiet=quiet, view=view)
        for view, folder in enumerate(folders, start=1)
    ]
    return Views(others, records)
