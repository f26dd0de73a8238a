"""Write docs/cli.md from the commands and docs/model-card.md from the installed bundle.

`--check` writes nothing and fails where one of them is out of date.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

os.environ["COLUMNS"] = "100"  # the width that help is wrapped to, whatever the terminal

import typer.main
from typer.testing import CliRunner

from captionkit.bundle import DEFAULT_BUNDLE, read_bundle
from captionkit.cli.app import app

DOCS = Path(__file__).parent
CARD_HEAD = "<!-- Written by `make format` from the installed model: captionkit bundle show --card -->\n\n"
HEAD = """# Commands

Written by `make format` from the commands' own help; `make check` fails where it is out of date.

Exit codes of all commands: 0 done; 1 done, but some records failed or a check found something; 2 a mistake in the
input or the set-up, told in one sentence; 130 interrupted (143 by SIGTERM, which training takes for Ctrl-C); 141
nobody reads what it says (`| head`).

Characters that the encoding of standard output lacks (of `> file` on Windows, say) are escaped as JSON has them:
`\\u732b`. A file that an option names is UTF-8.
"""


def commands(group: Any, words: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """All commands below a group, by their words."""
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        path = (*words, name)
        found += commands(command, path) if hasattr(command, "commands") else [path]
    return found


def commands_page() -> str:
    """docs/cli.md."""
    runner, parts = CliRunner(), [HEAD]
    for words in commands(typer.main.get_command(app)):
        done = runner.invoke(app, [*words, "--help"], prog_name="captionkit")
        if done.exit_code != 0:
            raise SystemExit(f"captionkit {' '.join(words)} --help failed: {done.output}")
        text = "\n".join(line.rstrip() for line in done.output.strip().splitlines())
        parts.append(f"## captionkit {' '.join(words)}\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


def pages() -> dict[str, str]:
    """File name to page."""
    found = {"cli.md": commands_page()}
    if DEFAULT_BUNDLE.is_file():
        found["model-card.md"] = CARD_HEAD + read_bundle().card
    return found


if __name__ == "__main__":
    for name, page in pages().items():
        target = DOCS / name
        if "--check" not in sys.argv[1:]:
            target.write_text(page, encoding="utf-8")
        elif not target.is_file() or target.read_text(encoding="utf-8") != page:
            sys.exit(f"docs/{name} is out of date; run: make format")
