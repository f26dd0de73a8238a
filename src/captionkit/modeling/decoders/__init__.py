"""The word networks, by the name that a recipe gives in `decoder.kind`."""

from __future__ import annotations

from captionkit.config import DecoderConfig
from captionkit.errors import ConfigError, nearest
from captionkit.modeling.decoders.attention_lstm import AttentionLSTMDecoder
from captionkit.modeling.decoders.base import Decoder, State
from captionkit.modeling.decoders.lstm import LSTMDecoder
from captionkit.modeling.decoders.multihead_lstm import MultiheadLSTMDecoder
from captionkit.modeling.decoders.transformer import TransformerDecoder

__all__ = ["DECODERS", "Decoder", "State", "build_decoder"]

DECODERS: dict[str, type[Decoder]] = {
    "lstm": LSTMDecoder,
    "attention_lstm": AttentionLSTMDecoder,
    "multihead_lstm": MultiheadLSTMDecoder,
    "transformer": TransformerDecoder,
}


def build_decoder(config: DecoderConfig, *, vocabulary: int, positions: int, depth: int, seed: int = 0) -> Decoder:
    """A decoder with fresh weights, for V words (specials included) and features of P `positions` and `depth` D.

    `seed` is that of the initial weights and of dropout.

    Raises:
        ConfigError: no decoder of that kind.
    """
    if config.kind not in DECODERS:
        raise ConfigError(f"Unknown decoder.kind '{config.kind}'; {nearest(config.kind, DECODERS)}")
    decoder = DECODERS[config.kind](config, vocabulary, seed=seed)
    decoder.build((None, positions, depth))
    return decoder
