"""`captionkit score` from files to the terminal."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from captionkit.cli.app import app
from captionkit.errors import CaptionkitError
from captionkit.metrics import DocumentFrequency
from tests.metrics.corpora import invented

PICTURES = 40


@pytest.fixture
def files(tmp_path: Path) -> Path:
    predictions, references = invented(PICTURES)
    numbers = {name: number for number, name in enumerate(references)}
    results = [{"image_id": numbers[name], "caption": caption} for name, caption in predictions.items()]
    annotations = {
        "images": [{"id": number, "file_name": f"{name}.jpg"} for name, number in numbers.items()],
        "annotations": [
            {"image_id": numbers[name], "id": 100 * numbers[name] + place, "caption": caption}
            for name, group in references.items()
            for place, caption in enumerate(group)
        ],
    }
    (tmp_path / "results.json").write_text(json.dumps(results), encoding="utf-8")
    (tmp_path / "references.json").write_text(json.dumps(annotations), encoding="utf-8")
    worse = [{**entry, "caption": "a dog"} for entry in results]
    (tmp_path / "worse.json").write_text(json.dumps(worse), encoding="utf-8")
    return tmp_path


def run(folder: Path, *arguments: str, results: str = "results.json") -> str:
    command = ["score", str(folder / results), str(folder / "references.json"), "-m", "BLEU", "-m", "CIDEr-D"]
    done = CliRunner().invoke(app, [*command, *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_table(files: Path) -> None:
    out = run(files)
    assert "BLEU-4" in out
    assert "CIDEr-D" in out
    assert f"images:{PICTURES}|" in out


def test_json_with_intervals(files: Path) -> None:
    document = json.loads(run(files, "--json", "--confidence", "0.9", "--split", "test", "--resamples", "200"))
    assert document["fingerprint"]["split"] == "test"
    interval = document["confidence"]["CIDEr-D"]
    assert interval["low"] < document["scores"]["CIDEr-D"] < interval["high"]


def test_two_systems(files: Path) -> None:
    document = json.loads(run(files, "--json", "--compare", str(files / "worse.json"), "--resamples", "300"))
    assert document["comparison"]["CIDEr-D"]["difference"] < 0
    assert document["comparison"]["CIDEr-D"]["p_randomization"] < 0.05
    assert document["fingerprint_differences"] == []


def test_scores_of_another_protocol_bring_a_warning(files: Path) -> None:
    (files / "before.json").write_text(run(files, "--json", "--beams", "5"), encoding="utf-8")
    command = ["score", str(files / "results.json"), str(files / "references.json"), "-m", "BLEU", "-m", "CIDEr-D"]
    done = CliRunner().invoke(app, [*command, "--beams", "3", "--compare", str(files / "before.json")])
    assert "beams: 3 / 5" in done.stderr
    assert "do not compare" in done.stderr


def test_the_name_of_a_system_does_not_write_to_the_terminal(files: Path) -> None:
    other = files / "worse\x1b[31m.json"
    other.write_bytes((files / "worse.json").read_bytes())
    out = run(files, "--compare", str(other), "--resamples", "2")
    assert "worse\\x1b[31m" in out
    assert "\x1b" not in out


def test_latex_and_csv(files: Path) -> None:
    assert r"\toprule" in run(files, "--latex")
    assert run(files, "--csv").startswith("system,BLEU-1,")


def test_scores_of_each_picture(files: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run(files, "--per-image", "-"))))
    assert len(rows) == PICTURES
    run(files, "--per-image", str(files / "each.csv"))
    text = (files / "each.csv").read_text(encoding="utf-8")
    assert len(list(csv.DictReader(io.StringIO(text)))) == PICTURES


def test_a_stored_table_of_document_frequencies(files: Path) -> None:
    plain = json.loads(run(files, "--json", "--save-df", str(files / "df.npz")))
    stored = json.loads(run(files, "--json", "--df", str(files / "df.npz")))
    assert stored["scores"]["CIDEr-D"] == pytest.approx(plain["scores"]["CIDEr-D"])
    assert stored["fingerprint"]["metric CIDEr-D"] != plain["fingerprint"]["metric CIDEr-D"]


def test_a_table_of_document_frequencies_is_of_all_references(files: Path) -> None:
    run(files, "--json", "--save-df", str(files / "df.npz"))
    few = json.loads((files / "results.json").read_text(encoding="utf-8"))[:3]
    (files / "few.json").write_text(json.dumps(few), encoding="utf-8")
    run(files, "--json", "--save-df", str(files / "few.npz"), results="few.json")
    whole, same = DocumentFrequency.load(files / "df.npz"), DocumentFrequency.load(files / "few.npz")
    assert same.documents == whole.documents == PICTURES
    assert [list(values) for values in same.frequencies] == [list(values) for values in whole.frequencies]


@pytest.mark.parametrize("output", [["--csv"], ["--latex"], ["--per-image", "-"]])
def test_why_a_score_is_missing_is_said_beside_every_table(files: Path, output: list[str]) -> None:
    (files / "one.json").write_text(json.dumps([{"image_id": 0, "caption": "a dog"}]), encoding="utf-8")
    command = ["score", str(files / "one.json"), str(files / "references.json"), "-m", "CIDEr-D", *output]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert "captionkit: CIDEr-D not computed: " in done.stderr


@pytest.mark.parametrize("option", ["--json", "--csv", "--latex", "--confidence=0.9", "--compare=worse.json"])
def test_the_scores_of_pictures_take_the_place_of_the_table(files: Path, option: str) -> None:
    with pytest.raises(CaptionkitError, match="one of --per-image - and " + option.split("=")[0]):
        run(files, "--per-image", "-", option)


@pytest.mark.parametrize("form", ["--latex", "--csv"])
def test_intervals_are_not_asked_of_a_table_that_has_none(files: Path, form: str) -> None:
    with pytest.raises(CaptionkitError, match=f"one of --confidence and {form}"):
        run(files, "--confidence", "0.9", form)


@pytest.mark.parametrize("read", ["--compare", "--train", "--df"])
@pytest.mark.parametrize("written", ["--per-image", "--save-df"])
def test_nothing_that_is_read_is_written_over(files: Path, read: str, written: str) -> None:
    run(files, "--save-df", str(files / "df.npz"))
    path = files / ("df.npz" if read == "--df" else "worse.json")
    before = path.read_bytes()
    with pytest.raises(CaptionkitError, match=f"file of its own for {written}, .* is what this command reads"):
        run(files, read, str(path), written, str(path))
    assert path.read_bytes() == before


def test_what_is_not_given_is_not_stated(files: Path) -> None:
    fingerprint = json.loads(run(files, "--json", "--beams", "3"))["fingerprint"]
    assert (fingerprint["beams"], fingerprint["split"], fingerprint["objective"]) == ("3", *["not stated"] * 2)


def test_references_of_several_splits_call_for_one(files: Path) -> None:
    images = [
        {"cocoid": number, "filename": f"{number}.jpg", "split": split, "sentences": [{"raw": "a dog"}]}
        for number, split in enumerate(["test"] * PICTURES + ["train"])
    ]
    (files / "references.json").write_text(json.dumps({"images": images}), encoding="utf-8")
    command = ["score", str(files / "results.json"), str(files / "references.json"), "-m", "BLEU"]
    hint = "The references are of several splits (test, train); name the one that was captioned with --split."
    for arguments, expected in (([], True), (["--split", "test"], False), (["--split", "all"], False)):
        done = CliRunner().invoke(app, [*command, *arguments], catch_exceptions=False)
        assert (f"warning: {hint}\n" in done.stderr) == expected


def test_novel_captions(files: Path) -> None:
    document = json.loads(run(files, "--json", "--train", str(files / "worse.json"), results="worse.json"))
    assert document["diversity"]["novel"] == 0.0


def test_of_a_data_set_that_is_divided_only_the_train_captions_are_known(files: Path) -> None:
    images = [
        {"filename": f"{number}.jpg", "split": split, "sentences": [{"raw": text}]}
        for number, (split, text) in enumerate([("train", "a cat"), ("test", "a dog")])
    ]
    (files / "divided.json").write_text(json.dumps({"images": images}), encoding="utf-8")
    document = json.loads(run(files, "--json", "--train", str(files / "divided.json"), results="worse.json"))
    assert document["diversity"]["novel"] == 1.0
    images[0]["split"] = "val"  # divided, without train: all of them
    (files / "divided.json").write_text(json.dumps({"images": images}), encoding="utf-8")
    document = json.loads(run(files, "--json", "--train", str(files / "divided.json"), results="worse.json"))
    assert document["diversity"]["novel"] == 0.0


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ([{"image_id": 999, "caption": "a dog"}], "another split"),
        ([{"image_id": 0, "caption": "a"}, {"image_id": 999, "caption": "a"}], "1 of the 2 captioned pictures"),
        ([{"image_id": 0, "caption": "a"}, {"image_id": 0, "caption": "b"}], "two captions"),
        ([{"image_id": 0, "caption": 3}], "to be text"),
        ([{"image_id": 0, "caption": float("nan")}], "NaN"),
    ],
)
def test_bad_results_end_with_a_sentence(files: Path, results: object, message: str) -> None:
    (files / "results.json").write_text(json.dumps(results), encoding="utf-8")
    with pytest.raises(CaptionkitError, match=message):
        run(files)


def test_results_that_are_not_there(files: Path) -> None:
    with pytest.raises(CaptionkitError, match="Expected a readable file"):
        run(files, results="none.json")


def test_systems_on_other_pictures_are_not_compared(files: Path) -> None:
    results = json.loads((files / "results.json").read_text(encoding="utf-8"))
    (files / "fewer.json").write_text(json.dumps(results[:-1]), encoding="utf-8")
    with pytest.raises(CaptionkitError, match="1 only in results"):
        run(files, "--compare", str(files / "fewer.json"))


def test_one_kind_of_output(files: Path) -> None:
    with pytest.raises(CaptionkitError, match="one of --json"):
        run(files, "--json", "--csv")


def test_unknown_metric(files: Path) -> None:
    with pytest.raises(CaptionkitError, match="did you mean 'BLEU'"):
        run(files, "-m", "BLEUE")


def test_references_whose_format_cannot_be_told_are_read_as_what_they_are_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "results.csv").write_text("image,caption\n1.jpg,dog 1\n2.jpg,dog 2\n", encoding="utf-8")
    rows = [f"{number}.jpg#0\tDog {number}." for number in range(200)]
    (tmp_path / "references.txt").write_text("\n".join(["exported today", *rows]), encoding="utf-8")
    command = ["score", str(tmp_path / "results.csv"), str(tmp_path / "references.txt"), "-m", "BLEU"]
    told = CliRunner().invoke(app, command)
    assert isinstance(told.exception, CaptionkitError)
    assert "--format" in str(told.exception)
    done = CliRunner().invoke(app, [*command, "--format", "flickr8k"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "BLEU-1  100.0" in done.stdout
