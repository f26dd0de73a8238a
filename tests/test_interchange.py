"""What other programs load says what Keras and LiteRT say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from captionkit.bundle import read_bundle
from captionkit.captioner import Captioner
from captionkit.config import DecoderConfig, EncoderConfig
from captionkit.errors import UsageError, WriteError
from captionkit.interchange import export_networks
from captionkit.modeling.caption_model import CaptionModel
from captionkit.modeling.decoders import DECODERS, build_decoder
from captionkit.modeling.encoders import build_encoder
from captionkit.selftest import draw_picture
from captionkit.tokenizer import Tokenizer
from tests.tiny import IMAGE_SIZE, expect_steps, export_tiny, tiny_decoding, tiny_model, tiny_tokenizer

needs_onnx = pytest.mark.skipif(
    find_spec("tf2onnx") is None or find_spec("onnxruntime") is None, reason="tf2onnx or onnxruntime is missing"
)
FORMS = ["saved_model", pytest.param("onnx", marks=needs_onnx)]
REFUSED = {"convnext_tiny"}  # by --onnx
Arrays = dict[str, np.ndarray]


class SavedModel:
    """The three signatures of a SavedModel, as a program without captionkit calls them."""

    def __init__(self, folder: Path) -> None:
        self.loaded = tf.saved_model.load(str(folder))  # which keeps the weights that its signatures borrow

    def run(self, key: str, inputs: Mapping[str, np.ndarray]) -> Arrays:
        given = self.loaded.signatures[key](**{name: tf.constant(value) for name, value in inputs.items()})
        return {name: value.numpy() for name, value in given.items()}

    def sizes(self, key: str) -> dict[str, list[Any]]:
        signature = self.loaded.signatures[key]
        _, taken = signature.structured_input_signature
        specs = {**taken, **signature.structured_outputs}
        return {name: ["B" if size is None else size for size in spec.shape] for name, spec in specs.items()}


class Onnx:
    """The three networks of a folder under onnxruntime."""

    def __init__(self, folder: Path) -> None:
        import onnxruntime

        files = {"encode": "encoder", "start": "start", "step": "step"}
        self.sessions = {key: onnxruntime.InferenceSession(folder / f"{file}.onnx") for key, file in files.items()}

    def run(self, key: str, inputs: Mapping[str, np.ndarray]) -> Arrays:
        session = self.sessions[key]
        return dict(zip([one.name for one in session.get_outputs()], session.run(None, inputs), strict=True))

    def sizes(self, key: str) -> dict[str, list[Any]]:
        session = self.sessions[key]
        return {one.name: one.shape for one in (*session.get_inputs(), *session.get_outputs())}


class Engine:
    """What `captionkit.engine.Engine` offers, over another program's networks."""

    def __init__(self, networks: SavedModel | Onnx, network: Any) -> None:
        self.networks, self.network = networks, network

    def encode(self, images: np.ndarray) -> np.ndarray:
        return self.networks.run("encode", {"images": images})["features"]

    def start(self, features: np.ndarray) -> Arrays:
        given = self.networks.run("start", {"features": features})
        return {name.removeprefix("state_"): leaf for name, leaf in given.items()}

    def step(self, state: Mapping[str, np.ndarray], ids: np.ndarray) -> tuple[np.ndarray, Any, Arrays]:
        given = self.networks.run("step", {"ids": ids, **{f"state_{name}": leaf for name, leaf in state.items()}})
        logits, attention = given.pop("logits"), given.pop("attention", None)
        return logits, attention, {name.removeprefix("next_"): leaf for name, leaf in given.items()}


def export(form: str, folder: Path, model: CaptionModel, tokenizer: Tokenizer | None = None) -> SavedModel | Onnx:
    licences = {"weights": "CC0-1.0"}
    tokenizer = tokenizer or tiny_tokenizer()
    onnx = form == "onnx"
    export_networks(folder, model, tokenizer, name="tiny", licences=licences, decoding=tiny_decoding(), onnx=onnx)
    return Onnx(folder) if form == "onnx" else SavedModel(folder)


