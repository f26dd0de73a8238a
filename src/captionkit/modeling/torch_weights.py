"""Tensors out of a legacy PyTorch weights file, read without running anything that stands in it.

Such a file is a row of pickles (magic number, protocol version, machine facts, the dictionary of tensors, the
list of storage keys) followed by the storages: each an int64 element count and the raw elements, little-endian
(PyTorch `torch/serialization.py`, `_legacy_save`). A pickle is a program; Python's own reader would run any
function that it names. Here a tiny machine carries out the few opcodes that a dictionary of tensors needs,
knows four names, never calls anything, and refuses all else.
"""

from __future__ import annotations

import io
import math
import pickletools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from captionkit.errors import WeightsError

MAX_FILE_BYTES = 1024 * 1024 * 1024
MAX_OPCODES = 2_000_000  # an EfficientNet-Lite needs about 15,000
_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_DTYPES: dict[str, np.dtype[Any]] = {"torch FloatStorage": np.dtype("<f4"), "torch LongStorage": np.dtype("<i8")}
_ORDERED_DICT = "collections OrderedDict"
_REBUILD_TENSOR = "torch._utils _rebuild_tensor_v2"
_NAMES = {_ORDERED_DICT, _REBUILD_TENSOR, *_DTYPES}
_MARK = object()


@dataclass(frozen=True, slots=True)
class _Name:
    """A name that the pickle refers to. It is never looked up."""

    name: str


@dataclass(frozen=True, slots=True)
class _Storage:
    key: str
    dtype: np.dtype[Any]
    elements: int


