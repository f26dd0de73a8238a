"""The loop, on a model and data small enough to run in a moment; everything in it is real."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from captionkit.config import DecoderConfig, DecodingConfig, TrainingConfig
from captionkit.errors import TrainingError
from captionkit.modeling.caption_model import CaptionModel
from captionkit.modeling.decoders import build_decoder
from captionkit.tokenizer import Tokenizer
from captionkit.training.checkpoint import read_checkpoint, write_checkpoint
from captionkit.training.cross_entropy import CrossEntropy
from captionkit.training.dev import DevScores
from captionkit.training.input_pipeline import Batches
from captionkit.training.loop import Interrupted, Trainer
from captionkit.training.optimizer import Descent

COLOURS = ["red", "green", "blue", "white"]
THINGS = ["ball", "house", "car"]
CAPTIONS = [[f"a {c} {t} is here .", f"there is a {c} {t} ."] for c in COLOURS for t in THINGS]
FEATURES = np.random.default_rng(0).normal(size=(len(CAPTIONS), 3, 8)).astype(np.float16)
CONFIG = TrainingConfig(
    epochs=3, batch_size=4, captions_per_image=2, learning_rate=0.02, warmup_steps=2, ema=0.9, seed=5, patience=0
)


def make(directory: Path, config: TrainingConfig = CONFIG, **identity: str) -> Trainer:
    tf.config.experimental.enable_op_determinism()
    tokenizer = Tokenizer.build(text for texts in CAPTIONS for text in texts)
    decoder = build_decoder(
        DecoderConfig(units=24, embedding=16, dropout=0.1, word_dropout=0.05),
        vocabulary=len(tokenizer),
        positions=3,
        depth=8,
        seed=config.seed,
    )
    model = CaptionModel(None, decoder)
    descent = Descent(config, decoder.trainable_variables)
    batches = Batches(
        lambda rows: FEATURES[rows],
        CAPTIONS,
        tokenizer,
        batch_size=config.batch_size,
        captions_per_image=config.captions_per_image,
        length=8,
        seed=config.seed,
    )
    evaluate = DevScores(
        model,
        tokenizer,
        DecodingConfig(max_length=8),
        lambda rows: FEATURES[rows],
        CAPTIONS,
        beams=2,
    )
    objective = CrossEntropy(config, model, descent)
    named = {"configuration": "c", "vocabulary": "v", "data": "d", **identity}
    return Trainer(config, model, descent, objective, batches, evaluate, directory, named)


def assert_same(first: Trainer, second: Trainer) -> None:
    for (name, a), b in zip(first.model.variables().items(), second.model.variables().values(), strict=True):
        np.testing.assert_array_equal(a.value.numpy(), b.value.numpy(), err_msg=name)
    for (name, a), b in zip(first.descent.arrays().items(), second.descent.arrays().values(), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Trainer:
    """Six steps that nothing disturbed."""
    trainer = make(tmp_path_factory.mktemp("whole"))
    trainer.run(until=6, quiet=True)
    return trainer


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that stands at step 3. Read-only."""
    folder = tmp_path_factory.mktemp("begun")
    make(folder).run(until=3, quiet=True)
    return folder


def test_six_steps_equal_two_resume_and_four_bit_for_bit(whole: Trainer, tmp_path: Path) -> None:
    make(tmp_path / "halves").run(until=2, quiet=True)
    second = make(tmp_path / "halves", replace(CONFIG, checkpoint_minutes=1.0))
    second.restore()
    second.run(until=6, quiet=True)
    assert_same(whole, second)
    first_history, second_history = (
        [{k: v for k, v in entry.items() if "second" not in k} for entry in t.history] for t in (whole, second)
    )
    assert first_history == second_history


def test_dev_scores_are_told_by_their_names_as_tables_have_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = make(tmp_path, replace(CONFIG, epochs=1))
    trainer.run()
    last, said = trainer.history[-1], capsys.readouterr().err  # with lines of progress where it is slow
    assert f"dev CIDEr-D {100 * last['CIDEr']:.1f}, BLEU-4 {100 * last['BLEU-4']:.1f}, " in said
    assert f"{last['words']:.1f} words a caption, {100 * last['distinct']:.0f} % of the captions different" in said


def test_it_learns_and_keeps_the_best_weights(tmp_path: Path) -> None:
    trainer = make(tmp_path, replace(CONFIG, epochs=40, eval_every=10))
    state = trainer.run(quiet=True)
    assert state.finished
    assert trainer.history[-1]["loss"] < 0.5 * trainer.history[0]["loss"]
    assert state.best_score > 2.0
    assert (tmp_path / "best.safetensors").is_file()
    lines = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [30, 60, 90, 120]
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_golden_losses_of_four_steps(tmp_path: Path) -> None:
    trainer = make(tmp_path, replace(CONFIG, batch_size=12, epochs=4))
    trainer.run(until=4, quiet=True)
    losses = [entry["loss"] for entry in trainer.history]
    # Before the first step all 16 entries of the vocabulary are about equally likely: ln 16 = 2.77 nats.
    assert losses[0] == pytest.approx(math.log(16), abs=0.1)
    assert losses == pytest.approx(GOLDEN, abs=2e-3)


