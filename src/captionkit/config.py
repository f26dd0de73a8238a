"""Configuration: frozen dataclasses, written as TOML, overridden by `section.key=value`.

A recipe under `configs/` holds only what differs from the defaults here. An unknown key is an error that
names the nearest known one. Reading and writing are inverse: `read_config(write(config)) == config`.
"""

from __future__ import annotations

import dataclasses
import json
import math
import tomllib
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from captionkit.config_limits import check_name, check_number, check_together
from captionkit.errors import ConfigError, nearest

MAX_CONFIG_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class DataConfig:
    """Where pictures and captions are; paths may hold `$CAPTIONKIT_DATA`.

    Attributes:
        format: a name from `captionkit.datasets.READERS`.
        captions: the caption file (or folder) of that format.
        images: the folder that picture paths are relative to.
        train, val: the split names used for training and for choosing.
        restval: whether Karpathy's "restval" counts as train.
        train_list, val_list, test_list: split list files, for formats that keep them apart (Flickr8k); for COCO,
            lists of numbers choose among its pictures.
        image_column, caption_column, split_column, id_column: the columns of a table; empty means by their
            usual names. `caption_column` may name several, with commas between.
        max_bad: the share of entries of the caption file, and of pictures to train on, that may be bad; these are
            left out, and told.
    """

    format: str = "karpathy"
    captions: str = "$CAPTIONKIT_DATA/flickr8k/dataset_flickr8k.json"
    images: str = "$CAPTIONKIT_DATA/flickr8k/images"
    train: str = "train"
    val: str = "val"
    restval: bool = True
    train_list: str = ""
    val_list: str = ""
    test_list: str = ""
    image_column: str = ""
    caption_column: str = ""
    split_column: str = ""
    id_column: str = ""
    max_bad: float = 0.01


@dataclass(frozen=True, slots=True)
class TokenizerConfig:
    """The vocabulary: words seen at least `min_count` times in train captions."""

    min_count: int = 4
    max_length: int = 20  # words of a caption that training sees, without bos and eos


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """The picture network: a name from `captionkit.modeling.encoders.ENCODERS`.

    `weights` is "imagenet", "none" or a file; of several files, separated by spaces, the mean. `image_size` 0 is
    the network's own. `pooled` averages the grid to one position. `trainable` lets its convolutions learn too, but
    for the first `frozen` of its layers (a share, 0 to 1, counted from the pixels): these tell edges and textures
    apart, which is the same for all pictures, and the backward pass through them is dear.
    """

    name: str = "efficientnet_lite2"
    weights: str = "imagenet"
    image_size: int = 0
    pooled: bool = False
    trainable: bool = False
    frozen: float = 0.0

    @property
    def weight_files(self) -> str:
        """`weights` where they are files, those of a run; empty where they are published or random ones."""
        return "" if self.weights in ("imagenet", "none") else self.weights


@dataclass(frozen=True, slots=True)
class DecoderConfig:
    """The word network.

    Attributes:
        kind: a name from `captionkit.modeling.decoders.DECODERS`.
        units, embedding, layers, heads: its sizes; each decoder's docstring says which it uses.
        dropout: share of units dropped; word_dropout: share of words dropped whole.
        tied: whether the output layer reads the word embedding.
        grid_layers: self-attention layers over the grid (transformer).
        positions: more than the words that a sentence may have (transformer).
        bfloat16: whether training computes matrix products in bfloat16 on processors that have instructions for it
            (AVX512-BF16 or AMX); others compute them in float32, which is faster there.
        doubly_stochastic: weight of the term that asks each grid position to be looked at once (attention_lstm).
    """

    kind: str = "lstm"
    units: int = 512
    embedding: int = 512
    layers: int = 1
    heads: int = 8
    dropout: float = 0.4
    word_dropout: float = 0.0
    tied: bool = False
    grid_layers: int = 1
    positions: int = 32
    doubly_stochastic: float = 0.0
    bfloat16: bool = False


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """Cross-entropy training.

    Attributes:
        epochs: passes over the train pictures; with 0 nothing is trained: the run is what `begin_from` names.
        batch_size: pictures a step; each brings `captions_per_image` captions.
        more_data_times: how often an epoch each picture of `more_data` comes: more than once where there are few.
        learning_rate: the peak, reached after `warmup_steps`, followed by a cosine to `final_rate` of it.
        weight_decay: decoupled (AdamW); biases and vectors are exempt.
        label_smoothing: probability mass spread over the whole vocabulary.
        consensus: how much more those captions count that say what a picture's others say: from 0, all alike, to
            1, in proportion to their CIDEr-D against the others; see `captionkit.training.consensus`.
        clip_norm: global gradient norm limit.
        ema: decay of the weight average that is evaluated and exported; 0 turns it off.
        eval_beams, eval_every: how dev captions are decoded to choose the model, and every how many epochs.
        patience: evaluations without a better CIDEr before the run stops.
        checkpoint_minutes: wall-clock minutes between checkpoints.
        seed: of weights, data order and dropout.
        begin_from: the folder of a run whose best weights this one starts from, or a bundle that was exported
            with its weights; of several, separated by spaces, the mean of the weights; empty for fresh ones.
        teachers: folders of finished runs or such bundles, separated by spaces, whose word probabilities are
            learned too (knowledge distillation); empty for none.
        teachers_share: of the loss, 0 to 1.
        pseudo_captions: a table that `captionkit caption PICTURES --n 5 --csv` wrote of the train
            pictures; its captions are learned beside those of people (sequence-level knowledge distillation).
            Empty for none.
        encoder_rate: factor on the learning rate for the layers of a trainable encoder.
        augment: whether a trainable encoder sees other crops, colours and mirrorings of the pictures.
        views: of how many such views (the picture itself among them) the features of a frozen encoder are
            computed; training draws one each time. Each costs the time and the room of the first.
    """

    epochs: int = 12
    batch_size: int = 32
    captions_per_image: int = 5
    more_data_times: int = 1
    learning_rate: float = 8e-4
    final_rate: float = 0.02
    warmup_steps: int = 200
    weight_decay: float = 0.01
    label_smoothing: float = 0.1
    consensus: float = 0.0
    clip_norm: float = 5.0
    ema: float = 0.0
    eval_beams: int = 3
    eval_every: int = 1
    patience: int = 3
    checkpoint_minutes: float = 5.0
    seed: int = 1
    begin_from: str = ""
    teachers: str = ""
    teachers_share: float = 0.5
    pseudo_captions: str = ""
    encoder_rate: float = 0.25
    augment: bool = True
    views: int = 1


