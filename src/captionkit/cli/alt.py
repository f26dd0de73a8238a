"""`captionkit alt`: find the pictures of documents that lack fitting alternative text, propose and write it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from captionkit.alttext.scan import Finding

app = typer.Typer(
    help="Alternative text of HTML, Markdown, notebooks, EPUB, DOCX and PPTX: scan, propose, write, undo.",
    no_args_is_help=True,
)

Paths = Annotated[list[Path], typer.Argument(help="Documents, or folders to search for them.", show_default=False)]
Root = Annotated[
    Path | None,
    typer.Option(
        "--root",
        help="The site's root: addresses like /img/a.png start here, and nothing outside is opened. "
        "Default: each folder given, or the folder of each file given.",
        show_default=False,
    ),
]
MaxLength = Annotated[int, typer.Option("--max-length", min=20, max=1000, help="Characters an alt text may have.")]


@app.command("scan")
def scan(
    paths: Paths,
    root: Root = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document with every picture.")] = False,
    fail_on: Annotated[
        str,
        typer.Option(
            "--fail-on",
            help="Exit with code 1 where a picture has one of these verdicts, e.g. missing,placeholder.",
        ),
    ] = "",
    show_all: Annotated[bool, typer.Option("--all", help="List the pictures that are fine, too.")] = False,
    max_length: MaxLength = 125,
) -> None:
    """Judge the alternative text of every picture.

    Verdicts: missing, placeholder, redundant, decorative, functional, text, too-long, ok (docs/alt-text.md).
    Exit codes: 0 done, 1 a verdict of --fail-on was found or a document could not be read, 2 a mistake to mend.

    Example: captionkit alt scan site/ --fail-on missing,placeholder
    """
    import json

    from captionkit.alttext.scan import Failure
    from captionkit.alttext.scan import scan as scan_paths
    from captionkit.alttext.verdict import parse_verdicts

    failing = parse_verdicts(fail_on)
    findings: list[Finding] = []
    errors: list[str] = []
    documents = 0
    for item in scan_paths(paths, root, max_length=max_length):
        if isinstance(item, Failure):
            errors.append(item.error)
            print(f"captionkit: {item.error}", file=sys.stderr)
        else:
            documents += 1
            findings += item.findings
    if as_json:
        report = {"documents": documents, "pictures": [one.to_json() for one in findings], "errors": errors}
        print(json.dumps(report, ensure_ascii=False, indent=1))
    else:
        _print_findings(findings, documents, show_all=show_all)
    hits = [one for one in findings if one.judgement.verdict in failing]
    if hits and not as_json:
        print(f"captionkit: {len(hits)} with a verdict of --fail-on {fail_on}", file=sys.stderr)
    if hits or errors:
        raise typer.Exit(1)


def _print_findings(findings: list[Finding], documents: int, *, show_all: bool) -> None:
    """A table on a terminal; elsewhere a line a picture, as linters print them."""
    from collections import Counter

    from rich.console import Console
    from rich.table import Table

    from captionkit.alttext.verdict import Verdict

    fine = (Verdict.OK, Verdict.DECORATIVE)
    shown = [one for one in findings if show_all or one.judgement.verdict not in fine or one.problem]
    if sys.stdout.isatty():
        table = Table("Where", "Picture", "Verdict", "Alternative text", "Why", box=None, header_style="bold")
        for one in shown:
            why = f"{one.judgement.reason}{f' ({one.problem})' if one.problem else ''}"
            cells = (_place(one), _source(one), one.judgement.verdict.value, one.picture.alt or "", why)
            table.add_row(*(_plain(cell) for cell in cells))
        Console(markup=False, highlight=False, emoji=False).print(table)
    else:
        for one in shown:
            problem = f" ({one.problem})" if one.problem else ""
            print(
                _plain(f"{_place(one)}: {one.judgement.verdict}: {_source(one)}: {one.judgement.reason}{problem}")
            )
    counts = Counter(one.judgement.verdict for one in findings)
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    print(f"{_count(len(findings), 'picture')} in {_count(documents, 'document')}{f': {told}' if told else ''}")


def _place(one: Finding) -> str:
    picture = one.picture
    member = f"!{picture.member}" if picture.member else ""
    return f"{one.document}{member}:{picture.line}:{picture.column}" if picture.line else f"{one.document}{member}"


def _source(one: Finding) -> str:
    source = one.picture.source
    return source if len(source) <= 80 else f"{source[:40]}...{source[-20:]}"


def _plain(text: str) -> str:
    """Text from a document as one line of a terminal: no control characters, nothing that is not text."""
    return "".join(one if one.isprintable() else " " for one in text)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
