"""A caption model -> two LiteRT models -> a bundle.

Letters: B rows, S side of the picture, P grid positions, D feature depth, V vocabulary.
"""

from __future__ import annotations

import captionkit.before_tensorflow  # noqa: F401

# isort: split
import contextlib
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from captionkit import __version__
from captionkit.bundle import Bundle, Decoding, Leaf, Manifest, Network, write_bundle
from captionkit.config import Config, write_config
from captionkit.engine import EncoderEngine, Engine
from captionkit.errors import TrainingError, UsageError
from captionkit.modeling.caption_model import CaptionModel
from captionkit.modeling.decoders import Decoder
from captionkit.modeling.weights import pack_weights
from captionkit.selftest import make_selftest
from captionkit.tokenizer import Tokenizer

Pictures = Iterable[npt.NDArray[np.uint8]]


def export_encoder(encoder: keras.Model, *, calibration: Pictures | None = None) -> bytes:
    """The picture network as a LiteRT model with the signature `encode`.

    Args:
        encoder: uint8 [B, S, S, 3] -> float32 [B, P, D].
        calibration: pictures uint8 [S, S, 3], about a hundred, like those that will be captioned. With them,
            weights and activations become int8, the scale of each activation taken from what these pictures
            give (post-training quantisation, Jacob et al. 2018); inputs and outputs keep their types.

    Returns:
        A LiteRT model with built-in operations only.
    """

    def prepare(converter: Any) -> None:
        if calibration is None:
            return
        pictures = list(calibration)
        if not pictures:
            raise UsageError("Expected calibration pictures for an int8 encoder, but got none.")
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: (("encode", {"images": picture[None]}) for picture in pictures)

    return _convert({"encode": encoder_signature(encoder)}, encoder.variables, prepare)


def to_litert(encoder: keras.Model) -> EncoderEngine:
    """The encoder under LiteRT, in float32: for many pictures, which it encodes faster than TensorFlow.

    Measured on 2 cores, pictures a second under TensorFlow (a graph, 16 or 32 pictures a batch) and LiteRT:
    EfficientNet-Lite2 25 and 50, EfficientNet-B0 39 and 86, MobileNetV3-small 183 and 412, ResNet50 12.7 and 13.8,
    VGG16 3.7 and 4.8. To convert the first takes 10 s.
    """
    positions, depth = encoder.output_shape[1:]
    return EncoderEngine(
        export_encoder(encoder), image_size=encoder.input_shape[1], positions=positions, depth=depth
    )


def export_decoder(
    decoder: Decoder, *, positions: int, depth: int, int8: bool = False, float16: bool = False
) -> tuple[bytes, bool, dict[str, Leaf]]:
    """The word network as a LiteRT model with the signatures `start` and `step`.

    Args:
        positions, depth: P and D of the features that the decoder was built for.
        int8: whether the weights become int8, each matrix with a scale a column; activations are quantised as
            they come (dynamic-range quantisation), and inputs and outputs stay float32.
        float16: whether the weights are stored as float16, half the size; products stay float32.

    Returns:
        A LiteRT model with built-in operations only, whether a step gives attention, and the leaves of the state.
    """

    def prepare(converter: Any) -> None:
        if int8 or float16:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if float16:
            converter.target_spec.supported_types = [tf.float16]

    start, step = decoder_signatures(decoder, positions, depth)
    model = _convert({"start": start, "step": step}, decoder.variables, prepare)
    return model, *state_of(start, step)


def export_bundle(
    path: Path | str,
    model: CaptionModel,
    tokenizer: Tokenizer,
    *,
    name: str,
    licences: Mapping[str, str],
    decoding: Decoding,
    card: str,
    config: Config | None = None,
    calibration: Pictures | None = None,
    int8_decoder: bool = False,
    float16_decoder: bool = False,
    keep_weights: bool = False,
) -> Bundle:
    """Export both networks and write the bundle, with a self-test that it was seen to pass.

    Args:
        path: the file to write; `.captionkit` is its usual ending.
        tokenizer: the vocabulary the decoder was trained with.
        name: of the model, for people.
        licences: what is in it to its licence or terms.
        decoding: how captions are searched for by default.
        card: the model card, Markdown.
        calibration: makes the encoder int8, see `export_encoder`.
        int8_decoder, float16_decoder: what the decoder's weights are, see `export_decoder`.
        keep_weights: whether the float weights go in, to go on training from.

    Returns:
        What was written.

    Raises:
        UsageError: a model without an encoder or of another vocabulary, or no pictures to calibrate on.
        BundleError: see `write_bundle`.
        TrainingError: no room for temporary files.
        WriteError: the file cannot be written.
    """
    whole = encoder_beside(model, tokenizer)
    encoder = export_encoder(whole, calibration=calibration)
    _, positions, depth = whole.output_shape
    decoder, attention, state = export_decoder(
        model.decoder, positions=positions, depth=depth, int8=int8_decoder, float16=float16_decoder
    )
    precision = {
        "encoder": "float32" if calibration is None else "int8",
        "decoder": "int8" if int8_decoder else "float16" if float16_decoder else "float32",
    }
    network = network_of(whole, model.decoder, attention, state, precision)
    engine = Engine(network, encoder, decoder)
    bundle = Bundle(
        source=str(path),
        manifest=Manifest(name=name, made_with=f"captionkit {__version__}", network=network, licences=licences),
        tokenizer=tokenizer,
        decoding=decoding,
        selftest=make_selftest(engine, tokenizer, max_length=decoding.max_length),
        encoder=encoder,
        decoder=decoder,
        card=card,
        config=None if config is None else write_config(config),
        weights=pack_weights(model.weights()) if keep_weights else None,
    )
    write_bundle(path, bundle)
    return bundle


