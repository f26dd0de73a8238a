"""Captions as results that `captionkit score` finds the references of."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from captionkit.bundle import read_bundle, write_bundle
from captionkit.captioner import Captioner
from captionkit.cli.app import app
from captionkit.cli.evaluate import _print_table as print_table
from captionkit.errors import DataError, UsageError
from captionkit.evaluate import Evaluation, split_records
from captionkit.metrics.score import score_with_outcomes
from captionkit.records import ImageRecord
from captionkit.selftest import draw_picture
from tests.command import Run


def test_only_ids_that_are_written_as_numbers_become_numbers(tiny_bundle: Path) -> None:
    (one,) = Captioner.load(tiny_bundle, threads=1).caption([draw_picture(1)])
    names = ["7", "0", "000010", "10", "\u0661", "a.jpg", "1" * 30]
    scored = score_with_outcomes(dict.fromkeys(names, "a dog"), {name: ["a dog"] for name in names}, ["BLEU"])
    found = Evaluation(dict.fromkeys(names, one), scored, {})
    assert [entry["image_id"] for entry in found.results()] == [7, 0, "000010", 10, "\u0661", "a.jpg", "1" * 30]


def test_data_without_splits_are_taken_whole() -> None:
    def records(split: str | None) -> list[ImageRecord]:
        return [ImageRecord("a.jpg", Path("a.jpg"), ("A dog .",), split, "x.csv")]

    assert split_records(records("val"), "dev") == records("val")
    assert split_records(records(None), "all") == records(None)
    with pytest.raises(DataError, match="not divided; take all of them with: --split all"):
        split_records(records(None), "dev")
    with pytest.raises(DataError, match=r"splits there: val\); name one of these, or all"):
        split_records(records("val"), "test")
    with pytest.raises(DataError, match="splits there: none"):
        split_records([], "test")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Three pictures with two captions each, the last of them no picture."""
    rows = [f"{name}\x1b[31m.png,{text} .\n" for name in "abc" for text in ("A dog runs", "Two men walk")]
    (tmp_path / "t.csv").write_text("image,caption\n" + "".join(rows), encoding="utf-8")
    for seed, name in enumerate("ab"):
        (tmp_path / f"{name}\x1b[31m.png").write_bytes(draw_picture(seed))
    (tmp_path / "c\x1b[31m.png").write_bytes(b"no picture")
    return tmp_path / "t.csv"


def command(bundle: Path, *arguments: str | Path) -> Result:
    words = ["evaluate", str(bundle), *map(str, arguments), "--split", "all", "-q"]
    return CliRunner().invoke(app, words, catch_exceptions=False)


def test_the_command_prints_a_row_and_writes_the_captions(tiny_bundle: Path, table: Path) -> None:
    named = table.parent / "named.captionkit"
    bundle = read_bundle(tiny_bundle)
    told = {"objective": "self-critical"}
    write_bundle(named, replace(bundle, manifest=replace(bundle.manifest, name="Tiny\x1b[31m", fingerprint=told)))
    results = table.parent / "results.json"
    done = command(named, table, "--results", results, "--beams", "2")
    assert done.exit_code == 1  # one has no caption
    row = next(line for line in done.stdout.splitlines() if line.startswith("Tiny"))
    assert row.endswith("all, 2 pictures")
    assert "No published rows: these are not the pictures of Flickr8k / Flickr30k / COCO" in done.stdout
    assert "images:2|split:all|beams:2|" in done.stdout
    assert "|objective:self-critical|" in done.stdout
    assert done.stderr.startswith(r"captionkit: c\x1b[31m.png: Expected a picture")
    assert "\x1b" not in done.output
    assert [entry["image_id"] for entry in json.loads(results.read_text())] == ["a\x1b[31m.png", "b\x1b[31m.png"]


def test_captions_outlive_scores_that_nobody_reads(
    tiny_bundle: Path, table: Path, monkeypatch: pytest.MonkeyPatch, captionkit: Run
) -> None:
    """They are written before the scores are told, so Ctrl-C or `| head` costs nothing."""
    results = table.parent / "results.json"

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("captionkit.cli.evaluate._print_table", interrupt)
    done = captionkit("evaluate", tiny_bundle, table, "--split", "all", "--results", results)
    assert done.code == 130
    assert len(json.loads(results.read_text())) == 2
    assert [path.name for path in table.parent.glob("results*")] == ["results.json"]


