"""Where files lie, and what of a configuration does not depend on it."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from captionkit.config import Config, differences, parse_config, write_config
from captionkit.config.places import CHANGEABLE, PLACES, fixed, hidden_places, without_places

OF_DATA = ("captions", "images", "train_list", "val_list", "test_list")
OF_BOTH = [f"{section}.{key}" for section in ("data", "more_data") for key in OF_DATA]
ALL = [*OF_BOTH, "training.begin_from", "training.teachers", "training.pseudo_captions", "encoder.weights"]
KEYS = [f"{part.name}.{key.name}" for part in fields(Config) for key in fields(getattr(Config(), part.name))]


def changed(config: Config, *keys: str) -> Config:
    """The configuration with another value at each key."""
    for key in keys:
        part, name = key.split(".")
        section = getattr(config, part)
        value = getattr(section, name)
        other = not value if isinstance(value, bool) else value + ("x" if isinstance(value, str) else 1)
        config = replace(config, **{part: replace(section, **{name: other})})
    return config


def lying_in(folder: str) -> Config:
    """A configuration each of whose files is in a folder."""
    return parse_config("", [f"{key}={folder}/{key}" for key in ALL])


def test_a_bundle_names_no_folder_and_keeps_the_rest() -> None:
    config = changed(lying_in("/home/jane"), *(key for key in KEYS if key not in ALL))
    passed_on = without_places(config)
    assert "jane" not in write_config(passed_on)
    assert {line.split(":")[0] for line in differences(config, passed_on)} == set(ALL)
    training = passed_on.training
    assert (training.begin_from, training.teachers) == ("training.begin_from", "training.teachers")
    assert training.pseudo_captions == "training.pseudo_captions"
    assert passed_on.encoder.weights == "file"
    two = without_places(parse_config("", ["training.begin_from=/home/jane/a /home/jane/b"]))
    assert two.training.begin_from == "a b"
    assert without_places(Config()) == Config()


@pytest.mark.parametrize("key", KEYS)
def test_a_run_goes_on_where_nothing_changes_that_it_was_trained_by(key: str) -> None:
    of_data = key.startswith(("data.", "more_data."))  # which are compared by their content
    same = key in CHANGEABLE or key.startswith(("bundle.", "expect."))
    same |= of_data and key not in ("data.train", "data.val", "data.restval")
    assert (fixed(changed(Config(), key)) == fixed(Config())) is same


def test_what_may_change_is_where_data_lie_and_how_long_to_go_on() -> None:
    assert {*OF_BOTH, "training.pseudo_captions"} == PLACES
    how_long = {"training.patience", "training.checkpoint_minutes", "data.max_bad", "more_data.max_bad"}
    assert how_long == CHANGEABLE - PLACES


@pytest.mark.parametrize("key", KEYS)
def test_recipes_are_told_apart_by_anything_but_places(key: str) -> None:
    here = lying_in("here")
    assert (hidden_places(changed(here, key)) == hidden_places(here)) is (key in ALL)


@pytest.mark.parametrize("key", ALL)
def test_whether_there_is_a_file_tells_recipes_apart(key: str) -> None:
    here = lying_in("here")
    none = parse_config(write_config(here), [f"{key}={'imagenet' if key == 'encoder.weights' else ''}"])
    assert (hidden_places(none) == hidden_places(here)) is key.endswith(".images")
