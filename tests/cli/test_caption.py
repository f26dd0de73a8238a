"""`captionkit caption`, from arguments to output, with a real bundle."""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import struct
import subprocess
import sys
import zlib
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from captionkit.captioner import Captioner
from captionkit.cli.app import main
from captionkit.cli.output import printable
from captionkit.selftest import draw_picture
from tests.command import Done, Run


@pytest.fixture
def run(captionkit: Run, tiny_bundle: Path) -> Run:
    """Run `captionkit caption --bundle tiny ARGUMENTS` in this process."""
    return partial(captionkit, "caption", "--bundle", tiny_bundle)


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Three pictures, one of them in a folder below, and a text."""
    (tmp_path / "album" / "trip").mkdir(parents=True)
    for seed, name in enumerate(("a.png", "b.png", "trip/c.png")):
        (tmp_path / "album" / name).write_bytes(draw_picture(seed))
    (tmp_path / "album" / "notes.txt").write_text("no picture")
    return tmp_path / "album"


def huge_png() -> bytes:
    """20000 x 20000 pixels, one bit each, in 49 KB."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    row = bytes(1 + 20000 // 8)
    rows = b"".join(packer.compress(row * 500) for _ in range(40)) + packer.flush()
    header = struct.pack(">IIBBBBB", 20000, 20000, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_one_picture_gives_the_sentence_alone(run: Run, album: Path, tiny_bundle: Path) -> None:
    done = run(album / "a.png")
    (expected,) = Captioner.load(tiny_bundle).caption([album / "a.png"])
    assert done == Done(0, f"{expected.text}\n", "")


def test_one_picture_of_this_folder_gives_the_sentence_alone(
    run: Run, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(album)
    for name in ("./a.png", "trip//../a.png"):
        assert run(name).out == run("a.png").out


def test_a_folder_gives_a_line_a_picture(run: Run, album: Path) -> None:
    done = run(album)
    assert (done.code, done.err) == (0, "")
    paths, sentences = zip(*(line.split("\t") for line in done.lines), strict=True)
    assert [Path(path).relative_to(album).as_posix() for path in paths] == ["a.png", "b.png", "trip/c.png"]
    assert all(sentence.endswith(".") for sentence in sentences)


def test_a_folder_with_one_picture_still_says_which(run: Run, album: Path) -> None:
    assert run(album / "trip").lines[0].startswith(str(album / "trip" / "c.png") + "\t")


def test_patterns(run: Run, album: Path) -> None:
    assert len(run(album / "*.png").lines) == 2


def test_a_picture_on_standard_input(run: Run, album: Path) -> None:
    data = (album / "b.png").read_bytes()
    done = run("-", stdin=data)
    assert done == Done(0, run(album / "b.png").out, "")
    assert run("-", album / "a.png", stdin=data).lines[0].startswith("-\t")


@pytest.mark.parametrize("data", [b"", b"no picture", b"\xff\xd8\xff\xe0 cut"])
def test_what_is_no_picture_on_standard_input_is_one_sentence(run: Run, data: bytes) -> None:
    done = run("-", stdin=data)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("captionkit: Expected a picture")
    assert done.err.count("\n") == 1


def test_standard_input_is_bounded(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("captionkit.images.MAX_FILE_BYTES", 1000)
    read: list[int] = []

    class Endless(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: object) -> int:
            size = len(memoryview(buffer))  # type: ignore[arg-type]
            read.append(size)
            return size

    argv = ["captionkit", "caption", "-"]
    monkeypatch.setattr(sys, "argv", argv)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Endless(), 100)))
    with pytest.raises(SystemExit):
        main()
    assert sum(read) <= 2200


