"""`captionkit evaluate`: caption a split with a bundle, score it, and print the row beside the published ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from captionkit.cli import options
from captionkit.cli.output import check_output, for_terminal, keeping, printable, tell
from captionkit.errors import UsageError, WriteError, nearest, several

if TYPE_CHECKING:
    from captionkit.evaluate import Evaluation
    from captionkit.metrics.guesses import Guess

Row = tuple[str, Mapping[str, float], str]  # system, metric to percent, source


def evaluate(
    context: typer.Context,
    bundle: options.Model,
    captions: options.Data,
    images: options.Images = "",
    split: options.Split = "dev",
    data_format: options.Format = "",
    train_list: options.TrainList = "",
    val_list: options.ValList = "",
    test_list: options.TestList = "",
    beams: options.Beams = None,
    results: Annotated[
        Path | None, typer.Option("--results", help="Write the captions as COCO results JSON.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print scores and fingerprint as JSON.")] = False,
    table: Annotated[
        str,
        typer.Option(
            "--table",
            help="Published rows to print: Flickr8k, Flickr30k, COCO or none. Default: those of the data, told by "
            "the names of the pictures.",
            show_default=False,
        ),
    ] = "",
    quiet: options.Quiet = False,
) -> None:
    """Caption the pictures of a split, score the captions, and show the row beside published ones of such data.

    Below it stands what the captions say and people do not: a gender that nobody told, a colour that nobody else
    names. People are measured the same way, each against the others of the picture (docs/protocol.md).
    With --results an interrupted command keeps its captions: the same command goes on.

    Example: captionkit evaluate default dataset_flickr8k.json --images Flicker8k_Dataset --split dev
    """
    from captionkit import __version__
    from captionkit.audit.published import table_of
    from captionkit.captioner import Captioner
    from captionkit.evaluate import PUBLISHED
    from captionkit.evaluate import evaluate as run
    from captionkit.files import sha256_file
    from captionkit.unfinished import KeptPredictions, Unfinished

    if table not in ("", "none", *PUBLISHED):
        raise UsageError(f"Unknown published table '{table}'; {nearest(table, [*PUBLISHED, 'none'])}")
    check_output("--results", results, [bundle])
    records = options.read_split(captions, split, written=("--results", results), **options.data_settings(context))
    captioner = Captioner.load(bundle)
    objective = captioner.bundle.manifest.fingerprint.get("objective", "not stated")
    unfinished = kept = None
    if results is not None:
        made_by = ["evaluate", __version__, sha256_file(captioner.bundle.source), beams]
        unfinished = Unfinished(results, made_by)
        kept = KeptPredictions(unfinished)
    with keeping(unfinished):
        try:
            found = run(captioner, records, split=split, objective=objective, beams=beams, kept=kept, quiet=quiet)
        except KeyboardInterrupt:
            if results is None:
                tell("nothing is kept; with --results FILE the same command goes on.")
            raise
        own = table_of(records)
        chosen = table or (own.name if own is not None else "")
        name = printable(captioner.bundle.manifest.name)
        try:
            if results is not None:
                found.write_results(results)
        except WriteError:  # a disk that is full must not cost the scores
            _tell(found, split, name, chosen, as_json=as_json)
            raise
    _tell(found, split, name, chosen, as_json=as_json)  # last: `| head` must not cost the captions
    if found.unreadable:
        raise typer.Exit(1)


def _tell(found: Evaluation, split: str, name: str, table: str, *, as_json: bool) -> None:
    """Scores, and what they are to be read with, on standard output; what is missing on standard error.

    `table` is empty where the data are of no published one.
    """
    from captionkit.audit.published import NAMES
    from captionkit.evaluate import PUBLISHED
    from captionkit.metrics.fingerprint import signature

    scores = found.scores
    for picture, reason in found.unreadable.items():
        tell(f"{picture}: {reason}")
    for line in scores.warnings:
        tell(f"warning: {line}")
    if as_json:
        document = {
            "scores": dict(scores.corpus),
            "intervals": {name: [one.low, one.high] for name, one in found.intervals().items()},
            "guesses": found.guesses().to_document(),
            "not_computed": dict(scores.not_computed),
            "fingerprint": dict(scores.fingerprint),
        }
        print(for_terminal(json.dumps(document, indent=1, ensure_ascii=False)))
    else:
        own = {name: 100 * value for name, value in scores.corpus.items()}
        rows: list[Row] = [(name, own, f"{split}, {several(len(scores.ids), 'picture')}")]
        rows += [(row.system, row.values, row.source) for row in PUBLISHED.get(table, ())]
        _print_table(rows)
        if table in PUBLISHED:
            print(f"The rows below the first are published ones, of the test split of {table}.")
        elif not table:
            print(f"No published rows: these are not the pictures of {NAMES} (--table prints some all the same).")
        for metric, reason in scores.not_computed.items():
            print(f"{metric} not computed: {reason}")
        intervals = found.intervals()
        told = ((name, intervals[name]) for name in scores.corpus)
        ranges = ", ".join(f"{name} {100 * one.low:.1f} to {100 * one.high:.1f}" for name, one in told)
        print(f"95 % intervals: {ranges}")
        guessed = found.guesses()
        _print_guesses([*guessed.gender, *guessed.told, *guessed.mentions])
        print(printable(signature(scores.fingerprint)))


def _print_table(rows: list[Row]) -> None:
    from captionkit.metrics.tables import columns

    own, *published = (values for _, values, _ in rows)
    names = {name: max(9, len(name) + 2) for name in columns(own, published)}
    width = max(len(name) for name, _, _ in rows)
    print(" " * width + "".join(f"{name:>{wide}}" for name, wide in names.items()))
    for system, values, source in rows:
        known = {name: f"{value:.1f}" for name, value in values.items()}
        cells = "".join(f"{known.get(name, ''):>{wide}}" for name, wide in names.items())
        print(f"{system:{width}}{cells}  {source}")


def _print_guesses(rows: list[Guess]) -> None:
    rows = [row for row in rows if row.model.total]
    if not rows:
        return
    width = max(len(row.what) for row in rows)
    print(f"{'the caption says':{width}} {'of':>6}    model (95 % interval)    people")
    for row in rows:
        interval = row.model.interval
        model = f"{100 * row.model.share:5.1f} % ({100 * interval.low:.1f} to {100 * interval.high:.1f})"
        people = f"{100 * row.people.share:5.1f} %" if row.people.total else ""
        print(f"{row.what:{width}} {row.model.total:6,}  {model:25} {people}".rstrip())
