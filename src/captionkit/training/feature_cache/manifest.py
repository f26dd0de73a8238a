"""What a feature cache says of itself: `plan.json` while it grows, `manifest.json` when it is whole."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from captionkit.errors import CacheError, DataError
from captionkit.files import read_bounded, sha256, write_text

FORMAT = 1
MANIFEST, PLAN = "manifest.json", "plan.json"
SHARD_ROWS = 256
MAX_MANIFEST_BYTES = 1024 * 1024 * 1024
_WRONG = (KeyError, TypeError, ValueError, AttributeError, OverflowError)  # what a field of another kind raises


@dataclass(frozen=True, slots=True)
class Plan:
    """All that the content of a cache depends on, settled before the first row is made.

    Attributes:
        encoder: name, input size, pooling and fingerprint; of a pixel cache, name and size.
        preprocessing: version of our decoding and resizing, and the resize in words.
        shape: of one row: [P, D], or [S, S, 3].
        dtype: "float16" or "uint8".
        ids: the pictures, in order.
        digests: SHA-256 of each picture's bytes; empty where the file could not be read.
        unreadable: id to reason for those.
    """

    encoder: dict[str, str]
    preprocessing: dict[str, str]
    shape: tuple[int, ...]
    dtype: str
    ids: tuple[str, ...]
    digests: tuple[str, ...]
    unreadable: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """The plan as plain values, its format number first."""
        return {"format": FORMAT, **dataclasses.asdict(self)}

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the plan: the same where pictures, encoder and preprocessing are."""
        # Reasons name paths, which change where pictures are moved.
        unreadable = dict.fromkeys(self.unreadable, "")
        return sha256(json.dumps({**self.to_json(), "unreadable": unreadable}, sort_keys=True).encode())


@dataclass(frozen=True, slots=True)
class Shard:
    """One finished file of rows.

    Attributes:
        rows: how many rows it holds: the readable pictures among `SHARD_ROWS` of the plan.
        sha256: of the file.
        bad: id to reason for the pictures that gave no row.
    """

    file: str
    rows: int
    sha256: str
    bad: dict[str, str]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A whole cache: its plan and its shards in order."""

    plan: Plan
    shards: tuple[Shard, ...]


def shard_name(number: int) -> str:
    """`shard-00000.npy`, ..."""
    return f"shard-{number:05d}.npy"


def write_plan(directory: Path, plan: Plan) -> None:
    """Write `plan.json`."""
    _write(directory / PLAN, plan.to_json())


def read_plan(path: Path) -> Plan:
    """Read the plan in `plan.json` or `manifest.json`.

    Raises:
        CacheError: it cannot be read or is of another version.
    """
    return _plan(_read(path), path)


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Write `manifest.json`."""
    _write(
        directory / MANIFEST,
        {**manifest.plan.to_json(), "shards": [dataclasses.asdict(shard) for shard in manifest.shards]},
    )


def read_manifest(directory: Path) -> Manifest:
    """Read `manifest.json`.

    Raises:
        CacheError: it cannot be read or is of another version.
    """
    path = directory / MANIFEST
    document = _read(path)
    plan = _plan(document, path)
    try:
        shards = tuple(_shard(entry, number) for number, entry in enumerate(document["shards"]))
    except _WRONG:
        raise _damaged(path) from None
    return Manifest(plan, shards)


def write_shard_note(directory: Path, number: int, shard: Shard) -> None:
    """Write the note beside a finished shard; a shard without one is made again."""
    _write(directory / _note(number), dataclasses.asdict(shard))


def read_shard_note(directory: Path, number: int) -> Shard | None:
    """The note of a finished shard; None where it is not finished."""
    path = directory / _note(number)
    if not path.exists():
        return None
    try:
        return _shard(_read(path), number)
    except _WRONG:
        raise _damaged(path) from None


def remove_shard_note(directory: Path, number: int) -> None:
    """Remove the note of a shard, which is made again then."""
    (directory / _note(number)).unlink(missing_ok=True)


def has_shards(directory: Path) -> bool:
    """Whether a growing cache has a finished shard."""
    return any(directory.glob("shard-*.json"))


