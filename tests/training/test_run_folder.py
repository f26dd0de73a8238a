"""What is asked of a run's folder without TensorFlow."""

from __future__ import annotations

from pathlib import Path

import pytest

from captionkit.errors import DataError
from captionkit.training.run_folder import read_history


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
