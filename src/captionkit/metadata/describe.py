"""Writes a description into a picture's metadata, checks that nothing else changed, and takes it back.

Where the sentence goes (`docs/alt-text.md`): XMP `dc:description` and `Iptc4xmpCore:AltTextAccessibility`, EXIF
ImageDescription, and IPTC Caption/Abstract; or, for formats that are not edited, an `.xmp` file beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from captionkit.alttext.formats.pictures import squeeze
from captionkit.alttext.sidecar import Sidecar, WrittenAlt, open_sidecar
from captionkit.alttext.write import Undone, check_writable, undo
from captionkit.errors import CaptionkitError, DataError
from captionkit.files import read_bounded, real_path
from captionkit.files.edits import ByteEdit, apply_edits
from captionkit.images import MAX_FILE_BYTES, read_image, read_metadata
from captionkit.metadata import exif, iptc, jpeg, png, tiff, webp, xmp
from captionkit.metadata.blocks import Blocks, Changes, Container, MetadataError

NAME = ".captionkit-metadata.json"
# What cameras put where a person's description belongs: it names the camera, not the picture.
_CAMERA_WORDS = frozenset([
    "olympus digital camera", "sony dsc", "minolta digital camera", "konica minolta digital camera", "dig",
    "kodak digital still camera", "digital camera", "exif_jpeg_picture", "default", "dcim", "mde",
])  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one picture.

    Attributes:
        path: the file that was written: the picture, or the `.xmp` beside it.
        written: the names of the fields that were written; empty where all were kept.
        kept: the description that was there and stays; empty otherwise.
    """

    path: Path
    written: tuple[str, ...] = ()
    kept: str = ""


def describe(
    data: bytes, text: str, *, language: str = "en", overwrite: bool = False
) -> tuple[tuple[ByteEdit, ...], tuple[str, ...], str]:
    """The edits that write a sentence into a picture file, checked: pixels and everything else stay.

    Args:
        data: a JPEG, PNG, WebP or TIFF file.
        text: the sentence.
        language: its language tag, for XMP.
        overwrite: replace a description that is there.

    Returns:
        The edits, the fields they write, and the description that was kept (empty where none was).

    Raises:
        MetadataError: the file is not of these formats, its metadata is damaged, or the check failed.
        ImageError: the picture does not decode.
    """
    container = _container(data)
    if container is None:
        raise MetadataError("its format is not edited (JPEG, PNG, WebP and TIFF are).")
    text = squeeze(text)
    blocks = container.read(data)
    values, kept = _wanted(_described(blocks), text, overwrite)
    if not values:
        return (), (), kept
    fields = [name.split(" ")[1] for name in values]
    changes = Changes(_new_xmp(blocks.xmp, values, language))
    if xmp.DESCRIPTION in values:
        datasets = iptc.set_caption(blocks.iptc, text) if container.ADDS_IPTC or blocks.iptc is not None else None
        changes = Changes(changes.xmp, exif.set_image_description(blocks.exif, text), datasets)
        fields += ["ImageDescription"] + (["Caption-Abstract"] if datasets is not None else [])
    edits = container.replace(data, changes)
    _check(container, data, apply_edits(data, edits), values)
    return edits, tuple(fields), kept


def write_description(
    path: Path,
    text: str,
    sidecar: Sidecar,
    *,
    language: str = "en",
    overwrite: bool = False,
    beside: bool = False,
    model: str = "",
    confidence: float | None = None,
) -> Outcome:
    """Write a sentence into a picture's metadata, or into `NAME.xmp` beside it where its format is not edited.

    Args:
        path: the picture.
        text: the sentence.
        sidecar: remembers how to take it back (`open_undo`).
        language: the sentence's language tag.
        overwrite: replace a description that is there.
        beside: leave the picture alone and write the `.xmp` file in any case.
        model, confidence: for the record.

    Raises:
        DataError: the file is read-only, or its metadata is damaged; it is left as it is.
        ImageError: it is no picture, or one that is edited does not decode.
    """
    path = real_path(path)
    data = read_bounded(path, MAX_FILE_BYTES)
    beside = beside or _container(data) is None
    target = path.with_name(f"{path.name}.xmp") if beside else path
    try:
        if beside:
            own = _own_description(data)
            old = read_bounded(target, xmp.MAX_PACKET_BYTES) if target.exists() else None
            edits, fields, kept = _describe_beside(old, own, text, language, overwrite)
        else:
            old = data
            edits, fields, kept = describe(data, text, language=language, overwrite=overwrite)
    except MetadataError as error:
        raise DataError(f"{target}: {error}") from None
    if not fields:
        return Outcome(target, kept=kept)
    if old is not None:
        check_writable(target)
    said = WrittenAlt("", target.name, "", kept or None, squeeze(text), "model", model, confidence)
    sidecar.write(target, old, edits, (said,))
    return Outcome(target, fields, kept)


