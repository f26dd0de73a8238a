"""What holds for all commands: how they are told apart, Ctrl-C, arguments, streams."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from captionkit.captioner import Captioner
from captionkit.selftest import draw_picture
from tests.command import Run


@pytest.mark.parametrize("command", [["caption", "a.png"], ["alt", "write", "a.html"]])
def test_ctrl_c_in_a_command_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, captionkit: Run, command: list[str]
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    (tmp_path / "a.png").write_bytes(draw_picture(1))
    (tmp_path / "a.html").write_text('<img src="a.png">')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Captioner, "load", interrupt)
    done = captionkit(*command)
    assert done.code == 130
    assert done.err == "captionkit: interrupted\n"


def test_ctrl_c_while_the_commands_are_loaded_is_one_line() -> None:
    code = (
        "import sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'captionkit.cli.caption': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "from captionkit.__main__ import main\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "captionkit: interrupted\n")


def test_a_command_that_is_asked_to_end_leaves_no_temporary_file(tmp_path: Path) -> None:
    code = (
        "import atexit, sys\n"
        "from captionkit.cli import app\n"
        "from captionkit.files import replacing\n"
        "def write() -> None:\n"
        "    atexit.register(print, ', and the end')\n"  # as TensorFlow, which has a file of its own to remove
        "    with replacing('out') as handle:\n"
        "        print('half', end='')\n"
        "        print('writing', file=sys.stderr)\n"
        "        sys.stdin.read()\n"
        "app.app.command('write')(write)\n"
        "sys.argv = ['captionkit', 'write']\n"
        "app.main()"
    )
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, text=True, stdin=pipe, stdout=pipe, stderr=pipe
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "writing\n"
    assert len(list(tmp_path.iterdir())) == 1
    process.terminate()
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (-signal.SIGTERM, "half, and the end\n", "captionkit: interrupted\n")
    assert not list(tmp_path.iterdir())


def test_an_empty_argument_is_not_this_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, captionkit: Run
) -> None:
    (tmp_path / "a.html").write_text('<img src="a.png">')
    monkeypatch.chdir(tmp_path)
    code, out, err = captionkit("alt", "scan", "")  # "$SITE", which is not set
    assert (code, out) == (2, "")
    assert "Expected no empty argument" in err
    assert "Expected a search index" in captionkit("search", "").err  # a query without words is one


@pytest.mark.parametrize(
    "words",
    [
        ["caption", "--bundle=", "a.png"],
        ["alt", "scan", "--root=", "site"],
        ["search", "a dog", "--index="],
        ["data", "check", "a.csv", "--images="],
    ],
)
def test_an_option_with_nothing_behind_its_sign_is_a_mistake(captionkit: Run, words: list[str]) -> None:
    done = captionkit(*words)  # --root="$SITE", which is not set
    assert done.code == 2
    assert "Expected no empty argument" in done.err


def test_a_change_may_empty_what_a_recipe_says(captionkit: Run) -> None:
    assert "Expected a configuration file at none.toml" in captionkit("features", "none.toml", "data.images=").err


def test_a_file_whose_name_ends_in_a_sign_is_one(captionkit: Run) -> None:
    assert "Expected a bundle at --no=, but" in captionkit("bundle", "show", "--", "--no=").err


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="file names are Unicode there")
@pytest.mark.parametrize(("encoding", "shown"), [("utf-8", b"b\xff.captionkit"), ("ascii", b"b\xff.captionkit")])
def test_a_name_that_is_no_text_goes_to_a_strict_terminal(
    tmp_path: Path, tiny_bundle: Path, encoding: str, shown: bytes
) -> None:
    """As `LANG=en_US.UTF-8` makes one."""
    path = os.fsencode(tmp_path) + b"/b\xff.captionkit"
    Path(os.fsdecode(path)).write_bytes(tiny_bundle.read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "captionkit", "bundle", "show", path],
        env={**os.environ, "PYTHONIOENCODING": f"{encoding}:strict"},
        capture_output=True,
        check=True,
    )
    assert shown in done.stdout.splitlines()[0]


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_json_stays_json_where_the_encoding_lacks_a_character(
    tmp_path: Path, tiny_bundle: Path, encoding: str
) -> None:
    """As where Windows writes into a file."""
    path = tmp_path / "é 猫 🐶.png"
    path.write_bytes(draw_picture(1))
    done = subprocess.run(
        [sys.executable, "-m", "captionkit", "caption", path, "--json", "--bundle", tiny_bundle],
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout.decode(encoding))["source"] == str(path)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize("command", ["data check", "audit"])
def test_what_the_encoding_lacks_is_escaped_by_every_command(tmp_path: Path, command: str, encoding: str) -> None:
    (tmp_path / "a.csv").write_text("image,caption,split\n猫.jpg,A cat .,test\n", "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "captionkit", *command.split(), tmp_path / "a.csv"],
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        capture_output=True,
        check=False,
    )
    assert done.returncode in (0, 1)
    assert r"\u732b.jpg" in done.stdout.decode(encoding)
    assert b"Traceback" not in done.stderr


def test_streams_that_are_closed_are_no_defect(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "captionkit", "caption", "-", "none.png", "--csv", "-o", "all.csv"]
    closed = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *words]
    assert subprocess.run(closed, cwd=tmp_path, check=False).returncode == 1
    assert "the picture is empty" in (tmp_path / "all.csv").read_text()


def test_a_mistake_is_one_line_without_control_characters(captionkit: Run) -> None:
    code, _, err = captionkit("bundle", "show", "no\x1b[2J\nfile")
    assert code == 2
    assert err.startswith(r"captionkit: Expected a bundle at no\x1b[2J\nfile, but")
    assert err.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="there is another error there")
@pytest.mark.parametrize("gone", ["stdout", "stderr", "both"])
@pytest.mark.parametrize(
    ("words", "silent"), [(["bundle", "show", "BUNDLE"], "stderr"), (["bundle", "show", "nowhere"], "stdout")]
)
def test_a_reader_that_has_gone_is_no_failure(tiny_bundle: Path, gone: str, words: list[str], silent: str) -> None:
    """As in `captionkit ... | head -1`: what shells say of a program that such a pipe has ended."""
    reading, writing = os.pipe()
    os.close(reading)
    streams = {name: writing if gone in (name, "both") else subprocess.PIPE for name in ("stdout", "stderr")}
    words = [str(tiny_bundle) if word == "BUNDLE" else word for word in words]
    done = subprocess.run([sys.executable, "-m", "captionkit", *words], **streams, check=False)  # type: ignore[call-overload]
    os.close(writing)
    assert done.returncode == ((0 if silent == "stderr" else 2) if gone == silent else 141)
    assert b"Traceback" not in (done.stderr or b"")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["capton"], "No such command 'capton'"),
        (["bundle", "shwo"], "No such command 'shwo'"),
        (["bundle"], "captionkit bundle [OPTIONS] COMMAND"),
        (["caption", "--help"], "captionkit caption [OPTIONS]"),
        ([], "evaluate"),
    ],
)
def test_a_command_answers_as_one_of_all(captionkit: Run, words: list[str], said: str) -> None:
    _, out, err = captionkit(*words)
    assert said in out + err


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts threads as Linux does")
@pytest.mark.parametrize("own", ["", "2"])
def test_numpy_keeps_no_threads_spinning(own: str) -> None:
    """As many as there are processors did, for 25 ms after each product of matrices."""
    code = (
        "import contextlib, os, sys\n"
        "from captionkit.cli.app import main\n"
        "sys.argv = ['captionkit', '--version']\n"
        "with contextlib.suppress(SystemExit): main()\n"
        "import numpy\n"
        "numpy.ones((600, 600)) @ numpy.ones((600, 600))\n"
        "print(len(os.listdir('/proc/self/task')), os.environ['OPENBLAS_NUM_THREADS'])"
    )
    rest = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**rest, **({"OPENBLAS_NUM_THREADS": own} if own else {})},
        capture_output=True,
        text=True,
        check=True,
    )
    threads, setting = done.stdout.split()[-2:]
    assert setting == (own or "1")
    assert own or threads == "1"
