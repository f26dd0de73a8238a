"""`captionkit explain`."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from captionkit.cli.app import app
from captionkit.errors import ImageError, UsageError
from captionkit.selftest import draw_picture


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
    assert sum(line.startswith("or: ") for line in rest) >= 1
    with Image.open(png) as image:
        assert image.format == "PNG"
    assert sentence in page.read_text(encoding="utf-8")


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


def test_a_png_is_called_so(tiny_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(draw_picture(3))
    with pytest.raises(UsageError, match=r"ends in \.png for --png, but got why\.jpg"):
        CliRunner().invoke(
            app,
            ["explain", str(tmp_path / "a.png"), "--bundle", str(tiny_bundle), "--png", "why.jpg"],
            catch_exceptions=False,
        )
