"""Where METEOR's data come from, and what is said where they are missing or damaged."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from captionkit.errors import DataError
from captionkit.metrics.meteor import data as meteor_data
from captionkit.metrics.meteor.data import MATCHERS, MeteorData, SynonymDictionary, read_meteor_data
from tests.metrics.meteor.folder import write_meteor_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_meteor_folder(tmp_path / "meteor with a space")


def test_a_folder_with_all_data(folder: Path, tmp_path: Path) -> None:
    data = read_meteor_data(folder, tmp_path)
    assert data.matchers == MATCHERS
    assert data.missing == ""
    assert "the" in data.function_words
    assert data.prefixes == {"Mr": False, "mr": False, "St": False, "No": True, "no": True}


def test_the_jar_itself_and_the_environment_do_too(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_meteor_data(folder / "meteor-1.5.jar", tmp_path).matchers == MATCHERS
    monkeypatch.setenv(meteor_data.VARIABLE, str(folder))
    assert read_meteor_data(cache=tmp_path).function_words == read_meteor_data(folder, tmp_path).function_words


def test_without_the_table_the_paraphrase_matcher_is_missing(tmp_path: Path) -> None:
    data = read_meteor_data(write_meteor_folder(tmp_path / "meteor", table=False), tmp_path)
    assert data.matchers == ("exact", "stem", "synonym")
    assert "paraphrase-en.gz" in data.missing


def test_without_any_data_the_reason_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(meteor_data.VARIABLE, raising=False)
    monkeypatch.setattr(meteor_data, "_installed", lambda: None)
    data = read_meteor_data()
    assert data.matchers == ("exact", "stem")
    assert "captionkit[meteor]" in data.missing


def test_a_path_without_the_jar(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Expected meteor-1\.5\.jar"):
        read_meteor_data(tmp_path)


def test_a_jar_of_something_else(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "meteor-1.5.jar", "w") as jar:
        jar.writestr("readme", "hello")
    with pytest.raises(DataError, match=r"is not METEOR 1\.5: .*english\.words"):
        read_meteor_data(tmp_path)


def test_a_damaged_jar(folder: Path) -> None:
    jar = folder / "meteor-1.5.jar"
    jar.write_bytes(jar.read_bytes()[:200])
    with pytest.raises(DataError, match="is damaged or no jar"):
        read_meteor_data(folder)


def test_synsets_of_words_and_their_base_forms(folder: Path, tmp_path: Path) -> None:
    synonyms = read_meteor_data(folder, tmp_path).synonyms
    assert synonyms is not None
    assert synonyms.of("dogs") == synonyms.of("dog") == {11, 12}
    assert synonyms.of("geese") == {21}  # by the list of exceptions
    assert synonyms.of("ran") == {31}
    assert synonyms.of("boxes") == {41}  # by WordNet's rules
    assert synonyms.of("racing") == {31}
    assert synonyms.of("glass") == synonyms.of("unheard") == frozenset()
    rules = SynonymDictionary({"glas": "1", "as": "2", "a": "3"}, {})  # have no say in "ss" and in two letters
    assert rules.of("glass") == frozenset()
    assert rules.of("as") == {2}


def test_no_data_at_all_is_a_value() -> None:
    assert MeteorData().matchers == ("exact", "stem")
