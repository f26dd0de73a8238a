"""`captionkit audit`: may a score on this data set be trusted and compared?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from captionkit.cli import options
from captionkit.cli.output import for_terminal, printable
from captionkit.errors import UsageError, nearest, several

if TYPE_CHECKING:
    from captionkit.audit import AuditReport


def audit(
    context: typer.Context,
    data: options.Source,
    images: options.Images = "",
    data_format: options.Format = "",
    train_list: options.TrainList = "",
    val_list: options.ValList = "",
    test_list: options.TestList = "",
    image_column: options.ImageColumn = "",
    caption_column: options.CaptionColumn = "",
    split_column: options.SplitColumn = "",
    id_column: options.IdColumn = "",
    split: Annotated[str, typer.Option(help="The split that is scored: val (dev) or test.")] = "test",
    vocabulary: Annotated[
        Path | None, typer.Option(help="A model's words: tokenizer.json, or a bundle.", metavar="FILE")
    ] = None,
    scores: Annotated[
        Path | None, typer.Option(help="Scores as JSON (captionkit score --json).", metavar="FILE")
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(
            help="The folder of a training run, a bundle, or 'default': its configuration and vocabulary.",
            metavar="RUN",
        ),
    ] = None,
    trained_on: Annotated[
        str, typer.Option(help="Another data set, which the model was trained on.", metavar="DATA")
    ] = "",
    pictures: Annotated[bool, typer.Option(help="Read the pictures and compare all with all.")] = True,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Pictures read at the same time.")] = 2,
    show: Annotated[int, typer.Option(min=0, help="Examples shown of each finding.")] = 3,
    json_output: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Find leaks between splits, and say whether scores compare with the published tables.

    Exit code 1 if something held out was learned or chosen by.

    Example: captionkit audit dataset_flickr8k.json --images Images --vocabulary tokenizer.json --run runs/one
    """
    from captionkit.audit import audit_dataset
    from captionkit.audit.inputs import read_run, read_scores, read_words
    from captionkit.datasets import dataset_config, read_dataset
    from captionkit.datasets.problems import Problem
    from captionkit.progress import Progress
    from captionkit.records import split_name

    split = split_name(split) or split
    if split not in ("val", "test"):
        raise UsageError(f"Expected --split val or test, but got '{split}'; {nearest(split, ('val', 'test'))}")
    config = dataset_config(data, **options.data_settings(context))
    problems: list[Problem] = []
    records = read_dataset(config, problems=problems)
    recipe, words, earlier = read_run(options.named_default(run)) if run else (None, None, None)
    with Progress("audit", len(records) if pictures else 0, "pictures", quiet=quiet) as bar:
        report = audit_dataset(
            records,
            problems=problems,
            split=split,
            official_coco=config.format == "coco",
            vocabulary=read_words(vocabulary) if vocabulary else words,
            scores=read_scores(scores) if scores else None,
            run=recipe,
            earlier=earlier,
            trained_on=read_dataset(dataset_config(trained_on), problems=[]) if trained_on else (),
            look=pictures,
            workers=workers,
            progress=lambda done, total: bar.advance(),
        )
    if json_output:
        document = {"format": config.format, **report.to_json()}
        print(for_terminal(json.dumps(document, indent=1, ensure_ascii=False)))
    else:
        lines = [f"{data}, read as {config.format}: {several(len(records), 'picture')}", *_lines(report, show)]
        print("\n".join(map(printable, lines)))
    if report.leaks:
        raise typer.Exit(1)


def _lines(report: AuditReport, show: int) -> list[str]:
    lines = []
    for entry in report.findings:
        lines.append(f"{entry.weight}: {entry.message}")
        lines += [f"    {example}" for example in entry.examples[:show]]
        if entry.count > show > 0:
            lines.append(f"    ... and {entry.count - show:,} more (--show, --json)")
    return [*(lines or ["Nothing found."]), report.verdict.sentence()]
