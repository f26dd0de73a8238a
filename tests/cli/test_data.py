"""The `captionkit data` commands as a person runs them."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from captionkit.cli.app import app
from captionkit.datasets import read_karpathy
from captionkit.datasets.download import RemoteFile
from captionkit.datasets.fetch import CATALOGUE, Archive, Fetchable
from captionkit.errors import CaptionkitError
from tests.datasets.pictures import jpeg
from tests.datasets.server import Page, Server


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["data", *map(str, arguments)])


def refused(*arguments: str | Path) -> str:
    """The message of a command that must end with a CaptionkitError (exit code 2 in `main`)."""
    result = run(*arguments)
    assert isinstance(result.exception, CaptionkitError), result.output
    return str(result.exception)


@pytest.fixture
def flickr(tmp_path: Path) -> Path:
    """Ten pictures with two captions each, one of them missing from the folder."""
    rows = [f"{number}.jpg#{k}\tA dog number {k} .\n" for number in range(10) for k in range(2)]
    (tmp_path / "x.token").write_text("".join(rows), encoding="utf-8")
    for number in range(9):
        (tmp_path / f"{number}.jpg").write_bytes(jpeg(number))
    return tmp_path / "x.token"


def test_check_lists_problems_and_fails_above_one_percent(flickr: Path) -> None:
    result = run("check", flickr)
    assert result.exit_code == 1
    assert "missing picture: 1 (bad)" in result.output
    assert "9.jpg" in result.output
    assert "more (--show" not in result.output
    assert "more (--show 1, or --json)" in run("check", flickr, "--show", "0").output
    assert "more than the 1.00% that is let pass" in result.output


def test_what_a_name_says_does_not_write_to_the_terminal(tmp_path: Path) -> None:
    rows = [f"{number}\x1b[31m.jpg#{k}\tA dog number {k} .\n" for number in range(3) for k in range(2)]
    (tmp_path / "x\x1b.token").write_text("".join(rows), encoding="utf-8")
    for name in ("0", "1"):
        (tmp_path / f"{name}\x1b[31m.jpg").write_bytes(jpeg(int(name)))
    token = tmp_path / "x\x1b.token"
    for words in (
        ["data", "check", str(token)],
        ["data", "stats", str(token)],
        ["data", "split", str(token), "--val", "1", "--test", "1", "--out", str(tmp_path / "y\x1b.json")],
        ["audit", str(token)],
    ):
        result = CliRunner().invoke(app, words, color=True)  # as on a terminal; colours are taken out elsewhere
        assert "\\x1b" in result.output
        assert "\x1b" not in result.output


@pytest.mark.parametrize("seconds", ["nan", "inf", "1e9"])
def test_a_timeout_that_no_clock_has_is_a_mistake(tmp_path: Path, seconds: str) -> None:
    words = ("fetch", "karpathy", "--to", tmp_path, "--mirror", "http://127.0.0.1:9/", "--timeout", seconds)
    assert "Expected --timeout of 1 to 86,400 seconds" in refused(*words)


def test_check_passes_what_is_let_pass(flickr: Path) -> None:
    assert run("check", flickr, "--max-bad", "0.1").exit_code == 0
    (flickr.parent / "9.jpg").write_bytes(jpeg(9))
    result = run("check", flickr, "--no-decode")
    assert result.exit_code == 0
    assert "No bad records." in result.output
    assert "looked for, not decoded" in result.output


def test_check_shows_some_of_many_problems(tmp_path: Path) -> None:
    (tmp_path / "x.token").write_text("".join(f"{n}.jpg#0\tA\n" for n in range(30)), encoding="utf-8")
    result = run("check", tmp_path / "x.token", "--show", "2")
    assert "... and 28 more" in result.output


def test_check_speaks_json(flickr: Path) -> None:
    result = CliRunner().invoke(app, ["data", "check", str(flickr), "--json"])
    report = json.loads(result.stdout)
    assert (report["pictures"], report["captions"], report["bad_records"]) == (10, 20, 1)
    assert report["problems"][0]["record"] == "9.jpg"


def test_check_takes_lists_columns_and_recipes(flickr: Path, tmp_path: Path) -> None:
    (tmp_path / "dev.txt").write_text("0.jpg\n", encoding="utf-8")
    result = run("check", flickr, "--val-list", tmp_path / "dev.txt", "--max-bad", "1")
    assert "val 1, none 9" in result.output or "none 9, val 1" in result.output
    (tmp_path / "t.csv").write_text("foto,wort\n0.jpg,Ein Hund\n", encoding="utf-8")
    assert run("check", tmp_path / "t.csv", "--image-column", "foto", "--caption-column", "wort").exit_code == 0
    (tmp_path / "r.toml").write_text(
        f"[data]\nformat = 'flickr8k'\ncaptions = '{flickr}'\nimages = '{tmp_path}'\n", encoding="utf-8"
    )
    assert run("check", tmp_path / "r.toml", "--max-bad", "0.1").exit_code == 0


def test_stats_counts(flickr: Path) -> None:
    result = run("stats", flickr, "--sizes", "--format", "flickr8k")
    assert result.exit_code == 0
    assert "captions a picture: 2 to 2, mean 2.00, median 2" in result.output
    assert "width: 24 to 24" in result.output
    assert "1 picture could not be opened" in result.output
    numbers = json.loads(run("stats", flickr, "--json").output)
    assert numbers["lengths"] == {"4": 20}
    assert numbers["vocabulary"]["1"] == 5


def test_split_writes_karpathys_form_and_lists(flickr: Path, tmp_path: Path) -> None:
    result = run("split", flickr, "--val", "2", "--test", "0.3", "--seed", "5", "--out", tmp_path / "mine.json")
    assert result.exit_code == 0, result.output
    assert result.output == f"train 5, val 2, test 3 -> {tmp_path / 'mine.json'}\n"
    again = run("split", tmp_path / "mine.json", "--images", tmp_path, "--seed", "6", "--out", tmp_path / "b.json")
    assert "mine.json divides its pictures already; scores on this other split do not compare" in again.stderr
    divided = {record.id: record.split for record in read_karpathy(tmp_path / "mine.json", tmp_path)}
    assert (
        run("split", flickr, "--val", "2", "--test", "0.3", "--seed", "5", "--out", tmp_path / "l").exit_code == 0
    )
    for split in ("train", "val", "test"):
        names = (tmp_path / "l" / f"{split}.txt").read_text(encoding="utf-8").split()
        assert names == sorted(name for name in divided if divided[name] == split)


def test_split_replaces_nothing_unasked(flickr: Path, tmp_path: Path) -> None:
    out = tmp_path / "dataset_coco.json"
    out.write_text("precious", encoding="utf-8")
    assert "--overwrite" in refused("split", flickr, "--out", out)
    assert out.read_text(encoding="utf-8") == "precious"
    assert run("split", flickr, "--out", out, "--overwrite").exit_code == 0


def test_mistakes_are_one_sentence(flickr: Path, tmp_path: Path) -> None:
    assert refused("check", tmp_path / "none.csv").startswith(f"Expected captions at {tmp_path / 'none.csv'}")
    assert "did you mean 'flickr8k'" in refused("check", flickr, "--format", "flicker8k")
    assert "hold out less" in refused("split", flickr, "--val", "9", "--test", "1", "--out", tmp_path / "x.json")
    assert "request form" in refused("fetch", "flickr30k", "--to", tmp_path)
    assert "--max-bad, but got nan" in refused("check", flickr, "--max-bad", "nan")
    assert "at least one picture in val" in refused("split", flickr, "--val", "0.01", "--out", tmp_path / "x.json")
    table = tmp_path / "t.csv"
    table.write_text("image,caption\n0.jpg,A dog\n", encoding="utf-8")
    assert "train_list (--train-list) says nothing" in refused("check", table, "--train-list", "/nope")


def test_split_through_a_link(flickr: Path, tmp_path: Path) -> None:
    """To a folder: the lists lie in that. To a file: where it is asked for, the link is replaced, not the file."""
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")
    assert run("split", flickr, "--out", tmp_path / "link").exit_code == 0
    assert run("split", flickr, "--out", tmp_path / "link" / "new").exit_code == 0
    assert (tmp_path / "link").is_symlink()
    lists = ["test.txt", "train.txt", "val.txt"]
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == ["new", *lists]
    assert sorted(path.name for path in (tmp_path / "there" / "new").iterdir()) == lists
    (tmp_path / "theirs.json").write_text("precious", encoding="utf-8")
    (tmp_path / "mine.json").symlink_to("theirs.json")
    assert "--overwrite" in refused("split", flickr, "--out", tmp_path / "mine.json")
    assert run("split", flickr, "--out", tmp_path / "mine.json", "--overwrite").exit_code == 0
    assert (tmp_path / "theirs.json").read_text(encoding="utf-8") == "precious"
    assert len(read_karpathy(tmp_path / "mine.json", tmp_path)) > 0


@pytest.mark.parametrize(
    "out", ["x.token", "x.token/lists", "x.jsonl", "x.txt", "none/mine.json", "folder.json", "link", "link/lists"]
)
def test_split_refuses_what_is_neither_json_nor_a_folder(flickr: Path, tmp_path: Path, out: str) -> None:
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "link").symlink_to("nowhere")
    before = sorted(tmp_path.iterdir())
    for overwrite in ([], ["--overwrite"]):
        assert "for --out" in refused("split", flickr, "--out", tmp_path / out, *overwrite)
    assert sorted(tmp_path.iterdir()) == before


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as running:
        yield running


def test_fetch_says_what_it_would_do(tmp_path: Path) -> None:
    result = run("fetch", "karpathy", "flickr8k", "--to", tmp_path, "--dry-run")
    assert result.exit_code == 0
    assert "caption_datasets.zip" in result.output
    assert "SHA-256 recorded at the first fetch" in result.output
    assert list(tmp_path.iterdir()) == []


def test_fetch_from_a_mirror_with_other_bytes_keeps_nothing(server: Server, tmp_path: Path) -> None:
    server.pages["/m/caption_datasets.zip"] = Page(bytes(36_745_453))
    message = refused("fetch", "karpathy", "--mirror", f"{server.url}/m", "--to", tmp_path)
    assert "is published" in message
    assert list(tmp_path.iterdir()) == []


def test_fetch_goes_on_verifies_and_unpacks(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as bundle:
        bundle.writestr("dataset_mine.json", '{"images": []}')
    content = archive.getvalue()
    page = server.pages["/mine.zip"] = Page(content, tag='"1"', cuts=[40])
    file = RemoteFile(f"{server.url}/mine.zip", len(content), hashlib.sha256(content).hexdigest())
    monkeypatch.setitem(CATALOGUE, "mine", Fetchable("Mine", "Free.", (Archive(file, 1000),)))
    result = run("fetch", "mine", "--to", tmp_path)
    assert result.exit_code == 0, result.output
    assert "mine.zip: verified, 1 file in" in result.output
    assert (tmp_path / "dataset_mine.json").read_text(encoding="utf-8") == '{"images": []}'
    assert [request.get("range") for request in page.requests] == [None, "bytes=40-"]


def test_captions_without_a_picture_count_among_the_bad_records(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    (tmp_path / "lost.txt").write_text("A dog .\n")
    (tmp_path / "b.jpg").write_bytes(jpeg(1))
    (tmp_path / "b.txt").write_text("A cat .\n")
    result = run("check", tmp_path)
    assert "\n2 bad records (66.67%).\n" in result.stdout
    assert (
        "captionkit: 2 bad records (66.67%), more than the 1.00% that is let pass (--max-bad).\n" in result.stderr
    )
    (tmp_path / "lost.txt").unlink()
    assert "\n1 bad record (50.00%).\n" in run("check", tmp_path).stdout


def test_split_writes_no_lists_among_the_captions_of_a_folder(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in "abc":
        (photos / f"{name}.jpg").write_bytes(jpeg(ord(name)))
        (photos / f"{name}.txt").write_text("A dog .\n")
    sizes = ("--val", "1", "--test", "1")
    for out in (photos, photos / "lists", photos / ".." / "photos"):
        assert "whose text files are captions" in refused("split", photos, "--out", out, *sizes)
    assert len(list(photos.iterdir())) == 6
    assert run("split", photos, "--out", tmp_path / "lists", *sizes).exit_code == 0
    assert run("split", photos, "--out", photos / "mine.json", *sizes).exit_code == 0


def test_fetch_into_a_file_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for to in (tmp_path / "file", tmp_path / "file" / "below"):
        told = refused("fetch", "karpathy", "--to", to, "--mirror", "http://127.0.0.1:9/")
        assert "file is a file; name another with --to" in told
