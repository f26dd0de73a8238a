"""`captionkit caption`: sentences for pictures."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from captionkit.cli import options
from captionkit.cli.output import STDIN, check_output, for_terminal, keeping, printable, read_stdin, tell
from captionkit.errors import UsageError, agree, several

if TYPE_CHECKING:
    from captionkit.captioner import Captioner
    from captionkit.cli.sentences import Format
    from captionkit.decoding import Beam, Search, Wording
    from captionkit.metadata.album import Album
    from captionkit.reading import Picture
    from captionkit.records import Prediction


def caption(
    context: typer.Context,
    paths: Annotated[
        list[str],
        typer.Argument(
            help="Pictures, folders (with all folders below), patterns such as 'photos/*.jpg', or - for a picture "
            "on standard input.",
            show_default=False,
        ),
    ],
    bundle: options.Bundle = None,
    beams: options.Beams = None,
    greedy: Annotated[bool, typer.Option("--greedy", help="Take the likeliest word at each step.")] = False,
    sample: Annotated[bool, typer.Option("--sample", help="Draw words by their probability.")] = False,
    temperature: Annotated[
        float,
        typer.Option("--temperature", help="With --sample: below 1 favours likely words, above 1 rare ones."),
    ] = 1.0,
    top_k: Annotated[
        int, typer.Option("--top-k", help="With --sample: draw from the k likeliest words; 0 for all.")
    ] = 0,
    top_p: Annotated[
        float,
        typer.Option("--top-p", help="With --sample: draw from the likeliest words with this share of the mass."),
    ] = 0.9,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="With --sample: the same seed draws the same words.")
    ] = None,
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=50, help="Captions for each picture.")] = 1,
    max_length: Annotated[
        int | None, typer.Option("--max-length", min=1, max=200, help="Words at most. Default: the bundle's.")
    ] = None,
    min_length: Annotated[int, typer.Option("--min-length", min=1, max=200, help="Words at least.")] = 1,
    must: Annotated[
        list[str] | None,
        typer.Option(
            "--must", help="A word the caption holds, in any form (dog, dogs). May be given several times."
        ),
    ] = None,
    avoid: Annotated[
        list[str] | None,
        typer.Option("--avoid", help="A word the caption does not hold, in any form. May be given several times."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a picture and line.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="A CSV table, one row a caption.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Write to this file, whole or not at all; not over a picture. NAME.csv is a table, NAME.jsonl "
            "JSON lines. After an interruption the same command goes on.",
            show_default=False,
        ),
    ] = None,
    threads: options.Threads = None,
    hedge_below: Annotated[
        float | None,
        typer.Option(
            "--hedge-below",
            min=0.0,
            max=1.0,
            help="Begin a caption with 'Possibly:' where its confidence is lower. Default: the bundle's.",
            show_default=False,
        ),
    ] = None,
    abstain: Annotated[
        bool, typer.Option("--abstain", help="Say 'unsure' instead of a caption that would be hedged.")
    ] = False,
    write_metadata: Annotated[
        bool,
        typer.Option(
            "--write-metadata",
            help="Also write each sentence into its picture's metadata (XMP, IPTC, EXIF), pixels untouched.",
        ),
    ] = False,
    xmp_files: Annotated[
        bool, typer.Option("--xmp-files", help="With --write-metadata: into NAME.xmp beside it.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="With --write-metadata: replace descriptions that are there.")
    ] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Give pictures the bytes they had before --write-metadata.")
    ] = False,
) -> None:
    """Describe pictures in a sentence each.

    For one picture the sentence is printed alone, for several each line is the path, a tab and the sentence.
    Where the model carries a calibration, sentences of low confidence are hedged: 'Possibly: a dog runs.'
    A picture that cannot be read is reported on standard error, the others are captioned, and the exit code is 1.

    Examples: captionkit caption photo.jpg; captionkit caption album/ --csv -o captions.csv;
    captionkit caption photo.jpg --n 3 --must dog --avoid grass
    """
    from captionkit import __version__
    from captionkit.captioner import Captioner
    from captionkit.cli.sentences import CSV_HEADER
    from captionkit.confidence import hedged, withheld
    from captionkit.decoding import Wording
    from captionkit.files import sha256_file
    from captionkit.progress import Progress
    from captionkit.unfinished import Unfinished

    _check_options(context)
    pictures, names, blind, outside = _pictures(paths)
    if undo:
        _undo(paths, names, outside, blind=blind)
        return
    check_output("--output", output, [*names, bundle])
    kind = output.suffix.lower() if output is not None else ""
    as_csv |= kind == ".csv" and not as_json  # a file that is called so and holds another format helps nobody
    as_json |= kind == ".jsonl" and not as_csv
    captioner = Captioner.load(bundle, threads=threads)
    search = _search(captioner.search, context.params)
    below = _threshold(captioner, hedge_below, abstain, search)
    wording = Wording(must=tuple(must or ()), avoid=tuple(avoid or ()), min_length=min_length)
    alone = len(names) == 1 and any(str(Path(path)) == names[0] for path in paths)  # "./a.jpg" is "a.jpg"
    album = _album(captioner.bundle.source, overwrite, xmp_files) if write_metadata else None
    write = _format(as_json, as_csv, alone=alone, shown=output is None)
    unfinished = None
    repeatable = not sample or seed is not None
    if output is not None and not alone and repeatable:
        made_by = [as_json, as_csv, str(search), str(wording), n, below, abstain]
        made_by += names if sample else []  # what is drawn for a picture depends on its place among them
        # Pictures that an earlier command has captioned alone still want their metadata.
        made_by += [write_metadata, xmp_files, overwrite]
        unfinished = Unfinished(output, [__version__, sha256_file(captioner.bundle.source), *made_by])
    texts = [unfinished.text(name) if unfinished else None for name in names]
    done = len(names) - texts.count(None)
    folders = set(filter(_is_there, {Path(name).parent for name in names} if unfinished else ()))
    found = _found(captioner, pictures, texts, search, n, wording)
    said = map(partial(withheld if abstain else hedged, below=below), found)
    failed = 0
    with (
        keeping(unfinished, done),
        _destination(output) as out,
        # Sentences that appear on a terminal are progress enough.
        Progress("captions", len(names), "pictures", done=done, quiet=alone or out.isatty()) as progress,
    ):
        out.write(CSV_HEADER if as_csv else "")
        for name, prediction, text in _written(out, names, texts, said, write):
            error = _failure(name, prediction, album, outside)
            if error is not None:
                folder = Path(name).parent
                if folder in folders and not _is_there(folder):
                    # All pictures after it would fail, and once the file is written what is kept goes.
                    raise UsageError(f"The folder {folder} is no longer there; is its disk unplugged?")
                failed += 1
                progress.warn(f"captionkit: {error}")
            elif unfinished is not None and name != STDIN:
                unfinished.add(name, text)
            progress.advance()
    _sum_up(len(names), 0 if alone else failed, album)
    if failed or blind:
        raise typer.Exit(1)


def _check_options(context: typer.Context) -> None:
    """Refuse options that do not go together."""
    from captionkit.cli.together import expect_with, expect_without

    given = context.params
    options = context.command.params
    asks = {one.opts[0]: given[str(one.name)] not in (one.default, None, (), []) for one in options}

    def those(*names: str) -> dict[str, bool]:
        return {name: asks[name] for name in names}

    wide = {"--beams": (given["beams"] or 1) > 1}
    results = ("--json", "--csv", "--output", "--n", "--must", "--avoid", "--max-length", "--min-length")
    ways = ("--beams", "--greedy", "--sample", "--hedge-below", "--abstain")
    expect_without("--json", asks["--json"], those("--csv"))
    expect_without("--greedy", asks["--greedy"], {**those("--sample"), **wide})
    expect_without("--sample", asks["--sample"], wide)
    expect_with("--sample", asks["--sample"], those("--temperature", "--top-k", "--top-p", "--seed"))
    expect_without("--undo", asks["--undo"], those("--write-metadata", *results, *ways))
    expect_with("--write-metadata", asks["--write-metadata"], those("--xmp-files", "--overwrite"))
    hedge_below = given["hedge_below"]
    if hedge_below is not None and not 0 <= hedge_below <= 1:  # typer lets nan through
        raise UsageError(f"Expected a confidence from 0 to 1 for --hedge-below, but got {hedge_below}.")
    if (asks["--write-metadata"] or asks["--undo"]) and STDIN in given["paths"]:
        raise UsageError("Expected picture files for --write-metadata and --undo, but got '-'.")


def _search(usual: Beam, given: Mapping[str, Any]) -> Search:
    """The search that the options ask for; the model's usual one has what they leave open."""
    from captionkit.decoding import Greedy, Sample

    longest = given["max_length"] or usual.max_length
    if given["greedy"]:
        return Greedy(longest)
    if given["sample"]:
        seed = int.from_bytes(os.urandom(4)) if given["seed"] is None else given["seed"]
        drawn = {name: given[name] for name in ("temperature", "top_k", "top_p")}
        return Sample(**drawn, seed=seed, max_length=longest)
    return replace(usual, beams=given["beams"] or usual.beams, max_length=longest)


