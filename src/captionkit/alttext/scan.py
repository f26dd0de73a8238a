"""Every picture of documents and folders with its context, its place and its verdict."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from captionkit.alttext.appearance import Appearance, look
from captionkit.alttext.formats import documents
from captionkit.alttext.formats.documents import Document
from captionkit.alttext.formats.pictures import Picture
from captionkit.alttext.sources import Located, Where, locate
from captionkit.alttext.verdict import MAX_LENGTH, Judgement, judge, placeholder
from captionkit.errors import CaptionkitError, DataError, ImageError, UsageError
from captionkit.files import sha256

Look = tuple[Appearance | None, str]  # what was seen of a picture, or why nothing was
_REVIEW_TITLE = b"<title>Alternative texts to review</title>"  # in the first lines of review.html
SKIPPED_FOLDERS = frozenset(["node_modules", "bower_components", "__pycache__", "venv", "site-packages"])
# What build tools write: code in them is made of other code. Pages in them may be all that there is of a site.
BUILT_FOLDERS = frozenset(["dist", "build", "out", "coverage"])


@dataclass(frozen=True, slots=True)
class Finding:
    """One picture of one document.

    Attributes:
        id: stays the same while the document's name, the picture's address, its number among the document's
            pictures of that address, and its alt text do.
        document: the document's path relative to the root, with `/`; the whole path where documents of several
            roots would share that name.
        index: the number of the picture in the document.
        picture, judgement: what was found, and what is to be said of it.
        where: where its bytes are.
        problem: why its bytes cannot be had; empty where they can.
    """

    id: str
    document: str
    index: int
    picture: Picture
    judgement: Judgement
    where: Where
    problem: str

    def to_json(self) -> dict[str, Any]:
        """The finding as plain values, as `--json` prints it."""
        picture, source = self.picture, self.picture.source
        return {
            "id": self.id,
            "document": self.document,
            "member": picture.member,
            "line": picture.line,
            "column": picture.column,
            "source": source if len(source) <= 200 else f"{source[:200]}...",
            "alt": picture.alt,
            "verdict": self.judgement.verdict.value,
            "reason": self.judgement.reason,
            "where": self.where.value,
            "problem": self.problem,
            "writable": picture.slot is not None,
            "not_writable": picture.fixed,
            "context": {**asdict(picture.context), "title": picture.title, "label": picture.label},
        }


@dataclass(frozen=True, slots=True)
class ScannedDocument:
    """A document with its findings; `data` are the bytes that were read."""

    path: Path
    root: Path
    data: bytes
    document: Document
    findings: tuple[Finding, ...]

    @property
    def name(self) -> str:
        """The path relative to the root, with `/`."""
        return self.path.relative_to(self.root).as_posix()

    def content(self, finding: Finding) -> Path | bytes | None:
        """The picture of one of the findings, as a captioner takes it; None where it cannot be had."""
        return locate(finding.picture, self.document, self.path, self.root).content


@dataclass(frozen=True, slots=True)
class Failure:
    """A document or folder that could not be read, and the sentence that says why."""

    path: Path
    error: str


def find_root(path: Path, root: Path | None) -> Path:
    """The root for a path that was given: `root`, else the folder itself, else the file's folder."""
    if root is not None:
        return root.resolve()
    return path.resolve() if path.is_dir() else path.resolve().parent


def check_path(path: Path, root: Path | None) -> None:
    """Whether a path that was given can be worked on.

    Raises:
        UsageError: it does not exist, is neither file nor folder, or the root is no folder.
    """
    if root is not None and not root.is_dir():
        raise UsageError(f"Expected a folder for --root, but {root} is none.")
    if not path.exists():
        raise UsageError(f"Expected a file or a folder at {path}, but there is none.")
    if not path.is_dir() and not path.is_file():
        raise UsageError(f"Expected a file or a folder at {path}, but it is a pipe or a device.")


def list_documents(
    paths: Iterable[Path], root: Path | None = None, *, passed_over: Callable[[Path], None] | None = None
) -> Iterator[tuple[Path, Path] | Failure]:
    """The documents among files and folders, in a stable order, each once, with its root.

    Symbolic links to folders are not followed; a link to a file counts where it stays under the root. Source code
    in `BUILT_FOLDERS` below a folder is no document; `passed_over` is told the file.

    Raises:
        UsageError: a path that does not exist, is no document, or a root that is no folder.
    """
    seen: set[Path] = set()
    for path in paths:
        check_path(path, root)
        base = find_root(path, root)
        for candidate in _documents_in(path, passed_over) if path.is_dir() else [path]:
            if isinstance(candidate, Failure):
                yield candidate
                continue
            if not path.is_dir() and candidate.suffix.lower() not in documents.READERS:
                known = ", ".join(sorted(documents.READERS))
                raise UsageError(f"Expected a document ({known}) or a folder, but got {candidate}.")
            resolved = candidate.resolve()
            if resolved in seen:
                continue
            seen.add(resolved)
            if not resolved.is_relative_to(base):
                yield Failure(candidate, f"{candidate} lies outside the root {base}; it is left alone.")
            else:
                yield resolved, base