def test_scores_outlive_captions_that_cannot_be_written(
    tiny_bundle: Path, table: Path, monkeypatch: pytest.MonkeyPatch, captionkit: Run
) -> None:
    """On a full disk the scores are told all the same, and nothing is captioned again."""
    results = table.parent / "results.json"
    words = ["evaluate", tiny_bundle, table, "--split", "all", "--results", results]

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("captionkit.files.os.fsync", full)
        done = captionkit(*words)
    assert (done.code, results.exists()) == (2, False)
    assert "CIDEr-D" in done.out
    assert "of 2 pictures is kept" in done.err
    assert "going on; 2 pictures were captioned" in captionkit(*words).err
    assert [path.name for path in table.parent.glob("results*")] == ["results.json"]


def test_an_interruption_says_how_captions_are_kept(
    tiny_bundle: Path, table: Path, monkeypatch: pytest.MonkeyPatch, captionkit: Run
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Captioner, "iter_caption", interrupt)
    words = ["evaluate", tiny_bundle, table, "--split", "all", "-q"]
    done = captionkit(*words)
    assert (done.code, done.err.splitlines()) == (
        130,
        [
            "captionkit: nothing is kept; with --results FILE the same command goes on.",
            "captionkit: interrupted",
        ],
    )
    assert "--results" not in captionkit(*words, "--results", table.parent / "results.json").err


def test_the_command_prints_json(tiny_bundle: Path, table: Path) -> None:
    document = json.loads(command(tiny_bundle, table, "--json").stdout)
    assert document["fingerprint"]["images"] == "2"
    low, high = document["intervals"]["BLEU-1"]
    assert low <= document["scores"]["BLEU-1"] <= high


def test_the_command_shows_the_published_table_that_is_named(tiny_bundle: Path, table: Path) -> None:
    (table.parent / "c\x1b[31m.png").write_bytes(draw_picture(9))
    done = command(tiny_bundle, table, "--table", "COCO")
    assert done.exit_code == 0
    assert "Up-Down, self-critical" in done.stdout
    assert "published ones, of the test split of COCO.\n" in done.stdout
    with pytest.raises(UsageError, match="Unknown published table 'flickr30k'; did you mean 'Flickr30k'"):
        command(tiny_bundle, table, "--table", "flickr30k")


def test_published_rows_stand_beside_scores_of_their_own_data(tiny_bundle: Path, tmp_path: Path) -> None:
    name = f"{'1' * 10}_{'a' * 10}"  # as Flickr8k calls its pictures
    (tmp_path / f"{name}.jpg").write_bytes(draw_picture(1))
    (tmp_path / f"{name}.txt").write_text("A dog runs .\n")
    flickr = command(tiny_bundle, tmp_path).stdout
    assert "Show and Tell (NIC)" in flickr
    assert "of the test split of Flickr8k.\n" in flickr
    assert "ublished" not in command(tiny_bundle, tmp_path, "--table", "none").stdout


def test_one_picture_is_one_picture(tiny_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(draw_picture(1))
    (tmp_path / "a.txt").write_text("A dog runs <end>\n")
    done = command(tiny_bundle, tmp_path, "--table", "none")
    assert done.stderr.startswith("captionkit: warning: References hold tokens of a model's vocabulary (<end>)")
    assert "all, 1 picture\n" in done.stdout
    assert "\nCIDEr-D not computed: " in done.stdout
    document = json.loads(command(tiny_bundle, tmp_path, "--json").stdout)
    assert f"CIDEr-D not computed: {document['not_computed']['CIDEr-D']}\n" in done.stdout
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"^Not one picture of 1 could be captioned"):
        command(tiny_bundle, tmp_path)


def test_a_score_of_a_long_name_stands_apart(capsys: pytest.CaptureFixture[str]) -> None:
    """Without METEOR's data "METEOR(exact+stem)" comes last, behind SPICE of the published rows."""
    long = "METEOR(exact+stem)"
    print_table([("ours", {"BLEU-1": 65.4, long: 22.4}, "dev"), ("theirs", {"SPICE": 20.7}, "a paper")])
    header, own, other = capsys.readouterr().out.splitlines()
    assert header.split() == ["BLEU-1", "SPICE", long]
    assert own == f"{'ours':6}{65.4:9}{22.4:29}  dev"
    assert other.endswith(f"20.7{'':20}  a paper")
