"""XMP packets: the description and the alternative text, merged into what is there by edits of the XML.

Properties (ISO 16684-1; IPTC Photo Metadata Standard 2021.1): `dc:description` and
`Iptc4xmpCore:AltTextAccessibility`, both language alternatives with `x-default` first.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from captionkit.alttext.formats.attributes import escape_double, read_start_tag
from captionkit.alttext.formats.pictures import squeeze
from captionkit.alttext.formats.xml_tags import read_xml
from captionkit.errors import DataError
from captionkit.files.edits import ByteEdit, apply_edits
from captionkit.metadata.blocks import MetadataError

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
DC = "http://purl.org/dc/elements/1.1/"
IPTC_CORE = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"
XML = "http://www.w3.org/XML/1998/namespace"
DESCRIPTION = f"{DC} description"
ALT_TEXT = f"{IPTC_CORE} AltTextAccessibility"
_PREFIXES = {DESCRIPTION: ("dc", DC), ALT_TEXT: ("Iptc4xmpCore", IPTC_CORE)}
_DESCRIBED = [f"{RDF} RDF", f"{RDF} Description"]  # deeper, a description is that of a part or of another picture
MAX_PACKET_BYTES = 16_000_000


@dataclass(slots=True)
class _Element:
    """An element: `data[start:end]` of the packet, and the text in it."""

    name: str
    start: int
    end: int = 0
    language: str = ""
    text: list[str] = field(default_factory=list)
    items: list[_Element] = field(default_factory=list)


def read_description(packet: bytes) -> tuple[str, str]:
    """The description and the alternative text of a packet, in its default language; empty where it has none.

    Raises:
        MetadataError: it is not well-formed, or holds no `rdf:RDF`.
    """
    parsed = _parse(packet)
    return _value(parsed, DESCRIPTION), _value(parsed, ALT_TEXT)


def new_packet(values: dict[str, str], language: str) -> bytes:
    """A packet with these properties alone (`DESCRIPTION`, `ALT_TEXT` -> text)."""
    text = (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
        f'<rdf:RDF xmlns:rdf="{RDF}">\n<rdf:Description rdf:about=""{_properties(values, language)}'
        '</rdf:RDF>\n</x:xmpmeta>\n<?xpacket end="w"?>'
    )
    return text.encode("utf-8")


def merge(packet: bytes, values: dict[str, str], language: str) -> bytes:
    """A packet with these properties set and everything else, byte for byte, as it was.

    Items of other languages than `language` and `x-default` are kept.

    Raises:
        MetadataError: it is not well-formed, not UTF-8, or holds no `rdf:RDF`.
    """
    parsed = _parse(packet)
    edits: list[ByteEdit] = []
    missing = dict(values)
    for prop in parsed.properties:
        if prop.name in missing:
            new = _replacement(parsed, prop, missing.pop(prop.name), language)
            edits.append(ByteEdit(prop.start, prop.end, new.encode("utf-8")))
        elif prop.name in values:
            edits.append(ByteEdit(prop.start, prop.end, b""))  # said twice: the first one stays
    edits += _attribute_edits(parsed, values)
    if missing:
        about = escape_double(parsed.about or "")
        added = f'<rdf:Description xmlns:rdf="{RDF}" rdf:about="{about}"{_properties(missing, language)}'
        edits.append(_insertion(parsed, added.encode("utf-8")))
    merged = apply_edits(packet, edits)
    after = _parse(merged)
    if any(_value(after, name) != squeeze(text) for name, text in values.items()):
        raise MetadataError("its XMP packet cannot take the description.")
    return merged


def _parse(packet: bytes) -> _Packet:
    """The places of what matters in a packet."""
    if len(packet) > MAX_PACKET_BYTES:
        raise MetadataError("its XMP packet is too large.")
    try:
        packet.decode("utf-8")
    except UnicodeDecodeError:
        raise MetadataError("its XMP packet is not UTF-8.") from None
    found = _Packet(packet)
    try:
        # Some writers put zero bytes behind a packet.
        encoding = read_xml(
            packet.rstrip(b"\0"), start=found.start, end=found.end, text=found.text, namespaces=True
        )
    except DataError as error:
        raise MetadataError(f"its XMP packet cannot be read: {error}") from None
    if encoding.lower() not in ("utf-8", "utf8", "us-ascii"):
        raise MetadataError("its XMP packet is not UTF-8.")
    if found.rdf is None:
        raise MetadataError("its XMP packet holds no rdf:RDF.")
    return found


class _Packet:
    """A packet, and what of it matters here; takes the events of its XML. Places count bytes.

    Attributes:
        data: the packet.
        characters: one for each byte: what marks tags is ASCII, and stands where it stands in `data`.
        properties: the elements that are to be read or replaced.
        attributes: those that stand as attributes: property, value, place of the tag.
        about: what the first `rdf:Description` is about; None where there is none.
        rdf: the element `rdf:RDF`.
        rdf_close: where its end tag begins; its start where it is one tag.
    """

    def __init__(self, data: bytes) -> None:
        self.data, self.characters = data, data.decode("latin-1")
        self.properties: list[_Element] = []
        self.attributes: list[tuple[str, str, int]] = []
        self.about: str | None = None
        self.rdf: _Element | None = None
        self.rdf_close = 0
        self._path: list[str] = []
        self._property: _Element | None = None
        self._item: _Element | None = None

    def start(self, name: str, attributes: dict[str, str], offset: int) -> None:
        parent = self._path[-1] if self._path else ""
        self._path.append(name)
        if name == f"{RDF} RDF" and self.rdf is None:
            self.rdf = _Element(name, offset)
        elif name == f"{RDF} Description" and parent == f"{RDF} RDF":
            if self.about is None:
                self.about = attributes.get(f"{RDF} about", attributes.get("about", ""))
            self.attributes += [(key, attributes[key], offset) for key in _PREFIXES if key in attributes]
        elif name in _PREFIXES and self._path[-3:-1] == _DESCRIBED and self._property is None:
            self._property = _Element(name, offset)
        elif name == f"{RDF} li" and self._property is not None and self._item is None:
            self._item = _Element(name, offset, language=attributes.get(f"{XML} lang", "").lower())

    def end(self, name: str, offset: int) -> None:
        self._path.pop()
        if self.rdf is not None and name == self.rdf.name and not self.rdf.end:
            self.rdf.end = self._behind(self.rdf, offset)
            self.rdf_close = offset if self.rdf.end > offset else self.rdf.start
        elif self._item is not None and self._property is not None and name == self._item.name:
            self._item.end = self._behind(self._item, offset)
            self._property.items.append(self._item)
            self._item = None
        elif self._property is not None and name == self._property.name:
            self._property.end = self._behind(self._property, offset)
            self.properties.append(self._property)
            self._property = None

    def text(self, data: str) -> None:
        inner = self._item or self._property
        if inner is not None:
            inner.text.append(data)

    def _behind(self, one: _Element, offset: int) -> int:
        """The place behind an element, where `read_xml` says that it ends at `offset`."""
        tag = read_start_tag(self.characters, one.start)
        # Behind one that is one tag (`<rdf:li/>`) the end tag of another may stand at once.
        single = tag is not None and tag.end == offset and self.data[offset - 2 : offset] == b"/>"
        return offset if single else self.data.index(b">", offset) + 1


def _value(parsed: _Packet, name: str) -> str:
    for prop in parsed.properties:
        if prop.name != name:
            continue
        chosen = next((item for item in prop.items if item.language == "x-default"), None)
        chosen = chosen or next(iter(prop.items), prop)
        return squeeze("".join(chosen.text))
    return next((squeeze(value) for key, value, _ in parsed.attributes if key == name), "")


def _properties(values: dict[str, str], language: str) -> str:
    """The rest of a new `rdf:Description`, from behind `rdf:about` on."""
    names, elements = "", ""
    for name, text in values.items():
        prefix, uri = _PREFIXES[name]
        element, escaped = f"{prefix}:{name.split(' ')[1]}", escape_double(text)
        names += f' xmlns:{prefix}="{uri}"'
        elements += (
            f'<{element}>\n<rdf:Alt>\n<rdf:li xml:lang="x-default">{escaped}</rdf:li>\n'
            f'<rdf:li xml:lang="{escape_double(language)}">{escaped}</rdf:li>\n</rdf:Alt>\n</{element}>\n'
        )
    return f"{names}>\n{elements}</rdf:Description>\n"


def _replacement(parsed: _Packet, prop: _Element, text: str, language: str) -> str:
    """The property's element anew, under the prefix it had, with the items of other languages as they were."""
    tag = read_start_tag(parsed.characters, prop.start)
    name = parsed.data[tag.start + 1 : tag.name_end].decode("utf-8") if tag is not None else "dc:description"
    prefix = name.partition(":")[0] if ":" in name else ""
    uri = prop.name.split(" ")[0]
    declared = f'xmlns:{prefix}="{uri}"' if prefix else f'xmlns="{uri}"'
    kept = [item for item in prop.items if item.language not in ("x-default", language.lower())]
    others = b"".join(parsed.data[item.start : item.end] for item in kept).decode("utf-8")
    escaped = escape_double(text)
    return (
        f'<{name} {declared}><rdf:Alt xmlns:rdf="{RDF}"><rdf:li xml:lang="x-default">{escaped}</rdf:li>'
        f'<rdf:li xml:lang="{escape_double(language)}">{escaped}</rdf:li>{others}</rdf:Alt></{name}>'
    )


def _attribute_edits(parsed: _Packet, values: dict[str, str]) -> list[ByteEdit]:
    """Remove properties that stand as attributes of `rdf:Description`: they cannot hold languages."""
    edits = []
    for name, _, place in parsed.attributes:
        tag = read_start_tag(parsed.characters, place)
        local = name.split(" ")[1]
        edits += [
            ByteEdit(one.name_start, one.end + len(one.quote), b"")
            for one in (tag.attributes if tag is not None and name in values else ())
            if one.name.rsplit(":", 1)[-1] == local and not one.name.startswith("xmlns")
        ]
    return edits


def _insertion(parsed: _Packet, added: bytes) -> ByteEdit:
    assert parsed.rdf is not None
    if parsed.rdf_close > parsed.rdf.start:
        return ByteEdit(parsed.rdf_close, parsed.rdf_close, added)
    tag = parsed.data[parsed.rdf.start : parsed.rdf.end]  # <rdf:RDF/>
    name = tag[1:].split()[0].rstrip(b"/>")
    return ByteEdit(parsed.rdf.start, parsed.rdf.end, tag[:-2] + b">" + added + b"</" + name + b">")
