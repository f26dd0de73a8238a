"""The loop: steps, evaluations, checkpoints, interruptions. What a step does is the objective's business."""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from captionkit.config import TrainingConfig
from captionkit.errors import TrainingError
from captionkit.files import write_bytes, write_text
from captionkit.modeling.caption_model import CaptionModel
from captionkit.modeling.weights import encoder_weights
from captionkit.progress import Progress
from captionkit.training.checkpoint import read_checkpoint, write_checkpoint, write_weights
from captionkit.training.curve import draw_curve, write_tensorboard
from captionkit.training.input_pipeline import Batch, Batches
from captionkit.training.optimizer import Descent, learning_rate
from captionkit.training.run_folder import has_begun

Objective = Callable[[Batch, float], tuple[float, float]]
Evaluate = Callable[[], dict[str, float]]


class Interrupted(KeyboardInterrupt):
    """The run was asked to stop; its checkpoint is written and it can be resumed."""


@dataclass
class RunState:
    """Where a run is. Written into every checkpoint."""

    step: int = 0
    best_score: float = -math.inf
    best_step: int = -1
    evaluations_without_gain: int = 0
    seconds: float = 0.0
    finished: bool = False
    losses: list[float] = field(default_factory=list)  # since the last evaluation

    def check(self, history: list[dict[str, Any]]) -> None:
        """Make sure that it and the evaluations before it can be gone on from, whatever a damaged file held.

        Raises:
            AttributeError, KeyError, TypeError, ValueError, OverflowError: they cannot.
        """
        for count, least in ((self.step, 0), (self.best_step, -1), (self.evaluations_without_gain, 0)):
            if not isinstance(count, int) or count < least:
                raise ValueError(f"expected a whole number, but got {str(count)[:40]!r}")
        needed = [entry[name] for entry in history for name in ("step", "epoch", "CIDEr")]
        shown = [value for entry in history for value in entry.values()]
        finite = map(math.isfinite, [self.seconds, *self.losses, *needed, *shown])
        if not all(finite) or math.isnan(self.best_score):
            raise ValueError("a number is not finite")


