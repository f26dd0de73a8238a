"""What flows, as somebody at a Python prompt meets it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import captionkit
from captionkit import Captioner
from captionkit.metrics import score
from captionkit.records import Caption
from captionkit.selftest import draw_picture


def test_the_package_gives_its_one_door() -> None:
    from captionkit import captioner

    assert Captioner is captioner.Captioner
    assert set(captionkit.__all__) == {"Captioner", "__version__"}
    assert not hasattr(captionkit, "Captain")


def test_captions_with_attention_are_printed_in_a_line_and_compared() -> None:
    one, other = (
        Caption("A dog.", ("a", "dog"), (-0.1, -0.2), -0.3, True, attention=np.full((2, 81), 1 / 81, np.float32))
        for _ in range(2)
    )
    assert one == other
    assert len({one, other}) == 1
    assert "attention" not in repr(one)


def test_predictions_of_the_installed_model_are_compared() -> None:
    captioner = Captioner.load()
    one, other = captioner.caption([draw_picture(1)] * 2)
    assert one.captions[0].attention is not None
    assert one.captions == other.captions
    assert len(repr(one)) < 2000


def test_scores_are_printed_in_a_line_and_compared(tmp_path: Path) -> None:
    captions = {"a": "A dog .", "b": "A cat ."}
    references = {"a": ["A dog runs ."], "b": ["The cat ."]}
    one, other = (score(captions, references, ["BLEU", "CIDEr-D"]) for _ in range(2))
    assert one == other
    assert one != score(captions, references, ["BLEU"])
    assert "array" not in repr(one)