def pictures(count: int) -> list[bytes]:
    return [draw_picture(seed, size=IMAGE_SIZE) for seed in range(count)]


def kinds_and_forms() -> Iterator[Any]:
    """Each decoder in each form; tf2onnx takes seconds for some."""
    for kind in sorted(DECODERS):
        yield pytest.param((kind, "saved_model"), id=f"{kind}-saved_model")
        marks = [needs_onnx] if kind in ("lstm", "multihead_lstm") else [needs_onnx, pytest.mark.slow]
        yield pytest.param((kind, "onnx"), id=f"{kind}-onnx", marks=marks)


@pytest.fixture(scope="module", params=kinds_and_forms())
def exported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[CaptionModel, Path, SavedModel | Onnx, Path]:
    """A tiny model, its bundle, its networks in another form and their folder."""
    kind, form = request.param
    folder = tmp_path_factory.mktemp("interchange")
    export_tiny(folder / "tiny.captionkit", kind=kind)
    model, _ = tiny_model(kind=kind)
    return model, folder / "tiny.captionkit", export(form, folder / "model", model), folder / "model"


def test_networks_for_others_compute_what_keras_computes(
    exported: tuple[CaptionModel, Path, SavedModel | Onnx, Path],
) -> None:
    model, bundle, networks, _ = exported
    engine = Engine(networks, read_bundle(bundle).manifest.network)
    random = np.random.default_rng(1)
    images = random.integers(0, 256, (3, IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)
    features = np.asarray(model.encode(images))
    assert np.abs(features).max() > 0.1
    np.testing.assert_allclose(engine.encode(images), features, atol=1e-4)
    expect_steps(engine, model.decoder, features, random.integers(0, model.decoder.vocabulary, (5, 3)))


def test_networks_for_others_caption_like_the_bundle(
    exported: tuple[CaptionModel, Path, SavedModel | Onnx, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, bundle, networks, _ = exported
    captioner = Captioner.load(bundle, threads=1)
    here = captioner.caption(pictures(6))
    monkeypatch.setattr(captioner, "engine", Engine(networks, captioner.engine.network))
    there = captioner.caption(pictures(6))
    assert len({one.captions[0].score for one in here}) > 1
    assert [one.text for one in there] == [one.text for one in here]
    for one, other in zip(there, here, strict=True):
        assert one.captions[0].score == pytest.approx(other.captions[0].score, abs=1e-4)


def test_the_files_beside_the_networks_are_those_of_the_bundle(
    exported: tuple[CaptionModel, Path, SavedModel | Onnx, Path],
) -> None:
    _, path, networks, folder = exported
    bundle = read_bundle(path)
    network = bundle.manifest.network
    assert Tokenizer.from_json((folder / "tokenizer.json").read_text("utf-8")) == bundle.tokenizer
    assert json.loads((folder / "preprocessor.json").read_text()) == {"version": 1, "image_size": IMAGE_SIZE}
    assert json.loads((folder / "decoding.json").read_text()) == json.loads(json.dumps(asdict(bundle.decoding)))
    about = json.loads((folder / "model.json").read_text("utf-8"))
    assert (about["name"], about["made_with"]) == (bundle.manifest.name, bundle.manifest.made_with)
    assert about["licences"] == {"weights": "CC0-1.0"}
    assert about["network"] == json.loads(json.dumps(asdict(network)))
    # What is said of the sizes is what the networks say themselves, and the batch alone is free.
    state = {f"state_{name}": ["B", *leaf.shape] for name, leaf in network.state.items()}
    changed = {f"next_{name}": ["B", *leaf.shape] for name, leaf in network.state.items() if leaf.changes}
    attention = {"attention": ["B", network.positions]} if network.attention else {}
    features = {"features": ["B", network.positions, network.depth]}
    assert networks.sizes("encode") == {"images": ["B", IMAGE_SIZE, IMAGE_SIZE, 3], **features}
    assert networks.sizes("start") == {**features, **state}
    logits = {"logits": ["B", network.vocabulary]}
    assert networks.sizes("step") == {"ids": ["B"], **state, **logits, **attention, **changed}


def over(encoder: keras.Model) -> CaptionModel:
    """A model with this encoder and the smallest decoder."""
    _, positions, depth = encoder.output_shape
    config, words = DecoderConfig(units=8, embedding=8), len(tiny_tokenizer())
    return CaptionModel(encoder, build_decoder(config, vocabulary=words, positions=positions, depth=depth))


@pytest.mark.slow
@needs_onnx
@pytest.mark.parametrize("name", ["vgg16", "resnet50", "inception_v3", "mobilenet_v3_small", "efficientnet_lite2"])
def test_encoders_are_had_as_onnx(name: str, tmp_path: Path) -> None:
    model = over(build_encoder(EncoderConfig(name=name, weights="none", image_size=96)))
    images = np.random.default_rng(0).integers(0, 256, (2, 96, 96, 3), np.uint8)
    features = np.asarray(model.encode(images))
    got = export("onnx", tmp_path / "onnx", model).run("encode", {"images": images})["features"]
    np.testing.assert_allclose(got, features, atol=1e-4 * np.abs(features).max())


@pytest.mark.slow
@needs_onnx
@pytest.mark.parametrize("name", sorted(REFUSED))
def test_encoders_that_tf2onnx_does_not_know_are_refused(name: str, tmp_path: Path) -> None:
    model = over(build_encoder(EncoderConfig(name=name, weights="none", image_size=96)))
    with pytest.raises(UsageError, match="StatefulPartitionedCall"):
        export("onnx", tmp_path / "onnx", model)
    images = np.random.default_rng(0).integers(0, 256, (2, 96, 96, 3), np.uint8)
    got = export("saved_model", tmp_path / "saved", model).run("encode", {"images": images})["features"]
    np.testing.assert_allclose(got, np.asarray(model.encode(images)), rtol=1e-4, atol=1e-4)


@needs_onnx
def test_what_tf2onnx_does_not_know_is_one_sentence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    images = keras.Input((8, 8, 3), dtype="uint8")
    grid = keras.layers.Reshape((64, 3))(keras.layers.Activation("gelu")(keras.layers.Rescaling(0.01)(images)))
    with pytest.raises(
        UsageError, match=r"has none for Erfc, which its encoder computes; export it with --saved-model"
    ):
        export("onnx", tmp_path / "onnx", over(keras.Model(images, grid)))
    assert not [*tmp_path.iterdir()]
    assert not caplog.records


@pytest.mark.parametrize("form", FORMS)
def test_what_cannot_be_exported_leaves_no_folder(form: str, tmp_path: Path) -> None:
    model, _ = tiny_model()
    with pytest.raises(UsageError, match=r"of 42 words, but got one of 5\."):
        export(form, tmp_path / "model", model, Tokenizer(["dog"]))
    with pytest.raises(UsageError, match="encoder"):
        export(form, tmp_path / "model", CaptionModel(None, model.decoder))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(WriteError, match=r"Expected to write .*full"):
        export(form, tmp_path / "full", model)
    assert [str(one.relative_to(tmp_path)) for one in sorted(tmp_path.rglob("*"))] == ["full", "full/mine.txt"]


def test_without_room_a_saved_model_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise tf.errors.ResourceExhaustedError(None, None, "variables; No space left on device")

    monkeypatch.setattr(tf.saved_model, "save", full)
    with pytest.raises(WriteError, match=r"No space left on device"):
        export("saved_model", tmp_path / "model", tiny_model()[0])
    assert not [*tmp_path.iterdir()]
