"""From a server to unpacked files; what may be fetched and what may not."""

from __future__ import annotations

import hashlib
import re
import shutil
import zipfile
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from captionkit.datasets.download import RemoteFile
from captionkit.datasets.fetch import CATALOGUE, Archive, bytes_needed, choose, fetch_archive
from captionkit.errors import DataError, UsageError
from tests.datasets.server import Page, Server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as running:
        yield running


def serve(
    server: Server,
    tmp_path: Path,
    name: str,
    files: dict[str, bytes],
    members: tuple[str, ...] = (),
    into: str = "",
) -> Archive:
    path = tmp_path / "served.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in files.items():
            archive.writestr(member, content)
    data = path.read_bytes()
    server.pages[f"/{name}"] = Page(data, tag='"1"', cuts=[100])
    file = RemoteFile(f"{server.url}/{name}", len(data), sha256=hashlib.sha256(data).hexdigest())
    return Archive(file, 1000, members, into)


def test_archives_are_fetched_verified_and_unpacked_where_they_belong(server: Server, tmp_path: Path) -> None:
    archives = [
        serve(server, tmp_path, "p.zip", {"val2017/1.jpg": b"1"}),
        serve(server, tmp_path, "t.zip", {"a.json": b"{}", "b.txt": b"no"}, members=("*.json",), into="text"),
    ]
    told: list[tuple[int, int]] = []
    to = tmp_path / "to"
    for archive in archives:
        assert fetch_archive(archive, to, on_unpack=lambda done, total: told.append((done, total))) == 1
    assert (to / "val2017" / "1.jpg").read_bytes() == b"1"
    assert (to / "text" / "a.json").read_bytes() == b"{}"
    assert not (to / "text" / "b.txt").exists()
    assert told == [(0, 1), (1, 1)] * 2
    assert fetch_archive(archives[0], to) == 1
    assert len(server.pages["/p.zip"].requests) == 2  # cut once, then no more


def test_what_has_come_needs_no_more_space(server: Server, tmp_path: Path) -> None:
    archive = serve(server, tmp_path, "p.zip", {"a": b"1"})
    size = archive.file.about_bytes
    assert bytes_needed([archive], tmp_path / "to") == size + 1000
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "p.zip.part").write_bytes(bytes(50))
    assert bytes_needed([archive], tmp_path / "to") == size - 50 + 1000
    (tmp_path / "to" / "p.zip").write_bytes(bytes(50))
    assert bytes_needed([archive], tmp_path / "to") == 0


def test_a_full_disk_is_told_before_anything_is_fetched(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = serve(server, tmp_path, "p.zip", {"a": b"1"})
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(2000, 1000, 1000))
    with pytest.raises(DataError, match="free; make room"):
        fetch_archive(archive, tmp_path / "to")
    assert server.pages["/p.zip"].requests == []


def test_names_are_known_and_archives_come_once() -> None:
    assert [archive.file.name for archive in choose(["karpathy", "karpathy"])] == ["caption_datasets.zip"]
    assert [archive.file.url for archive in choose(["flickr8k"], mirror="http://m/x/")] == [
        "http://m/x/Flickr8k_Dataset.zip",
        "http://m/x/Flickr8k_text.zip",
    ]
    with pytest.raises(UsageError, match="did you mean 'flickr8k'"):
        choose(["flickr8"])
    with pytest.raises(UsageError, match="Expected the name"):
        choose([])


def test_flickr30k_says_how_to_ask_its_owners() -> None:
    with pytest.raises(DataError, match="request form at https://"):
        choose(["flickr30k"])


def test_the_catalogue_is_whole() -> None:
    names = [archive.file.name for entry in CATALOGUE.values() for archive in entry.archives]
    assert len(names) == len(set(names))
    for entry in CATALOGUE.values():
        for archive in entry.archives:
            file = archive.file
            assert re.fullmatch("[0-9a-f]{64}", file.sha256) or re.fullmatch("[0-9a-f]{32}", file.md5)
            assert urlsplit(file.url).path.endswith(f"/{file.name}")
            # Without HTTPS the digest alone vouches for the bytes.
            assert urlsplit(file.url).scheme == "https" or file.sha256


def test_an_archive_that_unpacks_to_far_more_than_is_known_of_it_is_refused(
    server: Server, tmp_path: Path
) -> None:
    archive = serve(server, tmp_path, "p.zip", {"1.jpg": bytes(2001)})
    with pytest.raises(DataError, match="would unpack to 2,001 bytes, more than the 2,000 expected"):
        fetch_archive(archive, tmp_path / "to")
