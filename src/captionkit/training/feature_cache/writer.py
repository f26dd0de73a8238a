"""Fills a feature cache, shard by shard, so that a kill at any moment costs one shard and changes nothing.

B images, S side in pixels.

Batches never reach over a shard and are always padded to one size, so what a shard holds does not depend on
where an earlier run was stopped.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt

from captionkit.ahead import map_ahead
from captionkit.errors import CacheError, ImageError, agree, printable, several
from captionkit.files import replacing, sha256_file
from captionkit.images import Pixels, load_pixels, read_image_bytes
from captionkit.progress import Progress
from captionkit.training.feature_cache import manifest as notes
from captionkit.training.feature_cache.manifest import (
    MANIFEST,
    PLAN,
    SHARD_ROWS,
    Manifest,
    Plan,
    Shard,
    shard_name,
)

Rows = npt.NDArray[np.float16] | npt.NDArray[np.uint8]
Encode = Callable[[Pixels], npt.NDArray[np.float32] | Pixels]  # uint8 [B, S, S, 3] -> rows [B, ...]
MAX_BAD = 0.01
BATCH_SIZE = 32  # pictures a run of the network
WORKERS = 2  # threads that read and resize pictures
MIN_FREE_BYTES = 64 * 1024 * 1024  # left free beyond what the cache takes
FLOAT16_MAX = 65504.0


def hash_pictures(
    ids: Sequence[str], paths: Sequence[Path], *, quiet: bool
) -> tuple[tuple[str, ...], dict[str, str]]:
    """SHA-256 of every picture file, "" where it cannot be read; and the reasons for those."""

    def digest(path: Path) -> str | ImageError:
        try:
            return hashlib.sha256(read_image_bytes(path)).hexdigest()
        except ImageError as error:
            return error

    digests: list[str] = []
    unreadable: dict[str, str] = {}
    with (
        closing(map_ahead(digest, paths, threads=WORKERS, ahead=8 * WORKERS)) as found,
        Progress("reading pictures", len(ids), "pictures", quiet=quiet) as progress,
    ):
        for identifier, result in zip(ids, found, strict=True):
            if isinstance(result, ImageError):
                unreadable[identifier] = str(result)
            digests.append("" if isinstance(result, ImageError) else result)
            progress.advance()
    return tuple(digests), unreadable


class CacheWriter:
    """Writes the shards that are not there yet, then the manifest. The folder must be locked by the caller."""

    def __init__(
        self,
        plan: Plan,
        paths: Sequence[Path],
        directory: Path,
        make_encode: Callable[[], Encode],
        *,
        max_bad: float,
        quiet: bool,
    ) -> None:
        self._plan, self._paths, self._directory, self._make_encode = plan, paths, directory, make_encode
        self._max_bad, self._quiet = max_bad, quiet
        self._size = int(plan.encoder["image_size"])
        self._row_bytes = int(np.prod(plan.shape)) * np.dtype(plan.dtype).itemsize
        self._bad = 0

    def run(self) -> None:
        """Do all that is left to do."""
        # Before the plan is written: with a wrong folder it would stand in the way of the right one.
        self._check_bad(len(self._plan.unreadable))
        self._start()
        count = -(-len(self._plan.ids) // SHARD_ROWS)
        shards = {n: shard for n in range(count) if (shard := self._finished(n)) is not None}
        missing = [n for n in range(count) if n not in shards]
        done = sum(len(self._places(n)) for n in shards)
        self._tell(done)
        self._check_bad(sum(i not in self._plan.unreadable for shard in shards.values() for i in shard.bad))
        encode = self._make_encode()  # it may take seconds
        places = [place for n in missing for place in self._places(n)]
        ahead = 2 * BATCH_SIZE + WORKERS
        with (
            closing(map_ahead(self._load, places, threads=WORKERS, ahead=ahead)) as decoded,
            Progress("encoding", len(self._plan.ids), "pictures", done=done, quiet=self._quiet) as progress,
        ):
            for number in missing:
                shards[number] = self._make_shard(number, decoded, encode, progress)
        notes.write_manifest(self._directory, Manifest(self._plan, tuple(shards[n] for n in range(count))))
        notes.remove_growth(self._directory)

    def _start(self) -> None:
        """Go on with what an earlier run made or began, or begin."""
        path = self._directory / PLAN
        if is_whole(self._directory):
            whole = notes.read_manifest(self._directory)
            changed = self._changed_shards(whole.plan)
            # In this order: whenever it is killed, the cache is whole as before or growing after the new plan.
            for number, shard in enumerate(whole.shards):
                if number in changed:
                    notes.remove_shard_note(self._directory, number)
                else:
                    notes.write_shard_note(self._directory, number, shard)
            notes.write_plan(self._directory, self._plan)
            (self._directory / MANIFEST).unlink()
        elif path.exists():
            old = notes.read_plan(path)
            if notes.has_shards(self._directory):
                for number in self._changed_shards(old):
                    notes.remove_shard_note(self._directory, number)
            if old != self._plan:
                notes.write_plan(self._directory, self._plan)
        else:
            others = [p.name for p in self._directory.iterdir() if not p.name.startswith(".")]
            if others:
                raise CacheError(
                    f"Expected an empty folder or a feature cache at {self._directory}, but it holds "
                    f"{others[0]!r}; give another folder."
                )
            notes.write_plan(self._directory, self._plan)
        for leftover in self._directory.glob(".*.tmp"):
            leftover.unlink(missing_ok=True)

    def _changed_shards(self, old: Plan) -> set[int]:
        """The shards of an earlier plan that hold pictures which have changed since.

        Raises:
            CacheError: more than a few pictures differ; with the difference.
        """
        places = notes.changed_pictures(old, self._plan)
        if places is None:
            shown = "; ".join(notes.differences(old, self._plan))
            raise CacheError(
                f"The feature cache in {self._directory} was made otherwise ({shown}); give another folder, or "
                "delete this one to build it again."
            )
        if places and not self._quiet:
            ids = [self._plan.ids[place] for place in places]
            names = f"{', '.join(ids[:3])}{', ...' if len(ids) > 3 else ''}"
            have, them = agree(len(ids), "has", "have"), agree(len(ids), "it", "them")
            line = (
                f"{several(len(ids), 'picture')} {have} changed since the cache was made ({names}); parts "
                f"of it that hold {them} are made again."
            )
            print(printable(line), file=sys.stderr)
        return {place // SHARD_ROWS for place in places}

    def _finished(self, number: int) -> Shard | None:
        """The note of a shard whose file is whole; anything else is made again."""
        shard = notes.read_shard_note(self._directory, number)
        path = self._directory / shard_name(number)
        if shard is None or not path.is_file() or sha256_file(path) != shard.sha256:
            return None
        return shard

    def _places(self, number: int) -> range:
        return range(number * SHARD_ROWS, min((number + 1) * SHARD_ROWS, len(self._plan.ids)))

    def _tell(self, done: int) -> None:
        """Say how large it will be, before it starts."""
        total = len(self._plan.ids) * self._row_bytes
        needed = (len(self._plan.ids) - done) * self._row_bytes
        free = shutil.disk_usage(self._directory).free
        if needed + MIN_FREE_BYTES > free:
            raise CacheError(
                f"The feature cache needs {needed / 1e9:.2f} GB more in {self._directory}, but only "
                f"{free / 1e9:.2f} GB are free; free some, or give a folder on another disk."
            )
        if not self._quiet:
            shape = " x ".join(str(n) for n in (len(self._plan.ids), *self._plan.shape))
            rest = f", {several(done, 'picture')} {agree(done, 'is', 'are')} done already" if done else ""
            print(
                f"Feature cache: {shape} {self._plan.dtype}, {total / 1e9:.2f} GB in {self._directory} "
                f"({free / 1e9:.1f} GB free){rest}.",
                file=sys.stderr,
                flush=True,
            )

    def _load(self, place: int) -> Pixels | ImageError:
        identifier = self._plan.ids[place]
        if identifier in self._plan.unreadable:
            return ImageError(self._plan.unreadable[identifier])
        try:
            data = read_image_bytes(self._paths[place])
            if hashlib.sha256(data).hexdigest() == self._plan.digests[place]:
                return load_pixels(data, self._size)
        except ImageError as error:
            return error
        raise CacheError(f"{self._paths[place]} was changed while its features were made; start again.")

    def _make_shard(
        self, number: int, decoded: Iterator[Pixels | ImageError], encode: Encode, progress: Progress
    ) -> Shard:
        places = self._places(number)
        rows = np.zeros((len(places), *self._plan.shape), self._plan.dtype)
        bad: dict[str, str] = {}
        batch: list[Pixels] = []
        filled = 0

        def flush() -> None:
            nonlocal filled
            rows[filled : filled + len(batch)] = self._encode_batch(batch, encode)
            filled += len(batch)
            progress.advance(len(batch))
            batch.clear()

        for place in places:
            picture = next(decoded)
            if isinstance(picture, ImageError):
                identifier = self._plan.ids[place]
                bad[identifier] = str(picture)
                progress.say(f"skipped {identifier}: {picture}")
                progress.advance()
                self._check_bad(int(identifier not in self._plan.unreadable))
                continue
            batch.append(picture)
            if len(batch) == BATCH_SIZE:
                flush()
        if batch:
            flush()
        path = self._directory / shard_name(number)
        try:
            with replacing(path) as handle:
                np.lib.format.write_array(handle, rows[:filled], version=(1, 0), allow_pickle=False)
            shard = Shard(path.name, filled, sha256_file(path), bad)
            notes.write_shard_note(self._directory, number, shard)
        except OSError as error:
            raise CacheError(
                f"{path} cannot be written ({error.strerror}); what is finished is kept: run the same again."
            ) from None
        return shard

    def _encode_batch(self, pictures: Sequence[Pixels], encode: Encode) -> Rows:
        images = np.zeros((BATCH_SIZE, self._size, self._size, 3), np.uint8)
        images[: len(pictures)] = pictures
        values = encode(images)[: len(pictures)]
        if values.dtype == np.uint8:
            return values.astype(np.uint8, copy=False)
        if not np.isfinite(values).all():
            raise CacheError("The encoder gave features that are not finite numbers: its weights are damaged.")
        return np.clip(values, -FLOAT16_MAX, FLOAT16_MAX).astype(np.float16)

    def _check_bad(self, new: int) -> None:
        self._bad += new
        if self._bad > self._max_bad * len(self._plan.ids):
            examples = "; ".join(one.removesuffix(".") for one in list(self._plan.unreadable.values())[:2])
            raise CacheError(
                f"{self._bad:,} of {several(len(self._plan.ids), 'picture')} cannot be read, more than the "
                f"{100 * self._max_bad:g} % that are skipped{': ' + examples if examples else ''}; "
                "see what is wrong with: captionkit data check; or set data.max_bad to the share to skip"
            )


def is_whole(directory: Path) -> bool:
    """Whether a finished cache stands there."""
    return (directory / MANIFEST).is_file()
