"""What a run's folder holds, must hold or must not; known without TensorFlow, so a mistake is told at once."""

from __future__ import annotations

import json
from pathlib import Path
from shlex import quote
from typing import Any

from captionkit.bundle import read_bundle
from captionkit.config import Config, parse_config, read_config
from captionkit.config.paths import expand_path, expand_paths
from captionkit.datasets import images_folder
from captionkit.errors import CaptionkitError, ConfigError, DataError, TrainingError
from captionkit.files import in_the_way, is_writable, read_bounded, real_path
from captionkit.tokenizer import Tokenizer

MAX_HISTORY_BYTES = MAX_VOCABULARY_BYTES = 64 << 20


def configuration_of(directory: Path) -> Path:
    """Where the run in `directory` keeps its configuration.

    Raises:
        TrainingError: there is none.
    """
    path = directory / "config.toml"
    if not path.is_file():
        raise TrainingError(f"Expected a run in {directory}, but it has no config.toml; give the folder of a run.")
    return path


def has_begun(directory: Path) -> bool:
    """Whether the run in `directory` can be gone on with: its first checkpoint is there, whole."""
    return (directory / "checkpoint" / "checkpoint.json").is_file()


def expect_begun(directory: Path) -> None:
    """Make sure that the run in `directory` can be gone on with.

    Raises:
        TrainingError: there is no run, or it ended before its first checkpoint.
    """
    configuration_of(directory)
    if not has_begun(directory):
        raise TrainingError(
            f"Expected a checkpoint in {directory}, but the run ended before its first; begin it again with: "
            f"captionkit train RECIPE --run {quote(str(directory))}"
        )


def read_vocabulary(directory: Path) -> Tokenizer:
    """The vocabulary of the run in `directory`.

    Raises:
        TrainingError: there is none, or it is damaged.
    """
    path = directory / "tokenizer.json"
    try:
        return Tokenizer.from_json(read_bounded(path, MAX_VOCABULARY_BYTES).decode("utf-8"))
    except (DataError, UnicodeDecodeError) as error:
        raise TrainingError(f"The vocabulary {path} of the run cannot be read. {error}") from None


def expect_no_run(directory: Path) -> None:
    """Make sure that a new run in `directory` would not take the place of another, and that it can be written.

    Raises:
        TrainingError: it holds a run, or cannot be a folder that is written to.
    """
    if obstacle := in_the_way(directory):
        raise TrainingError(
            f"Expected a folder for the run at {directory}, but {obstacle}; give another place with --run."
        )
    if has_begun(directory):
        raise TrainingError(
            f"{directory} holds a run already; go on with `captionkit train --resume {quote(str(directory))}`, "
            "or give another folder with --run."
        )
    if (directory / "best.safetensors").exists():
        raise TrainingError(
            f"{directory} holds the weights of a run, though no checkpoint to go on from; give another folder "
            "with --run."
        )
    there = next(place for place in (directory, *directory.parents) if place.is_dir())
    if not is_writable(there):
        raise TrainingError(
            f"Expected a folder for the run at {directory}, but {there} cannot be written to; give another place "
            "with --run."
        )


def expect_earlier(config: Config) -> None:
    """Make sure that the runs and bundles that a recipe builds on are there, before any picture is encoded for it.

    Raises:
        ConfigError: a path needs an environment variable that is not set.
        TrainingError: a run or bundle is not there.
    """
    for key in ("begin_from", "teachers"):
        for path in expand_paths(getattr(config.training, key)):
            if not path.is_file():
                expect_run(path, setting=f"training.{key}")


def expect_run(directory: Path, *, setting: str) -> None:
    """Make sure that a run that has been trained is in `directory`; `setting` named it.

    Raises:
        TrainingError: it is not.
    """
    for name in ("config.toml", "tokenizer.json", "best.safetensors"):
        if not (directory / name).is_file():
            raise TrainingError(
                f"Expected a finished run in {directory} ({setting}), but its {name} is missing; train that one "
                "first, or name another."
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
            document = json.loads(line, parse_int=_parse_int)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise DataError(f"Expected a JSON object in line {number} of {path}, but it holds something else.")
        lines.append(document)
    return tuple(lines)


def _parse_int(digits: str) -> int | float:
    """A whole number of JSON; one that is beyond what is counted in a run is infinite or nearly so."""
    return int(digits) if len(digits) <= 15 else float(digits)


def earlier_runs(config: Config) -> dict[Path, Config | None]:
    """The runs and bundles that a run builds on, at once or through others; each comes after its own.

    Returns:
        Folder or file to its configuration; None where that cannot be read any more.
    """
    found: dict[Path, Config | None] = {}
    seen: set[Path] = set()

    def follow(settings: Config) -> None:
        for path in _builds_on(settings):
            if (real := real_path(path)) not in seen:
                seen.add(real)
                before = _configuration_at(path)
                if before is not None:
                    follow(before)
                found[path] = before

    follow(config)
    return found


def _builds_on(config: Config) -> list[Path]:
    """Folders of runs, and bundles, that gave a run its encoder, its teachers or its first weights."""
    paths = []
    for setting in (config.encoder.weight_files, config.training.teachers, config.training.begin_from):
        try:
            paths += expand_paths(setting)
        except ConfigError:  # a variable that is not set here
            paths.append(Path(setting))
    # The encoder of a run lies in its folder. Other files of weights are published ones, and say nothing of data.
    folders = [path.parent if path.name == "encoder.safetensors" else path for path in paths]
    return [path for path in folders if path.suffix not in (".npz", ".safetensors", ".h5", ".pth")]


def _configuration_at(path: Path) -> Config | None:
    try:
        if path.is_dir():
            return read_config(path / "config.toml")
        held = read_bundle(path).config
        return parse_config(held, source=f"{path}:config.toml") if held else None
    except (CaptionkitError, OSError):
        return None
