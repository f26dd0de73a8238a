"""`captionkit score`: scores of captions that any system made, with intervals and comparisons."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from captionkit.cli import options
from captionkit.cli.output import check_output, expect_two_files, for_terminal, printable, tell
from captionkit.cli.together import expect_without
from captionkit.errors import UsageError


def score(
    results: Annotated[
        Path, typer.Argument(metavar="RESULTS", help="Captions: COCO results JSON, JSON Lines, CSV or TSV.")
    ],
    references: Annotated[
        Path,
        typer.Argument(
            metavar="REFERENCES",
            help="References: COCO annotations, JSON Lines, CSV, TSV, Karpathy's JSON or Flickr's token file.",
        ),
    ],
    data_format: options.Format = "",
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", "-m", help="Only these metrics; may be given several times.", show_default=False),
    ] = None,
    compare: Annotated[
        Path | None,
        typer.Option(
            help="Another system's captions (paired tests), or scores that --json wrote.", show_default=False
        ),
    ] = None,
    confidence: Annotated[
        float | None,
        typer.Option(
            min=0.5, max=0.999, help="Bootstrap intervals at this level, such as 0.95.", show_default=False
        ),
    ] = None,
    resamples: Annotated[int, typer.Option(min=1, max=100_000, help="Resamples of pictures.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resamples.")] = 12345,
    per_image: Annotated[
        Path | None,
        typer.Option(
            help="Write each picture's scores to this CSV file; - for standard output, instead of the table.",
            show_default=False,
        ),
    ] = None,
    train: Annotated[
        Path | None,
        typer.Option(help="Train captions, to count captions that are not among them.", show_default=False),
    ] = None,
    document_frequency: Annotated[
        Path | None,
        typer.Option("--df", help="A stored table of document frequencies for CIDEr.", show_default=False),
    ] = None,
    save_df: Annotated[
        Path | None,
        typer.Option(help="Store the document frequencies of REFERENCES in this file.", show_default=False),
    ] = None,
    split: Annotated[
        str,
        typer.Option(help="The split: for the fingerprint, and to choose references by.", show_default=False),
    ] = "",
    beams: Annotated[str, typer.Option(help="For the fingerprint: beams of the search.", show_default=False)] = "",
    max_length: Annotated[
        str, typer.Option(help="For the fingerprint: the longest caption, in words.", show_default=False)
    ] = "",
    objective: Annotated[
        str, typer.Option(help="For the fingerprint: cross-entropy or self-critical.", show_default=False)
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON (scores x1).")] = False,
    as_latex: Annotated[bool, typer.Option("--latex", help="Print a LaTeX table (x100).")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV (x100).")] = False,
) -> None:
    """Score captions against references as the COCO caption evaluation does, without Java.

    Example: captionkit score results.json captions_val2017.json --confidence 0.95
    """
    from captionkit import files
    from captionkit.metrics import tables
    from captionkit.metrics.scoring import Request, run

    if as_json + as_latex + as_csv > 1:
        raise UsageError("Expected one of --json, --latex and --csv, but got several; leave the others out.")
    in_table = {"--confidence": confidence is not None, "--compare": compare is not None}
    forms = {"--json": as_json, "--latex": as_latex, "--csv": as_csv}
    expect_without("--per-image -", str(per_image) == "-", {**forms, **in_table})
    expect_without("--confidence", confidence is not None, {"--latex": as_latex, "--csv": as_csv})
    expect_two_files("--per-image", per_image, "--save-df", save_df)
    inputs = [results, references, compare, train, document_frequency]
    check_output("--save-df", save_df, inputs)
    if str(per_image) != "-":
        check_output("--per-image", per_image, inputs)
    stated = {"split": split, "beams": beams, "max_length": max_length, "objective": objective}
    found = run(
        Request(
            results=results,
            references=references,
            data_format=data_format,
            metrics=tuple(metric or ()),
            compare=compare,
            confidence=confidence,
            resamples=resamples,
            seed=seed,
            train=train,
            document_frequency=document_frequency,
            save_document_frequency=save_df,
            protocol={key: value for key, value in stated.items() if value},
        )
    )
    report = found.report
    for line in found.warnings:
        tell(f"warning: {line}")
    if as_latex or as_csv or str(per_image) == "-":  # which have no place for it
        for name, reason in report.scores.not_computed.items():
            tell(f"{name} not computed: {reason}")
    if per_image is not None:
        rows = tables.per_image_csv(report.scores, found.captions)
        if str(per_image) == "-":
            print(for_terminal(rows), end="")
            return
        files.write_text(per_image, rows)
    show = (
        tables.as_json if as_json else tables.as_latex if as_latex else tables.as_csv if as_csv else tables.as_text
    )
    shown = show(report)
    # What goes to a file or a program keeps the names as they are.
    made = for_terminal(shown) if as_json or as_latex or as_csv else "\n".join(map(printable, shown.split("\n")))
    print(made, end="")
