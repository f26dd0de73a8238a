"""What is asked of a run's folder without TensorFlow."""

from __future__ import annotations

from pathlib import Path

import pytest

from captionkit.config import Config, parse_config, write_config
from captionkit.errors import DataError
from captionkit.training.run_folder import earlier_runs, read_history


def test_a_history_that_does_not_read_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    assert read_history(path) == ()
    path.write_text('{"step": 1}\n\n[1]\n')
    with pytest.raises(DataError, match="line 3"):
        read_history(path)
    for line in ('{"st', "[" * 100_000, "1" * 5_000):
        path.write_text(f'{{"step": 1}}\n{line}')
        with pytest.raises(DataError, match="line 2"):
            read_history(path)


def test_earlier_runs_come_after_those_that_they_build_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ELSEWHERE", raising=False)

    def write(name: str, begin_from: str, teachers: str = "") -> Config:
        config = parse_config("", [f"training.begin_from={begin_from}", f"training.teachers={teachers}"])
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "config.toml").write_text(write_config(config))
        return config

    one, two = tmp_path / "one", tmp_path / "two"
    first = write("one", "")
    second = write("two", f"{one}", "$ELSEWHERE/gone")
    last = write("last", f"{two} {one}")
    assert list(earlier_runs(last).items()) == [(Path("$ELSEWHERE/gone"), None), (one, first), (two, second)]
    write("one", f"{two}")  # round in a circle
    assert earlier_runs(last).keys() == {one, two, Path("$ELSEWHERE/gone")}
