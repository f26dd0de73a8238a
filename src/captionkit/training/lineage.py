"""Runs that build on other runs: their weights to begin from, their probabilities to learn from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from captionkit.config import Config, parse_config, read_config
from captionkit.config.paths import expand_paths
from captionkit.errors import TrainingError
from captionkit.files import sha256
from captionkit.modeling.caption_model import CaptionModel
from captionkit.modeling.decoders import build_decoder
from captionkit.modeling.weights import read_bundle_weights
from captionkit.records import ImageRecord
from captionkit.tokenizer import Tokenizer
from captionkit.training.checkpoint import read_weights
from captionkit.training.distillation import Teacher, Teachers, teacher_ids
from captionkit.training.pictures import encode_pictures, encoder_of
from captionkit.training.run_folder import expect_run, read_vocabulary

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Earlier:
    """A model that a run builds on: the folder of a run, or a bundle with its weights.

    Attributes:
        config, tokenizer: what it was made with.
        weights: its best, named as `CaptionModel.variables` names them.
        encoder_weights: the file that `encoder.weights` must name to have its encoder; empty where that is a
            published one.
    """

    config: Config
    tokenizer: Tokenizer
    weights: dict[str, Array]
    encoder_weights: str


def read_earlier(path: Path, *, setting: str) -> Earlier:
    """Read a run's folder or a bundle; `setting` named it.

    Raises:
        TrainingError: no such run.
        CaptionkitError: it cannot be read, or is a bundle without weights.
    """
    if path.is_file():
        bundle, weights = read_bundle_weights(path)
        if bundle.config is None:
            raise TrainingError(
                f"{path} does not hold its configuration ({setting}); export it again from its run."
            )
        config = parse_config(bundle.config, source=f"{path}:config.toml")
        own = config.encoder.trainable or config.encoder.weight_files
        return Earlier(config, bundle.tokenizer, weights, str(path) if own else "")
    expect_run(path, setting=setting)
    config = read_config(path / "config.toml")
    # A run on the features of a fine-tuned encoder depends on that encoder as much as the run that trained it.
    own_file = str(path / "encoder.safetensors") if config.encoder.trainable else config.encoder.weight_files
    return Earlier(config, read_vocabulary(path), read_weights(path / "best.safetensors"), own_file)


def move_words(
    weights: Mapping[str, Array], fresh: Mapping[str, Array], old: Tokenizer, new: Tokenizer
) -> dict[str, Array]:
    """The weights of a decoder for the vocabulary `old`, fitted to `new`, for which `fresh` ones were drawn.

    Words that both know keep their vectors. A new word begins with the fresh vectors of the new decoder and with
    the output bias of a rare word (the lowest tenth), so that it is not said before it has been learned.
    """
    places = {word: place for place, word in enumerate(old.words)}
    pairs = [(places[word], place) for place, word in enumerate(new.words) if word in places]
    source, target = (np.array(part) for part in zip(*pairs, strict=True))
    moved = dict(weights)
    for name, axis in (("embedding", 0), ("output_kernel", 1), ("output_bias", 0)):
        name = f"decoder/{name}"
        if name not in weights or name not in fresh:
            continue
        table = np.moveaxis(fresh[name].copy(), axis, 0)
        before = np.moveaxis(weights[name], axis, 0)
        if table.shape[1:] != before.shape[1:]:
            continue  # a decoder of another size: said when its weights are loaded
        if name == "decoder/output_bias":
            table[:] = np.quantile(weights[name].astype(np.float64), 0.1)
        table[target] = before[source]
        moved[name] = np.moveaxis(table, 0, axis)
    return moved


def move_places(weights: Mapping[str, Array], fresh: Mapping[str, Array]) -> dict[str, Array]:
    """The weights of a decoder, fitted to the grid of larger or smaller pictures.

    The vectors that it learned of the places in a square grid are interpolated, as one does with those of a vision
    transformer (Dosovitskiy et al. 2021, section 3.2), bilinearly. Grids that are not square stay as they are.

    Args:
        weights: of the old decoder; `decoder/places` float [P, U], if it has it.
        fresh: of the new decoder; of it the number of places.
    """
    name, moved = "decoder/places", dict(weights)
    if name in weights and name in fresh and len(weights[name]) != len(fresh[name]):
        old, new = (math.isqrt(len(one[name])) for one in (weights, fresh))
        if (old**2, new**2) == (len(weights[name]), len(fresh[name])):
            grid = weights[name].astype(np.float32).reshape(old, old, -1)
            moved[name] = tf.image.resize(grid, (new, new)).numpy().reshape(new * new, -1)
    return moved


def begin_from(model: CaptionModel, config: Config, tokenizer: Tokenizer) -> None:
    """Set a model to the best weights of the run that `training.begin_from` names, or to the mean of several.

    Runs that began alike and ended apart lie in one basin, and the mean of their weights is often better than
    each of them (Wortsman et al. 2022, "Model soups", the uniform soup). A vocabulary may be another, see
    `move_words`, and so may the side of pictures, see `move_places`.

    Raises:
        TrainingError: no such run, its decoder is another, or it trained an encoder that the new run would not
            have.
    """
    sums: dict[str, Array] = {}
    paths = expand_paths(config.training.begin_from)
    for path in paths:
        weights, parts = _beginning(path, model, config, tokenizer)
        if sums and weights.keys() != sums.keys():
            raise TrainingError(
                f"The models in {paths[0]} and {path} hold different weights (training.begin_from), so they have "
                "no mean; name runs of one kind."
            )
        for name, value in weights.items():
            if name in sums and sums[name].shape != value.shape:
                raise TrainingError(
                    f"The models in {paths[0]} and {path} differ in the shape of {name} (training.begin_from), so "
                    "they have no mean; name runs of one kind."
                )
            sums[name] = sums.get(name, 0.0) + value.astype(np.float64) / len(paths)
    try:
        model.load_weights({name: value.astype(np.float32) for name, value in sums.items()}, parts=parts)
    except TrainingError as error:
        raise TrainingError(
            f"The weights in {' and '.join(map(str, paths))} (training.begin_from) do not fit the network of this "
            f"recipe. {error}"
        ) from None


def _beginning(
    path: Path, model: CaptionModel, config: Config, tokenizer: Tokenizer
) -> tuple[dict[str, Array], tuple[str, ...]]:
    """The weights of an earlier run that a new one begins with, and the parts of the model they belong to."""
    earlier = read_earlier(path, setting="training.begin_from")
    before, weights = earlier.config, earlier.weights
    # Weights of the encoder are among those of a run that trained it, and of every bundle.
    loads = config.encoder.trainable and any(name.startswith("encoder/") for name in weights)
    others = (before.encoder.weights, "imagenet", "none")
    own = earlier.encoder_weights
    if own and not loads and config.encoder.weights != own and config.encoder.weights in others:
        raise TrainingError(
            f"The model in {path} has a trained encoder; set encoder.weights = {own!r} to begin with that, "
            "and encoder.trainable = true to go on training it."
        )
    if before.encoder.name != config.encoder.name:
        raise TrainingError(
            f"The model in {path} has the encoder {before.encoder.name} and not {config.encoder.name}."
        )
    parts = ("decoder", "encoder") if loads else ("decoder",)
    fresh = model.weights()
    if earlier.tokenizer != tokenizer:
        weights = move_words(weights, fresh, earlier.tokenizer, tokenizer)
    weights = move_places(weights, fresh)
    return {name: value for name, value in weights.items() if name.startswith(parts)}, parts


def load_teachers(
    config: Config, tokenizer: Tokenizer, train: list[ImageRecord], val: list[ImageRecord], *, quiet: bool = False
) -> tuple[Teachers | None, str]:
    """The models that `training.teachers` names, with their features of the train pictures, and a digest of them.

    Raises:
        TrainingError: no such run, or its features lack a picture.
    """
    teachers, digests = [], []
    for path in expand_paths(config.training.teachers):
        earlier = read_earlier(path, setting="training.teachers")
        teachers.append(_teacher(path, earlier, tokenizer, train, val, quiet=quiet))
        digests += [sha256(earlier.weights[key].tobytes()) for key in sorted(earlier.weights)]
    return (Teachers(teachers) if teachers else None), sha256(" ".join(digests).encode())


def _teacher(
    path: Path,
    earlier: Earlier,
    tokenizer: Tokenizer,
    train: list[ImageRecord],
    val: list[ImageRecord],
    *,
    quiet: bool,
) -> Teacher:
    taught, vocabulary = earlier.config, earlier.tokenizer
    if earlier.encoder_weights:
        encoding = replace(taught.encoder, trainable=False, frozen=0.0, weights=earlier.encoder_weights)
        taught = replace(taught, encoder=encoding)
    encoder = encoder_of(taught)
    cache = encode_pictures(taught, encoder, [*train, *val], quiet=quiet)
    place = {identifier: index for index, identifier in enumerate(cache.ids)}
    missing = [record.id for record in train if record.id not in place]
    if missing:
        raise TrainingError(f"The teacher in {path} has no features of {missing[0]}; check that picture.")
    rows = np.array([place[record.id] for record in train], np.int64)
    _, P, D = encoder.output_shape
    silent = replace(taught.decoder, dropout=0.0, word_dropout=0.0)
    decoder = build_decoder(silent, vocabulary=len(vocabulary), positions=P, depth=D)
    CaptionModel(None, decoder).load_weights(earlier.weights, parts=("decoder",))
    return Teacher(decoder, lambda chosen: cache.read(rows[chosen]), teacher_ids(tokenizer, vocabulary))