class Trainer:
    """Runs an objective over batches, chooses the model on dev, and never loses more than minutes of work.

    Files in `directory`: `checkpoint/` (to go on), `best.safetensors` (the weights with the best dev score),
    `encoder.safetensors` (the encoder's among them, where it is trained, as `encoder.weights` takes them),
    `history.jsonl` (a line an evaluation), `curve.png`.
    """

    def __init__(
        self,
        config: TrainingConfig,
        model: CaptionModel,
        descent: Descent,
        objective: Objective,
        batches: Batches,
        evaluate: Evaluate,
        directory: Path,
        identity: dict[str, str],
        *,
        loss_is: str = "nats per token",
    ) -> None:
        """Put the parts together.

        Args:
            model, descent: whose variables are saved.
            objective: (batch, learning rate) -> (loss, gradient norm).
            evaluate: dev scores of the weights that are set when it is called; must hold "CIDEr".
            identity: what must be the same when the run is resumed (configuration, vocabulary, data).
            loss_is: what the objective's loss is, in words.
        """
        self.config, self.model, self.descent = config, model, descent
        self.objective, self.batches, self.evaluate = objective, batches, evaluate
        self.directory, self.identity, self.loss_is = directory, identity, loss_is
        self.state = RunState()
        self.history: list[dict[str, Any]] = []
        self.total_steps = math.ceil(config.epochs * batches.steps_per_epoch)
        self._stop = threading.Event()

    def save(self) -> None:
        """Write the checkpoint."""
        arrays = {f"model/{name}": v.value.numpy() for name, v in self.model.variables().items()}
        state = {**asdict(self.state), "identity": self.identity, "history": self.history}
        write_checkpoint(self.directory / "checkpoint", {**arrays, **self.descent.arrays()}, state)

    def restore(self) -> None:
        """Go back to the checkpoint.

        Raises:
            TrainingError: there is none, it is damaged, or it belongs to another configuration, vocabulary or
                data; the message shows what differs.
        """
        arrays, state = read_checkpoint(self.directory / "checkpoint")
        try:
            identity, self.history = dict(state.pop("identity")), list(state.pop("history"))
            stands = RunState(**state)
            stands.check(self.history)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise self._foreign(error) from None
        differing = [key for key in self.identity if identity.get(key) != self.identity[key]]
        if differing:
            shown = "; ".join(
                f"{key}: the run has {identity.get(key)}, now {self.identity[key]}" for key in differing
            )
            raise TrainingError(
                f"The run in {self.directory} cannot go on with another {' and '.join(differing)} ({shown}); "
                "put back what it began with, or start a new run."
            )
        try:
            for name, variable in self.model.variables().items():
                variable.assign(arrays[f"model/{name}"])
            self.descent.restore(arrays)
        except (KeyError, ValueError) as error:
            raise self._foreign(error) from None
        self.state = stands
        # A run that ended for want of a gain goes on where more patience is asked for.
        self.state.finished = self.state.step >= self.total_steps or self._out_of_patience()
        self._write_history()

    def _foreign(self, error: Exception) -> TrainingError:
        return TrainingError(
            f"The checkpoint in {self.directory} was written by another captionkit, or is damaged ({error}); "
            "start a new run."
        )

    def run(self, *, until: int | None = None, quiet: bool = False) -> RunState:
        """Train to the end, to step `until`, or until no dev score is better for `patience` evaluations.

        Raises:
            Interrupted: SIGINT or SIGTERM came; the checkpoint is written.
            TrainingError: the loss or its gradient is not finite; the last good checkpoint is kept.
        """
        last = self.total_steps if until is None else min(until, self.total_steps)
        if self.state.step == 0 and not has_begun(self.directory):
            self.save()
        began, saved = time.monotonic() - self.state.seconds, time.monotonic()
        bar = Progress("training", self.total_steps, "steps", done=self.state.step, quiet=quiet)
        with self._signals(), bar:
            captions, clock = 0, time.monotonic()
            if not self.total_steps and not self.history:
                self._evaluate(None, bar)  # nothing is trained: the run is what it begins from
            for step, batch in self.batches.stream(self.state.step, last):
                if self.state.finished:
                    break
                rate = learning_rate(self.config, step, self.total_steps)
                loss, norm = self.objective(batch, rate)
                if not (math.isfinite(loss) and math.isfinite(norm)):
                    raise TrainingError(
                        f"The loss became {loss} (gradient norm {norm}) at step {step + 1}; training stopped; the "
                        f"checkpoint in {self.directory} is from before that. Lower training.learning_rate."
                    )
                self.state.step = step + 1
                self.state.losses.append(loss)
                captions += batch.ids.shape[0] * batch.ids.shape[1]
                bar.advance(1, f"loss {loss:.3f}, {captions / (time.monotonic() - clock):,.0f} captions/s")
                if self._evaluation_due(step + 1):
                    self.state.seconds = time.monotonic() - began
                    speed = captions / (time.monotonic() - clock)
                    self._evaluate({"learning_rate": rate, "captions_per_second": round(speed, 1)}, bar)
                    captions, clock = 0, time.monotonic()
                self.state.seconds = time.monotonic() - began
                if self._stop.is_set():
                    self.save()
                    raise Interrupted
                if time.monotonic() - saved > 60 * self.config.checkpoint_minutes:
                    self.save()
                    saved = time.monotonic()
        self.state.finished = self.state.finished or self.state.step >= self.total_steps
        self.save()
        return self.state

    def _evaluation_due(self, step: int) -> bool:
        epoch = self.batches.steps_per_epoch * self.config.eval_every
        return math.floor(step / epoch) > math.floor((step - 1) / epoch) or step == self.total_steps

    def _out_of_patience(self) -> bool:
        return 0 < self.config.patience <= self.state.evaluations_without_gain

    def _evaluate(self, training: dict[str, float] | None, bar: Progress) -> None:
        """Score on dev and keep the weights if they are the best; `training` says how the steps before went."""
        state = self.state
        self.descent.swap_average()
        scores = self.evaluate()
        score = scores["CIDEr"]
        if score > state.best_score:
            state.best_score, state.best_step, state.evaluations_without_gain = score, state.step, 0
            write_weights(self.directory / "best.safetensors", self.model.weights())
            if self.model.encoder is not None:
                write_weights(self.directory / "encoder.safetensors", encoder_weights(self.model.encoder))
        else:
            state.evaluations_without_gain += 1
        self.descent.swap_average()
        entry = {
            "step": state.step,
            "epoch": round(state.step / self.batches.steps_per_epoch, 3),
            **({} if training is None else {"loss": round(float(np.mean(state.losses)), 6), **training}),
            "seconds": round(state.seconds, 1),
            **{name: round(value, 6) for name, value in scores.items()},
        }
        state.losses = []
        self.history.append(entry)
        self._write_history()
        loss = f"loss {entry['loss']:.3f} ({self.loss_is}); " if "loss" in entry else ""
        bar.say(f"epoch {entry['epoch']:g}: {loss}dev {_told(scores)}")
        if self._out_of_patience():
            bar.say(
                f"No better dev CIDEr-D for {self.config.patience} evaluations: training ends, the best is kept."
            )
            state.finished = True

    def _write_history(self) -> None:
        lines = [json.dumps(entry) for entry in self.history]
        write_text(self.directory / "history.jsonl", "\n".join([*lines, ""]) if lines else "")
        if self.history:
            write_bytes(self.directory / "curve.png", draw_curve(self.history, self.loss_is))
            write_tensorboard(self.directory / "tensorboard", self.history)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """The first SIGINT or SIGTERM ends the run after the step at hand; a second one acts as it always does."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def ask(number: int, frame: object) -> None:
            self._stop.set()
            signal.signal(number, before[signal.Signals(number)])

        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _told(scores: dict[str, float]) -> str:
    """Scores as tables show them, x100; what the history calls CIDEr is CIDEr-D."""
    x100 = {"CIDEr": "CIDEr-D", "BLEU-4": "BLEU-4"}
    said = [f"{name} {100 * scores[key]:.1f}" for key, name in x100.items() if key in scores]
    if "words" in scores:
        said.append(f"{scores['words']:.1f} words a caption")
    if "distinct" in scores:
        said.append(f"{100 * scores['distinct']:.0f} % of the captions different")
    return ", ".join(said)
