"""Zips that are hostile, damaged, too large, or half unpacked already."""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
from pathlib import Path

import pytest

from captionkit.datasets import unpack
from captionkit.datasets.unpack import check_space, unpack_zip
from captionkit.errors import DataError


def pack(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_members_are_unpacked_below_the_folder(tmp_path: Path) -> None:
    archive = pack(tmp_path / "x.zip", {"a/": b"", "a/b.jpg": b"one", "c.txt": b"", "__MACOSX/a/._b.jpg": b"junk"})
    seen: list[tuple[int, int]] = []
    count = unpack_zip(
        archive, tmp_path / "to", max_bytes=3, progress=lambda done, total: seen.append((done, total))
    )
    assert count == 2
    assert tree(tmp_path / "to") == {"a/b.jpg": b"one", "c.txt": b""}
    assert seen == [(0, 2), (1, 2), (2, 2)]


def test_only_wanted_members_are_unpacked(tmp_path: Path) -> None:
    archive = pack(tmp_path / "x.zip", {"a.json": b"{}", "huge.bin": bytes(10_000)})
    unpack_zip(archive, tmp_path / "to", max_bytes=100, wanted=lambda name: name.endswith(".json"))
    assert tree(tmp_path / "to") == {"a.json": b"{}"}


@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "/etc/evil", "C:\\evil", "..\\evil", "C:evil", "\\evil"]
)
def test_a_member_that_leads_out_stops_everything(tmp_path: Path, name: str) -> None:
    archive = pack(tmp_path / "x.zip", {"good": b"1", name: b"2"})
    with pytest.raises(DataError, match="nothing was unpacked"):
        unpack_zip(archive, tmp_path / "to", max_bytes=100)
    assert not (tmp_path / "to").exists()
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    info = zipfile.ZipInfo("link")
    info.create_system = 3
    info.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(DataError, match="no ordinary file"):
        unpack_zip(tmp_path / "x.zip", tmp_path / "to", max_bytes=100)


def test_a_member_that_is_shorter_than_it_says_is_not_kept(tmp_path: Path) -> None:
    archive = pack(tmp_path / "x.zip", {"a.jpg": b"123"})
    data = bytearray(archive.read_bytes())
    data[data.index(b"PK\x01\x02") + 24] = 5  # its size, in the central directory
    archive.write_bytes(data)
    with pytest.raises(DataError, match=r"'a\.jpg' is shorter than it says"):
        unpack_zip(archive, tmp_path / "to", max_bytes=100)
    assert tree(tmp_path / "to") == {}


@pytest.mark.skipif(os.name == "nt", reason="symbolic links need rights on Windows")
def test_nothing_is_written_through_a_link_on_the_disk(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "a").symlink_to(tmp_path / "outside")
    (tmp_path / "to" / "c").symlink_to(tmp_path / "outside" / "c")
    with pytest.raises(DataError, match="leads out"):
        unpack_zip(pack(tmp_path / "x.zip", {"a/b": b"1"}), tmp_path / "to", max_bytes=100)
    with pytest.raises(DataError, match="in the way"):
        unpack_zip(pack(tmp_path / "y.zip", {"c": b"1"}), tmp_path / "to", max_bytes=100)
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_bomb_is_refused_before_it_goes_off(tmp_path: Path) -> None:
    archive = pack(tmp_path / "x.zip", {"zeros": bytes(50_000_000)})
    assert archive.stat().st_size < 100_000
    with pytest.raises(DataError, match="would unpack to 50,000,000 bytes"):
        unpack_zip(archive, tmp_path / "to", max_bytes=10_000_000)
    assert not (tmp_path / "to").exists()