@dataclass(frozen=True, slots=True)
class SelfCriticalConfig:
    """Training on the score itself, after cross-entropy; rates and times are those of `[training]`.

    Attributes:
        samples: captions drawn for each picture, 2 or more; 0 for cross-entropy training.
        cross_entropy: share of cross-entropy in the loss, 0 to 1.
        temperature: of the policy that is sampled and trained; label smoothing leaves up to a tenth of the
            probability on words that fit nowhere, which a temperature below 1 keeps out of the samples.
        dropout: whether units are dropped while the policy is trained.
        rouge_l, bleu_4: how much these scores, 0 to 1, add to the reward beside CIDEr-D, which reaches 10.
    """

    samples: int = 0
    cross_entropy: float = 0.0
    temperature: float = 1.0
    dropout: bool = False
    rouge_l: float = 0.0
    bleu_4: float = 0.0


@dataclass(frozen=True, slots=True)
class DecodingConfig:
    """How captions are searched for, on dev and by default from the bundle.

    Attributes:
        beams, max_length, length_penalty: of beam search; the length is in words.
        no_repeat_ngram: no caption says the same n words in a row twice; 0 for no limit.
        bad_endings: words, separated by spaces, that a caption may not end with.
    """

    beams: int = 3
    max_length: int = 20
    length_penalty: float = 0.7
    no_repeat_ngram: int = 3
    bad_endings: str = "a an the of in on at with and to for from by is are his her their its"


@dataclass(frozen=True, slots=True)
class BundleConfig:
    """What the bundle says of itself: its name, and the terms of the data and of the encoder's weights."""

    name: str = "captionkit model"
    data_terms: str = ""
    encoder_terms: str = ""


@dataclass(frozen=True, slots=True)
class ExpectConfig:
    """What the recipe's bundle should reach on dev, x100; `captionkit reproduce` compares. 0 for no limit."""

    cider_d_low: float = 0.0
    cider_d_high: float = 0.0
    bleu_4_low: float = 0.0
    bleu_4_high: float = 0.0


@dataclass(frozen=True, slots=True)
class Config:
    """All that a run depends on. Written into the run's folder and into the bundle.

    `more_data` is a second data set whose train pictures are trained on too; nothing is chosen by it. No caption
    file means none.
    """

    data: DataConfig = field(default_factory=DataConfig)
    more_data: DataConfig = field(default_factory=lambda: DataConfig(captions="", images=""))
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    self_critical: SelfCriticalConfig = field(default_factory=SelfCriticalConfig)
    decoding: DecodingConfig = field(default_factory=DecodingConfig)
    bundle: BundleConfig = field(default_factory=BundleConfig)
    expect: ExpectConfig = field(default_factory=ExpectConfig)