GOLDEN = [2.8651, 2.7059, 2.5218, 2.4111]


@pytest.mark.parametrize("what", ["configuration", "vocabulary", "data"])
def test_another_configuration_vocabulary_or_data_is_refused(begun: Path, what: str) -> None:
    other = make(begun, CONFIG, **{what: "other"})
    with pytest.raises(TrainingError, match=f"another {what} .*now other"):
        other.restore()


def test_an_empty_folder_of_a_checkpoint_is_none(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").mkdir()  # as a full disk leaves it
    trainer = make(tmp_path)
    trainer.run(until=0, quiet=True)
    make(tmp_path).restore()


@pytest.mark.parametrize(
    "change",
    [
        *({"history": None}, {"history": ["best"]}, {"history": [{"step": 3}]}),
        {"history": [{"step": 3, "epoch": 1.0, "CIDEr": 0.5, "loss": "low"}]},
        {"history": [{"step": float("inf"), "epoch": 1.0, "CIDEr": 0.5}]},
        *({"identity": 3}, {"moment": 1.0}),
        *({"step": "three"}, {"step": None}, {"step": 1.5}, {"step": -3}, {"best_step": []}),
        *({"evaluations_without_gain": "none"}, {"best_score": "high"}, {"best_score": float("nan")}),
        *({"seconds": None}, {"seconds": 10**400}, {"losses": 1.0}, {"losses": [None]}),
    ],
    ids=str,
)
def test_a_checkpoint_of_another_version_is_told_as_such(
    begun: Path, tmp_path: Path, change: dict[str, object]
) -> None:
    shutil.copytree(begun, tmp_path / "run")
    path = tmp_path / "run" / "checkpoint" / "checkpoint.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "state": {**document["state"], **change}}))
    history = (tmp_path / "run" / "history.jsonl").read_bytes()
    with pytest.raises(TrainingError, match="written by another captionkit, or is damaged"):
        make(tmp_path / "run").restore()
    assert (tmp_path / "run" / "history.jsonl").read_bytes() == history


@pytest.mark.parametrize("other", [False, True])
def test_a_checkpoint_with_other_tensors_is_told_as_such(begun: Path, tmp_path: Path, other: bool) -> None:
    shutil.copytree(begun, tmp_path / "run")
    arrays, state = read_checkpoint(tmp_path / "run" / "checkpoint")
    name = next(name for name in arrays if name.startswith("model/"))
    del arrays[name]
    arrays |= dict.fromkeys([name] if other else [], np.zeros(3, np.float32))
    write_checkpoint(tmp_path / "run" / "checkpoint", arrays, state)
    with pytest.raises(TrainingError, match="written by another captionkit, or is damaged"):
        make(tmp_path / "run").restore()


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good_checkpoint(begun: Path, tmp_path: Path) -> None:
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True)
    broken = make(tmp_path, replace(CONFIG, learning_rate=float("inf")))
    broken.restore()
    with pytest.raises(TrainingError, match="step 5"):
        broken.run(quiet=True)
    again = make(tmp_path)
    again.restore()
    assert again.state.step == 3
    assert all(np.isfinite(v.value.numpy()).all() for v in again.model.decoder.trainable_variables)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_writes_a_checkpoint_that_resumes_bit_for_bit(
    whole: Trainer, tmp_path: Path, number: signal.Signals
) -> None:
    trainer = make(tmp_path / "cut")
    plain = trainer.objective

    def objective(batch, rate):  # type: ignore[no-untyped-def]
        if trainer.state.step == 3:
            os.kill(os.getpid(), number)
        return plain(batch, rate)

    trainer.objective = objective
    with pytest.raises(Interrupted):
        trainer.run(quiet=True)
    assert trainer.state.step == 4
    again = make(tmp_path / "cut")
    again.restore()
    again.run(until=6, quiet=True)
    assert_same(whole, again)


def test_no_gain_ends_the_run_early_and_more_patience_goes_on_with_it(tmp_path: Path) -> None:
    trainer = make(tmp_path, replace(CONFIG, epochs=50, learning_rate=0.0, patience=2, ema=0.0))
    state = trainer.run(quiet=True)
    assert state.finished
    assert len(trainer.history) == 3
    patient = make(tmp_path, replace(trainer.config, patience=4))
    patient.restore()
    patient.run(quiet=True)
    assert len(patient.history) == 5


def test_a_gain_gives_all_of_the_patience_back(tmp_path: Path) -> None:
    trainer = make(tmp_path, replace(CONFIG, epochs=9, patience=2))
    scores = iter([0.1, 0.0, 0.2, 0.1, 0.2, 0.3])  # as good as the best is no gain
    trainer.evaluate = lambda: {"CIDEr": next(scores)}
    state = trainer.run(quiet=True)
    assert [entry["CIDEr"] for entry in trainer.history] == [0.1, 0.0, 0.2, 0.1, 0.2]
    assert (state.best_score, state.best_step) == (0.2, 9)
