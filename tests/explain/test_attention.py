"""`explain` with a real bundle whose decoder attends to the picture."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from typer.testing import CliRunner

from captionkit.captioner import Captioner
from captionkit.cli.app import app
from captionkit.config import DecoderConfig
from captionkit.explain import explain, format_page
from captionkit.export import export_bundle
from captionkit.modeling.caption_model import CaptionModel
from captionkit.modeling.decoders import build_decoder
from captionkit.selftest import draw_picture
from tests.tiny import DEPTH, IMAGE_SIZE, POSITIONS, tiny_decoding, tiny_tokenizer


@pytest.mark.slow
def test_maps_are_the_decoders_own_attention_unless_told_otherwise(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    images = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 3), dtype="uint8", name="image")
    scaled = keras.layers.Rescaling(1 / 128.0, offset=-1.0)(images)
    grid = keras.layers.Conv2D(DEPTH, 8, strides=8, activation="relu6")(scaled)
    decoder = build_decoder(
        DecoderConfig(kind="attention_lstm", units=16, embedding=12),
        vocabulary=len(tokenizer),
        positions=POSITIONS,
        depth=DEPTH,
        seed=0,
    )
    export_bundle(
        tmp_path / "attends.captionkit",
        CaptionModel(keras.Model(images, keras.layers.Reshape((POSITIONS, DEPTH))(grid)), decoder),
        tokenizer,
        name="attends",
        licences={"weights": "CC0-1.0"},
        decoding=tiny_decoding(),
        card="# Attends\n",
    )
    captioner = Captioner.load(tmp_path / "attends.captionkit", threads=1)
    found = explain(captioner, draw_picture(2))
    assert found.by_attention
    assert found.caption.attention is not None
    for word, row in zip(found.words, found.caption.attention, strict=True):
        np.testing.assert_array_equal(word.relevance.ravel(), row)
        assert word.relevance.sum() == pytest.approx(1, abs=1e-4)
    assert "attends to" in format_page(found)
    covered = explain(captioner, draw_picture(2), by_occlusion=True)
    assert not covered.by_attention
    assert covered.words[0].relevance.shape == (7, 7)
    (tmp_path / "a.png").write_bytes(draw_picture(2))
    words = ["explain", str(tmp_path / "a.png"), "--bundle", str(tmp_path / "attends.captionkit")]
    told = [CliRunner().invoke(app, [*words, *more]).stdout for more in ([], ["--occlusion"])]
    assert told[0] != told[1]
