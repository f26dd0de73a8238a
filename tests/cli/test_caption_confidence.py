"""`captionkit caption` with a calibrated bundle: hedged, withheld, and told so in every format."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from captionkit.bundle import read_bundle, write_bundle
from captionkit.captioner import Captioner
from captionkit.cli.app import app
from captionkit.confidence import FEATURES, Calibration
from captionkit.errors import UsageError
from captionkit.selftest import draw_picture


@pytest.fixture(scope="module")
def folder(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures, and a bundle whose threshold lies between their confidences."""
    root = tmp_path_factory.mktemp("confidence")
    for seed in range(6):
        (root / f"{seed}.png").write_bytes(draw_picture(seed))
    plain = Calibration(0.4, (-1.0,) * 5, (1.0,) * 5, (1.0, 0.1, 0.0, 0.0, 0.0), 0.0, 0.0)
    assert FEATURES[:2] == ("mean", "total")
    assert len(FEATURES) == 5
    bundle = read_bundle(tiny_bundle)
    captioner = Captioner(dataclasses.replace(bundle, calibration=plain.to_document()), threads=1)
    found = captioner.caption(sorted(root.glob("*.png")))
    sure = sorted(one.confidence for one in found if one.confidence is not None)
    middle = (sure[2] + sure[3]) / 2
    known = dataclasses.replace(plain, hedge_below=middle).to_document()
    write_bundle(root / "sure.captionkit", dataclasses.replace(bundle, calibration=known))
    return root


def run(folder: Path, *options: str) -> list[str]:
    arguments = ["caption", str(folder), "--bundle", str(folder / "sure.captionkit"), "--threads", "1", *options]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout.splitlines()


def test_the_less_sure_half_is_hedged_by_default(folder: Path) -> None:
    texts = [line.split("\t")[1] for line in run(folder)]
    assert sum(text.startswith("Possibly: ") for text in texts) == 3
    assert all(text.removeprefix("Possibly: ")[0].islower() == text.startswith("Possibly: ") for text in texts)


def test_the_threshold_may_be_another(folder: Path) -> None:
    assert not any("Possibly" in line for line in run(folder, "--hedge-below", "0"))
    assert all("Possibly" in line for line in run(folder, "--hedge-below", "1"))


def test_abstaining_withholds_in_every_format(folder: Path) -> None:
    assert sum(line.endswith("\tunsure") for line in run(folder, "--abstain")) == 3
    documents = [json.loads(line) for line in run(folder, "--abstain", "--json")]
    assert sum(one["withheld"] for one in documents) == 3
    for one in documents:
        assert bool(one["captions"]) != one["withheld"]
        assert 0 < one["confidence"] < 1
    rows = list(csv.DictReader(io.StringIO("\n".join(run(folder, "--abstain", "--csv")))))
    assert sum(row["caption"] == "" for row in rows) == 3
    assert all(float(row["confidence"]) > 0 for row in rows)


def test_without_confidence_there_is_nothing_to_hedge_by(folder: Path, tiny_bundle: Path) -> None:
    for options in (
        ["--bundle", str(tiny_bundle), "--abstain"],
        ["--bundle", str(tiny_bundle), "--hedge-below", "0.2"],
    ):
        with pytest.raises(UsageError, match="calibrate the model first"):
            CliRunner().invoke(app, ["caption", str(folder / "0.png"), *options], catch_exceptions=False)
    with pytest.raises(UsageError, match="use beam search"):
        run(folder, "--greedy", "--abstain")
    assert not any("Possibly" in line for line in run(folder, "--greedy"))
