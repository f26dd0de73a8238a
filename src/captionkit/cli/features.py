"""`captionkit features`: encode a recipe's pictures ahead of training, or check what is there."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from captionkit.cli import options
from captionkit.cli.output import printable


def features(
    config: Annotated[str, typer.Argument(help="A recipe such as configs/flickr8k_lite2_lstm.toml.")],
    overrides: options.Overrides = None,
    check: Annotated[
        bool, typer.Option("--check", help="Then compare every shard with its SHA-256; reads the whole cache.")
    ] = False,
    quiet: options.Quiet = False,
) -> None:
    """Send a recipe's pictures through its encoder once, into the cache that training reads.

    Training does this by itself; here it can be done ahead. It goes on where it was stopped. Needs
    captionkit[train]. Example: captionkit features configs/flickr8k_lite2_lstm.toml encoder.image_size=224
    """
    from captionkit.cli.packages import need_tensorflow
    from captionkit.config import read_config
    from captionkit.training.run_folder import expect_data

    settings = read_config(config, list(overrides or []))
    expect_data(settings)
    need_tensorflow()

    from captionkit.training.data import read_splits

    train, val = read_splits(settings)  # what is wrong with the data is told before TensorFlow is imported

    from captionkit.training.pictures import encode_pictures, encode_views, encoder_of

    encoder = encoder_of(settings)
    plain = encode_pictures(settings, encoder, [*train, *val], quiet=quiet)
    readable = [record for record in train if record.id not in plain.skipped]
    views = encode_views(settings, encoder, readable, quiet=quiet)
    for cache in [plain, *(views.others if views else [])]:
        if check:
            cache.verify()
        shape = " x ".join(str(n) for n in (len(cache), *cache.shape))
        whole = ", all shards whole" if check else ""
        print(printable(f"{shape} {cache.dtype} in {cache.directory}{whole}"))
    for identifier, reason in plain.skipped.items():
        print(printable(f"skipped {identifier}: {reason}"), file=sys.stderr)
    if plain.skipped:
        raise typer.Exit(1)
