"""The zip that a bundle is: members stored uncompressed, written in exactly one way.

A zip file has many bytes that its reader does not need: dates, attributes, versions, a second copy of every
name and size. Checking members alone would let damage there pass, and different readers could see different
files. So there is one canonical archive for given members, and `read_archive` refuses any other: it walks the
members, writes the headers they should have, and compares. Any zip tool can open and list the result.

Layout: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.7 (local header), 4.3.12 (central directory) and 4.3.16 (end).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from typing import NamedTuple

from captionkit.errors import BundleError

MAX_MEMBERS = 32
MAX_NAME = 64

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_VERSION = 20  # 2.0, the lowest that plain files need
_MADE_BY = 3 << 8 | _VERSION  # Unix, so that the permissions below count
_UTF8 = 1 << 11
_DATE = (1980 - 1980) << 9 | 1 << 5 | 1  # 1 January 1980: the same members give the same bytes
_ATTRIBUTES = 0o100644 << 16


class _Entry(NamedTuple):
    name: bytes
    crc: int
    size: int


def write_archive(members: Mapping[str, bytes]) -> list[bytes]:
    """The archive of these members, in their order, as pieces to be joined or written one after another."""
    entries = [_Entry(name.encode("ascii"), zlib.crc32(data), len(data)) for name, data in members.items()]
    pieces: list[bytes] = []
    for entry, data in zip(entries, members.values(), strict=True):
        pieces += [_local(entry), data]
    pieces.append(_tail(entries))
    return pieces


def read_archive(data: bytes) -> dict[str, bytes]:
    """The members of an archive, in their order.

    The check sum of the first member is compared with its content: it is the manifest, and nothing else vouches
    for it. The others' contents are left to the hashes in the manifest.

    Raises:
        BundleError: not the canonical archive of its members: damaged, repacked, with something before,
            between or behind its members, or with a member twice.
    """
    entries: list[_Entry] = []
    members: dict[str, bytes] = {}
    at = 0
    while data[at : at + 4] == b"PK\x03\x04":
        if len(entries) == MAX_MEMBERS or len(data) - at < _LOCAL.size:
            raise _damaged("it has too many members or ends within one")
        *_, crc, size, _, name_length, _ = _LOCAL.unpack_from(data, at)
        if not 0 < name_length <= MAX_NAME:
            raise _damaged("the name of a member is empty or too long")
        entry = _Entry(data[at + _LOCAL.size : at + _LOCAL.size + name_length], crc, size)
        header = _local(entry)
        start = at + len(header)
        if data[at:start] != header or len(data) - start < size:
            raise _damaged("the header of a member is damaged, or the file is cut off")
        try:
            name = entry.name.decode("ascii")
        except UnicodeDecodeError:
            raise _damaged("the name of a member is damaged") from None
        if name in members:
            raise _damaged(f"it has the member {name!r} twice")
        entries.append(entry)
        members[name] = data[start : start + size]
        at = start + size
    tail = _tail(entries)
    # The tail of a large archive is compared, never searched for: nothing may stand before or behind it.
    if not entries or data[at:] != tail:
        raise _damaged("its directory is damaged, or something was added to it or cut off")
    first = next(iter(members))
    if zlib.crc32(members[first]) != entries[0].crc:
        raise _damaged(f"the content of {first!r} is damaged")
    return members


def _damaged(reason: str) -> BundleError:
    return BundleError(
        f"Expected a captionkit bundle as captionkit wrote it, but {reason}; fetch or export the bundle again."
    )


def _local(entry: _Entry) -> bytes:
    fields = (_VERSION, _UTF8, 0, 0, _DATE, entry.crc, entry.size, entry.size, len(entry.name), 0)
    return _LOCAL.pack(b"PK\x03\x04", *fields) + entry.name


def _tail(entries: list[_Entry]) -> bytes:
    directory, at = b"", 0
    for entry in entries:
        fields = (_MADE_BY, _VERSION, _UTF8, 0, 0, _DATE, entry.crc, entry.size, entry.size, len(entry.name))
        directory += _CENTRAL.pack(b"PK\x01\x02", *fields, 0, 0, 0, 0, _ATTRIBUTES, at) + entry.name
        at += _LOCAL.size + len(entry.name) + entry.size
    end = _END.pack(b"PK\x05\x06", 0, 0, len(entries), len(entries), len(directory), at, 0)
    return directory + end
