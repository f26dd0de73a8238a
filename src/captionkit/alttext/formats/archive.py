"""Zip archives, read within bounds and edited member by member.

`zipfile` writes a new archive when one member changes. Here only the changed member's data, its sizes and its
checksum are replaced, and the offsets behind it: every other member keeps its bytes, its order and its date, and
the edits can be taken back like those of a text file. Layouts are those of APPNOTE.TXT, 4.3.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from captionkit.errors import DataError
from captionkit.files.edits import ByteEdit

MAX_MEMBERS = 20_000
MAX_TOTAL_BYTES = 2_000_000_000  # declared, of all members together; each read is bounded besides
MAX_RATIO = 1_100  # deflate cannot pack better than 1,032 to 1
MAX_MEMBER_BYTES = 256_000_000

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_DESCRIPTOR = b"PK\x07\x08"


@dataclass(frozen=True, slots=True)
class Member:
    """One member: its sizes, its place, and the place of its record in the central directory."""

    name: str
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    record: int


class Archive:
    """A zip archive in memory. Nothing is ever extracted to disk."""

    def __init__(self, data: bytes) -> None:
        """Read the directory.

        Raises:
            DataError: no zip, damaged, or beyond the bounds; the message begins small, to follow the file's name.
        """
        self.data = data
        self._end = _find_end(data)
        _, disk, start_disk, here, count, size, self._directory, _ = _END.unpack_from(data, self._end)
        if disk or start_disk or here != count or count == 0xFFFF or 0xFFFFFFFF in (size, self._directory):
            raise DataError("it is a zip in parts or of the 64-bit kind, which is not read.")
        if count > MAX_MEMBERS or self._directory + size != self._end:
            raise DataError("its zip directory is damaged.")
        self.members = self._read_directory(count)
        self._check()

    def read(self, name: str, limit: int = MAX_MEMBER_BYTES) -> bytes:
        """The bytes of a member, at most `limit` of them.

        Raises:
            DataError: no such member, encrypted, packed in another way than deflate, damaged, or larger.
        """
        member = self.members.get(name)
        if member is None:
            raise DataError(f"it holds no {name}.")
        if member.flags & 1:
            raise DataError(f"its member {name} is encrypted.")
        if member.size > limit:
            raise DataError(f"its member {name} has {member.size:,} bytes, more than the {limit:,} that are read.")
        start = self._data_start(member)
        packed = self.data[start : start + member.packed]
        if member.method == 0:
            data = packed
        elif member.method == 8:
            try:
                data = zlib.decompressobj(-15).decompress(packed, member.size + 1)
            except zlib.error:
                raise DataError(f"its member {name} is damaged.") from None
        else:
            raise DataError(f"its member {name} is packed by method {member.method}, which is not read.")
        if len(data) != member.size or zlib.crc32(data) != member.crc:
            raise DataError(f"its member {name} is damaged.")
        return data

    def replace(self, changes: Mapping[str, bytes]) -> tuple[ByteEdit, ...]:
        """The edits of the archive that give members new bytes, by the packing they had.

        Raises:
            DataError: a member that cannot be edited.
        """
        edits: list[ByteEdit] = []
        shifts: list[tuple[int, int]] = []  # (offset, growth of what lies before it)
        for name, new in changes.items():
            member = self.members[name]
            start, end = self._data_start(member), self._data_end(member)
            packed = new if member.method == 0 else zlib.compress(new, 6, -15)
            flags = struct.pack("<H", member.flags & ~8)  # sizes stand in the header, not behind the data
            sizes = struct.pack("<3I", zlib.crc32(new), len(packed), len(new))
            edits += [
                ByteEdit(member.offset + 6, member.offset + 8, flags),
                ByteEdit(member.offset + 14, member.offset + 26, sizes),
                ByteEdit(start, end, packed),
                ByteEdit(member.record + 8, member.record + 10, flags),
                ByteEdit(member.record + 16, member.record + 28, sizes),
            ]
            shifts.append((end, len(packed) - (end - start)))
        for member in self.members.values():
            growth = sum(grown for place, grown in shifts if place <= member.offset)
            if growth:
                edits.append(ByteEdit(member.record + 42, member.record + 46, _unsigned(member.offset + growth)))
        total = sum(grown for _, grown in shifts)
        if total:
            edits.append(ByteEdit(self._end + 16, self._end + 20, _unsigned(self._directory + total)))
        return tuple(edits)

    def _read_directory(self, count: int) -> dict[str, Member]:
        members: dict[str, Member] = {}
        position = self._directory
        for _ in range(count):
            if position + _CENTRAL.size > self._end:
                raise DataError("its zip directory is damaged.")
            fields = _CENTRAL.unpack_from(self.data, position)
            mark, flags, method, crc, packed, size = fields[0], fields[3], fields[4], *fields[7:10]
            name_size, extra_size, comment_size, offset = *fields[10:13], fields[16]
            behind = position + _CENTRAL.size + name_size + extra_size + comment_size
            if mark != b"PK\x01\x02" or behind > self._end:
                raise DataError("its zip directory is damaged.")
            if 0xFFFFFFFF in (packed, size, offset):
                raise DataError("it is a zip of the 64-bit kind, which is not read.")
            raw = self.data[position + _CENTRAL.size : position + _CENTRAL.size + name_size]
            name = _name(raw, flags)
            if name in members:
                raise DataError(f"it holds {name} twice, so what is meant is not certain.")
            members[name] = Member(name, flags, method, crc, packed, size, offset, position)
            position = behind
        return members

    def _check(self) -> None:
        """Sizes that can be, and members that do not share bytes (which is how a small zip grows without end)."""
        if sum(member.size for member in self.members.values()) > MAX_TOTAL_BYTES:
            raise DataError(f"its members have more than {MAX_TOTAL_BYTES:,} bytes together.")
        behind = 0
        for member in sorted(self.members.values(), key=lambda one: one.offset):
            if member.offset < behind or member.size > MAX_RATIO * max(member.packed, 1):
                raise DataError(f"its member {member.name} is damaged or made to exhaust memory.")
            behind = self._data_start(member) + member.packed
            if behind > self._directory:
                raise DataError(f"its member {member.name} is damaged.")

    def _data_start(self, member: Member) -> int:
        start = member.offset + _LOCAL.size
        if start > self._directory or not self.data.startswith(b"PK\x03\x04", member.offset):
            raise DataError(f"its member {member.name} is damaged.")
        name_size, extra_size = _LOCAL.unpack_from(self.data, member.offset)[9:]
        return start + int(name_size + extra_size)

    def _data_end(self, member: Member) -> int:
        """Behind the data and, where there is one, the data descriptor (4.3.9)."""
        end = self._data_start(member) + member.packed
        if member.flags & 8:
            marked = self.data[end : end + 4] == _DESCRIPTOR
            end += 16 if marked else 12
            following = [one.offset for one in self.members.values() if one.offset > member.offset]
            if end > min(following, default=self._directory):
                raise DataError(f"its member {member.name} is damaged.")
        return end


def _find_end(data: bytes) -> int:
    """The end-of-directory record: the last one whose comment reaches exactly to the end of the file."""
    position = len(data)
    while True:
        position = data.rfind(b"PK\x05\x06", max(0, len(data) - 65_557), position + 3)
        if position < 0:
            raise DataError("it is no zip archive, or its end is cut off.")
        if position + _END.size <= len(data):
            comment = _END.unpack_from(data, position)[7]
            if position + _END.size + comment == len(data):
                return position


def _name(raw: bytes, flags: int) -> str:
    """A member's name. EPUB and Office Open XML know UTF-8 alone, but not all that write them set its flag."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("utf-8" if flags & 0x800 else "cp437", "replace")


def _unsigned(value: int) -> bytes:
    if value > 0xFFFFFFFE:
        raise DataError("it would grow beyond 4 GB.")
    return struct.pack("<I", value)
