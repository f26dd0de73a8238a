"""The index's tables, and the index beside TensorFlow, which carries an SQLite of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from captionkit.files import sha256
from captionkit.search.database import _SCHEMA, VERSION

SCRIPT = """
{first}
import sqlite3
from pathlib import Path
from captionkit.errors import SearchError
from captionkit.search.database import told
try:
    with told(Path("words.sqlite")):
        sqlite3.connect(":memory:").execute("create virtual table words using fts5(text)")
    print("found")
except SearchError as error:
    print(error)
"""


@pytest.mark.slow
def test_full_text_search_works_beside_the_networks(tmp_path: Path) -> None:
    assert answer("import captionkit.training.run", tmp_path) == "found"


@pytest.mark.slow
def test_where_tensorflow_came_first_the_remedy_is_told(tmp_path: Path) -> None:
    """Whether it takes SQLite's place depends on how Python was built."""
    found = answer("import tensorflow", tmp_path)
    assert found == "found" or found.endswith("which lacks it: import sqlite3 before tensorflow.")


def answer(first: str, folder: Path) -> str:
    pytest.importorskip("tensorflow")
    script = SCRIPT.format(first=first)
    command = [sys.executable, "-c", script]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def test_tables_have_one_wording_a_version() -> None:
    """Indexes that are there are compared with it letter by letter."""
    assert (VERSION, sha256(_SCHEMA.encode())) == (
        1,
        "df557f601d23cbd8329c109888cce0a7cdb0e782c88ac10bbcd347a9e96d8673",
    ), "with another wording, be it a space, every index counts as damaged: VERSION must change too, and this line"