@dataclass(frozen=True, slots=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _RefusedError(Exception):
    """Why the file is not read; `read_torch_tensors` puts the file's name before it."""


def read_torch_tensors(path: Path | str) -> dict[str, npt.NDArray[Any]]:
    """All tensors of a legacy PyTorch file, of at most a gigabyte, that holds one (ordered) dictionary of tensors.

    Returns:
        Name to array: float32, or int64 for counters; each a copy of its own.

    Raises:
        WeightsError: the file cannot be read, is damaged, of another kind, or names anything but tensors.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise WeightsError(f"{path} has {size:,} bytes; weights of at most {MAX_FILE_BYTES:,} are read.")
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(
            f"Expected a weights file at {path}, but it cannot be read ({error.strerror})."
        ) from None
    try:
        return _read(data)
    except _RefusedError as error:
        raise WeightsError(
            f"Expected a legacy PyTorch file of tensors at {path}, but {error}. Nothing in it was run."
        ) from None


def _read(data: bytes) -> dict[str, npt.NDArray[Any]]:
    if data[:2] == b"PK":
        raise _RefusedError("it is the newer zip kind; convert it to .safetensors")
    stream = io.BytesIO(data)
    if _load(stream) != _MAGIC or _load(stream) != _PROTOCOL:
        raise _RefusedError("its first numbers are not those of such a file")
    facts = _load(stream)
    if not isinstance(facts, dict) or facts.get("little_endian") is not True:
        raise _RefusedError("it was not written on a little-endian machine")
    tensors = _load(stream)
    keys = _load(stream)
    if not isinstance(tensors, dict) or not isinstance(keys, list):
        raise _RefusedError("it holds no dictionary of tensors")
    declared = {t.storage.key: t.storage for t in tensors.values() if isinstance(t, _Tensor)}
    storages = _read_storages(stream, keys, declared)
    result = {}
    for name, tensor in tensors.items():
        if not isinstance(name, str) or not isinstance(tensor, _Tensor):
            raise _RefusedError(f"the entry {str(name)[:60]!r} is no tensor")
        result[name] = _materialise(tensor, storages)
    return result


def _read_storages(
    stream: io.BytesIO, keys: Sequence[object], declared: dict[str, _Storage]
) -> dict[str, npt.NDArray[Any]]:
    storages: dict[str, npt.NDArray[Any]] = {}
    for key in keys:
        storage = declared.get(key) if isinstance(key, str) else None
        if storage is None or storage.key in storages:
            raise _RefusedError("its storages and its tensors do not belong together")
        count = int.from_bytes(stream.read(8), "little", signed=True)
        raw = stream.read(storage.elements * storage.dtype.itemsize)
        if count != storage.elements or len(raw) != storage.elements * storage.dtype.itemsize:
            raise _RefusedError("it is cut off or damaged in its tensors")
        storages[storage.key] = np.frombuffer(raw, storage.dtype)
    if stream.read(1):
        raise _RefusedError("it goes on after its last tensor")
    return storages


def _materialise(tensor: _Tensor, storages: dict[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
    flat = storages.get(tensor.storage.key)
    elements = math.prod(tensor.shape)
    numbers = (tensor.offset, *tensor.shape, *tensor.strides)
    if flat is None or len(tensor.shape) != len(tensor.strides) or any(n < 0 for n in numbers):
        raise _RefusedError("a tensor's shape is not possible")
    last = tensor.offset + sum((n - 1) * s for n, s in zip(tensor.shape, tensor.strides, strict=True))
    # A stride of 0 would let a small file ask for an array of any size.
    if elements > flat.size or (elements and last >= flat.size):
        raise _RefusedError("a tensor reaches outside its storage")
    steps = tuple(s * flat.itemsize for s in tensor.strides)
    try:
        if elements == 0:
            return np.zeros(tensor.shape, flat.dtype)
        return np.lib.stride_tricks.as_strided(flat[tensor.offset :], tensor.shape, steps).copy()
    except (ValueError, OverflowError):  # more dimensions, or larger ones, than an array may have
        raise _RefusedError("a tensor's shape is not possible") from None


def _load(stream: io.BytesIO) -> object:
    """Carry out one pickle of the stream on a stack of plain values."""
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if count > MAX_OPCODES:
                raise _RefusedError("it is too long")
            if opcode.name == "STOP":
                (value,) = stack
                return value
            _step(opcode.name, argument, stack, memo)
    except _RefusedError:
        raise
    except Exception:
        # genops and the unpacking above raise ValueError, IndexError, KeyError, TypeError, ... on nonsense.
        raise _RefusedError("it is damaged, or of another kind") from None
    raise _RefusedError("it is cut off")


def _step(name: str, argument: Any, stack: list[Any], memo: dict[int, Any]) -> None:
    match name:
        case "PROTO":
            if argument != 2:
                raise _RefusedError(f"it uses pickle protocol {argument} instead of 2")
        case "LONG1" | "BININT" | "BININT1" | "BININT2" | "BINUNICODE":
            stack.append(argument)
        case "NONE":
            stack.append(None)
        case "NEWTRUE" | "NEWFALSE":
            stack.append(name == "NEWTRUE")
        case "MARK":
            stack.append(_MARK)
        case "EMPTY_DICT":
            stack.append({})
        case "EMPTY_LIST":
            stack.append([])
        case "EMPTY_TUPLE":
            stack.append(())
        case "TUPLE":
            stack.append(tuple(_pop_to_mark(stack)))
        case "TUPLE1" | "TUPLE2" | "TUPLE3":
            stack.append(tuple([stack.pop() for _ in range(int(name[-1]))][::-1]))
        case "BINPUT" | "LONG_BINPUT":
            memo[argument] = stack[-1]
        case "BINGET" | "LONG_BINGET":
            stack.append(memo[argument])
        case "SETITEM" | "SETITEMS":
            items = [stack.pop(-2), stack.pop()] if name == "SETITEM" else _pop_to_mark(stack)
            target = stack[-1]
            if not isinstance(target, dict) or not all(isinstance(key, str) for key in items[::2]):
                raise _RefusedError("it is damaged, or of another kind")
            target.update(zip(items[::2], items[1::2], strict=True))
        case "APPEND" | "APPENDS":  # a list of one, and of several
            items = [stack.pop()] if name == "APPEND" else _pop_to_mark(stack)
            stack[-1].extend(items)
        case "GLOBAL":
            if argument not in _NAMES:
                raise _RefusedError(f"it asks for {str(argument)[:80]!r}, which no tensor needs")
            stack.append(_Name(argument))
        case "BINPERSID":
            stack.append(_storage(stack.pop()))
        case "REDUCE":
            arguments, function = stack.pop(), stack.pop()
            stack.append(_rebuild(function, arguments))
        case "BUILD":
            # The `_metadata` attribute of a state dictionary: module versions, which nothing here needs.
            stack.pop()
            if not isinstance(stack[-1], dict):
                raise _RefusedError("it sets the state of an object")
        case _:
            raise _RefusedError(f"it holds the pickle instruction {name}, which no tensor needs")


def _pop_to_mark(stack: list[Any]) -> list[Any]:
    items: list[Any] = []
    while (item := stack.pop()) is not _MARK:
        items.append(item)
    return items[::-1]


def _storage(identity: Any) -> _Storage:
    """`("storage", type, key, location, elements, view)`."""
    _, kind, key, _, elements, view = identity
    if not isinstance(kind, _Name) or kind.name not in _DTYPES or view is not None or not isinstance(key, str):
        raise _RefusedError("it holds a storage of a kind that is not read")
    if not isinstance(elements, int) or not 0 <= elements <= MAX_FILE_BYTES:
        raise _RefusedError("a storage has an impossible size")
    return _Storage(key, _DTYPES[kind.name], elements)


def _rebuild(function: Any, arguments: Any) -> object:
    if function == _Name(_ORDERED_DICT) and arguments == ():
        return {}
    if function == _Name(_REBUILD_TENSOR):
        storage, offset, shape, strides, _requires_grad, _hooks = arguments
        numbers = (offset, *shape, *strides)
        if isinstance(storage, _Storage) and all(type(n) is int for n in numbers):
            return _Tensor(storage, offset, tuple(shape), tuple(strides))
    raise _RefusedError("it calls a function in a way that no tensor needs")
