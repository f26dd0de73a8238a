"""A server of the installed bundle."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from captionkit.bundle import DEFAULT_BUNDLE
from captionkit.captioner import Captioner

pytest.importorskip("starlette", reason="captionkit[serve] is not installed")
pytest.importorskip("uvicorn", reason="captionkit[serve] is not installed")

from captionkit.serve.app import build_app
from captionkit.serve.guard import ITSELF
from tests.serve.running import Client, running


@pytest.fixture(scope="session")
def captioner() -> Captioner:
    if not DEFAULT_BUNDLE.exists():
        pytest.skip(f"no bundle at {DEFAULT_BUNDLE}")
    return Captioner.load()


@pytest.fixture(scope="session")
def served(captioner: Captioner) -> Iterator[Client]:
    with running(build_app(captioner, hosts=ITSELF)) as client:
        yield client
