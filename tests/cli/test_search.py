"""`captionkit index` and `captionkit search`, from arguments to output, with a real bundle."""

from __future__ import annotations

import dataclasses
import json
import os
import sqlite3
import subprocess
import sys
import webbrowser
from pathlib import Path

import pytest

from captionkit.bundle import read_bundle, write_bundle
from captionkit.search.database import INDEX_NAME
from captionkit.selftest import draw_picture
from tests.command import Done, Run
from tests.tiny import export_tiny


@pytest.fixture
def run(captionkit: Run, tiny_bundle: Path) -> Run:
    """Run a command in this process, with the tiny bundle unless another is named."""

    def call(command: str, *rest: str | Path) -> Done:
        named = () if "--bundle" in rest else ("--bundle", tiny_bundle)
        return captionkit(command, *named, *rest)

    return call


@pytest.fixture
def album(tmp_path: Path) -> Path:
    (tmp_path / "album" / "trip").mkdir(parents=True)
    for seed, name in enumerate(("a.png", "b.png", "c.png", "trip/d.png")):
        (tmp_path / "album" / name).write_bytes(draw_picture(seed))
    return tmp_path / "album"


@pytest.fixture
def indexed(album: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Path:
    assert run("index", album).code == 0
    monkeypatch.chdir(album / "trip")  # the index is found from a folder below
    return album


def test_index_says_what_it_did(run: Run, album: Path) -> None:
    done = run("index", album)
    assert done == Done(0, f"{album / INDEX_NAME}: 4 pictures (4 captioned).\n", "")
    (album / "a.png").rename(album / "z.png")
    (album / "b.png").unlink()
    assert "3 pictures (1 moved or copied, 2 unchanged, 2 no longer at their place)" in run("index", album).out
    (album / "copy.png").write_bytes((album / "z.png").read_bytes())
    told = "4 pictures, 1 of them copies (1 moved or copied, 3 unchanged)"
    assert told in run("index", album).out


def test_bad_pictures_and_links_are_told(run: Run, album: Path, tmp_path: Path) -> None:
    (album / "b.png").write_bytes(b"broken")
    (tmp_path / "x.png").write_bytes(draw_picture(5))
    (album / "leak.png").symlink_to(tmp_path / "x.png")
    done = run("index", album)
    assert done.code == 1
    assert "(3 captioned)" in done.out
    first, second, third = done.err.splitlines()
    assert "b.png: Expected a picture" in first
    assert second == f"captionkit: leak.png leads out of {album}; not followed."
    assert "1 was not read" in third


def test_lines_are_score_path_caption_and_the_words_that_hit(run: Run, indexed: Path) -> None:
    done = run("search", "a", "dog", "in", "the", "grass")
    assert (done.code, done.err) == (0, "")
    rows = [line.split("\t") for line in done.out.splitlines()]
    assert sorted(Path(path).name for _, path, _, _ in rows) == ["a.png", "b.png", "c.png", "d.png"]
    scores = [float(score) for score, *_ in rows]
    assert scores == sorted(scores, reverse=True)
    assert all(Path(path).is_file() and caption.endswith(".") for _, path, caption, _ in rows)
    assert any(hits for *_, hits in rows)
    assert all(word in caption.lower() for *_, caption, hits in rows for word in hits.split(", "))


def test_limit_captions_only_and_an_index_by_name(run: Run, indexed: Path) -> None:
    word = run("search", "a dog").out.splitlines()[0].split("\t")[2].split()[-1].strip(".")
    for named in (indexed, indexed / INDEX_NAME):
        done = run("search", word, "--captions-only", "-n", "1", "--index", named)
        assert done.code == 0
        assert len(done.out.splitlines()) == 1
        assert word in done.out


def test_json_says_words_and_hits(run: Run, indexed: Path) -> None:
    done = run("search", "a dog xyzzy 🐶", "--json")
    document = json.loads(done.out)
    assert document["question"] == "a dog xyzzy 🐶"
    assert "does not know 'xyzzy', '🐶'" in document["notes"][0]
    (group,) = document["groups"]
    assert len(group) == 4
    assert document["scored_by"] == "words and model"
    assert all(set(result["word_gains"]) == {"a", "dog"} for result in group)
    for result in group:
        assert {"bm25", "expected", "gain", "score", "path", "copies"} <= set(result)
        assert all(hit in result["caption"].lower() for hit in result["hits"])


@pytest.mark.parametrize(
    "query", ["", '"', "AND OR NOT", "🐶", "*", "'; DROP TABLE files; --", "x" * 100_000, "a " * 5000]
)
def test_any_text_is_a_query(run: Run, indexed: Path, query: str) -> None:
    assert run("search", "--json", "--", query).code == 0


def test_an_empty_query_is_told(run: Run, indexed: Path) -> None:
    assert run("search", "") == Done(0, "", "captionkit: The query has no words, so nothing is looked for.\n")


def test_like_leaves_the_picture_itself_out(run: Run, indexed: Path, tmp_path: Path) -> None:
    done = run("search", "--like", indexed / "a.png")
    assert [Path(line.split("\t")[1]).name for line in done.out.splitlines()].count("a.png") == 0
    (tmp_path / "new.png").write_bytes(draw_picture(0) + b"\0")  # the same pixels in other bytes
    done = run("search", "--like", tmp_path / "new.png", "-n", "1")
    assert done.out.split("\t")[1] == str(indexed / "a.png")
    assert float(done.out.split("\t")[0]) > 0.99


def test_duplicates_are_groups(run: Run, indexed: Path) -> None:
    (indexed / "copy.png").write_bytes((indexed / "a.png").read_bytes())
    (indexed / "same.png").write_bytes((indexed / "b.png").read_bytes() + b"\0")
    (indexed / "twin.png").write_bytes((indexed / "b.png").read_bytes())
    assert run("index", indexed).code == 0
    done = run("search", "--duplicates", "--json")
    groups = [
        sorted(Path(path).name for result in group for path in (result["path"], *result["copies"]))
        for group in json.loads(done.out)["groups"]
    ]
    assert sorted(groups) == [["a.png", "copy.png"], ["b.png", "same.png", "twin.png"]]
    lines = run("search", "--duplicates").out.splitlines()
    assert "" in lines  # between two groups
    page = indexed.parent / "same.html"
    assert run("search", "--duplicates", "--gallery", page).code == 0
    assert page.read_text(encoding="utf-8").count("<img ") == 5  # copies side by side, each with its link
    assert ">Group 1, 3 pictures<" in page.read_text(encoding="utf-8")


def test_the_gallery_is_written_and_opened(
    run: Run, indexed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def browser(address: str) -> bool:
        opened.append(address)
        return True

    monkeypatch.setattr(webbrowser, "open", browser)
    page = tmp_path / "found.html"
    assert run("search", "a dog", "--gallery", page).code == 0
    assert opened == []
    assert page.read_text(encoding="utf-8").count("<img ") == 4
    assert run("search", "a dog", "--open").code == 0
    assert opened[0].startswith("file:///")
    assert opened[0].endswith("/gallery.html")


def test_without_a_browser_it_says_where_the_page_is(run: Run, indexed: Path, tmp_path: Path) -> None:
    page = tmp_path / "found.html"
    command = [sys.executable, "-m", "captionkit", "search", "a dog", "--captions-only", "--index", str(indexed)]
    nowhere = {
        **os.environ,
        "PATH": "",
        "BROWSER": "",
        "DISPLAY": "",
        "WAYLAND_DISPLAY": "",
        "TMPDIR": str(tmp_path),
    }
    for options in (["--open", "--gallery", str(page)], ["--open"]):
        done = subprocess.run([*command, *options], capture_output=True, text=True, check=False, env=nowhere)
        assert done.returncode == 0
        found = len(done.stdout.splitlines())
        (told,) = done.stderr.splitlines()
        assert told.startswith("captionkit: the page is ")
        text = Path(told.removeprefix("captionkit: the page is ")).read_text(encoding="utf-8")
        assert text.count("<img ") == found > 0
    assert page.is_file()


def test_an_index_of_another_model(run: Run, indexed: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.captionkit"
    export_tiny(other, seed=1)
    (tmp_path / "new.png").write_bytes(draw_picture(9))
    refused: list[tuple[str | Path, ...]]
    refused = [("index", indexed), ("search", "a dog"), ("search", "--like", tmp_path / "new.png")]
    for arguments in refused:
        done = run(*arguments, "--bundle", other)
        assert (done.code, done.out) == (2, "")
        assert "was made with another model" in done.err
        assert done.err.count("\n") == 1
    # What needs no model works.
    fine: list[tuple[str | Path, ...]]
    fine = [
        ("search", "a dog", "--captions-only"),
        ("search", "--like", indexed / "a.png"),
        ("search", "--duplicates"),
    ]
    for arguments in fine:
        assert run(*arguments, "--bundle", other).code == 0
    assert run("index", indexed, "--rebuild", "--bundle", other).code == 0
    assert run("search", "a dog", "--bundle", other).code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("search",), "Expected one of: a query in words, --like PHOTO, --duplicates"),
        (("search", "dog", "--duplicates"), "Expected one of"),
        (("search", "--like", "a.png", "--captions-only"), "--like and --captions-only"),
        (("search", "--like", "a.png", "--depth", "5"), "--like and --depth"),
        (("search", "--duplicates", "-n", "3"), "--duplicates and --limit"),
        (("search", "dog", "--captions-only", "--depth", "5"), "--captions-only and --depth"),
        (("search", "--duplicates", "-n", "20", "--depth", "100"), "Expected a search index in"),
        (("search", "dog", "--index", "none.sqlite"), "there is none; make it: captionkit index FOLDER"),
        (("search", "dog"), "Expected a search index in"),
        (("search", "dog", "--index", "x", "--gallery", "none/x.html"), "Expected a file in an existing folder"),
        (("search", "dog", "--index", "x" * 300), "the system refused (File name too long)"),
        (("index", "none"), "Expected a folder of pictures, but none is none"),
        (("index", ".", "--index", "none/x.sqlite"), "Expected an existing folder for the index"),
    ],
)
def test_mistakes_are_one_sentence(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert done.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_what_failed_is_told_with_quiet_and_heic_pictures_are_named(
    run: Run, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # as where the extra is not installed
    (album / "bad.jpg").write_bytes(b"broken")
    (album / "telephone.heic").write_bytes(b"unread")
    done = run("index", album, "--quiet")
    assert done.code == 1
    assert "bad.jpg: Expected a picture" in done.err
    assert "1 HEIC picture was passed over" in done.err


def test_a_link_is_no_duplicate_of_its_own_file(run: Run, album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (album / "link.png").symlink_to("a.png")
    assert "4 pictures (4 captioned)" in run("index", album).out
    monkeypatch.chdir(album)
    assert "link.png" not in run("search", "--duplicates").out


@pytest.mark.parametrize("command", [["search", "dog"], ["index", "."], ["index", ".", "--rebuild"]])
def test_a_photograph_is_no_index_and_no_damaged_one(
    run: Run, album: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.chdir(album)
    before = {path: path.read_bytes() for path in album.glob("*.*")}
    done = run(*command, "--index", "a.png")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "captionkit: Expected a search index of captionkit at a.png, but it is another kind of file; "
        "name an index with --index.\n"
    )
    assert {path: path.read_bytes() for path in album.glob("*.*")} == before


def test_pictures_that_were_described_since_are_not_captioned_again(album: Path, run: Run) -> None:
    assert run("index", album).code == 0
    assert run("caption", album, "--write-metadata").code == 0
    assert "(4 moved or copied)" in run("index", album).out
    assert "(4 unchanged)" in run("index", album).out
    edited = (album / "a.png").read_bytes()
    (album / "a.png").write_bytes(draw_picture(77))
    (album / "b.png").write_bytes(edited)  # of another picture's name: nobody vouches for it
    done = run("index", album)
    assert "2 captioned" in done.out


def test_captions_of_another_search_are_told(album: Path, run: Run, tiny_bundle: Path, tmp_path: Path) -> None:
    bundle = read_bundle(tiny_bundle)
    other = tmp_path / "other.captionkit"
    write_bundle(other, dataclasses.replace(bundle, decoding=dataclasses.replace(bundle.decoding, beams=2)))
    assert run("index", album).err == ""
    assert run("index", album).err == ""
    done = run("index", album, "--bundle", other)
    assert (done.code, "(4 unchanged)" in done.out) == (0, True)
    assert "keep their captions; --rebuild makes all of them anew" in done.err
    assert run("index", album, "--bundle", other, "--rebuild").err == ""
    with sqlite3.connect(album / INDEX_NAME) as connection:  # as earlier versions made them
        connection.execute("DELETE FROM facts WHERE name = 'wording'")
    connection.close()
    assert run("index", album).err == ""
