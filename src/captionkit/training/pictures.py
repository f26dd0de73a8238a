"""What a run reads instead of picture files: features or pixels, computed once and kept."""

from __future__ import annotations

import os
from pathlib import Path

import keras
import tensorflow as tf

from captionkit.config import Config, EncoderConfig
from captionkit.modeling.encoders import build_encoder
from captionkit.records import ImageRecord
from captionkit.training.feature_cache import FeatureCache, build_feature_cache, build_pixel_cache, cache_name


def cache_folder() -> Path:
    """Where features are kept: $CAPTIONKIT_CACHE, else the user's cache folder."""
    chosen = os.environ.get("CAPTIONKIT_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "captionkit"


def encoder_of(config: Config) -> keras.Model:
    """The run's encoder, built first of all: its random weights, if any, follow from the run's seed."""
    tf.config.experimental.enable_op_determinism()
    tf.keras.utils.set_random_seed(config.training.seed)
    return build_encoder(config.encoder)


def encode_pictures(
    config: Config, encoder: keras.Model, records: list[ImageRecord], *, quiet: bool = False
) -> FeatureCache:
    """What a run reads instead of picture files: cached features, or pixels where the encoder is trained too.

    Args:
        config: the run's configuration.
        encoder: built from it.
        records: the train pictures, then the dev pictures.
        quiet: show no progress.
    """
    if config.encoder.trainable:
        size = encoder.input_shape[1]
        pixels = EncoderConfig(name="pixels", weights="none", image_size=size)
        return build_pixel_cache(records, size, cache_folder() / cache_name(records, pixels), quiet=quiet)
    folder = cache_folder() / cache_name(records, config.encoder)
    return build_feature_cache(records, encoder, config.encoder, folder, quiet=quiet)
