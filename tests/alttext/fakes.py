"""A small captioner that really looks: it names the colour of a picture's middle."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captionkit.errors import ImageError
from captionkit.images import read_image
from captionkit.records import Caption, Prediction

CONFIDENCE = {"red": 0.95, "green": 0.5, "blue": None}


class ColourCaptioner:
    """Says "a picture of a man with a red wall behind him" of a reddish picture, and so on."""

    def __init__(self) -> None:
        self.asked = 0

    def caption(self, images: Iterable[Path | bytes]) -> list[Prediction]:
        predictions = []
        for image in images:
            self.asked += 1
            try:
                pixels = read_image(image)
            except ImageError as error:
                predictions.append(Prediction("x", error=str(error)))
                continue
            colour = ("red", "green", "blue")[int(pixels.mean(axis=(0, 1)).argmax())]
            text = f"a picture of a man with a {colour} wall behind him"
            caption = Caption(text, tuple(text.split()), (), 0.0, True)
            predictions.append(Prediction("x", (caption,), CONFIDENCE[colour]))
        return predictions


def photograph(path: Path, colour: str, seed: int = 1) -> Path:
    """Write a picture with noise and shading (a drawing would get another verdict), mostly of one colour."""
    random = np.random.default_rng(seed)
    pixels = random.normal(60, 15, (80, 100, 3)) + np.linspace(0, 60, 100)[None, :, None]
    pixels[..., ("red", "green", "blue").index(colour)] += 80
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)
    return path


def run_as_nobody_special(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run Python without root's right to read everything; skip where that right cannot be given up."""
    drop: list[str] = []
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root reads everything")
        rights = "-dac_override,-dac_read_search"
        drop = ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}"]
        with tempfile.NamedTemporaryFile() as closed:  # a container may keep root from giving up rights
            os.fchmod(closed.fileno(), 0)
            tried = [*drop, "sh", "-c", 'cat "$0" || echo refused', closed.name]
            if subprocess.run(tried, capture_output=True, check=False).stdout != b"refused\n":
                pytest.skip("root reads everything")
    return subprocess.run([*drop, sys.executable, *arguments], capture_output=True, text=True, check=False)