def read_config(path: Path | str, overrides: Sequence[str] = ()) -> Config:
    """Read a TOML recipe and apply `section.key=value` overrides.

    Args:
        path: the TOML file.
        overrides: for example `training.epochs=3`; the value is TOML, or a bare string.

    Returns:
        The configuration, with defaults for all that neither names.

    Raises:
        ConfigError: no such file, not TOML, an unknown key, a value of another type, a number out of range, a
            network that there is not, or values that do not fit each other.
    """
    path = Path(path)
    try:
        with path.open("rb") as handle:
            raw = handle.read(MAX_CONFIG_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            f"Expected a configuration file at {path}, but it cannot be read ({error.strerror}); "
            "give the path of a TOML file such as configs/flickr8k_lite2_lstm.toml."
        ) from None
    if len(raw) > MAX_CONFIG_BYTES:
        raise ConfigError(f"{path} has more bytes than a configuration may ({MAX_CONFIG_BYTES:,}).")
    try:
        text = raw.decode("utf-8-sig")  # Windows' editor begins a file with a byte order mark
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text; write the configuration as TOML in UTF-8.") from None
    return parse_config(text, overrides, source=str(path))


def parse_config(text: str, overrides: Sequence[str] = (), *, source: str = "configuration") -> Config:
    """`read_config` for a string; `source` names it in messages."""
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, thousands of brackets
        raise ConfigError(f"{source} is not valid TOML: {error}.") from None
    for override in overrides:
        _apply_override(document, override)
    config = _build(Config, document, source, prefix="")
    assert isinstance(config, Config)
    check_together(config, source)
    return config


def write_config(config: Config) -> str:
    """The whole configuration as TOML, defaults included, in the order of the dataclasses."""
    lines: list[str] = []
    for section in dataclasses.fields(config):
        lines.append(f"[{section.name}]")
        value = getattr(config, section.name)
        lines += [f"{entry.name} = {_toml(getattr(value, entry.name))}" for entry in dataclasses.fields(value)]
        lines.append("")
    return "\n".join(lines)


def differences(old: Config, new: Config) -> list[str]:
    """One line a key that differs: `training.epochs: 3 -> 5`."""
    lines = []
    for section in dataclasses.fields(Config):
        left, right = getattr(old, section.name), getattr(new, section.name)
        for entry in dataclasses.fields(left):
            a, b = getattr(left, entry.name), getattr(right, entry.name)
            if a != b:
                lines.append(f"{section.name}.{entry.name}: {_toml(a)} -> {_toml(b)}")
    return lines


def _apply_override(document: dict[str, Any], override: str) -> None:
    name, equals, raw = override.partition("=")
    section, dot, key = name.strip().partition(".")
    if not equals or not dot or not key:
        raise ConfigError(
            f"Expected an override of the form section.key=value, but got {override!r}; "
            "for example training.epochs=3."
        )
    try:
        value: Any = tomllib.loads(f"value = {raw}")["value"]
    except (ValueError, RecursionError):
        value = raw  # a bare word is a string: no shell quoting of quotes needed
    table = document.setdefault(section, {})
    if isinstance(table, dict):
        table[key] = value


def _build(kind: type, values: Mapping[str, Any], source: str, prefix: str) -> object:
    hints = typing.get_type_hints(kind)
    unknown = [key for key in values if key not in hints]
    if unknown:
        raise ConfigError(f"{source}: unknown key '{prefix}{unknown[0]}'; {nearest(unknown[0], hints)}")
    arguments: dict[str, Any] = {}
    for key, value in values.items():
        hint = hints[key]
        if dataclasses.is_dataclass(hint):
            if not isinstance(value, Mapping):
                raise ConfigError(f"{source}: expected a table [{key}], but got {value!r}.")
            arguments[key] = _build(typing.cast(type, hint), value, source, prefix=f"{prefix}{key}.")
        else:
            arguments[key] = _check(hint, value, source, prefix + key)
    return kind(**arguments)


def _check(hint: Any, value: Any, source: str, name: str) -> Any:
    """The value as the field's type; an integer is a fine float, nothing else is converted."""
    allowed = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if float in allowed and isinstance(value, int) and not isinstance(value, bool):
        try:
            value = float(value)
        except OverflowError:  # hundreds of digits
            value = math.inf
    if type(value) not in allowed:
        expected = " or ".join(getattr(kind, "__name__", str(kind)) for kind in allowed)
        raise ConfigError(f"{source}: expected {expected} for '{name}', but got {value!r}.")
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{source}: expected a finite number for '{name}', but got {value!r}.")
    if isinstance(value, int | float):
        check_number(name, value, source)
    if isinstance(value, str):
        check_name(name, value, source)
    return value


def _toml(value: object) -> str:
    if isinstance(value, str):
        # A JSON string is a TOML basic string, except that TOML wants DEL escaped too.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    assert isinstance(value, int)
    return str(value)
