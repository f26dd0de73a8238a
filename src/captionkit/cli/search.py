"""`captionkit index` and `captionkit search`: find pictures by words, by likeness, and twice."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from captionkit.cli import options
from captionkit.cli.output import check_output, printable, tell
from captionkit.errors import UsageError, agree, several

if TYPE_CHECKING:
    from captionkit.search.answer import Answer

LIMIT, DEPTH = 20, 100  # pictures, unless told otherwise


def index(
    folder: Annotated[Path, typer.Argument(help="A folder of pictures; all folders below count.")],
    index: Annotated[
        Path | None,
        typer.Option(
            "--index", help="The index file. Default: .captionkit-index.sqlite in FOLDER.", show_default=False
        ),
    ] = None,
    bundle: options.Bundle = None,
    captions: Annotated[
        int | None,
        typer.Option("--captions", min=1, max=20, help="Captions a picture. Default: 5.", show_default=False),
    ] = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Begin anew: drop what the index holds.")] = False,
    threads: options.Threads = None,
    quiet: options.Quiet = False,
) -> None:
    """Make the search index of a folder, or bring it up to date.

    New and changed pictures are captioned, moved ones found again by their bytes, deleted ones dropped. It may be
    interrupted at any moment: the same command goes on. Links that lead out of FOLDER are not followed.
    Exit codes: 0 done; 1 done, but a picture could not be read; 2 a mistake to mend; 130 interrupted.

    Example: captionkit index photos/
    """
    from captionkit.captioner import Captioner
    from captionkit.metadata.album import Before
    from captionkit.picture_paths import heic_sentence
    from captionkit.search.database import INDEX_NAME
    from captionkit.search.indexing import index_folder

    path = folder / INDEX_NAME if index is None else index
    try:
        report = index_folder(
            folder,
            path,
            Captioner.load(bundle, threads=threads),
            captions=captions,
            rebuild=rebuild,
            quiet=quiet,
            before=Before(),
        )
    except KeyboardInterrupt:
        tell("interrupted; what is captioned is kept, the same command goes on.")
        raise typer.Exit(130) from None
    for link in report.outside:
        tell(f"{link} leads out of {folder}; not followed.")
    if report.heic:
        tell(heic_sentence(report.heic))
    if report.worded_otherwise:
        tell(
            "this model searches for captions otherwise, or has other detectors, than the one that the index was "
            "made with: pictures that it had keep their captions; --rebuild makes all of them anew."
        )
    changes = {
        "captioned": report.captioned,
        "moved or copied": report.linked,
        "unchanged": report.unchanged,
        "no longer at their place": report.dropped,
    }
    told = ", ".join(f"{count:,} {what}" for what, count in changes.items() if count) or "nothing to do"
    copies = report.files - report.pictures
    held = several(report.files, "picture") + (f", {copies:,} of them copies" if copies else "")
    print(f"{printable(str(path))}: {held} ({told}).")
    if report.errors:
        count = len(report.errors)
        tell(f"{count:,} {agree(count, 'was', 'were')} not read, see above.")
        raise typer.Exit(1)


def search(
    query: Annotated[
        list[str] | None,
        typer.Argument(help="What to look for, in words: 'a dog in the snow'.", show_default=False),
    ] = None,
    index: Annotated[
        Path | None,
        typer.Option(
            "--index",
            help="The index file, or a folder that has one. Default: that of this folder or the nearest above.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, max=10_000, help="Pictures to list.")] = LIMIT,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    like: Annotated[
        Path | None, typer.Option("--like", help="Find pictures that are like this one.", show_default=False)
    ] = None,
    duplicates: Annotated[
        bool, typer.Option("--duplicates", help="List groups of pictures that are nearly the same.")
    ] = False,
    opened: Annotated[
        bool, typer.Option("--open", help="Write the results as a page and open it in the browser.")
    ] = False,
    gallery: Annotated[
        Path | None,
        typer.Option("--gallery", help="Write the results as a page to this file.", show_default=False),
    ] = None,
    captions_only: Annotated[
        bool, typer.Option("--captions-only", help="Rank by the stored captions alone, without the model.")
    ] = False,
    depth: Annotated[
        int,
        typer.Option("--depth", min=1, max=1_000_000, help="Pictures that the model ranks: the best by captions."),
    ] = DEPTH,
    bundle: options.Bundle = None,
    threads: options.Threads = None,
) -> None:
    """Find pictures in an index by words, by likeness, or those that are there twice.

    Each line is the score, the path, the caption and the words of it that hit, tabs between; the best comes first.
    Any text is a query; what the model does not know is told. Exit codes: 0 done, found or not; 2 a mistake.

    Examples: captionkit search "a dog in the snow"; captionkit search --like photo.jpg --open;
    captionkit search --duplicates --json
    """
    from captionkit.captioner import Captioner
    from captionkit.cli.together import expect_without
    from captionkit.search.answer import answer_duplicates, answer_like, answer_query
    from captionkit.search.database import INDEX_NAME, find_index
    from captionkit.search.index import open_index

    if (query is not None) + (like is not None) + duplicates != 1:
        raise UsageError("Expected one of: a query in words, --like PHOTO, --duplicates; for example 'a red car'.")
    by_words = {"--captions-only": captions_only, "--depth": depth != DEPTH}
    expect_without("--like", like is not None, by_words)
    expect_without("--duplicates", duplicates, {"--limit": limit != LIMIT, **by_words})
    expect_without("--captions-only", captions_only, {"--depth": depth != DEPTH})
    path = find_index(Path.cwd()) if index is None else index / INDEX_NAME if index.is_dir() else index
    check_output("--gallery", gallery, [path, like, bundle])
    load = partial(Captioner.load, bundle, threads=threads)
    with open_index(path) as source, source.snapshot():
        if like is not None:
            answer = answer_like(source, like, load, limit=limit)
        elif duplicates:
            answer = answer_duplicates(source)
        else:
            text = " ".join(query or ())
            answer = answer_query(source, text, None if captions_only else load(), limit=limit, depth=depth)
    _show(answer, as_json=as_json, by_words=query is not None)
    if opened or gallery is not None:
        _write_page(answer.to_page(source.root), gallery, opened=opened)


def _show(answer: Answer, *, as_json: bool, by_words: bool) -> None:
    if as_json:
        print(json.dumps(answer.to_document(), indent=1))
        return
    for note in answer.notes:
        tell(note)
    for number, group in enumerate(answer.groups):
        if number:
            print()
        for result in group:
            for path in (result.path, *result.copies):
                columns = [
                    f"{result.score:.3f}",
                    str(path),
                    result.caption,
                    *([", ".join(result.hits)] * by_words),
                ]
                print("\t".join(map(printable, columns)))


def _write_page(page: str, gallery: Path | None, *, opened: bool) -> None:
    import tempfile
    import webbrowser

    from captionkit.files import write_text

    if gallery is None:
        gallery = Path(tempfile.mkdtemp(prefix="captionkit-")) / "gallery.html"
    write_text(gallery, page)
    shown = opened and webbrowser.open(gallery.absolute().as_uri())
    if not shown:
        tell(f"the page is {gallery}")
