"""What every door to TensorFlow does first."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("tensorflow")

DOORS = ("captionkit.modeling", "captionkit.training", "captionkit.export", "captionkit.interchange")
SCRIPT = """
import sys, os
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in ("tensorflow", "keras"):
            print("sqlite3" in sys.modules, os.environ.get("TF_ENABLE_ONEDNN_OPTS"))
            sys.exit()
sys.meta_path.insert(0, Watch())
import {door}
print("sqlite3" in sys.modules, os.environ.get("TF_ENABLE_ONEDNN_OPTS"))
"""


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("before", "expected"), [(None, "1"), ("0", "0")])
def test_sqlite_comes_first_and_onednn_is_on_unless_it_was_set(
    door: str, before: str | None, expected: str
) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TF_ENABLE_ONEDNN_OPTS"}
    if before is not None:
        environment["TF_ENABLE_ONEDNN_OPTS"] = before
    command = [sys.executable, "-c", SCRIPT.format(door=door)]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert found.split() == ["True", expected]
