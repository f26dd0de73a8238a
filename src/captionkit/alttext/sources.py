"""From the address of a picture to its bytes: files under the root, `data:` addresses, members of the document.

Nothing is fetched, and nothing outside the root is opened: neither by `..` nor through a symbolic link.
"""

from __future__ import annotations

import base64
import posixpath
import re
import urllib.parse
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from captionkit.alttext.formats.context import TEMPLATE_MARKS
from captionkit.alttext.formats.documents import Document
from captionkit.alttext.formats.pictures import Picture

MAX_DATA_CHARACTERS = 64_000_000
# Site generators serve what lies in these as if it lay in the root: Hugo, Docusaurus, Next, Astro, Hexo.
_SERVED = ("static", "public", "source", "assets")
# Words of build tools for a project's folder of sources, which is one of these.
_ALIAS = re.compile(r"(?:~?@|~|(~~|@@)|(\$lib))/(?=.)")
_SOURCES = ("src", "app", "")
_PROJECT_FILE = "package.json"


class Where(StrEnum):
    """Where the bytes of a picture are."""

    FILE = "file"
    DATA = "data"
    EMBEDDED = "embedded"
    REMOTE = "remote"
    OUTSIDE = "outside"
    VANISHED = "vanished"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Located:
    """A picture's bytes, or why there are none.

    Attributes:
        where: the kind of place.
        content: what a captioner takes: a path or bytes; None where the picture cannot be had.
        problem: one sentence where it cannot be had; empty otherwise.
    """

    where: Where
    content: Path | bytes | None = None
    problem: str = ""


def locate(picture: Picture, document: Document, path: Path, root: Path) -> Located:
    """Find a picture of a document.

    Args:
        picture: one of `document.pictures`.
        document: the document that was read from `path`.
        path: the document's file.
        root: the site's root; addresses that begin with `/` start there, and nothing outside it is opened.
    """
    if picture.embedded:
        data = document.embedded(picture.embedded)
        if data is None:
            return Located(Where.VANISHED, problem=f"the document holds no {picture.embedded}")
        return Located(Where.EMBEDDED, data)
    source = picture.source.strip()
    if picture.drawing and source == picture.drawing:  # a chart of Office has no file
        return Located(Where.UNKNOWN, problem="it is drawn by the program that shows it")
    if source.startswith("@site/"):  # Docusaurus's word for the root
        source = source[5:]
    if not source:
        return Located(Where.UNKNOWN, problem="it names no picture")
    base = "" if source[:5].lower() == "data:" else getattr(document, "base", "")
    if any(mark in address for address in (base, source) for mark in TEMPLATE_MARKS):
        return Located(Where.UNKNOWN, problem="its address is filled in by a template")
    if source[0] == "{" and source[-1] == "}":
        return Located(Where.UNKNOWN, problem="its address is made by an expression")
    if source[:5].lower() == "data:":
        return _from_data_address(source)
    try:
        parts = urllib.parse.urlsplit(_on_base(base, source))
    except ValueError:
        return Located(Where.UNKNOWN, problem="its address cannot be read")
    if not parts.netloc and parts.scheme not in ("", "file", "http", "https", "ftp"):
        return Located(Where.UNKNOWN, problem=f"an address that begins with {parts.scheme}: names no file")
    if parts.netloc or parts.scheme not in ("", "file"):
        return Located(Where.REMOTE, problem="it is on another host; remote pictures are not fetched")
    alias = _ALIAS.match(source)
    if alias is not None and not base:
        return _from_alias(alias, path, root)
    # A byte that is no UTF-8 stands for itself: old sites have such names.
    return _from_path(urllib.parse.unquote(parts.path, errors="surrogateescape"), path, root)


def _on_base(base: str, source: str) -> str:
    """An address on a page with a `base`. That of a local one may begin with "../", which `urljoin` forgets."""
    parts = [urllib.parse.urlsplit(one) for one in (base, source)]
    if any(one.scheme or one.netloc for one in parts):
        return urllib.parse.urljoin(base, source)
    return posixpath.join(posixpath.dirname(parts[0].path), source)


def _project(path: Path, root: Path) -> Path:
    """The folder of a document's project: the nearest one above it with a `package.json`, else the root."""
    folders = [one for one in path.parents if one.is_relative_to(root)]
    return next((one for one in folders if (one / _PROJECT_FILE).is_file()), root)


def _from_alias(alias: re.Match[str], path: Path, root: Path) -> Located:
    """`@/a.png`, `~/a.png`: in the folder of sources, whichever of those in use has such a file."""
    rest = urllib.parse.unquote(re.split(r"[?#]", alias.string[alias.end() :])[0], errors="surrogateescape")
    folders = ("",) if alias[1] else ("src/lib",) if alias[2] else _SOURCES
    project = _project(path, root.resolve())
    found = [_from_path(f"./{rest}", project / folder / "_", root) for folder in folders]
    files = [one for one in found if one.where is Where.FILE]
    if len(files) > 1:
        return Located(
            Where.UNKNOWN, problem=f"{alias[0]} may stand for several folders, and more than one has it"
        )
    missing = Located(Where.VANISHED, problem=f"no such file: {alias.string}")
    return files[0] if files else missing


def _from_path(address: str, path: Path, root: Path) -> Located:
    if "\0" in address or not address:
        return Located(Where.UNKNOWN, problem="its address names no file")
    start = root if address.startswith("/") else path.parent
    root = root.resolve()
    try:
        resolved = (start / address.lstrip("/")).resolve()
        inside = resolved.is_relative_to(root)
        places = [resolved]
        if address.startswith("/"):
            bases = dict.fromkeys([root, _project(path, root)])  # a project may be a part of the site
            places += [
                (base / folder / address.lstrip("/")).resolve() for base in bases for folder in ("", *_SERVED)
            ]
        for place in places:
            if place.is_relative_to(root) and place.is_file():
                return Located(Where.FILE, place)
    except (OSError, RuntimeError, ValueError):  # ValueError: half a character, which no file's name holds
        return Located(Where.UNKNOWN, problem="its address names no file")
    if "\\" in address:  # browsers, and programs on Windows, take it for a slash
        return _from_path(address.replace("\\", "/"), path, root)
    if not inside:
        return Located(Where.OUTSIDE, problem=f"it lies outside the root {root}; name a wider one with --root")
    return Located(Where.VANISHED, problem=f"no such file: {address}")


def _from_data_address(source: str) -> Located:
    header, comma, body = source[5:].partition(",")
    if not comma or len(body) > MAX_DATA_CHARACTERS:
        return Located(Where.UNKNOWN, problem="its data: address cannot be read")
    try:
        raw = urllib.parse.unquote_to_bytes(body)
        if header.lower().rstrip().endswith(";base64"):
            raw = base64.b64decode(b"".join(raw.split()), validate=True)
    except ValueError:
        return Located(Where.UNKNOWN, problem="its data: address is damaged")
    return Located(Where.DATA, raw)