def test_a_bomb_that_lies_about_its_size_is_stopped(tmp_path: Path) -> None:
    archive = pack(tmp_path / "x.zip", {"zeros": bytes(5_000_000)})
    data = archive.read_bytes()
    real, claimed = (5_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little")
    assert data.count(real) >= 1
    archive.write_bytes(data.replace(real, claimed))
    with pytest.raises(DataError, match="cannot be unpacked"):
        unpack_zip(archive, tmp_path / "to", max_bytes=10_000)
    assert tree(tmp_path / "to") == {}


def test_a_name_that_is_no_utf8_is_one_sentence(tmp_path: Path) -> None:
    archive = pack(tmp_path / "x.zip", {"é.txt": b"one"})
    archive.write_bytes(archive.read_bytes().replace("é".encode(), b"\xff\xff"))
    with pytest.raises(DataError, match="cannot be unpacked"):
        unpack_zip(archive, tmp_path / "to", max_bytes=100)


def test_only_deflate_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_LZMA) as archive:  # which may ask for 4 GB of memory
        archive.writestr("a.txt", b"one")
    with pytest.raises(DataError, match="another way than deflate"):
        unpack_zip(tmp_path / "x.zip", tmp_path / "to", max_bytes=100)


def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "MAX_MEMBERS", 3)
    archive = pack(tmp_path / "x.zip", {str(number): b"" for number in range(4)})
    with pytest.raises(DataError, match="4 members"):
        unpack_zip(archive, tmp_path / "to", max_bytes=100)


def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a", "1")
        archive.writestr("./a", "2")
    with pytest.raises(DataError, match="twice"):
        unpack_zip(tmp_path / "x.zip", tmp_path / "to", max_bytes=100)


def test_an_unpacking_that_was_interrupted_goes_on(tmp_path: Path) -> None:
    archive = pack(tmp_path / "x.zip", {f"{number}.jpg": bytes([number]) * 100 for number in range(9)})
    unpack_zip(archive, tmp_path / "to", max_bytes=1000)
    (tmp_path / "to" / "3.jpg").unlink()
    (tmp_path / "to" / ".3.jpg.tmp").write_bytes(b"half")
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "to").glob("*.jpg")}
    seen: list[tuple[int, int]] = []
    unpack_zip(archive, tmp_path / "to", max_bytes=1000, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(8, 9), (9, 9)]
    assert tree(tmp_path / "to") == {f"{number}.jpg": bytes([number]) * 100 for number in range(9)}
    assert all((tmp_path / "to" / name).stat().st_mtime_ns == value for name, value in before.items())


def test_a_persons_own_file_is_never_overwritten(tmp_path: Path) -> None:
    archive = pack(tmp_path / "x.zip", {"a.jpg": b"new", "b.jpg": b"b"})
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "a.jpg").write_bytes(b"own")
    with pytest.raises(DataError, match="other bytes"):
        unpack_zip(archive, tmp_path / "to", max_bytes=100)
    assert tree(tmp_path / "to") == {"a.jpg": b"own"}


def test_every_flipped_byte_of_the_data_is_noticed_or_harmless(tmp_path: Path) -> None:
    members = {"a.txt": b"some text that is long enough to be deflated, deflated, deflated"}
    whole = pack(tmp_path / "x.zip", members).read_bytes()
    for position in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[position] ^= 0x10
        (tmp_path / "y.zip").write_bytes(bytes(damaged))
        to = tmp_path / f"to{position}"
        try:
            unpack_zip(tmp_path / "y.zip", to, max_bytes=1000)
        except DataError:
            continue
        assert list(tree(to).values()) == list(members.values())  # a date or an attribute


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip" * 100])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(DataError, match="cannot be unpacked"):
        unpack_zip(tmp_path / "x.zip", tmp_path / "to", max_bytes=100)


def test_an_archive_with_nothing_wanted_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none of the files"):
        unpack_zip(pack(tmp_path / "x.zip", {"a": b""}), tmp_path / "to", max_bytes=9, wanted=lambda name: False)


def test_space_is_checked_where_the_folder_will_be(tmp_path: Path) -> None:
    check_space(tmp_path / "not" / "yet", 1, "It")
    with pytest.raises(DataError, match="give another folder"):  # to the last byte: a margin stays
        check_space(tmp_path, int(0.98 * shutil.disk_usage(tmp_path).free), "It")
    with pytest.raises(DataError, match=r"1000000\.0 GB"):
        check_space(tmp_path / "not" / "yet", 10**15, "It")
