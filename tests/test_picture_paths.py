"""Files, folders and patterns become picture files."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from captionkit.errors import UsageError
from captionkit.picture_paths import PassedOver, find_pictures, holds_picture


@pytest.fixture
def album(tmp_path: Path) -> Path:
    for name in ("b.JPG", "a.png", "notes.txt", ".hidden.jpg", "trip/c.webp", "trip/far/d.tiff", ".cache/e.jpg"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def names(album: Path, *arguments: str) -> list[str]:
    return [path.relative_to(album).as_posix() for path in find_pictures(str(album / one) for one in arguments)]


def test_a_folder_is_searched_through_in_order_of_names(album: Path) -> None:
    assert names(album, ".") == ["a.png", "b.JPG", "trip/c.webp", "trip/far/d.tiff"]


def test_a_file_is_taken_whatever_it_is_called_or_whether_it_is_there(album: Path) -> None:
    assert names(album, "notes.txt", "none.jpg") == ["notes.txt", "none.jpg"]


def test_addresses_and_names_that_no_file_can_have_stand_for_themselves() -> None:
    """Reading them gives their error, and the others are captioned."""
    asked = ["https://example.org/dog.jpg?size=[large]", "a" * 300, f"https://example.org/{'b' * 300}"]
    assert list(find_pictures(asked)) == list(map(Path, asked))


def test_patterns(album: Path) -> None:
    assert names(album, "*.png") == ["a.png"]
    assert names(album, "**/*.tiff") == ["trip/far/d.tiff"]
    assert names(album, "tri[p]") == ["trip/c.webp", "trip/far/d.tiff"]
    passed = PassedOver()
    assert [path.name for path in find_pictures([str(album / "[abt]*")], passed)] == [
        "a.png", "b.JPG", "c.webp", "d.tiff"
    ]  # fmt: skip
    assert passed.folders == []


def test_a_file_whose_name_looks_like_a_pattern_is_itself(album: Path) -> None:
    (album / "odd[1].jpg").touch()
    assert names(album, "odd[1].jpg") == ["odd[1].jpg"]


def test_a_picture_named_twice_comes_once(album: Path) -> None:
    assert names(album, "trip/c.webp", "trip", "trip/*.webp") == ["trip/c.webp", "trip/far/d.tiff"]


def test_a_folder_without_pictures_and_a_pattern_without_files_are_said(album: Path) -> None:
    (album / "empty").mkdir()
    with pytest.raises(UsageError, match="neither it nor"):
        names(album, "empty")
    with pytest.raises(UsageError, match="there are none"):
        names(album, "*.gif")


def test_links_to_folders_are_not_followed(album: Path) -> None:
    (album / "trip" / "up").symlink_to(album, target_is_directory=True)
    assert names(album, "trip") == ["trip/c.webp", "trip/far/d.tiff"]


@pytest.mark.parametrize(
    "start",
    [b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"II*\0\x08", b"MM\0*", b"RIFF\x10\0\0\0WEBPVP8 ",
     b"\0\0\0\x18ftypheic", b"\0\0\0\x1cftypavif", b"BM\x10\0\0\0\0\0\0\0"],
)  # fmt: skip
def test_a_picture_is_known_by_its_first_bytes(tmp_path: Path, start: bytes) -> None:
    (tmp_path / "file").write_bytes(start)
    assert holds_picture(tmp_path / "file")


@pytest.mark.parametrize(
    "start",
    [b"", b"source,rank", b"<!doctype html>", b"BMW,a car is parked", b"SQLite format 3", b"\0asm\1\0" + bytes(6)],
)
def test_other_files_are_no_pictures(tmp_path: Path, start: bytes) -> None:
    (tmp_path / "file").write_bytes(start)
    assert not holds_picture(tmp_path / "file")


def test_folders_that_cannot_be_listed_are_told_and_the_rest_goes_on(
    album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root every folder can be listed: the refusal is the system's, given where the system gives it."""
    listed = os.scandir

    def refusing(path: str) -> Any:
        if Path(path).name == "far":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", refusing)
    passed = PassedOver()
    assert [path.name for path in find_pictures([str(album)], passed)] == ["a.png", "b.JPG", "c.webp"]
    far = album / "trip" / "far"
    sentence = f"Expected a folder that can be listed, but {far} cannot (Permission denied)."
    assert passed.folders == [sentence]
    passed = PassedOver()
    assert list(find_pictures([str(far)], passed)) == []
    assert passed.folders == [sentence]


@pytest.fixture
def no_heic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # as where the extra is not installed


def test_heic_pictures_in_folders_are_found(album: Path) -> None:
    for name in ("x.HEIC", "trip/y.heif", ".z.heic"):
        (album / name).touch()
    passed = PassedOver()
    found = {path.name for path in find_pictures([str(album)], passed)}
    assert {"x.HEIC", "y.heif"} < found
    assert (len(found), passed.heic) == (6, 0)


@pytest.mark.usefixtures("no_heic")
def test_heic_pictures_in_folders_are_counted(album: Path) -> None:
    for name in ("x.HEIC", "trip/y.heif", ".z.heic"):
        (album / name).touch()
    passed = PassedOver()
    assert len(list(find_pictures([str(album)], passed))) == 4
    assert passed.heic == 2
    (album / "phone").mkdir()
    (album / "phone" / "x.heic").touch()
    with pytest.raises(
        UsageError,
        match=r"1 HEIC picture was passed over; pip install 'captionkit\[heic\]' reads it, or convert it",
    ):
        names(album, "phone")


def test_pipes_and_devices_in_folders_are_told_and_never_opened(album: Path) -> None:
    os.mkfifo(album / "pipe.jpg")
    (album / "zeros.jpg").symlink_to("/dev/zero")
    (album / "nowhere.jpg").symlink_to("none.jpg")  # its reading tells
    passed = PassedOver()
    found = [path.name for path in find_pictures([str(album)], passed)]
    assert found == ["a.png", "b.JPG", "nowhere.jpg", "c.webp", "d.tiff"]
    assert [one.split(", but ")[0] for one in passed.pipes] == [
        f"Expected a picture at {album / name}" for name in ("pipe.jpg", "zeros.jpg")
    ]
    assert names(album, "pipe.jpg") == ["pipe.jpg"]  # who names a pipe means it
    (album / "pipes").mkdir()
    os.mkfifo(album / "pipes" / "pipe.jpg")
    passed = PassedOver()
    assert list(find_pictures([str(album / "pipes")], passed)) == []  # no error: there is something to tell
    assert len(passed.pipes) == 1


def test_pictures_behind_links_that_lead_out_of_the_folder_are_found_and_told(album: Path) -> None:
    (album / "trip" / "out.png").symlink_to("../a.png")
    (album / "trip" / "in.png").symlink_to("c.webp")
    (album / "way").symlink_to("trip")  # the folder itself may be named by a link
    passed = PassedOver()
    found = [path.name for path in find_pictures([str(album / "way")], passed)]
    assert found == ["c.webp", "in.png", "out.png", "d.tiff"]
    assert list(passed.outside) == [album / "way" / "out.png"]
