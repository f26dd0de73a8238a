"""A whole model, small enough to export in a second: a convolution, an LSTM, forty words, random weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from captionkit.bundle import Decoding
from captionkit.captioner import Captioner
from captionkit.records import ImageRecord
from captionkit.selftest import draw_picture
from captionkit.tokenizer import Tokenizer

if TYPE_CHECKING:
    import keras

    from captionkit.config import Config
    from captionkit.modeling.caption_model import CaptionModel
    from captionkit.modeling.decoders import Decoder
    from captionkit.modeling.encoders import EncoderSpec

IMAGE_SIZE, POSITIONS, DEPTH = 32, 16, 8

WORDS = ["a", "the", "dog", "dogs", "cat", "man", "woman", "men", "child", "children", "red", "blue", "green"]
WORDS += ["ball", "grass", "water", "beach", "street", "runs", "running", "jumps", "sitting", "stands", "plays"]
WORDS += ["on", "in", "with", "of", "at", "through", "over", "and", "two", "three", "small", "large", "is", "are"]


def tiny_tokenizer() -> Tokenizer:
    """Some forty words and the specials."""
    return Tokenizer(WORDS)


def tiny_decoding() -> Decoding:
    """Short captions."""
    return Decoding(beams=3, max_length=10, bad_endings=("a", "the", "with", "of", "in", "on"))


def tiny_model(seed: int = 0, kind: str = "lstm") -> tuple[CaptionModel, Config]:
    """A tiny model with a decoder of a kind and weights drawn from `seed`."""
    import keras

    from captionkit.config import Config, DecoderConfig
    from captionkit.modeling.caption_model import CaptionModel
    from captionkit.modeling.decoders import build_decoder

    tokenizer = tiny_tokenizer()
    images = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 3), dtype="uint8", name="image")
    scaled = keras.layers.Rescaling(1 / 128.0, offset=-1.0)(images)
    grid = keras.layers.Conv2D(
        DEPTH, 8, strides=8, activation="relu6", kernel_initializer=keras.initializers.GlorotNormal(seed=seed)
    )(scaled)
    encoder = keras.Model(images, keras.layers.Reshape((POSITIONS, DEPTH))(grid), name="encoder")
    config = Config(
        decoder=DecoderConfig(kind=kind, units=16, embedding=12 if kind == "lstm" else 16, layers=2, heads=4)
    )
    decoder = build_decoder(config.decoder, vocabulary=len(tokenizer), positions=POSITIONS, depth=DEPTH, seed=seed)
    # Fresh weights find all words about equally likely; sharper ones make captions that differ by picture.
    decoder.embedding.assign(decoder.embedding * 20)
    decoder.output_kernel.assign(decoder.output_kernel * 6)
    if kind == "lstm":
        decoder.image_kernel.assign(decoder.image_kernel * 3)
    decoder.output_bias.assign(np.where(np.arange(len(tokenizer)) == 2, 2.0, 0.0))
    return CaptionModel(encoder, decoder), config


def export_tiny(path: Path, seed: int = 0, kind: str = "lstm") -> None:
    """Write the bundle of a tiny model."""
    from captionkit.export import export_bundle

    model, config = tiny_model(seed, kind)
    export_bundle(
        path,
        model,
        tiny_tokenizer(),
        name="tiny",
        licences={"weights": "CC0-1.0", "data": "none: the weights are random"},
        decoding=tiny_decoding(),
        card="# Tiny\n\nRandom weights, for tests.\n",
        config=config,
        keep_weights=True,
    )


def tiny_backbone(image_size: int, _: str | None) -> keras.Model:
    """Three convolutions with batch norm, whose weights tell pictures apart and are the same at every building."""
    import keras

    images = x = keras.Input((image_size, image_size, 3))
    for number, (filters, strides) in enumerate(((8, 4), (16, 2), (24, 2))):
        x = keras.layers.Conv2D(
            filters,
            3,
            strides=strides,
            padding="same",
            use_bias=False,
            kernel_initializer=keras.initializers.HeNormal(seed=number),
            name=f"convolution_{number}",
        )(x)
        x = keras.layers.BatchNormalization(name=f"normalization_{number}")(x)
        x = keras.layers.ReLU(6.0, name=f"relu_{number}")(x)
    return keras.Model(images, x)


def tiny_encoder_spec() -> EncoderSpec:
    """What `captionkit.modeling.encoders.ENCODERS` would say of it."""
    from captionkit.modeling.encoders import EncoderSpec

    signed = (127.5, 127.5, 127.5)
    return EncoderSpec(tiny_backbone, 32, "tiny.h5", mean=signed, std=signed)


def draw_records(bundle: Path, root: Path, number: int) -> list[ImageRecord]:
    """Pictures whose references hold the model's own words the likelier, the surer the model is of them."""
    paths = []
    for seed in range(number):
        paths.append(root / f"{seed}.png")
        paths[-1].write_bytes(draw_picture(seed, size=32))
    random = np.random.default_rng(0)
    found = Captioner.load(bundle, threads=1).caption(paths)
    means = np.array([np.mean(one.captions[0].token_log_probabilities) for one in found])
    ranks = means.argsort().argsort() / number
    result = []
    for path, one, rank in zip(paths, found, ranks, strict=True):
        own = " ".join(one.captions[0].tokens)
        texts = tuple(own if random.random() < rank else " ".join(random.choice(WORDS, 7)) for _ in range(5))
        result.append(ImageRecord(path.name, path, texts, "val", "made"))
    return result


def write_table(path: Path, records: Sequence[ImageRecord]) -> Path:
    """The captions of pictures that lie beside it, as a JSONL table."""
    lines = [json.dumps({"image": record.path.name, "captions": record.captions}) for record in records]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def expect_steps(engine: Any, decoder: Decoder, features: np.ndarray, words: np.ndarray) -> None:
    """`engine.start` and `engine.step` compute what a decoder does, for features [B, P, D] and words [T, B]."""
    state = engine.start(features)
    expected = {name: np.asarray(leaf) for name, leaf in decoder.start(features).items()}
    assert state.keys() == expected.keys()
    for ids in words.astype(np.int32):
        logits, attention, changed = decoder.step(expected, ids)
        got_logits, got_attention, got_changed = engine.step(state, ids)
        np.testing.assert_allclose(got_logits, np.asarray(logits), atol=1e-4)
        assert (attention is None) == (got_attention is None)
        if attention is not None:
            np.testing.assert_allclose(got_attention, np.asarray(attention), atol=1e-4)
            np.testing.assert_allclose(got_attention.sum(axis=1), 1, atol=1e-5)
        assert got_changed.keys() == changed.keys()
        expected.update({name: np.asarray(leaf) for name, leaf in changed.items()})
        state.update(got_changed)
        for name, leaf in expected.items():
            np.testing.assert_allclose(state[name], leaf, atol=1e-4, err_msg=name)
