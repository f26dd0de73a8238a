"""Runs a bundle's two networks through LiteRT: `encode`, `start`, `step`.

Letters: B pictures (or rows of a search), S side of the picture, P grid positions, D feature depth, V vocabulary.

encoder.tflite has the signature `encode` (images -> features), decoder.tflite `start` (features -> state_*)
and `step` (ids, state_* -> logits, next_*, attention); B is free in all of them.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

from captionkit.ahead import processors
from captionkit.bundle import Bundle, Network
from captionkit.errors import BundleError, UsageError

Floats = npt.NDArray[np.float32]
_Shape = tuple[int, ...]
_Expected = dict[str, tuple[_Shape, str]]

_quieting = threading.Lock()  # one at a time: a second would take the first one's silence for what there was
MAX_THREADS = 4  # more gain little on networks of this size and starve the picture readers


class EncoderEngine:
    """An encoder alone, ready to run. Calls from several threads wait for each other."""

    def __init__(
        self, model: bytes, *, image_size: int, positions: int, depth: int, threads: int | None = None
    ) -> None:
        """Load a LiteRT model and check that it takes pictures and gives features of these sizes.

        Args:
            model: with the signature `encode`.
            image_size, positions, depth: S, P and D.
            threads: as for `Engine`.

        Raises:
            BundleError: the model does not load or has other inputs or outputs.
        """
        threads = _thread_count(threads)
        self._size, self._shape = image_size, (positions, depth)
        self._lock = threading.Lock()
        images: _Expected = {"images": ((image_size, image_size, 3), "uint8")}
        features: _Expected = {"features": (self._shape, "float32")}
        with _without_native_chatter():
            # The interpreter's memory goes when it does, and the signature only borrows it.
            self._interpreter = _load(model, "encoder.tflite", threads)
            self._encode = _Signature(self._interpreter, "encoder.tflite", "encode", images, features)

    def encode(self, images: npt.NDArray[np.uint8]) -> Floats:
        """Features float32 [B, P, D] of pictures uint8 [B, S, S, 3].

        Raises:
            UsageError: pictures of another shape or type.
        """
        size = self._size
        if images.dtype != np.uint8 or images.shape[1:] != (size, size, 3):
            raise UsageError(
                f"Expected pictures uint8 [B, {size}, {size}, 3], but got {images.dtype} {list(images.shape)}."
            )
        features = np.empty((len(images), *self._shape), np.float32)
        for index in range(len(images)):
            # One picture an invocation: on a CPU more are not faster (measured 1 to 8), they only take memory.
            with self._lock:
                features[index] = self._encode.run({"images": images[index : index + 1]})["features"][0]
        return features


class Engine:
    """A bundle's encoder and decoder, ready to run. Calls from several threads wait for each other."""

    def __init__(self, network: Network, encoder: bytes, decoder: bytes, *, threads: int | None = None) -> None:
        """Load two LiteRT models and check that they have the inputs and outputs that `network` promises.

        Args:
            threads: CPU threads a network uses; None takes the processors at hand, up to `MAX_THREADS`.

        Raises:
            BundleError: a model does not load or has other inputs or outputs.
        """
        threads = _thread_count(threads)
        self.network = network
        self._lock = threading.Lock()
        P, D = network.positions, network.depth  # noqa: N806 -- axes of the letter legend
        features: _Expected = {"features": ((P, D), "float32")}
        state = {f"state_{name}": (leaf.shape, leaf.dtype) for name, leaf in network.state.items()}
        outputs: _Expected = {"logits": ((network.vocabulary,), "float32")}
        outputs |= {f"next_{n}": (leaf.shape, leaf.dtype) for n, leaf in network.state.items() if leaf.changes}
        if network.attention:
            outputs["attention"] = ((P,), "float32")
        self._encoder = EncoderEngine(
            encoder, image_size=network.image_size, positions=P, depth=D, threads=threads
        )
        with _without_native_chatter():
            writer = _load(decoder, "decoder.tflite", threads)
            self._start = _Signature(writer, "decoder.tflite", "start", features, state)
            self._step = _Signature(writer, "decoder.tflite", "step", {"ids": ((), "int32"), **state}, outputs)
        self._interpreter = writer  # its memory goes when it does, and the signatures only borrow it

    @classmethod
    def of(cls, bundle: Bundle, *, threads: int | None = None) -> Engine:
        """The engine of a bundle that was read."""
        return cls(bundle.manifest.network, bundle.encoder, bundle.decoder, threads=threads)

    def encode(self, images: npt.NDArray[np.uint8]) -> Floats:
        """Features float32 [B, P, D] of pictures uint8 [B, S, S, 3].

        Raises:
            UsageError: pictures of another shape or type.
        """
        return self._encoder.encode(images)

    def start(self, features: Floats) -> dict[str, npt.NDArray[Any]]:
        """The decoder's state before the first word, for features float32 [B, P, D].

        Raises:
            UsageError: features of another shape or type.
        """
        expected = (self.network.positions, self.network.depth)
        if features.dtype != np.float32 or features.shape[1:] != expected:
            raise UsageError(
                f"Expected features float32 [B, {expected[0]}, {expected[1]}], but got {features.dtype} "
                f"{list(features.shape)}."
            )
        with self._lock:
            state = self._start.run({"features": features})
        return {name.removeprefix("state_"): leaf for name, leaf in state.items()}

    def step(
        self, state: Mapping[str, npt.NDArray[Any]], ids: npt.NDArray[np.int32]
    ) -> tuple[Floats, Floats | None, dict[str, npt.NDArray[Any]]]:
        """One word on: the whole state and ids int32 [B] -> (logits, attention or None, changed leaves)."""
        with self._lock:
            given = self._step.run({"ids": ids, **{f"state_{name}": leaf for name, leaf in state.items()}})
        logits, attention = given.pop("logits"), given.pop("attention", None)
        return logits, attention, {name.removeprefix("next_"): leaf for name, leaf in given.items()}


