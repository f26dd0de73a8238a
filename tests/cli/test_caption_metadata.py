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
from captionkit.metadata.describe import NAME
from captionkit.selftest import draw_picture
from tests.command import Run
from tests.metadata.reading import read_described


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
        assert read_described(Path(name).read_bytes()) == (sentence, sentence)
        assert np.array_equal(read_image(name), read_image(before[Path(name)]))
    written = {path: path.read_bytes() for path in album.iterdir()}
    assert "2 kept the description they had" in run(album, "--write-metadata")[2]
    assert "1 kept the description it had" in run(album / "a.png", "--write-metadata")[2]
    assert {path: path.read_bytes() for path in album.iterdir()} == written
    code, out, err = run(f"{'a' * 300}/a.png", album, "--undo")
    assert code == 1
    assert "cannot be read (File name too long)" in err
    assert out.count("restored") == 2
    assert {path: path.read_bytes() for path in album.iterdir()} == before
    assert run(album, "--undo")[1] == "Nothing to undo.\n"
    assert run("a" * 300, "--undo")[1] == "Nothing to undo.\n"


def test_undo_of_a_folder_takes_back_the_xmp_files_of_pictures_that_were_renamed(run: Run, album: Path) -> None:
    (album / "trip").mkdir()
    (album / "trip" / "c.png").write_bytes(draw_picture(2))
    (album / "d.png").write_bytes(draw_picture(3))
    assert run(album, "--write-metadata", "--xmp-files")[0] == 0
    for name in ("d.png", "d.png.xmp"):
        (album / name).unlink()
    (album / "b.png").rename(album / "2024-05-03.png")
    (album / "trip" / "c.png").rename(album / "c.png")
    assert run(album / "a.png", "--undo")[:2] == (0, f"{album / 'a.png'}.xmp\trestored\n")
    code, out, err = run(album, "--undo")
    assert (code, err) == (0, "")
    assert sorted(out.splitlines()) == [f"{album / name}.xmp\trestored" for name in ("b.png", "trip/c.png")]
    assert not list(album.rglob("*.xmp"))


def test_a_file_that_cannot_be_written_is_named_and_the_rest_goes_on(run: Run, album: Path) -> None:
    (album / "a.png").chmod(0o444)
    code, out, err = run(album, "--write-metadata")
    assert code == 1
    assert len(out.splitlines()) == 2
    assert "a.png is read-only" in err
    assert read_described((album / "b.png").read_bytes())[0]


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


@pytest.mark.parametrize("beside", [[], ["--xmp-files"]])
def test_a_folder_does_not_reach_files_outside_of_it_through_links(
    run: Run, tmp_path: Path, beside: list[str]
) -> None:
    album, other = tmp_path / "album", tmp_path / "other"
    for folder in (album, other):
        folder.mkdir()
    for seed, path in enumerate((album / "a.png", other / "far.png")):
        path.write_bytes(draw_picture(seed))
    (album / "inside.png").symlink_to("a.png")
    link = album / "far.png"
    link.symlink_to("../other/far.png")
    before = {path: path.read_bytes() for path in (album / "a.png", other / "far.png")}
    code, out, err = run(album, "--write-metadata", *beside)
    assert (code, len(out.splitlines())) == (1, 3)  # it is captioned
    assert (
        f"{link} leads to {other / 'far.png'}, outside of the folder {album}, so that file is left alone;" in err
    )
    assert [path.name for path in other.iterdir()] == ["far.png"]
    assert (other / "far.png").read_bytes() == before[other / "far.png"]
    assert run(album, "--undo")[:2] == (0, f"{album / 'a.png'}{'.xmp' * bool(beside)}\trestored\n")

    # Who names the link means the file behind it; to undo, too.
    assert run(album, link, "--write-metadata", *beside)[0] == 0
    code, out, err = run(album, "--undo")
    assert (code, out.count("restored"), err.count("is left alone")) == (1, 1, 1)
    assert run(link, "--undo")[0] == 0
    assert {path: path.read_bytes() for path in before} == before
    assert [path.name for path in other.iterdir()] == ["far.png"]


def test_pictures_of_several_folders_are_told_by_their_paths_and_a_damaged_record_is_passed_over(
    run: Run, album: Path
) -> None:
    """Cameras give the same names again in every folder."""
    before = (album / "a.png").read_bytes()
    for name in ("one", "two", "zoo"):
        (album / name).mkdir()
        (album / name / "a.png").write_bytes(before)
    (album / "b.png").unlink()
    assert run(album, "--write-metadata")[0] == 0
    (album / "one" / NAME).write_bytes(b"{")
    code, out, err = run(album, "--undo")
    places = [album, album / "two", album / "zoo"]
    assert (code, out) == (1, "".join(f"{place / 'a.png'}\trestored\n" for place in places))
    assert (err.count("\n"), str(album / "one" / NAME) in err) == (1, True)
    assert all((place / "a.png").read_bytes() == before for place in places)
