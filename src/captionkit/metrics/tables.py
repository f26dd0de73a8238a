"""Scores as text, LaTeX, CSV and JSON. Tables show scores times 100, as published ones do; JSON keeps them x1."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from captionkit import files
from captionkit.errors import DataError
from captionkit.files.delimited import format_row
from captionkit.metrics.diversity import Diversity
from captionkit.metrics.fingerprint import signature
from captionkit.metrics.significance import Comparison, Interval
from captionkit.records import Scores

ORDER = ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "METEOR", "ROUGE-L", "CIDEr-D", "CIDEr", "SPICE")
MAX_SCORES_BYTES = 1 << 28


@dataclass(frozen=True, slots=True)
class Report:
    """All that is said of one system, and of another beside it.

    Attributes:
        name: of the system.
        scores: its scores.
        diversity: of its captions.
        intervals: score name to bootstrap interval; empty where none was asked for.
        other: the name and the scores of the other system.
        comparison: score name to paired comparison with the other system.
        differing: lines that say in what the two fingerprints differ.
    """

    name: str
    scores: Scores
    diversity: Diversity
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    other: tuple[str, Mapping[str, float]] | None = None
    comparison: Mapping[str, Comparison] = field(default_factory=dict)
    differing: Sequence[str] = ()

    @property
    def systems(self) -> list[tuple[str, Mapping[str, float]]]:
        """Name and scores of the one, and of the other where there is one."""
        return [(self.name, self.scores.corpus), *([self.other] if self.other else [])]


def ordered(names: Mapping[str, object]) -> list[str]:
    """Score names in the order of published tables, then those they do not know."""
    return [name for name in ORDER if name in names] + [name for name in names if name not in ORDER]


def columns(own: Mapping[str, float], published: Sequence[Mapping[str, float]]) -> list[str]:
    """Score names of a table that shows one's own row beside published ones.

    They stand in the order of published tables, then come own ones that those do not know. Where published tables
    say CIDEr they mean CIDEr-D, so CIDEr itself is left out.
    """
    known = [name for name in ORDER if any(name in row for row in (own, *published))]
    return [name for name in [*known, *sorted(own.keys() - {*ORDER})] if name != "CIDEr"]


def as_text(report: Report) -> str:
    """For a terminal."""
    header = ["x100", report.name] if report.other else ["", "x100"]
    if report.intervals:
        header.append("interval")
    if report.other:
        header += [report.other[0], "difference"]
    if report.comparison:
        header += ["its interval", "p bootstrap", "p randomization"]
    rows = [header]
    for name in ordered(report.scores.corpus):
        value = report.scores.corpus[name]
        row = [name, _percent(value)]
        if report.intervals:
            row.append(_interval(report.intervals[name]) if name in report.intervals else "")
        if report.other:
            other = report.other[1].get(name)
            row += ["", ""] if other is None else [_percent(other), f"{100 * (other - value):+.1f}"]
        if report.comparison:
            found = report.comparison.get(name)
            row += (
                ["", "", ""]
                if found is None
                else [_interval(found.interval), f"{found.p_bootstrap:.4f}", f"{found.p_randomization:.4f}"]
            )
        rows.append(row)
    lines = _columns(rows)
    lines += [f"{name} not computed: {reason}" for name, reason in report.scores.not_computed.items()]
    lines += ["", *_diversity(report.diversity), "", signature(report.scores.fingerprint)]
    return "\n".join(lines) + "\n"


def as_latex(report: Report) -> str:
    """A LaTeX table (booktabs), a row a system."""
    names = ordered(report.scores.corpus)
    lines = [
        f"% {signature(report.scores.fingerprint)}",
        rf"\begin{{tabular}}{{l{'r' * len(names)}}}",
        r"\toprule",
        " & ".join(["System", *map(_latex, names)]) + r" \\",
        r"\midrule",
    ]
    for name, values in report.systems:
        cells = [_percent(values[score]) if score in values else "--" for score in names]
        lines.append(" & ".join([_latex(name), *cells]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def as_csv(report: Report) -> str:
    """A row a system, scores times 100."""
    names = ordered(report.scores.corpus)
    rows = [format_row(["system", *names])]
    for system, values in report.systems:
        rows.append(
            format_row([system, *(f"{100 * values[name]:.4f}" if name in values else "" for name in names)])
        )
    return "".join(rows)


def as_json(report: Report) -> str:
    """Everything, scores as they are (x1)."""
    scores = report.scores
    document: dict[str, object] = {
        "system": report.name,
        "scale": "x1",
        "scores": {name: scores.corpus[name] for name in ordered(scores.corpus)},
        "not_computed": dict(scores.not_computed),
        "diversity": asdict(report.diversity),
        "fingerprint": dict(scores.fingerprint),
        "warnings": list(scores.warnings),
    }
    if report.intervals:
        document["confidence"] = {name: asdict(interval) for name, interval in report.intervals.items()}
    if report.other:
        document["other"] = {"system": report.other[0], "scores": dict(report.other[1])}
        document["comparison"] = {name: asdict(found) for name, found in report.comparison.items()}
        document["fingerprint_differences"] = list(report.differing)
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def per_image_csv(scores: Scores, captions: Mapping[str, str]) -> str:
    """A row a picture: its id, its caption and its scores (x1)."""
    names = ordered(scores.per_image)
    rows = [format_row(["image", "caption", *names])]
    for place, image in enumerate(scores.ids):
        values = (f"{scores.per_image[name][place]:.6f}" for name in names)
        rows.append(format_row([image, captions[image], *values]))
    return "".join(rows)


def read_scores(path: Path | str) -> tuple[dict[str, float], dict[str, str]] | None:
    """Scores and fingerprint of a file that `as_json` wrote; None for any other JSON.

    Raises:
        DataError: the file cannot be read, or its scores are not numbers.
    """
    try:
        document = json.loads(files.read_bounded(path, MAX_SCORES_BYTES))
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or not {"scores", "fingerprint"} <= document.keys():
        return None
    scores, found = document["scores"], document["fingerprint"]
    if not isinstance(scores, dict) or not isinstance(found, dict):
        raise DataError(f"Expected scores and a fingerprint in {path}, as `captionkit score --json` writes them.")
    for name, value in scores.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e300:
            raise DataError(f"Expected {name} in {path} to be a number, but got {repr(value)[:40]}.")
    facts = {name: str(value) for name, value in found.items()}
    return {name: float(value) for name, value in scores.items()}, facts


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"


def _interval(interval: Interval) -> str:
    return f"[{100 * interval.low:.1f}, {100 * interval.high:.1f}]"


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [f"{row[0]:{widths[0]}}"]
        cells += [f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return lines


def _diversity(found: Diversity) -> list[str]:
    caption, share = found.most_frequent
    lines = [
        f"{found.vocabulary:,} different words, {found.mean_length:.1f} words a caption, "
        f"distinct-1 {found.distinct_1:.3f}, distinct-2 {found.distinct_2:.3f}",
        f"most frequent caption: {100 * share:.1f} % ({caption!r})",
    ]
    if found.novel is not None:
        lines.append(f"captions that are not in train: {100 * found.novel:.1f} %")
    return lines


_LATEX = str.maketrans(
    {sign: f"\\{sign}" for sign in "{}_&%$#"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
)


def _latex(text: str) -> str:
    return text.translate(_LATEX)
