"""A picture that was mended: its part of the cache is made again, and all is as if it had never been bad."""

from __future__ import annotations

import random
import shutil
import time
from pathlib import Path

import pytest

from captionkit.errors import CacheError
from captionkit.images import load_pixels
from captionkit.records import ImageRecord
from captionkit.training.feature_cache import FeatureCache, build_pixel_cache, writer
from captionkit.training.feature_cache.manifest import SHARD_ROWS, read_manifest, write_shard_note
from tests.training.feature_cache.test_kill import PIXELS, content, finish, make_pictures, start


class StoppedError(Exception):
    pass


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Enough for three shards; the eighth cannot be decoded, and the sixth is gone."""
    folder = make_pictures(tmp_path / "pictures", 2 * SHARD_ROWS + 30)
    (folder / "0005.bmp").unlink()
    return folder


def build(pictures: Path, cache: Path, *, quiet: bool = False) -> FeatureCache:
    names = [f"{number:04}.bmp" for number in range(2 * SHARD_ROWS + 30)]
    return build_pixel_cache(
        [ImageRecord(name, pictures / name, (), None, "") for name in names], 8, cache, quiet=quiet
    )


def mend(pictures: Path, *names: str) -> None:
    for name in names:
        shutil.copy(pictures / "0300.bmp", pictures / name)


def test_the_parts_that_hold_it_are_made_again(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = build(pictures, tmp_path / "cache")
    assert set(before.skipped) == {"0005.bmp", "0007.bmp"}
    kept = (tmp_path / "cache" / "shard-00001.npy").stat().st_mtime_ns
    mend(pictures, "0005.bmp", "0007.bmp")
    capsys.readouterr()
    after = build(pictures, tmp_path / "cache")
    told = "2 pictures have changed since the cache was made (0005.bmp, 0007.bmp); parts of it that hold them"
    assert told in capsys.readouterr().err
    assert (tmp_path / "cache" / "shard-00001.npy").stat().st_mtime_ns == kept
    assert not after.skipped
    assert after.fingerprint != before.fingerprint
    build(pictures, tmp_path / "afresh")
    assert content(tmp_path / "cache") == content(tmp_path / "afresh")


def stopped(monkeypatch: pytest.MonkeyPatch, pictures: Path, cache: Path, after: int) -> None:
    """A cache whose writer is stopped when it has decoded so many pictures."""
    loads = 0

    def stop(source: bytes, size: int) -> object:
        nonlocal loads
        loads += 1
        if loads == after:
            raise StoppedError
        return load_pixels(source, size)

    with monkeypatch.context() as patched:
        patched.setattr(writer, "load_pixels", stop)
        patched.setattr(writer, "WORKERS", 1)  # of several one may lag behind and be the one to stop
        with pytest.raises(StoppedError):
            build(pictures, cache)


def test_what_changed_once_more_after_a_stop_is_made_once_more(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    build(pictures, cache)
    mend(pictures, "0007.bmp", "0520.bmp")
    stopped(monkeypatch, pictures, cache, SHARD_ROWS + 9)  # the first shard is there, the third is not
    with pytest.raises(CacheError, match="finished"):
        FeatureCache.open(cache)
    mend(pictures, "0005.bmp")
    build(pictures, cache)
    build(pictures, tmp_path / "afresh")
    assert content(cache) == content(tmp_path / "afresh")


def test_what_changed_back_after_a_stop_is_made_once_more(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, before = tmp_path / "cache", (pictures / "0007.bmp").read_bytes()
    for _ in range(2):  # the first shard alone is there, and is made again
        stopped(monkeypatch, pictures, cache, SHARD_ROWS + 9)
        mend(pictures, "0007.bmp")
    (pictures / "0007.bmp").write_bytes(before)
    build(pictures, cache)
    build(pictures, tmp_path / "afresh")
    assert content(cache) == content(tmp_path / "afresh")


def test_what_changed_after_a_stop_before_anything_was_made_again(pictures: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    build(pictures, cache)
    for number, shard in enumerate(read_manifest(cache).shards):  # as for a change in none of them
        write_shard_note(cache, number, shard)
    mend(pictures, "0007.bmp")
    build(pictures, cache)
    build(pictures, tmp_path / "afresh")
    assert content(cache) == content(tmp_path / "afresh")


@pytest.mark.parametrize("held", [b"damaged since", None])
def test_a_part_that_was_damaged_after_a_stop_is_made_again(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: bytes | None
) -> None:
    cache = tmp_path / "cache"
    stopped(monkeypatch, pictures, cache, SHARD_ROWS + 9)
    (cache / "shard-00000.npy").unlink()
    if held:
        (cache / "shard-00000.npy").write_bytes(held)
    build(pictures, cache)
    build(pictures, tmp_path / "afresh")
    assert content(cache) == content(tmp_path / "afresh")


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_while_it_is_mended_it_ends_as_if_nobody_had(kills: int, pictures: Path, tmp_path: Path) -> None:
    mend(pictures, "0005.bmp")
    finish(start(PIXELS, pictures, tmp_path / "before"))
    mend(pictures, "0007.bmp", "0520.bmp")
    shutil.copytree(tmp_path / "before", tmp_path / "after")
    process = start(PIXELS, pictures, tmp_path / "after")
    began = time.monotonic()
    finish(process)
    duration = time.monotonic() - began
    expected = content(tmp_path / "after")
    finish(start(PIXELS, pictures, tmp_path / "afresh"))
    assert content(tmp_path / "afresh") == expected
    rest = random.Random(9)
    for kill in range(kills):
        cache = tmp_path / f"killed-{kill}"
        shutil.copytree(tmp_path / "before", cache)
        process = start(PIXELS, pictures, cache)
        time.sleep(duration * (kill + rest.random()) / kills)
        process.kill()
        process.communicate()
        finish(start(PIXELS, pictures, cache))
        assert content(cache) == expected


def test_pictures_that_moved_are_the_same_though_one_cannot_be_read(pictures: Path, tmp_path: Path) -> None:
    before = build(pictures, tmp_path / "cache")
    after = build(pictures.rename(tmp_path / "moved"), tmp_path / "cache")
    assert after.fingerprint == before.fingerprint
    assert str(tmp_path / "moved" / "0005.bmp") in after.skipped["0005.bmp"]