def _scan_document(path: Path, root: Path, name: str, max_length: int, looks: dict[Path, Look]) -> ScannedDocument:
    """Read one document, which findings call `name`, and judge its pictures; `looks` remembers what files show.

    Raises:
        DataError: the document cannot be read.
    """
    data = documents.read_data(path)
    document = documents.read_document(path, data)
    # Counted without the alt text: writing one of a picture's twins must not renumber the others. The numbers of
    # captionkit's first ids counted it in; those of twins have another form, so that none is taken for another.
    seen: Counter[tuple[str, str]] = Counter()
    findings = []
    for index, picture in enumerate(document.pictures):
        located = locate(picture, document, path, root)
        appearance, problem = _look(picture, located, looks)
        key = (picture.member, picture.source)
        twin = (seen[key],) if seen[key] else ()
        parts = (name, *key, picture.alt, 0, *twin)
        identity = sha256("\0".join(map(repr, parts)).encode("utf-8", "surrogateescape"))[:16]
        seen[key] += 1
        judgement = judge(picture, appearance, max_length=max_length)
        findings.append(Finding(identity, name, index, picture, judgement, located.where, problem))
    return ScannedDocument(path, root, data, document, tuple(findings))


def scan(
    paths: Iterable[Path],
    root: Path | None = None,
    *,
    max_length: int = MAX_LENGTH,
    passed_over: Callable[[Path], None] | None = None,
) -> Iterator[ScannedDocument | Failure]:
    """Scan files and folders. What cannot be read becomes a `Failure`, and the rest goes on.

    Args:
        paths: files and folders.
        root: the site's root; None for each path's own.
        max_length: characters beyond which an alternative text is too long.
        passed_over: told each file of built source code, which is not read.

    Raises:
        UsageError: as `list_documents`; or there is not one document, which would pass every check.
    """
    paths = list(paths)
    items = list(list_documents(paths, root, passed_over=passed_over))
    if not items:
        raise UsageError(
            f"Expected documents ({', '.join(sorted(documents.READERS))}) in {', '.join(map(str, paths))}, "
            "but there are none; is the site built, and is it elsewhere?"
        )
    looks: dict[Path, Look] = {}  # many pages show the same pictures
    names = Counter(item[0].relative_to(item[1]) for item in items if not isinstance(item, Failure))
    for item in items:
        if isinstance(item, Failure):
            yield item
            continue
        path, base = item
        # A/index.html and B/index.html, each under a root of its own, must not pass for one document.
        relative = path.relative_to(base)
        name = path.as_posix() if names[relative] > 1 else relative.as_posix()
        try:
            yield _scan_document(path, base, name, max_length, looks)
        except UsageError:
            raise
        except CaptionkitError as error:
            yield Failure(path, str(error))


def walk(folder: Path) -> Iterator[tuple[Path, list[str]] | Failure]:
    """The folders under a folder, itself first, each with the names of its files; hidden and foreign ones not."""
    refused: list[OSError] = []
    for parent, folders, files in os.walk(folder, onerror=refused.append):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in SKIPPED_FOLDERS)
        yield Path(parent), sorted(files)
    for one in refused:
        yield Failure(Path(one.filename), f"{one.filename} cannot be searched ({one.strerror or one}).")


def _documents_in(folder: Path, passed_over: Callable[[Path], None] | None) -> Iterator[Path | Failure]:
    for item in walk(folder):
        if isinstance(item, Failure):
            yield item
            continue
        parent, names = item
        built = not BUILT_FOLDERS.isdisjoint(parent.relative_to(folder).parts)
        for name in names:
            path = parent / name
            if built and path.suffix.lower() in documents.SOURCE_CODE:
                if passed_over is not None:
                    passed_over(path)
                continue
            # Office programs leave lock files "~$name.docx" beside an open document.
            if path.suffix.lower() in documents.READERS and not name.startswith((".", "~$")):
                try:
                    if path.is_file() and not is_review_page(path):
                        yield path
                except OSError as error:
                    yield Failure(path, f"{path} cannot be read ({error.strerror or error}).")


def is_review_page(path: Path) -> bool:
    """Whether `captionkit alt write` made this page: it may lie beside the documents and is none of them."""
    try:
        with path.open("rb") as handle:
            return _REVIEW_TITLE in handle.read(2_000)
    except OSError:
        return False


def _look(picture: Picture, located: Located, looks: dict[Path, Look]) -> Look:
    content = located.content
    named = not placeholder(picture.alt or "", picture.source)
    if content is None or named or picture.decorative:
        return None, located.problem
    seen = looks.get(content) if isinstance(content, Path) else None
    if seen is None:
        try:
            seen = look(content), ""
        except (ImageError, DataError) as error:
            seen = None, str(error)
        if isinstance(content, Path):
            looks[content] = seen
    return seen