def test_a_folder_with_five_broken_files(run: Run, album: Path) -> None:
    whole = (album / "a.png").read_bytes()
    broken = {
        "cut.png": whole[: len(whole) // 2],
        "empty.jpg": b"",
        "text.jpg": b"This is no picture.",
        "noise.webp": b"RIFF\x00\x10\x00\x00WEBPVP8 " + bytes(range(256)),
        "huge.png": huge_png(),
    }
    assert len(broken["huge.png"]) < 60_000
    for name, data in broken.items():
        (album / name).write_bytes(data)
    done = run(album)
    assert done.code == 1
    assert len(done.lines) == 3
    assert all(name not in done.out for name in broken)
    *errors, last = done.err.splitlines()
    assert len(errors) == 5
    assert all(any(name in line for line in errors) for name in broken)
    assert last == "captionkit: 5 of 8 pictures have no caption."
    assert "Traceback" not in done.err


def test_json_lines_carry_captions_and_errors(run: Run, album: Path) -> None:
    (album / "b.png").write_bytes(b"broken")
    done = run(album, "--json", "--n", "2")
    assert done.code == 1
    first, second, third = (json.loads(line) for line in done.lines)
    assert first["source"] == str(album / "a.png")
    assert first["error"] is None
    best, other = first["captions"]
    assert best["text"][:-1].lower() == " ".join(best["tokens"])
    assert best["log_probability"] < 0
    assert best["tokens"] != other["tokens"]
    assert second["captions"] == []
    assert "b.png" in second["error"]
    assert third["captions"]


def test_csv_has_a_row_a_caption(run: Run, album: Path) -> None:
    (album / "b.png").write_bytes(b"broken")
    odd = album / 'odd, "name".png'
    odd.write_bytes(draw_picture(5))
    rows = list(csv.DictReader(io.StringIO(run(album, "--csv", "--n", "2").out)))
    assert [row["rank"] for row in rows] == ["1", "2", "", "1", "2", "1", "2"]
    assert rows[2]["error"]
    assert rows[2]["caption"] == ""
    assert rows[3]["source"] == str(odd)
    assert float(rows[0]["log_probability"]) < 0


@pytest.mark.parametrize(
    ("name", "given", "meant"),
    [
        ("t.csv", [], ["--csv"]),
        ("t.CSV", [], ["--csv"]),
        ("t.jsonl", [], ["--json"]),
        ("t.csv", ["--json"], ["--json"]),  # who says what they want gets it
        ("t.jsonl", ["--csv"], ["--csv"]),
        ("t.txt", [], []),
    ],
)
def test_a_file_s_name_tells_its_format(
    run: Run, album: Path, tmp_path: Path, name: str, given: list[str], meant: list[str]
) -> None:
    written = tmp_path / name
    assert run(album, *given, "-o", written) == run(album, *meant, "-o", tmp_path / "meant")
    assert written.read_bytes() == (tmp_path / "meant").read_bytes()


def test_csv_holds_no_formula_and_leads_to_the_same_files(
    run: Run, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (album / "=1+1.png").write_bytes(draw_picture(5))
    (album / "=2.png").write_bytes(b"\0\0\0\x18ftypheic")
    (album / "-\r.png").write_bytes(draw_picture(6))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # as where the extra is not installed
    monkeypatch.chdir(album)
    rows = list(csv.DictReader(io.StringIO(run(".", "--csv").out, newline="")))
    assert [row["source"] for row in rows] == [
        "./-\r.png",
        "./=1+1.png",
        "./=2.png",
        "a.png",
        "b.png",
        "trip/c.png",
    ]
    assert rows[2]["error"].startswith("'=2.png is a HEIC picture")


def test_output_goes_to_a_file_whole_or_not_at_all(run: Run, album: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    done = run(album, "--json", "--output", target)
    assert (done.code, done.out) == (0, "")
    assert len(target.read_text().splitlines()) == 3
    before = target.read_bytes()
    assert run(album, "--must", "xylophone", "--json", "-o", target).code == 2
    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["out.jsonl"]
    done = run(album, "-o", tmp_path / "none" / "out")
    assert done.code == 2
    assert "existing folder" in done.err


def test_searches(run: Run, album: Path) -> None:
    picture = album / "a.png"
    assert run(picture, "--greedy").code == 0
    assert run(picture, "--beams", "1").out == run(picture, "--greedy").out
    assert len(run(picture, "--max-length", "2").out.split()) <= 2
    first = run(picture, "--sample", "--seed", "3", "--n", "5")
    assert first.out == run(picture, "--sample", "--seed", "3", "--n", "5").out
    assert first.out != run(picture, "--sample", "--seed", "4", "--n", "5").out
    unseeded = {run(picture, "--sample", "--n", "5").out for _ in range(3)}
    assert len(unseeded) > 1
    words = (
        run(picture, "--must", "woman", "--avoid", "green", "--min-length", "3").out.lower().rstrip(".\n").split()
    )
    assert {"woman", "women"} & set(words)
    assert "green" not in words
    assert len(words) >= 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--json", "--csv"], "--json and --csv"),
        (["--greedy", "--sample"], "--greedy and --sample"),
        (["--greedy", "--n", "2"], "one caption"),
        (["--greedy", "--beams", "5"], "--greedy and --beams"),
        (["--sample", "--beams", "5"], "--sample and --beams"),
        (["--temperature", "0.5"], "Expected --sample beside --temperature"),
        (["--top-k", "5"], "Expected --sample beside --top-k"),
        (["--top-p", "0.5"], "Expected --sample beside --top-p"),
        (["--seed", "0"], "Expected --sample beside --seed"),
        (["--hedge-below", "nan"], "from 0 to 1 for --hedge-below"),
        (["--xmp-files"], "Expected --write-metadata beside --xmp-files"),
        (["--overwrite"], "Expected --write-metadata beside --overwrite"),
        (["--undo", "--write-metadata"], "--undo and --write-metadata"),
        (["--undo", "-o", "new.csv"], "--undo and --output"),
        (["--sample", "--must", "dog"], "beam search"),
        (["--sample", "--temperature", "0"], "temperature"),
        (["--must", "dgo"], "did you mean 'dog'"),
        (["--min-length", "9", "--max-length", "3"], "maximum length"),
        (["--beams", "0"], "--beams"),
        (["--n", "many"], "--n"),
        (["--nonsense"], "--nonsense"),
        (["-", "-"], "once"),
    ],
)
def test_wrong_arguments_are_one_sentence_and_code_2(
    run: Run, album: Path, arguments: list[str], message: str
) -> None:
    done = run(album / "a.png", *arguments)
    assert done.code == 2
    assert message in done.err
    assert done.out == ""
    assert "Traceback" not in done.err


def test_an_option_that_asks_for_what_is_so_anyway_is_no_mistake(run: Run, album: Path) -> None:
    usual = ["--temperature", "1", "--top-k", "0", "--top-p", "0.9"]
    assert run(album / "a.png", *usual) == run(album / "a.png")
    assert run(album / "a.png", "--greedy", "--beams", "1").code == 0


def test_a_folder_without_pictures(run: Run, tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.code == 2
    assert "Expected pictures in the folder" in done.err


def test_a_picture_that_is_not_there(run: Run, album: Path) -> None:
    done = run(album / "none.jpg")
    assert (done.code, done.out) == (1, "")
    assert done.err.count("\n") == 1
    done = run(album / "none.jpg", album / "a.png")
    assert (done.code, len(done.lines)) == (1, 1)


def test_a_damaged_bundle_is_one_sentence(album: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    data = bytearray(tiny_bundle.read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "bad.captionkit").write_bytes(data)
    command = [sys.executable, "-m", "captionkit", "caption", str(album / "a.png"), "--bundle"]
    done = subprocess.run(
        [*command, str(tmp_path / "bad.captionkit")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "does not match its hash" in done.stderr
    assert done.stderr.count("\n") == 1


def test_names_cannot_write_control_sequences(run: Run, album: Path) -> None:
    (album / "\x1b[31mred\tx.png").write_bytes(draw_picture(1))
    (album / "bad\n\x1b[2J.jpg").write_bytes(b"broken")
    done = run(album)
    assert "\x1b" not in done.out + done.err
    assert all(line.count("\t") == 1 for line in done.lines)
    assert printable("häus/ü.png \udcff") == "häus/ü.png \udcff"


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux")
def test_names_that_are_no_unicode(album: Path, tiny_bundle: Path) -> None:
    (album / "b.png").rename(album / "\udcff.png")  # the byte FF
    command = [sys.executable, "-m", "captionkit", "caption", str(album), "--bundle", str(tiny_bundle)]
    done = subprocess.run(command, capture_output=True, check=True)
    assert b"\xff.png\t" in done.stdout
    done = subprocess.run([*command, "--json"], capture_output=True, check=True)
    sources = [json.loads(line)["source"] for line in done.stdout.decode("utf-8").splitlines()]
    assert str(album / "\udcff.png") in sources
    (album / "cut\udce9.png").write_bytes(b"")
    done = subprocess.run([*command, "--csv", "-o", album / "all.csv"], capture_output=True, check=False)
    assert done.returncode == 1
    rows = list(csv.DictReader(io.StringIO((album / "all.csv").read_text("utf-8"), newline="")))
    assert {f"{album}/\\udcff.png", f"{album}/cut\\udce9.png"} < {row["source"] for row in rows}


def test_captioning_loads_nothing_it_does_not_need(album: Path, tiny_bundle: Path) -> None:
    code = (
        "import sys\n"
        "sys.argv = ['captionkit', 'caption', *sys.argv[1:]]\n"
        "from captionkit.cli.app import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = ('tensorflow', 'keras', 'rich', 'matplotlib', 'concurrent.futures', 'pyarrow', 'scipy')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    command = [sys.executable, "-c", code, str(album / "a.png"), "--bundle", str(tiny_bundle)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_folder_that_cannot_be_listed_is_told(run: Run, album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = os.scandir

    def refusing(path: str) -> Any:
        if Path(path).name == "trip":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", refusing)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # as where the extra is not installed
    (album / "phone.heic").write_bytes(b"unread")
    done = run(album)
    assert (done.code, len(done.lines)) == (1, 2)
    assert done.err.splitlines() == [
        f"captionkit: Expected a folder that can be listed, but {album / 'trip'} cannot (Permission denied).",
        "captionkit: 1 HEIC picture was passed over; pip install 'captionkit[heic]' reads it, or convert it to "
        "JPEG first.",
    ]
    assert run(album, "--undo").code == 1


@pytest.mark.parametrize("option", ["--write-metadata", "--undo"])
def test_into_standard_input_nothing_can_be_written(run: Run, option: str) -> None:
    done = run("-", option)
    assert (done.code, done.out) == (2, "")
    assert "Expected picture files for --write-metadata and --undo, but got '-'" in done.err
