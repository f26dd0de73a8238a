"""What an audit may be given beside the data set, in all the forms that it may have."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from captionkit.audit.inputs import read_run, read_words
from captionkit.bundle import read_bundle, write_bundle
from captionkit.config import Config, write_config
from captionkit.errors import DataError
from captionkit.tokenizer import Tokenizer


def test_a_vocabulary_may_come_from_a_pipe() -> None:
    """As `--vocabulary <(command)` gives it: what has been read of it is gone."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb"), os.fdopen(writing, "wb") as pipe:
        pipe.write(Tokenizer(["unheard"]).to_json().encode())
        pipe.close()
        assert read_words(Path(f"/dev/fd/{reading}")) == ("unheard",)


def test_a_bundle_is_a_vocabulary(tiny_bundle: Path) -> None:
    assert read_words(tiny_bundle) == read_bundle(tiny_bundle).tokenizer.spoken


@pytest.mark.parametrize("held", ["no JSON", "[1]", "{}"])
def test_what_is_no_vocabulary_is_told_by_its_name(tmp_path: Path, held: str) -> None:
    """The words of a run are read too, and nobody has named their file."""
    (tmp_path / "tokenizer.json").write_text(held)
    (tmp_path / "config.toml").write_text(write_config(Config()))
    read: Callable[[Path], object]
    for read, path in ((read_words, tmp_path / "tokenizer.json"), (read_run, tmp_path)):
        with pytest.raises(DataError) as raised:
            read(path)
        assert str(raised.value).startswith(f"{tmp_path / 'tokenizer.json'}: ")


def test_a_run_may_have_no_vocabulary_yet(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(write_config(Config()))
    assert read_run(tmp_path) == (Config(), None, {})


def test_a_bundle_may_not_hold_its_recipe(tmp_path: Path, tiny_bundle: Path) -> None:
    silent = tmp_path / "silent.captionkit"
    write_bundle(silent, replace(read_bundle(tiny_bundle), config=None))
    with pytest.raises(DataError, match=f"{silent} does not hold the recipe"):
        read_run(silent)
