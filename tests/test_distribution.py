"""What people install and what packagers get."""

from __future__ import annotations

import re
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def test_the_wheel_is_the_package_and_nothing_else(tmp_path: Path) -> None:
    builder = pytest.importorskip("hatchling.builders.wheel").WheelBuilder(str(ROOT))
    (wheel,) = builder.build(directory=str(tmp_path))
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    expected = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src" / "captionkit").rglob("*.*")
        if "__pycache__" not in path.parts and path.is_file()  # where a process beside may be writing
    }
    assert {"captionkit/py.typed", "captionkit/bundles/default.captionkit"} <= expected
    assert {name for name in names if ".dist-info/" not in name} == expected


def test_the_source_archive_holds_what_its_pages_and_tests_need(tmp_path: Path) -> None:
    builder = pytest.importorskip("hatchling.builders.sdist").SdistBuilder(str(ROOT))
    (sdist,) = builder.build(directory=str(tmp_path))
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
        assert sum(member.size for member in archive.getmembers()) < 30e6
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    linked = {target.rstrip("/") for target in re.findall(r"\]\((?!https?:)([^)#]+)", readme)}
    assert len(linked) > 15
    for target in {*linked, "Makefile", "requirements/dev.txt", "tests/conftest.py", "benchmarks/meteor.py"}:
        assert any(name == target or name.startswith(f"{target}/") for name in names), target
    assert not [name for name in names if name.endswith((".pyc", ".safetensors"))]
