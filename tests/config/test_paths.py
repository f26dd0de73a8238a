"""Paths of a configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from captionkit.config.paths import expand_path, expand_paths
from captionkit.errors import ConfigError


def test_a_setting_names_one_run_or_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", "with space"):
        (tmp_path / name).mkdir()
    assert expand_paths("") == []
    assert expand_paths(" ") == [Path(" ")]
    assert expand_paths("a b") == [Path("a"), Path("b")]
    assert expand_paths("a gone") == [Path("a"), Path("gone")]
    assert expand_paths("with space") == [Path("with space")]
    assert expand_paths(f"{tmp_path}/a b") == [tmp_path / "a", Path("b")]


def test_a_path_with_spaces_that_is_gone_is_still_one_path(tmp_path: Path) -> None:
    """Its pieces would be taken for names of runs, and be written into a bundle."""
    gone = tmp_path / "of jane doe" / "run"
    assert expand_paths(str(gone)) == [gone]
    assert expand_paths(f"{gone} {tmp_path / 'other'}") == [gone, tmp_path / "other"]


def test_a_home_folder_that_is_not_known_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match="home folder that is not known here"):
        expand_path("~nobody-of-this-name/data")


def test_a_name_may_hold_a_dollar_sign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERE", str(tmp_path))
    (tmp_path / "co$HERE").mkdir()
    assert expand_path(f"{tmp_path}/co$HERE") == tmp_path / "co$HERE"
    assert expand_path("$HERE/gone") == tmp_path / "gone"


def test_a_variable_that_is_not_set_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOWHERE", raising=False)
    with pytest.raises(ConfigError, match="needs the environment variable NOWHERE, which is not set"):
        expand_path("${NOWHERE}/data")
