"""What a long command keeps of its work, line by line, and what of it is believed again."""

from __future__ import annotations

import errno
import fcntl
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from captionkit.errors import WriteError
from captionkit.records import Caption, Prediction
from captionkit.unfinished import KeptPredictions, Unfinished


def test_lines_that_are_none_of_ours_are_passed_over(tmp_path: Path) -> None:
    kept = tmp_path / "out.unfinished"
    first = Unfinished(tmp_path / "out", ["command"])
    first.add("a.png", "a dog\n")
    assert len(kept.read_bytes().splitlines()) == 2  # at once: a process may be killed without a word
    assert not kept.stat().st_mode & 0o111  # it is no program
    first.close(done=False)
    odd: Any
    typed = ({"picture": 1, "state": [], "text": ""}, {"picture": "b", "state": 1, "text": ""})
    for odd in (
        *typed,
        {"picture": "b", "state": [], "text": 1},
        {"picture": "b"},
        {"picture": "b", "state": 1},
        [],
    ):
        kept.write_bytes(kept.read_bytes().splitlines(keepends=True)[0] + json.dumps(odd).encode() + b"\n")
        assert Unfinished(tmp_path / "out", ["command"]).kept == {}
    kept.write_bytes(kept.read_bytes().splitlines(keepends=True)[0] + b"[\n")
    assert Unfinished(tmp_path / "out", ["command"]).kept == {}


def test_windows_is_told_to_leave_line_ends_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it writes two bytes for each, and the first line would be that of another command."""
    monkeypatch.setattr(os, "O_BINARY", os.O_SYNC, raising=False)  # a flag that can be seen here
    unfinished = Unfinished(tmp_path / "out", ["command"])
    unfinished.add("a.png", "a dog\n")
    assert unfinished._handle is not None
    assert fcntl.fcntl(unfinished._handle, fcntl.F_GETFL) & os.O_SYNC == os.O_SYNC
    unfinished.close(done=True)


def test_what_was_kept_is_kept_where_going_on_fails_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is still full, say, or the process dies there."""
    for name in ("a.png", "b.png"):
        before = Unfinished(tmp_path / "out", ["command"])
        before.add(name, "a dog\n")
        before.close(done=False)
    kept = tmp_path / "out.unfinished"
    kept.write_bytes(kept.read_bytes() + b'{"picture": "c.png", "state": [], "text": "a cat"}')  # and is cut there
    again = Unfinished(tmp_path / "out", ["command"])
    assert list(again.kept) == ["a.png", "b.png"]

    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdopen", lambda *_: Full())
        with pytest.raises(WriteError, match="No space left"):
            again.add("c.png", "a cat\n")
    again = Unfinished(tmp_path / "out", ["command"])
    assert list(again.kept) == ["a.png", "b.png"]
    again.add("b.png", "two dogs\n")
    again.close(done=False)
    assert Unfinished(tmp_path / "out", ["command"]).kept == {"a.png": "a dog\n", "b.png": "two dogs\n"}
    assert Unfinished(tmp_path / "out", ["another"]).kept == {}


def test_a_caption_is_recalled_as_it_was_said(tmp_path: Path) -> None:
    kept = KeptPredictions(unfinished := Unfinished(tmp_path / "out", []))
    rows: Any = (np.float32(-0.1), None)
    sure: Any
    caption = Caption(
        "A dog.", ("a", "dog"), (-0.25, rows[0]), -0.5, True, evidence=rows, denied="cat", ids=(4, 5)
    )
    for sure in (None, 0.0, np.float32(0.3)):
        said = Prediction(str(tmp_path / "a.png"), (caption,), sure)
        kept.keep(tmp_path / "a.png", said)
        assert kept.recall(tmp_path / "a.png") == said
    kept.keep(tmp_path / "b.png", Prediction(str(tmp_path / "b.png"), (), error="Expected a picture."))
    kept.keep(tmp_path / "c.png", Prediction(str(tmp_path / "c.png"), ()))
    assert list(unfinished.kept) == [str(tmp_path / "a.png")]
    (found,) = json.loads(unfinished.kept[str(tmp_path / "a.png")]).items()
    of, (confidence, fields) = found
    odd: list[Any] = [[], [1], [1, 2], [1, {}], [1, {**fields, "odd": 1}], ["x", fields], 1, None]
    for text in ("", "[", "1", "[1]", "{}", *(json.dumps({of: one}) for one in odd)):
        unfinished.add(str(tmp_path / "a.png"), text)
        assert kept.recall(tmp_path / "a.png") is None
    unfinished.add(str(tmp_path / "a.png"), json.dumps({"of another": 1, of: [confidence, fields]}))
    assert kept.recall(tmp_path / "a.png") == said
    assert kept.recall(tmp_path / "b.png") is None
    unfinished.close(done=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("other", [b"abc", b"ab"])
def test_a_file_has_changed_with_its_time_or_its_size(tmp_path: Path, other: bytes) -> None:
    picture, unfinished = tmp_path / "a.png", Unfinished(tmp_path / "out", [])
    picture.write_bytes(b"abc")
    os.utime(picture, (1, 1))
    unfinished.add(str(picture), "a dog")
    assert unfinished.text(str(picture)) == "a dog"
    picture.write_bytes(other)
    os.utime(picture, (2, 2) if other == b"abc" else (1, 1))
    assert unfinished.text(str(picture)) is None
    unfinished.close(done=True)
