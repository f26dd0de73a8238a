"""Reports of a run, a bundle and an evaluation, with a real bundle and real picture files."""

from __future__ import annotations

import dataclasses
import html.parser
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from captionkit.bundle import read_bundle, write_bundle
from captionkit.captioner import Captioner
from captionkit.cli.app import app
from captionkit.confidence import Calibration, in_fit_half
from captionkit.errors import DataError, UsageError
from captionkit.records import ImageRecord
from captionkit.report import Report, describe_run, describe_split, format_report
from captionkit.report.findings import words_of
from captionkit.report.page import _cell
from captionkit.selftest import draw_picture
from tests.tiny import WORDS

LEVEL = 0.4
HISTORY = [
    {"step": 10, "epoch": 1.0, "loss": 5.0, "CIDEr": 0.3, "BLEU-4": 0.1},
    {"step": 20, "epoch": 2.0, "loss": 4.0, "CIDEr": 0.5, "BLEU-4": 0.2},
]


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[ImageRecord]:
    root = tmp_path_factory.mktemp("report")
    random = np.random.default_rng(0)
    made = []
    for seed in range(40):
        path = root / f"{seed}.png"
        path.write_bytes(draw_picture(seed, size=32))
        texts = tuple(" ".join(random.choice(WORDS, 6)) for _ in range(5))
        made.append(ImageRecord(path.name, path, texts, "val", ""))
    return made


@pytest.fixture(scope="module")
def captioner(tiny_bundle: Path) -> Captioner:
    known = Calibration(LEVEL, (-1.0,) * 5, (1.0,) * 5, (1.0, 0.1, 0.0, 0.0, 0.0), 0.0, 0.2)
    return Captioner(dataclasses.replace(read_bundle(tiny_bundle), calibration=known.to_document()), threads=1)


@pytest.fixture(scope="module")
def found(captioner: Captioner, records: list[ImageRecord]) -> Report:
    plain = describe_run(None, captioner)
    metrics = ("BLEU", "CIDEr-D")
    return describe_split(plain, captioner, records, split="val", metrics=metrics, gallery=3, quiet=True)


def test_the_gallery_is_sorted_and_says_what_the_captioner_says(
    found: Report, captioner: Captioner, records: list[ImageRecord]
) -> None:
    assert len(found.best) == len(found.middle) == len(found.worst) == 3
    best, middle, worst = ([one.quality for one in part] for part in (found.best, found.middle, found.worst))
    assert best == sorted(best, reverse=True)
    assert worst == sorted(worst)
    assert min(best) >= max(middle) >= min(middle) >= max(worst)
    (again,) = captioner.caption([found.best[0].path])
    assert found.best[0].caption == again.text
    assert found.best[0].confidence == pytest.approx(again.confidence, abs=2e-4)  # it was one of a batch
    (record,) = [one for one in records if one.id == found.best[0].id]
    assert found.best[0].references == record.captions


def test_scores_have_intervals_around_them(found: Report) -> None:
    assert {"BLEU-4", "CIDEr-D"} <= found.scores.keys()
    for name, interval in found.intervals.items():
        assert interval.low <= found.scores[name] <= interval.high


def test_confidence_is_judged_where_it_was_not_fitted(found: Report, records: list[ImageRecord]) -> None:
    assert found.judging is not None
    assert found.judging.level == LEVEL
    assert len(found.judging.confidence) == sum(not in_fit_half(record.id) for record in records)


def test_where_no_caption_is_worth_anything_the_page_has_no_nan(found: Report) -> None:
    assert found.judging is not None
    none = dataclasses.replace(found.judging, quality=np.zeros_like(found.judging.quality))
    page = format_report(dataclasses.replace(found, judging=none))
    assert "no caption scores above 0" in page
    assert " nan " not in page
    assert "the surest half has" in format_report(found)