def network_of(
    encoder: keras.Model, decoder: Decoder, attention: bool, state: dict[str, Leaf], precision: dict[str, str]
) -> Network:
    """The shapes of both networks, as whoever runs them has to know them."""
    _, positions, depth = encoder.output_shape
    return Network(
        image_size=encoder.input_shape[1],
        positions=positions,
        depth=depth,
        vocabulary=decoder.vocabulary,
        attention=attention,
        state=state,
        precision=precision,
    )


def encoder_beside(model: CaptionModel, tokenizer: Tokenizer) -> keras.Model:
    """The encoder of a model that can be exported with this tokenizer.

    Raises:
        UsageError: the model has none, or has another vocabulary.
    """
    if model.encoder is None:
        raise UsageError("Expected a model with an encoder to export, but this one was built on features alone.")
    if len(tokenizer) != model.decoder.vocabulary:
        raise UsageError(
            "Expected the tokenizer that the decoder was trained with, of "
            f"{model.decoder.vocabulary:,} words, but got one of {len(tokenizer):,}."
        )
    return model.encoder


def encoder_signature(encoder: keras.Model) -> Any:
    """The concrete function of `encode`: images uint8 [B, S, S, 3] -> features float32 [B, P, D]."""
    size = encoder.input_shape[1]
    if not isinstance(size, int):
        raise UsageError("Expected an encoder for pictures of one size; build it with an image size.")

    def encode(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"features": encoder(images, training=False)}

    return tf.function(encode, autograph=False).get_concrete_function(_spec("images", (size, size, 3), "uint8"))


def decoder_signatures(decoder: Decoder, positions: int, depth: int) -> tuple[Any, Any]:
    """Concrete functions of `start` and `step` with flat, named inputs and outputs."""

    def start(features: tf.Tensor) -> dict[str, tf.Tensor]:
        return {f"state_{name}": leaf for name, leaf in decoder.start(features).items()}

    def step(ids: tf.Tensor, state: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        leaves = {name.removeprefix("state_"): leaf for name, leaf in state.items()}
        logits, attention, changed = decoder.step(leaves, ids)
        given = {f"next_{name}": leaf for name, leaf in changed.items()}
        if attention is not None:
            given["attention"] = attention
        return {"logits": logits, **given}

    traced = tf.function(start, autograph=False)
    started = traced.get_concrete_function(_spec("features", (positions, depth), "float32"))
    state = {
        name: _spec(name, tuple(leaf.shape[1:]), leaf.dtype.name)
        for name, leaf in started.structured_outputs.items()
    }
    return started, tf.function(step, autograph=False).get_concrete_function(_spec("ids", (), "int32"), state)


def state_of(start: Any, step: Any) -> tuple[bool, dict[str, Leaf]]:
    """Whether a step gives attention, and the leaves of the state."""
    given = step.structured_outputs
    return "attention" in given, {
        name.removeprefix("state_"): Leaf(
            shape=tuple(int(size) for size in leaf.shape[1:]),
            dtype=leaf.dtype.name,
            changes=f"next_{name.removeprefix('state_')}" in given,
        )
        for name, leaf in sorted(start.structured_outputs.items())
    }


def _spec(name: str, shape: tuple[int, ...], dtype: str) -> tf.TensorSpec:
    return tf.TensorSpec([None, *shape], tf.dtypes.as_dtype(dtype), name=name)


def _convert(
    signatures: Mapping[str, Any], variables: Iterable[keras.Variable], prepare: Callable[[Any], None]
) -> bytes:
    """A LiteRT model of these signatures; weights that they share are stored once."""
    with temporary_folder() as folder, warnings.catch_warnings():
        # TensorFlow 2.21 announces the converter's move to a package of its own, which is not there yet.
        warnings.filterwarnings("ignore", message=".*deprecated.*", module="tensorflow.*")
        try:
            save_signatures(folder, signatures, variables)
        except tf.errors.OpError as error:
            raise _no_room(f"{folder}: {error.message}") from None
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(signatures))
        prepare(converter)
        return bytes(converter.convert())


def save_signatures(folder: str, signatures: Mapping[str, Any], variables: Iterable[keras.Variable]) -> None:
    """Write a SavedModel of these signatures; raises what TensorFlow raises."""
    holder = tf.Module()
    # What the saved module tracks is saved with it, and tf.Module tracks tf.Variables only.
    holder.weights = [variable.value for variable in variables]
    tf.saved_model.save(holder, folder, signatures=dict(signatures))


@contextlib.contextmanager
def temporary_folder() -> Iterator[str]:
    """A folder for what is in between, gone afterwards.

    Raises:
        TrainingError: none can be made.
    """
    try:
        made = tempfile.TemporaryDirectory()
    except OSError as error:
        raise _no_room(error.strerror or str(error)) from None
    with made as folder:
        yield folder


def _no_room(reason: str) -> TrainingError:
    return TrainingError(
        f"Expected room for temporary files, which an export needs, but the system refused ({reason[:300]}); free "
        "some, or name another folder in TMPDIR."
    )
