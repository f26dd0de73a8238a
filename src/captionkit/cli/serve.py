"""`captionkit serve`: captions over HTTP."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Annotated

import typer

from captionkit.cli import options
from captionkit.cli.output import tell
from captionkit.cli.packages import need


def serve(
    host: Annotated[
        str, typer.Option("--host", help="Where to listen; 0.0.0.0 is everywhere, for the whole network.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes any that is free.")] = 8000,
    bundle: options.Bundle = None,
    beams: options.Beams = None,
    threads: options.Threads = None,
    max_upload: Annotated[int, typer.Option("--max-upload", min=1, max=256, help="Megabytes of a picture.")] = 20,
) -> None:
    """Caption pictures over HTTP: POST /caption for programs, and a page for people.

    It prints its address once it is ready; Ctrl-C ends it. There is no password and no TLS.

    Examples: captionkit serve; curl --data-binary @photo.jpg -H 'Content-Type: image/jpeg'
    'http://127.0.0.1:8000/caption?n=3'
    """
    # Read where Pillow is imported. In its usual blocks of 16 MB a large picture leaves up to 1.7 GB with the
    # thread that reads it, until the server ends; blocks of more than 32 MB are given back to the system.
    os.environ.setdefault("PILLOW_BLOCK_SIZE", "64m")
    from captionkit.captioner import Captioner

    for package in ("starlette", "uvicorn"):
        need(
            package,
            f"Serving needs the package {package}, which is not installed; run: pip install 'captionkit[serve]'",
        )
    from captionkit.serve.app import MEGABYTE, Limits, build_app
    from captionkit.serve.server import address_of, is_open_to_others, listen, make_server, names_of

    with listen(host, port) as listener:
        captioner = Captioner.load(bundle, threads=threads)
        captioner.search = replace(captioner.search, beams=beams or captioner.search.beams)
        app = build_app(captioner, hosts=names_of(host, listener), limits=Limits(upload=max_upload * MEGABYTE))
        if is_open_to_others(listener):
            tell("everybody on the network can use it; there is no password.")
        ready = f"captionkit: ready at {address_of(listener)} (Ctrl-C ends it)"
        make_server(app, lambda: print(ready, flush=True)).run(sockets=[listener])
