"""The record of writes: read back as it was, added to line by line, and whole whenever its process is killed."""

from __future__ import annotations

import base64
import json
import os
import resource
from pathlib import Path

import pytest

from captionkit.alttext import sidecar as sidecar_module
from captionkit.alttext.sidecar import NAME, Sidecar, Write, WrittenAlt, open_sidecar, short_source
from captionkit.errors import DataError, WriteError
from captionkit.files import read_bounded, sha256
from captionkit.files.edits import ByteEdit


def write(document: str, alt: str = "A dog.") -> Write:
    alts = (WrittenAlt("id", "dog.jpg", "", None, alt, "model", "cafe", 0.9),)
    return Write(document, "2025-01-01", "a" * 64, "b" * 64, alts, (ByteEdit(1, 2, b"\xff"),))


def remembered(folder: Path, *documents: str) -> Sidecar:
    sidecar = open_sidecar(folder)
    for document in documents:
        sidecar.remember(write(document))
    return sidecar


def documents(folder: Path) -> list[str]:
    return [one.document for one in open_sidecar(folder).writes]


def test_records_come_back_whatever_the_bytes_of_a_name(tmp_path: Path) -> None:
    name = os.fsdecode(b"lat\xe9in \xf0\x9f\x90\x95.jpg")
    remembered(tmp_path, name)
    assert list(open_sidecar(tmp_path).writes) == [write(name)]


def test_a_text_is_ours_for_its_own_picture_and_document_as_it_was_written(tmp_path: Path) -> None:
    wrote = remembered(tmp_path, "a").wrote
    assert wrote("a", "dog.jpg", "", "A dog.")
    assert not wrote("a", "dog.jpg", "", "A cat.")
    assert not wrote("a", "dog.jpg", "", None)
    assert not wrote("a", "cat.jpg", "", "A dog.")
    assert not wrote("a", "dog.jpg", "page.xhtml", "A dog.")
    assert not wrote("b", "dog.jpg", "", "A dog.")


def test_a_long_address_is_known_by_its_hash(tmp_path: Path) -> None:
    assert short_source("x" * 1000) == "x" * 1000
    assert short_source("x" * 1001) == f"sha256:{sha256(b'x' * 1001)}"


def test_a_record_is_one_more_line_and_the_lines_before_stay(tmp_path: Path) -> None:
    sidecar = remembered(tmp_path, "a", "b")
    inode, before = (tmp_path / NAME).stat().st_ino, (tmp_path / NAME).read_bytes()
    sidecar.remember(write("c"))
    sidecar.writes.remove(sidecar.writes.of("a")[0])
    sidecar.save()
    after = (tmp_path / NAME).read_bytes()
    assert after.startswith(before)
    assert after.count(b"\n") == before.count(b"\n") + 2
    assert (tmp_path / NAME).stat().st_ino == inode
    assert documents(tmp_path) == ["b", "c"]


def test_the_very_record_is_dropped_and_not_one_that_is_equal(tmp_path: Path) -> None:
    sidecar = remembered(tmp_path, "a", "b", "a")
    sidecar.writes.remove(sidecar.writes.of("a")[1])
    assert [one.document for one in sidecar.writes] == ["a", "b"]
    assert [one.document for one in reversed(sidecar.writes)] == ["b", "a"]
    sidecar.save()
    assert documents(tmp_path) == ["a", "b"]


def test_with_no_records_left_the_file_goes_and_comes_back(tmp_path: Path) -> None:
    sidecar = remembered(tmp_path, "a")
    sidecar.writes.remove(sidecar.writes.of("a")[0])
    sidecar.save()
    assert not (tmp_path / NAME).exists()
    sidecar.remember(write("b"))
    assert documents(tmp_path) == ["b"]


def test_forgotten_records_do_not_pile_up(tmp_path: Path) -> None:
    sidecar = remembered(tmp_path, "kept")
    for number in range(150):
        sidecar.remember(write(str(number)))
        sidecar.writes.remove(sidecar.writes.of(str(number))[0])
        sidecar.save()
    assert len((tmp_path / NAME).read_bytes().splitlines()) < 110
    assert documents(tmp_path) == ["kept"]


