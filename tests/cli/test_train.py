"""`captionkit reproduce` and `export`: what they refuse before anything is computed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from captionkit.cli.app import app
from captionkit.config import parse_config, write_config
from captionkit.errors import CaptionkitError, TrainingError, UsageError

EXPECT = "[expect]\ncider_d_low = 50.0\n"


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe, and the run of another one that trained for an epoch, without weights."""
    path = tmp_path / "recipe.toml"
    path.write_text(
        EXPECT + '[data]\ncaptions = "here.json"\nimages = "here"\n[training]\nbegin_from = "runs/before"\n'
    )
    run = parse_config(path.read_text(), ["training.epochs=1", "decoder.units=16"])
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.toml").write_text(write_config(run))
    (tmp_path / "run" / "checkpoint").mkdir()
    (tmp_path / "run" / "checkpoint" / "checkpoint.json").write_text("{}")
    return path


def refused(*arguments: str | Path) -> str:
    with pytest.raises(UsageError) as error:
        CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)
    return str(error.value)


def test_a_run_of_another_recipe_proves_nothing(recipe: Path) -> None:
    message = refused("reproduce", recipe, "--run", recipe.parent / "run")
    assert "decoder.units: 16 -> 512; training.epochs: 1 -> 12" in message
    one = refused("reproduce", recipe, "training.epochs=1", "--run", recipe.parent / "run")
    assert "(run -> recipe: decoder.units: 16 -> 512)" in one
    same = ["training.epochs=1", "decoder.units=16"]
    for change in ("decoding.beams=1", "training.captions_per_image=1"):
        assert change.split("=")[0] in refused("reproduce", recipe, *same, change, "--run", recipe.parent / "run")


def test_a_run_is_begun_or_gone_on_with(recipe: Path) -> None:
    assert "--resume DIR or a recipe with --run DIR, but got both" in refused(
        "train", "--resume", recipe.parent / "run", "--run", recipe.parent / "new"
    )


@pytest.mark.parametrize(
    "change",
    [
        "data.captions=there.json",
        "data.images=",
        "training.begin_from=elsewhere",
        "bundle.name=mine",
        "expect.bleu_4_low=9",
        "training.checkpoint_minutes=1",
    ],
)
def test_a_run_may_have_its_data_elsewhere(recipe: Path, change: str) -> None:
    arguments = ["reproduce", str(recipe), "training.epochs=1", "decoder.units=16", change, "-q"]
    done = CliRunner().invoke(app, [*arguments, "--run", str(recipe.parent / "run")])
    # It goes on with the run, which has no data: that it gets so far is what is asked here.
    assert isinstance(done.exception, CaptionkitError)
    assert "here.json" in str(done.exception)
    moved = change.startswith(("data.", "training.begin_from"))
    assert ("goes on with the files that it began with" in done.stderr) is moved


def test_whether_there_is_a_file_at_all_is_no_matter_of_places(recipe: Path) -> None:
    same = ["training.epochs=1", "decoder.units=16"]
    for change in ("training.begin_from=", "data.train_list=some.txt", "encoder.weights=some.safetensors"):
        assert change.split("=")[0] in refused("reproduce", recipe, *same, change, "--run", recipe.parent / "run")


def told_without_tensorflow(*arguments: str | Path, first: str = "pass") -> str:
    """Standard error of a command that exits with 2 before it imports TensorFlow, after a statement of Python."""
    code = f"{first}; import sys; from captionkit.cli import app; code = app._run(); "
    code += "print('tensorflow' in sys.modules, code)"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "False 2\n"
    return done.stderr


def test_what_is_not_there_is_told_before_tensorflow_is_imported(recipe: Path) -> None:
    told = told_without_tensorflow("reproduce", recipe, "--run", recipe.parent / "new")
    assert "Expected data.captions at here.json, but nothing is there" in told


