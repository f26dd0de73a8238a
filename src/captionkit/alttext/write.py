"""Writes alternative texts into documents, and takes them back.

A document is written whole or not at all, only where its bytes are still those that were scanned, and only after
the edited bytes have been read again and show what was meant. The sidecar is written first: if the process dies
between the two, undoing finds the document as it was and forgets the record.
"""

from __future__ import annotations

import functools
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from captionkit.alttext.formats.documents import read_data, write_alts
from captionkit.alttext.formats.pictures import Picture
from captionkit.alttext.propose import Proposal
from captionkit.alttext.scan import Failure, ScannedDocument, check_path, find_root, walk
from captionkit.alttext.sidecar import NAME, Sidecar, Write, WrittenAlt, open_sidecar, short_source
from captionkit.errors import DataError, WriteError
from captionkit.files import real_path, sha256, write_bytes
from captionkit.files.edits import apply_edits


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be written for one picture: the text ("" is `alt=""`), whose words, and where it stood."""

    alt: str
    by: str
    model: str = ""
    confidence: float | None = None
    place: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of one document when undoing: how many texts were taken back, or why none were."""

    document: str
    restored: int
    error: str = ""


def decide_confident(proposals: Iterable[Proposal], model: str) -> dict[str, Decision]:
    """The decisions that need no person: confident proposals alone, by finding id."""
    return {
        one.finding.id: Decision(one.text, "model", model, one.confidence) for one in proposals if one.confident
    }


def write_document(scanned: ScannedDocument, decisions: Mapping[str, Decision], sidecar: Sidecar) -> int:
    """Write the decisions that concern one document.

    Args:
        scanned: the document as it was scanned.
        decisions: by finding id; those of other documents are passed over.
        sidecar: the sidecar of the document's root.

    Returns:
        How many alternative texts were written.

    Raises:
        DataError: the file is read-only, has changed since the scan, or cannot hold a text. Nothing is written.
    """
    chosen = {
        finding.index: decisions[finding.id]
        for finding in scanned.findings
        if finding.id in decisions and _changes(finding.picture, decisions[finding.id].alt)
    }
    if not chosen:
        return 0
    check_writable(scanned.path)
    if read_data(scanned.path) != scanned.data:
        raise DataError(f"{scanned.path} changed while it was being worked on; nothing is written, run again.")
    edits = write_alts(
        scanned.path, scanned.data, scanned.document, {index: one.alt for index, one in chosen.items()}
    )
    pictures = scanned.document.pictures
    alts = tuple(
        WrittenAlt(
            scanned.findings[index].id,
            short_source(pictures[index].source),
            pictures[index].member,
            pictures[index].alt,
            one.alt,
            one.by,
            one.model,
            one.confidence,
        )
        for index, one in chosen.items()
    )
    sidecar.write(scanned.path, scanned.data, edits, alts)
    return len(chosen)


def write_documents(
    documents: Iterable[ScannedDocument], decisions: Mapping[str, Decision]
) -> Iterator[tuple[ScannedDocument, int, str]]:
    """Write decisions into all documents; each comes back with how many texts were written and what went wrong."""
    sidecar = functools.cache(open_sidecar)
    for document in documents:
        try:
            count = write_document(document, decisions, sidecar(document.root))
        except (DataError, WriteError) as error:
            yield document, 0, str(error)
        else:
            yield document, count, _undecorable(document, decisions)


def _undecorable(document: ScannedDocument, decisions: Mapping[str, Decision]) -> str:
    """A sentence where a picture was decided to be decorative in a format that cannot say so."""
    for finding in document.findings:
        decision = decisions.get(finding.id)
        if decision is not None and not decision.alt and not finding.picture.may_be_empty:
            suffix = document.path.suffix
            return f"{document.path}: {suffix} files cannot mark a picture as decorative; such rows are skipped."
    return ""


def written_before(documents: Iterable[ScannedDocument]) -> frozenset[str]:
    """The ids of findings whose present alternative text was written here: they are not proposed again."""
    sidecar = functools.cache(open_sidecar)
    return frozenset(
        finding.id
        for document in documents
        for finding in document.findings
        if sidecar(document.root).wrote(
            document.name, finding.picture.source, finding.picture.member, finding.picture.alt
        )
    )


def written_ids(documents: Iterable[ScannedDocument]) -> frozenset[str]:
    """The ids that pictures had before their texts were written: a review that names them is done already.

    A document that has the bytes of before a write again (from a backup, say) has lost it, and all later ones.
    """
    present = {(one.root, one.name): sha256(one.data) for one in documents}
    known: set[str] = set()
    for root in {root for root, _ in present}:
        lost = set()
        for write in open_sidecar(root).writes:
            if write.before == present.get((root, write.document)):
                lost.add(write.document)
            if write.document not in lost:
                known.update(one.id for one in write.alts)
    return frozenset(known)


