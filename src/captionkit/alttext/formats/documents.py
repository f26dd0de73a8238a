"""Opens a document of any format that is read, and checks an edit by reading its result again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

from captionkit.alttext.formats.component_values import ASTRO, JSX, SVELTE, VUE
from captionkit.alttext.formats.docx import read_docx
from captionkit.alttext.formats.epub import read_epub
from captionkit.alttext.formats.html import read_html
from captionkit.alttext.formats.markdown import read_markdown
from captionkit.alttext.formats.notebook import read_notebook
from captionkit.alttext.formats.pictures import Picture, brief, squeeze
from captionkit.alttext.formats.pptx import read_pptx
from captionkit.alttext.formats.source_code import read_source_code
from captionkit.alttext.formats.xhtml import read_page
from captionkit.errors import DataError, UsageError
from captionkit.files import read_bounded
from captionkit.files.edits import ByteEdit, apply_edits

MAX_DOCUMENT_BYTES = 256_000_000
MAX_TEXT_BYTES = 32_000_000


class Document(Protocol):
    """A document that has been read; `pictures` stand in the order in which they are met."""

    @property
    def pictures(self) -> tuple[Picture, ...]: ...

    def edits(self, alts: Mapping[int, str]) -> tuple[ByteEdit, ...]:
        """The edits of the file that give picture number `i` the alternative text `alts[i]`."""
        ...

    def embedded(self, name: str) -> bytes | None:
        """The bytes of a picture inside the document; None where there is none of that name."""
        ...


READERS: dict[str, Callable[[bytes], Document]] = {
    ".html": read_html,
    ".htm": read_html,
    ".xhtml": read_page,
    ".xht": read_page,
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".mdown": read_markdown,
    ".mkd": read_markdown,
    ".mdx": read_markdown,
    ".ipynb": read_notebook,
    ".epub": read_epub,
    ".docx": read_docx,
    ".pptx": read_pptx,
    ".jsx": partial(read_source_code, dialect=JSX),
    ".tsx": partial(read_source_code, dialect=JSX),
    ".js": partial(read_source_code, dialect=JSX, certain=False),
    ".vue": partial(read_source_code, dialect=VUE),
    ".svelte": partial(read_source_code, dialect=SVELTE),
    ".astro": partial(read_source_code, dialect=ASTRO),
}
SOURCE_CODE = frozenset([".jsx", ".tsx", ".js", ".vue", ".svelte", ".astro"])
_LARGE = frozenset([".epub", ".docx", ".pptx", ".ipynb"])


def read_document(path: Path, data: bytes | None = None) -> Document:
    """Read a document by its suffix.

    Args:
        path: the file.
        data: its bytes, where they have been read already.

    Raises:
        DataError: the file cannot be read as what its name says; the message names it.
        UsageError: no format has that suffix.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise UsageError(f"Expected a document ({', '.join(sorted(READERS))}), but got {path}.")
    if data is None:
        data = read_data(path)
    try:
        return reader(data)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def read_data(path: Path) -> bytes:
    """The bytes of a document, bounded by its kind."""
    return read_bounded(path, MAX_DOCUMENT_BYTES if path.suffix.lower() in _LARGE else MAX_TEXT_BYTES)


def write_alts(path: Path, data: bytes, document: Document, alts: Mapping[int, str]) -> tuple[ByteEdit, ...]:
    """The edits for `alts`, checked: the edited document must show exactly those alternative texts.

    Raises:
        DataError: the edited document reads otherwise (an alt text that the format cannot hold there).
    """
    edits = document.edits(alts)
    after = read_document(path, apply_edits(data, edits)).pictures
    before = document.pictures
    wanted = [squeeze(alts[i]) if i in alts else squeeze(picture.alt or "") for i, picture in enumerate(before)]
    shown = [squeeze(picture.alt or "") for picture in after]
    sources = [picture.source for picture in before] == [picture.source for picture in after]
    if not sources or wanted != shown:
        broken = next((i for i in sorted(alts) if wanted[i : i + 1] != shown[i : i + 1]), None)
        which = "" if broken is None else f" '{brief(wanted[broken], 60)}' of {brief(before[broken].source, 60)}"
        raise DataError(
            f"{path}: the new alternative text{which} would not read back as it was meant, so nothing is written."
        )
    return edits
