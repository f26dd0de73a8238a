"""Configuration: frozen dataclasses, written as TOML, overridden by `section.key=value`.

A recipe under `configs/` holds only what differs from the defaults (`settings`). An unknown key is an error that
names the nearest known one. Reading and writing are inverse: `read_config(write(config)) == config`.
"""

from __future__ import annotations

import dataclasses
import json
import math
import tomllib
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from captionkit.config.limits import check_together, check_value
from captionkit.config.settings import (
    BundleConfig,
    Config,
    DataConfig,
    DecoderConfig,
    DecodingConfig,
    EncoderConfig,
    ExpectConfig,
    SelfCriticalConfig,
    TokenizerConfig,
    TrainingConfig,
)
from captionkit.errors import ConfigError, nearest

__all__ = [
    "BundleConfig",
    "Config",
    "DataConfig",
    "DecoderConfig",
    "DecodingConfig",
    "EncoderConfig",
    "ExpectConfig",
    "SelfCriticalConfig",
    "TokenizerConfig",
    "TrainingConfig",
    "differences",
    "parse_config",
    "read_config",
    "write_config",
]

MAX_CONFIG_BYTES = 1_000_000


def read_config(path: Path | str, overrides: Sequence[str] = ()) -> Config:
    """Read a TOML recipe and apply `section.key=value` overrides.

    What neither names has its default. The value of an override such as `training.epochs=3` is TOML, or a bare
    string.

    Raises:
        ConfigError: no such file, not TOML, an unknown key, a value of another type, a number out of range, a
            network that there is not, or values that do not fit each other.
    """
    path = Path(path)
    try:
        with path.open("rb") as handle:
            raw = handle.read(MAX_CONFIG_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            f"Expected a configuration file at {path}, but it cannot be read ({error.strerror}); "
            "give the path of a TOML file such as configs/flickr8k_lite2_lstm.toml."
        ) from None
    if len(raw) > MAX_CONFIG_BYTES:
        raise ConfigError(f"{path} has more bytes than a configuration may ({MAX_CONFIG_BYTES:,}).")
    try:
        text = raw.decode("utf-8-sig")  # Windows' editor begins a file with a byte order mark
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text; write the configuration as TOML in UTF-8.") from None
    return parse_config(text, overrides, source=str(path))


def parse_config(text: str, overrides: Sequence[str] = (), *, source: str = "configuration") -> Config:
    """`read_config` for a string; `source` names it in messages."""
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, thousands of brackets
        hint = " A path with backslashes stands between single quotes." if "\\" in text else ""
        raise ConfigError(f"{source} is not valid TOML: {error}.{hint}") from None
    for override in overrides:
        _apply_override(document, override)
    config: Config = _build(Config(), document, source, prefix="")
    check_together(config, source)
    return config


def write_config(config: Config) -> str:
    """The whole configuration as TOML, defaults included, in the order of the dataclasses."""
    lines: list[str] = []
    for section in dataclasses.fields(config):
        lines.append(f"[{section.name}]")
        value = getattr(config, section.name)
        lines += [f"{entry.name} = {_toml(getattr(value, entry.name))}" for entry in dataclasses.fields(value)]
        lines.append("")
    return "\n".join(lines)


def differences(old: Config, new: Config) -> list[str]:
    """One line a key that differs: `training.epochs: 3 -> 5`."""
    lines = []
    for section in dataclasses.fields(Config):
        left, right = getattr(old, section.name), getattr(new, section.name)
        for entry in dataclasses.fields(left):
            a, b = getattr(left, entry.name), getattr(right, entry.name)
            if a != b:
                lines.append(f"{section.name}.{entry.name}: {_toml(a)} -> {_toml(b)}")
    return lines


def _apply_override(document: dict[str, Any], override: str) -> None:
    name, equals, raw = override.partition("=")
    section, dot, key = name.strip().partition(".")
    if not equals or not dot or not key:
        raise ConfigError(
            f"Expected an override of the form section.key=value, but got {override!r}; "
            "for example training.epochs=3."
        )
    try:
        value: Any = tomllib.loads(f"value = {raw}")["value"]
    except (ValueError, RecursionError):
        value = raw  # a bare word is a string: no shell quoting of quotes needed
    table = document.setdefault(section, {})
    if isinstance(table, dict):
        table[key] = value


def _build(defaults: Any, values: Mapping[str, Any], source: str, prefix: str) -> Any:
    hints = typing.get_type_hints(type(defaults))
    unknown = [key for key in values if key not in hints]
    if unknown:
        raise ConfigError(f"{source}: unknown key '{prefix}{unknown[0]}'; {nearest(unknown[0], hints)}")
    arguments: dict[str, Any] = {}
    for key, value in values.items():
        hint = hints[key]
        if dataclasses.is_dataclass(hint):
            if not isinstance(value, Mapping):
                raise ConfigError(f"{source}: expected a table [{key}], but got {_shown(value)}.")
            arguments[key] = _build(getattr(defaults, key), value, source, prefix=f"{prefix}{key}.")
        else:
            arguments[key] = _check(hint, value, source, prefix + key)
    # Not afresh from its class: the second data set has other defaults than the first.
    return dataclasses.replace(defaults, **arguments)


def _check(kind: Any, value: Any, source: str, name: str) -> Any:
    """The value as the field's type; an integer is a fine float, nothing else is converted."""
    if kind is float and type(value) is int:
        try:
            value = float(value)
        except OverflowError:  # hundreds of digits
            value = math.inf
    if type(value) is not kind:
        raise ConfigError(f"{source}: expected {kind.__name__} for '{name}', but got {_shown(value)}.")
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{source}: expected a finite number for '{name}', but got {value!r}.")
    if isinstance(value, int) and value.bit_length() > 63:
        raise ConfigError(f"{source}: expected a whole number of 64 bits at most for '{name}'.")
    if isinstance(value, str) and "\0" in value:  # which no path can hold
        raise ConfigError(f"{source}: expected text without a zero character for '{name}', but got {value!r}.")
    check_value(name, value, source)
    return value


def _shown(value: object) -> str:
    """A value of another type than it must have, for a message."""
    try:
        return repr(value)[:200]
    except (ValueError, RecursionError):  # a hexadecimal number of thousands of digits, thousands of brackets
        return f"one ({type(value).__name__}) that is too long to show"


def _toml(value: str | float | bool) -> str:
    # TOML writes these as JSON does, except that it wants DEL escaped too.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
