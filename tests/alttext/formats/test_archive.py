from __future__ import annotations

import io
import struct
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captionkit.alttext.formats.archive import Archive
from captionkit.errors import DataError
from captionkit.files.edits import apply_edits, inverse_edits


def packed(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        archive.comment = comment
    return buffer.getvalue()


class Pipe(io.RawIOBase):
    """A stream that cannot seek: zipfile then puts sizes behind the data."""

    def __init__(self) -> None:
        self.data = b""

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self.data += piece
        return len(piece)


def with_descriptors(members: dict[str, bytes], *, marked: bool) -> bytes:
    """A stored zip whose sizes stand behind the data, with or without the mark of a descriptor."""
    body = records = b""
    for name, content in members.items():
        sizes = struct.pack("<3I", zlib.crc32(content), len(content), len(content))
        head = struct.pack("<2H", len(name), 0)
        records += struct.pack("<4s6H", b"PK\x01\x02", 20, 20, 8, 0, 0, 0) + sizes + head
        records += struct.pack("<3H2I", 0, 0, 0, 0, len(body)) + name.encode()
        body += struct.pack("<4s5H", b"PK\x03\x04", 20, 8, 0, 0, 0) + bytes(12) + head + name.encode() + content
        body += (b"PK\x07\x08" if marked else b"") + sizes
    count = len(members)
    return body + records + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, len(records), len(body), 0)


MEMBERS = {
    "mimetype": b"application/epub+zip",
    "a.xml": b"<a>" + b"x" * 500 + b"</a>",
    "ü/b.png": bytes(range(256)),
}


