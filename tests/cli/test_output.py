"""No command writes over what it reads, or over a photograph."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from captionkit import files
from captionkit.cli.app import app
from captionkit.cli.output import check_new_folder, check_output
from captionkit.errors import UsageError
from captionkit.selftest import draw_picture
from tests.command import Run


def refused(*arguments: str | Path) -> str:
    """The sentence with which a command refuses; nothing in the folder of the last argument has changed."""
    folder = Path(arguments[-1]).parent
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(UsageError) as error:
        CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    return str(error.value)


@pytest.fixture
def folder(tmp_path: Path, tiny_bundle: Path) -> Path:
    (tmp_path / "cat.png").write_bytes(draw_picture(1))
    (tmp_path / "dog.png").write_bytes(draw_picture(2))
    (tmp_path / "model.captionkit").write_bytes(tiny_bundle.read_bytes())
    (tmp_path / "scores.csv").write_text("id,score\n")
    return tmp_path


def test_caption_writes_over_no_photograph_and_not_over_its_model(folder: Path) -> None:
    cat, dog, model = folder / "cat.png", folder / "dog.png", folder / "model.captionkit"
    assert "is what this command reads" in refused("caption", cat, "-o", cat)
    # What the shell makes of `--csv -o *.png`.
    assert "is a picture" in refused("caption", dog, "--csv", "-o", cat)
    assert "is what this command reads" in refused("caption", cat, "--bundle", model, "-o", model)


def test_explain_writes_a_picture_over_another_but_not_over_its_own(folder: Path, tiny_bundle: Path) -> None:
    cat, dog = folder / "cat.png", folder / "dog.png"
    assert "--html" in refused("explain", cat, "--html", cat)
    assert "is a picture" in refused("explain", cat, "--html", dog)
    assert "is what this command reads" in refused("explain", cat, "--png", cat)
    arguments = ["explain", str(cat), "--png", str(dog), "--bundle", str(tiny_bundle)]
    assert CliRunner().invoke(app, arguments, catch_exceptions=False).exit_code == 0
    assert dog.read_bytes() != draw_picture(2)


def test_search_does_not_write_over_its_index(folder: Path) -> None:
    (folder / "index.sqlite").write_bytes(b"whatever an index holds")
    index = folder / "index.sqlite"
    assert "is what this command reads" in refused("search", "dog", "--index", index, "--gallery", index)
    assert "is a picture" in refused("search", "dog", "--index", index, "--gallery", folder / "cat.png")


@pytest.mark.parametrize("option", ["--save-df", "--per-image"])
def test_score_does_not_write_over_its_captions(folder: Path, option: str) -> None:
    scores = folder / "scores.csv"
    assert option in refused("score", scores, folder / "more.csv", option, scores)
    assert "is a picture" in refused("score", scores, scores, option, folder / "cat.png")


def test_commands_on_models_and_runs_do_not_write_over_them(folder: Path) -> None:
    model, captions, cat = folder / "model.captionkit", folder / "scores.csv", folder / "cat.png"
    (folder / "history.jsonl").write_text("{}\n")
    (folder / "list.txt").write_text("cat.png\n")
    for output in (captions, cat):
        assert "--output" in refused("calibrate", model, captions, "-o", output)
    for output in (model, captions, cat):
        assert "--output" in refused("report", model, captions, "-o", output)
        assert "--results" in refused("evaluate", model, captions, "--results", output)
    for option in ("--train-list", "--val-list", "--test-list"):
        assert "is what this command reads" in refused(
            "report", model, captions, option, folder / "list.txt", "-o", folder / "list.txt"
        )
    assert "--output" in refused("report", folder, "-o", folder / "history.jsonl")
    assert "--output" in refused("export", folder, "-o", folder / "history.jsonl")


def test_what_a_recipe_names_and_what_is_found_beside_captions_is_not_written_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, captions = folder / "model.captionkit", folder / "captions.json"
    captions.write_text('{"images": [], "annotations": []}')
    (folder / "list.txt").write_text("cat.png\n")
    monkeypatch.setenv("CAPTIONKIT_DATA", str(folder))
    recipe = folder / "recipe.toml"
    recipe.write_text(
        '[data]\nformat = "coco"\ncaptions = "$CAPTIONKIT_DATA/captions.json"\n'
        f'images = "{folder}"\nval_list = "{folder}/list.txt"\n'
    )
    token = folder / "Flickr8k.token.txt"
    token.write_text("cat.png#0\tA cat .\n")
    (folder / "Flickr_8k.devImages.txt").write_text("cat.png\n")
    read = [(recipe, one) for one in (recipe, captions, folder / "list.txt")]
    for source, output in [*read, (token, token), (token, folder / "Flickr_8k.devImages.txt")]:
        for command, option in (("evaluate", "--results"), ("calibrate", "-o"), ("report", "-o")):
            said = refused(command, model, source, option, output)
            assert "is what this command reads" in said, (command, source, output)


def test_a_file_under_another_name_is_the_same_file(folder: Path) -> None:
    (folder / "link").symlink_to(folder / "scores.csv")
    (folder / "hard").hardlink_to(folder / "scores.csv")
    for name in ("link", "hard", "../" + folder.name + "/scores.csv"):
        with pytest.raises(UsageError, match="is what this command reads"):
            check_output("--output", folder / name, [folder / "scores.csv"])


def test_what_may_be_written(folder: Path) -> None:
    check_output("--output", None, [])
    check_output("--output", folder / "scores.csv", [None, folder / "cat.png", "default", "no\0path"])
    check_output("--output", folder / "new.csv", [folder / "new.csv"])


@pytest.mark.parametrize("place", ["", "none/new.csv", "/dev/null"])
def test_a_folder_and_a_device_are_no_file_to_write(folder: Path, place: str) -> None:
    with pytest.raises(UsageError, match="Expected a file in an existing folder for --output"):
        check_output("--output", folder / place, [])


@pytest.mark.parametrize(
    "arguments",
    [
        ["explain", "cat.png", "--png", "out", "--html", "./out"],
        ["score", "a.json", "b.json", "--per-image", "out", "--save-df", "./out"],
    ],
)
def test_two_results_are_two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert "Expected two files for" in refused(*arguments)


def test_a_folder_that_cannot_be_written_to_is_told_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_output("--output", tmp_path / "report.html", [])
    monkeypatch.setattr(files, "is_writable", lambda folder: folder != tmp_path)
    with pytest.raises(UsageError, match=f"can be written to for --output, but {tmp_path} cannot"):
        check_output("--output", tmp_path / "report.html", [])
    with pytest.raises(UsageError, match=f"a place for the folder of --onnx, but {tmp_path} cannot be written"):
        check_new_folder("--onnx", tmp_path / "none" / "model")


def test_a_new_folder_may_be_there_if_it_is_empty(tmp_path: Path) -> None:
    check_new_folder("--onnx", tmp_path / "new")
    (tmp_path / "empty").mkdir()
    check_new_folder("--onnx", tmp_path / "empty")
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    (tmp_path / "file").touch()
    (tmp_path / "held").mkdir()
    (tmp_path / "held" / "file").touch()
    for name in ("link", "file", "held"):
        with pytest.raises(UsageError, match=f"something is at {tmp_path / name}"):
            check_new_folder("--onnx", tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there are no terminals to open")
@pytest.mark.parametrize("form", ["--csv", "--json"])
def test_a_name_writes_nothing_to_a_terminal_that_it_likes(
    captionkit: Run, folder: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    picture = (folder / "cat.png").rename(folder / "cat\x9b31m.png")  # which would be red from there on
    arguments = ["caption", picture, folder / "dog.png", form, "--bundle", tiny_bundle]
    piped = captionkit(*arguments).out
    assert "cat\x9b31m.png" in piped  # as programs want it
    ours, theirs = os.openpty()
    with os.fdopen(ours, "rb") as screen, os.fdopen(theirs, "w", encoding="utf-8", newline="\n") as terminal:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", terminal)
            assert captionkit(*arguments).code == 0
        shown = b""
        while len(shown.splitlines()) < len(piped.splitlines()) or not shown.endswith(b"\n"):
            shown += os.read(screen.fileno(), 1000)
    assert shown.decode() == piped.replace("\x9b", r"\x9b").replace("\n", "\r\n")


def test_what_is_too_long_on_standard_input_is_not_cut_to_a_picture(
    captionkit: Run, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = draw_picture(1)
    monkeypatch.setattr("captionkit.images.MAX_FILE_BYTES", len(picture))
    assert captionkit("caption", "-", "--bundle", tiny_bundle, stdin=picture).code == 0
    done = captionkit("caption", "-", "--bundle", tiny_bundle, stdin=picture + b"\0")
    assert (done.code, done.out) == (1, "")
