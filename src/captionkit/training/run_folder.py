"""What a run's folder must hold, or must not; known without TensorFlow, so that a mistake is told at once."""

from __future__ import annotations

from pathlib import Path

from captionkit.errors import TrainingError


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
        TrainingError: it holds a run.
    """
    if (directory / "checkpoint").exists():
        raise TrainingError(
            f"{directory} holds a run already; go on with `captionkit train --resume {directory}`, "
            "or give another folder with --run."
        )
