"""Scores: numbers too good to be true, and what they do not say of themselves."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping, Sequence

from captionkit.audit.findings import Finding, Weight, finding
from captionkit.errors import DataError, several
from captionkit.metrics.fingerprint import UNKNOWN
from captionkit.metrics.score import absurd
from captionkit.records import ImageRecord, split_name

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
        split: which was scored.

    Raises:
        DataError: there are no scores in it.
    """
    if not isinstance(document, Mapping):
        raise DataError("Expected a JSON object of scores, such as `captionkit score --json` writes.")
    inner = next(
        (document[key] for key in ("corpus", "scores") if isinstance(document.get(key), Mapping)), document
    )
    values = {
        str(name): math.inf if abs(value) > sys.float_info.max else float(value)  # whole numbers may be larger
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
    problems = absurd(scaled)
    others = [name for name in values if name.startswith("METEOR(")]
    if others:
        problems.append(
            f"{others[0]} is not METEOR 1.5, because matchers are missing; it compares with nothing published."
        )
    fingerprint = document.get("fingerprint")
    facts = {str(k): str(v) for k, v in fingerprint.items()} if isinstance(fingerprint, Mapping) else {}
    problems += _check_facts(facts, known, records, split)
    findings += [finding("scores", Weight.PROBLEM, sentence) for sentence in problems]
    unstated = [key for key in ("split", "beams", "max_length", "objective") if facts.get(key) == UNKNOWN]
    if unstated:
        message = f"The scores do not say: {', '.join(unstated)}. Say so beside the numbers."
        findings.append(finding("scores", Weight.NOTE, message))
    return findings


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _check_facts(
    facts: Mapping[str, str], known: Mapping[str, float], records: Sequence[ImageRecord], split: str
) -> list[str]:
    """One sentence for each problem with what a fingerprint states."""
    problems = []
    images = facts.get("images", "")
    held = sum(record.split == split for record in records)
    if images.isdecimal() and len(images) < 20 and held and int(images) != held:
        problems.append(
            f"{several(int(images), 'picture')} were scored, but {split} has {held:,}: "
            "a selection, or another split."
        )
    stated = facts.get("split", split)
    if (split_name(stated) or stated) not in (split, UNKNOWN):
        problems.append(f"The scores are of the split {stated!r}, and the audit is of {split}.")
    if "CIDEr-D" in known and (images == "1" or (known["CIDEr-D"] == 0 and known.get("BLEU-1", 0) > 0)):
        problems.append(
            "CIDEr is 0 or was computed on one picture, where its document frequencies are all alike: that is no "
            "score. Score a whole split."
        )
    references = facts.get("references", "")
    if references.split("-")[0] in ("1", "2", "3", "4"):
        problems.append(
            f"The scores were computed with {references} references a picture; published ones use all five."
        )
    return problems
