"""`captionkit alt`: find the pictures of documents that lack fitting alternative text, propose and write it."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from captionkit.cli import options
from captionkit.cli.output import for_terminal, keeping, tell
from captionkit.cli.together import expect_without
from captionkit.errors import UsageError, several

if TYPE_CHECKING:
    from captionkit.alttext.propose import Describes, Proposal
    from captionkit.alttext.scan import Finding, ScannedDocument
    from captionkit.alttext.write import Decision

app = typer.Typer(
    help="Alternative text of HTML, Markdown, notebooks, EPUB, DOCX, PPTX and components (React, Vue, Svelte, "
    "Astro): scan, propose, write, undo.",
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
# Unless told otherwise.
MAX_CHARACTERS, MIN_CONFIDENCE, REVIEW = 125, 0.8, Path("captionkit-alt-review")
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
    max_length: MaxLength = MAX_CHARACTERS,
) -> None:
    """Judge the alternative text of every picture.

    Verdicts: missing, placeholder, redundant, decorative, functional, text, too-long, ok (docs/alt-text.md).
    Exit codes: 0 done, 1 a verdict of --fail-on was found or a document could not be read, 2 a mistake to mend.

    Example: captionkit alt scan site/ --fail-on missing,placeholder
    """
    from captionkit.alttext.formats.pictures import encodable
    from captionkit.alttext.verdict import parse_verdicts

    failing = parse_verdicts(fail_on)
    findings: list[Finding] = []
    errors: list[str] = []
    documents = 0
    for document in _scan(paths, root, max_length, errors):
        documents += 1
        findings += document.findings
    if as_json:
        report = {"documents": documents, "pictures": [one.to_json() for one in findings], "errors": errors}
        print(for_terminal(encodable(json.dumps(report, ensure_ascii=False, indent=1))))
    else:
        _print_findings(findings, documents, show_all=show_all)
    hits = [one for one in findings if one.judgement.verdict in failing]
    if hits and not as_json:
        tell(f"{len(hits)} with a verdict of --fail-on {fail_on}")
    if hits or errors:
        raise typer.Exit(1)


@app.command("write")
def write(
    paths: Paths,
    root: Root = None,
    yes: Annotated[bool, typer.Option("--yes", help="Write what the model is sure of; review the rest.")] = False,
    from_review: Annotated[
        Path | None,
        typer.Option("--from-review", help="Write the decisions of a reviewed CSV.", show_default=False),
    ] = None,
    take_back: Annotated[bool, typer.Option("--undo", help="Restore the documents byte for byte.")] = False,
    review: Annotated[
        Path, typer.Option("--review", help="Name of the review files, without .csv and .html.")
    ] = REVIEW,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace review files that exist.")] = False,
    min_confidence: Annotated[
        float,
        typer.Option(
            "--min-confidence", min=0.0, max=1.0, help="How sure the model must be for --yes (docs/alt-text.md)."
        ),
    ] = MIN_CONFIDENCE,
    neutral: Annotated[
        bool | None,
        typer.Option(
            "--neutral/--gendered",
            help="Say nothing of people's gender, or what the model guesses. Default: nothing with --yes, where "
            "nobody checks it; the guess where it is reviewed.",
            show_default=False,
        ),
    ] = None,
    max_length: MaxLength = MAX_CHARACTERS,
    bundle: options.Bundle = None,
) -> None:
    """Propose alternative texts for review, write the sure ones (--yes) or the reviewed ones (--from-review).

    Without --yes or --from-review no document changes: two review files are written, a CSV and a page for the
    browser. What is written can be taken back with --undo; .captionkit-alt.json in the root remembers it.
    Interrupted, the same command goes on.
    Exit codes: 0 done, 1 something could not be read, written or undone (the rest was), 2 a mistake to mend.

    Example: captionkit alt write site/ && captionkit alt write site/ --from-review captionkit-alt-reviewed.csv
    """
    asked = [("--yes", yes), ("--from-review", from_review is not None), ("--undo", take_back)]
    chosen = [name for name, given in asked if given]
    if len(chosen) > 1:
        raise UsageError(f"Expected one of --yes, --from-review and --undo, but got {' and '.join(chosen)}.")
    if math.isnan(min_confidence):  # passes every bound
        raise UsageError("Expected a number from 0 to 1 for --min-confidence, but got nan.")
    proposing = {
        "--bundle": bundle is not None,
        "--neutral and --gendered": neutral is not None,
        "--min-confidence": min_confidence != MIN_CONFIDENCE,
        "--max-length": max_length != MAX_CHARACTERS,
        "--review": review != REVIEW,
        "--overwrite": overwrite,
    }
    expect_without("--undo", take_back, proposing)
    expect_without("--from-review", from_review is not None, proposing)
    if take_back:
        undo(paths, root)
        return
    if from_review is not None:
        _write_reviewed(paths, root, from_review)
        return

    from captionkit import __version__
    from captionkit.alttext.propose import count_pictures, propose
    from captionkit.alttext.review_page import review_files, write_review
    from captionkit.alttext.write import decide_confident, written_before
    from captionkit.progress import Progress
    from captionkit.unfinished import KeptPredictions, Unfinished

    errors: list[str] = []
    documents = list(_scan(paths, root, max_length, errors))
    failed = bool(errors)
    review_files(review, overwrite=overwrite)  # before the long work: it may hold a person's decisions
    before = written_before(documents)
    captioner, name = _load(bundle)
    unfinished = Unfinished(review, ["alt write", __version__, name])
    with keeping(unfinished):
        with Progress("describing", count_pictures(documents), "pictures") as progress:
            proposals = propose(
                documents,
                captioner,
                kept=KeptPredictions(unfinished),
                min_confidence=min_confidence,
                max_length=max_length,
                neutral=yes if neutral is None else neutral,
                skip=lambda finding: finding.id in before,
                progress=progress.advance,
            )
        if yes:
            failed = _write(documents, decide_confident(proposals, name)) or failed
            proposals = [one for one in proposals if not one.confident]
        if proposals:
            again = [str(path) for path in paths] + ([] if root is None else ["--root", str(root)])
            table, page = write_review(
                review, proposals, documents,
                model=name, arguments=again, max_length=max_length, overwrite=overwrite,
            )  # fmt: skip
            files = f"{_plain(str(page))} (browser) or {_plain(str(table))} (spreadsheet)"
            print(f"{_to_review(proposals)}: {files}")
        else:
            print("Nothing to review.")
    placeless = [
        one for document in documents for one in document.findings if one.picture.fixed and _wants_text(one)
    ]
    if placeless:
        such = f"such as {_place(placeless[0])} ({placeless[0].picture.fixed})"
        tell(f"{several(len(placeless), 'picture')} to be mended by hand, {such}; `alt scan` lists them")
    if failed:
        raise typer.Exit(1)


@app.command("undo")
def undo(paths: Paths, root: Root = None) -> None:
    """Take back what `captionkit alt write` wrote: each document gets its bytes of before.

    In a folder, what was written under roots of their own below it is taken back too. A document that was
    changed since is left as it is, and is named. Exit codes: 0 done, 1 one was left, 2 a mistake.

    Example: captionkit alt undo site/
    """
    from captionkit.alttext.scan import find_root
    from captionkit.alttext.write import find_sidecars
    from captionkit.alttext.write import undo as undo_all

    sidecars, failures = find_sidecars(paths, root)
    for failure in failures:
        tell(failure.error)
    failed = bool(failures)
    restored = 0
    given = {find_root(path, root) for path in paths}
    for sidecar in sidecars:
        folder = sidecar.path.parent
        for one in undo_all(sidecar, paths):
            restored += one.restored
            if one.error:
                failed = True
                tell(one.error)
            else:
                name = one.document if {folder} == given else str(folder / one.document)
                print(f"{_plain(name)}: restored, {several(one.restored, 'text')} taken back")
    if not restored and not failed:
        print("Nothing to undo.")
    if failed:
        raise typer.Exit(1)


def _write_reviewed(paths: list[Path], root: Path | None, reviewed: Path) -> None:
    """Write what a person decided on in a review file."""
    from captionkit.alttext.review import read_reviewed
    from captionkit.alttext.write import written_ids

    decisions, undecided = read_reviewed(reviewed)
    errors: list[str] = []
    documents = list(_scan(paths, root, MAX_CHARACTERS, errors))
    failed = bool(errors)
    known = {finding.id for document in documents for finding in document.findings}
    done = decisions.keys() & written_ids(documents)
    if lost := [one.place for identity, one in decisions.items() if identity not in known | done]:
        such = f"; skipped ({'; '.join(lost[:5])}{' and others' if len(lost) > 5 else ''})"
        tell(f"{several(len(lost), 'picture')} of the review not found as reviewed{such}")
        failed = True
    # What is written already is not looked for again: a twin of the picture may bear its id by now.
    left = {identity: one for identity, one in decisions.items() if identity not in done}
    failed = _write(documents, left) or failed
    if done:
        print(f"{several(len(done), 'picture')} of the review written before")
    print(f"{several(undecided, 'picture')} of the review undecided or skipped")
    if failed:
        raise typer.Exit(1)


def _to_review(proposals: Sequence[Proposal]) -> str:
    pictures = sum(not one.same_as for one in proposals)
    places = f" in {several(len(proposals), 'place')}" if pictures < len(proposals) else ""
    return f"{several(pictures, 'picture')} to review{places}"


def _scan(paths: list[Path], root: Path | None, max_length: int, errors: list[str]) -> Iterator[ScannedDocument]:
    """The documents; what could not be read is told and goes to `errors`."""
    from captionkit.alttext.scan import Failure
    from captionkit.alttext.scan import scan as scan_paths

    passed_over: list[Path] = []
    for item in scan_paths(paths, root, max_length=max_length, passed_over=passed_over.append):
        if isinstance(item, Failure):
            errors.append(item.error)
            tell(item.error)
        else:
            yield item
    if passed_over:
        such = f"such as {passed_over[0]}; to read it, name its folder"
        tell(f"{several(len(passed_over), 'file')} of built code not read, {such}")


def _write(documents: list[ScannedDocument], decisions: Mapping[str, Decision]) -> bool:
    """Write and tell; whether something failed."""
    from captionkit.alttext.write import write_documents

    failed = False
    total = 0
    for document, count, error in write_documents(documents, decisions):
        total += count
        if error:
            failed = True
            tell(error)
        if count:
            # As findings call it: where roots share a name, that is the whole path.
            print(f"{_plain(document.findings[0].document)}: {several(count, 'text')} written")
    print(f"{several(total, 'text')} written")
    return failed


def _load(bundle: Path | None) -> tuple[Describes, str]:
    """The captioner and the name it is remembered by."""
    from captionkit.captioner import Captioner
    from captionkit.files import sha256_file

    captioner = Captioner.load(bundle)
    return captioner, sha256_file(captioner.bundle.source)


def _print_findings(findings: list[Finding], documents: int, *, show_all: bool) -> None:
    """A table on a terminal; elsewhere a line a picture, as linters print them."""
    from collections import Counter

    from rich.console import Console
    from rich.table import Table

    from captionkit.alttext.verdict import Verdict

    shown = [one for one in findings if show_all or _wants_text(one)]
    if sys.stdout.isatty():
        # Where and what share a column: five would leave a terminal of 80 characters no room for the reasons.
        table = Table(box=None, header_style="bold", pad_edge=False)
        table.add_column("Where and what", overflow="fold", max_width=40)
        table.add_column("Verdict", no_wrap=True)
        table.add_column("Why", ratio=1)
        for one in shown:
            now = f"\nNow: {_plain(one.picture.alt)}" if one.picture.alt else ""
            where = f"{_plain(_place(one))}\n{_plain(_source(one))}"
            table.add_row(where, one.judgement.verdict.value, _plain(_why(one)) + now)
        Console(markup=False, highlight=False, emoji=False).print(table)
    else:
        for one in shown:
            parts = (_place(one), one.judgement.verdict, _source(one), _why(one))
            print(_plain(": ".join(part for part in parts if part)))  # an area has no picture of its own
    counts = Counter(one.judgement.verdict for one in findings)
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    print(f"{several(len(findings), 'picture')} in {several(documents, 'document')}{f': {told}' if told else ''}")


def _place(one: Finding) -> str:
    picture = one.picture
    member = f"!{picture.member}" if picture.member else ""
    return f"{one.document}{member}:{picture.line}:{picture.column}" if picture.line else f"{one.document}{member}"


def _why(one: Finding) -> str:
    fixed = one.picture.fixed if _wants_text(one) else ""
    aside = "; ".join(filter(None, (one.problem, fixed)))
    return f"{one.judgement.reason} ({aside})" if aside else one.judgement.reason


def _wants_text(one: Finding) -> bool:
    from captionkit.alttext.verdict import Verdict

    return one.judgement.verdict not in (Verdict.OK, Verdict.DECORATIVE)


def _source(one: Finding) -> str:
    source = one.picture.source
    return source if len(source) <= 80 else f"{source[:40]}...{source[-20:]}"


def _plain(text: str) -> str:
    """Text from a document as one line of a terminal: no control characters, nothing that is not text."""
    return "".join(one if one.isprintable() else " " for one in text)