class _Signature:
    """One entry point of a LiteRT model."""

    def __init__(
        self, interpreter: Interpreter, file: str, key: str, inputs: _Expected, outputs: _Expected
    ) -> None:
        try:
            self._runner = interpreter.get_signature_runner(key)
            found_inputs, found_outputs = self._runner.get_input_details(), self._runner.get_output_details()
        except ValueError:
            raise BundleError(
                f"Expected {file} of the bundle to have the signature {key!r}, but it has not; export it again."
            ) from None
        for expected, found, what in ((inputs, found_inputs, "takes"), (outputs, found_outputs, "gives")):
            stated = {name: f"{dtype} {_text((-1, *shape))}" for name, (shape, dtype) in expected.items()}
            actual = {
                name: f"{np.dtype(one['dtype']).name} {_text(one['shape_signature'])}"
                for name, one in found.items()
            }
            # Only the type of an output is certain before it ran: converters do not always state its shape.
            if what == "gives":
                stated = {name: text.split(" ")[0] for name, text in stated.items()}
                actual = {name: text.split(" ")[0] for name, text in actual.items()}
            if stated != actual:
                raise BundleError(
                    f"The networks of the bundle do not fit its bundle.json: {key} of {file} {what} {actual}, "
                    f"but {stated} is expected; export it again."
                )
        self._what = f"{key} of {file}"
        self._outputs = outputs

    def run(self, inputs: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        rows = len(next(iter(inputs.values())))
        if rows == 0:
            return {name: np.zeros((0, *shape), dtype) for name, (shape, dtype) in self._outputs.items()}
        try:
            outputs: dict[str, npt.NDArray[Any]] = self._runner(**inputs)
        except (RuntimeError, ValueError) as error:
            raise BundleError(
                f"The bundle's network failed in {self._what} ({str(error).splitlines()[0][:200]})."
            ) from None
        for name, (shape, _) in self._outputs.items():
            if outputs[name].shape != (rows, *shape):
                raise BundleError(
                    f"Expected {name} of shape {_text((rows, *shape))} from {self._what}, "
                    f"but got {_text(outputs[name].shape)}; export the bundle again."
                )
        return outputs


def _load(model: bytes, file: str, threads: int) -> Interpreter:
    # LiteRT reads offsets before it looks at anything; what does not even begin like a model stays out.
    if model[4:8] != b"TFL3":
        raise BundleError(f"Expected a LiteRT model in {file} of the bundle, but its header is another.")
    try:
        interpreter = Interpreter(model_content=model, num_threads=threads)
        interpreter.allocate_tensors()  # LiteRT looks for its delegates here, not above
        return interpreter
    except (RuntimeError, ValueError) as error:
        raise BundleError(
            f"LiteRT cannot load {file} of the bundle ({str(error).splitlines()[0][:200]})."
        ) from None


def _thread_count(threads: int | None) -> int:
    """The threads asked for, else the processors at hand, up to `MAX_THREADS`."""
    if threads is None:
        return min(processors(), MAX_THREADS)
    if threads < 1:
        raise UsageError(f"Expected at least 1 thread, but got {threads}.")
    return threads


def _text(shape: Any) -> str:
    return "[" + ", ".join("B" if size == -1 else str(size) for size in shape) + "]"


@contextlib.contextmanager
def _without_native_chatter() -> Iterator[None]:
    """Keep LiteRT's "INFO: Created TensorFlow Lite XNNPACK delegate" off the person's terminal.

    It is written by native code straight to file descriptor 2 and has no switch in Python. What other threads
    write to the descriptor in these few milliseconds is lost too.
    """
    with _quieting:
        try:
            saved = os.dup(2)
        except OSError:  # no standard error at all
            yield
            return
        try:
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 2)
            os.close(quiet)
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
