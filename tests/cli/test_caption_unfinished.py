"""`captionkit caption -o` interrupted: the same command goes on, and another one does not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from captionkit.bundle import read_bundle, write_bundle
from captionkit.captioner import Captioner
from captionkit.cli.app import app
from captionkit.errors import UsageError
from captionkit.records import Prediction
from captionkit.selftest import draw_picture
from captionkit.unfinished import Unfinished
from tests import command
from tests.tiny import draw_records, write_table

Run = Callable[..., tuple[int, str, list[str]]]


@pytest.fixture
def album(tmp_path: Path) -> Path:
    (tmp_path / "album").mkdir()
    for seed in range(6):
        (tmp_path / "album" / f"{seed}.png").write_bytes(draw_picture(seed))
    return tmp_path / "album"


@pytest.fixture
def run(captionkit: command.Run, tiny_bundle: Path, album: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Caption the album; returns the exit code, standard error and the pictures that were captioned now.

    `stop` interrupts it after so many pictures.
    """
    whole = Captioner.iter_caption

    def call(*arguments: str | Path, stop: int = 99) -> tuple[int, str, list[str]]:
        seen: list[str] = []

        def counted(self: Captioner, images: Iterable[Any], **options: Any) -> Iterator[Prediction]:
            for prediction in whole(self, images, **options):
                if len(seen) == stop:
                    raise KeyboardInterrupt
                seen.append(Path(prediction.source).name)
                yield prediction

        monkeypatch.setattr(Captioner, "iter_caption", counted)
        code, _, err = captionkit("caption", album, *arguments, "--bundle", tiny_bundle)
        return code, err, seen

    return call


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures in batches of one: what is computed in other company may differ in the last digits."""
    monkeypatch.setattr("captionkit.captioner.BATCH", 1)


@pytest.mark.usefixtures("one_by_one")
@pytest.mark.parametrize("kind", [["--csv"], ["--json"], []])
def test_the_same_command_goes_on_and_writes_the_same_bytes(run: Run, tmp_path: Path, kind: list[str]) -> None:
    at_once, in_two = tmp_path / "once.csv", tmp_path / "twice.csv"
    assert run(*kind, "-o", at_once)[0] == 0
    code, err, seen = run(*kind, "-o", in_two, stop=4)
    assert (code, len(seen)) == (130, 4)
    assert "what was written of 4 pictures is kept in" in err
    assert not in_two.exists()
    code, err, seen = run(*kind, "-o", in_two)
    assert (code, seen) == (0, ["4.png", "5.png"])
    assert "going on; 4 pictures were captioned before" in err
    assert in_two.read_bytes() == at_once.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["album", "once.csv", "twice.csv"]


@pytest.mark.parametrize("name", ["n" * 251 + ".csv", "\U0001f415" * 62 + ".csv"])
def test_the_output_may_have_the_longest_of_names(run: Run, tmp_path: Path, name: str) -> None:
    assert run("--csv", "-o", tmp_path / name, stop=4)[0] == 130
    assert run("--csv", "-o", tmp_path / name)[2] == ["4.png", "5.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["album", name])


def test_interrupted_twice_nothing_is_done_again(run: Run, tmp_path: Path) -> None:
    output = tmp_path / "captions.csv"
    assert run("--csv", "-o", output, stop=0) == (130, "captionkit: interrupted\n", [])  # nothing is kept
    assert run("--csv", "-o", output, stop=2)[2] == ["0.png", "1.png"]
    assert run("--csv", "-o", output, stop=1)[2] == ["2.png"]
    assert run("--csv", "-o", output, stop=0)[2] == []
    assert run("--csv", "-o", output)[2] == ["3.png", "4.png", "5.png"]
    assert len(output.read_text().splitlines()) == 7


def test_a_picture_that_changed_is_captioned_again(run: Run, album: Path, tmp_path: Path) -> None:
    output = tmp_path / "captions.csv"
    run("--csv", "-o", output, stop=4)
    (album / "1.png").write_bytes(draw_picture(77))
    (album / "2.png").unlink()
    assert run("--csv", "-o", output)[2] == ["1.png", "4.png", "5.png"]


def test_a_picture_that_could_not_be_read_is_tried_again(run: Run, album: Path, tmp_path: Path) -> None:
    output = tmp_path / "captions.csv"
    (album / "1.png").write_bytes(b"half a picture")
    run("--csv", "-o", output, stop=4)
    assert run("--csv", "-o", output)[2] == ["1.png", "4.png", "5.png"]


@pytest.mark.parametrize("other", [["--json"], ["--csv", "--n", "2"], ["--csv", "--avoid", "dog"]])
def test_another_command_begins_anew(run: Run, tmp_path: Path, other: list[str]) -> None:
    output = tmp_path / "captions.csv"
    run("--csv", "-o", output, stop=4)
    code, err, seen = run(*other, "-o", output)
    assert (code, len(seen)) == (0, 6)
    assert "going on" not in err


def test_a_disk_that_is_unplugged_loses_nothing(
    run: Run, album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6, 60):  # more than are read ahead
        (album / f"{number}.png").write_bytes(draw_picture(number))
    output, away = tmp_path / "captions.csv", tmp_path / "away"
    output.write_text("as it was")
    add = Unfinished.add

    def unplugging(unfinished: Unfinished, name: str, text: str) -> None:
        add(unfinished, name, text)
        if len(unfinished.kept) == 3:
            album.rename(away)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Unfinished, "add", unplugging)
        code, err, _ = run("-o", output)
    assert code == 2
    assert err.endswith(f"captionkit: The folder {album} is no longer there; is its disk unplugged?\n")
    assert "; the same command goes on from there." in err
    assert output.read_text() == "as it was"
    away.rename(album)
    code, err, seen = run("-o", output)
    names = sorted(path.name for path in album.iterdir())
    assert (code, seen) == (0, names[3:])


@pytest.mark.usefixtures("one_by_one")
def test_drawn_sentences_go_on_in_their_places(run: Run, album: Path, tmp_path: Path) -> None:
    (album / "1.png").write_bytes(b"half a picture")  # in vain each time, and a place all the same
    for seed in range(6, 12):
        (album / f"{seed}.png").write_bytes(draw_picture(seed))
    at_once, in_two = tmp_path / "once.csv", tmp_path / "twice.csv"
    drawn = ["--csv", "--sample", "--temperature", "2", "--top-p", "1", "--seed", "3", "--n", "2", "-o"]
    assert len(run(*drawn, at_once)[2]) == 12
    names = run(*drawn, in_two, stop=5)[2]
    code, err, seen = run(*drawn, in_two)
    assert (code, seen) == (1, ["1.png", *sorted(path.name for path in album.iterdir())[len(names) :]])
    assert "going on; 4 pictures were captioned before" in err
    assert in_two.read_bytes() == at_once.read_bytes()


def test_drawn_sentences_begin_anew_where_the_places_have_changed(run: Run, album: Path, tmp_path: Path) -> None:
    at_once, in_two = tmp_path / "once.csv", tmp_path / "twice.csv"
    drawn = ["--csv", "--sample", "--temperature", "2", "--top-p", "1", "--seed", "3", "-o"]
    run(*drawn, in_two, stop=4)
    (album / "0.png").unlink()
    assert len(run(*drawn, in_two)[2]) == 5
    run(*drawn, at_once)
    assert in_two.read_bytes() == at_once.read_bytes()


def test_sentences_drawn_by_chance_are_not_kept(run: Run, tmp_path: Path) -> None:
    """The same command would draw others."""
    output = tmp_path / "captions.csv"
    run("--csv", "--sample", "-o", output, stop=4)
    assert [path.name for path in tmp_path.iterdir()] == ["album"]
    assert len(run("--csv", "--sample", "-o", output)[2]) == 6


def test_metadata_that_were_written_are_not_written_again(run: Run, tmp_path: Path) -> None:
    output = tmp_path / "captions.csv"
    run("--csv", "--write-metadata", "-o", output, stop=4)
    code, err, seen = run("--csv", "--write-metadata", "-o", output)
    assert (code, seen) == (0, ["4.png", "5.png"])
    assert "metadata of 2 of 6 pictures written" in err


def test_metadata_are_written_of_what_was_captioned_without(run: Run, tmp_path: Path) -> None:
    output = tmp_path / "captions.csv"
    run("--csv", "-o", output, stop=4)
    _, err, seen = run("--csv", "--write-metadata", "-o", output)
    assert len(seen) == 6
    assert "metadata of 6 of 6 pictures written" in err


def test_a_line_that_is_cut_is_done_again(run: Run, tmp_path: Path) -> None:
    output, kept = tmp_path / "captions.csv", tmp_path / "captions.csv.unfinished"
    run("--csv", "-o", output, stop=4)
    kept.write_bytes(kept.read_bytes()[:-9])
    assert run("--csv", "-o", output)[2] == ["3.png", "4.png", "5.png"]
    for size in (0, 10):  # it died in the first line
        kept.write_bytes(b'{"format": "captionkit-unfinished-1"'[:size])
        assert len(run("--csv", "-o", output)[2]) == 6


@pytest.mark.parametrize("text", ["my notes", '{"format": "mine"}', '{"my": "notes"}', None])
def test_a_file_of_somebody_else_is_not_written_over(run: Run, tmp_path: Path, text: str | None) -> None:
    kept = tmp_path / "captions.csv.unfinished"
    if text is None:
        kept.mkdir()
    else:
        kept.write_text(text)
    code, err, _ = run("--csv", "-o", tmp_path / "captions.csv")
    assert code == 2
    assert "another file is there; move it away, or name another output" in err
    assert kept.is_dir() if text is None else kept.read_text() == text


def test_a_link_that_somebody_laid_is_not_followed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "captions.csv.unfinished").symlink_to(tmp_path / "elsewhere")
    code, err, _ = run("--csv", "-o", tmp_path / "captions.csv")
    assert code == 2
    assert "captions.csv.unfinished" in err
    assert not (tmp_path / "elsewhere").exists()
    (tmp_path / "elsewhere").write_text("not yours")
    with pytest.raises(UsageError, match="another file is there"):
        Unfinished(tmp_path / "captions.csv", ["command"])


def interruptible(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[str, int]]:
    """Runs a command that is interrupted after `stop` pictures: what it printed, and how many it captioned."""
    whole = Captioner.iter_caption

    def run(command: str, *arguments: str | Path, output: Path, stop: int = 999) -> tuple[str, int]:
        seen = [0]

        def counted(self: Captioner, images: Iterable[Any], **options: Any) -> Iterator[Prediction]:
            for prediction in whole(self, images, **options):
                if seen[0] == stop:
                    raise KeyboardInterrupt
                seen[0] += 1
                yield prediction

        monkeypatch.setattr(Captioner, "iter_caption", counted)
        option = "--results" if command == "evaluate" else "-o"
        words = [command, *map(str, arguments), "--split", "all", "-q", option, str(output)]
        return CliRunner().invoke(app, words).stdout.replace(output.name, "OUTPUT"), seen[0]

    return run


def draw_table(model: Path, root: Path) -> Path:
    """A table of 130 pictures."""
    return write_table(root / "table.jsonl", draw_records(model, root, 130))


@pytest.mark.usefixtures("one_by_one")
@pytest.mark.parametrize("command", ["evaluate", "calibrate"])
def test_what_measures_a_bundle_goes_on_too(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    run = partial(interruptible(monkeypatch), command, tiny_bundle, draw_table(tiny_bundle, tmp_path))
    at_once, in_two = tmp_path / "once.out", tmp_path / "twice.out"
    told, count = run(output=at_once)
    assert count == 130
    assert run(output=in_two, stop=50) == ("", 50)
    assert not in_two.exists()
    assert run(output=in_two) == (told, 80)
    assert in_two.read_bytes() == at_once.read_bytes()
    assert not list(tmp_path.glob("*.unfinished"))


@pytest.mark.usefixtures("one_by_one")
def test_a_calibration_of_the_surest_captions_goes_on_in_its_second_round(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The likeliest captions of 130 pictures first, then those that are said by what was fitted to them."""
    model = tmp_path / "surest.captionkit"
    bundle = read_bundle(tiny_bundle)
    write_bundle(model, replace(bundle, decoding=replace(bundle.decoding, beams=2, max_length=5, surest=True)))
    run = partial(interruptible(monkeypatch), "calibrate", model, draw_table(model, tmp_path))
    at_once, in_four, other = (tmp_path / f"{name}.out" for name in ("once", "four", "other"))
    told, count = run(output=at_once)
    assert count == 260
    assert run(output=in_four, stop=100) == ("", 100)  # in the first
    assert run(output=in_four, stop=80) == ("", 80)  # 50 of them in the second
    assert run(output=in_four, stop=30) == ("", 30)
    other.with_name("other.out.unfinished").write_bytes(in_four.with_name("four.out.unfinished").read_bytes())
    assert run(output=in_four) == (told, 50)
    assert in_four.read_bytes() == at_once.read_bytes()
    assert run("--level", "0.5", output=other)[1] == 130  # what is said by another confidence is not taken
    assert not list(tmp_path.glob("*.unfinished"))
