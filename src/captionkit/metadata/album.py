"""Descriptions for many pictures: one record a folder, one sentence for each picture that cannot be written."""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from captionkit.alttext.sidecar import Sidecar
from captionkit.alttext.wording import LANGUAGE
from captionkit.alttext.write import Undone
from captionkit.errors import CaptionkitError
from captionkit.files import real_path
from captionkit.metadata.describe import NAME, open_undo, undo_descriptions, write_description
from captionkit.records import Prediction


class Album:
    """Writes predictions into the metadata of their pictures.

    Attributes:
        written: pictures that were given a description or an alternative text.
        kept: pictures whose own description stays.
    """

    def __init__(self, model: str, *, overwrite: bool = False, beside: bool = False) -> None:
        """Prepare.

        Args:
            model: the SHA-256 of the bundle, for the record.
            overwrite: replace descriptions that are there.
            beside: write `.xmp` files and leave the pictures alone.
        """
        self._model, self._overwrite, self._beside = model, overwrite, beside
        self._record = functools.cache(open_undo)
        self.written = 0
        self.kept = 0

    def write(self, path: Path, prediction: Prediction) -> str:
        """Write one prediction.

        Returns:
            One sentence that says why it could not be written; empty where it was, or where nothing was to do.
        """
        if not prediction.text:
            return ""
        try:
            outcome = write_description(
                path,
                prediction.text,
                self._record(real_path(path).parent),
                language=LANGUAGE,
                overwrite=self._overwrite,
                beside=self._beside,
                model=self._model,
                confidence=prediction.confidence,
            )
        except CaptionkitError as error:
            return str(error)
        self.written += bool(outcome.written)
        self.kept += bool(outcome.kept)
        return ""


class Before:
    """What pictures were before descriptions were written into them: other bytes, the same pixels.

    Threads that read ahead may ask side by side; each waits until a folder's record has been read.
    """

    def __init__(self) -> None:
        self._sidecars: dict[Path, Sidecar | None] = {}
        self._reading = threading.Lock()

    def __call__(self, path: Path, digest: bytes) -> Iterator[bytes]:
        """The SHA-256 (32 bytes) of the bytes that a picture with this SHA-256 had before, the latest first.

        A record that cannot be read tells nothing here.
        """
        path = real_path(path)
        folder = path.parent
        with self._reading:
            if folder not in self._sidecars:
                self._sidecars[folder] = None
                with contextlib.suppress(CaptionkitError, OSError):
                    self._sidecars[folder] = open_undo(folder)
        sidecar = self._sidecars[folder]
        for write in reversed(sidecar.writes.of(path.name) if sidecar is not None else []):
            if write.after == digest.hex() and len(write.before) == 64:
                with contextlib.suppress(ValueError):
                    yield (digest := bytes.fromhex(write.before))


def was_written(picture: Path) -> bool:
    """Whether there is something to undo in a picture, or in the `.xmp` file beside it, as far as can be read."""
    path = real_path(picture)
    try:
        writes = open_undo(path.parent).writes
    except CaptionkitError:
        return False
    return any(writes.of(name) for name in (path.name, f"{path.name}.xmp"))


def described_beside(folder: Path) -> Iterator[Path]:
    """The pictures in a folder, and those below, beside which an `.xmp` file of ours lies, be they there or not.

    Hidden folders are left out, and records that cannot be read.
    """
    for parent, folders, files in os.walk(folder):
        folders[:] = [one for one in folders if not one.startswith(".")]
        if NAME in files:
            with contextlib.suppress(CaptionkitError):
                for write in open_undo(Path(parent)).writes:
                    if write.document.endswith(".xmp") and Path(parent, write.document).exists():
                        yield Path(parent, write.document.removesuffix(".xmp"))


def undo_album(pictures: Iterable[Path]) -> Iterator[Undone]:
    """Give pictures the bytes they had before their descriptions were written, folder by folder.

    A folder whose record is damaged is told and left alone.
    """
    folders: dict[Path, dict[str, Path]] = {}
    for picture in pictures:
        path = real_path(picture)
        folders.setdefault(path.parent, {}).setdefault(path.name, picture)
    for folder, inside in folders.items():
        try:
            for one in undo_descriptions(open_undo(folder), inside.values()):
                picture = inside.get(one.document) or inside[one.document.removesuffix(".xmp")]
                shown = (folder if picture.is_symlink() else picture.parent) / one.document
                yield replace(one, document=str(shown))
        except CaptionkitError as error:
            yield Undone(str(folder), 0, str(error))
