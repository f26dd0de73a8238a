"""What a bundle is made from."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from captionkit import publish
from captionkit.captioner import Captioner
from captionkit.config import Config, EncoderConfig
from captionkit.detectors.words import MIN_PICTURES, WordDetector, fit_word_detector
from captionkit.engine import Engine
from captionkit.progress import Progress
from captionkit.publish import readable_pictures
from captionkit.records import ImageRecord
from tests.tiny import DEPTH, POSITIONS, draw_records

NO_HEAD = dataclasses.replace(Config(), encoder=EncoderConfig(weights="none"))


def test_pictures_that_training_left_out_are_passed_over(tmp_path: Path) -> None:
    for number in range(4):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / f"{number}.png")
    (tmp_path / "2.png").write_bytes(b"cut off")
    records = [
        ImageRecord(str(number), tmp_path / f"{number}.png", ("a dog",), "train", "") for number in range(5)
    ]
    drawn = list(readable_pictures(records, 16, seed=1))
    assert sorted(record.id for record, _ in drawn) == ["0", "1", "3"]
    for record, pixels in drawn:
        np.testing.assert_array_equal(pixels, np.full((16, 16, 3), (int(record.id), 0, 0)))


@pytest.mark.parametrize("most", [10_000 * POSITIONS, 40 * POSITIONS + 1])
def test_places_belong_to_the_captions_of_the_pictures_that_are_there_still(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    captioner = Captioner.load(tiny_bundle, threads=1)
    records = draw_records(tiny_bundle, tmp_path, 60)
    monkeypatch.setattr(publish, "DETECTOR_PLACES", most)
    monkeypatch.setattr(publish, "ENCODED_TOGETHER", 7)
    order = [record for record, _ in readable_pictures(records, 32, seed=NO_HEAD.training.seed)]
    fitted: list[tuple[np.ndarray, list[tuple[str, ...]]]] = []

    def then_one_goes(*arguments: Any) -> WordDetector:
        order[3].path.unlink()
        return fit_word_detector(*arguments)

    def kept(words: WordDetector, seen: np.ndarray, captions: list[tuple[str, ...]], *_: Any, **__: Any) -> Any:
        fitted.append((seen, captions))
        return words

    monkeypatch.setattr(publish, "fit_word_detector", then_one_goes)
    monkeypatch.setattr(publish, "fit_places", kept)
    words, things = publish._detectors(captioner, records, NO_HEAD, quiet=True)
    assert words is not None
    assert things is None
    ((seen, captions),) = fitted
    left = [record for record in order if record is not order[3]][: most // POSITIONS]
    assert captions == [record.captions for record in left]
    assert seen.shape[:2] == (len(left), POSITIONS)
    assert seen.dtype == np.float16
    detector = WordDetector.from_bytes(words, depth=DEPTH, vocabulary=len(captioner.bundle.tokenizer))
    last = captioner.engine.encode(next(readable_pictures(left[-1:], 32, seed=0))[1][None])
    np.testing.assert_allclose(seen[-1], detector.look(last).seen[0], atol=0.05)


def test_a_detector_whose_pictures_are_all_gone_looks_at_no_places(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    captioner = Captioner.load(tiny_bundle, threads=1)
    records = draw_records(tiny_bundle, tmp_path, MIN_PICTURES)

    def then_all_go(*arguments: Any) -> WordDetector:
        for record in records:
            record.path.unlink()
        return fit_word_detector(*arguments)

    monkeypatch.setattr(publish, "fit_word_detector", then_all_go)
    words, _ = publish._detectors(captioner, records, NO_HEAD, quiet=True)
    assert words is not None
    detector = WordDetector.from_bytes(words, depth=DEPTH, vocabulary=len(captioner.bundle.tokenizer))
    assert detector.places is None


@pytest.mark.parametrize("calls", [1, 61])
def test_an_interruption_ends_the_progress_before_it_is_told(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    captioner = Captioner.load(tiny_bundle, threads=1)
    records = draw_records(tiny_bundle, tmp_path, 60)
    monkeypatch.setattr(publish, "ENCODED_TOGETHER", 1)
    encode, leave, done, ends = Engine.encode, Progress.__exit__, [], []

    def interrupted(self: Engine, pixels: Any) -> Any:
        done.append(pixels)
        if len(done) == calls:
            raise KeyboardInterrupt
        return encode(self, pixels)

    def left(self: Progress, kind: Any, error: Any, trace: Any) -> None:
        ends.append(kind)
        leave(self, kind, error, trace)

    monkeypatch.setattr(Engine, "encode", interrupted)
    monkeypatch.setattr(Progress, "__exit__", left)
    with pytest.raises(KeyboardInterrupt) as held:  # and with it all that was under way
        publish._detectors(captioner, records, NO_HEAD)
    assert ends == [*[None] * (calls // 60), KeyboardInterrupt], held
