"""The engine runs a real bundle, and refuses networks that are not what the bundle says."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from captionkit.bundle import Bundle, Leaf, Network, read_bundle
from captionkit.engine import Engine, _without_native_chatter
from captionkit.errors import BundleError, UsageError
from tests.tiny import DEPTH, IMAGE_SIZE, POSITIONS


@pytest.fixture(scope="module")
def bundle(tiny_bundle: Path) -> Bundle:
    return read_bundle(tiny_bundle)


@pytest.fixture(scope="module")
def engine(bundle: Bundle) -> Engine:
    return Engine.of(bundle, threads=1)


def pictures(count: int, seed: int = 0) -> np.ndarray:
    shape = (count, IMAGE_SIZE, IMAGE_SIZE, 3)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def test_shapes_and_types(engine: Engine) -> None:
    features = engine.encode(pictures(3))
    assert features.shape == (3, POSITIONS, DEPTH)
    assert features.dtype == np.float32
    state = engine.start(features)
    assert state.keys() == dict(engine.network.state).keys() >= {"h0", "c0", "h1", "c1"}
    logits, attention, changed = engine.step(state, np.ones(3, np.int32))
    assert logits.shape == (3, engine.network.vocabulary)
    assert attention is None
    assert changed.keys() == {name for name, leaf in engine.network.state.items() if leaf.changes}
    assert all(np.abs(changed[name] - state[name]).max() > 1e-3 for name in changed)


def test_a_row_does_not_depend_on_the_rows_beside_it_or_on_calls_before(engine: Engine) -> None:
    images = pictures(19)
    together = engine.encode(images)
    alone = np.concatenate([engine.encode(images[at : at + 1]) for at in range(19)])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    ids = np.arange(4, 23, dtype=np.int32)
    logits, _, _ = engine.step(engine.start(together), ids)
    for at in (3, 18, 0):
        one, _, _ = engine.step(engine.start(alone[at : at + 1]), ids[at : at + 1])
        np.testing.assert_allclose(one[0], logits[at], atol=1e-4)


def test_what_a_step_gave_is_not_overwritten_by_the_next(engine: Engine) -> None:
    state = engine.start(engine.encode(pictures(2)))
    first, _, changed = engine.step(state, np.array([4, 5], np.int32))
    kept = first.copy(), {name: leaf.copy() for name, leaf in changed.items()}
    engine.step({**state, **changed}, np.array([6, 7], np.int32))
    np.testing.assert_array_equal(first, kept[0])
    for name, leaf in changed.items():
        np.testing.assert_array_equal(leaf, kept[1][name])


def test_two_that_load_at_once_leave_standard_error_where_it_was() -> None:
    """The later one must not take the silence of the earlier for what there was before."""
    before = os.fstat(2)
    first_in, second_in = threading.Event(), threading.Event()

    def load_first() -> None:
        with _without_native_chatter():
            first_in.set()
            second_in.wait(0.1)

    def load_second() -> None:
        first_in.wait(60)
        with _without_native_chatter():
            second_in.set()
            first.join(60)

    first, second = threading.Thread(target=load_first), threading.Thread(target=load_second)
    kept = os.dup(2)
    try:
        for thread in (first, second):
            thread.start()
        for thread in (first, second):
            thread.join(60)
        assert os.path.samestat(os.fstat(2), before)
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def test_no_pictures_are_fine(engine: Engine) -> None:
    assert engine.encode(pictures(0)).shape == (0, POSITIONS, DEPTH)
    assert engine.start(np.zeros((0, POSITIONS, DEPTH), np.float32))["h0"].shape == (0, 16)


def test_features_of_another_shape_are_refused(engine: Engine) -> None:
    wrongs: list[Any] = [np.zeros((1, POSITIONS, DEPTH)), np.zeros((POSITIONS, DEPTH), np.float32)]
    for wrong in [*wrongs, np.zeros((1, POSITIONS + 1, DEPTH), np.float32)]:
        with pytest.raises(UsageError, match=rf"features float32 \[B, {POSITIONS}, {DEPTH}\]"):
            engine.start(wrong)


def test_pictures_of_another_shape_are_refused(engine: Engine) -> None:
    wrongs: list[Any] = [np.zeros((1, 9, 9, 3), np.uint8), pictures(1)[0], pictures(1).astype(np.float32)]
    for wrong in wrongs:
        with pytest.raises(UsageError, match="Expected pictures"):
            engine.encode(wrong)


def test_threads_give_the_same_words(bundle: Bundle, engine: Engine) -> None:
    np.testing.assert_allclose(
        Engine.of(bundle, threads=2).encode(pictures(4)), engine.encode(pictures(4)), atol=1e-5
    )
    with pytest.raises(UsageError, match="thread"):
        Engine.of(bundle, threads=0)


@pytest.mark.parametrize(
    "change",
    [
        lambda network: dataclasses.replace(network, image_size=64),
        lambda network: dataclasses.replace(network, depth=9),
        lambda network: dataclasses.replace(network, positions=4),
        lambda network: dataclasses.replace(network, attention=True),
        lambda network: dataclasses.replace(network, state={}),
        lambda network: dataclasses.replace(
            network, state={**network.state, "h0": Leaf((16,), "int32", changes=True)}
        ),
        lambda network: dataclasses.replace(
            network, state={**network.state, "h0": Leaf((16,), "float32", changes=False)}
        ),
        lambda network: dataclasses.replace(network, vocabulary=45),
    ],
    ids=["image_size", "depth", "positions", "attention", "no state", "type", "unchanging", "vocabulary"],
)
def test_networks_that_are_not_what_the_manifest_says_are_refused(
    bundle: Bundle, change: Callable[[Network], Network]
) -> None:
    with pytest.raises(BundleError):
        _use(Engine(change(bundle.manifest.network), bundle.encoder, bundle.decoder))


def test_an_encoder_for_pictures_of_another_size_does_not_load(bundle: Bundle) -> None:
    other = dataclasses.replace(bundle.manifest.network, image_size=64)
    with pytest.raises(BundleError, match=r"takes .*uint8 \[B, 32, 32, 3\].*uint8 \[B, 64, 64, 3\].* is expected"):
        Engine(other, bundle.encoder, bundle.decoder)


def _use(engine: Engine) -> None:
    size = engine.network.image_size
    state = engine.start(engine.encode(np.zeros((1, size, size, 3), np.uint8)))
    engine.step(state, np.ones(1, np.int32))


def test_encoder_and_decoder_swapped_are_refused(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match=r"encoder\.tflite"):
        Engine(bundle.manifest.network, bundle.decoder, bundle.encoder)


@pytest.mark.parametrize("model", [b"", b"x", b"TFL3" * 100, b"\x1c\0\0\0TFL3"])
def test_what_is_no_litert_model_is_refused(bundle: Bundle, model: bytes) -> None:
    told = "its header is another" if model[4:8] != b"TFL3" else "LiteRT cannot load"
    with pytest.raises(BundleError, match=told):
        Engine(bundle.manifest.network, model, bundle.decoder)


def test_loading_writes_nothing_to_the_terminal(tiny_bundle: Path) -> None:
    code = (
        "import sys, numpy as np\n"
        "from captionkit.bundle import read_bundle\n"
        "from captionkit.engine import Engine\n"
        "engine = Engine.of(read_bundle(sys.argv[1]))\n"
        f"features = engine.encode(np.zeros((1, {IMAGE_SIZE}, {IMAGE_SIZE}, 3), np.uint8))\n"
        "engine.step(engine.start(features), np.ones(1, np.int32))\n"
        "print('tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tiny_bundle)], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("False\n", "")
