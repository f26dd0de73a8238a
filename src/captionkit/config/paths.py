"""The paths that a configuration names: with environment variables, and several in one setting."""

from __future__ import annotations

import os
from pathlib import Path

from captionkit.errors import ConfigError


def expand_path(value: str) -> Path:
    """A path of the configuration with its environment variables and `~` filled in.

    One that is there as it is written stays: a folder's name may hold a dollar sign of its own.

    Raises:
        ConfigError: a variable it names is not set, or there is no such home folder.
    """
    if os.path.lexists(value):
        return Path(value)
    expanded = os.path.expandvars(value)
    if "$" in expanded:
        name = expanded[expanded.index("$") :].split("/")[0]
        raise ConfigError(
            f"The path {value!r} needs the environment variable {name.strip('${}')}, which is not set; "
            "set it, or give the path itself (data.captions=... data.images=...)."
        )
    try:
        return Path(expanded).expanduser()
    except RuntimeError:  # "~someone" whom the system does not know
        raise ConfigError(
            f"The path {value!r} is in a home folder that is not known here; write it out."
        ) from None


def expand_paths(setting: str) -> list[Path]:
    """The files or folders that a setting names: one path, or several with spaces between; see `expand_path`."""
    if not setting:
        return []
    whole = expand_path(setting)
    if whole.exists():
        return [whole]
    parts = [expand_path(part) for part in setting.split()] or [whole]
    if not parts[0].is_absolute() or all(part.exists() for part in parts):
        return parts
    # A folder that is gone may have had a space in its name, and half of that must not get into a bundle: what is
    # not absolute goes on with the absolute path before it.
    found = parts[:1]
    for part in parts[1:]:
        found = [*found, part] if part.is_absolute() else [*found[:-1], Path(f"{found[-1]} {part}")]
    return found
