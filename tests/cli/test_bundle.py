"""`captionkit bundle`: show and check."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from captionkit.bundle import read_bundle, write_bundle
from captionkit.cli.app import app
from captionkit.confidence import Calibration
from captionkit.errors import BundleError, UsageError
from tests.command import read_terminal
from tests.tiny import WORDS


def test_show_names_the_model_its_licences_and_parts(tiny_bundle: Path) -> None:
    done = CliRunner().invoke(app, ["bundle", "show", str(tiny_bundle)])
    assert done.exit_code == 0
    for part in ("tiny", "CC0-1.0", "32 x 32", "3 beams", "float32", "config.toml, weights"):
        assert part in done.stdout
    assert f"\nwords        {len(WORDS)}\n" in done.stdout  # the special ids are none


def test_show_says_every_line_of_a_bundle_that_has_all_and_of_one_that_has_nothing_more(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    bundle = read_bundle(tiny_bundle)
    manifest = dataclasses.replace(
        bundle.manifest, made_with="captionkit 9", scores={"BLEU-4": 0.27484}, fingerprint={"split": "val"}
    )
    full = dataclasses.replace(
        bundle,
        manifest=manifest,
        decoding=dataclasses.replace(bundle.decoding, surest=True, mirrored=True),
        calibration=Calibration(0.4, (0.0,), (1.0,), (0.0,), 0.0, 0.5, features=("mean",)).to_document(),
        word_detector=b"words",
        things=b"things",
    )
    write_bundle(tmp_path / "full.captionkit", full)
    shown = CliRunner().invoke(app, ["bundle", "show", str(tmp_path / "full.captionkit")]).stdout
    assert shown.splitlines() == [
        f"tiny ({tmp_path / 'full.captionkit'})",
        "made with    captionkit 9",
        "pictures     32 x 32, 16 positions seen",
        f"words        {len(WORDS)}",
        f"encoder      {len(bundle.encoder):,} bytes, float32",
        f"decoder      {len(bundle.decoder):,} bytes, float32",
        "search       3 beams, at most 10 words, length penalty 0.7, in a mirror too, the surest is said",
        "also holds   config.toml, calibration, word detector, things, weights",
        "licence      weights: CC0-1.0",
        "licence      data: none: the weights are random",
        "score        BLEU-4 0.2748",
        "scored with  split: val",
    ]
    pooled = dataclasses.replace(
        bundle.manifest, network=dataclasses.replace(bundle.manifest.network, positions=1)
    )
    bare = dataclasses.replace(bundle, manifest=pooled, config=None, weights=None)
    write_bundle(tmp_path / "bare.captionkit", bare)
    shown = CliRunner().invoke(app, ["bundle", "show", str(tmp_path / "bare.captionkit")]).stdout
    assert "length penalty 0.7\nalso holds   nothing\nlicence" in shown
    assert "32 x 32, 1 position seen" in shown


def test_show_as_json_and_the_card(tiny_bundle: Path) -> None:
    document = json.loads(CliRunner().invoke(app, ["bundle", "show", str(tiny_bundle), "--json"]).stdout)
    assert document["network"]["image_size"] == 32
    assert document["decoding"]["beams"] == 3
    assert CliRunner().invoke(app, ["bundle", "show", str(tiny_bundle), "--card"]).stdout.startswith("# Tiny")


def test_what_a_bundle_says_writes_no_control_characters(tiny_bundle: Path, tmp_path: Path) -> None:
    bundle = read_bundle(tiny_bundle)
    manifest = dataclasses.replace(
        bundle.manifest, name="\x1b[2Jname\n", licences={"code\x1b": "MIT\x07"}, made_with="\x9b"
    )
    path = tmp_path / "x\x1b.captionkit"
    write_bundle(path, dataclasses.replace(bundle, manifest=manifest, card="# Card\x1b[2J\n\nText.\n"))
    for arguments in (["show"], ["show", "--card"], ["check"]):
        done = CliRunner().invoke(app, ["bundle", *arguments, str(path)])
        assert done.exit_code == 0
        assert done.stdout.replace("\n", "").isprintable()
    assert CliRunner().invoke(app, ["bundle", "show", "--card", str(path)]).stdout == "# Card\\x1b[2J\n\nText.\n"


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such terminals")
def test_a_terminal_gets_no_control_characters_of_json_and_a_program_gets_all(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    bundle, path = read_bundle(tiny_bundle), tmp_path / "x.captionkit"
    manifest = dataclasses.replace(bundle.manifest, name="a\x9b2Jb\u202ec")  # of which JSON escapes none
    write_bundle(path, dataclasses.replace(bundle, manifest=manifest))
    command = [sys.executable, "-m", "captionkit", "bundle", "show", "--json", str(path)]
    ours, terminal = os.openpty()
    with subprocess.Popen(command, stdout=terminal) as shown:
        os.close(terminal)
        seen = read_terminal(ours)
    assert shown.returncode == 0
    assert seen.replace("\r\n", "").isprintable()
    assert json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["name"] == manifest.name


def test_one_kind_of_output(tiny_bundle: Path) -> None:
    with pytest.raises(UsageError, match="one of --json and --card"):
        CliRunner().invoke(app, ["bundle", "show", str(tiny_bundle), "--json", "--card"], catch_exceptions=False)


def test_check_replays_the_self_test(tiny_bundle: Path) -> None:
    done = CliRunner().invoke(app, ["bundle", "check", str(tiny_bundle)])
    assert done.exit_code == 0
    words = " ".join(read_bundle(tiny_bundle).selftest.tokens)
    assert done.stdout.splitlines() == [
        f"{tiny_bundle}: every member is there and matches its hash.",
        f"Its self-test gives the words it must: {words!r}.",
    ]


def test_check_fails_where_the_words_are_others(tiny_bundle: Path, tmp_path: Path) -> None:
    bundle = read_bundle(tiny_bundle)
    wrong = dataclasses.replace(bundle.selftest, tokens=("zebra",))
    write_bundle(tmp_path / "b", dataclasses.replace(bundle, selftest=wrong))
    done = CliRunner().invoke(app, ["bundle", "check", str(tmp_path / "b")])
    assert isinstance(done.exception, BundleError)
    words = " ".join(bundle.selftest.tokens)
    assert f"expected 'zebra' of the self-test's picture, but got {words!r} (" in str(done.exception)


def test_check_fails_on_damage(tiny_bundle: Path, tmp_path: Path) -> None:
    data = bytearray(tiny_bundle.read_bytes())
    data[1000] ^= 1
    (tmp_path / "b").write_bytes(data)
    assert isinstance(CliRunner().invoke(app, ["bundle", "check", str(tmp_path / "b")]).exception, BundleError)


def test_the_installed_one_has_a_name() -> None:
    named, plain = (CliRunner().invoke(app, ["bundle", "show", *name]).stdout for name in (["default"], []))
    assert named == plain != ""
