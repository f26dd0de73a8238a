"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples on every run: a test that fails must fail for everyone.
settings.register_profile("captionkit", derandomize=True, deadline=None)
settings.load_profile("captionkit")


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real data; skips where $CAPTIONKIT_DATA is not set. Read-only."""
    value = os.environ.get("CAPTIONKIT_DATA")
    if not value:
        pytest.skip("CAPTIONKIT_DATA is not set: this test needs the real photographs and captions")
    return Path(value)


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of a real bundle with a tiny model, exported once a session. Read-only."""
    from tests.tiny import export_tiny

    path = tmp_path_factory.mktemp("bundle") / "tiny.captionkit"
    export_tiny(path)
    return path
