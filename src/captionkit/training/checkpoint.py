"""Checkpoints: everything a run needs to go on bit for bit. Tensors as safetensors, the rest as JSON; no pickle.

A checkpoint is two files, `checkpoint.json` and the tensors it names with their SHA-256. The tensors are written
first under a name of their own and the JSON replaces its predecessor by renaming, so that a process killed at
any moment leaves the old checkpoint or the new one.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt
import safetensors
import safetensors.numpy

from captionkit.errors import TrainingError
from captionkit.files import sha256, write_bytes, write_text
from captionkit.modeling.weights import pack_weights

FORMAT = "captionkit-checkpoint-1"
MAX_BYTES = 8_000_000_000
MAX_STATE_BYTES = 256_000_000

Arrays = dict[str, npt.NDArray[Any]]


def write_checkpoint(directory: Path, arrays: Mapping[str, npt.NDArray[Any]], state: Mapping[str, Any]) -> None:
    """Write tensors and a JSON state, which must hold "step", into `directory`, replacing its checkpoint."""
    directory.mkdir(parents=True, exist_ok=True)
    data = pack_weights(arrays)
    digest = sha256(data)
    name = f"state-{state['step']:08d}-{digest[:8]}.safetensors"
    write_bytes(directory / name, data)
    document = {"format": FORMAT, "tensors": name, "sha256": digest, "state": dict(state)}
    write_text(directory / "checkpoint.json", json.dumps(document, indent=1))
    # A temporary file is that of a process that was killed: no two train in one folder.
    for old in (*directory.glob("state-*.safetensors"), *directory.glob(".state-*.tmp")):
        if old.name != name:
            with contextlib.suppress(OSError):
                old.unlink()


def write_weights(path: Path, weights: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write weights alone as one safetensors file, whole or not at all."""
    write_bytes(path, pack_weights(weights))


def read_weights(path: Path) -> Arrays:
    """Read what `write_weights` wrote.

    Raises:
        TrainingError: it cannot be read.
    """
    return _unpacked(path, _read(path))


def read_checkpoint(directory: Path) -> tuple[Arrays, dict[str, Any]]:
    """The tensors and the state that `write_checkpoint` wrote.

    Raises:
        TrainingError: there is none, or it is damaged.
    """
    path = directory / "checkpoint.json"
    try:
        with path.open("rb") as handle:
            document = json.loads(handle.read(MAX_STATE_BYTES))  # one that is longer ends within
    except FileNotFoundError:
        raise TrainingError(
            f"Expected a checkpoint in {directory}, but there is none; give the folder of a run that was started."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise TrainingError(f"The checkpoint {path} cannot be read: {error}.") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise TrainingError(
            f"Expected a checkpoint of format {FORMAT!r} at {path}; it was written by something else."
        )
    state = document.get("state")
    if not isinstance(state, dict):
        raise TrainingError(f"The checkpoint {path} is damaged: it does not say where the run stands.")
    tensors = directory / Path(str(document.get("tensors"))).name
    data = _read(tensors)
    if sha256(data) != document.get("sha256"):
        raise TrainingError(f"The checkpoint's tensors {tensors} are damaged: their SHA-256 does not match.")
    return _unpacked(tensors, data), state


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise TrainingError(f"{path} is larger than a file of weights may be ({MAX_BYTES:,} bytes).")
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = getattr(error, "strerror", None) or error
        raise TrainingError(f"Expected weights at {path}, but {reason}.") from None


def _unpacked(path: Path, data: bytes) -> Arrays:
    try:
        arrays: Arrays = safetensors.numpy.load(data)
    except (safetensors.SafetensorError, KeyError, ValueError) as error:  # bfloat16 is a KeyError
        raise TrainingError(f"The weights at {path} cannot be read: {error}.") from None
    return arrays
