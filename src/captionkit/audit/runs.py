"""Runs: choices made on held-out pictures, and what they and the runs they build on were trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from captionkit.audit.findings import Finding, Weight, finding
from captionkit.audit.published import check_trained_on
from captionkit.config import Config, DataConfig
from captionkit.config.paths import expand_path
from captionkit.config.places import UNNAMED, UNNAMED_ENCODER
from captionkit.datasets import read_dataset, train_records
from captionkit.datasets.sources import read_lines
from captionkit.errors import CaptionkitError, ConfigError, DataError, several
from captionkit.records import ImageRecord

_NO_DATA = Config().more_data

Earlier = Mapping[str, Config | None]


def check_run(
    config: Config, records: Sequence[ImageRecord], earlier: Earlier | None = None
) -> tuple[list[Finding], list[ImageRecord]]:
    """Whether a training run chose anything by the test split, or trained on what it chose by.

    Args:
        records: the data set that is audited; its test pictures are looked for in the run's lists, and its
            held-out ones among those that the run trained on, where these can still be read.
        earlier: the runs it builds on, by where they are: their weights or words are in it, and so is what they
            have seen. None for one whose configuration cannot be read any more.

    Returns:
        The findings; and the pictures that all these runs trained on, each once, of split train.
    """
    earlier = earlier or {}
    runs = {"The run": config}
    runs |= {f"A run it builds on ({place})": one for place, one in earlier.items() if one is not None}
    findings = [entry for name, one in runs.items() for entry in _check_choices(name, one, records)]
    gone = [
        "that of its encoder, which a bundle does not name" if place == UNNAMED_ENCODER else place
        for place, one in earlier.items()
        if one is None
    ]
    notes = [
        f"A run it builds on ({place}) cannot be read any more, so what it was trained on was not compared; "
        "give that with --trained-on."
        for place in gone
    ]
    seen: set[tuple[str, DataConfig]] = set()
    learned: dict[str, ImageRecord] = {}
    for name, one in runs.items():
        for section, data in (("data", one.data), ("more_data", one.more_data)):
            if data == _NO_DATA or (section, data) in seen:
                continue
            seen.add((section, data))
            if data.captions in ("", UNNAMED):
                notes.append(
                    f"{name} trained on data whose place a bundle does not say ({section}), so its pictures were "
                    "not compared; give it with --trained-on."
                )
                continue
            try:
                found = read_dataset(data, problems=[])
            except (CaptionkitError, OSError) as error:
                notes.append(
                    f"What {name[0].lower()}{name[1:]} trained on ({section}.captions = {data.captions!r}) cannot "
                    "be read any more, so its pictures were not compared; give it with --trained-on. The reason: "
                    f"{error}"
                )
                continue
            for record in train_records(data, found, second=section == "more_data"):
                learned[record.path.name] = replace(record, split="train")
    findings += [finding("run", Weight.NOTE, message) for message in notes]
    trained_on = list(learned.values())
    return [*findings, *check_trained_on(records, trained_on)], trained_on


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
    test = {_stem(record.id) for record in records if record.split == "test"} | _listed(data.test_list)
    for use, key, value in (
        ("chose by", "data.val_list", data.val_list),
        ("trained on", "data.train_list", data.train_list),
    ):
        shared = sorted(_listed(value) & test)
        if shared:
            message = f"{name} {use} {several(len(shared), 'test picture')} ({key} = {value!r})."
            findings.append(finding("run", Weight.LEAK, message, shared))
    return findings


def _listed(value: str) -> set[str]:
    """The pictures a split list names; empty where there is none or it cannot be read any more."""
    try:
        return {_stem(line.strip()) for _, line in read_lines(expand_path(value), [])} if value else set()
    except (ConfigError, DataError):
        return set()


def _stem(name: str) -> str:
    return Path(name).name.removesuffix(".jpg")