def find_sidecars(paths: Iterable[Path], root: Path | None) -> tuple[list[Sidecar], list[Failure]]:
    """The sidecars that may tell of documents at paths: of their roots and, in folders, those below.

    A document that was written by its own name has its sidecar in its own folder. The one that was written last
    comes first: where two tell of one document, its bytes are those of the last write.

    Args:
        paths: files and folders.
        root: the root that was given; None for each path's own.

    Returns:
        The sidecars, and the folders that cannot be searched and sidecars in folders below that are damaged.

    Raises:
        UsageError: there is no such path, or the root is no folder.
        DataError: the sidecar of a path itself is damaged.
    """
    roots: dict[Path, bool] = {}  # in order, and whether it is the root of a path
    failures = []
    for path in paths:
        check_path(path, root)
        roots[find_root(path, root)] = True
        for item in walk(path) if path.is_dir() else ():
            if isinstance(item, Failure):
                failures.append(item)
            elif NAME in item[1]:
                roots.setdefault(item[0].resolve(), False)
    sidecars = []
    for folder, given in roots.items():
        try:
            sidecar = open_sidecar(folder)
        except DataError as error:
            if given:
                raise
            failures.append(Failure(folder / NAME, str(error)))
        else:
            if sidecar.writes:
                sidecars.append(sidecar)
    return sorted(sidecars, key=lambda one: next(reversed(one.writes)).time, reverse=True), failures


def undo(
    sidecar: Sidecar, documents: Iterable[Path] | None = None, *, read: Callable[[Path], bytes] = read_data
) -> Iterator[Undone]:
    """Take back every write, newest first, of all documents or of those named.

    A document whose bytes are not those that were written is left exactly as it is, and its record stays.

    Args:
        sidecar: the sidecar of the root.
        documents: files and folders; None for all.
        read: how a document is read, within its bounds.
    """
    root = sidecar.path.parent.resolve()
    wanted = None if documents is None else {real_path(path) for path in documents}
    names = dict.fromkeys(write.document for write in reversed(sidecar.writes))
    for name in names:
        path = real_path(root / name)
        if not path.is_relative_to(root):
            yield Undone(name, 0, f"{name} lies outside the root {root}; it is left alone.")
        elif wanted is None or path in wanted or any(path.is_relative_to(folder) for folder in wanted):
            try:
                yield _undo_document(sidecar, name, path, read)
            except (DataError, WriteError) as error:  # of the sidecar itself
                yield Undone(name, 0, str(error))


def _undo_document(sidecar: Sidecar, name: str, path: Path, read: Callable[[Path], bytes]) -> Undone:
    restored, refusal = 0, ""
    try:
        for write in reversed(sidecar.writes.of(name)):
            restored += _undo_write(write, path, read, sidecar.path)
            sidecar.writes.remove(write)
    except DataError as error:
        refusal = str(error)
    except OSError as error:
        refusal = f"{path} cannot be written ({error.strerror or error})."
    sidecar.save()
    return Undone(name, restored, refusal)


def _undo_write(write: Write, path: Path, read: Callable[[Path], bytes], record: Path) -> int:
    """Give a document the bytes before a write; how many texts that takes back, 0 where it has them already.

    Raises:
        DataError: it holds other bytes than were written, is read-only, or the record is damaged.
        OSError: it cannot be written.
    """
    if not write.before and not path.exists():
        return 0
    data = read(path)
    if sha256(data) == write.before:
        return 0  # what was to be written never reached the file, or is gone already
    if sha256(data) != write.after:
        texts = "; ".join(f"{one.source[:60]}: {one.alt}" for one in write.alts[:5])
        raise DataError(
            f"{path} was changed after its alternative texts were written on {write.time}, so it is "
            f"left as it is: take back by hand what is not wanted ({texts})."
        )
    check_writable(path)
    if not write.before:
        path.unlink()
        return len(write.alts)
    try:
        old = apply_edits(data, write.undo)
    except ValueError:
        old = b""
    if sha256(old) != write.before:
        raise DataError(f"The record of {path} in {record} is damaged; the file is left as it is.")
    write_bytes(path, old)
    return len(write.alts)


def _changes(picture: Picture, alt: str) -> bool:
    """Whether writing `alt` changes anything, and the picture has a place for it."""
    if picture.slot is None or (not alt and not picture.may_be_empty):
        return False
    return picture.alt != alt


def check_writable(path: Path) -> None:
    """A rename would replace a read-only file all the same; its owner has said no.

    Raises:
        DataError: the file is read-only or gone.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error.strerror or error}).") from None
    if not mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
        raise DataError(f"{path} is read-only; it is left as it is.")
