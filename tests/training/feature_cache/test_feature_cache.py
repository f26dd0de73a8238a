"""The feature cache: right rows, whole or going on, and never another cache's features by mistake."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import json
import math
import resource
import shutil
from pathlib import Path
from typing import IO, Any

import keras
import numpy as np
import pytest
from PIL import Image

from captionkit.config import EncoderConfig
from captionkit.errors import CacheError, DataError, UsageError, printable
from captionkit.files import replacing
from captionkit.images import load_pixels
from captionkit.records import ImageRecord
from captionkit.training import feature_cache
from captionkit.training.augment import numbered_view
from captionkit.training.feature_cache import (
    FeatureCache,
    build_feature_cache,
    build_pixel_cache,
    cache_name,
    writer,
)
from captionkit.training.feature_cache.manifest import SHARD_ROWS

CONFIG = EncoderConfig(name="tiny", weights="none")


def tiny_encoder(seed: int = 1) -> keras.Model:
    """uint8 [B, 32, 32, 3] -> float32 [B, 16, 5] in a millisecond."""
    pixels = keras.Input((32, 32, 3), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(pixels)
    start = keras.initializers.GlorotUniform(seed=seed)
    x = keras.layers.Conv2D(5, 8, strides=8, kernel_initializer=start, name="conv")(x)
    x = keras.layers.Dropout(0.5)(x)  # drops nothing where features are made
    return keras.Model(pixels, keras.layers.Reshape((16, 5))(x))


@pytest.fixture(scope="module")
def encoder() -> keras.Model:
    return tiny_encoder()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[ImageRecord]:
    """Enough for two shards and a bit of the third."""
    folder = tmp_path_factory.mktemp("pictures")
    generator = np.random.default_rng(3)
    records = []
    for number in range(2 * SHARD_ROWS + 21):
        path = folder / f"{number}.png"
        Image.fromarray(generator.integers(0, 256, (24, 40, 3), dtype=np.uint8)).save(path)
        records.append(ImageRecord(f"{number}.png", path, (), None, "test"))
    return records


def test_a_view_has_a_cache_of_its_own(encoder: keras.Model, pictures: list[ImageRecord], tmp_path: Path) -> None:
    some = pictures[:40]
    first = tmp_path / cache_name(some, CONFIG, 1)
    assert first.name not in {cache_name(some, CONFIG), cache_name(some, CONFIG, 2)}
    assert cache_name(some, CONFIG, 0) == cache_name(some, CONFIG)
    cache = build_feature_cache(some, encoder, CONFIG, first, quiet=True, view=1)
    pixels = np.stack([load_pixels(record.path, 32) for record in some])
    expected = encoder(numbered_view(pixels, 1), training=False).numpy()
    np.testing.assert_allclose(cache.read(np.arange(40)), expected, rtol=1e-3, atol=1e-3)
    with pytest.raises(CacheError, match=r"made otherwise \(encoder view: 1 -> nothing\); give") as refusal:
        build_feature_cache(some, encoder, CONFIG, first, quiet=True)
    assert printable(str(refusal.value)) == str(refusal.value)  # which would escape a line break


@pytest.mark.parametrize("view", [0, 1])
def test_many_pictures_are_encoded_under_litert(
    encoder: keras.Model,
    pictures: list[ImageRecord],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    view: int,
) -> None:
    caches = {}
    for least in (40, 41):
        monkeypatch.setattr(feature_cache, "LITERT_FROM", least)
        if least == 40:  # TensorFlow has no part in it
            monkeypatch.setattr(feature_cache, "_compiled", None)
        caches[least] = build_feature_cache(
            pictures[:40], encoder, CONFIG, tmp_path / str(least), quiet=True, view=view
        ).read(np.arange(40))
        monkeypatch.undo()
    np.testing.assert_allclose(caches[40], caches[41], rtol=1e-3, atol=1e-3)


def content(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_rows_are_the_encoders_features_of_the_right_pictures(
    encoder: keras.Model, pictures: list[ImageRecord], tmp_path: Path
) -> None:
    cache = build_feature_cache(pictures, encoder, CONFIG, tmp_path / "cache", quiet=True)
    assert cache.ids == tuple(record.id for record in pictures)
    assert len(cache) == len(pictures)
    assert cache.shape == (16, 5)
    wanted = np.array([len(pictures) - 1, 0, SHARD_ROWS - 1, SHARD_ROWS, 0, 300])
    rows = cache.read(wanted)
    assert rows.dtype == np.float16
    pixels = np.stack([load_pixels(pictures[i].path, 32) for i in wanted])
    expected = encoder(pixels, training=False).numpy()
    np.testing.assert_allclose(rows, expected, rtol=1e-3, atol=1e-3)
    cache.verify()
    assert sorted(content(tmp_path / "cache")) == [
        "manifest.json",
        *(f"shard-0000{n}.npy" for n in range(3)),
    ]
    again = FeatureCache.open(tmp_path / "cache")
    assert np.array_equal(again.read(wanted), rows)
    assert again.fingerprint == cache.fingerprint


def test_a_pixel_cache_holds_the_pixels(pictures: list[ImageRecord], tmp_path: Path) -> None:
    cache = build_pixel_cache(pictures[:40], 16, tmp_path, quiet=True)
    assert cache.dtype == np.uint8
    rows = cache.read([39, 2])
    assert rows.shape == (2, 16, 16, 3)
    for row, index in zip(rows, [39, 2], strict=True):
        assert np.array_equal(row, load_pixels(pictures[index].path, 16))


def test_a_finished_cache_is_opened_not_made_again(
    encoder: keras.Model, pictures: list[ImageRecord], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build_feature_cache(pictures[:9], encoder, CONFIG, tmp_path, quiet=True)

    def fail(*_: object) -> None:
        raise AssertionError("decoded a picture again")

    monkeypatch.setattr(writer, "load_pixels", fail)
    before = content(tmp_path)
    for leftover in ("plan.json", "shard-00000.json", ".manifest.json.abc.tmp"):
        (tmp_path / leftover).write_text("of a writer that was killed at its end")
    again = build_feature_cache(pictures[:9], encoder, CONFIG, tmp_path, quiet=True)
    assert np.array_equal(first.read(np.arange(9)), again.read(np.arange(9)))
    assert content(tmp_path) == before


class StoppedError(Exception):
    pass


def test_going_on_after_a_stop_ends_byte_equal(
    encoder: keras.Model,
    pictures: list[ImageRecord],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    build_feature_cache(pictures, encoder, CONFIG, tmp_path / "whole", quiet=True)
    last = pictures[SHARD_ROWS + 100].path.read_bytes()  # by its bytes: of several threads one may lag behind

    def stop(source: bytes, size: int) -> object:
        if source == last:
            raise StoppedError
        return load_pixels(source, size)

    with monkeypatch.context() as patched:
        patched.setattr(writer, "load_pixels", stop)
        with pytest.raises(StoppedError):
            build_feature_cache(pictures, encoder, CONFIG, tmp_path / "cut", quiet=True)
    assert "shard-00000.npy" in content(tmp_path / "cut")
    with pytest.raises(CacheError, match="finished"):
        FeatureCache.open(tmp_path / "cut")
    # What kill -9 may leave beside whole files.
    (tmp_path / "cut" / ".shard-00001.npy.abc.tmp").write_bytes(b"half")
    (tmp_path / "cut" / "shard-00001.npy").write_bytes(b"whole, but its note was not written yet")
    left = (len(pictures) - SHARD_ROWS) * 16 * 5 * 2  # room for more there is not
    usage = shutil.disk_usage(tmp_path)._replace(free=writer.MIN_FREE_BYTES + left)
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda _: usage)
        build_feature_cache(pictures, encoder, CONFIG, tmp_path / "cut")
    told = capsys.readouterr().err
    assert "256 pictures are done already" in told
    assert "changed since" not in told
    assert content(tmp_path / "cut") == content(tmp_path / "whole")


def test_another_encoder_other_bytes_and_other_pictures_are_refused_with_the_difference(
    encoder: keras.Model, pictures: list[ImageRecord], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = []
    for record in pictures[:6]:
        path = tmp_path / record.id
        shutil.copy(record.path, path)
        own.append(dataclasses.replace(record, path=path))
    cache = tmp_path / "cache"
    build_feature_cache(own, encoder, CONFIG, cache, quiet=True)
    before = content(cache)

    def refusal(records: list[ImageRecord], network: keras.Model, config: EncoderConfig = CONFIG) -> str:
        with pytest.raises(CacheError) as caught:
            build_feature_cache(records, network, config, cache, quiet=True)
        assert content(cache) == before
        return str(caught.value)

    assert "encoder fingerprint: " in refusal(own, tiny_encoder(seed=2))
    assert "encoder name: tiny -> other" in refusal(own, encoder, EncoderConfig(name="other"))
    assert "(pictures no longer there: 1 (5.png)); give" in refusal(own[:5], encoder)
    assert "pictures new: 2 (6.png, 7.png)" in refusal([*own, *pictures[6:8]], encoder)
    assert "in another order" in refusal(own[::-1], encoder)
    shutil.copytree(cache, tmp_path / "mended")
    for record in own[:3]:
        Image.new("RGB", (24, 40)).save(record.path)
    assert len(build_feature_cache(own, encoder, CONFIG, tmp_path / "mended", quiet=True)) == 6
    assert capsys.readouterr().err == ""
    Image.new("RGB", (24, 40)).save(own[3].path)  # most of them: it is another folder of pictures
    assert "with other bytes: 4 (0.png, 1.png, 2.png, ...)" in refusal(own, encoder)


def test_preprocessing_is_part_of_the_fingerprint(
    encoder: keras.Model, pictures: list[ImageRecord], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_feature_cache(pictures[:3], encoder, CONFIG, tmp_path, quiet=True)
    monkeypatch.setattr("captionkit.training.feature_cache.PREPROCESSING_VERSION", 99)
    with pytest.raises(CacheError, match="preprocessing version: 1 -> 99"):
        build_feature_cache(pictures[:3], encoder, CONFIG, tmp_path, quiet=True)


def test_a_picture_that_changes_while_features_are_made_is_noticed(
    pictures: list[ImageRecord], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = tuple(hashlib.sha256(b"before").hexdigest() for _ in range(3))
    monkeypatch.setattr("captionkit.training.feature_cache.hash_pictures", lambda *_, **__: (digests, {}))
    with pytest.raises(CacheError, match="was changed"):
        build_pixel_cache(pictures[:3], 8, tmp_path, quiet=True)


def test_a_picture_that_can_be_read_after_all_is_left_out_as_planned(
    pictures: list[ImageRecord], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = ("", *(hashlib.sha256(record.path.read_bytes()).hexdigest() for record in pictures[1:3]))
    monkeypatch.setattr(
        "captionkit.training.feature_cache.hash_pictures", lambda *_, **__: (digests, {"0.png": "it was gone"})
    )
    cache = build_pixel_cache(pictures[:3], 8, tmp_path, max_bad=0.5, quiet=True)
    assert (cache.ids, cache.skipped) == (("1.png", "2.png"), {"0.png": "it was gone"})


def spoiled(pictures: list[ImageRecord], folder: Path) -> list[ImageRecord]:
    """300 pictures: one missing, two that are none."""
    records = list(pictures[:300])
    (folder / "bad.jpg").write_bytes(b"not a picture")
    (folder / "empty.jpg").write_bytes(b"")
    records[2] = dataclasses.replace(records[2], path=folder / "missing.jpg")
    records[5] = dataclasses.replace(records[5], path=folder / "bad.jpg")
    records[290] = dataclasses.replace(records[290], path=folder / "empty.jpg")
    return records


def test_unreadable_pictures_are_reported_skipped_and_listed(
    encoder: keras.Model, pictures: list[ImageRecord], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = spoiled(pictures, tmp_path)
    cache = build_feature_cache(records, encoder, CONFIG, tmp_path / "cache")
    assert set(cache.skipped) == {"2.png", "5.png", "290.png"}
    assert "missing.jpg" in cache.skipped["2.png"]
    assert len(cache) == 297
    assert "skipped 5.png" in capsys.readouterr().err
    # Every row still belongs to its id: no shift after a gap, nothing made up.
    for identifier in ("0.png", "3.png", "6.png", "289.png", "291.png", "299.png"):
        row = cache.read([cache.ids.index(identifier)])[0]
        pixels = load_pixels(pictures[int(identifier[:-4])].path, 32)[None]
        np.testing.assert_allclose(row, encoder(pixels).numpy()[0], rtol=1e-3, atol=1e-3)
    manifest = json.loads((tmp_path / "cache" / "manifest.json").read_text())
    assert list(manifest["shards"][0]["bad"]) == ["2.png", "5.png"]
    assert build_feature_cache(records, encoder, CONFIG, tmp_path / "cache", quiet=True).ids == cache.ids


def test_too_many_unreadable_pictures_fail(
    encoder: keras.Model, pictures: list[ImageRecord], tmp_path: Path
) -> None:
    records = spoiled(pictures, tmp_path)[:200]
    with pytest.raises(CacheError, match=r"more than the 0.5 %"):
        build_feature_cache(records, encoder, CONFIG, tmp_path / "cache", max_bad=0.005, quiet=True)
    assert len(build_feature_cache(records, encoder, CONFIG, tmp_path / "cache", quiet=True)) == 198


def test_unreadable_pictures_from_before_a_stop_count_once(
    pictures: list[ImageRecord], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = spoiled(pictures, tmp_path)

    def stop(source: bytes, size: int) -> object:
        if source == records[280].path.read_bytes():
            raise StoppedError
        return load_pixels(source, size)

    with monkeypatch.context() as patched:
        patched.setattr(writer, "load_pixels", stop)
        with pytest.raises(StoppedError):
            build_pixel_cache(records, 8, tmp_path / "cache", quiet=True)
    with pytest.raises(CacheError, match=r"3 of 300 pictures cannot be read, more than the 0.7 %"):
        build_pixel_cache(records, 8, tmp_path / "cache", max_bad=0.007, quiet=True)
    assert len(build_pixel_cache(records, 8, tmp_path / "cache", max_bad=0.01, quiet=True)) == 297


def test_a_wrong_folder_does_not_stand_in_the_way_of_the_right_one(
    encoder: keras.Model, pictures: list[ImageRecord], tmp_path: Path
) -> None:
    wrong = [dataclasses.replace(record, path=tmp_path / "no" / record.id) for record in pictures[:4]]
    with pytest.raises(CacheError, match=r"4 of 4 pictures cannot be read, .*directory\); see what"):
        build_feature_cache(wrong, encoder, CONFIG, tmp_path / "cache", quiet=True)
    assert len(build_feature_cache(pictures[:4], encoder, CONFIG, tmp_path / "cache", quiet=True)) == 4


def test_a_plan_is_replaced_where_nothing_was_made_by_it(
    encoder: keras.Model, pictures: list[ImageRecord], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(writer, "MIN_FREE_BYTES", 10**18)
        with pytest.raises(CacheError, match="free some"):
            build_feature_cache(pictures[:3], encoder, CONFIG, tmp_path / "cache", quiet=True)
    assert (tmp_path / "cache" / "plan.json").exists()
    assert len(build_feature_cache(pictures[:4], encoder, CONFIG, tmp_path / "cache", quiet=True)) == 4


def test_a_shard_without_any_readable_picture(
    encoder: keras.Model, pictures: list[ImageRecord], tmp_path: Path
) -> None:
    records = [dataclasses.replace(record, path=tmp_path / "no") for record in pictures[:SHARD_ROWS]]
    cache = build_feature_cache([*records, pictures[-1]], encoder, CONFIG, tmp_path / "c", max_bad=1.0, quiet=True)
    assert cache.ids == (pictures[-1].id,)
    assert cache.read([0]).shape == (1, 16, 5)
    records = [dataclasses.replace(record, path=tmp_path / "nowhere") for record in records]
    with pytest.raises(CacheError, match=r"\(pictures: the same, unreadable for other reasons\)"):
        build_feature_cache([*records, pictures[-1]], encoder, CONFIG, tmp_path / "c", max_bad=1.0, quiet=True)


def test_the_size_is_told_and_a_full_disk_is_noticed_before_the_start(
    encoder: keras.Model,
    pictures: list[ImageRecord],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    build_feature_cache(pictures[:3], encoder, CONFIG, tmp_path / "a")
    assert "3 x 16 x 5 float16" in capsys.readouterr().err
    enough = writer.MIN_FREE_BYTES + 3 * 16 * 5 * 2
    for free in (enough - 1, enough):
        usage = shutil.disk_usage(tmp_path)._replace(free=free)
        with monkeypatch.context() as patch:
            patch.setattr(shutil, "disk_usage", lambda _, usage=usage: usage)
            with contextlib.nullcontext() if free == enough else pytest.raises(CacheError, match="GB are free"):
                build_feature_cache(pictures[:3], encoder, CONFIG, tmp_path / "b", quiet=True)


def test_a_disk_that_gets_full_or_cannot_be_written_is_one_sentence_and_keeps_what_is_done(
    pictures: list[ImageRecord], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> contextlib.AbstractContextManager[IO[bytes]]:
        if path.name == "shard-00001.npy":
            raise OSError(errno.ENOSPC, "No space left on device")
        return replacing(path)

    with monkeypatch.context() as patched:
        patched.setattr(writer, "replacing", full)
        with pytest.raises(CacheError, match="No space left on device"):
            build_pixel_cache(pictures, 8, tmp_path / "cache", quiet=True)
    kept = (tmp_path / "cache" / "shard-00000.npy").stat().st_mtime_ns
    build_pixel_cache(pictures, 8, tmp_path / "cache", quiet=True)
    assert (tmp_path / "cache" / "shard-00000.npy").stat().st_mtime_ns == kept
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9000, limits[1]))  # NumPy's word for it has no number
    try:
        with pytest.raises(CacheError, match=r"shard-00000.npy cannot be written \(\d+ requested and"):
            build_pixel_cache(pictures[:4], 64, tmp_path / "other", quiet=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    (tmp_path / "file").touch()
    with pytest.raises(CacheError, match="cannot be made"):
        build_pixel_cache(pictures, 8, tmp_path / "file" / "cache", quiet=True)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_features_that_are_not_finite_are_refused(
    pictures: list[ImageRecord], tmp_path: Path, value: float
) -> None:
    broken = tiny_encoder()
    broken.get_layer("conv").bias.assign(np.array([0, 0, value, 0, 0], np.float32))
    with pytest.raises(CacheError, match="not finite"):
        build_feature_cache(pictures[:3], broken, CONFIG, tmp_path, quiet=True)


def test_features_beyond_float16_are_cut_not_infinite(pictures: list[ImageRecord], tmp_path: Path) -> None:
    large = tiny_encoder()
    large.get_layer("conv").bias.assign(np.array([1e6, -1e6, 0, 0, 0], np.float32))
    rows = build_feature_cache(pictures[:2], large, CONFIG, tmp_path, quiet=True).read([0, 1])
    assert rows[..., 0].min() == 65504
    assert rows[..., 1].max() == -65504


def test_damage_is_noticed(encoder: keras.Model, pictures: list[ImageRecord], tmp_path: Path) -> None:
    build_feature_cache(pictures[:3], encoder, CONFIG, tmp_path, quiet=True)
    shard = tmp_path / "shard-00000.npy"
    whole = shard.read_bytes()
    flipped = bytearray(whole)
    flipped[-1] ^= 1
    shard.write_bytes(flipped)
    with pytest.raises(CacheError, match="SHA-256"):
        FeatureCache.open(tmp_path).verify()
    shard.write_bytes(whole[:-100])
    with pytest.raises(CacheError, match="damaged"):
        FeatureCache.open(tmp_path)
    shard.write_bytes(b"")
    with pytest.raises(CacheError, match="damaged"):
        FeatureCache.open(tmp_path)
    shard.unlink()
    with pytest.raises(CacheError, match="missing"):
        FeatureCache.open(tmp_path)
    for shape, kind in (((3, 16, 1), np.float16), ((3, 16, 5), np.float32)):  # NumPy would fit both into the rows
        np.save(shard, np.zeros(shape, kind))
        with pytest.raises(CacheError, match="not what its manifest says"):
            FeatureCache.open(tmp_path)
    shard.write_bytes(whole)
    manifest = (tmp_path / "manifest.json").read_text()
    document = json.loads(manifest)
    (first,) = document["shards"]
    others = [{**document, "shape": shape} for shape in ([], [0, 5], [math.inf])]
    others += [{**document, "digests": []}, {**document, "dtype": "float32"}]
    changes: list[dict[str, Any]] = [
        {"bad": 5},
        {"rows": math.inf},
        {"rows": -1},
        {"rows": SHARD_ROWS + 1},
        {"file": "../x.npy"},
    ]
    others += [{**document, "shards": [{**first, **change}]} for change in changes]
    wrongs = ["", "[]", "{", '{"format": 1}', "[" * 100_000, *map(json.dumps, others)]
    for wrong in wrongs:
        (tmp_path / "manifest.json").write_text(wrong)
        with pytest.raises(CacheError, match=r"manifest\.json is damaged"):
            FeatureCache.open(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({**document, "shards": []}))
    with pytest.raises(CacheError, match="its rows and its pictures do not agree"):
        FeatureCache.open(tmp_path)
    (tmp_path / "manifest.json").write_text(manifest.replace('"format": 1', '"format": 7'))
    with pytest.raises(CacheError, match="format 7"):
        FeatureCache.open(tmp_path)


def test_a_folder_that_holds_something_else_is_left_alone(
    encoder: keras.Model, pictures: list[ImageRecord], tmp_path: Path
) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(CacheError, match=r"thesis\.txt"):
        build_feature_cache(pictures[:3], encoder, CONFIG, tmp_path, quiet=True)
    assert content(tmp_path) == {"thesis.txt": b"precious"}


def test_wrong_arguments(encoder: keras.Model, pictures: list[ImageRecord], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="twice"):
        build_feature_cache([pictures[0], pictures[0]], encoder, CONFIG, tmp_path / "a", quiet=True)
    with pytest.raises(DataError, match="none"):
        build_feature_cache([], encoder, CONFIG, tmp_path / "a", quiet=True)
    cache = build_feature_cache(pictures[:3], encoder, CONFIG, tmp_path / "b", quiet=True)
    assert cache.read([]).shape == (0, 16, 5)
    for wrong in ([3], [-1], [[0]], [0.5]):
        with pytest.raises(UsageError):
            cache.read(wrong)
    with pytest.raises(CacheError, match="finished feature cache"):
        FeatureCache.open(tmp_path / "nowhere")


def test_the_name_depends_on_pictures_and_configuration(pictures: list[ImageRecord]) -> None:
    name = cache_name(pictures[:3], CONFIG)
    assert name == cache_name(pictures[:3], dataclasses.replace(CONFIG, trainable=True, frozen=0.5))
    assert name.startswith("tiny-")
    changes: list[dict[str, Any]] = [{"pooled": True}, {"image_size": 64}, {"weights": "a.npz"}, {"name": "other"}]
    others = {cache_name(pictures[:3], dataclasses.replace(CONFIG, **change)) for change in changes}
    others.add(cache_name(pictures[:2], CONFIG))
    assert name not in others
    assert len(others) == 5
