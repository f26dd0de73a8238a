"""From files to a report: what `captionkit score` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from captionkit import text
from captionkit.errors import DataError, agree, several
from captionkit.metrics.cider import cider_d_of, cider_of
from captionkit.metrics.diversity import diversity
from captionkit.metrics.document_frequency import DocumentFrequency
from captionkit.metrics.fingerprint import differences
from captionkit.metrics.results import References, match, read_references, read_results
from captionkit.metrics.score import (
    DEFAULT_METRICS,
    Metric,
    Scored,
    choose_metrics,
    score_with_outcomes,
    tokenized,
)
from captionkit.metrics.significance import RESAMPLES, SEED, compare, confidence
from captionkit.metrics.tables import Report, read_scores


@dataclass(frozen=True, slots=True)
class Request:
    """What to score, and how.

    Attributes:
        results: captions of a system.
        references: reference captions.
        data_format: of the references, a name from `captionkit.datasets.READERS`; empty: told from the file.
        metrics: names from `METRICS`; empty for the usual ones.
        compare: captions of another system, or scores that were written as JSON.
        confidence: the level of bootstrap intervals; None for none.
        resamples, seed: of intervals and comparisons.
        train: train captions, to count novel ones; of a data set that is divided those of its train split.
        document_frequency: a stored table for CIDEr.
        save_document_frequency: where to store the table of the references.
        protocol: facts for the fingerprint; "split" also chooses references.
    """

    results: Path
    references: Path
    data_format: str = ""
    metrics: Sequence[str] = ()
    compare: Path | None = None
    confidence: float | None = None
    resamples: int = RESAMPLES
    seed: int = SEED
    train: Path | None = None
    document_frequency: Path | None = None
    save_document_frequency: Path | None = None
    protocol: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a request.

    Attributes:
        report: to be shown.
        captions: picture to caption.
        warnings: sentences for the person who reads the numbers.
    """

    report: Report
    captions: Mapping[str, str]
    warnings: Sequence[str]


def run(request: Request) -> Found:
    """Read the files, score, compare.

    Raises:
        DataError: a file is wrong, or the two systems captioned different pictures.
        UsageError: an unknown metric.
    """
    metrics = _metrics(request)
    references = read_references(
        request.references, split=request.protocol.get("split"), data_format=request.data_format
    )
    captions = match(read_results(request.results), references)
    scored = score_with_outcomes(captions, references.captions, metrics, protocol=request.protocol)
    if request.save_document_frequency is not None:
        _document_frequency(references).save(request.save_document_frequency)
    varied = diversity(scored.corpus.candidates, _train(request.train))
    level, intervals = request.confidence, {}
    if level is not None:
        intervals = confidence(scored.outcomes, level=level, resamples=request.resamples, seed=request.seed)
    report = Report(request.results.name, scored.scores, varied, intervals)
    if request.compare is not None:
        report = _compared(request, request.compare, report, scored, references, metrics)
    warnings = [*scored.scores.warnings, *varied.warnings()]
    if len(references.splits) > 1 and len(captions) < len(references.captions) and "split" not in request.protocol:
        warnings.append(
            f"The references are of several splits ({', '.join(references.splits)}); name the one that was "
            "captioned with --split."
        )
    if report.differing:
        warnings.append(
            f"The two were scored differently ({'; '.join(report.differing)}): their scores do not compare."
        )
    return Found(report, captions, warnings)


def _metrics(request: Request) -> dict[str, Metric]:
    chosen = choose_metrics(request.metrics or DEFAULT_METRICS)
    if request.document_frequency is not None:
        table = DocumentFrequency.load(request.document_frequency)
        stored = {
            "CIDEr-D": partial(cider_d_of, document_frequency=table),
            "CIDEr": partial(cider_of, document_frequency=table),
        }
        chosen |= {name: metric for name, metric in stored.items() if name in chosen}
    return chosen


def _document_frequency(references: References) -> DocumentFrequency:
    """Of all references, those of pictures that have no caption here too: the table is to serve other systems."""
    groups = {name: captions for name, captions in references.captions.items() if captions}
    return DocumentFrequency.from_references(tokenized(dict.fromkeys(groups, ""), groups).references)


def _train(path: Path | None) -> list[list[str]] | None:
    if path is None:
        return None
    try:
        train = read_references(path, split="train")
    except DataError:  # a file that does not divide its pictures
        train = read_references(path)
    return text.tokenize_all([caption for captions in train.captions.values() for caption in captions])


def _compared(
    request: Request,
    path: Path,
    report: Report,
    scored: Scored,
    references: References,
    metrics: Mapping[str, Metric],
) -> Report:
    saved = read_scores(path) if path.suffix.lower() == ".json" else None
    own = scored.scores.fingerprint
    if saved is not None:
        values, fingerprint = saved
        return replace(report, other=(path.name, values), differing=differences(own, fingerprint))
    captions = match(read_results(path), references)
    if captions.keys() != set(scored.scores.ids):
        only, missing = captions.keys() - set(scored.scores.ids), set(scored.scores.ids) - captions.keys()
        raise DataError(
            f"Two systems are compared on the same pictures, but {several(len(only), 'picture')} "
            f"{agree(len(only), 'is', 'are')} only in {path.name} and "
            f"{len(missing):,} only in {request.results.name}; caption the same pictures with both."
        )
    other = score_with_outcomes(captions, references.captions, metrics, protocol=request.protocol)
    found = compare(
        scored.outcomes,
        other.outcomes,
        level=request.confidence or 0.95,
        resamples=request.resamples,
        seed=request.seed,
    )
    return replace(
        report,
        other=(path.name, other.scores.corpus),
        comparison=found,
        differing=differences(own, other.scores.fingerprint),
    )
