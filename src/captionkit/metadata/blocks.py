"""What every container has in common: the metadata blocks in it, and the edits that replace them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from captionkit.errors import DataError
from captionkit.files.edits import ByteEdit


class MetadataError(DataError):
    """The file's structure is damaged or of a kind that is not edited. The message follows the file's name."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """The metadata of a picture file, each block as its own format defines it.

    Attributes:
        xmp: the XMP packet; None where there is none.
        exif: the EXIF block, which is a small TIFF file; None where there is none.
        iptc: the IPTC-IIM datasets; None where there is none.
        described: a description that only this container has (PNG's text chunk); empty otherwise.
    """

    xmp: bytes | None = None
    exif: bytes | None = None
    iptc: bytes | None = None
    described: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """New blocks; None leaves a block as it is. Whatever is written stands in XMP too."""

    xmp: bytes
    exif: bytes | None = None
    iptc: bytes | None = None


class Container(Protocol):
    """A file format that holds metadata blocks: the modules `jpeg`, `png`, `webp` and `tiff`."""

    ADDS_IPTC: bool  # whether datasets are put into a file that has none

    def read(self, data: bytes) -> Blocks:
        """The blocks of a file.

        Raises:
            MetadataError: the file's structure is damaged.
        """
        ...

    def replace(self, data: bytes, changes: Changes) -> tuple[ByteEdit, ...]:
        """The edits of the file that put new blocks in the place of the old ones, or add them."""
        ...

    def rest(self, data: bytes) -> list[bytes]:
        """All parts of the file that are not such blocks, image data included: what no edit may change."""
        ...
