"""What counts as a picture of a folder, and which links are followed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from captionkit.errors import UsageError
from captionkit.search.scan import Scan, scan


def test_pictures_of_all_folders_below(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "x/y/c.webp", ".hidden.png", ".git/d.png", "notes.txt", "x/.z/e.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"12345")
    found = scan(tmp_path)
    assert list(found.files) == ["a.png", "b.JPG", "x/y/c.webp"]
    state = found.files["a.png"]
    assert (state.size, state.mtime_ns) == (5, (tmp_path / "a.png").stat().st_mtime_ns)


def test_links_are_followed_inside_the_root_only(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    (root / "in").mkdir(parents=True)
    elsewhere.mkdir()
    for path in (root / "in" / "a.png", elsewhere / "secret.png"):
        path.write_bytes(b"x")
    (root / "inside.png").symlink_to(root / "in" / "a.png")
    (root / "leak.png").symlink_to(elsewhere / "secret.png")
    (root / "sneaky.png").symlink_to("../elsewhere/secret.png")
    (root / "folder").symlink_to(elsewhere)
    (root / "again").symlink_to(root / "in")
    (root / "loop.png").symlink_to(root / "loop.png")
    (root / "broken.png").symlink_to(root / "nowhere.png")
    (root / ".store").mkdir()
    (root / ".store" / "b").write_bytes(b"y")
    (root / "b.png").symlink_to(root / ".store" / "b")
    (root / "in" / "c.png").symlink_to(root / ".store" / "b")
    found = scan(root)
    # A link beside its own file, or a second one to it, is no copy: who deletes the "original" loses both.
    assert set(found.files) == {"in/a.png", "b.png"}
    assert sorted(found.outside) == ["folder", "leak.png", "sneaky.png"]
    assert [error.split(str(root))[1] for error in found.unread] == [
        f"/{name}.png, but it is a link that leads nowhere." for name in ("broken", "loop")
    ]


@pytest.mark.skipif(os.name == "nt", reason="there are no such pipes")
def test_a_pipe_with_the_name_of_a_picture_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    (tmp_path / "folder.png").mkdir()
    found = scan(tmp_path)
    assert len(found.unread) == 1
    assert "a.png, but it is a pipe, socket or device" in found.unread[0]


def test_a_root_that_is_a_link_is_the_folder_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.png").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    found = scan(tmp_path / "link")
    assert (list(found.files), found.outside) == (["a.png"], [])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed").chmod(0)
    try:
        found = scan(tmp_path)
    finally:
        (tmp_path / "closed").chmod(0o755)
    assert found.unreadable == ["closed"]
    assert found.hides("closed/a.png")
    assert not found.hides("closed.png")


def test_heic_pictures_are_found_where_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.HEIC", "b.heif", "c.hif", ".d.heic", "e.png"):
        (tmp_path / name).write_bytes(b"x")
    found = scan(tmp_path)
    assert (list(found.files), found.heic) == (["a.HEIC", "b.heif", "c.hif", "e.png"], set())
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # as where the extra is not installed
    found = scan(tmp_path)
    assert (list(found.files), found.heic) == (["e.png"], {"a.HEIC", "b.heif", "c.hif"})
    assert found.hides("a.HEIC")


def test_no_folder(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    with pytest.raises(UsageError, match="Expected a folder of pictures"):
        scan(tmp_path / "a.png")


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.png")).write_bytes(b"x")
    assert list(scan(tmp_path).files) == [os.fsdecode(b"caf\xe9.png")]


def test_below_a_folder_that_cannot_be_listed_nothing_is_known() -> None:
    found = Scan(unreadable=["trip"])
    assert found.hides("trip/a.png")
    assert not found.hides("trips/a.png")
    assert Scan(unreadable=["."]).hides("a.png")
