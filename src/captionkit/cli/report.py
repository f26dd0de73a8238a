"""`captionkit report`: a run or an evaluation as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from captionkit.cli import options
from captionkit.cli.output import check_output, printable
from captionkit.cli.together import expect_with
from captionkit.errors import UsageError, nearest

if TYPE_CHECKING:
    from captionkit.records import ImageRecord

DEV, GALLERY = "dev", 9  # the split, and pictures of each kind, unless told otherwise


def report(
    context: typer.Context,
    source: Annotated[
        Path | None,
        typer.Argument(
            metavar="RUN_OR_BUNDLE",
            help="The folder of a run, a .captionkit file, or 'default'.",
            show_default=False,
            callback=options.named_default,
        ),
    ],
    captions: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA]",
            help="A caption file, folder or recipe: also caption and score it.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The HTML file to write.")] = Path("report.html"),
    images: options.Images = "",
    split: options.Split = DEV,
    data_format: options.Format = "",
    train_list: options.TrainList = "",
    val_list: options.ValList = "",
    test_list: options.TestList = "",
    table: Annotated[
        str,
        typer.Option(
            "--table",
            help="Published rows to show: Flickr8k, Flickr30k, COCO or none. Default: those of DATA, told by the "
            "names of the pictures; without DATA those of Flickr8k.",
            show_default=False,
        ),
    ] = "",
    gallery: Annotated[
        int, typer.Option("--gallery", min=0, max=100, help="Pictures of each of best, middle and worst.")
    ] = GALLERY,
    quiet: options.Quiet = False,
) -> None:
    """Write one self-contained HTML file: training curve, scores with intervals, words, confidence, a gallery.

    With DATA the pictures of a split are captioned and scored, and the best, middle and worst are shown with their
    references. Such a file holds photographs: keep it to yourself where their terms ask for it.

    Example: captionkit report runs/lstm dataset_flickr8k.json --images Flicker8k_Dataset -o report.html
    """
    from captionkit.audit.published import table_of
    from captionkit.captioner import Captioner
    from captionkit.evaluate import PUBLISHED
    from captionkit.files import write_text
    from captionkit.report import describe_run, describe_split, format_report

    if table not in ("", "none", *PUBLISHED):
        raise UsageError(f"Unknown published table '{table}'; {nearest(table, [*PUBLISHED, 'none'])}")
    chosen = {"--split": split != DEV, "--gallery": gallery != GALLERY}
    lists = {"--train-list": train_list, "--val-list": val_list, "--test-list": test_list}
    asked = {"--images": images, "--format": data_format, **chosen, **lists}
    expect_with("DATA", captions is not None, asked)
    run = source if source is not None and source.is_dir() else None
    path = source if run is None else run / "model.captionkit"
    history = None if run is None else run / "history.jsonl"
    check_output("--output", output, [path, history])
    has_model = run is None or (run / "model.captionkit").is_file()
    if run is not None and not has_model and not (run / "history.jsonl").is_file():
        raise UsageError(
            f"Expected a run in {run}, but it has neither history.jsonl nor model.captionkit; give the folder of "
            "a run or a .captionkit file."
        )
    captioner = Captioner.load(path) if has_model else None
    records: list[ImageRecord] = []
    if captions is not None:
        if captioner is None:
            raise UsageError(
                f"Expected a bundle to caption {captions} with, but {run} has no model.captionkit; export it "
                "first (captionkit export)."
            )
        records = options.read_split(
            captions, split, written=("--output", output), **options.data_settings(context)
        )
    own = table_of(records)
    found = describe_run(run, captioner, table=table or (own.name if own else "none" if records else "Flickr8k"))
    if captioner is not None and records:
        found = describe_split(found, captioner, records, split=split, gallery=gallery, quiet=quiet)
    write_text(output, format_report(found))
    print(printable(f"wrote {output}"))
