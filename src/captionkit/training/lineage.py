"""Runs that build on other runs: their weights to begin from, their probabilities to learn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from captionkit.config import Config, expand_path, parse_config
from captionkit.errors import TrainingError
from captionkit.files import sha256, sha256_file
from captionkit.modeling.caption_model import CaptionModel
from captionkit.modeling.decoders import build_decoder
from captionkit.records import ImageRecord
from captionkit.tokenizer import Tokenizer
from captionkit.training.checkpoint import read_weights
from captionkit.training.distillation import Teachers, teacher_ids
from captionkit.training.pictures import encode_pictures, encoder_of

Array = npt.NDArray[Any]


def read_run(directory: Path, *, setting: str) -> tuple[Config, Tokenizer]:
    """Configuration and vocabulary of a run that another one builds on; `setting` named its folder.

    Raises:
        TrainingError: no such run.
    """
    try:
        text = (directory / "config.toml").read_text(encoding="utf-8")
        words = (directory / "tokenizer.json").read_text(encoding="utf-8")
    except OSError:
        raise TrainingError(
            f"Expected a finished run in {directory} ({setting}), but its config.toml or "
            "tokenizer.json is missing; train that one first."
        ) from None
    return parse_config(text, source=str(directory / "config.toml")), Tokenizer.from_json(words)


def move_words(
    weights: Mapping[str, Array], fresh: Mapping[str, Array], old: Tokenizer, new: Tokenizer
) -> dict[str, Array]:
    """The weights of a decoder, fitted to another vocabulary.

    Words that both know keep their vectors. A new word begins with the fresh vectors of the new decoder and with
    the output bias of a rare word (the lowest tenth), so that it is not said before it has been learned.

    Args:
        weights: of the old decoder, V words.
        fresh: of the new decoder, W words.
        old, new: the two vocabularies.
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
        if name == "decoder/output_bias":
            table[:] = np.quantile(weights[name].astype(np.float64), 0.1)
        table[target] = np.moveaxis(weights[name], axis, 0)[source]
        moved[name] = np.ascontiguousarray(np.moveaxis(table, 0, axis))
    return moved


def begin_from(model: CaptionModel, config: Config, tokenizer: Tokenizer) -> None:
    """Set a model to the best weights of the run that `training.begin_from` names.

    Its vocabulary may be another, see `move_words`.

    Raises:
        TrainingError: no such run, its decoder is another, or it trained an encoder that the new run would not
            have.
    """
    directory = expand_path(config.training.begin_from)
    before, vocabulary = read_run(directory, setting="training.begin_from")
    if (
        before.encoder.trainable
        and not config.encoder.trainable
        and config.encoder.weights == before.encoder.weights
    ):
        raise TrainingError(
            f"The run in {directory} trained its encoder; set encoder.trainable = true to go on with that, or "
            f"encoder.weights = {str(directory / 'encoder.safetensors')!r} to keep it as it is."
        )
    if before.encoder.name != config.encoder.name:
        raise TrainingError(
            f"The run in {directory} has the encoder {before.encoder.name} and not {config.encoder.name}."
        )
    parts = ("decoder", "encoder") if before.encoder.trainable and config.encoder.trainable else ("decoder",)
    weights = read_weights(directory / "best.safetensors")
    if vocabulary != tokenizer:
        weights = move_words(weights, model.weights(), vocabulary, tokenizer)
    model.load_weights(weights, parts=parts)


def load_teachers(
    config: Config, tokenizer: Tokenizer, train: list[ImageRecord], val: list[ImageRecord], *, quiet: bool = False
) -> tuple[Teachers | None, str]:
    """The models that `training.teachers` names, with their features of the train pictures, and a digest of them.

    Raises:
        TrainingError: no such run, or its features lack a picture.
    """
    decoders, reads, ids, digests = [], [], [], []
    for name in config.training.teachers.split():
        directory = expand_path(name)
        taught, vocabulary = read_run(directory, setting="training.teachers")
        if taught.encoder.trainable:
            encoding = replace(
                taught.encoder, trainable=False, frozen=0.0, weights=str(directory / "encoder.safetensors")
            )
            taught = replace(taught, encoder=encoding)
        encoder = encoder_of(taught)
        cache = encode_pictures(taught, encoder, [*train, *val], quiet=quiet)
        place = {identifier: index for index, identifier in enumerate(cache.ids)}
        missing = [record.id for record in train if record.id not in place]
        if missing:
            raise TrainingError(f"The teacher in {directory} has no features of {missing[0]}; check that picture.")
        rows = np.array([place[record.id] for record in train], np.int64)
        _, P, D = encoder.output_shape
        silent = replace(taught.decoder, dropout=0.0, word_dropout=0.0)
        decoder = build_decoder(silent, vocabulary=len(vocabulary), positions=P, depth=D)
        weights = read_weights(directory / "best.safetensors")
        CaptionModel(None, decoder).load_weights(weights, parts=("decoder",))
        decoders.append(decoder)
        ids.append(teacher_ids(tokenizer, vocabulary))
        reads.append(lambda chosen, cache=cache, rows=rows: cache.read(rows[chosen]))
        digests.append(sha256_file(directory / "best.safetensors"))
    return (Teachers(decoders, reads, ids) if decoders else None), sha256(" ".join(digests).encode())
