"""The command itself, killed again and again; and decoders that look at places."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from captionkit.captioner import Captioner
from captionkit.search.compact import unpack
from captionkit.search.database import INDEX_NAME
from captionkit.search.index import open_index
from captionkit.search.indexing import index_folder, kept_cells
from captionkit.search.ranking import rank
from captionkit.selftest import draw_picture
from tests.search.test_writer import count_of
from tests.tiny import export_tiny

pytestmark = pytest.mark.slow


def contents_of(path: Path) -> tuple[list[Any], list[np.ndarray]]:
    """All that an index holds, by paths instead of by numbers, which depend on the order of the runs.

    Short vectors, codes and cells apart: a picture in another batch may have another last digit, and be rounded
    to the next step.
    """
    connection = sqlite3.connect(path)
    rows = connection.execute(
        "SELECT v.vector, r.codes, k.cells, f.path, f.size, c.sha256, l.look, t.stems, t.kinds, "
        "(SELECT group_concat(text, '|') FROM captions WHERE content = c.id ORDER BY rank) "
        "FROM files f JOIN contents c ON c.id = f.content JOIN vectors v ON v.content = c.id "
        "JOIN looks l ON l.content = c.id JOIN cells k ON k.content = c.id JOIN terms t ON t.rowid = c.id "
        "JOIN recent r ON r.content = c.id ORDER BY f.path"
    ).fetchall()
    connection.close()
    vectors, codes, cells = (
        np.array([np.frombuffer(row[place], kind) for row in rows])
        for place, kind in enumerate((np.int8, np.uint8, np.int8))
    )
    return [row[3:] for row in rows], [vectors.astype(int), codes.astype(int), unpack(cells)]


def test_the_command_killed_at_ten_moments_ends_where_it_would_have(tmp_path: Path, tiny_bundle: Path) -> None:
    album = tmp_path / "album"
    album.mkdir()
    for seed in range(300):
        (album / f"{seed:03}.png").write_bytes(draw_picture(seed))
    command = [sys.executable, "-m", "captionkit", "index", str(album), "--bundle", str(tiny_bundle), "--quiet"]
    moments = random.Random(4)
    grown: list[int] = []
    for _ in range(10):
        process = subprocess.Popen(
            [*command, "--threads", "1"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        path = album / INDEX_NAME
        before = grown[-1] if grown else 0
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and process.poll() is None:  # until it has added to what there was
            if path.exists() and path.stat().st_size and count_of(path) > before:
                break
            time.sleep(0.002)
        time.sleep(moments.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        with open_index(path) as index:
            assert index.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            grown.append(index.count())
    assert grown == sorted(grown)
    assert grown[-1] > grown[0]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.count("300 pictures") == 1
    elsewhere = tmp_path / "whole.sqlite"
    subprocess.run([*command, "--index", str(elsewhere)], check=True, capture_output=True)
    (found, numbers), (expected, others) = contents_of(album / INDEX_NAME), contents_of(elsewhere)
    assert found == expected
    assert len(found) == 300
    for some, other, step in zip(numbers, others, (1, 1, 2 / 127 * np.abs(others[2]).max()), strict=True):
        np.testing.assert_allclose(some, other, rtol=0, atol=step)


def test_interrupted_by_ctrl_c_it_says_how_to_go_on(tmp_path: Path, tiny_bundle: Path) -> None:
    for seed in range(400):
        (tmp_path / f"{seed:03}.png").write_bytes(draw_picture(seed))
    command = [sys.executable, "-m", "captionkit", "index", str(tmp_path), "--bundle", str(tiny_bundle)]
    # A shell lets what it starts in the background ignore Ctrl-C, and children inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, before)
    path = tmp_path / INDEX_NAME
    while process.poll() is None and not (path.exists() and path.stat().st_size > 200_000):
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, out) == (130, "")
    last = err.splitlines()[-1]  # behind lines of progress where it is slow
    assert last == "captionkit: interrupted; what is captioned is kept, the same command goes on."
    with open_index(path) as index:
        assert 0 < index.count() < 400


@pytest.mark.parametrize("kind", ["attention_lstm", "multihead_lstm", "transformer"])
def test_decoders_that_look_at_places_keep_nine_cells(tmp_path: Path, kind: str) -> None:
    export_tiny(tmp_path / "tiny.captionkit", kind=kind)
    captioner = Captioner.load(tmp_path / "tiny.captionkit", threads=1)
    assert kept_cells(captioner) == 9
    for seed in range(8):
        (tmp_path / f"{seed}.png").write_bytes(draw_picture(seed))
    index_folder(tmp_path, tmp_path / INDEX_NAME, captioner, quiet=True)
    with open_index(tmp_path / INDEX_NAME) as index:
        assert index.cells([1, 2]).shape == (2, 9, captioner.engine.network.depth)
        ranking = rank(index, "a dog on the grass", captioner)
        assert len(ranking.hits) == 8
        assert np.isfinite([hit.score for hit in ranking.hits]).all()


def test_a_child_of_a_killed_command_holds_no_lock(tmp_path: Path, tiny_bundle: Path) -> None:
    """The reader threads go with the process; nothing keeps the next run out."""
    (tmp_path / "a.png").write_bytes(draw_picture(0))
    command = [sys.executable, "-m", "captionkit", "index", str(tmp_path), "--bundle", str(tiny_bundle)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not (tmp_path / f"{INDEX_NAME}.lock").exists():
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout.count("1 picture (") == 1
