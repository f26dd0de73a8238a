"""`captionkit bundle`: look into a model file and prove that it works here."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from captionkit.cli import options
from captionkit.cli.output import for_terminal, printable
from captionkit.cli.together import expect_without
from captionkit.errors import BundleError, several

app = typer.Typer(
    help="Model files (.captionkit): show what is in one, check that it works.", no_args_is_help=True
)


@app.command("show")
def show(
    path: options.BundleFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print bundle.json's contents.")] = False,
    card: Annotated[bool, typer.Option("--card", help="Print the model card.")] = False,
) -> None:
    """Say what a model file holds: the model, its licences, its scores.

    Example: captionkit bundle show model.captionkit
    """
    from captionkit.bundle import read_bundle

    expect_without("--json", as_json, {"--card": card})
    bundle = read_bundle(path)
    manifest, decoding = bundle.manifest, bundle.decoding
    network = manifest.network
    if card:
        print("\n".join(map(printable, bundle.card.rstrip().split("\n"))))
        return
    if as_json:
        document = {**manifest.to_document(), "decoding": asdict(decoding)}
        print(for_terminal(json.dumps(document, indent=1, ensure_ascii=False)))
        return
    print(printable(f"{manifest.name} ({bundle.source})"))
    print(printable(f"made with    {manifest.made_with}"))
    seen = several(network.positions, "position")
    print(f"pictures     {network.image_size} x {network.image_size}, {seen} seen")
    print(f"words        {len(bundle.tokenizer.spoken):,}")
    print(printable(f"encoder      {len(bundle.encoder):,} bytes, {network.precision.get('encoder', '?')}"))
    print(printable(f"decoder      {len(bundle.decoder):,} bytes, {network.precision.get('decoder', '?')}"))
    print(
        f"search       {decoding.beams} beams, at most {decoding.max_length} words, "
        f"length penalty {decoding.length_penalty:g}{', in a mirror too' if decoding.mirrored else ''}"
        f"{', the surest is said' if decoding.surest else ''}"
    )
    extras = {
        "config.toml": bundle.config,
        "calibration": bundle.calibration,
        "word detector": bundle.word_detector,
        "things": bundle.things,
        "weights": bundle.weights,
    }
    print(f"also holds   {', '.join(name for name, value in extras.items() if value is not None) or 'nothing'}")
    for what, licence in manifest.licences.items():
        print(printable(f"licence      {what}: {licence}"))
    for metric, value in manifest.scores.items():
        print(printable(f"score        {metric} {value:.4f}"))
    for what, stated in manifest.fingerprint.items():
        print(printable(f"scored with  {what}: {stated}"))


@app.command("check")
def check(path: options.BundleFile = None) -> None:
    """Check every byte of a model file, load its networks and replay its self-test.

    Example: captionkit bundle check model.captionkit
    """
    from captionkit.bundle import read_bundle
    from captionkit.selftest import run_selftest

    bundle = read_bundle(path)
    print(f"{printable(bundle.source)}: every member is there and matches its hash.")
    result = run_selftest(bundle)
    if not result.passed:
        raise BundleError(
            f"{bundle.source}: expected {' '.join(result.expected)!r} of the self-test's picture, but got "
            f"{' '.join(result.got)!r} ({result.difference:.4f} nats a word apart); export the bundle again, or "
            "report which processor this is."
        )
    print(f"Its self-test gives the words it must: {' '.join(result.got)!r}.")
