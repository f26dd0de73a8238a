"""A report as one self-contained HTML file: charts as SVG, pictures as small JPEGs, no script.

A report with photographs is for those who may have them: it is not to be published with the project.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from captionkit import __version__
from captionkit.errors import CaptionkitError, several
from captionkit.metrics.reliability import (
    brier_score,
    expected_calibration_error,
    gain_at,
    reliability_bins,
    risk_coverage,
)
from captionkit.metrics.tables import columns
from captionkit.report.charts import Line, bar_chart, line_chart, table
from captionkit.report.findings import Example, Judging, Report, Words
from captionkit.webpage import fill_page, thumbnail_address

THUMBNAIL = 320
_HEADINGS = {"CIDEr": "CIDEr-D"}  # what a run's history calls so
POINTS = 100  # of the risk-coverage curve that are drawn


def format_report(report: Report) -> str:
    """The page."""
    sections = [
        ("scores", "Scores", _scores(report) if report.scores else ""),
        ("training", "Training", _training(report) if report.history else ""),
        ("confidence", "Confidence", _confidence(report.judging) if report.judging else ""),
        ("words", "Words", _words(report.words) if report.words else ""),
        ("best", "Best pictures", _gallery("best", report.best)),
        ("middle", "Middle pictures", _gallery("middle", report.middle)),
        ("worst", "Worst pictures", _gallery("worst", report.worst)),
    ]
    there = [section for section in sections if section[2]]
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in report.facts.items())
    warnings = "".join(f"<li>{escape(line)}</li>" for line in report.warnings)
    body = "".join(
        f'<section aria-labelledby="{name}"><h2 id="{name}">{title}</h2>{content}</section>'
        for name, title, content in there
    )
    if warnings:
        body = f'<section aria-labelledby="warn"><h2 id="warn">Warnings</h2><ul>{warnings}</ul></section>{body}'
    photographs = (
        "The photographs belong to their owners: keep this file to yourself where their terms ask for it. "
        if report.best
        else ""
    )
    return fill_page(
        "captionkit.report",
        "page",
        {
            "TITLE": escape(report.title or "captionkit"),
            "FACTS": f"<dl>{facts}</dl>" if facts else "",
            "NAV": "".join(f'<a href="#{name}">{title}</a>' for name, title, _ in there),
            "SECTIONS": body,
            "FOOT": f"{photographs}Made by captionkit {__version__}.",
        },
    )


def _scores(report: Report) -> str:
    names = columns(report.scores, [row.values for row in report.published])
    cells = []
    for name in names:
        interval = report.intervals.get(name)
        between = f"<small>{100 * interval.low:.1f} to {100 * interval.high:.1f}</small>" if interval else ""
        cells.append(
            f"<td>{100 * report.scores[name]:.1f}{between}</td>" if name in report.scores else "<td></td>"
        )
    own = f'<tr class="own"><th scope="row">{escape(report.title)}</th>{"".join(cells)}<td>this report</td></tr>'
    others = "".join(
        f'<tr><th scope="row">{escape(row.system)}</th>'
        + "".join(f"<td>{row.values[name]:.1f}</td>" if name in row.values else "<td></td>" for name in names)
        + f"<td>{escape(row.source)}</td></tr>"
        for row in report.published
    )
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    note = "x100. Below each score its 95 % bootstrap interval over pictures. " if report.intervals else "x100. "
    compared = (
        f"Published rows are of the test split of {report.table}: a dev score compares with them only roughly, "
        "one on other pictures not at all."
        if report.published
        else ""
    )
    signed = f'<p class="note">{escape(report.signature)}</p>' if report.signature else ""
    scores = (
        f'<table><thead><tr><th scope="col">System</th>{heads}<th scope="col">Source</th></tr></thead>'
        f"<tbody>{own}{others}</tbody></table>"
    )
    return f'<p class="note">{note}{compared}</p>{_scrolling("Table of scores", scores)}{signed}'


def _training(report: Report) -> str:
    lines = [line for line in report.history if isinstance(line.get("epoch", line.get("step")), int | float)]

    def points(name: str) -> list[tuple[float, float]]:
        return [
            (float(line.get("epoch", line.get("step", 0))), float(line[name]))
            for line in lines
            if isinstance(line.get(name), int | float)
        ]

    scores = [
        Line(_HEADINGS.get(name, name), [(x, 100 * y) for x, y in points(name)], css)
        for name, css in (("CIDEr", "one"), ("BLEU-4", "two"))
        if points(name)
    ]
    charts = []
    if scores:
        ends = ", ".join(f"{line.name} {line.points[0][1]:.1f} to {line.points[-1][1]:.1f}" for line in scores)
        charts.append(
            line_chart(f"Dev scores by epoch: {ends}.", scores, x_label="epoch", y_label="dev score x100")
        )
    if loss := points("loss"):
        charts.append(
            line_chart(
                f"Training loss by epoch: {loss[0][1]:.2f} to {loss[-1][1]:.2f}.",
                [Line("loss", loss, "two")],
                x_label="epoch",
                y_label="training loss",
            )
        )
    shown = ("epoch", "loss", "CIDEr", "BLEU-4", "words", "learning_rate", "seconds")
    names = [name for name in shown if any(name in line for line in lines)]
    headings = [_HEADINGS.get(name, name) for name in names]
    rows = [[_cell(line.get(name)) for name in names] for line in lines if names]
    return f'<div class="charts">{"".join(charts)}</div>{_numbers("the curve", headings, rows)}'


def _confidence(judging: Judging) -> str:
    good = judging.quality >= judging.level
    bins = reliability_bins(judging.confidence, good)
    error = expected_calibration_error(judging.confidence, good)
    gain = gain_at(judging.confidence, judging.quality)
    worth = "no caption scores above 0" if math.isnan(gain) else f"the surest half has {gain:.2f} times all's"
    coverage, quality = risk_coverage(judging.confidence, judging.quality)
    # The first few pictures alone make the curve jump from nowhere.
    first = min(len(coverage) - 1, max(9, len(coverage) // 50))
    kept = range(first, len(coverage), max(1, len(coverage) // POINTS))
    charts = [
        line_chart(
            f"Reliability: how often captions of a confidence reach CIDEr-D {judging.level:g}. Expected "
            f"calibration error {error:.3f}.",
            [Line("captions, in bins of equal count", [(one.confidence, one.frequency) for one in bins])],
            x_label="confidence",
            y_label=f"share that reach CIDEr-D {judging.level:g}",
            x_range=(0, 1),
            y_range=(0, 1),
            diagonal=True,
        ),
        line_chart(
            f"Risk and coverage: CIDEr-D of the surest pictures; {worth}.",
            [Line("the surest captions", [(100 * coverage[at], 100 * quality[at]) for at in kept], dots=False)],
            x_label="captions kept, the surest first (%)",
            y_label="CIDEr-D x100",
            x_range=(0, 100),
        ),
    ]
    rows = [[f"{one.confidence:.2f}", f"{one.frequency:.2f}", str(one.count)] for one in bins]
    return (
        f'<p class="note">On the {several(len(judging.quality), "picture")} that it was not fitted on. '
        f"Expected calibration error {error:.3f}; Brier score {brier_score(judging.confidence, good):.3f}, "
        f"of a constant {float(good.mean() * (1 - good.mean())):.3f}. CIDEr-D: {worth}.</p>"
        f'<div class="charts">{"".join(charts)}</div>'
        f"{_numbers('the reliability diagram', ['confidence', 'share that reach it', 'captions'], rows)}"
    )


def _words(words: Words) -> str:
    longest = max([*words.lengths, *words.people_lengths], default=0)
    shares = [(words.lengths.get(n, 0.0), words.people_lengths.get(n, 0.0)) for n in range(longest + 1)]
    groups = [
        (str(n), 100 * own, 100 * theirs) for n, (own, theirs) in enumerate(shares) if max(own, theirs) >= 0.002
    ]
    speakers = (words.varied, words.people)
    facts = [
        ["Words a caption", *(f"{one.mean_length:.1f}" for one in speakers)],
        ["Distinct words", *(f"{one.vocabulary:,}" for one in speakers)],
        ["Distinct pairs of words, share", *(f"{one.distinct_2:.3f}" for one in speakers)],
        [
            "Most frequent caption",
            *(f"{one.most_frequent[0]} ({100 * one.most_frequent[1]:.1f} %)" for one in speakers),
        ],
    ]
    chart = bar_chart(
        f"Length of captions: the model's have {words.varied.mean_length:.1f} words on average, people's "
        f"{sum(n * share for n, share in words.people_lengths.items()):.1f}.",
        groups,
        ("the model", "people"),
        x_label="words a caption",
        y_label="share of captions (%)",
    )
    head = ["Word", "Said", "Expected"]
    often, rarely = (
        table(head, [[word, f"{seen:.0f}", f"{expected:.1f}"] for word, seen, expected in part])
        for part in (words.too_often, words.too_rarely)
    )
    told = table(["Captions", "The model", "People, first caption"], facts)
    return (
        f'<div class="charts">{chart}{_scrolling("Table of words", told)}</div>'
        f'<p class="note">Expected: as often as people say the word, for as many words as the model says.</p>'
        f'<div class="pair"><div><h3>Says too often</h3>{often}</div>'
        f"<div><h3>Says too rarely</h3>{rarely}</div></div>"
    )


def _gallery(name: str, examples: Sequence[Example]) -> str:
    if not examples:
        return ""
    items = []
    for one in examples:
        try:
            address = thumbnail_address(one.path, THUMBNAIL, 75)
            alt = escape(one.references[0] if one.references else one.id)
            shown = f'<img alt="A person wrote: {alt}" src="{address}">'
        except CaptionkitError as error:
            shown = f'<p class="note">{escape(str(error))}</p>'
        sure = "" if one.confidence is None else f", confidence {one.confidence:.2f}"
        people = "".join(f"<li>{escape(text)}</li>" for text in one.references)
        items.append(
            f"<li>{shown}<div><p>{escape(one.caption)}</p>"
            f'<p class="note">CIDEr-D {100 * one.quality:.0f}{sure}. {escape(one.id)}</p>'
            f"<ul>{people}</ul></div></li>"
        )
    return f'<ul class="gallery" data-part="{name}">{"".join(items)}</ul>'


def _numbers(of: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    title = f"The numbers of {of}"
    return f"<details><summary>{title}</summary>{_scrolling(title, table(head, rows))}</details>"


def _scrolling(label: str, content: str) -> str:
    """What is wider than a narrow screen, reached by keyboard and told by its label."""
    return f'<div class="scroll" role="region" aria-label="{label}" tabindex="0">{content}</div>'


def _cell(value: object) -> str:
    return f"{value:.5g}" if isinstance(value, int | float) else "" if value is None else str(value)
