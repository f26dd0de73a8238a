"""`captionkit calibrate`: teach a bundle how sure it may be."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from captionkit.cli import options
from captionkit.cli.output import keeping, printable
from captionkit.errors import UsageError


def calibrate(
    context: typer.Context,
    bundle: options.Model,
    captions: options.Data,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The bundle to write, with its calibration.", show_default=False)
    ],
    images: options.Images = "",
    split: Annotated[
        str, typer.Option("--split", help="Pictures that the model was not trained on: dev (val), test or all.")
    ] = "dev",
    data_format: options.Format = "",
    train_list: options.TrainList = "",
    val_list: options.ValList = "",
    test_list: options.TestList = "",
    level: Annotated[
        float, typer.Option("--level", min=0.01, max=10.0, help="CIDEr-D that a good caption reaches.")
    ] = 0.4,
    threads: options.Threads = None,
    quiet: options.Quiet = False,
) -> None:
    """Fit a bundle's confidence on half of a split, judge it on the other half, and write the bundle with it.

    The confidence of a caption is the probability that its CIDEr-D reaches the level. See docs/confidence.md.
    Interrupted, the same command goes on.

    Example: captionkit calibrate model.captionkit dataset_flickr8k.json --images pictures -o sure.captionkit
    """
    from captionkit import __version__
    from captionkit.bundle import write_bundle
    from captionkit.calibrate import calibrate as run
    from captionkit.captioner import Captioner
    from captionkit.card import with_sureness
    from captionkit.files import sha256_file
    from captionkit.metrics.reliability import kept_above, reliability_bins, risk_coverage
    from captionkit.unfinished import KeptPredictions, Unfinished

    if math.isnan(level):  # passes every bound
        raise UsageError("Expected a number from 0.01 to 10 for --level, but got nan.")
    # over the bundle itself is fine: it is the same one, calibrated
    records = options.read_split(captions, split, written=("--output", output), **options.data_settings(context))
    captioner = Captioner.load(bundle, threads=threads)
    unfinished = Unfinished(output, ["calibrate", __version__, sha256_file(captioner.bundle.source)])
    with keeping(unfinished):
        found = run(
            captioner,
            records,
            split=split,
            level=level,
            kept=lambda one: KeptPredictions(unfinished, one.bundle.calibration),
            quiet=quiet,
        )
        document = found.calibration.to_document()
        model = captioner.bundle
        card = with_sureness(model.card, document)
        write_bundle(output, replace(model, source=str(output), calibration=document, card=card))
    facts = found.calibration.facts
    print(
        f"fitted on {facts['pictures_fitted_on']:.0f} pictures, judged on {facts['pictures_judged']:.0f} others; "
        f"a good caption reaches CIDEr-D {level:g}, as {100 * facts['share_that_reach_level']:.0f} % of these and "
        f"{100 * facts['share_of_people_that_reach_level']:.0f} % of people's do"
    )
    print(
        f"expected calibration error {facts['expected_calibration_error']:.3f}, Brier score {facts['brier']:.3f} "
        f"(a constant: {facts['brier_of_constant']:.3f})"
    )
    print("confidence   it came true   pictures")
    for one in reliability_bins(found.confidence, found.quality >= level):
        print(f"{one.confidence:10.2f} {one.frequency:14.2f} {one.count:10}")
    print("at least   pictures        of them it came true   CIDEr-D")
    for row in kept_above(found.confidence, found.quality >= level, found.quality):
        if row.event.total:
            low, high = row.event.interval.low, row.event.interval.high
            kept_of_all = f"{row.coverage.count:5,} ({100 * row.coverage.share:3.0f} %)"
            true = f"{100 * row.event.share:5.0f} % ({100 * low:.0f} to {100 * high:.0f})"
            print(f"{row.threshold:8.2f}   {kept_of_all}   {true:>24} {100 * row.quality:9.1f}")
    print("the surest   CIDEr-D")
    _, means = risk_coverage(found.confidence, found.quality)
    for share in (10, 25, 50, 75, 100):
        kept = max(1, round(share * len(means) / 100))
        print(f"{share:8} % {100 * means[kept - 1]:9.1f}")
    print(
        f"the surest half has {facts['gain_of_surest_half']:.2f} times the CIDEr-D of all; captions below "
        f"confidence {found.calibration.hedge_below:.2f} are hedged"
    )
    print(printable(f"wrote {output}"))
