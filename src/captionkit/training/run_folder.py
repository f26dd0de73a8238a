"""What a run's folder holds, must hold or must not; known without TensorFlow, so a mistake is told at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from captionkit.config import Config
from captionkit.config_paths import expand_path
from captionkit.datasets import images_folder
from captionkit.errors import DataError, TrainingError
from captionkit.files import read_bounded

MAX_HISTORY_BYTES = 64 << 20


def configuration_of(directory: Path) -> Path:
    """Where the run in `directory` keeps its configuration.

    Raises:
        TrainingError: there is none.
    """
    path = directory / "config.toml"
    if not path.is_file():
        raise TrainingError(f"Expected a run in {directory}, but it has no config.toml; give the folder of a run.")
    return path


def expect_no_run(directory: Path) -> None:
    """Make sure that a new run in `directory` would not take the place of another.

    Raises:
        TrainingError: it holds a run, or cannot be a folder.
    """
    file = next(
        (place for place in (directory, *directory.parents) if place.exists() and not place.is_dir()), None
    )
    if file is not None:
        raise TrainingError(
            f"Expected a folder for the run at {directory}, but {file} is a file; give another place with --run."
        )
    if (directory / "checkpoint").exists():
        raise TrainingError(
            f"{directory} holds a run already; go on with `captionkit train --resume {directory}`, "
            "or give another folder with --run."
        )


def expect_data(config: Config) -> None:
    """Make sure that what a recipe names as its data is there.

    Raises:
        ConfigError: a path needs an environment variable that is not set.
        DataError: there is nothing at one of the paths.
    """
    for section, data in (("data", config.data), ("more_data", config.more_data)):
        if not data.captions:
            continue
        places = {"captions": expand_path(data.captions), "images": images_folder(data)}
        lists = {"train_list": data.train_list, "val_list": data.val_list, "test_list": data.test_list}
        places |= {key: expand_path(value) for key, value in lists.items() if value}
        for key, place in places.items():
            if not place.exists():
                raise DataError(
                    f"Expected {section}.{key} at {place}, but nothing is there; name it with: {section}.{key}=..."
                )


def read_history(path: Path) -> tuple[dict[str, Any], ...]:
    """The lines of a run's history.jsonl; none where there is no such file.

    Raises:
        DataError: a line is no JSON object.
    """
    if not path.is_file():
        return ()
    lines = []
    for number, line in enumerate(
        read_bounded(path, MAX_HISTORY_BYTES).decode("utf-8", "replace").splitlines(), 1
    ):
        if not line.strip():
            continue
        try:
            document = json.loads(line)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise DataError(f"Expected a JSON object in line {number} of {path}, but it holds something else.")
        lines.append(document)
    return tuple(lines)
