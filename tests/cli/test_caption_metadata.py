"""`captionkit caption --write-metadata` and `--undo`, with a real bundle."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from captionkit.images import read_image
from captionkit.metadata.describe import NAME, read_described
from captionkit.selftest import draw_picture
from tests.command import Run


@pytest.fixture
def run(captionkit: Run, tiny_bundle: Path) -> Run:
    return partial(captionkit, "caption", "--bundle", tiny_bundle)


@pytest.fixture
def album(tmp_path: Path) -> Path:
    for seed, name in enumerate(("a.png", "b.png")):
        (tmp_path / name).write_bytes(draw_picture(seed))
    return tmp_path


def test_the_sentence_that_is_printed_is_the_one_in_the_file_and_undo_takes_it_back(run: Run, album: Path) -> None:
    before = {path: path.read_bytes() for path in album.iterdir()}
    code, out, err = run(album, "--write-metadata")
    assert code == 0
    assert "metadata of 2 of 2 pictures written" in err
    for line in out.splitlines():
        name, sentence = line.split("\t")
        described = read_described(Path(name).read_bytes())
        assert (described.description, described.alt) == (sentence, sentence)
        assert np.array_equal(read_image(name), read_image(before[Path(name)]))
    written = {path: path.read_bytes() for path in album.iterdir()}
    assert "2 kept the description they had" in run(album, "--write-metadata")[2]
    assert "1 kept the description it had" in run(album / "a.png", "--write-metadata")[2]
    assert {path: path.read_bytes() for path in album.iterdir()} == written
    code, out, _ = run(album, "--undo")
    assert code == 0
    assert out.count("restored") == 2
    assert {path: path.read_bytes() for path in album.iterdir()} == before
    assert run(album, "--undo")[1] == "Nothing to undo.\n"


def test_a_file_that_cannot_be_written_is_named_and_the_rest_goes_on(run: Run, album: Path) -> None:
    (album / "a.png").chmod(0o444)
    code, out, err = run(album, "--write-metadata")
    assert code == 1
    assert len(out.splitlines()) == 2
    assert "a.png is read-only" in err
    assert read_described((album / "b.png").read_bytes()).description


def test_xmp_files_leave_the_pictures_alone(run: Run, album: Path) -> None:
    before = (album / "a.png").read_bytes()
    assert run(album / "a.png", "--write-metadata", "--xmp-files")[0] == 0
    assert (album / "a.png").read_bytes() == before
    assert (album / "a.png.xmp").exists()
    assert run(album / "a.png", "--undo")[0] == 0
    assert sorted(path.name for path in album.iterdir()) == ["a.png", "b.png"]


def test_undo_of_a_changed_picture_leaves_it_and_exits_with_one(run: Run, album: Path) -> None:
    run(album / "a.png", "--write-metadata")
    changed = (album / "a.png").read_bytes() + b"more"
    (album / "a.png").write_bytes(changed)
    code, _, err = run(album / "a.png", "--undo")
    assert code == 1
    assert "was changed after" in err
    assert (album / "a.png").read_bytes() == changed
    assert (album / NAME).exists()


@pytest.mark.parametrize("words", [["--n", "2"], ["--must", "dog"], ["--greedy"], ["--abstain"], ["--beams", "2"]])
def test_what_says_how_to_caption_does_nothing_beside_undo(run: Run, album: Path, words: list[str]) -> None:
    code, out, err = run(album, "--undo", *words)
    assert (code, out) == (2, "")
    assert f"Expected one of --undo and {words[0]}" in err


@pytest.mark.parametrize("option", ["--write-metadata", "--undo"])
def test_standard_input_has_no_file_to_write_to(run: Run, option: str) -> None:
    assert run("-", option)[0] == 2


def test_a_name_that_is_no_unicode_is_written_and_taken_back(tiny_bundle: Path, album: Path) -> None:
    (album / "a.png").rename(os.fsdecode(os.fsencode(album) + b"/lat\xe9in.png"))
    before = {path: path.read_bytes() for path in album.iterdir()}
    command = [sys.executable, "-m", "captionkit", "caption", str(album), "--bundle", str(tiny_bundle)]
    done = subprocess.run([*command, "--write-metadata"], capture_output=True, check=True)
    assert b"metadata of 2 of 2 pictures written" in done.stderr
    done = subprocess.run([*command, "--undo"], capture_output=True, check=True)
    assert b"lat\xe9in.png\trestored\n" in done.stdout
    assert {path: path.read_bytes() for path in album.iterdir()} == before


def test_a_link_that_leads_to_itself_keeps_nothing_from_being_taken_back(run: Run, album: Path) -> None:
    before = (album / "a.png").read_bytes()
    (album / "loop.png").symlink_to("loop.png")
    code, _, err = run(album, "--write-metadata")
    assert (code, "metadata of 2 of 3 pictures written" in err) == (1, True)
    code, out, err = run(album, "--undo")
    assert (code, out.count("restored"), err) == (0, 2, "")
    assert (album / "a.png").read_bytes() == before
