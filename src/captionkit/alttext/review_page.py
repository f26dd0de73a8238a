"""The review page: one self-contained HTML file, each picture beside its proposal.

It loads nothing and runs no script but its own (a content security policy with hashes says so to the browser),
works by keyboard and with a screen reader, and gives the decisions back as a CSV to download.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import shlex
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

from captionkit.alttext.appearance import is_vector
from captionkit.alttext.formats.pictures import brief, encodable
from captionkit.alttext.propose import Proposal
from captionkit.alttext.review import format_csv, is_untouched, review_rows
from captionkit.alttext.scan import ScannedDocument, is_review_page
from captionkit.alttext.verdict import MAX_LENGTH
from captionkit.alttext.wording import is_foreign
from captionkit.errors import CaptionkitError, UsageError, several
from captionkit.files import read_bounded, sha256, write_bytes, write_text
from captionkit.webpage import fill_page, thumbnail_address

THUMBNAIL = 480
MAX_SVG_BYTES = 300_000
_OF_THE_PAGE = ("Text so far", "Link says", "Caption", "Heading", "Words beside")  # in the page's own language


def review_files(base: Path, *, overwrite: bool = False) -> tuple[Path, Path]:
    """The names of the CSV and the page.

    Raises:
        UsageError: the folder does not exist; or, without `overwrite`, the CSV holds a person's work or the page
            is none of ours.
    """
    if not base.name or not base.parent.is_dir():
        raise UsageError(f"Expected a name in an existing folder for the review files, but got {base}.")
    table, page = base.with_name(f"{base.name}.csv"), base.with_name(f"{base.name}.html")
    if page.exists() and not overwrite and not is_review_page(page):
        raise UsageError(
            f"{page} exists and is no review page; name another file with --review, "
            "or replace it with --overwrite."
        )
    if table.exists() and not overwrite and not is_untouched(table):
        raise UsageError(
            f"{table} exists and holds decisions; write them with --from-review, name another file with --review, "
            "or replace it with --overwrite."
        )
    return table, page


def write_review(
    base: Path,
    proposals: Sequence[Proposal],
    documents: Sequence[ScannedDocument],
    *,
    model: str = "",
    arguments: Sequence[str] = ("PATHS",),
    max_length: int = MAX_LENGTH,
    overwrite: bool = False,
) -> tuple[Path, Path]:
    """Write the review as `base`.csv and `base`.html; `model` is the SHA-256 of the proposals' bundle.

    Raises:
        UsageError: as `review_files`.
        WriteError: a file cannot be written.
    """
    targets = review_files(base, overwrite=overwrite)
    places = {finding.id: (document, finding) for document in documents for finding in document.findings}

    def content(one: Proposal) -> Path | bytes | None:
        document, finding = places[one.finding.id]
        return document.content(finding)

    write_bytes(targets[0], format_csv(review_rows(proposals, model)))
    page = format_page(proposals, content, model=model, arguments=arguments, max_length=max_length)
    write_text(targets[1], page)
    return targets


def format_page(
    proposals: Sequence[Proposal],
    content: Callable[[Proposal], Path | bytes | None],
    *,
    model: str = "",
    arguments: Sequence[str] = ("PATHS",),
    max_length: int = MAX_LENGTH,
) -> str:
    """The page.

    Args:
        proposals: what is to be reviewed.
        content: gives the picture of a proposal; None where it cannot be had.
        model: the SHA-256 of the bundle that made them, for the CSV.
        arguments: the paths and the root of the command that will write the result, to show it.
        max_length: the length that a text should not go beyond.
    """
    rows = review_rows(proposals, model)
    small: dict[Path | str, str] = {}  # many pages show the same logo
    groups: list[list[Proposal]] = []
    for one in proposals:
        if one.same_as:
            groups[-1].append(one)
        else:
            groups.append([one])
    total, identities = len(groups), (f"p{number}" for number in itertools.count(1))
    items = []
    for number, (first, *others) in enumerate(groups, start=1):
        called, heading = f"picture {number}", f"{number} of {total}: "
        items.append(_item(next(identities), called, heading, first, _small(content(first), small), max_length))
        if others:
            items.append(
                '<details class="same"><summary>The same picture in other places: decided as here</summary>'
            )
            for place, one in enumerate(others, start=2):
                items.append(_item(next(identities), f"{called}, place {place}", "", one, "", max_length))
            items.append("</details>")
    count = several(total, "picture")
    if total < len(proposals):
        count += f" in {several(len(proposals), 'place')}"
    # In a script element only "<" could end the data early.
    data = json.dumps(rows, ensure_ascii=False).replace("<", "\\u003c")
    parts = {"COUNT": count, "COMMAND": _command(arguments), "ITEMS": "\n".join(items), "ROWS": data}
    return encodable(fill_page("captionkit.alttext", "review", parts))


def _command(arguments: Sequence[str]) -> str:
    """The command that writes the result, ready to be pasted; no argument is broken over two lines."""
    words = ["captionkit", "alt", "write", *arguments, "--from-review", "captionkit-alt-reviewed.csv"]
    return " ".join(f"<span>{escape(_quote(word))}</span>" for word in words)


def _quote(word: str) -> str:
    r"""A word for a shell; a name that is no text as bash and zsh write it: `$'caf\xe9'`."""
    if word == encodable(word):
        return shlex.quote(word)
    plain = "".join(f"\\x{byte:02x}" if byte > 126 or byte in b"'\\" else chr(byte) for byte in os.fsencode(word))
    return f"$'{plain}'"


def _item(identity: str, called: str, heading: str, one: Proposal, address: str, max_length: int) -> str:
    """A picture to decide on; `called` says which one, as `heading` does before the place."""
    finding = one.finding
    picture, context = finding.picture, finding.picture.context
    place = f"{finding.document}{f', {picture.member}' if picture.member else ''}"
    place += f", line {picture.line}" if picture.line else ""
    facts = {
        "Verdict": f"{finding.judgement.verdict}: {finding.judgement.reason}",
        "Note": one.note,
        "Picture": picture.source,
        "Text so far": picture.alt or "",
        "Confidence": "" if one.confidence is None else f"{one.confidence:.0%}",
        "Link to": context.link or "",
        "Link says": context.link_text,
        "Caption": context.caption,
        "Heading": context.heading,
        "Words beside": context.nearby,
    }
    spoken = f' lang="{escape(context.language)}"' if is_foreign(context.language) else ""
    listed = "".join(
        f"<dt>{name}</dt><dd{spoken if name in _OF_THE_PAGE else ''}>{escape(brief(value, 300))}</dd>"
        for name, value in facts.items()
        if value
    )
    choices = "".join(
        f'<label><input type="radio" name="{identity}" value="{value}"{checked}> {label}</label>'
        for value, label, checked in (
            *([("", "As above", " checked")] if one.same_as else []),
            *(("accept", "Accept the text", ""), ("decorative", "Decorative", ""), ("skip", "Skip", "")),
        )
        if value != "decorative" or picture.may_be_empty
    )
    shown = "The same picture." if one.same_as else _thumbnail(called, address)
    return (
        f'<article id="{identity}" aria-labelledby="{identity}h">'
        f'<h2 id="{identity}h">{heading}{escape(place)}</h2>'
        f"<div>{shown}</div>"
        f"<div><dl>{listed}</dl>"
        f'<label class="text" for="{identity}t">Alternative text of {called}</label>'
        f'<textarea id="{identity}t" aria-describedby="{identity}n" rows="3">{escape(one.text)}</textarea>'
        f'<p class="hint" id="{identity}n" data-limit="{max_length}">At most {max_length} characters are best.</p>'
        f"<fieldset><legend>Decision on {called}</legend>{choices}</fieldset></div></article>"
    )


def _small(content: Path | bytes | None, known: dict[Path | str, str]) -> str:
    """The address of a picture made small, once for each; empty where it cannot be shown."""
    if content is None:
        return ""
    key = sha256(content) if isinstance(content, bytes) else content
    if key not in known:
        try:
            known[key] = _data_address(content)
        except CaptionkitError:
            known[key] = ""
    return known[key]


def _thumbnail(called: str, address: str) -> str:
    if not address:
        return '<p class="none">The picture cannot be shown.</p>'
    return f'<img alt="{called.capitalize()}, under review" src="{address}">'


def _data_address(content: Path | bytes) -> str:
    """The picture, made small, as an address of its own. An SVG in an image element runs no scripts."""
    if is_vector(content):
        data = content if isinstance(content, bytes) else read_bounded(content, MAX_SVG_BYTES)
        if len(data) > MAX_SVG_BYTES:
            return ""
        return f"data:image/svg+xml;base64,{base64.b64encode(data).decode('ascii')}"
    return thumbnail_address(content, THUMBNAIL)