def raw_members(data: bytes) -> dict[str, bytes]:
    """The packed bytes of each member, by the standard library's directory."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        found = {}
        for info in archive.infolist():
            name_size, extra_size = struct.unpack_from("<2H", data, info.header_offset + 26)
            start = info.header_offset + 30 + name_size + extra_size
            found[info.filename] = data[start : start + info.compress_size]
        return found


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("comment", [b"", b"a comment"])
def test_other_members_keep_their_bytes_order_and_dates(method: int, comment: bytes) -> None:
    data = packed(MEMBERS, method, comment)
    edits = Archive(data).replace({"a.xml": b"<new/>" * 999})
    new = apply_edits(data, edits)
    with zipfile.ZipFile(io.BytesIO(new)) as after, zipfile.ZipFile(io.BytesIO(data)) as before:
        assert after.testzip() is None
        assert after.namelist() == before.namelist() == list(MEMBERS)
        assert [info.date_time for info in after.infolist()] == [info.date_time for info in before.infolist()]
        assert after.read("a.xml") == b"<new/>" * 999
        assert after.read("ü/b.png") == MEMBERS["ü/b.png"]
        assert after.comment == comment
    old_raw, new_raw = raw_members(data), raw_members(new)
    assert {name for name in old_raw if old_raw[name] != new_raw[name]} == {"a.xml"}
    assert apply_edits(new, inverse_edits(data, edits)) == data


def test_a_comment_that_looks_like_the_end_is_a_comment() -> None:
    data = packed(MEMBERS, comment=b"PK\x05\x06" + b"\0" * 18 + b"x")
    assert list(Archive(data).members) == list(MEMBERS)


def test_sizes_behind_the_data_are_read_and_edited() -> None:
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in MEMBERS.items():
            archive.writestr(name, content)
    data = pipe.data
    assert Archive(data).members["a.xml"].flags & 8
    edits = Archive(data).replace({"a.xml": b"<new/>", "mimetype": b"x"})
    new = apply_edits(data, edits)
    with zipfile.ZipFile(io.BytesIO(new)) as after:
        assert after.testzip() is None
        assert after.read("a.xml") == b"<new/>"
    assert Archive(new).read("ü/b.png") == MEMBERS["ü/b.png"]
    assert apply_edits(new, inverse_edits(data, edits)) == data


@pytest.mark.parametrize("marked", [True, False])
def test_nothing_is_left_between_the_members(marked: bool) -> None:
    """Readers of streams go from one local header to the next; a data descriptor need not begin with its mark."""
    data = with_descriptors({"a": b"aaaa", "b": b"bb"}, marked=marked)
    new = apply_edits(data, Archive(data).replace({"a": b"new a", "b": b"new b"}))
    position, found = 0, {}
    while new[position : position + 4] == b"PK\x03\x04":
        flags, size = (
            struct.unpack_from("<H", new, position + 6)[0],
            struct.unpack_from("<I", new, position + 18)[0],
        )
        assert not flags & 8
        found[new[position + 30 : position + 31].decode()] = new[position + 31 : position + 31 + size]
        position += 31 + size
    assert new[position : position + 4] == b"PK\x01\x02"
    assert found == {"a": b"new a", "b": b"new b"}


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from("abcdef"), st.binary(max_size=300), min_size=1), st.data())
def test_any_change_reads_back_and_undoes(members: dict[str, bytes], draw: st.DataObject) -> None:
    data = packed(members)
    changes = draw.draw(st.dictionaries(st.sampled_from(sorted(members)), st.binary(max_size=300)))
    edits = Archive(data).replace(changes)
    new = apply_edits(data, edits)
    assert {name: Archive(new).read(name) for name in members} == {**members, **changes}
    assert apply_edits(new, inverse_edits(data, edits)) == data


def test_what_is_no_zip_is_one_sentence() -> None:
    for data in (b"", b"no zip", b"PK\x05\x06", packed(MEMBERS)[:-5], packed(MEMBERS) + b"more"):
        with pytest.raises(DataError, match=r"zip"):
            Archive(data)


def test_every_cut_and_every_flipped_byte_is_an_error_or_harmless() -> None:
    data = packed({"a.xml": b"<a>hello hello hello</a>", "b": b"x"})
    for position in range(len(data)):
        for broken in (data[:position], data[:position] + bytes([data[position] ^ 0xFF]) + data[position + 1 :]):
            try:
                archive = Archive(broken)
                for name in archive.members:
                    archive.read(name)
                archive.replace(dict.fromkeys(archive.members, b"y"))
            except DataError:
                continue


def test_a_bomb_is_refused_before_it_unpacks() -> None:
    data = bytearray(packed({"a": b"\0" * 10_000_000}))
    record = data.index(b"PK\x01\x02")
    struct.pack_into("<I", data, record + 24, 2_100_000_000)  # the declared size
    with pytest.raises(DataError):
        Archive(bytes(data))
    struct.pack_into("<I", data, record + 24, 5_000)  # a lie: reading stops there
    with pytest.raises(DataError, match="damaged"):
        Archive(bytes(data)).read("a")
    with pytest.raises(DataError, match="more than the 100"):
        Archive(packed({"a": b"x" * 101})).read("a", 100)


def test_members_that_share_bytes_are_refused() -> None:
    packed_data = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = packed_data.compress(b"x" * 1000) + packed_data.flush()
    crc = zlib.crc32(b"x" * 1000)
    local = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 8, 0, 0, crc, len(body), 1000, 1, 0) + b"a" + body
    records = b"".join(
        struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 8, 0, 0, crc, len(body), 1000, 1, 0, 0, 0, 0, 0, 0)
        + name
        for name in (b"a", b"b")
    )
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 2, 2, len(records), len(local), 0)
    with pytest.raises(DataError, match="exhaust"):
        Archive(local + records + end)


def test_encrypted_and_doubled_members_are_refused() -> None:
    data = bytearray(packed({"a": b"x"}))
    record = data.index(b"PK\x01\x02")
    data[record + 8] |= 1
    with pytest.raises(DataError, match="encrypted"):
        Archive(bytes(data)).read("a")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a", "x")
        archive.writestr("b", "y")
    data = bytearray(buffer.getvalue().replace(b"b", b"a"))
    with pytest.raises(DataError, match="twice"):
        Archive(bytes(data))


def test_a_member_that_is_not_packed_is_read() -> None:
    archive = Archive(packed(MEMBERS, zipfile.ZIP_STORED))
    assert {name: archive.read(name) for name in MEMBERS} == MEMBERS
    assert archive.read("a.xml", len(MEMBERS["a.xml"])) == MEMBERS["a.xml"]


def test_zips_in_parts_and_of_the_64_bit_kind_are_told_as_such() -> None:
    """Not as damaged: the person would look for another copy."""
    for place, form, value in (
        (4, "<H", 1),
        (6, "<H", 1),
        (8, "<H", 2),
        (12, "<I", 2**32 - 1),
        (16, "<I", 2**32 - 1),
    ):
        data = bytearray(packed(MEMBERS))
        struct.pack_into(form, data, len(data) - 22 + place, value)
        with pytest.raises(DataError, match="in parts or of the 64-bit kind"):
            Archive(bytes(data))
    for place in (20, 24, 42):
        data = bytearray(packed(MEMBERS))
        struct.pack_into("<I", data, data.index(b"PK\x01\x02") + place, 2**32 - 1)
        with pytest.raises(DataError, match="of the 64-bit kind"):
            Archive(bytes(data))


@pytest.mark.parametrize("mark", [b"PK\x01\x02", b"PK\x03\x04"])
def test_a_record_without_its_mark_is_damaged(mark: bytes) -> None:
    data = packed({"a": b"x"})
    with pytest.raises(DataError, match="damaged"):
        Archive(data.replace(mark, b"PK??"))


def test_names_are_utf8_whether_their_flag_says_so_or_not() -> None:
    """EPUB and Office Open XML know no other; zip programs that never heard of the flag write such names too."""
    data = bytearray(packed({"B\u00fccher/\u00fc.xhtml": b"x"}))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        struct.pack_into("<H", data, data.index(mark) + place, 0)
    assert Archive(bytes(data)).read("B\u00fccher/\u00fc.xhtml") == b"x"
    assert list(Archive(bytes(data).replace("\u00fc".encode(), b"\x81\x81")).members) == [
        "B\u00fc\u00fccher/\u00fc\u00fc.xhtml"
    ]
