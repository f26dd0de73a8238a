"""Where the files of a configuration lie. They may move, so a run is known, passed on and compared without."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from captionkit.config.paths import expand_paths
from captionkit.config.settings import Config, DataConfig

_FILES = ("captions", *(entry.name for entry in fields(DataConfig) if entry.name.endswith("_list")))
_OF_DATA = ("images", *_FILES)
PLACES = frozenset(f"{section}.{key}" for section in ("data", "more_data") for key in _OF_DATA) | {
    "training.pseudo_captions"
}
UNNAMED = "a file"  # stands for a place that is not told
UNNAMED_ENCODER = "file"  # and for that of an encoder's weights
# What may change between a run and its resumption: none of these alters a step that has been taken.
CHANGEABLE = PLACES | {
    "training.patience",
    "training.checkpoint_minutes",
    "data.max_bad",
    "more_data.max_bad",
}


def fixed(config: Config) -> Config:
    """The configuration with everything that is `CHANGEABLE` set to one value: data are compared by their content,
    so that a run can go on after its folder has moved."""
    plain = Config()
    return replace(
        config,
        data=replace(plain.data, train=config.data.train, val=config.data.val, restval=config.data.restval),
        more_data=plain.more_data,
        training=replace(
            config.training,
            patience=plain.training.patience,
            checkpoint_minutes=plain.training.checkpoint_minutes,
            pseudo_captions=plain.training.pseudo_captions,
        ),
        bundle=plain.bundle,
        expect=plain.expect,
    )


def without_places(config: Config) -> Config:
    """The configuration without the places of files: a bundle is passed on, a home folder is not."""
    plain = Config()
    return replace(
        config,
        data=_unplaced(config.data, plain.data),
        more_data=_unplaced(config.more_data, plain.more_data),
        training=replace(
            config.training,
            begin_from=" ".join(path.name for path in expand_paths(config.training.begin_from)),
            teachers=" ".join(path.name for path in expand_paths(config.training.teachers)),
            pseudo_captions=Path(config.training.pseudo_captions).name,
        ),
        encoder=replace(config.encoder, weights=UNNAMED_ENCODER)
        if config.encoder.weight_files
        else config.encoder,
    )


def hidden_places(config: Config) -> Config:
    """The configuration with each place of files as `UNNAMED`: only whether there is one tells recipes apart."""

    def hidden(section: Any, *keys: str) -> Any:
        return replace(section, **{key: UNNAMED for key in keys if getattr(section, key)})

    return replace(
        config,
        data=replace(hidden(config.data, *_FILES), images=""),
        more_data=replace(hidden(config.more_data, *_FILES), images=""),
        training=hidden(config.training, "begin_from", "teachers", "pseudo_captions"),
        encoder=hidden(config.encoder, "weights") if config.encoder.weight_files else config.encoder,
    )


def _unplaced(data: DataConfig, plain: DataConfig) -> DataConfig:
    captions = plain.captions if data.captions == plain.captions else UNNAMED
    return replace(data, **{**{key: getattr(plain, key) for key in _OF_DATA}, "captions": captions})
