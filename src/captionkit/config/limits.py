"""Which numbers a configuration may hold, and which go together.

Checked where it is read: such a number would otherwise end a run after an hour of encoding, or spoil it unnoticed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from captionkit.errors import ConfigError, nearest

if TYPE_CHECKING:
    from captionkit.config.settings import Config


@dataclass(frozen=True, slots=True)
class Range:
    """From `low` to `high`; `open_low` and `open_high` leave out the end itself."""

    low: float
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    def __contains__(self, value: float) -> bool:
        above = value > self.low if self.open_low else value >= self.low
        return above and (value < self.high if self.open_high else value <= self.high)

    def __str__(self) -> str:
        if self.high == math.inf:
            return f"more than {self.low:g}" if self.open_low else f"{self.low:g} or more"
        return f"{self.low:g} to {'less than ' if self.open_high else ''}{self.high:.10g}"


_ANY, _SOME, _SHARE = Range(0), Range(1), Range(0, 1)
_POSITIVE, _PART = Range(0, open_low=True), Range(0, 1, open_high=True)

RANGES: dict[str, Range] = {
    "data.max_bad": _SHARE,
    "more_data.max_bad": _SHARE,
    "tokenizer.min_count": _SOME,
    "tokenizer.max_length": _SOME,
    "encoder.frozen": _PART,
    "decoder.units": _SOME,
    "decoder.embedding": _SOME,
    "decoder.layers": _SOME,
    "decoder.heads": _SOME,
    "decoder.dropout": _PART,
    "decoder.word_dropout": _PART,
    "decoder.grid_layers": _ANY,
    "decoder.positions": _SOME,
    "decoder.doubly_stochastic": _ANY,
    "training.epochs": _ANY,
    "training.batch_size": _SOME,
    "training.captions_per_image": _SOME,
    "training.more_data_times": _SOME,
    "training.learning_rate": _POSITIVE,
    "training.final_rate": _SHARE,
    "training.warmup_steps": _ANY,
    "training.weight_decay": _ANY,
    "training.label_smoothing": _SHARE,
    "training.consensus": _SHARE,
    "training.clip_norm": _POSITIVE,
    "training.ema": _PART,
    "training.eval_beams": Range(1, 100),
    "training.eval_every": _SOME,
    "training.patience": _ANY,
    "training.checkpoint_minutes": _ANY,
    "training.seed": Range(0, 2**32 - 1),  # what numpy and TensorFlow take
    "training.teachers_share": _SHARE,
    "training.encoder_rate": _ANY,
    "training.views": _SOME,
    "self_critical.samples": _ANY,
    "self_critical.cross_entropy": _SHARE,
    "self_critical.temperature": _POSITIVE,
    "self_critical.rouge_l": _ANY,
    "self_critical.bleu_4": _ANY,
    # As a bundle may hold them (`captionkit.bundle.manifest.Decoding`).
    "decoding.beams": Range(1, 100),
    "decoding.max_length": Range(1, 1000),
    "decoding.length_penalty": Range(0, 10),
    "decoding.no_repeat_ngram": Range(0, 100),
}

NAMES: dict[str, tuple[str, ...]] = {
    # The keys of `modeling.encoders.ENCODERS` and `modeling.decoders.DECODERS`, which import TensorFlow.
    "encoder.name": (
        "vgg16",
        "vgg19",
        "resnet50",
        "resnet101",
        "inception_v3",
        "mobilenet_v3_small",
        "mobilenet_v3_large",
        "efficientnet_b0",
        "efficientnet_b1",
        "efficientnet_b2",
        "efficientnet_b3",
        "efficientnet_v2_s",
        "convnext_tiny",
        "efficientnet_lite0",
        "efficientnet_lite1",
        "efficientnet_lite2",
    ),
    "decoder.kind": ("lstm", "attention_lstm", "multihead_lstm", "transformer"),
}


def check_value(name: str, value: Any, source: str) -> None:
    """Make sure that a value is one that its key, `section.key`, may have: a number in its range, a known network.

    Raises:
        ConfigError: it is not.
    """
    if name in RANGES and value not in RANGES[name]:
        raise ConfigError(f"{source}: expected {name} of {RANGES[name]}, but got {value!r}.")
    if name in NAMES and value not in NAMES[name]:
        raise ConfigError(f"{source}: unknown {name} {value!r}; {nearest(value, NAMES[name])}")


def check_together(config: Config, source: str) -> None:
    """Make sure that keys fit each other, each of them being allowed by itself.

    Raises:
        ConfigError: two do not.
    """
    decoder, training = config.decoder, config.training
    if config.self_critical.samples == 1:
        raise ConfigError(
            f"{source}: expected self_critical.samples of 2 or more, or 0 for none, but got 1; a sample is "
            "compared with its picture's others."
        )
    for key in ("teachers", "consensus") if config.self_critical.samples else ():
        if getattr(training, key):
            raise ConfigError(
                f"{source}: training.{key} has no part in self-critical training; leave it out, or set "
                "self_critical.samples = 0."
            )
    if not config.bundle.name.strip():
        raise ConfigError(f"{source}: expected a name of the model for bundle.name, but it is empty.")
    if training.epochs == 0 and not training.begin_from:
        raise ConfigError(
            f"{source}: expected training.epochs of 1 or more, but got 0 without training.begin_from; nothing "
            "would be trained, and the weights would stay random."
        )
    if decoder.kind in ("multihead_lstm", "transformer") and decoder.units % decoder.heads:
        raise ConfigError(
            f"{source}: expected decoder.heads to divide decoder.units, but {decoder.heads} does not divide "
            f"{decoder.units}."
        )
    if decoder.kind == "transformer":
        if decoder.embedding != decoder.units:
            raise ConfigError(
                f"{source}: expected decoder.embedding = decoder.units for a transformer, but got "
                f"{decoder.embedding} and {decoder.units}; set both to the same number."
            )
        # One position for each word and one for bos, which stands before the first.
        longest = max(config.tokenizer.max_length, config.decoding.max_length)
        if decoder.positions <= longest:
            raise ConfigError(
                f"{source}: expected decoder.positions of more than tokenizer.max_length and decoding.max_length "
                f"({longest}), but got {decoder.positions}; set it to {longest + 1} or more."
            )
