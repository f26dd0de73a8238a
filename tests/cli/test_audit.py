"""`captionkit audit` as a person runs it."""

from __future__ import annotations

import json
from itertools import takewhile
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from captionkit.bundle import DEFAULT_BUNDLE
from captionkit.cli.app import app
from captionkit.config import Config, DataConfig, write_config
from captionkit.errors import CaptionkitError
from captionkit.tokenizer import Tokenizer
from tests.audit.scenes import CAPTIONS, jpeg, scene


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["audit", *map(str, arguments)])


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Six pictures in three splits, with five captions each."""
    rows = ["image\tcaption\tsplit"]
    for number in range(6):
        (tmp_path / f"{number}.jpg").write_bytes(jpeg(scene(number)))
        split = ("train", "val", "test")[number % 3]
        rows += [f"{number}.jpg\t{caption} Number {number} .\t{split}" for caption in CAPTIONS]
    path = tmp_path / "data.tsv"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_a_clean_data_set(table: Path) -> None:
    result = run(table)
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[:2] == [f"{table}, read as table: 6 pictures", "Nothing found."]
    assert result.output.strip().splitlines()[-1] == (
        "comparable to the published Flickr8k / Flickr30k / COCO tables: no, because these are not the pictures "
        "of Flickr8k / Flickr30k / COCO"
    )


def test_a_leak_gives_exit_code_1_and_json_tells_all(table: Path) -> None:
    (table.parent / "5.jpg").write_bytes((table.parent / "0.jpg").read_bytes())
    result = run(table, "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["format"] == "table"
    assert document["findings"][0]["weight"] == "leak"
    assert document["findings"][0]["examples"] == ["0.jpg (train) = 5.jpg (test)"]
    assert document["comparable"]["answer"] is False
    assert run(table, "--no-pictures").exit_code == 0


def test_vocabulary_scores_and_run(table: Path, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(Tokenizer(["dog", "5"]).to_json())
    result = run(table, "--vocabulary", tmp_path / "tokenizer.json", "--no-pictures")
    assert result.exit_code == 1
    assert "1 word of the vocabulary occurs in test captions" in result.output

    # It has words from elsewhere: were these from there too?
    (tmp_path / "tokenizer.json").write_text(Tokenizer(["dog", "5", "zebra"]).to_json())
    result = run(table, "--vocabulary", tmp_path / "tokenizer.json", "--no-pictures")
    assert result.exit_code == 0
    assert "problem: 1 word of the vocabulary occurs in test captions" in result.output
    (tmp_path / "others.csv").write_text("image,caption\nz.jpg,5 zebra .\n")
    more = ("--trained-on", tmp_path / "others.csv")
    result = run(table, "--vocabulary", tmp_path / "tokenizer.json", "--no-pictures", *more)
    assert result.output.splitlines()[1].startswith("note: The pictures were not looked at")

    (tmp_path / "scores.json").write_text('{"BLEU-4": 0.99}')
    result = run(table, "--scores", tmp_path / "scores.json", "--no-pictures")
    assert result.exit_code == 0
    assert "problem: BLEU-4 99.0" in result.output
    assert "a problem in scores" in result.output

    folder = tmp_path / "run"
    folder.mkdir()
    config = Config(data=DataConfig(captions="gone.json", val="test"))
    (folder / "config.toml").write_text(write_config(config))
    (folder / "tokenizer.json").write_text(Tokenizer(["dog", "4"]).to_json())
    result = run(table, "--run", folder, "--no-pictures")
    assert result.exit_code == 1
    assert "chose its best epoch on the test split" in result.output
    assert "1 word of the vocabulary occurs in val captions" in result.output


def test_runs_that_a_run_builds_on(table: Path, tmp_path: Path, tiny_bundle: Path) -> None:
    """Three folders, each beginning from the next, and a bundle; the last folder chose by the test split."""
    one, two, three = (tmp_path / name for name in ("one", "two", "three"))
    encoder = f"encoder.weights = {str(two / 'encoder.safetensors')!r}"
    for folder, text in (
        (one, f"training.begin_from = {str(two)!r}\ntraining.teachers = {str(tiny_bundle)!r}\n{encoder}"),
        (two, f"training.begin_from = '{tmp_path / 'gone'} {three}'"),
        (three, f"data.val = 'test'\ntraining.begin_from = {str(one)!r}\nencoder.weights = 'published.npz'"),
    ):
        folder.mkdir()
        (folder / "config.toml").write_text(text + "\n")
    document = json.loads(run(table, "--run", one, "--no-pictures", "--json").stdout)
    said = [entry["message"] for entry in document["findings"] if entry["check"] == "run"]
    assert any(f"({three}) chose its best epoch on the test split" in message for message in said)
    assert sum("it builds on" in message and "gone" in message for message in said) == 1
    assert not any("published" in message for message in said)


def test_dev_is_val(table: Path) -> None:
    dev, val = (run(table, "--split", split, "--no-pictures") for split in ("dev", "val"))
    assert dev.exit_code == val.exit_code == 0
    assert dev.output == val.output


def test_where_pictures_columns_and_splits_are_may_be_told(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    for name, seed in (("a", 0), ("b", 1), ("c", 0)):
        (tmp_path / "elsewhere" / f"{name}.jpg").write_bytes(jpeg(scene(seed)))
        (tmp_path / f"the-{name}-ones").write_text(f"{name}.jpg\n")
    (tmp_path / "t.csv").write_text(
        "foto,wort,teil,nummer\na.jpg,A dog .,train,n1\nb.jpg,A cat .,val,n2\nc.jpg,A dog runs .,test,n3\n"
    )
    (tmp_path / "t.txt").write_text("a.jpg#0\tA dog .\nb.jpg#0\tA cat .\nc.jpg#0\tA dog runs .\n")
    columns = (
        "--image-column",
        "foto",
        "--caption-column",
        "wort",
        "--split-column",
        "teil",
        "--id-column",
        "nummer",
    )
    lists = [
        f"--{name}-list={tmp_path}/the-{one}-ones"
        for name, one in zip(("train", "val", "test"), "abc", strict=True)
    ]
    for source, options, pair in (
        ("t.csv", columns, "n1 (train) = n3 (test)"),
        ("t.txt", lists, "a.jpg (train) = c.jpg (test)"),
    ):
        result = run(tmp_path / source, "--images", tmp_path / "elsewhere", *options, "--json")
        assert json.loads(result.stdout)["findings"][0]["examples"] == [pair]
        mistaken = run(tmp_path / source, "--images", tmp_path / "elsewhere", *options, "--format", "folder")
        assert isinstance(mistaken.exception, CaptionkitError)


def test_what_the_reader_met_and_what_is_known_of_its_format_are_told(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        "image,caption,split\na.jpg,A dog .,train\na.jpg,A cat .,test\nb.jpg,Sea .,test\n"
    )
    result = run(tmp_path / "t.csv", "--no-pictures")
    assert result.exit_code == 1
    assert "leak: 1 picture has caption rows or list entries in several splits" in result.output
    (tmp_path / "annotations").mkdir()
    (tmp_path / "val2014").mkdir()
    names = [f"COCO_val2014_{number:012}.jpg" for number in (1, 2)]
    coco = {
        "images": [{"id": number, "file_name": name} for number, name in enumerate(names)],
        "annotations": [{"id": n, "image_id": n, "caption": f"A dog {n} ."} for n in range(2)],
    }
    path = tmp_path / "annotations" / "captions_val2014.json"
    path.write_text(json.dumps(coco))
    result = run(path, "--no-pictures")
    assert f"{path}, read as coco: 2 pictures" in result.output
    assert "problem: COCO's official val split overlaps Karpathy's train split" in result.output


def test_so_many_examples_are_shown(tmp_path: Path) -> None:
    (tmp_path / "words.json").write_text(Tokenizer(["dog", "one", "two", "three", "four", "five"]).to_json())
    (tmp_path / "t.csv").write_text(
        "image,caption,split\na.jpg,A dog .,train\nb.jpg,A dog .,val\nc.jpg,one two three four five,test\n"
    )

    def shown(*options: str) -> list[str]:
        lines = run(tmp_path / "t.csv", "--vocabulary", tmp_path / "words.json", "--no-pictures", *options).stdout
        _, *after = lines[lines.index("leak: ") :].splitlines()
        return [line.strip() for line in takewhile(lambda line: line.startswith("    "), after)]

    assert len(shown("--show", "5")) == 5
    assert shown("--show", "4") == [*shown("--show", "5")[:4], "... and 1 more (--show, --json)"]
    assert shown() == [*shown("--show", "5")[:3], "... and 2 more (--show, --json)"]
    assert shown("--show", "0") == []


def test_a_bundle_tells_what_it_was_trained_on(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "flickr8k").mkdir()
    images = [
        {"filename": name, "split": split, "sentences": [{"raw": "A dog ."}]}
        for name, split in (("2.jpg", "train"), ("9.jpg", "val"))
    ]
    (tmp_path / "flickr8k" / "dataset_flickr8k.json").write_text(json.dumps({"images": images}))
    monkeypatch.setenv("CAPTIONKIT_DATA", str(tmp_path))
    for bundle in (DEFAULT_BUNDLE, "default"):
        result = run(table, "--run", bundle, "--no-pictures")
        assert "1 held-out picture is among the 1 that the model was trained on" in result.output
        assert "of the vocabulary" in result.output
        assert result.exit_code == 1


def test_what_a_model_was_trained_on(table: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("image,caption\n2.jpg,A dog .\n77.jpg,A cat .\n")
    result = run(table, "--trained-on", other, "--no-pictures")
    assert result.exit_code == 1
    assert "1 held-out picture is among the 2 that the model was trained on" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--split", "tset"], "but got 'tset'; did you mean 'test'"),
        (["--split", "vaal"], "did you mean 'val'"),
        (["--split", "train"], "Expected --split val or test, but got 'train'"),
        (["--scores", "data.tsv"], "is not JSON"),
        (["--scores", "deep.json"], "is not JSON"),
        (["--vocabulary", "missing.json"], "missing.json"),
        (["--run", "nowhere"], "config.toml"),
    ],
)
def test_mistakes_are_one_sentence(table: Path, arguments: list[str], message: str) -> None:
    option, value = arguments
    (table.parent / "deep.json").write_text("[" * 100_000)
    path = table.parent / value if option != "--split" else value
    result = run(table, option, path, "--no-pictures")
    assert isinstance(result.exception, CaptionkitError)
    assert message in str(result.exception)


def test_a_data_set_that_is_none(tmp_path: Path) -> None:
    assert isinstance(run(tmp_path / "nothing.json").exception, CaptionkitError)
