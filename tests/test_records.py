"""What flows, as somebody at a Python prompt meets it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import captionkit
from captionkit import Captioner
from captionkit.bundle import DEFAULT_BUNDLE, read_bundle
from captionkit.metrics import score, score_with_outcomes
from captionkit.records import Caption, Prediction, split_name
from captionkit.selftest import draw_picture


def test_the_package_gives_its_one_door() -> None:
    from captionkit import captioner

    assert Captioner is captioner.Captioner
    assert set(captionkit.__all__) == {"Captioner", "__version__"}
    assert not hasattr(captionkit, "Captain")


def test_help_shows_the_door() -> None:
    """In a fresh process, in which nobody has gone through it."""
    code = "import captionkit, pydoc; print(pydoc.plain(pydoc.render_doc(captionkit)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "class Captioner(" in done.stdout
    assert "load(path:" in done.stdout


def test_a_checker_knows_every_name_of_the_package(tmp_path: Path) -> None:
    """`Captioner` with its type, and none that is not there."""
    pytest.importorskip("mypy.api")
    program = tmp_path / "program.py"
    program.write_text(
        "from captionkit import Captioner, Captain\n"
        "texts: list[str] = [one.text for one in Captioner.load().caption(['a.jpg'])]\n"
        "confidence: float = Captioner.load().caption(['a.jpg'])[0].confidence\n"
    )
    source = Path(captionkit.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={tmp_path}", program],
        env={**os.environ, "MYPYPATH": str(source)},
        capture_output=True,
        text=True,
        check=False,
    )
    found = [line for line in done.stdout.splitlines() if line.startswith(str(program))]
    assert len(found) == 2, done.stdout + done.stderr
    assert 'has no attribute "Captain"' in found[0]
    assert 'expression has type "float | None"' in found[1]


def test_a_bundle_is_printed_in_a_line() -> None:
    bundle = read_bundle()
    assert repr(bundle) == f"Bundle({bundle.manifest.name!r} from {DEFAULT_BUNDLE})"


def test_captions_with_attention_are_printed_in_a_line_and_compared() -> None:
    one, other = (
        Caption("A dog.", ("a", "dog"), (-0.1, -0.2), -0.3, True, attention=np.full((2, 81), 1 / 81, np.float32))
        for _ in range(2)
    )
    assert one == other
    assert len({one, other}) == 1
    assert "attention" not in repr(one)


def test_a_prediction_as_a_document() -> None:
    one = Caption("A dog.", ("a", "dog"), (-1.12345649, -2.0, -0.5), -0.87654321, True)
    told = Prediction("a.jpg", (one, Caption("A cat.", ("a", "cat"), (-2.0,), -2.0, False)), 0.7)
    assert told.text == "A dog."
    assert told.to_document() == {
        "source": "a.jpg",
        "captions": [
            {
                "text": "A dog.",
                "tokens": ["a", "dog"],
                "log_probability": -3.623456,
                "score": -0.876543,
                "finished": True,
            },
            {"text": "A cat.", "tokens": ["a", "cat"], "log_probability": -2.0, "score": -2.0, "finished": False},
        ],
        "confidence": 0.7,
        "withheld": False,
        "error": None,
    }
    nothing: dict[str, object] = {"source": "a.jpg", "captions": [], "confidence": None}
    assert Prediction("a.jpg").text == ""
    assert Prediction("a.jpg").to_document() == {**nothing, "withheld": True, "error": None}
    assert Prediction("a.jpg", error="No.").to_document() == {**nothing, "withheld": False, "error": "No."}


def test_predictions_of_the_installed_model_are_compared() -> None:
    captioner = Captioner.load()
    (one,), (other,) = (captioner.caption([draw_picture(1)]) for _ in range(2))
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
    kept, again = (score_with_outcomes(captions, references, ["BLEU", "CIDEr-D"]) for _ in range(2))
    assert kept == again
    assert kept.outcomes["BLEU"] != again.outcomes["BLEU"]
    assert repr(kept) == f"Scored(scores={one!r})"


@pytest.mark.parametrize(
    ("word", "split"),
    [("train", "train"), ("dev", "val"), ("Validation", "val"), (" test ", "test"), ("restval", None), ("", None)],
)
def test_the_usual_words_for_splits(word: str, split: str | None) -> None:
    assert split_name(word) == split