def _format(as_json: bool, as_csv: bool, *, alone: bool, shown: bool) -> Format:
    """How a picture's captions are written; `shown` on standard output, which may be a terminal."""
    from captionkit.cli.sentences import csv_rows, json_line, plain

    if not (as_json or as_csv):
        return partial(plain, alone=alone)
    write = json_line if as_json else csv_rows
    return (lambda name, prediction: for_terminal(write(name, prediction))) if shown else write


def _written(
    out: IO[str], names: list[str], texts: list[str | None], said: Iterator[Prediction], write: Format
) -> Iterator[tuple[str, Prediction, str]]:
    """Write the captions of all pictures; gives those that have no text yet, each as soon as it is written."""
    for name, text in zip(names, texts, strict=True):
        if text is not None:
            out.write(text)
            continue
        prediction = next(said)
        written = write(name, prediction)
        out.write(written)
        out.flush()
        yield name, prediction, written


def _failure(name: str, prediction: Prediction, album: Album | None, outside: dict[str, str]) -> str | None:
    """Why a picture has no caption, or not the metadata that an album writes; None where nothing failed."""
    if album is None or not prediction.captions:
        return prediction.error
    return outside.get(name) or album.write(Path(name), prediction) or None


def _is_there(folder: Path) -> bool:
    return os.path.isdir(folder)  # noqa: PTH112 -- of a disk that fails, `Path.is_dir` may raise


