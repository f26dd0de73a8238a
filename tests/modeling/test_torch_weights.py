"""The restricted reader: tensors come out right, and nothing that stands in a file is ever run."""

from __future__ import annotations

import builtins
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captionkit.errors import WeightsError
from captionkit.modeling import torch_weights
from captionkit.modeling.torch_weights import read_torch_tensors

MAGIC, VERSION = 0x1950A86A20F9469CFC6C, 1001
FACTS = {"protocol_version": VERSION, "little_endian": True, "type_sizes": {"int": 4}}


def name(module: str, attribute: str) -> bytes:
    return b"c" + f"{module}\n{attribute}\n".encode()


def text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value) if abs(value) < 1 << 31 else pickle.dumps(value, 2)[2:-1]


def numbers(values: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(number(v) for v in values) + b"t"


def tensor(
    key: str,
    elements: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    *,
    offset: int = 0,
    kind: str = "FloatStorage",
    function: bytes = name("torch._utils", "_rebuild_tensor_v2"),
) -> bytes:
    storage = b"(" + text("storage") + name("torch", kind) + text(key) + text("cpu") + number(elements) + b"NtQ"
    hooks = name("collections", "OrderedDict") + b")R"
    return function + b"(" + storage + number(offset) + numbers(shape) + numbers(strides) + b"\x89" + hooks + b"tR"


def table(entries: dict[str, bytes]) -> bytes:
    body = b"".join(text(key) + value for key, value in entries.items())
    return b"\x80\x02" + name("collections", "OrderedDict") + b")R(" + body + b"u."


def file(middle: bytes, storages: dict[str, np.ndarray], *, facts: Any = FACTS, magic: int = MAGIC) -> bytes:
    head = b"".join(pickle.dumps(value, 2) for value in (magic, VERSION, facts))
    raw = b"".join(struct.pack("<q", array.size) + array.tobytes() for array in storages.values())
    return head + middle + pickle.dumps(list(storages), 2) + raw


WEIGHT = np.arange(12, dtype="<f4")
COUNT = np.array([7], "<i8")
GOOD = file(
    table(
        {
            "weight": tensor("1", 12, (3, 4), (4, 1)),
            "turned": tensor("1", 12, (4, 3), (1, 4)),
            "part": tensor("1", 12, (2,), (1,), offset=10),
            "count": tensor("2", 1, (), (), kind="LongStorage"),
            "nothing": tensor("1", 12, (0, 4), (4, 1)),
        }
    ),
    {"1": WEIGHT, "2": COUNT},
)


def read(tmp_path: Path, data: bytes) -> dict[str, np.ndarray]:
    path = tmp_path / "weights.pth"
    path.write_bytes(data)
    return read_torch_tensors(path)


def test_tensors_strides_offsets_and_counters(tmp_path: Path) -> None:
    tensors = read(tmp_path, GOOD)
    assert list(tensors) == ["weight", "turned", "part", "count", "nothing"]
    assert np.array_equal(tensors["weight"], WEIGHT.reshape(3, 4))
    assert np.array_equal(tensors["turned"], WEIGHT.reshape(3, 4).T)
    assert tensors["part"].tolist() == [10, 11]
    assert tensors["count"] == 7
    assert tensors["count"].dtype == np.int64
    assert tensors["nothing"].shape == (0, 4)
    assert all(array.flags.writeable for array in tensors.values())


def test_a_single_storage_and_the_short_tuples_of_one_to_three_sizes(tmp_path: Path) -> None:
    """Of these a pickle is written with other instructions."""
    for shape in [(12,), (3, 4), (3, 2, 2)]:
        strides = tuple(np.zeros(shape, np.int8).strides)
        long = numbers(shape) + numbers(strides)
        short = b"".join(pickle.dumps(sizes, 2)[2:-3] for sizes in (shape, strides))  # not kept in the memo
        middle = table({"weight": tensor("1", 12, shape, strides)})
        assert long in middle
        for written in (middle, middle.replace(long, short)):
            tensors = read(tmp_path, file(written, {"1": WEIGHT}))
            assert np.array_equal(tensors["weight"], WEIGHT.reshape(shape))


class Malicious:
    """What a pickle can do: run any function with any arguments."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.function, self.arguments


@pytest.mark.parametrize("place", ["magic", "facts", "tensors", "keys"])
def test_a_malicious_file_runs_nothing(place: str, tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    evil = pickle.dumps(Malicious(os.system, f"touch {proof}"), 2)
    parts = {
        "magic": pickle.dumps(MAGIC, 2) + pickle.dumps(VERSION, 2),
        "facts": pickle.dumps(FACTS, 2),
        "tensors": table({"weight": tensor("1", 12, (3, 4), (4, 1))}),
        "keys": pickle.dumps(["1"], 2),
    }
    parts[place] = evil
    with pytest.raises(WeightsError, match="Nothing in it was run"):
        read(tmp_path, b"".join(parts.values()) + struct.pack("<q", 12) + WEIGHT.tobytes())
    assert not proof.exists()
    # The same bytes would have done it under Python's own reader.
    pickle.loads(evil)  # noqa: S301
    assert proof.exists()


@pytest.mark.parametrize(
    "evil",
    [
        Malicious(eval, "1"),
        Malicious(builtins.exec, "1"),
        Malicious(getattr, "x", "upper"),
        Malicious(np.zeros, 3),
        np.float64(1.0),
        {1, 2},
        1.5,
        b"bytes",
    ],
    ids=["eval", "exec", "getattr", "zeros", "numpy", "set", "float", "bytes"],
)
def test_whatever_a_tensor_does_not_need_is_refused(evil: Any, tmp_path: Path) -> None:
    with pytest.raises(WeightsError):
        read(tmp_path, file(pickle.dumps({"weight": evil}, 2), {"1": WEIGHT}))


def test_known_names_in_the_wrong_place_are_refused(tmp_path: Path) -> None:
    wrong = [
        table({"w": tensor("1", 12, (3, 4), (4, 1), function=name("collections", "OrderedDict"))}),
        table({"w": name("torch", "FloatStorage") + b")R"}),
        table({"w": name("torch._utils", "_rebuild_tensor_v2")}),
        table({"w": name("torch._utils", "_rebuild_tensor_v2") + b")R"}),
        table({"w": tensor("1", 12, (3, 4), (4, 1), kind="ByteStorage")}),
        b"\x80\x02" + name("torch", "FloatStorage") + b"}b.",
        b"\x80\x02}" + number(3) + b"}s.",
        b"\x80\x02].",
        *(
            table({"t": tensor("1", 12, (3, 4), (4, 1)), "w": value})
            for value in (number(5), text("x"), b"N", b"}")
        ),
        table(
            {"w": tensor("1", 12, (3, 4), (4, 1)).replace(numbers((3, 4)), b"(" + text("3") + text("4") + b"t")}
        ),
        table({"w": tensor("1", 12, (3, 4), (4, 1))}).replace(b"\x80\x02", b"\x80\x03"),
    ]
    for middle in wrong:
        with pytest.raises(WeightsError):
            read(tmp_path, file(middle, {"1": WEIGHT}))


def test_shapes_that_reach_outside_or_ask_for_endless_memory_are_refused(tmp_path: Path) -> None:
    wrong = [
        tensor("1", 12, (4, 4), (4, 1)),
        tensor("1", 12, (3, 4), (5, 1)),
        tensor("1", 12, (12,), (1,), offset=1),
        tensor("1", 12, (3, 4), (-4, 1)),
        tensor("1", 12, (3,), (4, 1)),
        tensor("1", 12, (2_000_000_000, 2_000_000_000), (0, 0)),
        tensor("1", 2_000_000_000, (3, 4), (4, 1)),
        tensor("1", -1, (3, 4), (4, 1)),
        tensor("1", 1 << 70, (3, 4), (4, 1)),
        tensor("1", 12, (1,), (1 << 70,)),
        tensor("9", 12, (3, 4), (4, 1)),
        tensor("1", 12, (1,) * 100, (1,) * 100),
        tensor("1", 12, (0, *(2_000_000_000,) * 4), (1,) * 5),
    ]
    storages = {"1": WEIGHT, "2": COUNT}
    count = tensor("2", 1, (), (), kind="LongStorage")
    assert read(tmp_path, file(table({"w": tensor("1", 12, (3, 4), (4, 1)), "count": count}), storages))
    for entry in wrong:
        with pytest.raises(WeightsError, match=r"but (a|its) (storage|tensor)"):
            read(tmp_path, file(table({"w": entry, "count": count}), storages))


def test_other_files_are_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="newer zip kind"):
        read(tmp_path, b"PK\3\4" + bytes(100))
    with pytest.raises(WeightsError, match="first numbers"):
        read(tmp_path, file(table({}), {}, magic=1))
    with pytest.raises(WeightsError, match="little-endian"):
        read(tmp_path, file(table({}), {}, facts={"little_endian": False}))
    with pytest.raises(WeightsError, match="little-endian"):
        read(tmp_path, file(table({}), {}, facts=[1]))
    with pytest.raises(WeightsError, match="goes on"):
        read(tmp_path, GOOD + b"x")
    with pytest.raises(WeightsError, match="cannot be read"):
        read_torch_tensors(tmp_path / "nowhere.pth")
    for cut in (0, 1, 30, len(GOOD) // 2, len(GOOD) - 1):
        with pytest.raises(WeightsError):
            read(tmp_path, GOOD[:cut])


def test_size_and_length_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_weights, "MAX_OPCODES", 20)
    with pytest.raises(WeightsError, match="too long"):
        read(tmp_path, GOOD)
    monkeypatch.setattr(torch_weights, "MAX_FILE_BYTES", 100)
    with pytest.raises(WeightsError, match="at most 100"):
        read(tmp_path, GOOD)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_any_damage_gives_tensors_or_one_sentence(damage: list[tuple[int, int]]) -> None:
    data = bytearray(GOOD)
    for place, value in damage:
        data[place] = value
    try:
        tensors = torch_weights._read(bytes(data))
    except torch_weights._RefusedError:
        return
    assert sum(array.nbytes for array in tensors.values()) < 100 * len(GOOD)
