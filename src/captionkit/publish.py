"""A finished run -> a bundle: its best weights, exported, scored and calibrated by what they say, with a card.

Or the same weights for other programs, neither scored nor calibrated.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from captionkit.bundle import Bundle, Decoding, write_bundle
from captionkit.calibrate import Judged, calibrate_on, judge
from captionkit.captioner import Captioner
from captionkit.card import Stage, write_card
from captionkit.config import Config, differences, read_config
from captionkit.config.paths import expand_paths
from captionkit.config.places import PLACES, without_places
from captionkit.detectors.things import fit_thing_detector, thing_detector
from captionkit.detectors.words import MIN_PICTURES, fit_word_detector
from captionkit.errors import DataError, ImageError, TrainingError, UsageError, agree, printable, several
from captionkit.evaluate import Evaluation, evaluate
from captionkit.export import export_bundle, temporary_folder, to_litert
from captionkit.files import write_text
from captionkit.images import Pixels, load_pixels
from captionkit.interchange import export_networks
from captionkit.modeling.caption_model import CaptionModel
from captionkit.modeling.encoders import build_encoder
from captionkit.modeling.imagenet_head import published, read_head
from captionkit.progress import Progress
from captionkit.records import ImageRecord
from captionkit.tokenizer import Tokenizer
from captionkit.training.data import read_splits
from captionkit.training.pictures import encoder_of
from captionkit.training.run import fresh_model, load_best
from captionkit.training.run_folder import earlier_runs, read_history, read_vocabulary
from captionkit.training.word_places import fit_places

CALIBRATION_PICTURES = 100
DETECTOR_PICTURES = 10_000  # train pictures that the detectors are fitted to, at most
DETECTOR_PLACES = 2_000_000  # of these pictures' grids, at most: 1 GB of what is looked at
ENCODED_TOGETHER = 32
EARLIER = "earlier.jsonl"  # in a run's folder: a line for each run that led to it
# What can change after training: it alters no weight.
LATE = ("bundle.", "decoding.", "expect.")


def publish(
    directory: Path,
    output: Path | str | None = None,
    overrides: Sequence[str] = (),
    *,
    int8: bool = False,
    float16: bool = False,
    keep_weights: bool = False,
    quiet: bool = False,
) -> Bundle:
    """Make a bundle of a run's best weights.

    The networks are exported, detectors are fitted to what the exported encoder sees in train pictures
    (`captionkit.detectors`), and the dev pictures are captioned; with `decoding.surest` once more, by the
    confidence that comes of it. From these captions come the bundle's scores, its calibration and its card: they
    are those of the exported networks, not of the ones in training. Where there are too few pictures to calibrate
    on, one line says so and the bundle goes without.

    Args:
        directory: the run's folder.
        output: the bundle file; None for `model.captionkit` in the run's folder.
        overrides: changes to the run's configuration; only what the bundle says of itself (`bundle.`), how it
            searches (`decoding.`) and where the data lie (`PLACES`) can still change.
        int8: int8 encoder (calibrated on train pictures) and int8 decoder weights.
        float16: decoder weights stored as float16: half its size, the same captions.
        keep_weights: whether the float weights go in too.

    Raises:
        TrainingError: the folder holds no run, or none that has been evaluated yet.
        UsageError: the output cannot be a file.
    """
    output = Path(output) if output is not None else directory / "model.captionkit"
    if output.is_dir() or (directory.is_dir() and not output.parent.is_dir()):
        raise UsageError(f"Expected a file in an existing folder for the bundle, but got {output}.")
    config = _finished_config(directory, overrides)
    train, val = read_splits(config)  # before TensorFlow builds anything: their places may be wrong
    model, tokenizer = _best(config, directory)
    assert model.encoder is not None
    drawn = readable_pictures(train, model.encoder.input_shape[1], config.training.seed)
    with temporary_folder() as folder:
        bundle = export_bundle(
            Path(folder) / "model.captionkit",
            model,
            tokenizer,
            name=config.bundle.name,
            licences=_licences(config),
            decoding=_decoding(config),
            card="",
            config=without_places(config),
            calibration=(pixels for _, pixels in islice(drawn, CALIBRATION_PICTURES)) if int8 else None,
            int8_decoder=int8,
            float16_decoder=float16 and not int8,
            keep_weights=keep_weights,
        )
    objective = "self-critical" if config.self_critical.samples else "cross-entropy"
    words, things = _detectors(Captioner(bundle), train, config, quiet=quiet)
    bundle = dataclasses.replace(bundle, word_detector=words, things=things)
    found = evaluate(Captioner(bundle), val, split=config.data.val, objective=objective, quiet=quiet)
    if found.unreadable:  # said even to those who want no progress: the scores are those of the others
        lost, first = len(found.unreadable), next(iter(found.unreadable.values()))
        print(
            f"captionkit: {lost:,} of {several(len(val), 'dev picture')} cannot be read and "
            f"{agree(lost, 'is', 'are')} left out of the bundle's scores; the first: {printable(first)}",
            file=sys.stderr,
        )
    judged = _calibrated(found, val, tokenizer)
    if judged is not None and bundle.decoding.surest:  # what is said depends on the confidence in it
        bundle = dataclasses.replace(bundle, calibration=judged.calibration.to_document())
        found = evaluate(Captioner(bundle), val, split=config.data.val, objective=objective, quiet=quiet)
        judged = judge(judged.calibration, found, val, tokenizer)
    manifest = dataclasses.replace(
        bundle.manifest, scores=dict(found.scores.corpus), fingerprint=dict(found.scores.fingerprint)
    )
    _keep_earlier(directory, config)
    card = write_card(config, bundle, found, judged, stages(directory, config), len(train))
    sureness = None if judged is None else judged.calibration.to_document()
    finished = dataclasses.replace(bundle, source=str(output), manifest=manifest, card=card, calibration=sureness)
    write_bundle(output, finished)
    return finished


def publish_networks(
    directory: Path, folder: Path | str, overrides: Sequence[str] = (), *, onnx: bool = False
) -> None:
    """Write a run's best weights for other programs: as a SavedModel, or with `onnx` as ONNX networks.

    No picture is read: nothing is scored or calibrated.

    Args:
        directory, overrides: as for `publish`.
        folder: the folder to make; it may be there, empty.
        onnx: needs captionkit[onnx].

    Raises:
        TrainingError: the folder holds no run, or none that has been evaluated yet.
        WriteError: the folder cannot be written.
    """
    config = _finished_config(directory, overrides)
    model, tokenizer = _best(config, directory)
    name, licences, decoding = config.bundle.name, _licences(config), _decoding(config)
    export_networks(folder, model, tokenizer, name=name, licences=licences, decoding=decoding, onnx=onnx)


def _best(config: Config, directory: Path) -> tuple[CaptionModel, Tokenizer]:
    tokenizer = read_vocabulary(directory)
    model = fresh_model(config, encoder_of(config), tokenizer)
    load_best(model, config, directory)
    return model, tokenizer


def _licences(config: Config) -> dict[str, str]:
    licences = {
        "captionkit": "Apache-2.0",
        "training data": config.bundle.data_terms,
        "encoder weights": config.bundle.encoder_terms,
    }
    return {what: terms for what, terms in licences.items() if terms}


def _finished_config(directory: Path, overrides: Sequence[str]) -> Config:
    """The configuration of a run that has weights, with what may still change changed."""
    path = directory / "best.safetensors"
    if not path.is_file():
        raise TrainingError(
            f"Expected trained weights at {path}, but there are none; train until the first evaluation."
        )
    finished = directory / "config.toml"
    config = read_config(finished, overrides)
    late = [line for line in differences(read_config(finished), config) if not line.startswith(LATE)]
    late = [line for line in late if line.split(":")[0] not in PLACES]
    if late:
        raise TrainingError(
            f"A finished run cannot be exported with another training ({'; '.join(late)}); leave it out."
        )
    return config


def _decoding(config: Config) -> Decoding:
    search = config.decoding
    return Decoding(
        beams=search.beams,
        max_length=search.max_length,
        length_penalty=search.length_penalty,
        no_repeat_ngram=search.no_repeat_ngram,
        bad_endings=tuple(search.bad_endings.split()),
        surest=search.surest,
        mirrored=search.mirrored,
    )


def readable_pictures(
    records: Sequence[ImageRecord], size: int, seed: int
) -> Iterator[tuple[ImageRecord, Pixels]]:
    """The pictures in an order that the seed draws, each with its pixels uint8 [size, size, 3].

    One that cannot be read, which training left out as well, is passed over.
    """
    for place in np.random.default_rng(seed).permutation(len(records)):
        record = records[int(place)]
        try:
            pixels = load_pixels(record.path, size)
        except ImageError:
            continue
        yield record, pixels


def _detectors(
    captioner: Captioner, records: Sequence[ImageRecord], config: Config, *, quiet: bool = False
) -> tuple[bytes | None, bytes | None]:
    """Detectors of words and of things, on what the exported encoder sees in train pictures.

    None instead of one: too few pictures; an encoder whose published weights name no classes, or has random ones.
    """
    head = read_head(config.encoder)
    learned = head is not None and bool(config.encoder.trainable or config.encoder.weight_files)
    plain_encoder = to_litert(build_encoder(published(config.encoder))) if learned else None
    tokenizer, seed = captioner.bundle.tokenizer, config.training.seed
    size, number = captioner.engine.network.image_size, min(len(records), DETECTOR_PICTURES)
    means, plain, captions = [], [], []
    with Progress("encoding for the detectors", number, "pictures", quiet=quiet) as bar:
        for texts, pixels in _drawn_together(records, size, seed, number):
            captions += texts
            means.append(captioner.engine.encode(pixels).mean(axis=1))
            if plain_encoder is not None:
                plain.append(plain_encoder.encode(pixels).mean(axis=1))
            bar.advance(len(texts))
    if len(captions) < MIN_PICTURES:
        return None, None
    features = np.concatenate(means)
    words = fit_word_detector(features, captions, tokenizer)
    # What is looked at depends on all the means, and there is no room to keep all grids: they are encoded again.
    positions = captioner.engine.network.positions
    number = min(len(captions), DETECTOR_PLACES // positions)
    seen = np.empty((number, positions, words.basis.shape[1]), np.float16)
    captions = []  # anew: pictures that could be read may be gone
    with Progress("encoding for places", number, "pictures", quiet=quiet) as bar:
        for texts, pixels in _drawn_together(records, size, seed, number):
            seen[len(captions) : len(captions) + len(texts)] = words.look(captioner.engine.encode(pixels)).seen
            captions += texts
            bar.advance(len(texts))
    if captions:
        words = fit_places(words, seen[: len(captions)], captions, tokenizer, seed=seed, quiet=quiet)
    if head is None:
        return words.to_bytes(), None
    things = fit_thing_detector(features, np.concatenate(plain), head) if learned else thing_detector(head)
    return words.to_bytes(), things.to_bytes()


def _drawn_together(
    records: Sequence[ImageRecord], size: int, seed: int, number: int
) -> Iterator[tuple[list[tuple[str, ...]], Pixels]]:
    """The first of `readable_pictures`, some at a time: their captions, and uint8 [B, size, size, 3]."""
    drawn = islice(readable_pictures(records, size, seed), number)
    while some := list(islice(drawn, ENCODED_TOGETHER)):
        yield [record.captions for record, _ in some], np.stack([pixels for _, pixels in some])


def _calibrated(found: Evaluation, records: Sequence[ImageRecord], tokenizer: Tokenizer) -> Judged | None:
    try:
        return calibrate_on(found, records, tokenizer)
    except DataError as reason:
        # Said even to those who want no progress: hedging and abstaining will not work with this bundle.
        print(f"captionkit: the bundle goes without confidence. {reason}", file=sys.stderr)
        return None


def stages(directory: Path, config: Config) -> list[Stage]:
    """The runs that led to a run, itself last: whose encoder it has, those it learned from, those it began from.

    Those before it are as `earlier.jsonl` of its folder has them, else as their own folders do. A run whose folder
    is gone is left out then, and so is a bundle, which does not say how long its training took.
    """
    kept = read_history(directory / EARLIER)
    if kept:
        before = [Stage(str(line.get("what", "")), _number(line, "seconds")) for line in kept]
    else:
        runs = earlier_runs(config).items()
        before = [
            _stage(folder, settings) for folder, settings in runs if settings is not None and folder.is_dir()
        ]
    return [*before, _stage(directory, config)]


def _keep_earlier(directory: Path, config: Config) -> None:
    """Write down what led to a run while the folders that tell it are all there; they may go or be moved."""
    runs = earlier_runs(config)
    if (directory / EARLIER).exists() or not all(runs.values()):
        return
    before = stages(directory, config)[:-1]
    if before:
        lines = [json.dumps({"what": stage.what, "seconds": stage.seconds}) for stage in before]
        write_text(directory / EARLIER, "\n".join([*lines, ""]))


def _stage(folder: Path, config: Config) -> Stage:
    history = read_history(folder / "history.jsonl")
    last = history[-1] if history else {}
    return Stage(_training(config, _number(last, "epoch")), _number(last, "seconds"))


def _number(line: Mapping[str, object], key: str) -> float:
    value = line.get(key)
    return float(value) if isinstance(value, int | float) else 0.0


def _training(config: Config, epochs: float) -> str:
    if not config.training.epochs:
        number = len(expand_paths(config.training.begin_from))
        return f"{config.decoder.kind}, the mean of the weights of {number} of these models, nothing trained"
    if config.self_critical.samples:
        others = {"ROUGE-L": config.self_critical.rouge_l, "BLEU-4": config.self_critical.bleu_4}
        scores = " and ".join(["CIDEr-D", *(name for name, weight in others.items() if weight)])
        what = (
            f"self-critical training on {scores}, {config.self_critical.samples} captions drawn for each picture"
        )
    else:
        what = "cross-entropy"
    if config.training.teachers:
        number = len(expand_paths(config.training.teachers))
        what += f" and what {several(number, 'trained model')} would say"
    if config.training.pseudo_captions:
        what += " on captions of people and of a model"
    encoder = "encoder and decoder" if config.encoder.trainable else "decoder"
    return f"{config.decoder.kind}, {what}, {epochs:g} epoch{'' if epochs == 1 else 's'}, {encoder} trained"


def outside_expectation(config: Config, scores: Mapping[str, float]) -> list[str]:
    """One sentence a score that lies outside the recipe's stated range; none where all is as it should be."""
    expect, found = config.expect, []
    for name, low, high in (
        ("CIDEr-D", expect.cider_d_low, expect.cider_d_high),
        ("BLEU-4", expect.bleu_4_low, expect.bleu_4_high),
    ):
        if not low and not high:
            continue  # of it the recipe states nothing
        stated = f"{low:g} to {high:g}" if low and high else f"{low:g} or more" if low else f"{high:g} or less"
        if name not in scores:  # CIDEr-D, where one dev picture alone could be read
            found.append(f"{name} was not computed; the recipe's range is {stated}.")
            continue
        value = 100 * scores[name]
        if (low and value < low) or (high and value > high):
            found.append(f"{name} {value:.1f} lies outside the recipe's range of {stated}.")
    return found
