"""What DOCX and PPTX share: relationships of a part, drawings with their properties, and the slots of `descr`.

Office Open XML (ECMA-376): a picture is a drawing whose non-visual properties (`wp:docPr`, `p:cNvPr`) carry
`descr`, the alternative text, and whose `a:blip` names a relationship to the picture's part.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from captionkit.alttext.formats.archive import Archive
from captionkit.alttext.formats.attributes import attribute_slot, read_start_tag
from captionkit.alttext.formats.decoding import DecodedText, decode_declared
from captionkit.alttext.formats.pictures import Context, Picture, squeeze
from captionkit.alttext.formats.xhtml import character_offsets
from captionkit.alttext.formats.xml_tags import MAX_XML_BYTES, elements, local

EMU_PER_PIXEL = 9525  # English metric units in a CSS pixel (914,400 an inch, 96 pixels an inch)
_NUMBER = re.compile(r"[0-9]{1,18}")  # the format's own numbers have 64 bits at most
_DRAWN = {"chart": "a chart", "diagram": "a diagram (SmartArt)", "chartex": "a chart"}
_IDLE = ("ppaction://media", "ppaction://noaction")  # a film that is played where it stands is no link
_METAFILES = (".emf", ".wmf", ".emz", ".wmz")


@dataclass(slots=True)
class Drawing:
    """A drawing while its element is open."""

    offset: int | None = None  # byte offset of the tag that carries the alternative text
    attribute: str = "descr"
    descr: str | None = None
    title: str = ""
    embed: str = ""
    link: str = ""  # relationship of a link on the picture
    action: str = ""  # what a click on it does without a relationship: "ppaction://hlinkshowjump?jump=nextslide"
    kind: str = ""
    decorative: bool = False
    width: float | None = None
    height: float | None = None
    context: Context = Context()  # noqa: RUF009 - a frozen dataclass

    @property
    def is_picture(self) -> bool:
        """Whether it shows something that needs alternative text: a picture, a chart, a diagram."""
        return self.offset is not None and bool(self.embed or self.kind)


def attribute(attributes: Mapping[str, str], name: str) -> str:
    """An attribute by its name without prefix; empty where there is none."""
    return next((value for key, value in attributes.items() if local(key) == name), "")


def properties(drawing: Drawing, attributes: Mapping[str, str], offset: int) -> None:
    """Take `descr` and `title` of a drawing's first non-visual properties."""
    if drawing.offset is None:
        drawing.offset = offset
        drawing.descr = attributes.get("descr")
        drawing.title = attributes.get("title", "")


def inside_drawing(drawing: Drawing, name: str, attributes: Mapping[str, str], parent: str) -> None:
    """Take what an element inside a drawing says of it."""
    if name == "blip" and not drawing.embed:
        drawing.embed = attribute(attributes, "embed") or attribute(attributes, "link")
    elif name == "graphicData":
        drawing.kind = _DRAWN.get(attributes.get("uri", "").rsplit("/", 1)[-1].lower(), "")
    elif name == "hlinkClick" and parent in ("docPr", "cNvPr"):
        drawing.link, action = attribute(attributes, "id"), attribute(attributes, "action")
        drawing.action = "" if action in _IDLE else action
    elif name == "decorative":
        drawing.decorative = attribute(attributes, "val").lower() in ("1", "true", "on")
    elif name in ("extent", "ext") and drawing.width is None and "cx" in attributes:
        drawing.width, drawing.height = _pixels(attributes.get("cx")), _pixels(attributes.get("cy"))


def read_relationships(archive: Archive, part: str) -> dict[str, tuple[str, bool]]:
    """Relationship id -> (member or address, whether it leads out of the package)."""
    folder, name = posixpath.split(part)
    member = posixpath.join(folder, "_rels", f"{name}.rels")
    found: dict[str, tuple[str, bool]] = {}
    for attributes in _relationships(archive, member):
        target = attributes.get("Target", "")
        external = attributes.get("TargetMode", "").lower() == "external"
        if not external:
            joined = target if target.startswith("/") else posixpath.join(folder, target)
            target = posixpath.normpath(joined.lstrip("/"))
        found[attributes.get("Id", "")] = (target, external)
    return found


def main_part(archive: Archive) -> str:
    """The member that a package is about ("word/document2.xml" of Word for the web); empty where none is named."""
    main = ""
    for attributes in _relationships(archive, "_rels/.rels"):
        if attributes.get("Type", "").endswith("/officeDocument"):
            main = posixpath.normpath(attributes.get("Target", "").lstrip("/"))
    return main


def _relationships(archive: Archive, member: str) -> list[dict[str, str]]:
    """The attributes of the relationships that a member lists; none where there is no such member."""
    if member not in archive.members:
        return []
    return [attributes for _, attributes in elements(archive.read(member, MAX_XML_BYTES), "Relationship")]


def to_pictures(
    archive: Archive, part: str, data: bytes, encoding: str, drawings: list[Drawing]
) -> tuple[DecodedText, list[Picture]]:
    """The pictures of a part in the order of its XML, with their slots.

    Args:
        archive: the package.
        part: the name of the part.
        data, encoding: its bytes, and what its XML declaration says.
        drawings: what was found in it.
    """
    drawings = sorted((one for one in drawings if one.is_picture), key=lambda one: one.offset or 0)
    decoded = decode_declared(data, encoding)
    offsets = character_offsets(decoded, [one.offset or 0 for one in drawings])
    relations = read_relationships(archive, part)
    signed = any(name.startswith("_xmlsignatures/") for name in archive.members)
    pictures = []
    for drawing, offset in zip(drawings, offsets, strict=True):
        target, external = relations.get(drawing.embed, ("", False))
        context = drawing.context
        if drawing.link:
            context = replace(context, link=relations.get(drawing.link, ("", True))[0], link_text="")
        elif drawing.action:
            context = replace(context, link=drawing.action, link_text="")
        alt = squeeze(drawing.descr or "")
        picture = Picture(
            source=target or drawing.embed or drawing.kind,
            alt=alt or None,
            context=context,
            member=part,
            hidden=drawing.decorative,
            title=squeeze(drawing.title),
            width=drawing.width,
            height=drawing.height,
            drawing="a drawing (metafile)" if target.lower().endswith(_METAFILES) else drawing.kind,
            embedded="" if external or not target else target,
        )
        tag = read_start_tag(decoded.text, offset)
        if signed:
            pictures.append(
                replace(picture, fixed="the document is signed, and a change would break the signature")
            )
        elif tag is None:
            pictures.append(replace(picture, fixed="its tag cannot be read"))
        else:
            pictures.append(replace(picture, slot=attribute_slot(tag, drawing.attribute)))
    return decoded, pictures


def _pixels(value: str | None) -> float | None:
    return int(value) / EMU_PER_PIXEL if value is not None and _NUMBER.fullmatch(value) else None
