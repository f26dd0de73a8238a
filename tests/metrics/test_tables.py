"""Scores on paper."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from captionkit.errors import DataError
from captionkit.metrics.diversity import diversity
from captionkit.metrics.significance import Comparison, Interval
from captionkit.metrics.tables import (
    Report,
    as_csv,
    as_json,
    as_latex,
    as_text,
    columns,
    per_image_csv,
    read_scores,
)
from captionkit.records import Scores

SCORES = Scores(
    corpus={"CIDEr-D": 0.5321, "BLEU-4": 0.209, "Other": 0.1},
    ids=("1", "2"),
    per_image={"CIDEr-D": np.array([0.5, 0.25]), "BLEU-4": np.array([0.0, 1.0])},
    fingerprint={"images": "2", "metric BLEU": "n=4"},
    not_computed={"SPICE": "no jar was given"},
    warnings=("Beware.",),
)
PLAIN = Report("my_model.json", SCORES, diversity([["a", "dog"], ["a", "cat"]]))
BOTH = Report(
    "my_model.json",
    SCORES,
    diversity([["a", "dog"]]),
    intervals={"CIDEr-D": Interval(0.5, 0.6)},
    other=("other", {"CIDEr-D": 0.6}),
    comparison={"CIDEr-D": Comparison(0.5321, 0.6, 0.0679, Interval(0.01, 0.1), 0.02, 0.03)},
)


def test_text_has_percent_in_the_usual_order_and_says_what_is_missing() -> None:
    lines = as_text(PLAIN).splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["BLEU-4", "CIDEr-D", "Other"]
    assert lines[2].split()[1] == "53.2"
    assert "SPICE not computed: no jar was given" in lines
    assert lines[-1] == "images:2|metric.BLEU:n=4"


def test_text_of_a_comparison() -> None:
    header = as_text(BOTH).splitlines()[0].split()
    assert header[:5] == ["x100", "my_model.json", "interval", "other", "difference"]
    line = next(line for line in as_text(BOTH).splitlines() if line.startswith("CIDEr-D"))
    for part in ("53.2", "[50.0, 60.0]", "60.0", "+6.8", "[1.0, 10.0]", "0.0200", "0.0300"):
        assert part in line


def test_latex_escapes_names_and_states_the_fingerprint() -> None:
    assert as_latex(PLAIN).splitlines()[1:] == [
        r"\begin{tabular}{lrrr}",
        r"\toprule",
        r"System & BLEU-4 & CIDEr-D & Other \\",
        r"\midrule",
        r"my\_model.json & 20.9 & 53.2 & 10.0 \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]
    table = as_latex(BOTH)
    assert table.startswith("% images:2|metric.BLEU:n=4\n")
    assert r"my\_model.json & 20.9 & 53.2 & 10.0 \\" in table
    assert r"other & -- & 60.0 & -- \\" in table
    assert r"a\textasciitilde{}b\textasciicircum{}2" in as_latex(replace(PLAIN, name="a~b^2"))


def test_csv() -> None:
    rows = list(csv.reader(io.StringIO(as_csv(BOTH))))
    assert rows[0] == ["system", "BLEU-4", "CIDEr-D", "Other"]
    assert rows[1] == ["my_model.json", "20.9000", "53.2100", "10.0000"]
    assert rows[2] == ["other", "", "60.0000", ""]


def test_json_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    path.write_text(as_json(BOTH), encoding="utf-8")
    document = json.loads(path.read_text(encoding="utf-8"))
    assert (document["system"], document["scale"]) == ("my_model.json", "x1")
    assert document["not_computed"] == {"SPICE": "no jar was given"}
    assert document["diversity"]["vocabulary"] == 2
    assert document["other"] == {"system": "other", "scores": {"CIDEr-D": 0.6}}
    assert not {"other", "comparison", "confidence"} & json.loads(as_json(PLAIN)).keys()
    assert document["warnings"] == ["Beware."]
    assert document["comparison"]["CIDEr-D"]["p_bootstrap"] == 0.02
    assert read_scores(path) == (dict(SCORES.corpus), dict(SCORES.fingerprint))


def test_captions_are_no_scores(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text('[{"image_id": 1, "caption": "a dog"}]', encoding="utf-8")
    assert read_scores(path) is None
    path.write_text("{", encoding="utf-8")
    assert read_scores(path) is None
    for value in ('"high"', "9" * 400, "1" + 400 * "0", "NaN", "1e999", "true"):
        path.write_text(f'{{"scores": {{"BLEU-4": {value}}}, "fingerprint": {{}}}}', encoding="utf-8")
        with pytest.raises(DataError, match="a number"):
            read_scores(path)


def test_a_row_a_picture() -> None:
    rows = list(csv.reader(io.StringIO(per_image_csv(SCORES, {"1": "a dog, a cat", "2": ""}))))
    assert rows == [
        ["image", "caption", "BLEU-4", "CIDEr-D"],
        ["1", "a dog, a cat", "0.000000", "0.500000"],
        ["2", "", "1.000000", "0.250000"],
    ]


def test_columns_beside_published_rows_are_in_their_order_and_say_cider_once() -> None:
    own = {"Z": 1.0, "CIDEr": 1.0, "CIDEr-D": 1.0, "A": 1.0, "BLEU-4": 1.0}
    assert columns(own, [{"METEOR": 1.0, "X": 1.0}, {"BLEU-1": 1.0}]) == [
        "BLEU-1",
        "BLEU-4",
        "METEOR",
        "CIDEr-D",
        "A",
        "Z",
    ]
    assert columns(own, []) == ["BLEU-4", "CIDEr-D", "A", "Z"]
