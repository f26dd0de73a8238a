"""The feature cache: every picture goes through the frozen encoder once, not once an epoch.

B images, P grid positions, D feature depth, S side in pixels, N rows asked for.

A folder of `.npy` shards of at most 256 rows and a `manifest.json` (docs/formats.md). Rows are read through
memory maps. Imports TensorFlow only where an encoder is run.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from captionkit.config import EncoderConfig
from captionkit.errors import CacheError, DataError, UsageError
from captionkit.files import sha256, sha256_file
from captionkit.images import PREPROCESSING_VERSION, Pixels
from captionkit.records import ImageRecord
from captionkit.training.augment import numbered_view
from captionkit.training.directory_lock import lock_directory
from captionkit.training.feature_cache.manifest import Manifest, Plan, read_manifest, remove_growth
from captionkit.training.feature_cache.writer import (
    BATCH_SIZE,
    MAX_BAD,
    CacheWriter,
    Encode,
    hash_pictures,
    is_whole,
)

if TYPE_CHECKING:
    import keras

LITERT_FROM = 1000  # pictures from which on the conversion to LiteRT, some ten seconds, is won back
_MAPS = 512  # shards mapped at a time; each takes a file descriptor


class FeatureCache:
    """A finished cache, read-only."""

    def __init__(self, directory: Path, manifest: Manifest) -> None:
        self.directory, self._manifest = directory, manifest
        self._ends = np.cumsum([shard.rows for shard in manifest.shards], dtype=np.int64)
        self._map = functools.lru_cache(maxsize=_MAPS)(self._map_shard)
        plan = manifest.plan
        self.skipped: Mapping[str, str] = {i: why for shard in manifest.shards for i, why in shard.bad.items()}
        self.ids: tuple[str, ...] = tuple(i for i in plan.ids if i not in self.skipped)
        self.shape: tuple[int, ...] = plan.shape
        self.dtype: np.dtype[Any] = np.dtype(plan.dtype)
        self.fingerprint: str = plan.fingerprint

    @classmethod
    def open(cls, directory: Path | str) -> FeatureCache:
        """Open a finished cache.

        Raises:
            CacheError: there is none, it is not finished, or a shard is missing or has another size.
        """
        directory = Path(directory)
        if not is_whole(directory):
            raise CacheError(
                f"Expected a finished feature cache at {directory}, but there is none; build it with: "
                "captionkit features CONFIG.toml"
            )
        cache = cls(directory, read_manifest(directory))
        if len(cache.ids) != (cache._ends[-1] if len(cache._ends) else 0):
            raise CacheError(f"{directory} is damaged: its rows and its pictures do not agree.")
        for number in range(len(cache._ends)):
            cache._map(number)
        return cache

    def __len__(self) -> int:
        return len(self.ids)

    def read(self, indices: npt.ArrayLike) -> npt.NDArray[Any]:
        """Rows by position in `ids`, int [N].

        Returns:
            [N, P, D] float16, or [N, S, S, 3] uint8 of a pixel cache.

        Raises:
            UsageError: a position is outside.
        """
        wanted = np.asarray(indices)
        if wanted.ndim != 1 or (wanted.size and wanted.dtype.kind not in "iu"):
            raise UsageError(f"Expected whole numbers [N], but got {wanted.dtype} {list(wanted.shape)}.")
        if wanted.size and not (wanted.min() >= 0 and wanted.max() < len(self)):
            raise UsageError(
                f"Expected positions from 0 to {len(self) - 1}, but got {wanted.min()}..{wanted.max()}."
            )
        rows = np.empty((len(wanted), *self.shape), self.dtype)
        shards = np.searchsorted(self._ends, wanted, side="right")
        for place, (number, index) in enumerate(zip(shards.tolist(), wanted.tolist(), strict=True)):
            rows[place] = self._map(number)[index - (self._ends[number - 1] if number else 0)]
        return rows

    def verify(self) -> None:
        """Compare every shard with its SHA-256; reads the whole cache.

        Raises:
            CacheError: one differs.
        """
        for shard in self._manifest.shards:
            if sha256_file(self.directory / shard.file) != shard.sha256:
                raise CacheError(
                    f"{self.directory / shard.file} is damaged: it does not match its SHA-256; "
                    "delete the folder and build the cache again."
                )

    def _map_shard(self, number: int) -> npt.NDArray[Any]:
        shard = self._manifest.shards[number]
        path = self.directory / shard.file
        try:
            rows = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            raise CacheError(
                f"{path} is missing or damaged; delete the folder and build the cache again."
            ) from None
        if rows.shape != (shard.rows, *self.shape) or rows.dtype != self.dtype:
            raise CacheError(f"{path} holds {rows.dtype} {list(rows.shape)}, which is not what its manifest says.")
        array: npt.NDArray[Any] = np.asarray(rows)
        return array


def build_feature_cache(
    records: Sequence[ImageRecord],
    encoder: keras.Model,
    config: EncoderConfig,
    directory: Path | str,
    *,
    max_bad: float = MAX_BAD,
    quiet: bool = False,
    view: int = 0,
) -> FeatureCache:
    """Encode every picture once, or go on where an earlier run was stopped, or open what is finished.

    Where some pictures have changed since, what was made of them is made again; where more than half have, the
    cache is refused as one of other pictures.

    Args:
        records: the pictures; ids must differ.
        encoder: uint8 [B, S, S, 3] -> float32 [B, P, D], from `build_encoder(config)`.
        directory: the cache's own folder; made if it is not there. `cache_name` gives it a good name.
        max_bad: share of pictures that may be unreadable; those are reported, listed in the manifest and left
            out of `ids`.
        view: which view of each picture is encoded, see `numbered_view`; 0 for the picture itself.

    Raises:
        CacheError: the folder holds a cache of other pictures or another encoder, is being written by another
            process, does not fit on the disk, or too many pictures cannot be read.
    """
    from captionkit.modeling.encoders import encoder_fingerprint

    shape = tuple(int(n) for n in encoder.output_shape[1:])
    described = {
        "name": config.name,
        "image_size": str(encoder.input_shape[1]),
        "pooled": str(config.pooled).lower(),
        "fingerprint": encoder_fingerprint(encoder, config),
    }
    if view:
        described["view"] = str(view)
    return _build(
        records, described, shape, "float16", lambda: _encode(encoder, view, len(records)), directory,
        max_bad=max_bad, quiet=quiet,
    )  # fmt: skip


def build_pixel_cache(
    records: Sequence[ImageRecord],
    size: int,
    directory: Path | str,
    *,
    max_bad: float = MAX_BAD,
    quiet: bool = False,
) -> FeatureCache:
    """The same for pixels alone: rows uint8 [S, S, 3], for training the encoder too. See `build_feature_cache`."""
    described = {"name": "pixels", "image_size": str(size)}
    return _build(
        records, described, (size, size, 3), "uint8", lambda: _unchanged, directory, max_bad=max_bad, quiet=quiet
    )


def cache_name(records: Sequence[ImageRecord], config: EncoderConfig, view: int = 0) -> str:
    """A folder name for the cache of these pictures (or a view of them) by this encoder, the same on every run.

    It depends on ids and configuration, not on picture bytes or weights: where those change, the old cache is
    found, and mended or refused with the difference, instead of a second one growing beside it unnoticed.
    """
    what = asdict(config)
    del what["trainable"], what["frozen"]  # the features are the same
    parts = [what, [record.id for record in records], *([view] if view else [])]
    text = json.dumps(parts, sort_keys=True)
    return f"{config.name}-{sha256(text.encode())[:12]}"


def _build(
    records: Sequence[ImageRecord],
    encoder: dict[str, str],
    shape: tuple[int, ...],
    dtype: str,
    make_encode: Callable[[], Encode],
    directory: Path | str,
    *,
    max_bad: float,
    quiet: bool,
) -> FeatureCache:
    directory = Path(directory)
    ids = tuple(record.id for record in records)
    if len(set(ids)) != len(ids):
        raise DataError("Expected every picture once, but some ids come twice; see: captionkit data check")
    if not ids:
        raise DataError("Expected pictures to encode, but there are none.")
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CacheError(
            f"The folder {directory} of a feature cache cannot be made ({error.strerror}); name another place for "
            "caches in CAPTIONKIT_CACHE."
        ) from None
    paths = [record.path for record in records]
    with lock_directory(directory):
        digests, unreadable = hash_pictures(ids, paths, quiet=quiet)
        size = encoder["image_size"]
        preprocessing = {"version": str(PREPROCESSING_VERSION), "resize": f"bilinear, squashed to {size} x {size}"}
        plan = Plan(encoder, preprocessing, shape, dtype, ids, digests, unreadable)
        if is_whole(directory) and read_manifest(directory).plan == plan:
            remove_growth(directory)
        else:
            CacheWriter(plan, paths, directory, make_encode, max_bad=max_bad, quiet=quiet).run()
    return FeatureCache.open(directory)


def _unchanged(images: Pixels) -> Pixels:
    return images


def _encode(encoder: keras.Model, view: int, pictures: int) -> Encode:
    """The network on a view of the pictures: under LiteRT where there are many."""
    # How many there are in all counts, not how many are left: after a stop it goes on in the same way.
    if pictures < LITERT_FROM:
        return _compiled(encoder, view)
    from captionkit.export import to_litert

    engine = to_litert(encoder)
    return lambda images: engine.encode(numbered_view(images, view))


def _compiled(encoder: keras.Model, view: int) -> Encode:
    """The network as one graph of a fixed batch size, on a view of the pictures."""
    import tensorflow as tf

    specification = tf.TensorSpec((BATCH_SIZE, *encoder.input_shape[1:]), tf.uint8)

    @tf.function(input_signature=[specification], autograph=False)
    def run(images: Any) -> Any:
        return encoder(images, training=False)

    return lambda images: run(numbered_view(images, view)).numpy()
