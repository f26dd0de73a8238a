"""`captionkit explain`."""

from __future__ import annotations

import dataclasses
import html
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from captionkit.bundle import read_bundle, write_bundle
from captionkit.captioner import Captioner
from captionkit.cli.app import app
from captionkit.confidence import Calibration
from captionkit.decoding import Beam
from captionkit.detectors.things import CLASSES, ThingDetector
from captionkit.errors import ImageError, UsageError
from captionkit.selftest import draw_picture

CAT = 281  # a class of ImageNet


def test_text_picture_and_page(tiny_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(draw_picture(3))
    png, page = tmp_path / "why.png", tmp_path / "why.html"
    done = CliRunner().invoke(
        app,
        ["explain", str(tmp_path / "a.png"), "--bundle", str(tiny_bundle), "--png", str(png), "--html", str(page)],
        catch_exceptions=False,
    )
    assert done.exit_code == 0
    sentence, *rest = done.output.splitlines()
    words = sentence.rstrip(".").lower().split()
    assert [line.split()[0] for line in rest[: len(words)]] == words
    others = [line for line in rest if line.startswith("or: ")]
    assert others
    assert all(re.search(r" % a word, log-probability -\d", line) for line in others)
    assert rest[-2:] == [f"wrote {png}", f"wrote {page}"]
    with Image.open(png) as image:
        assert image.format == "PNG"
    assert sentence in page.read_text(encoding="utf-8")


def test_what_is_asked_of_the_search_and_of_the_maps(tiny_bundle: Path, tmp_path: Path) -> None:
    """The options do what they say; each word says how likely it was, where it is and what else might be."""
    bundle = read_bundle(tiny_bundle)
    sure = Calibration(0.4, (0.0,), (1.0,), (0.0,), 1.0, 0.0, features=("mean",))
    write_bundle(tmp_path / "sure.captionkit", dataclasses.replace(bundle, calibration=sure.to_document()))
    photo = tmp_path / "a.png"
    photo.write_bytes(draw_picture(3))

    def told(*options: str) -> list[str]:
        words = ["explain", str(photo), "--bundle", str(tmp_path / "sure.captionkit"), *options]
        return CliRunner().invoke(app, words, catch_exceptions=False).stdout.splitlines()

    captioner = Captioner.load(tmp_path / "sure.captionkit", threads=1)
    search = Beam(1, length_penalty=bundle.decoding.length_penalty, max_length=bundle.decoding.max_length)
    (narrow,) = captioner.caption([photo], search=search)
    sentence, confidence, *rest = told("--beams", "1", "--others", "0")
    assert sentence == narrow.text
    assert sentence != told()[0]
    assert confidence == "confidence 73 %"  # the logistic of 1
    assert [line.split()[0] for line in rest] == list(narrow.captions[0].tokens)
    shape = r"  (\w+) +\d[\d.]* %  Covering .*\.  \(else: \w+ \d[\d.]* %, \w+ \d[\d.]* %, \w+ \d[\d.]* %\)"
    assert all(re.fullmatch(shape, line) for line in rest)
    assert len({line.index("%") for line in rest}) == 1  # they stand in a column
    assert [sum(line.startswith("or: ") for line in told(*more)) for more in ([], ["--others", "1"])] == [4, 1]


def test_a_sentence_that_would_be_hedged_is_said_to_be(tiny_bundle: Path, tmp_path: Path) -> None:
    unsure = Calibration(0.4, (0.0,), (1.0,), (0.0,), 1.0, 0.8, features=("mean",))
    bundle = dataclasses.replace(read_bundle(tiny_bundle), calibration=unsure.to_document())
    path, page = tmp_path / "unsure.captionkit", tmp_path / "why.html"
    write_bundle(path, bundle)
    (tmp_path / "a.png").write_bytes(draw_picture(3))
    words = ["explain", str(tmp_path / "a.png"), "--bundle", str(path), "--html", str(page)]
    lines = CliRunner().invoke(app, words, catch_exceptions=False).stdout.splitlines()
    assert not lines[0].startswith("Possibly")
    assert lines[1] == 'confidence 73 %, hedged as "Possibly: ..."'
    assert "Confidence 73 %, hedged as &quot;Possibly: ...&quot;; log-probability -" in page.read_text("utf-8")


def test_bad_input_is_one_sentence_and_leaves_no_file(tiny_bundle: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no picture")
    options = ["--bundle", str(tiny_bundle), "--html"]
    with pytest.raises(ImageError, match=r"bad\.jpg"):
        CliRunner().invoke(app, ["explain", str(bad), *options, str(tmp_path / "o.html")], catch_exceptions=False)
    with pytest.raises(UsageError, match="--html"):
        CliRunner().invoke(
            app, ["explain", str(bad), *options, str(tmp_path / "none" / "o.html")], catch_exceptions=False
        )
    assert [path.name for path in tmp_path.iterdir()] == ["bad.jpg"]


def test_a_picture_may_come_through_a_pipe(tiny_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(draw_picture(3))
    options = ["--bundle", str(tiny_bundle)]
    piped = CliRunner().invoke(app, ["explain", "-", *options], input=draw_picture(3), catch_exceptions=False)
    assert piped.exit_code == 0
    assert piped.output == CliRunner().invoke(app, ["explain", str(tmp_path / "a.png"), *options]).output
    with pytest.raises(ImageError, match="the picture"):
        CliRunner().invoke(app, ["explain", "-", *options], input=b"no picture", catch_exceptions=False)


def test_a_png_is_called_so(tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").write_bytes(draw_picture(3))
    with pytest.raises(UsageError, match=r"ends in \.png for --png, but got why\.jpg"):
        CliRunner().invoke(
            app,
            ["explain", str(tmp_path / "a.png"), "--bundle", str(tiny_bundle), "--png", "why.jpg"],
            catch_exceptions=False,
        )


def test_it_says_what_a_caption_had_to_name(tiny_bundle: Path, tmp_path: Path) -> None:
    bundle = read_bundle(tiny_bundle)
    bias = np.zeros(CLASSES, np.float32)
    bias[CAT] = 30.0
    things = ThingDetector(np.zeros((bundle.manifest.network.depth, CLASSES), np.float32), bias).to_bytes()
    guided, photo = tmp_path / "guided.captionkit", tmp_path / "photo.png"
    write_bundle(guided, dataclasses.replace(bundle, things=things))
    photo.write_bytes(draw_picture(0))
    told = [
        CliRunner().invoke(app, ["explain", str(photo), "--bundle", str(path), "--html", str(page)]).stdout
        for path, page in ((guided, tmp_path / "a.html"), (tiny_bundle, tmp_path / "b.html"))
    ]
    sentence = 'It had to name a thing that the picture surely shows ("cat"): the likeliest sentence did not.'
    pages = [(tmp_path / name).read_text("utf-8") for name in ("a.html", "b.html")]
    assert [sentence in one for one in told] == [True, False]
    assert [html.escape(sentence) in one for one in pages] == [True, False]
