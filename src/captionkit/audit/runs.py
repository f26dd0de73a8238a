"""Runs: choices made on held-out pictures, and what they and the runs they build on were trained on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from captionkit.audit.findings import Finding, Weight, finding, several
from captionkit.audit.published import check_trained_on
from captionkit.config import Config, DataConfig
from captionkit.config_paths import expand_path
from captionkit.datasets import read_dataset, train_records
from captionkit.errors import CaptionkitError, ConfigError, DataError
from captionkit.files import read_bounded
from captionkit.records import ImageRecord

_MAX_LIST_BYTES = 100_000_000

_Learned = dict[str, ImageRecord]


def check_run(
    config: Config, records: Sequence[ImageRecord], *, earlier: Mapping[str, Config | None] | None = None
) -> list[Finding]:
    """Whether a training run chose anything by the test split, or trained on what it chose by.

    Args:
        config: the run's configuration.
        records: the data set that is audited; its test pictures are looked for in the run's lists, and its
            held-out ones among those that the run trained on, where these can still be read.
        earlier: the runs it builds on, by where they are: their weights or words are in it, and so is what they
            have seen. None for one whose configuration cannot be read any more.
    """
    runs = {"The run": config}
    findings = []
    for place, before in (earlier or {}).items():
        name = f"A run it builds on ({place})"
        if before is None:
            message = (
                f"{name} cannot be read any more, so what it was trained on was not compared; give that with "
                "--trained-on."
            )
            findings.append(finding("run", Weight.NOTE, message))
        else:
            runs[name] = before
    read: dict[tuple[str, DataConfig], _Learned | str] = {}
    for name, one in runs.items():
        findings += _check_choices(name, one, records)
        for section, data in (("data", one.data), ("more_data", one.more_data)):
            if data.captions and (section, data) not in read:
                read[section, data] = found = _learned(section, data)
                if isinstance(found, str):
                    message = (
                        f"What {name[0].lower()}{name[1:]} trained on ({section}.captions = {data.captions!r}) "
                        "cannot be read any more, so its pictures were not compared; give it with --trained-on. "
                        f"The reason: {found}"
                    )
                    findings.append(finding("run", Weight.NOTE, message))
    trained_on = {key: one for found in read.values() if not isinstance(found, str) for key, one in found.items()}
    return [*findings, *(check_trained_on(records, list(trained_on.values())) if trained_on else ())]


def _check_choices(name: str, config: Config, records: Sequence[ImageRecord]) -> list[Finding]:
    """What its configuration says of itself; `name` begins the sentences."""
    data = config.data
    findings = []
    if data.val == "test":
        message = (
            f'{name} chose its best epoch on the test split (data.val = "test"): its test scores are those of a '
            "dev split. Choose on val, and score test once."
        )
        findings.append(finding("run", Weight.LEAK, message))
    if data.val == data.train:
        message = f'{name} chose its best epoch on what it trained on (data.val = data.train = "{data.val}").'
        findings.append(finding("run", Weight.PROBLEM, message))
    if data.train in ("val", "test"):
        message = f'{name} trained on the {data.train} split (data.train = "{data.train}").'
        findings.append(finding("run", Weight.LEAK, message))
    lists = {"data.val_list": data.val_list, "data.train_list": data.train_list}
    test = {_stem(record.id) for record in records if record.split == "test"}
    test |= _listed(data.test_list)
    for key, value in lists.items():
        shared = sorted(_listed(value) & test)
        if shared:
            use = "chose by" if key == "data.val_list" else "trained on"
            message = f"{name} {use} {several(len(shared), 'test picture')} ({key} = {value!r})."
            findings.append(finding("run", Weight.LEAK, message, shared))
    return findings


def _learned(section: str, data: DataConfig) -> _Learned | str:
    """What was trained on of a data set, by file; or why it cannot be read any more."""
    try:
        found = read_dataset(data, problems=[])
    except (CaptionkitError, OSError) as error:
        return str(error)
    learned = train_records(data, found, second=section == "more_data")
    return {record.path.name: replace(record, split="train") for record in learned}


def _listed(value: str) -> set[str]:
    """The pictures a split list names; empty where there is none or it cannot be read any more."""
    try:
        path = expand_path(value) if value else None
        text = read_bounded(path, _MAX_LIST_BYTES).decode("utf-8", "replace") if path and path.is_file() else ""
    except (ConfigError, DataError, OSError):
        return set()
    return set(_stems(text.splitlines()))


def _stems(names: Iterable[str]) -> list[str]:
    return [_stem(name.strip()) for name in names if name.strip()]


def _stem(name: str) -> str:
    return Path(name).name.removesuffix(".jpg")
