"""`captionkit audit`: may a score on this data set be trusted and compared?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from captionkit.cli import options
from captionkit.cli.output import for_terminal, printable
from captionkit.errors import DataError, UsageError, nearest, several

if TYPE_CHECKING:
    from captionkit.audit import AuditReport
    from captionkit.config import Config


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
    from captionkit.datasets import dataset_config, read_dataset
    from captionkit.datasets.problems import Problem
    from captionkit.progress import Progress
    from captionkit.records import split_name
    from captionkit.training.run_folder import earlier_runs

    split = split_name(split) or split
    if split not in ("val", "test"):
        raise UsageError(f"Expected --split val or test, but got '{split}'; {nearest(split, ('val', 'test'))}")
    config = dataset_config(data, **options.data_settings(context))
    problems: list[Problem] = []
    records = read_dataset(config, problems=problems)
    run_config, run_words = _read_run(run)
    earlier = {str(path): before for path, before in (earlier_runs(run_config) if run_config else {}).items()}
    with Progress("audit", len(records) if pictures else 0, "pictures", quiet=quiet) as bar:
        report = audit_dataset(
            records,
            problems=problems,
            split=split,
            official_coco=config.format == "coco",
            vocabulary=_read_words(vocabulary) if vocabulary else run_words,
            scores=_read_scores(scores) if scores else None,
            run=run_config,
            earlier=earlier,
            trained_on=read_dataset(dataset_config(trained_on), problems=[]) if trained_on else (),
            look=pictures,
            workers=workers,
            progress=lambda done, total: bar.advance(),
        )
    if json_output:
        document = {"format": config.format, **report.to_json()}
        typer.echo(for_terminal(json.dumps(document, indent=1, ensure_ascii=False)))
    else:
        lines = [f"{data}, read as {config.format}: {several(len(records), 'picture')}", *_lines(report, show)]
        typer.echo("\n".join(map(printable, lines)))
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


def _read_words(path: Path) -> tuple[str, ...]:
    """The words of a tokenizer.json or a bundle."""
    import zipfile

    from captionkit.bundle import read_bundle
    from captionkit.files import read_bounded
    from captionkit.tokenizer import Tokenizer

    if path.is_file() and zipfile.is_zipfile(path):
        tokenizer = read_bundle(path).tokenizer
    else:
        text = read_bounded(path, 1 << 26).decode("utf-8", "replace")
        try:
            tokenizer = Tokenizer.from_json(text)
        except DataError as error:
            raise DataError(f"{path}: {error}") from None
    return tokenizer.spoken


def _read_scores(path: Path) -> Any:
    from captionkit.files import read_bounded

    try:
        return json.loads(read_bounded(path, 1 << 28))
    except (ValueError, RecursionError):
        raise DataError(f"{path} is not JSON; give what `captionkit score --json` printed.") from None


def _read_run(run: Path | None) -> tuple[Config | None, tuple[str, ...] | None]:
    """The configuration of a run or bundle and its vocabulary, where it has one."""
    from captionkit.bundle import read_bundle
    from captionkit.config import parse_config, read_config

    if run is None:
        return None, None
    if run.is_file() or options.named_default(run) is None:
        bundle = read_bundle(options.named_default(run))
        if not bundle.config:
            raise DataError(
                f"{run} does not hold the recipe that it was trained by; give its data with --trained-on."
            )
        return parse_config(bundle.config, source=f"{run}:config.toml"), bundle.tokenizer.spoken
    words = run / "tokenizer.json"
    return read_config(run / "config.toml"), _read_words(words) if words.is_file() else None
