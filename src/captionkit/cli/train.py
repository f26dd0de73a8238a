"""`captionkit train`: a recipe in, a run's folder and a bundle out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from captionkit.cli import options
from captionkit.cli.output import check_new_folder, check_output, printable, tell
from captionkit.cli.packages import need, need_tensorflow
from captionkit.cli.together import expect_without
from captionkit.errors import UsageError

if TYPE_CHECKING:
    from captionkit.bundle import Bundle
    from captionkit.config import Config
    from captionkit.training.loop import Trainer


def train(
    config: Annotated[
        str | None, typer.Argument(help="A recipe such as configs/flickr8k_lite2_lstm.toml.", show_default=False)
    ] = None,
    overrides: options.Overrides = None,
    resume: Annotated[
        Path | None, typer.Option("--resume", help="Go on with the run in this folder.", show_default=False)
    ] = None,
    run: options.RunFolder = None,
    quiet: options.Quiet = False,
) -> None:
    """Train a captioning model from a recipe, or go on with a run that was interrupted.

    Needs captionkit[train]. Example: captionkit train configs/flickr8k_lite2_lstm.toml training.epochs=3
    """
    from captionkit.config import read_config

    changes = list(overrides or ())
    if resume is not None and run is not None:
        raise UsageError("Expected --resume DIR or a recipe with --run DIR, but got both; leave one out.")
    if resume is not None:
        need_tensorflow()
        directory = resume
        # Every argument is an override here, the first one too.
        _go_on(directory, changes if config is None else [config, *changes], quiet)
    elif config is not None:
        need_tensorflow()
        directory = run or Path("runs") / Path(config).stem
        _begin(read_config(config, changes), directory, changes, quiet)
    else:
        raise UsageError(
            "Expected a recipe or --resume DIR, but got neither; for example captionkit train "
            "configs/flickr8k_lite2_lstm.toml."
        )
    bundle = _publish(directory, quiet)
    print(printable(f"try: captionkit caption --bundle {quote(bundle.source)} photo.jpg"))


def reproduce(
    config: Annotated[str, typer.Argument(help="A recipe that states what it reaches.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Places of the data, data.key=value ...", show_default=False)
    ] = None,
    run: options.RunFolder = None,
    quiet: options.Quiet = False,
) -> None:
    """Run a recipe from data to scores, or go on with it, and say whether the result is what the recipe states.

    Exit code 1 where it is not. A recipe that states nothing ([expect]) is refused before anything is trained, and
    so is a run that is there and was made by another recipe. One of this recipe goes on with the files that it
    began with.

    Example: captionkit reproduce configs/flickr8k_lite2_lstm.toml
    """
    from captionkit.config import ExpectConfig, read_config
    from captionkit.training.run_folder import has_begun

    settings = read_config(config, overrides or ())
    if settings.expect == ExpectConfig():
        raise UsageError(
            f"Expected a recipe that states what it reaches ([expect]), but {config} states no range to compare "
            "with; state one, or use captionkit train."
        )
    directory = run or Path("runs") / Path(config).stem
    if (directory / "config.toml").is_file():
        _expect_run_of(settings, directory)
    need_tensorflow()
    if has_begun(directory):
        _go_on(directory, (), quiet)
    else:
        _begin(settings, directory, (), quiet)
    bundle = _publish(directory, quiet)

    from captionkit.publish import outside_expectation

    outside = outside_expectation(settings, bundle.manifest.scores)
    for line in outside:
        print(line)
    if outside:
        raise typer.Exit(1)
    print("The recipe is reproduced: its scores lie in the range that it states.")


def _expect_run_of(recipe: Config, directory: Path) -> None:
    """Refuse to vouch for a recipe by a run of another one; say where its files are not those of the recipe."""
    from captionkit.config import differences, read_config
    from captionkit.config.places import hidden_places

    found = read_config(directory / "config.toml")
    anyway = ("bundle.", "expect.", "training.checkpoint_minutes:")  # alter no score
    lines = differences(hidden_places(found), hidden_places(recipe))
    other = [line for line in lines if not line.startswith(anyway)]
    if other:
        raise UsageError(
            f"Expected a run of this recipe in {directory}, but it is one of another (run -> recipe: "
            f"{'; '.join(other)}); give another folder with --run."
        )
    places = [line for line in differences(found, recipe) if not line.startswith(anyway)]
    if places:
        told = f"the run goes on with the files that it began with (run -> recipe: {'; '.join(places)})"
        print(printable(told), file=sys.stderr)


def _begin(config: Config, directory: Path, changes: Sequence[str], quiet: bool) -> None:
    """Begin a run in `directory`; `changes` are those of the recipe that the command line asks for."""
    from captionkit.training.data import read_splits
    from captionkit.training.run_folder import expect_data, expect_earlier, expect_no_run

    # All this before TensorFlow is imported: a mistake should not take seconds to be told.
    expect_no_run(directory)
    expect_data(config)
    expect_earlier(config)
    splits = read_splits(config)
    changed = {change.partition("=")[0] for change in changes}
    terms = "" if "bundle.data_terms" in changed else config.bundle.data_terms
    if terms and changed & {"data.captions", "data.format"}:
        tell(f"the bundle will say of its data: {terms!r}; if it is not so, set bundle.data_terms.")

    from captionkit.training.run import train

    _finish(directory, lambda: train(config, directory, splits=splits, quiet=quiet))


def _go_on(directory: Path, changes: Sequence[str], quiet: bool) -> None:
    """Go on with the run in `directory`."""
    from captionkit.config import read_config
    from captionkit.training.data import read_splits
    from captionkit.training.run_folder import expect_begun, expect_data

    # Before TensorFlow is imported, as in `_begin`.
    expect_begun(directory)
    config = read_config(directory / "config.toml", changes)
    expect_data(config)
    splits = read_splits(config)

    from captionkit.training.run import resume

    _finish(directory, lambda: resume(directory, changes, splits=splits, quiet=quiet))


def _finish(directory: Path, train: Callable[[], Trainer]) -> None:
    """Train to the end; interrupted, say how to go on."""
    from captionkit.training.loop import Interrupted

    try:
        state = train().state
    except Interrupted:
        print(
            printable(f"interrupted; go on with: captionkit train --resume {quote(str(directory))}"),
            file=sys.stderr,
        )
        raise typer.Exit(130) from None
    print(f"best dev CIDEr-D {100 * state.best_score:.1f} at step {state.best_step}", flush=True)


def _publish(directory: Path, quiet: bool) -> Bundle:
    """The bundle of a run that has ended, told."""
    from captionkit.publish import publish

    try:
        bundle = publish(directory, quiet=quiet)
    except KeyboardInterrupt:
        told = f"the training has ended; make its bundle with: captionkit export {quote(str(directory))}"
        print(printable(told), file=sys.stderr)
        raise
    _tell(bundle)
    return bundle


def export(
    directory: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(help="bundle.key=value, decoding.key=value, or data.captions=...", show_default=False),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Default: model.captionkit in RUN.", show_default=False)
    ] = None,
    int8: Annotated[bool, typer.Option("--int8", help="Quantise both networks: a quarter of the size.")] = False,
    float16: Annotated[bool, typer.Option("--float16", help="Store the decoder's weights as float16.")] = False,
    weights: Annotated[bool, typer.Option("--weights", help="Put the float weights in too.")] = False,
    saved_model: Annotated[
        Path | None,
        typer.Option(
            "--saved-model", metavar="FOLDER", help="Instead: a TensorFlow SavedModel.", show_default=False
        ),
    ] = None,
    onnx: Annotated[
        Path | None,
        typer.Option("--onnx", metavar="FOLDER", help="Instead: ONNX networks.", show_default=False),
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    """Make a bundle of a run's best weights: scored and calibrated on its dev pictures, with its model card.

    It can be installed and passed on as it is. --saved-model and --onnx write the same networks for other
    programs, in float32, into a new folder, without scores and confidence; they need no pictures. Needs
    captionkit[train], and for --onnx captionkit[onnx] too.

    Examples: captionkit export runs/flickr8k_lite2_lstm --int8 -o small.captionkit; captionkit export
    runs/flickr8k_lite2_lstm --onnx web
    """
    expect_without("--int8", int8, {"--float16": float16})
    for_bundle = {"--output": output is not None, "--int8": int8, "--float16": float16, "--weights": weights}
    expect_without("--saved-model", saved_model is not None, {"--onnx": onnx is not None, **for_bundle})
    expect_without("--onnx", onnx is not None, for_bundle)
    folder = saved_model or onnx
    if folder is not None:
        _export_networks(directory, "--saved-model" if saved_model else "--onnx", folder, overrides or ())
        return
    # Another bundle of the run may be replaced; what it was trained to may not.
    kept = [one for one in directory.iterdir() if one.suffix != ".captionkit"] if directory.is_dir() else []
    check_output("--output", output, kept)
    from captionkit.training.run_folder import configuration_of

    configuration_of(directory)
    need_tensorflow()
    from captionkit.publish import publish

    bundle = publish(
        directory, output, overrides or (), int8=int8, float16=float16, keep_weights=weights, quiet=quiet
    )
    _tell(bundle)


def _export_networks(directory: Path, option: str, folder: Path, overrides: Sequence[str]) -> None:
    """Write a run as a SavedModel or, where the option is --onnx, as ONNX networks."""
    from captionkit.training.run_folder import configuration_of

    check_new_folder(option, folder)
    configuration_of(directory)
    need_tensorflow()
    if option == "--onnx":
        need("tf2onnx", "Expected tf2onnx for --onnx, but it is not installed; pip install 'captionkit[onnx]'.")
    from captionkit.publish import publish_networks

    publish_networks(directory, folder, overrides, onnx=option == "--onnx")
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    told = f"wrote {folder} ({size / 1e6:.1f} MB), without scores and confidence: a bundle has these"
    print(printable(told))


def _tell(bundle: Bundle) -> None:
    """What was published: its scores, how sure it may be, its file."""
    for name, value in bundle.manifest.scores.items():
        print(f"{name:10} {100 * value:6.1f}")
    if bundle.calibration is not None:
        facts = bundle.calibration["facts"]
        print(
            f"confidence fitted on {facts['pictures_fitted_on']:.0f} of these pictures; on the other "
            f"{facts['pictures_judged']:.0f} its error is {facts['expected_calibration_error']:.3f}, and the "
            f"surest half has {facts['gain_of_surest_half']:.2f} times the CIDEr-D of all"
        )
    size = Path(bundle.source).stat().st_size
    print(printable(f"wrote {bundle.source} ({size / 1e6:.1f} MB)"))