def _found(
    captioner: Captioner,
    pictures: list[Picture],
    texts: list[str | None],
    search: Search,
    n: int,
    wording: Wording,
) -> Iterator[Prediction]:
    """Captions of the pictures that have no text yet: the same, drawn ones too, as if no picture had one."""
    from captionkit.decoding import Sample

    for new, places in groupby(range(len(texts)), key=lambda place: texts[place] is None):
        if new:
            some = list(places)
            here = replace(search, first=some[0]) if isinstance(search, Sample) else search
            yield from captioner.iter_caption(
                [pictures[place] for place in some], search=here, n=n, wording=wording
            )


def _sum_up(number: int, failed: int, album: Album | None) -> None:
    """How many pictures got metadata, and how many failed, on standard error."""
    pictures = several(number, "picture")
    if album is not None:
        kept = f", {album.kept} kept the description {agree(album.kept, 'it', 'they')} had" if album.kept else ""
        tell(f"metadata of {album.written} of {pictures} written{kept}.")
    if failed:
        what = "have no caption" if album is None else "have no caption or could not be written"
        tell(f"{failed} of {pictures} {what}.")


def _threshold(captioner: Captioner, hedge_below: float | None, abstain: bool, search: Search) -> float:
    """The confidence below which captions are hedged or withheld; 0 where there is no confidence."""
    from captionkit.decoding import Beam

    known = captioner.calibration
    if known is None or not isinstance(search, Beam):
        if hedge_below is not None or abstain:
            raise UsageError(
                "Expected a model and a search with confidence for --hedge-below and --abstain: "
                + ("use beam search." if known else "calibrate the model first (captionkit calibrate).")
            )
        return 0.0
    return known.hedge_below if hedge_below is None else hedge_below


def _album(bundle: str, overwrite: bool, xmp_files: bool) -> Album:
    from captionkit.files import sha256_file
    from captionkit.metadata.album import Album

    return Album(sha256_file(bundle), overwrite=overwrite, beside=xmp_files)


def _undo(paths: list[str], names: list[str], outside: dict[str, str], *, blind: bool) -> None:
    from captionkit.metadata.album import described_beside, undo_album, was_written

    left = [sentence for name, sentence in outside.items() if was_written(Path(name))]
    for sentence in left:
        tell(sentence)
    restored = failed = 0
    # An `.xmp` file may outlive its picture, which was renamed; no command would take it back.
    beside = [str(picture) for path in map(Path, paths) if _is_there(path) for picture in described_beside(path)]
    for one in undo_album(Path(name) for name in [*names, *beside] if name not in outside):
        if one.error:
            failed += 1
            tell(one.error)
        else:
            restored += 1
            print(f"{printable(one.document)}\trestored")
    if not (restored or failed or left):
        print("Nothing to undo.")
    if blind or left or failed:
        raise typer.Exit(1)


def _pictures(paths: list[str]) -> tuple[list[Picture], list[str], bool, dict[str, str]]:
    """The pictures to caption, their names (`-` is standard input), and whether there was what cannot be read.

    Last, by name, a sentence for each picture that nothing is to be written into.
    """
    from captionkit.picture_paths import PassedOver, find_pictures, heic_sentence

    if paths.count(STDIN) > 1:
        raise UsageError("Expected '-' once at most: standard input holds one picture.")
    pictures: list[Picture] = []
    names: list[str] = []
    if STDIN in paths:
        pictures.append(read_stdin())
        names.append(STDIN)
    passed = PassedOver()
    for path in find_pictures((path for path in paths if path != STDIN), passed):
        pictures.append(path)
        names.append(str(path))
    for line in [*passed.folders, *passed.pipes, *([heic_sentence(passed.heic)] if passed.heic else [])]:
        tell(line)
    named = {Path(path) for path in paths}
    outside = {str(path): sentence for path, sentence in passed.outside.items() if path not in named}
    return pictures, names, bool(passed.folders or passed.pipes), outside


@contextlib.contextmanager
def _destination(output: Path | None) -> Iterator[IO[str]]:
    """Standard output, or a file that is there when all is written."""
    from captionkit.files import replacing

    if output is None:
        yield sys.stdout
        return
    with replacing(output) as handle:
        text = io.TextIOWrapper(handle, encoding="utf-8", errors="surrogateescape", newline="\n")
        try:
            yield text
            text.flush()
        finally:
            with contextlib.suppress(OSError):
                text.detach()
