"""`captionkit features` as a person runs it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from captionkit.cli.app import app
from captionkit.errors import CaptionkitError
from captionkit.training.feature_cache import FeatureCache
from tests.datasets.pictures import jpeg

RECIPE = """
[data]
format = "table"
captions = "{folder}/captions.csv"
images = "{folder}"

[encoder]
name = "tiny"
weights = "none"
image_size = 32
"""


@pytest.fixture
def recipe(tmp_path: Path, tiny_encoder: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hundred train and ten dev pictures, and a recipe for them."""
    monkeypatch.setenv("CAPTIONKIT_CACHE", str(tmp_path / "cache"))
    rows = ["image,caption,split"]
    for number in range(110):
        (tmp_path / f"{number}.jpg").write_bytes(jpeg(number % 7))
        rows.append(f"{number}.jpg,A dog number {number}.,{'train' if number < 100 else 'val'}")
    (tmp_path / "captions.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (tmp_path / "recipe.toml").write_text(RECIPE.format(folder=tmp_path), encoding="utf-8")
    return tmp_path / "recipe.toml"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["features", *map(str, arguments)])


def test_features_are_made_then_found_and_checked(recipe: Path) -> None:
    done = run(recipe, "--quiet")
    assert done.exit_code == 0, done.output
    (folder,) = (recipe.parent / "cache").iterdir()
    assert done.output.strip() == f"110 x 4 x 24 float16 in {folder}"
    before = folder.joinpath("manifest.json").stat().st_mtime_ns
    again = run(recipe, "--check")
    assert again.exit_code == 0, again.output
    assert "all shards whole" in again.output
    assert folder.joinpath("manifest.json").stat().st_mtime_ns == before
    assert FeatureCache.open(folder).ids[:2] == ("0.jpg", "1.jpg")
    shard = max(folder.iterdir(), key=lambda path: path.stat().st_size)
    shard.write_bytes(shard.read_bytes()[:-1] + b"\x7f")
    assert f"{shard} is damaged: it does not match its SHA-256" in str(run(recipe, "--check").exception)


def test_a_trainable_encoder_gets_pixels(recipe: Path) -> None:
    done = run(recipe, "encoder.trainable=true", "--quiet")
    assert "110 x 32 x 32 x 3 uint8" in done.output


def test_other_views_of_the_train_pictures_are_made_too(recipe: Path) -> None:
    done = run(recipe, "training.views=2", "--quiet", "--check")
    assert done.exit_code == 0, done.output
    first, second = done.output.strip().splitlines()
    assert first.startswith("110 x 4 x 24 float16 in ")
    assert second.startswith("100 x 4 x 24 float16 in ")
    assert len(list((recipe.parent / "cache").iterdir())) == 2


def test_a_bad_picture_is_reported_and_the_rest_is_done(recipe: Path) -> None:
    (recipe.parent / "3.jpg").write_bytes(b"not a picture")
    done = run(recipe, "training.views=2", "--quiet")
    assert done.exit_code == 1
    assert [line.split(" x ")[0] for line in done.stdout.splitlines()] == ["109", "99"]
    assert done.stderr.startswith("skipped 3.jpg: Expected a picture")
    assert done.stderr.count("\n") == 1


def test_without_tensorflow_it_says_what_to_install(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    assert "This needs TensorFlow, which is not installed" in str(run(recipe).exception)


def test_a_wrong_folder_is_told_where_a_cache_is_there_already(recipe: Path) -> None:
    assert run(recipe, "--quiet").exit_code == 0
    result = run(recipe, f"data.images={recipe.parent / 'elsewhere'}")
    assert isinstance(result.exception, CaptionkitError)
    assert "Expected data.images at" in str(result.exception)


def test_a_mistyped_key_is_told(recipe: Path) -> None:
    result = run(recipe, "encoder.nam=vgg16")
    assert isinstance(result.exception, CaptionkitError)
    assert "did you mean 'name'" in str(result.exception)


def test_data_that_nobody_divided_are_told_before_tensorflow_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(1))
    (tmp_path / "captions.csv").write_text("image,caption\na.jpg,A dog .\n", encoding="utf-8")
    text = RECIPE.format(folder=tmp_path).replace('"tiny"', '"vgg16"')
    (tmp_path / "recipe.toml").write_text(text, encoding="utf-8")
    monkeypatch.setitem(sys.modules, "captionkit.training.pictures", None)  # which imports it
    with pytest.raises(CaptionkitError, match="captionkit data split"):
        CliRunner().invoke(app, ["features", str(tmp_path / "recipe.toml")], catch_exceptions=False)