def remove_growth(directory: Path) -> None:
    """Remove what only a growing cache needs: the plan, the notes, temporary files of a killed writer."""
    for pattern in (PLAN, "shard-*.json", ".*.tmp"):
        for path in directory.glob(pattern):
            path.unlink(missing_ok=True)


def changed_pictures(old: Plan, new: Plan) -> list[int] | None:
    """Where in the plan pictures stand whose bytes have changed since; None where the plans differ in more.

    More than half of the pictures is another folder of pictures, not a few that were mended.
    """
    if dataclasses.replace(old, digests=new.digests, unreadable=new.unreadable) != new:
        return None
    before, after = (
        [(digest, plan.unreadable.get(i)) for i, digest in zip(plan.ids, plan.digests, strict=True)]
        for plan in (old, new)
    )
    places = [place for place, state in enumerate(after) if state != before[place]]
    return places if 2 * len(places) <= len(new.ids) else None


def differences(old: Plan, new: Plan) -> list[str]:
    """What differs, a phrase each; empty where nothing does."""
    lines = []
    for name in ("encoder", "preprocessing"):
        left, right = getattr(old, name), getattr(new, name)
        lines += [
            f"{name} {key}: {_short(left.get(key))} -> {_short(right.get(key))}"
            for key in sorted(left.keys() | right.keys())
            if left.get(key) != right.get(key)
        ]
    before, after = dict(zip(old.ids, old.digests, strict=True)), dict(zip(new.ids, new.digests, strict=True))
    for what, ids in (
        ("no longer there", [i for i in old.ids if i not in after]),
        ("new", [i for i in new.ids if i not in before]),
        ("with other bytes", [i for i in new.ids if i in before and before[i] != after[i]]),
    ):
        if ids:
            lines.append(f"pictures {what}: {len(ids):,} ({', '.join(ids[:3])}{', ...' if len(ids) > 3 else ''})")
    if not lines and old.ids != new.ids:
        lines.append("pictures: the same, in another order")
    if not lines and old.unreadable != new.unreadable:
        lines.append("pictures: the same, unreadable for other reasons")
    return lines


def _note(number: int) -> str:
    return f"shard-{number:05d}.json"


def _write(path: Path, document: dict[str, Any]) -> None:
    write_text(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(read_bounded(path, MAX_MANIFEST_BYTES))
    except DataError:
        raise CacheError(f"Expected a feature cache, but {path} cannot be read.") from None
    except (ValueError, RecursionError):
        raise _damaged(path) from None
    if not isinstance(document, dict):
        raise _damaged(path)
    return document


def _plan(document: dict[str, Any], path: Path) -> Plan:
    if document.get("format") != FORMAT:
        raise CacheError(
            f"{path} is of format {document.get('format')!r}, and this captionkit reads {FORMAT}; "
            "delete the folder and build the cache again."
        )
    try:
        plan = Plan(
            encoder=_texts(document["encoder"]),
            preprocessing=_texts(document["preprocessing"]),
            shape=tuple(int(n) for n in document["shape"]),
            dtype=str(document["dtype"]),
            ids=tuple(str(i) for i in document["ids"]),
            digests=tuple(str(d) for d in document["digests"]),
            unreadable=_texts(document["unreadable"]),
        )
    except _WRONG:
        raise _damaged(path) from None
    whole = len(plan.ids) == len(plan.digests) and min(plan.shape, default=0) >= 1
    if not whole or plan.dtype not in ("float16", "uint8"):
        raise _damaged(path)
    return plan


def _texts(value: dict[str, Any]) -> dict[str, str]:
    return {str(key): str(text) for key, text in value.items()}


def _shard(entry: dict[str, Any], number: int) -> Shard:
    shard = Shard(str(entry["file"]), int(entry["rows"]), str(entry["sha256"]), _texts(entry["bad"]))
    # The name is checked, not taken on trust: it must not lead out of the folder.
    if shard.file != shard_name(number) or not 0 <= shard.rows <= SHARD_ROWS:
        raise ValueError(shard.file)
    return shard


def _damaged(path: Path) -> CacheError:
    return CacheError(f"{path} is damaged; delete the folder and build the cache again.")


def _short(value: str | None) -> str:
    if value is None:
        return "nothing"
    return f"{value[:12]}..." if len(value) == 64 else value
