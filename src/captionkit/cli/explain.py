"""`captionkit explain`: a caption word by word over its picture."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Annotated

import typer

from captionkit.cli import options
from captionkit.cli.output import STDIN, check_output, expect_two_files, printable, read_stdin
from captionkit.errors import UsageError


def explain(
    picture: Annotated[Path, typer.Argument(help="A picture; '-' is standard input.", show_default=False)],
    png: Annotated[
        Path | None, typer.Option("--png", help="Write a picture with a panel a word.", show_default=False)
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write one self-contained page.", show_default=False)
    ] = None,
    bundle: options.Bundle = None,
    beams: options.Beams = None,
    others: Annotated[int, typer.Option("--others", min=0, max=20, help="How many other captions to show.")] = 4,
    occlusion: Annotated[
        bool,
        typer.Option("--occlusion", help="Cover places of the picture even where the model gives attention."),
    ] = False,
    threads: options.Threads = None,
) -> None:
    """Show where each word of a caption comes from, how sure the model is of it, and what else it considered.

    Maps are the model's attention where it has one. Otherwise each place of the picture is covered in turn, and
    the map shows how much less likely the word becomes.

    Example: captionkit explain photo.jpg --png why.png --html why.html
    """
    from captionkit.captioner import Captioner
    from captionkit.explain import draw_panels, format_page, per_word, percent
    from captionkit.explain import explain as run
    from captionkit.files import write_bytes, write_text

    expect_two_files("--png", png, "--html", html)
    check_output("--png", png, [picture, bundle], over_picture=True)
    check_output("--html", html, [picture, bundle])
    if png is not None and png.suffix.lower() != ".png":
        raise UsageError(f"Expected a name that ends in .png for --png, but got {png}; a PNG picture is written.")
    captioner = Captioner.load(bundle, threads=threads)
    image = read_stdin() if str(picture) == STDIN else picture
    found = run(captioner, image, beams=beams, others=others, by_occlusion=occlusion)
    if png is not None:
        buffer = io.BytesIO()
        draw_panels(found).save(buffer, "PNG", optimize=True)
        write_bytes(png, buffer.getvalue())
    if html is not None:
        write_text(html, format_page(found))
    print(printable(found.caption.text))
    if found.sure:
        print(found.sure)
    if found.demand:
        print(found.demand)
    width = max((len(word.text) for word in found.words), default=0)
    for word in found.words:
        instead = ", ".join(f"{text} {percent(chance)}" for text, chance in word.instead)
        print(printable(f"  {word.text:{width}}  {percent(word.probability):>11}  {word.said}  (else: {instead})"))
    for other in found.others:
        likely = f"{percent(per_word(other))} a word, log-probability {other.log_probability:.2f}"
        print(printable(f"or: {other.text}  ({likely})"))
    for path in (png, html):
        if path is not None:
            print(printable(f"wrote {path}"))
