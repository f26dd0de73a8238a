"""A document that is an archive: its parts are edited as texts, and the archive around them member by member."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from captionkit.alttext.formats.archive import Archive
from captionkit.alttext.formats.decoding import DecodedText
from captionkit.alttext.formats.pictures import Picture, slot_edits
from captionkit.errors import DataError
from captionkit.files.edits import ByteEdit, apply_edits


@dataclass(frozen=True, slots=True)
class PackedDocument:
    """An archive with its pictures; `texts` holds the parts that they stand in, by member name."""

    archive: Archive
    pictures: tuple[Picture, ...]
    texts: Mapping[str, DecodedText]

    def edits(self, alts: Mapping[int, str]) -> tuple[ByteEdit, ...]:
        """The edits of the file that give picture number `i` the alternative text `alts[i]`."""
        changes = {}
        for name, text in self.texts.items():
            mine = {index: alt for index, alt in alts.items() if self.pictures[index].member == name}
            if mine:
                edits = text.byte_edits(slot_edits(self.pictures, mine))
                changes[name] = apply_edits(self.archive.read(name), edits)
        return self.archive.replace(changes)

    def embedded(self, name: str) -> bytes | None:
        """The bytes of a member; None where there is none that can be read."""
        try:
            return self.archive.read(name)
        except DataError:
            return None
