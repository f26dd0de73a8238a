"""How long work shows how far it is."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from captionkit import progress
from captionkit.progress import Progress, duration


def test_durations_as_a_person_says_them() -> None:
    assert [duration(s) for s in (0.4, 42, 185, 7800)] == ["0 s", "42 s", "3 min 5 s", "2 h 10 min"]
    bounds = ["59 s", "1 min 0 s", "59 min 59 s", "1 h 0 min"]
    assert [duration(s) for s in (59.4, 59.6, 3599, 3600)] == bounds


def test_plain_lines_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "PLAIN_SECONDS", -1.0)
    with Progress("features", 4, "pictures", done=1) as bar:
        bar.advance(2, "loss 3.1")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[0].startswith("features: 3 of 4 pictures, ")
    assert err.splitlines()[0].endswith("left, loss 3.1")


@pytest.mark.parametrize("batch", [1, 32])
def test_units_that_come_in_batches_one_by_one(
    batch: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A unit takes a second; what is told is right in every line, though the first of a batch stands in it."""
    now = 1000.0
    # Its clock alone: another thread that waits by the clock of all, as a server does, would wait for hours.
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now))
    with Progress("captions", 128, "pictures") as bar:
        for _ in range(128 // batch):
            now += batch
            for _ in range(batch):
                bar.advance()
    lines = [line.removeprefix("captions: ") for line in capsys.readouterr().err.splitlines()]
    batches = ["1 of 128 pictures", "33 of 128 pictures, 1.0/s, 1 min 35 s left"]
    assert lines[:2] == (batches if batch > 1 else [
        "16 of 128 pictures, 1.0/s, 1 min 52 s left", "32 of 128 pictures, 1.0/s, 1 min 36 s left"
    ])  # fmt: skip
    assert lines[-1] == "128 of 128 pictures, 1.0/s, 0 s left"


def test_the_end_is_told_once(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PLAIN_SECONDS", -1.0)
    with Progress("features", 4, "pictures") as bar:
        bar.advance(4)
    assert capsys.readouterr().err.count("4 of 4 pictures") == 1


def test_short_work_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("features", 4) as bar:
        bar.advance(4)
    assert capsys.readouterr().err == ""


def test_what_failed_is_told_without_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("features", 4) as bar:
        bar.warn("a\x1b[31m.jpg cannot be read")
        bar.say("b.jpg\x07 can")
    assert capsys.readouterr().err == "a\\x1b[31m.jpg cannot be read\nb.jpg\\x07 can\n"


@pytest.mark.parametrize("quiet", [False, True])
def test_a_terminal_shows_a_bar(
    quiet: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: 1000.0))  # however slow it is to load
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with Progress("features", 4, "pictures", done=1, quiet=quiet) as bar:
        bar.advance(2, "loss 3.1")
    err = capsys.readouterr().err
    if quiet:
        assert err == ""
    else:
        assert all(part in err for part in ("features", "3/4", "loss 3.1", "0 s left"))
        assert err.endswith("\x1b[2K")  # nothing of it stays


def test_a_line_beside_a_bar_is_the_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither cut in two where the terminal ends nor with a picture for what is between two colons."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    line = f"{'folder' * 9}/:dog: [b].jpg cannot be read"
    with Progress("features", 4) as bar:
        bar.warn(line)
    assert line in capsys.readouterr().err


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PLAIN_SECONDS", -1.0)
    with Progress("features", 4, quiet=True) as bar:
        bar.advance(4)
        bar.say("hidden")
        bar.warn("what failed is told all the same")
    assert capsys.readouterr().err == "what failed is told all the same\n"
