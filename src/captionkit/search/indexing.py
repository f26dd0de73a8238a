"""From a folder to its index: what is new is captioned, what moved is found again, what is gone is dropped.

Letters: B pictures, P grid positions, D feature depth, S side of the network's picture.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from captionkit.ahead import map_ahead, processors
from captionkit.audit.picture_hash import PictureHash, hash_bytes, hash_pixels
from captionkit.captioner import Captioner
from captionkit.errors import ImageError, SearchError, several
from captionkit.images import Pixels, load_pixels, read_image, read_image_bytes, resize_image
from captionkit.progress import Progress
from captionkit.search.compact import Floats, cell_count, pack, to_cells, to_features, to_vectors
from captionkit.search.database import Facts
from captionkit.search.expectation import expected_shares, stem_places, to_codes
from captionkit.search.scan import FileState, scan
from captionkit.search.writer import Content, IndexWriter

BATCH = 16  # pictures between two commits
READERS = 2
BEAMS = 3  # at most, of each caption's group: 5 take 1.4 times as long and find no more


@dataclass(slots=True)
class Report:
    """What an indexing run did.

    Attributes:
        captioned: pictures that were new.
        linked: files whose bytes the index knew: moved, copied, touched.
        unchanged: files that were as before.
        dropped: files that are no longer at their place, be they moved or deleted.
        files: files that the index holds now.
        pictures: different pictures among them, copies counted once.
        errors: one sentence a picture that cannot be read or folder that cannot be listed.
        outside: links that lead out of the folder, not followed.
        heic: HEIC pictures, where these are not read.
        worded_otherwise: whether earlier captions were chosen by another search or other detectors.
    """

    captioned: int = 0
    linked: int = 0
    unchanged: int = 0
    dropped: int = 0
    files: int = 0
    pictures: int = 0
    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    heic: int = 0
    worded_otherwise: bool = False


# Of a picture and the SHA-256 of its bytes: what its bytes were before, where only its metadata is another since.
Before = Callable[[Path, bytes], Iterable[bytes]]


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """A file that was read: its pixels [S, S, 3] and look, None where its bytes are known; or what is wrong."""

    state: FileState
    digest: bytes = b""
    seen: tuple[Pixels, PictureHash] | None = None
    error: str | None = None


def index_folder(
    root: Path,
    path: Path,
    captioner: Captioner,
    *,
    captions: int | None = None,
    rebuild: bool = False,
    quiet: bool = False,
    before: Before | None = None,
) -> Report:
    """Bring the index at `path` up to date with the folder `root`.

    Every `BATCH` pictures are a transaction: interrupted at any moment, the next run goes on where this one was.

    Args:
        captions: captions a picture; None for the index's own, or the usual number for a new one.
        before: tells pictures into which a description was written since, which need no captions again.

    Raises:
        UsageError: there is no such folder.
        SearchError: the index is of another model or folder, damaged, or being written; or all its pictures are
            gone and it does not lie in the folder itself.
    """
    found = scan(root)
    report = Report(outside=found.outside, heic=len(found.heic))
    with IndexWriter(
        path, root, captioner.bundle, captions=captions, cells=kept_cells(captioner), rebuild=rebuild
    ) as writer:
        known = writer.known_files()
        report.worded_otherwise = bool(known) and writer.worded_otherwise
        # An index inside the folder shows that the folder is there, and empty.
        if known and not (
            found.files or found.heic or found.unreadable or path.resolve().is_relative_to(root.resolve())
        ):
            raise SearchError(
                f"Expected pictures in {root}, but there is none, and the index {path} knows "
                f"{several(len(known), 'file')}; is a disk not mounted? To forget them all, give --rebuild."
            )
        waiting = [state for one, state in found.files.items() if one not in known or known[one][0] != state]
        report.unchanged = len(found.files) - len(waiting)
        with Progress("index", len(found.files), "pictures", done=report.unchanged, quiet=quiet) as progress:

            def fail(error: str) -> None:
                report.errors.append(error)
                progress.warn(f"captionkit: {error}")

            for folder in found.unreadable:
                fail(
                    f"Expected a folder that can be listed, but {root / folder} cannot; "
                    "what is known of its pictures stays."
                )
            for error in found.unread:
                fail(error)
            _add(writer, captioner, waiting, report, progress, fail, before)
        gone = [path for path in writer.known_files() if path not in found.files and not found.hides(path)]
        writer.forget(gone)
        writer.drop_orphans()
        report.dropped = len(gone)
        report.files, report.pictures = writer.index.count_files(), writer.index.count()
    return report


def kept_cells(captioner: Captioner) -> int:
    """How many cells of the grid the index keeps for a model.

    A decoder that averages the grid first loses nothing where the average alone is kept: the state that it starts
    from is asked, on a grid drawn at random.
    """
    network = captioner.engine.network
    count = cell_count(network.positions)
    if count == 1:
        return 1
    grid = np.random.default_rng(0).random((1, network.positions, network.depth), np.float32)
    whole = captioner.engine.start(grid)
    average = captioner.engine.start(to_features(to_cells(grid, 1), network.positions))
    same = all(np.allclose(leaf, average[name], rtol=1e-3, atol=1e-3) for name, leaf in whole.items())
    return 1 if same else count


def to_contents(
    captioner: Captioner,
    features: Floats,
    digests: Sequence[bytes],
    looks: Sequence[PictureHash],
    facts: Facts,
    places: npt.NDArray[np.int64],
) -> list[Content]:
    """What the index keeps of pictures.

    Args:
        features: float32 [B, P, D].
        digests, looks: SHA-256 and hashes of the pictures.
        places: int64 [V] of the words' stems in the index (`expectation.stem_places`).
    """
    search = replace(captioner.search, beams=min(captioner.search.beams, BEAMS))
    captions = captioner.describe(features, search=search, n=facts.captions)
    shares = expected_shares(captioner.engine, captioner.bundle.tokenizer, features, captions, places)
    kept = pack(to_cells(features, facts.cells).reshape(len(features), -1))
    parts = zip(digests, captions, to_vectors(features), kept, looks, to_codes(shares), strict=True)
    return [Content(*part) for part in parts]


def _add(
    writer: IndexWriter,
    captioner: Captioner,
    states: list[FileState],
    report: Report,
    progress: Progress,
    fail: Callable[[str], None],
    before: Before | None,
) -> None:
    known = set(writer.known_contents())
    facts = writer.index.facts
    places = stem_places(captioner.bundle.tokenizer, writer.index.stems())
    size, threads = captioner.engine.network.image_size, min(READERS, processors())
    pictures = map_ahead(
        lambda state: _read(writer.root, state, known, size, before), states, threads=threads, ahead=2 * BATCH
    )
    while some := list(itertools.islice(pictures, BATCH)):
        broken = {one.state.path: one.error for one in some if one.error is not None}
        whole = [one for one in some if one.error is None]
        new = {one.digest: one.seen for one in whole if one.seen is not None and one.digest not in known}
        contents: list[Content] = []
        if new:
            features = captioner.engine.encode(np.stack([pixels for pixels, _ in new.values()]))
            looks = [look for _, look in new.values()]
            contents = to_contents(captioner, features, list(new), looks, facts, places)
        writer.add(contents, [(one.state, one.digest) for one in whole])
        if broken:
            writer.forget(broken)  # what they held before is no longer there
        known |= new.keys()
        report.captioned += len(new)
        report.linked += len(whole) - len(new)
        for error in broken.values():
            fail(error)
        progress.advance(len(some))


def _read(root: Path, state: FileState, known: set[bytes], size: int, before: Before | None) -> _Read:
    try:
        data = read_image_bytes(root / state.path)
    except ImageError as error:
        return _Read(state, error=str(error))
    digest = hashlib.sha256(data).digest()
    try:
        # The bytes that were hashed are those that are decoded, whatever happens to the file meanwhile.
        if digest in known:
            return _Read(state, digest)
        for earlier in before(root / state.path, digest) if before is not None else ():
            if earlier in known:
                return _Read(state, earlier)
        if data.startswith(b"\xff\xd8"):  # a JPEG is decoded at a fraction, at one of its own for either use
            return _Read(state, digest, (load_pixels(data, size), hash_bytes(data)))
        pixels = read_image(data)
        return _Read(state, digest, (resize_image(pixels, size), hash_pixels(pixels, digest.hex())))
    except ImageError as error:
        return _Read(state, error=f"{root / state.path}: {error}")