class _Tags(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.anchors: set[str] = set()
        self.pictures: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        assert "style" not in named
        assert tag != "script"
        for key in ("src", "href"):
            assert (named.get(key) or "#").startswith(("#", "data:image/jpeg;base64,"))
        self.ids.add(named.get("id") or "")
        if tag == "a":
            self.anchors.add((named["href"] or "")[1:])
        if tag == "img":
            self.pictures.append(named["alt"] or "")


def test_the_page_is_whole_and_fetches_nothing(found: Report) -> None:
    page = format_report(dataclasses.replace(found, history=HISTORY))

    tags = _Tags()
    tags.feed(page)
    assert tags.anchors <= tags.ids
    assert {"scores", "training", "confidence", "words", "best", "middle", "worst"} <= tags.anchors
    assert len(tags.pictures) == 9
    assert all(alt.startswith("A person wrote: ") for alt in tags.pictures)
    assert page.count('<svg role="img"') == 5
    assert "Show and Tell (NIC)" in page


def test_a_page_has_no_section_for_what_there_is_none_of() -> None:
    page = format_report(Report("One", {}))
    for name in ("<h2", "<dl>", "Warnings", "photographs"):
        assert name not in page
    told = format_report(Report("One", {"beams": "3"}, warnings=("Only 3 pictures.",)))
    for name in ("<h2", "<dl>", "Warnings"):
        assert name in told


def test_a_history_that_says_nothing_known_is_no_table_of_it(found: Report) -> None:
    page = format_report(dataclasses.replace(found, history=[{"step": 1, "other": "<b>"}, {"step": 2}]))
    odd: list[dict[str, object]] = [
        {"epoch": "first", "loss": 1.0},
        {"epoch": 2, "loss": "high"},
        {"epoch": 3, "loss": 4.0},
    ]
    assert "Training loss by epoch: 4.00 to 4.00." in format_report(dataclasses.replace(found, history=odd))
    assert "The numbers of the curve" in page
    assert "<b>" not in page


def test_a_cell_holds_a_number_a_word_or_nothing() -> None:
    assert [_cell(value) for value in (0.123456789, 7, "best", None)] == ["0.12346", "7", "best", ""]


def test_captions_and_names_cannot_break_out_of_the_page(found: Report) -> None:
    evil = "<script>alert(1)</script>@STYLE@"
    one = dataclasses.replace(found.best[0], caption=evil, id=evil, references=(evil,), path=Path(evil))
    told, untold = (
        dataclasses.replace(found.best[1], id=f'">{evil}', references=several) for several in ((f'">{evil}',), ())
    )
    best = (one, told, untold)
    page = format_report(
        dataclasses.replace(found, title=evil, best=best, facts={evil: evil}, warnings=(evil,), signature=evil)
    )
    assert "<script" not in page
    assert page.count('alt="A person wrote: &quot;&gt;&lt;script') == 2
    assert "cannot be read" in page


def test_words_are_compared_with_peoples_by_hand() -> None:
    said = [["a", "dog"], ["a", "dog"], ["a", "dog"], ["a", "man", "runs"]]
    people = [[["a", "cat"], ["a", "man"]] for _ in said]
    found = words_of(said, people)
    assert found.lengths == {2: 0.75, 3: 0.25}
    assert found.people_lengths == {2: 1.0}
    assert found.too_often[0][:2] == ("dog", 3.0)
    word, seen, expected = found.too_rarely[0]
    assert (word, seen) == ("cat", 0.0)
    assert expected == pytest.approx(9 * 4 / 16)
    assert (found.varied.vocabulary, found.people.vocabulary) == (4, 2)
    for own, theirs in ((["a", "cat"], ["a", "cat"]), (["a"] * 21, ["a"] * 19)):  # 19 * (21 / 19) is more than 21
        alike = words_of([own], [[theirs]])
        assert alike.too_often == alike.too_rarely == ()
    assert {word for word, _, _ in found.too_often}.isdisjoint(word for word, _, _ in found.too_rarely)


@pytest.mark.parametrize(
    "option", ["--split", "--images", "--format", "--train-list", "--val-list", "--test-list", "--gallery"]
)
def test_options_of_data_without_data(tiny_bundle: Path, option: str) -> None:
    value = "8" if option == "--gallery" else "test"
    with pytest.raises(UsageError, match=f"Expected DATA beside {option}"):
        CliRunner().invoke(app, ["report", str(tiny_bundle), option, value], catch_exceptions=False)


def test_a_mistyped_table_is_told(tiny_bundle: Path) -> None:
    with pytest.raises(UsageError, match="Unknown published table 'Flickr8'; did you mean 'Flickr8k'"):
        CliRunner().invoke(app, ["report", str(tiny_bundle), "--table", "Flickr8"], catch_exceptions=False)


def test_one_picture_has_no_cider_and_no_report(captioner: Captioner, records: list[ImageRecord]) -> None:
    with pytest.raises(DataError, match="This needs CIDEr-D, which is undefined on one picture"):
        describe_split(describe_run(None, captioner), captioner, records[:1], split="val", quiet=True)


def test_a_bundle_alone_says_what_it_was_scored_with(captioner: Captioner, tmp_path: Path) -> None:
    bundle = captioner.bundle
    manifest = dataclasses.replace(bundle.manifest, scores={"BLEU-4": 0.2}, fingerprint={"images": "3"})
    stated = describe_run(None, Captioner(dataclasses.replace(bundle, manifest=manifest), threads=1), table="none")
    assert (stated.title, stated.scores, stated.published) == (manifest.name, {"BLEU-4": 0.2}, ())
    assert stated.signature == "images:3"
    write_bundle(tmp_path / "scored.captionkit", dataclasses.replace(bundle, manifest=manifest))
    output = tmp_path / "r.html"
    command = ["report", str(tmp_path / "scored.captionkit"), "-o", str(output)]
    for options, shown in (([], "Flickr8k"), (["--table", "COCO"], "COCO"), (["--table", "none"], None)):
        assert CliRunner().invoke(app, [*command, *options], catch_exceptions=False).exit_code == 0
        for table in ("Flickr8k", "Flickr30k", "COCO"):
            assert (f"test split of {table}" in output.read_text()) is (table == shown)


def test_pictures_that_the_confidence_was_fitted_on_do_not_judge_it(
    captioner: Captioner, records: list[ImageRecord]
) -> None:
    fitted = [record for record in records if in_fit_half(record.id)]
    gone = dataclasses.replace(fitted[4], path=Path("gone.png"))
    plain, some = describe_run(None, captioner), [*fitted[:4], gone]
    few = describe_split(plain, captioner, some, split="val", metrics=("BLEU",), quiet=True)
    assert few.judging is None
    assert len(few.best) == len(few.middle) == len(few.worst) == 4  # though a gallery has room for more
    assert [one for one in few.warnings if one.startswith(f"{gone.id}: ") and "gone.png" in one]


def test_the_run_in_this_folder_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lstm").mkdir()
    monkeypatch.chdir(tmp_path / "lstm")
    for name in (".", "..//lstm", "../lstm/."):
        assert describe_run(Path(name), None).title == "lstm"


def test_the_command_for_a_run_a_bundle_and_data(
    tiny_bundle: Path, records: list[ImageRecord], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    output = tmp_path / "r.html"
    with pytest.raises(UsageError, match="neither"):
        CliRunner().invoke(app, ["report", str(run), "-o", str(output)], catch_exceptions=False)
    (run / "history.jsonl").write_text("\n".join(map(json.dumps, HISTORY)))
    done = CliRunner().invoke(app, ["report", str(run), "-o", str(output)], catch_exceptions=False)
    assert done.exit_code == 0
    assert done.output == f"wrote {output}\n"
    assert "Dev scores by epoch: CIDEr-D 30.0 to 50.0, BLEU-4 10.0 to 20.0." in output.read_text()
    table = records[0].path.parent / "captions.jsonl"
    table.write_text(
        "\n".join(json.dumps({"image": one.id, "captions": list(one.captions)}) for one in records) + "\n"
    )
    with pytest.raises(UsageError, match="captionkit export"):
        CliRunner().invoke(app, ["report", str(run), str(table), "-o", str(output)], catch_exceptions=False)
    (run / "model.captionkit").write_bytes(tiny_bundle.read_bytes())
    history = (run / "history.jsonl").rename(tmp_path / "history.jsonl")
    CliRunner().invoke(app, ["report", str(run), "-o", str(output)], catch_exceptions=False)
    assert 'id="training"' not in output.read_text()
    history.rename(run / "history.jsonl")
    arguments = ["report", str(run), str(table), "--split", "all", "--gallery", "2", "-q", "-o", str(output)]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert (done.exit_code, done.output) == (0, f"wrote {output}\n")
    page = output.read_text()
    assert page.count("A person wrote: ") == 6
    assert 'id="training"' in page
    assert "test split of Flickr8k" not in page  # these pictures are not of it
    done = CliRunner().invoke(app, [*arguments, "--table", "COCO"], catch_exceptions=False)
    assert "test split of COCO" in output.read_text()


def test_words_are_ranked_by_how_unlikely_their_number_is_not_by_its_size() -> None:
    said = ["a"] * 40 + ["ball"] * 6 + ["dog"] * 14
    written = ["a"] * 30 + ["ball"] * 1 + ["dog"] * 29
    found = words_of([said], [[written]])
    assert found.too_often == (("ball", 6.0, 1.0), ("a", 40.0, 30.0))
    assert found.too_rarely == (("dog", 14.0, 29.0),)
