"""What an audit may be given beside the data set: the words of a model, scores, a run."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from captionkit.audit.runs import Earlier
from captionkit.bundle import read_bundle
from captionkit.config import Config, parse_config, read_config
from captionkit.errors import DataError
from captionkit.files import read_bounded
from captionkit.tokenizer import Tokenizer
from captionkit.training.run_folder import earlier_runs


def read_words(path: Path) -> tuple[str, ...]:
    """The words of a tokenizer.json or a bundle.

    Raises:
        CaptionkitError: it is neither.
    """
    if path.is_file() and zipfile.is_zipfile(path):
        return read_bundle(path).tokenizer.spoken
    text = read_bounded(path, 1 << 26).decode("utf-8", "replace")
    try:
        return Tokenizer.from_json(text).spoken
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def read_scores(path: Path) -> Any:
    """A file of scores, as JSON.

    Raises:
        DataError: it cannot be read, or is none.
    """
    try:
        return json.loads(read_bounded(path, 1 << 28))
    except (ValueError, RecursionError):
        raise DataError(f"{path} is not JSON; give what `captionkit score --json` printed.") from None


def read_run(path: Path | None) -> tuple[Config, tuple[str, ...] | None, Earlier]:
    """Of a run's folder or a bundle the configuration, the words, if any, and the runs that it builds on.

    None is the installed bundle.

    Raises:
        CaptionkitError: one of them cannot be read, or a bundle has no configuration.
    """
    if path is not None and not path.is_file():
        config, vocabulary = read_config(path / "config.toml"), path / "tokenizer.json"
        words = read_words(vocabulary) if vocabulary.is_file() else None
    else:
        bundle, name = read_bundle(path), path or "default"
        if not bundle.config:
            raise DataError(
                f"{name} does not hold the recipe that it was trained by; give its data with --trained-on."
            )
        config, words = parse_config(bundle.config, source=f"{name}:config.toml"), bundle.tokenizer.spoken
    return config, words, {str(place): before for place, before in earlier_runs(config).items()}
