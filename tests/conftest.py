"""Fixtures shared by all tests."""

from __future__ import annotations

# Some tests import TensorFlow themselves, and others of the same process need Python's own SQLite.
import captionkit.before_tensorflow  # noqa: F401

# isort: split
import contextlib
import errno
import io
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib import util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import settings

from tests.command import Done, Run

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


@pytest.fixture(name="captionkit")
def run_captionkit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `captionkit ARGUMENTS` in this process."""
    from captionkit.cli.app import main

    def call(*arguments: str | Path, stdin: bytes = b"") -> Done:
        monkeypatch.setattr(sys, "argv", ["captionkit", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as exit_:
            main()
        assert isinstance(exit_.value.code, int)
        return Done(exit_.value.code, *capsys.readouterr())

    return call


@pytest.fixture
def windows_keeps_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule of Windows: a file that is open gets no other name, and is not removed."""
    monkeypatch.setattr("captionkit.files.sys", SimpleNamespace(platform="win32"))

    def refuse_open(path: os.PathLike[str] | str) -> None:
        with contextlib.suppress(FileNotFoundError):
            state = os.lstat(path)
            for number in Path("/dev/fd").iterdir():
                with contextlib.suppress(OSError):  # that of the listing is closed by now
                    if os.path.samestat(os.fstat(int(number.name)), state):
                        break
            else:
                return
            raise PermissionError(errno.EACCES, "it is open", str(path))

    def refusing(change: Callable[..., None]) -> Callable[..., None]:
        def changed(path: os.PathLike[str] | str, *rest: os.PathLike[str] | str) -> None:
            for one in (path, *rest):
                refuse_open(one)
            change(path, *rest)

        return changed

    for name in ("replace", "rename", "unlink"):
        monkeypatch.setattr(os, name, refusing(getattr(os, name)))


@pytest.fixture(scope="module")
def tiny_encoder() -> Iterator[str]:
    """The name of an encoder of three convolutions, known to this process for the length of a module."""
    from captionkit.config.limits import NAMES
    from captionkit.modeling.encoders import ENCODERS
    from tests.tiny import tiny_encoder_spec

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENCODERS, "tiny", tiny_encoder_spec())
        patch.setitem(NAMES, "encoder.name", (*NAMES["encoder.name"], "tiny"))
        yield "tiny"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium, driven by Playwright; skips where one of the two is not there."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def axe() -> Path:
    """The script of axe-core: what $CAPTIONKIT_AXE names, else the one that comes with `browser-tests`."""
    if named := os.environ.get("CAPTIONKIT_AXE"):
        return Path(named)
    found = util.find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        pytest.skip("axe-core is not there: install the extra browser-tests, or name axe.min.js in CAPTIONKIT_AXE")
    return Path(found.origin).parent / "axe.min.js"
