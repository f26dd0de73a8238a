"""What a run learns from; its readers are proved with whole runs in `test_run`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from captionkit.config import parse_config
from captionkit.errors import DataError
from captionkit.records import ImageRecord
from captionkit.training.data import build_vocabulary


def test_a_mistake_in_the_data_is_told_without_tensorflow() -> None:
    code = (
        "import sys, captionkit.training.data, captionkit.training.run_folder\n"
        "print({'tensorflow', 'keras'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_vocabulary_is_of_train_captions_and_not_empty() -> None:
    train = [ImageRecord("a", Path("a.jpg"), ("A dog .", "A dog runs ."), "train", "")]
    assert build_vocabulary(parse_config("", ["tokenizer.min_count=2"]), train).words[4:] == ("a", "dog")
    with pytest.raises(DataError, match=r"at least 3 times .* 1 train pictures"):
        build_vocabulary(parse_config("", ["tokenizer.min_count=3"]), train)
