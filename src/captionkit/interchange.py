"""A caption model for programs that are not captionkit: a TensorFlow SavedModel, or ONNX networks.

Both compute in float32 what the networks of a bundle compute, with the same inputs and outputs; docs/formats.md
describes them.
"""

from __future__ import annotations

import captionkit.before_tensorflow  # noqa: F401

# isort: split
import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import tensorflow as tf

from captionkit import __version__
from captionkit.bundle import Decoding, text_members
from captionkit.bundle.fields import write_json
from captionkit.errors import UsageError, WriteError
from captionkit.export import (
    decoder_signatures,
    encoder_beside,
    encoder_signature,
    network_of,
    save_signatures,
    state_of,
)
from captionkit.files import new_folder, write_bytes
from captionkit.modeling.caption_model import CaptionModel
from captionkit.tokenizer import Tokenizer

OPSET = 18  # the latest that tf2onnx 1.17 writes


def export_networks(
    folder: Path | str,
    model: CaptionModel,
    tokenizer: Tokenizer,
    *,
    name: str,
    licences: Mapping[str, str],
    decoding: Decoding,
    onnx: bool = False,
) -> None:
    """Write `encode`, `start` and `step`, and the files that say how to use them.

    Args:
        folder: the folder to make; it may be there, empty.
        model, tokenizer, name, licences, decoding: as for `export_bundle`.
        onnx: as encoder.onnx, start.onnx and step.onnx, which needs captionkit[onnx]; else as the signatures of a
            SavedModel.

    Raises:
        UsageError: see `encoder_beside`; a model with operations that tf2onnx cannot convert, as ConvNeXt's.
        WriteError: the folder cannot be written.
    """
    encoder = encoder_beside(model, tokenizer)
    _, positions, depth = encoder.output_shape
    start, step = decoder_signatures(model.decoder, positions, depth)
    precision = {"encoder": "float32", "decoder": "float32"}
    network = network_of(encoder, model.decoder, *state_of(start, step), precision)
    about = {"name": name, "made_with": f"captionkit {__version__}", "network": asdict(network)}
    about["licences"] = dict(licences)
    texts = {"model.json": write_json(about), **text_members(tokenizer, network.image_size, decoding)}
    signatures = {"encode": encoder_signature(encoder), "start": start, "step": step}
    with new_folder(folder) as made:
        for file, data in texts.items():
            write_bytes(made / file, data)
        if onnx:
            for file, key in (("encoder", "encode"), ("start", "start"), ("step", "step")):
                write_bytes(made / f"{file}.onnx", _onnx(signatures[key]))
            return
        try:
            save_signatures(str(made), signatures, model.variables().values())
        except tf.errors.OpError as error:
            raise WriteError(folder, OSError(error.message[:300])) from None


def _onnx(signature: Any) -> bytes:
    """The ONNX network of a concrete function; inputs and outputs keep their names."""
    import onnx
    from tf2onnx.convert import from_function

    taken, _ = signature.structured_input_signature
    traceable = tf.function(lambda *inputs: signature(*inputs), autograph=False)
    logging.getLogger("tf2onnx").setLevel(logging.CRITICAL)  # what it cannot convert is told below, once
    network, _ = from_function(traceable, input_signature=taken, opset=OPSET)
    # What the converter does not know it leaves in, and no program would load that.
    unknown = sorted({one.op_type for one in network.graph.node if not onnx.defs.has(one.op_type, one.domain)})
    if unknown:
        raise UsageError(
            f"Expected a model that ONNX has words for, but tf2onnx has none for {', '.join(unknown)}, which "
            "its encoder computes; export it with --saved-model."
        )
    # The converter numbers the sizes that it does not know, the batch and some that TensorFlow knows.
    shapes = {one.name: one.shape for one in tf.nest.flatten(taken)}
    shapes |= {name: one.shape for name, one in signature.structured_outputs.items()}
    for value in (*network.graph.input, *network.graph.output):
        for axis, size in zip(value.type.tensor_type.shape.dim, shapes[value.name], strict=True):
            if size is None:
                axis.dim_param = "B"
            else:
                axis.dim_value = size
    return bytes(network.SerializeToString())
