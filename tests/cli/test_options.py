"""`evaluate`, `calibrate` and `report` read what `captionkit data check` reads."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from captionkit.cli.app import app
from captionkit.cli.options import read_split
from captionkit.errors import CaptionkitError, DataError, UsageError, WriteError
from tests.datasets.pictures import jpeg


def chosen(captions: Path, split: str) -> list[Path]:
    options = dict.fromkeys(("images", "format", "train_list", "val_list", "test_list"), "")
    return [record.path for record in read_split(str(captions), split, written=("-o", None), **options)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four pictures with a `.txt` beside each."""
    for number in range(4):
        (tmp_path / "photos" / "val").mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / "val" / f"{number}.jpg").write_bytes(jpeg(number))
        (tmp_path / "photos" / "val" / f"{number}.txt").write_text(f"A dog runs on grass {number} .\n")
    return tmp_path / "photos"


def test_a_folder_of_pictures_is_its_own_picture_folder(folder: Path, tmp_path: Path) -> None:
    assert chosen(folder, "dev") == [folder / "val" / f"{number}.jpg" for number in range(4)]
    (tmp_path / "recipe.toml").write_text(f"[data]\nformat = 'folder'\ncaptions = '{folder}'\nimages = ''\n")
    assert len(chosen(tmp_path / "recipe.toml", "dev")) == 4


def test_pictures_and_lists_of_a_release_are_found(tmp_path: Path) -> None:
    (tmp_path / "Flicker8k_Dataset").mkdir()
    texts = tmp_path / "Flickr8k_text"
    texts.mkdir()
    (texts / "Flickr8k.token.txt").write_text("a.jpg#0\tA dog .\nb.jpg#0\tA cat .\n")
    (texts / "Flickr_8k.trainImages.txt").write_text("a.jpg\n")
    (texts / "Flickr_8k.devImages.txt").write_text("b.jpg\n")
    assert chosen(texts / "Flickr8k.token.txt", "dev") == [tmp_path / "Flicker8k_Dataset" / "b.jpg"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that takes no files from anyone")
def test_a_place_for_results_that_takes_no_files_is_told_before_the_scores(
    folder: Path, tiny_bundle: Path
) -> None:
    done = CliRunner().invoke(
        app, ["evaluate", str(tiny_bundle), str(folder), "-q", "--results", "/proc/results.json"]
    )
    assert isinstance(done.exception, WriteError | UsageError)  # who is not root has no rights there either
    assert "/proc" in str(done.exception)
    assert not done.output


def test_scores_are_printed_even_if_the_disk_is_full_at_the_end(
    folder: Path, tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "results.json"

    def full(path: Path, text: str) -> None:
        raise WriteError(path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    monkeypatch.setattr("captionkit.evaluate.write_text", full)
    done = CliRunner().invoke(app, ["evaluate", str(tiny_bundle), str(folder), "-q", "--results", str(results)])
    assert isinstance(done.exception, WriteError)
    assert "95 % intervals: BLEU-1" in done.output


def test_the_commands_score_such_a_folder(folder: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    for command in (["evaluate"], ["report", "-o", str(tmp_path / "r.html")]):
        done = CliRunner().invoke(app, [*command, str(tiny_bundle), str(folder), "-q"], catch_exceptions=False)
        assert done.exit_code == 0, done.output


def test_the_installed_model_may_be_named_default(folder: Path, tmp_path: Path) -> None:
    picture, page = str(folder / "val" / "0.jpg"), str(tmp_path / "r.html")
    for command in (
        ["caption", picture, "--bundle", "default"],
        ["report", "default", "-o", page],
        ["evaluate", "default", str(folder), "-q"],
    ):
        done = CliRunner().invoke(app, command, catch_exceptions=False)
        assert done.exit_code == 0, done.output


@pytest.mark.parametrize(("split", "number"), [("train", 2), ("dev", 3), ("test", 4)])
def test_what_is_said_of_the_data_is_heeded(tmp_path: Path, tiny_bundle: Path, split: str, number: int) -> None:
    """Places and splits by an option each, for names that nothing would guess; and the format."""
    (tmp_path / "elsewhere").mkdir()
    lines, lists = [], []
    for name, count in (("train", 2), ("val", 3), ("test", 4)):
        pictures = [f"1000{count}{one}.jpg" for one in range(count)]  # as Flickr30k has them
        (tmp_path / f"the-{name}-ones").write_text("\n".join(pictures) + "\n")
        lists += [f"--{name}-list", str(tmp_path / f"the-{name}-ones")]
        for seed, picture in enumerate(pictures):
            (tmp_path / "elsewhere" / picture).write_bytes(jpeg(seed))
            lines.append(f"{picture}#0\tA dog of {count} runs on grass {seed} .\n")
    (tmp_path / "said").write_text("".join(lines))
    given = [str(tiny_bundle), str(tmp_path / "said"), "--images", str(tmp_path / "elsewhere"), *lists, "-q"]
    given += ["--split", split]

    def run(command: str, *options: str) -> str:
        return CliRunner().invoke(app, [command, *given, *options], catch_exceptions=False).stdout

    flickr, page = ("--format", "flickr8k"), tmp_path / "report.html"
    assert f"{split}, {number} pictures\n" in run("evaluate", *flickr)
    calibrate = ("calibrate", "-o", str(tmp_path / "sure.captionkit"))
    with pytest.raises(DataError, match=f"of the {number} about half"):
        run(*calibrate, *flickr)
    report = ("report", "-o", str(page))
    run(*report, *flickr)
    told = page.read_text(encoding="utf-8").split("A person wrote: ")[1:]
    assert {one.split()[3] for one in told} == {str(number)}
    assert "test split of Flickr30k" in page.read_text(encoding="utf-8")
    for command in (("evaluate",), calibrate, report):
        with pytest.raises(CaptionkitError, match="folder"):
            run(*command, "--format", "folder")