def test_killed_at_any_byte_of_the_last_line_all_records_before_it_are_there(tmp_path: Path) -> None:
    remembered(tmp_path, "a", "b")
    two = len((tmp_path / NAME).read_bytes())
    remembered(tmp_path, "c")
    data = (tmp_path / NAME).read_bytes()
    for length in range(two, len(data) - 1):
        (tmp_path / NAME).write_bytes(data[:length])
        assert documents(tmp_path) == ["a", "b"]
    remembered(tmp_path, "d")  # after what was cut off
    assert documents(tmp_path) == ["a", "b", "d"]
    (tmp_path / NAME).write_bytes(data[:-1])  # the record is whole, the end of its line is not
    remembered(tmp_path, "d")
    assert documents(tmp_path) == ["a", "b", "c", "d"]


def test_a_line_that_is_broken_elsewhere_is_damage(tmp_path: Path) -> None:
    remembered(tmp_path, "a", "b")
    lines = (tmp_path / NAME).read_bytes().splitlines(keepends=True)
    (tmp_path / NAME).write_bytes(b"".join([lines[0], lines[1][:20] + b"\n", lines[2]]))
    with pytest.raises(DataError, match="damaged"):
        open_sidecar(tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"number": 0', '"number": 1e999'),
        ('"document": "a"', '"document": "a\\u0000b"'),
        ('"document": "a"', '"document": "\\ud800"'),
        ('"confidence": 0.9', f'"confidence": {10**400}'),
        ('[[1, 2, "/w=="]]', '[[2, 1, "/w=="]]'),
        ('[[1, 2, "/w=="]]', '[[-1, 2, "/w=="]]'),
        ('[[1, 2, "/w=="]]', '[[1, 2.0, "/w=="]]'),
        ('[[1, 2, "/w=="]]', '[[1, 2, "/w"]]'),
        ('[[1, 2, "/w=="]]', '[[1, 2, "/w*=="]]'),
        ('[[1, 2, "/w=="]]', "[[1, 2, 3]]"),
    ],
)
def test_values_that_no_record_has_are_damage(tmp_path: Path, old: str, new: str) -> None:
    remembered(tmp_path, "a")
    text = (tmp_path / NAME).read_text()
    assert old in text
    (tmp_path / NAME).write_text(text.replace(old, new))
    with pytest.raises(DataError, match="damaged"):
        open_sidecar(tmp_path)


def test_without_room_for_a_line_the_file_is_as_it_was(tmp_path: Path) -> None:
    sidecar = remembered(tmp_path, "a")
    before = (tmp_path / NAME).read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, limits[1]))
    try:
        with pytest.raises(WriteError, match="File too large"):
            sidecar.remember(write("b"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / NAME).read_bytes() == before
    sidecar.remember(write("c"))
    assert documents(tmp_path) == ["a", "c"]


def test_a_line_of_another_process_is_not_lost(tmp_path: Path) -> None:
    sidecar = remembered(tmp_path, "a")
    remembered(tmp_path, "b")
    with pytest.raises(DataError, match="another process"):
        sidecar.remember(write("c"))
    assert documents(tmp_path) == ["a", "b"]


def test_a_line_that_comes_while_the_file_is_read_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remembered(tmp_path, "a")

    def slowly(path: Path, limit: int) -> bytes:
        data = read_bounded(path, limit)
        monkeypatch.undo()
        remembered(tmp_path, "b")
        return data

    monkeypatch.setattr(sidecar_module, "read_bounded", slowly)
    sidecar = open_sidecar(tmp_path)
    with pytest.raises(DataError, match="another process"):
        sidecar.remember(write("c"))
    assert documents(tmp_path) == ["a", "b"]


@pytest.mark.parametrize("indent", [1, None])
def test_a_file_of_version_1_is_read_and_goes_on_as_the_present_one(tmp_path: Path, indent: int | None) -> None:
    alt = {"id": "id", "source": "dog.jpg", "member": "", "before": None, "alt": "A dog.", "by": "model",
           "model": "cafe", "confidence": 0.9}  # fmt: skip
    undo = [[1, 2, base64.b64encode(b"\xff").decode()]]
    entry = {"document": "hündin.html", "time": "2025-01-01", "before": "a" * 64, "after": "b" * 64}
    document = {"format": "captionkit-alt", "version": 1, "writes": [{**entry, "alts": [alt], "undo": undo}]}
    text = json.dumps(document, ensure_ascii=False, indent=indent) + "\n"
    (tmp_path / NAME).write_text(text, encoding="utf-8")
    assert list(open_sidecar(tmp_path).writes) == [write("hündin.html")]
    remembered(tmp_path, "b")
    assert documents(tmp_path) == ["hündin.html", "b"]
