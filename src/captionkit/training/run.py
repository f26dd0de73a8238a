"""A run from its configuration to its best weights: data, features, vocabulary, training."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from captionkit.config import Config, differences, read_config, write_config
from captionkit.config.places import CHANGEABLE, fixed
from captionkit.errors import TrainingError
from captionkit.files import read_bounded, sha256, write_text
from captionkit.modeling.caption_model import CaptionModel
from captionkit.modeling.decoders import build_decoder
from captionkit.modeling.encoders import encoder_fingerprint
from captionkit.records import ImageRecord
from captionkit.text.mirrored import can_be_mirrored
from captionkit.tokenizer import Tokenizer
from captionkit.training.augment import augment
from captionkit.training.checkpoint import read_weights
from captionkit.training.consensus import consensus_weights
from captionkit.training.cross_entropy import CrossEntropy
from captionkit.training.data import Splits, build_vocabulary, expect_two, read_more, read_splits
from captionkit.training.dev import DevScores
from captionkit.training.directory_lock import lock_directory
from captionkit.training.distillation import Teachers
from captionkit.training.feature_cache import FeatureCache
from captionkit.training.input_pipeline import Augment, Batches
from captionkit.training.lineage import begin_from, load_teachers
from captionkit.training.loop import Evaluate, Objective, Trainer
from captionkit.training.optimizer import Descent
from captionkit.training.pictures import Views, encode_pictures, encode_views, encoder_of
from captionkit.training.pseudo_captions import read_pseudo_captions
from captionkit.training.reward import make_reward
from captionkit.training.run_folder import configuration_of, expect_earlier, expect_no_run
from captionkit.training.self_critical import SelfCritical

ENCODER_DIGEST = "encoder.sha256"  # of the frozen encoder whose features a run learned with


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that training needs, read and checked.

    Attributes:
        tokenizer: built from train captions.
        train, val: records with people's captions; rows are places among these.
        cache: features of all pictures.
        train_rows, val_rows: where in the cache each record's features are: int64 [N].
        model: fresh weights; its encoder is there where it is trained or will be exported.
        teachers: finished models that this one learns from.
        views: features of other views of the train pictures.
        captions: what is learned to be said of each train picture: people's captions, then those that a model
            wrote, if any.
        identity: digests of configuration, vocabulary, data, teachers and captions that a model wrote.
    """

    config: Config
    tokenizer: Tokenizer
    train: list[ImageRecord]
    val: list[ImageRecord]
    cache: FeatureCache
    train_rows: npt.NDArray[np.int64]
    val_rows: npt.NDArray[np.int64]
    model: CaptionModel
    teachers: Teachers | None
    views: Views | None
    captions: list[tuple[str, ...]]
    identity: dict[str, str]

    def read_train(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """Inputs of train rows."""
        return self.cache.read(self.train_rows[rows])

    def read_val(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """Inputs of dev rows."""
        return self.cache.read(self.val_rows[rows])


def fresh_model(config: Config, encoder: keras.Model, tokenizer: Tokenizer) -> CaptionModel:
    """The run's encoder (`encoder_of`) and a decoder with fresh weights, for a vocabulary."""
    _, P, D = encoder.output_shape
    decoder = build_decoder(
        config.decoder, vocabulary=len(tokenizer), positions=P, depth=D, seed=config.training.seed
    )
    return CaptionModel(encoder, decoder)


def prepare(config: Config, *, splits: Splits | None = None, quiet: bool = False) -> Prepared:
    """Encode the pictures of the data once, build vocabulary and model.

    `splits` is what `read_splits` read of the configuration, where that is done already.

    Raises:
        CaptionkitError: data, weights or configuration that do not fit, each with what to do.
    """
    train, val = splits or read_splits(config)
    # Before the pictures are encoded: it may be empty, and a table may be wrong.
    tokenizer = build_vocabulary(config, train)
    table = config.training.pseudo_captions
    written = read_pseudo_captions(table, train) if table else [()] * len(train)
    captions = {record.id: (*record.captions, *more) for record, more in zip(train, written, strict=True)}
    encoder = encoder_of(config)
    both = [*train, *val]
    cache = encode_pictures(config, encoder, both, quiet=quiet)
    place = {identifier: index for index, identifier in enumerate(cache.ids)}
    if cache.skipped:
        train = [record for record in train if record.id in place]
        val = expect_two([record for record in val if record.id in place], config)
        tokenizer = build_vocabulary(config, train)
    if not quiet:
        known = tokenizer.coverage(text for record in val for text in record.captions)
        print(
            f"{len(train):,} train and {len(val):,} dev pictures; {len(tokenizer.spoken):,} words, which are "
            f"{100 * known:.1f} % of the words of dev captions",
            file=sys.stderr,
        )
    model = fresh_model(config, encoder, tokenizer)
    teachers, weights = load_teachers(config, tokenizer, train, val, quiet=quiet)
    learned = [captions[record.id] for record in train]
    return Prepared(
        config=config,
        tokenizer=tokenizer,
        train=train,
        val=val,
        cache=cache,
        train_rows=np.array([place[record.id] for record in train], np.int64),
        val_rows=np.array([place[record.id] for record in val], np.int64),
        model=model,
        teachers=teachers,
        views=encode_views(config, encoder, train, quiet=quiet),
        captions=learned,
        identity={
            # By what differs from the defaults, so that a key of a later version does not end an earlier run.
            "configuration": sha256("\n".join(differences(Config(), fixed(config))).encode()),
            "vocabulary": sha256(tokenizer.to_json().encode()),
            "data": _digest([*train, *val], cache.fingerprint),
            **({"teachers": weights} if teachers else {}),
            **({"pseudo captions": sha256(repr(learned).encode())} if table else {}),
        },
    )


def make_trainer(prepared: Prepared, directory: Path) -> Trainer:
    """The trainer of a prepared run; call `restore` on it to go on from a checkpoint."""
    config, model = prepared.config, prepared.model
    if not config.encoder.trainable:
        # Only the decoder is trained and saved; the encoder's weights are those its features came from.
        model = CaptionModel(None, model.decoder)
    variables = list(model.decoder.trainable_variables)
    rates = [1.0] * len(variables)
    if model.encoder is not None:
        layers = model.encoder.trainable_variables
        variables += layers
        rates += [config.training.encoder_rate] * len(layers)
    descent = Descent(config.training, variables, rates)
    evaluate: Evaluate = DevScores(
        model,
        prepared.tokenizer,
        config.decoding,
        prepared.read_val,
        [record.captions for record in prepared.val],
        beams=config.training.eval_beams,
    )
    batches = Batches(
        prepared.read_train,
        prepared.captions,
        prepared.tokenizer,
        batch_size=config.training.batch_size,
        captions_per_image=config.training.captions_per_image,
        length=config.tokenizer.max_length + 1,
        seed=config.training.seed,
        times=_times(config, prepared.train),
        augment=_augment(prepared),
        weights=_weights(prepared),
    )
    objective: Objective = CrossEntropy(config.training, model, descent, prepared.teachers)
    loss_is = "nats per token"
    if config.self_critical.samples:
        objective = SelfCritical(
            config.self_critical,
            model,
            descent,
            make_reward(config.self_critical, prepared.train, prepared.tokenizer),
            length=config.decoding.max_length + 1,
        )
        loss_is = "minus the mean reward"
    return Trainer(
        config.training,
        model,
        descent,
        objective,
        batches,
        evaluate,
        directory,
        prepared.identity,
        loss_is=loss_is,
    )


def _times(config: Config, records: Sequence[ImageRecord]) -> npt.NDArray[np.int64] | None:
    times = config.training.more_data_times
    if times == 1:
        return None
    more = {record.id for record in read_more(config)}
    return np.array([times if record.id in more else 1 for record in records], np.int64)


def _weights(prepared: Prepared) -> list[npt.NDArray[np.float32]] | None:
    share = prepared.config.training.consensus
    return consensus_weights(prepared.captions, share) if share else None


def _augment(prepared: Prepared) -> Augment | None:
    if not prepared.config.encoder.trainable:
        return prepared.views
    if not prepared.config.training.augment:
        return None
    mirrorable = np.array([can_be_mirrored(record.captions) for record in prepared.train])
    return lambda rows, inputs, rng: augment(inputs, mirrorable[rows], rng)


def load_best(model: CaptionModel, config: Config, directory: Path) -> None:
    """Set a model to a run's best weights: the decoder's, and the encoder's where the run trained it.

    Raises:
        TrainingError: they cannot be read, or the model's frozen encoder is not the one that the run learned with.
    """
    kept = directory / ENCODER_DIGEST
    frozen = model.encoder is not None and not config.encoder.trainable
    now = encoder_fingerprint(model.encoder, config.encoder) if frozen else ""
    if frozen and kept.is_file() and read_bounded(kept, 1000) != now.encode():
        raise TrainingError(
            f"The encoder that the run in {directory} learned with is another than what encoder.weights = "
            f"{config.encoder.weights!r} gives now; put the old weights back, or train again."
        )
    parts = ("decoder", "encoder") if config.encoder.trainable else ("decoder",)
    model.load_weights(read_weights(directory / "best.safetensors"), parts=parts)


def train(
    config: Config,
    directory: Path,
    *,
    splits: Splits | None = None,
    quiet: bool = False,
    until: int | None = None,
) -> Trainer:
    """Begin a run in `directory`; `splits` as of `prepare`.

    Raises:
        TrainingError: the folder holds a run already, a run that this one builds on is not there, or the loss is
            not finite.
        CacheError: another process is training in the folder.
        Interrupted: SIGINT or SIGTERM; `resume` goes on.
    """
    expect_no_run(directory)
    expect_earlier(config)
    prepared = prepare(config, splits=splits, quiet=quiet)
    trainer = make_trainer(prepared, directory)
    if config.training.begin_from:
        begin_from(trainer.model, config, prepared.tokenizer)
        trainer.descent.reset_average()
    directory.mkdir(parents=True, exist_ok=True)
    with lock_directory(directory):
        expect_no_run(directory)  # another process may have begun it while pictures were encoded
        write_text(directory / "config.toml", write_config(config))
        write_text(directory / "tokenizer.json", prepared.tokenizer.to_json())
        encoder = prepared.model.encoder
        if encoder is not None and not config.encoder.trainable:
            write_text(directory / ENCODER_DIGEST, encoder_fingerprint(encoder, config.encoder))
        trainer.run(quiet=quiet, until=until)
    return trainer


def resume(
    directory: Path,
    overrides: Sequence[str] = (),
    *,
    splits: Splits | None = None,
    quiet: bool = False,
) -> Trainer:
    """Go on with the run in `directory`, bit for bit as if it had never stopped.

    What `overrides` change is written into its configuration, so that an export finds data that have moved;
    `splits` as of `prepare`.

    Raises:
        TrainingError: no run there, or `overrides`, vocabulary or data differ from what it began with.
        CacheError: another process is training in the folder.
    """
    path = configuration_of(directory)
    begun, config = read_config(path), read_config(path, overrides)
    changed = (line for line in differences(begun, config) if not line.startswith(("bundle.", "expect.")))
    refused = [line for line in changed if line.split(":")[0] not in CHANGEABLE]
    if refused:
        raise TrainingError(
            f"The run in {directory} cannot go on with another configuration ({'; '.join(refused)}); "
            "leave these as they are, or start a new run."
        )
    with lock_directory(directory):
        trainer = make_trainer(prepare(config, splits=splits, quiet=quiet), directory)
        trainer.restore()
        if config != begun:
            write_text(path, write_config(config))
        trainer.run(quiet=quiet)
    return trainer


def _digest(records: Sequence[ImageRecord], features: str) -> str:
    digest = hashlib.sha256(features.encode())
    for record in records:
        for text in (record.id, str(record.split), *record.captions):
            raw = text.encode()
            digest.update(len(raw).to_bytes(4, "big") + raw)
    return digest.hexdigest()
