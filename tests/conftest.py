"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real data; skips where $CAPTIONKIT_DATA is not set. Read-only."""
    value = os.environ.get("CAPTIONKIT_DATA")
    if not value:
        pytest.skip("CAPTIONKIT_DATA is not set: this test needs the real photographs and captions")
    return Path(value)
