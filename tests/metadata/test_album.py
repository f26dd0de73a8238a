from __future__ import annotations

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from captionkit.alttext.sidecar import Sidecar
from captionkit.metadata import album
from captionkit.metadata.album import Album, Before
from captionkit.metadata.describe import open_undo
from captionkit.records import Caption, Prediction
from tests.datasets.pictures import jpeg


def test_threads_that_ask_side_by_side_all_hear_what_a_picture_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = [tmp_path / f"{number}.jpg" for number in range(4)]
    for number, picture in enumerate(pictures):
        picture.write_bytes(jpeg(number))
    before = [hashlib.sha256(picture.read_bytes()).digest() for picture in pictures]
    writer = Album("")
    for picture in pictures:
        caption = Caption(text="A dog.", tokens=("a", "dog"), token_log_probabilities=(), score=0.0, finished=True)
        assert writer.write(picture, Prediction(str(picture), (caption,))) == ""

    def slowly(folder: Path) -> Sidecar:
        time.sleep(0.1)  # all threads have asked by now
        return open_undo(folder)

    monkeypatch.setattr(album, "open_undo", slowly)
    ask = Before()
    with ThreadPoolExecutor(4) as threads:
        found = threads.map(lambda one: list(ask(one, hashlib.sha256(one.read_bytes()).digest())), pictures)
    assert list(found) == [[digest] for digest in before]