def test_data_that_are_not_divided_are_told_before_tensorflow_is_imported(recipe: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    (tmp_path / "a.txt").write_text("A dog .")
    data = ["data.format=folder", f"data.captions={tmp_path}", "data.images="]
    begun = told_without_tensorflow("train", recipe, *data, "training.begin_from=", "--run", tmp_path / "new")
    gone_on = told_without_tensorflow("train", "--resume", tmp_path / "run", *data)
    for told in (begun, gone_on):
        assert "does not divide them; do so with: captionkit data split" in told


def test_a_run_without_a_checkpoint_is_begun_again(recipe: Path) -> None:
    run = recipe.parent / "run"
    (run / "checkpoint" / "checkpoint.json").unlink()  # no room was left for it
    told = told_without_tensorflow("train", "--resume", run)
    assert f"the run ended before its first; begin it again with: captionkit train RECIPE --run {run}\n" in told


def test_a_recipe_without_a_range_cannot_be_reproduced(recipe: Path) -> None:
    recipe.write_text(recipe.read_text().replace(EXPECT, ""))
    assert "states no range" in refused("reproduce", recipe)


def test_export_quantises_one_way(tmp_path: Path) -> None:
    assert "one of --int8 and --float16" in refused("export", tmp_path, "--int8", "--float16")


def test_export_does_not_write_over_what_a_run_was_trained_to(recipe: Path) -> None:
    run = recipe.parent / "run"
    (run / "best.safetensors").write_bytes(b"weights")
    for name in ("config.toml", "best.safetensors"):
        before = (run / name).read_bytes()
        assert "is what this command reads" in refused("export", run, "-o", run / name)
        assert (run / name).read_bytes() == before
    (run / "model.captionkit").write_bytes(b"another bundle of it")
    hidden = "import importlib.util as u; u.find_spec = lambda name, *rest: None"
    told = told_without_tensorflow("export", run, "-o", run / "model.captionkit", first=hidden)
    assert "This needs TensorFlow" in told  # another bundle may be replaced


def test_a_run_that_is_there_is_not_begun_anew(recipe: Path) -> None:
    run = recipe.parent / "run"
    before = (run / "config.toml").read_bytes()
    with pytest.raises(TrainingError, match="holds a run already"):
        CliRunner().invoke(app, ["train", str(recipe), "--run", str(run)], catch_exceptions=False)
    assert (run / "config.toml").read_bytes() == before


def test_export_wants_the_folder_of_a_run(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(TrainingError, match="give the folder of a run"):
            CliRunner().invoke(app, ["export", str(folder)], catch_exceptions=False)


@pytest.mark.parametrize("option", ["--output", "--int8", "--float16", "--weights"])
def test_options_of_a_bundle_are_none_of_other_forms(tmp_path: Path, option: str) -> None:
    values = [str(tmp_path / "model.captionkit")] if option == "--output" else []
    for form in ("--saved-model", "--onnx"):
        told = refused("export", tmp_path, form, tmp_path / "model", option, *values)
        assert told == f"Expected one of {form} and {option}, but got both; leave one out."
    both = refused("export", tmp_path, "--onnx", tmp_path / "a", "--saved-model", tmp_path / "b")
    assert "one of --saved-model and --onnx" in both


@pytest.mark.parametrize("form", ["--saved-model", "--onnx"])
def test_other_forms_are_written_into_a_new_folder(recipe: Path, form: str) -> None:
    run = recipe.parent / "run"
    for place in (run, recipe):
        assert f"Expected a new or an empty folder for {form}, but something is at {place};" in refused(
            "export", run, form, place
        )
    (recipe.parent / "link").symlink_to(recipe.parent / "nowhere")
    assert "something is at" in refused("export", run, form, recipe.parent / "link")
    for here in (".", ".."):
        assert f"Expected the name of a new folder for {form}, but got {here};" in refused(
            "export", run, form, here
        )
    assert f"but {recipe} is a file; name another" in refused("export", run, form, recipe / "none" / "model")
    told = told_without_tensorflow("export", recipe.parent, form, recipe.parent / "model")
    assert "give the folder of a run" in told
    assert not (recipe.parent / "model").exists()


def test_without_tf2onnx_onnx_is_refused_before_tensorflow_is_imported(recipe: Path) -> None:
    run, folder = recipe.parent / "run", recipe.parent / "model"
    hidden = "import importlib.util as u; find = u.find_spec; "
    hidden += "u.find_spec = lambda name, *rest: None if name == 'tf2onnx' else find(name, *rest)"
    told = told_without_tensorflow("export", run, "--onnx", folder, first=hidden)
    assert told == (
        "captionkit: Expected tf2onnx for --onnx, but it is not installed; pip install 'captionkit[onnx]'.\n"
    )
