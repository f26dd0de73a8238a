"""kill -9 at any moment: the cache goes on and ends byte-equal to one that nobody disturbed."""

from __future__ import annotations

import errno
import fcntl
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captionkit.errors import CacheError
from captionkit.training.directory_lock import LOCK, lock_directory
from captionkit.training.feature_cache import FeatureCache
from captionkit.training.feature_cache.manifest import PLAN, SHARD_ROWS

PIXELS = """
import sys
from pathlib import Path
from captionkit.records import ImageRecord
from captionkit.training.feature_cache import build_pixel_cache
records = [ImageRecord(p.name, p, (), None, "") for p in sorted(Path(sys.argv[1]).iterdir())]
print("ready", flush=True)
build_pixel_cache(records, 8, sys.argv[2], quiet=True)
"""
NETWORK = """
import sys
from pathlib import Path
import keras
from captionkit.config import EncoderConfig
from captionkit.records import ImageRecord
from captionkit.training.feature_cache import build_feature_cache
keras.utils.set_random_seed(1)
pixels = keras.Input((32, 32, 3), dtype="uint8")
x = keras.layers.Conv2D(16, 3, strides=2, activation="relu")(keras.layers.Rescaling(1 / 255)(pixels))
encoder = keras.Model(pixels, keras.layers.Reshape((225, 16))(x))
records = [ImageRecord(p.name, p, (), None, "") for p in sorted(Path(sys.argv[1]).iterdir())]
print("ready", flush=True)
build_feature_cache(records, encoder, EncoderConfig("tiny", "none"), sys.argv[2], quiet=True)
"""


def make_pictures(folder: Path, count: int) -> Path:
    folder.mkdir()
    generator = np.random.default_rng(4)
    for number in range(count):
        Image.fromarray(generator.integers(0, 256, (9, 12, 3), dtype=np.uint8)).save(folder / f"{number:04}.bmp")
    (folder / "0007.bmp").write_bytes(b"not a picture")
    return folder


def start(code: str, pictures: Path, cache: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, str(pictures), str(cache)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n", process.communicate()[1]
    return process


def finish(process: subprocess.Popen[str]) -> None:
    _, problems = process.communicate()
    assert process.returncode == 0, problems


def content(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def shards(cache: Path) -> list[Path]:
    """Those under their final names."""
    return [path for path in cache.glob("*.npy") if not path.name.startswith(".")]


def kill_again_and_again(code: str, pictures: Path, folder: Path, number: int) -> None:
    """Kill `number` builds while they work; compare every cache that gets whole.

    The first is killed at once, the second when it has made a shard, the others each at a random moment.
    """
    process = start(code, pictures, folder / "whole")
    began = time.monotonic()
    finish(process)
    duration = time.monotonic() - began
    expected = content(folder / "whole")
    rest = random.Random(9)
    kills, seen, attempt = 0, set(), 0
    while kills < number:
        cache = folder / f"killed-{attempt}"
        process = start(code, pictures, cache)
        if kills == 1:  # however slow the machine is, not at the moment of the first
            while not shards(cache) and process.poll() is None:
                time.sleep(0.001)
        elif kills:
            time.sleep(duration * (kills + rest.random()) / number)  # early, later and late ones
        process.kill()
        process.communicate()
        if process.returncode == 0:  # it was done before we came
            assert content(cache) == expected
            attempt += 1
            duration *= 0.8  # the machine has become faster since it was measured
            continue
        kills += 1
        made = shards(cache)
        seen.add(len(made))
        for path in made:
            np.load(path)  # under its final name a shard is whole
        if kills % 3 == 0:  # let it end, and begin another
            finish(start(code, pictures, cache))
            assert content(cache) == expected
            attempt += 1
    assert len(seen) > 1, "every kill fell on the same moment"
    assert FeatureCache.open(folder / "whole").skipped


@pytest.mark.parametrize("kills", [6, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_random_moments_it_ends_byte_equal(kills: int, tmp_path: Path) -> None:
    pictures = make_pictures(tmp_path / "pictures", 2 * SHARD_ROWS + 30)
    kill_again_and_again(PIXELS, pictures, tmp_path, kills)


@pytest.mark.slow
def test_killed_at_twenty_random_moments_with_a_network(tmp_path: Path) -> None:
    pictures = make_pictures(tmp_path / "pictures", 4 * SHARD_ROWS + 30)
    kill_again_and_again(NETWORK, pictures, tmp_path, 20)


HOLD = """
import sys, time
from pathlib import Path
from captionkit.training.directory_lock import lock_directory
with lock_directory(Path(sys.argv[2])):
    print("ready", flush=True)
    time.sleep(60)
"""


def test_two_writers_are_kept_apart_and_a_killed_one_leaves_nothing_behind(tmp_path: Path) -> None:
    holder = start(HOLD, tmp_path, tmp_path)
    with pytest.raises(CacheError, match=f"(?i)process {holder.pid} is writing"), lock_directory(tmp_path):
        pass
    holder.kill()
    holder.communicate()
    with lock_directory(tmp_path):
        with pytest.raises(CacheError, match="is writing"), lock_directory(tmp_path):
            pass
        assert (tmp_path / LOCK).exists()
    assert not list(tmp_path.iterdir())


def test_interrupted_with_ctrl_c_it_goes_on(tmp_path: Path) -> None:
    import signal

    pictures = make_pictures(tmp_path / "pictures", 2 * SHARD_ROWS + 30)
    process = start(PIXELS, pictures, tmp_path / "cache")
    while not (tmp_path / "cache" / PLAN).exists() and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert not (tmp_path / "cache" / LOCK).exists()
    finish(start(PIXELS, pictures, tmp_path / "cache"))
    finish(start(PIXELS, pictures, tmp_path / "whole"))
    assert content(tmp_path / "cache") == content(tmp_path / "whole")


def test_where_there_are_no_locks_it_goes_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: int) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with lock_directory(tmp_path):
        assert (tmp_path / LOCK).exists()
    assert not list(tmp_path.iterdir())