def open_undo(folder: Path) -> Sidecar:
    """The record of what was written into the pictures of a folder.

    Raises:
        DataError: it is damaged, or of a later version.
    """
    return open_sidecar(folder, NAME)


def undo_descriptions(sidecar: Sidecar, pictures: Iterable[Path]) -> Iterator[Undone]:
    """Give pictures the bytes they had; one that was changed since is left as it is.

    Args:
        sidecar: as `open_undo` gave it.
        pictures: the pictures, whose `.xmp` files count too.
    """
    wanted = [one for path in map(real_path, pictures) for one in (path, path.with_name(f"{path.name}.xmp"))]
    return undo(sidecar, wanted, read=lambda path: read_bounded(path, MAX_FILE_BYTES))


def _container(data: bytes) -> Container | None:
    if data[:3] == b"\xff\xd8\xff":
        return jpeg
    if data.startswith(png.SIGNATURE):
        return png
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return webp
    if data[:4] in (b"II*\0", b"MM\0*"):
        return tiff
    return None


def _described(blocks: Blocks) -> dict[str, str]:
    """What a picture's metadata says of it, by property of XMP; empty where nothing."""
    description, alt = xmp.read_description(blocks.xmp) if blocks.xmp is not None else ("", "")
    if not description and blocks.iptc is not None:
        description = iptc.read_caption(blocks.iptc)
    if not description and blocks.exif is not None:
        description = exif.read_image_description(blocks.exif)
        if description.casefold() in _CAMERA_WORDS:
            description = ""
    return {xmp.DESCRIPTION: squeeze(description or blocks.described), xmp.ALT_TEXT: alt}


def _own_description(data: bytes) -> dict[str, str]:
    """`_described` of a picture of any format; empty where its metadata is damaged, which stays as it is.

    Raises:
        ImageError: it is no picture, which gets no description.
    """
    packet, block = read_metadata(data)
    container = _container(data)
    try:
        return _described(container.read(data) if container is not None else Blocks(packet, block))
    except MetadataError:
        return {xmp.DESCRIPTION: "", xmp.ALT_TEXT: ""}


def _wanted(there: dict[str, str], text: str, overwrite: bool) -> tuple[dict[str, str], str]:
    """The properties that are to say the text, and the description that stays instead; empty where none does."""
    values = {name: text for name, old in there.items() if (overwrite or not old) and old != text}
    return values, "" if overwrite and values else there[xmp.DESCRIPTION]


def _new_xmp(packet: bytes | None, values: dict[str, str], language: str) -> bytes:
    return xmp.new_packet(values, language) if packet is None else xmp.merge(packet, values, language)


def _describe_beside(
    old: bytes | None, own: dict[str, str], text: str, language: str, overwrite: bool
) -> tuple[tuple[ByteEdit, ...], tuple[str, ...], str]:
    """As `describe`, of an `.xmp` file or none, beside a picture that says this of itself."""
    described = _described(Blocks(old))
    there = {name: described[name] or own[name] for name in own}
    values, kept = _wanted(there, squeeze(text), overwrite)
    if not values:
        return (), (), kept
    new = ByteEdit(0, len(old or b""), _new_xmp(old, values, language))
    return (new,), tuple(name.split(" ")[1] for name in values), kept


def _check(container: Container, data: bytes, new: bytes, values: dict[str, str]) -> None:
    """The new file says what was meant, and everything but its metadata is as before, decoded and undecoded."""
    try:
        described = _described(container.read(new))
        same = container.rest(data) == container.rest(new) and np.array_equal(read_image(data), read_image(new))
    except MetadataError as error:
        raise MetadataError(f"the edited file does not read back ({error}); it is left as it is.") from None
    except CaptionkitError as error:
        raise DataError(str(error)) from None
    if not same or any(described[name] != text for name, text in values.items()):
        raise MetadataError("the edited file would not be the same picture; it is left as it is.")
