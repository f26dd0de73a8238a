"""Pictures that are on both sides of a split: by path, by bytes, by look."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations

from captionkit.audit.findings import NO_SPLIT, Finding, Weight, finding, same, split_of
from captionkit.audit.picture_hash import (
    SAME_BITS,
    SAME_CORRELATION,
    PictureHash,
    hash_pictures,
    likeness,
    near_pairs,
)
from captionkit.errors import ImageError, agree, several
from captionkit.records import ImageRecord

CHECK = "pictures"
_MOST_IDENTICAL = 1_000  # pictures of one content that are told pair by pair

Pair = tuple[ImageRecord, ImageRecord]
_Read = tuple[ImageRecord, PictureHash]


def check_pictures(
    records: Sequence[ImageRecord],
    *,
    workers: int = 2,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Finding]:
    """Read every picture and compare all with all.

    The same picture in two splits is a leak, whether the file is the same byte for byte or was scaled,
    recompressed or recoloured. Two pictures that only look alike (often two shots of one scene) in two splits are
    worth knowing, but the published splits have them too: a note.

    Args:
        records: all pictures, those of no split too.
        workers, progress: see `hash_pictures`.
    """
    read: list[_Read] = []
    unread: list[str] = []
    hashes = hash_pictures([record.path for record in records], workers=workers, progress=progress)
    for record, result in zip(records, hashes, strict=True):
        if isinstance(result, ImageError):
            unread.append(f"{record.id}: {result}")
        else:
            read.append((record, result))
    findings = []
    if unread:
        message = f"{several(len(unread), 'picture')} of {len(records):,} could not be read and compared."
        findings.append(finding(CHECK, Weight.NOTE, message, unread))
    identical, number = _identical(read)
    recoded: list[Pair] = []
    alike: list[Pair] = []
    # One file of each content and split speaks for all: a placeholder may come thousands of times.
    contents: dict[tuple[str, str | None], _Read] = {}
    for record, entry in read:
        contents.setdefault((entry.digest, record.split), (record, entry))
    once = list(contents.values())
    for first, second in near_pairs([entry for _, entry in once]):
        (one, look), (other, other_look) = once[first], once[second]
        if look.digest != other_look.digest:
            bits, correlation = likeness(look, other_look)
            one_picture = bits <= SAME_BITS and correlation >= SAME_CORRELATION
            (recoded if one_picture else alike).append((one, other))
    findings += _findings(identical, ("is byte-identical", "are byte-identical"), Weight.LEAK)
    copies = "the same picture, scaled, recompressed or recoloured"
    findings += _findings(recoded, (f"is {copies}", f"are {copies}"), Weight.LEAK)
    scene = "alike, as two shots of one scene do"
    findings += _findings(alike, (f"looks {scene}", f"look {scene}"), Weight.NOTE)
    if unlisted := number - len(identical):
        findings.append(finding(CHECK, Weight.NOTE, f"{unlisted:,} more identical pairs are not listed."))
    return findings


def _identical(read: Sequence[_Read]) -> tuple[list[Pair], int]:
    """Pairs of records with the same bytes, and how many pairs there are."""
    groups: dict[str, list[ImageRecord]] = defaultdict(list)
    for record, entry in read:
        groups[entry.digest].append(record)
    pairs: list[Pair] = []
    total = 0
    for group in groups.values():
        total += len(group) * (len(group) - 1) // 2
        if len(group) > _MOST_IDENTICAL:  # one of each split in front: a split behind the bound is a leak too
            first = {record.split: place for place, record in reversed(list(enumerate(group)))}
            places = dict.fromkeys([*sorted(first.values()), *range(len(group))])
            group = [group[place] for place in places][:_MOST_IDENTICAL]
        pairs += combinations(group, 2)
    return pairs, total


def _findings(pairs: Iterable[Pair], what: tuple[str, str], across: Weight) -> list[Finding]:
    """One finding for the pairs of every two splits; those inside a split, or of no split, are notes."""
    groups: dict[tuple[str, ...], list[Pair]] = defaultdict(list)
    for pair in pairs:
        groups[tuple(sorted(map(split_of, pair)))].append(pair)
    findings = []
    for (one, other), group in groups.items():
        leaks = one != other and NO_SPLIT not in (one, other)
        where = f"one in {one} and one in {other}" if one != other else f"both in {one}"
        number = len(group)
        message = f"{several(number, 'pair')} of pictures, {where}, {agree(number, *what)}."
        findings.append(finding(CHECK, across if leaks else Weight.NOTE, message, map(same, group)))
    return findings


def check_names(records: Sequence[ImageRecord]) -> list[Finding]:
    """Records of two splits that name one file: rows of captions were split instead of pictures."""
    by_path: dict[str, dict[str, ImageRecord]] = defaultdict(dict)
    for record in records:
        if record.split:
            by_path[str(record.path)].setdefault(record.split, record)
    shared = [list(group.values()) for group in by_path.values() if len(group) > 1]
    if not shared:
        return []
    message = (
        f"{several(len(shared), 'picture')} {agree(len(shared), 'stands', 'stand')} in several splits, each time "
        "with some of the captions: rows of captions were split instead of pictures. Split by picture "
        "(`captionkit data split`)."
    )
    return [finding(CHECK, Weight.LEAK, message, map(same, shared))]
