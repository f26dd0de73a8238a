"""Checkpoints."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from captionkit.errors import TrainingError
from captionkit.training import checkpoint
from captionkit.training.checkpoint import read_checkpoint, read_weights, write_checkpoint, write_weights

ARRAYS = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "seed": np.array([1, 2], np.uint32), "n": np.array(5)}


def test_round_trip(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "c", ARRAYS, {"step": 3, "best": 0.5})
    arrays, state = read_checkpoint(tmp_path / "c")
    assert state == {"step": 3, "best": 0.5}
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert (arrays[name].dtype, arrays[name].shape) == (array.dtype, array.shape)


def test_a_new_checkpoint_replaces_the_old(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, ARRAYS, {"step": 1})
    (tmp_path / ".state-00000002-12345678.safetensors.0.tmp").write_bytes(b"of a process that was killed")
    (tmp_path / "state-00000000-no-file.safetensors").mkdir()  # what cannot be removed stays
    write_checkpoint(tmp_path, {"a": np.zeros(1)}, {"step": 2})
    assert read_checkpoint(tmp_path)[1]["step"] == 2
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("step", [1, 2])
def test_a_writer_that_fails_leaves_the_old(tmp_path: Path, step: int) -> None:
    write_checkpoint(tmp_path, ARRAYS, {"step": 1})
    with pytest.raises(TypeError):
        write_checkpoint(tmp_path, {"a": np.zeros(1)}, {"step": step, "bad": object()})
    assert read_checkpoint(tmp_path)[1] == {"step": 1}


def test_a_flipped_byte_is_refused(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, ARRAYS, {"step": 1})
    path = next(tmp_path.glob("*.safetensors"))
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(TrainingError, match="damaged"):
        read_checkpoint(tmp_path)


def test_no_checkpoint_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="give the folder of a run"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize("change", [{"state": None}, {"tensors": 5}, {"tensors": "a\0"}, {"sha256": None}])
def test_a_checkpoint_with_other_types_is_damaged(tmp_path: Path, change: dict[str, object]) -> None:
    write_checkpoint(tmp_path, ARRAYS, {"step": 1})
    path = tmp_path / "checkpoint.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(TrainingError, match=r"damaged|Expected weights"):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize("text", ["[]", "{", '{"format": "another"}', "[" * 100_000])
def test_a_file_that_is_no_checkpoint_is_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "checkpoint.json").write_text(text)
    with pytest.raises(TrainingError, match=r"cannot be read|was written by something else"):
        read_checkpoint(tmp_path)


def test_tensors_are_those_beside_the_checkpoint(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "c", ARRAYS, {"step": 1})
    (tensors,) = (tmp_path / "c").glob("*.safetensors")
    path = tmp_path / "c" / "checkpoint.json"
    path.write_text(path.read_text().replace(tensors.name, f"../{tensors.name}"))
    assert read_checkpoint(tmp_path / "c")[1] == {"step": 1}


def test_weights_are_read_up_to_a_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_weights(tmp_path / "w.safetensors", ARRAYS)
    monkeypatch.setattr(checkpoint, "MAX_BYTES", 100)
    with pytest.raises(TrainingError, match=r"larger than a file of weights may be \(100 bytes\)"):
        read_weights(tmp_path / "w.safetensors")


@pytest.mark.parametrize(("kind", "shape"), [("BF16", [1]), ("F16", [1] * 100)])
def test_tensors_that_numpy_has_not_are_one_sentence(tmp_path: Path, kind: str, shape: list[int]) -> None:
    header = json.dumps({"a": {"dtype": kind, "shape": shape, "data_offsets": [0, 2]}}).encode()
    (tmp_path / "w.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(2))
    with pytest.raises(TrainingError, match="cannot be read"):
        read_weights(tmp_path / "w.safetensors")
