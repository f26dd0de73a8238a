"""Write docs/cli.md from the commands themselves; `--check` fails where it is out of date."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

os.environ["COLUMNS"] = "100"  # the width that help is wrapped to, whatever the terminal

import typer.main
from typer.testing import CliRunner

from captionkit.cli.app import app

TARGET = Path(__file__).parent / "cli.md"
HEAD = """# Commands

Written by `make format` from the commands' own help; `make check` fails where it is out of date.

Exit codes of all commands: 0 done; 1 done, but some records failed or a check found something; 2 a mistake in the
input or the set-up, told in one sentence; 130 interrupted.
"""


def commands(group: Any, words: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """All commands below a group, by their words."""
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        path = (*words, name)
        found += commands(command, path) if hasattr(command, "commands") else [path]
    return found


def generate() -> str:
    """The page."""
    runner, parts = CliRunner(), [HEAD]
    for words in commands(typer.main.get_command(app)):
        done = runner.invoke(app, [*words, "--help"], prog_name="captionkit")
        if done.exit_code != 0:
            raise SystemExit(f"captionkit {' '.join(words)} --help failed: {done.output}")
        text = "\n".join(line.rstrip() for line in done.output.strip().splitlines())
        parts.append(f"## captionkit {' '.join(words)}\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    page = generate()
    if "--check" in sys.argv[1:]:
        if not TARGET.is_file() or TARGET.read_text(encoding="utf-8") != page:
            sys.exit("docs/cli.md is out of date; run: make format")
    else:
        TARGET.write_text(page, encoding="utf-8")
