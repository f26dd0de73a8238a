"""Scores and runs: numbers too good to be true, and choices made on held-out pictures."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from captionkit.audit.findings import Finding, Weight, finding, several
from captionkit.audit.published import check_trained_on
from captionkit.config import Config
from captionkit.config_paths import expand_path
from captionkit.datasets import read_dataset
from captionkit.datasets.sources import split_name
from captionkit.errors import CaptionkitError, ConfigError, DataError
from captionkit.files import read_bounded
from captionkit.metrics.fingerprint import UNKNOWN
from captionkit.metrics.score import absurd
from captionkit.records import ImageRecord

_MAX_LIST_BYTES = 100_000_000
# Above these, scores are in percent: CIDEr reaches 10, the others 1.
_PERCENT, _PERCENT_CIDER = 1.5, 10.0

_METRICS = {
    **{f"bleu{order}": f"BLEU-{order}" for order in range(1, 5)},
    "rougel": "ROUGE-L",
    "cider": "CIDEr-D",  # what coco-caption calls CIDEr is CIDEr-D
    "ciderd": "CIDEr-D",
    "meteor": "METEOR",
    "spice": "SPICE",
}


def check_scores(document: object, records: Sequence[ImageRecord], split: str) -> list[Finding]:
    """What is wrong with a file of scores.

    Args:
        document: the parsed JSON: names and numbers, or an object with them under "corpus" or "scores", and
            perhaps "fingerprint" (`captionkit score --json`).
        records: the data set.
        split: the split that was scored.

    Raises:
        DataError: there are no scores in it.
    """
    if not isinstance(document, Mapping):
        raise DataError("Expected a JSON object of scores, such as `captionkit score --json` writes.")
    inner = next(
        (document[key] for key in ("corpus", "scores") if isinstance(document.get(key), Mapping)), document
    )
    values = {
        str(name): float(value)
        for name, value in inner.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    known = {_METRICS[key]: value for name, value in values.items() if (key := _key(name)) in _METRICS}
    if not known:
        raise DataError("Expected scores such as BLEU-4, METEOR or CIDEr in the file, but found none.")
    findings = []
    broken = [f"{name}: {value}" for name, value in known.items() if not math.isfinite(value) or value < 0]
    if broken:
        findings.append(finding("scores", Weight.PROBLEM, "Scores are no numbers from 0 up.", broken))
    in_percent = any(value > (_PERCENT_CIDER if name == "CIDEr-D" else _PERCENT) for name, value in known.items())
    scaled = {name: value / 100 for name, value in known.items()} if in_percent else known
    findings += [finding("scores", Weight.PROBLEM, sentence) for sentence in absurd(scaled)]
    others = [name for name in values if name.startswith("METEOR(")]
    if others:
        message = (
            f"{others[0]} is not METEOR 1.5, because matchers are missing; it compares with nothing published."
        )
        findings.append(finding("scores", Weight.PROBLEM, message))
    fingerprint = document.get("fingerprint")
    facts = {str(k): str(v) for k, v in fingerprint.items()} if isinstance(fingerprint, Mapping) else {}
    return findings + _check_facts(facts, known, records, split)


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _check_facts(
    facts: Mapping[str, str], known: Mapping[str, float], records: Sequence[ImageRecord], split: str
) -> list[Finding]:
    findings = []
    images = facts.get("images", "")
    held = sum(record.split == split for record in records)
    if images.isdigit() and held and int(images) != held:
        message = (
            f"{several(int(images), 'picture')} were scored, but {split} has {held:,}: "
            "a selection, or another split."
        )
        findings.append(finding("scores", Weight.PROBLEM, message))
    stated = facts.get("split", split)
    if (split_name(stated) or stated) not in (split, UNKNOWN):
        message = f"The scores are of the split {stated!r}, and the audit is of {split}."
        findings.append(finding("scores", Weight.PROBLEM, message))
    if "CIDEr-D" in known and (images == "1" or (known["CIDEr-D"] == 0 and known.get("BLEU-1", 0) > 0)):
        message = (
            "CIDEr is 0 or was computed on one picture, where its document frequencies are all alike: that is no "
            "score. Score a whole split."
        )
        findings.append(finding("scores", Weight.PROBLEM, message))
    references = facts.get("references", "")
    if references.split("-")[0] in ("1", "2", "3", "4"):
        message = f"The scores were computed with {references} references a picture; published ones use all five."
        findings.append(finding("scores", Weight.PROBLEM, message))
    unstated = [key for key in ("split", "beams", "max_length", "objective") if facts.get(key) == UNKNOWN]
    if unstated:
        message = f"The scores do not say: {', '.join(unstated)}. Say so beside the numbers."
        findings.append(finding("scores", Weight.NOTE, message))
    return findings


def check_run(config: Config, records: Sequence[ImageRecord]) -> list[Finding]:
    """Whether a training run chose anything by the test split, or trained on what it chose by.

    Args:
        config: the run's configuration.
        records: the data set that is audited; its test pictures are looked for in the run's lists, and its
            held-out ones among those that the run trained on, where these can still be read.
    """
    data = config.data
    findings = []
    if data.val == "test":
        message = (
            'The run chose its best epoch on the test split (data.val = "test"): its test scores are those of a '
            "dev split. Choose on val, and score test once."
        )
        findings.append(finding("run", Weight.LEAK, message))
    if data.val == data.train:
        message = f'The run chose its best epoch on what it trained on (data.val = data.train = "{data.val}").'
        findings.append(finding("run", Weight.PROBLEM, message))
    if data.train in ("val", "test"):
        message = f'The run trained on the {data.train} split (data.train = "{data.train}").'
        findings.append(finding("run", Weight.LEAK, message))
    lists = {"data.val_list": data.val_list, "data.train_list": data.train_list}
    test = {_stem(record.id) for record in records if record.split == "test"}
    test |= _listed(data.test_list)
    for key, value in lists.items():
        shared = sorted(_listed(value) & test)
        if shared:
            use = "chose by" if key == "data.val_list" else "trained on"
            message = f"The run {use} {several(len(shared), 'test picture')} ({key} = {value!r})."
            findings.append(finding("run", Weight.LEAK, message, shared))
    trained_on, unread = _trained_on(config)
    return [*findings, *(check_trained_on(records, trained_on) if trained_on else ()), *unread]


def _trained_on(config: Config) -> tuple[list[ImageRecord], list[Finding]]:
    """What a run trained on, from its own data sets, and a note for each that cannot be read any more."""
    chosen, unread = [], []
    for section, data in (("data", config.data), ("more_data", config.more_data)):
        if not data.captions:
            continue
        try:
            found = read_dataset(data, problems=[])
        except (CaptionkitError, OSError) as error:
            message = (
                f"What the run trained on ({section}.captions = {data.captions!r}) cannot be read any more, so "
                f"its pictures were not compared; give it with --trained-on. The reason: {error}"
            )
            unread.append(finding("run", Weight.NOTE, message))
            continue
        # As training takes them: a second data set that names no splits is train as a whole.
        whole = section == "more_data" and not any(record.split for record in found)
        learned = [record for record in found if record.captions and (whole or record.split == data.train)]
        chosen += [replace(record, split="train") for record in learned]
    return chosen, unread


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
