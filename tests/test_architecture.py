"""The house keeps its floors: a module imports only from floors below, or earlier rooms of its own floor."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

SRC = Path(__file__).parent.parent / "src" / "captionkit"

# Floor number to the rooms on it. A room is a module or a package directly below captionkit.
FLOORS: dict[int, tuple[str, ...]] = {
    0: (
        "errors",
        "records",
        "text",
        "config",
        "files",
        "ahead",
        "progress",
        "unfinished",
        "before_tensorflow",
    ),
    1: ("tokenizer", "images", "reading", "webpage", "picture_paths", "datasets", "metrics"),
    2: ("decoding", "bundle", "engine", "selftest", "confidence", "detectors", "second_look", "captioner"),
    3: ("modeling", "export", "interchange", "training"),
    4: ("evaluate", "calibrate", "card", "publish", "audit", "report", "explain", "search", "alttext", "metadata"),
    5: ("serve", "cli"),
}
FLOOR_OF = {room: floor for floor, rooms in FLOORS.items() for room in rooms}
TENSORFLOW_ROOMS = FLOORS[3]
HEAVY = {"tensorflow", "keras"}
MODULES = sorted(path for path in SRC.rglob("*.py") if path.name not in ("__init__.py", "__main__.py"))
PACKAGES = sorted(path for path in SRC.rglob("__init__.py") if path.parent != SRC)


def room_of(path: Path) -> str:
    relative = path.relative_to(SRC)
    return relative.parts[0].removesuffix(".py")


@cache
def imported(path: Path) -> set[str]:
    """All absolute names that a file imports anywhere, lazily or at its top."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write the full name"
            names.add(node.module or "")
            if node.module == "captionkit":
                names |= {f"captionkit.{alias.name}" for alias in node.names if alias.name != "__version__"}
    return names


@pytest.mark.parametrize("path", MODULES + PACKAGES, ids=lambda path: str(path.relative_to(SRC)))
def test_imports_only_from_its_own_floor_and_below(path: Path) -> None:
    room = room_of(path)
    assert room in FLOOR_OF, f"{room} stands on no floor: add it to FLOORS and to docs/architecture.md"
    for name in imported(path):
        if name.startswith("captionkit."):
            other = name.split(".")[1]
            assert FLOOR_OF[other] <= FLOOR_OF[room], f"{path.name} (floor {FLOOR_OF[room]}) imports {name}"


@pytest.mark.parametrize("path", MODULES + PACKAGES, ids=lambda path: str(path.relative_to(SRC)))
def test_only_the_heavy_floor_imports_tensorflow(path: Path) -> None:
    tops = {name.split(".")[0] for name in imported(path)}
    if room_of(path) not in TENSORFLOW_ROOMS:
        assert not tops & HEAVY
    assert not tops & {"pickle", "marshal", "shelve", "torch"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SRC)))
def test_a_file_is_short_enough_for_one_reading(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 450


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys, captionkit.cli.app as a\n"
        "print([m for m in ('numpy', 'PIL', 'ai_edge_litert', 'tensorflow', 'keras', 'matplotlib') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
