"""A folder and its index: new, changed, moved, copied, deleted and broken pictures; interrupted and resumed."""

from __future__ import annotations

import io
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from captionkit import images
from captionkit.audit.picture_hash import hash_bytes
from captionkit.bundle import read_bundle
from captionkit.captioner import Captioner
from captionkit.errors import SearchError
from captionkit.search import indexing
from captionkit.search.compact import pack_look, to_cells, to_features
from captionkit.search.database import INDEX_NAME
from captionkit.search.index import open_index
from captionkit.search.indexing import Report, index_folder, kept_cells
from captionkit.search.scan import scan
from captionkit.selftest import draw_picture


def update(album: Path, captioner: Captioner, **arguments: Any) -> Report:
    return index_folder(album, album / INDEX_NAME, captioner, quiet=True, **arguments)


def listed(path: Path) -> dict[str, str]:
    """Path below the root -> its best caption, with all parts of the index in step."""
    with open_index(path) as index:
        contents = index.first(1000)
        captions, paths = index.captions(contents), index.paths(contents)
        rows = index.connection.execute
        for table, key in (
            ("cells", "content"),
            ("vectors", "content"),
            ("looks", "content"),
            ("terms", "rowid"),
            ("contents", "id"),
        ):
            assert [row for (row,) in rows(f"SELECT {key} FROM {table} ORDER BY {key}")] == contents  # noqa: S608
        assert list(captions) == contents
        assert rows("PRAGMA integrity_check").fetchone() == ("ok",)
        return {
            one.relative_to(index.root).as_posix(): captions[content][0]
            for content in contents
            for one in paths[content]
        }


def test_all_is_kept_of_every_picture(indexed: Path, album: Path, captioner: Captioner) -> None:
    assert sorted(listed(indexed)) == ["a.png", "b.png", "c.png", "d.png", "trip/e.png", "trip/f.png"]
    with open_index(indexed) as index:
        assert index.root == album
        (prediction,) = captioner.caption([album / "b.png"], n=5)
        content = next(one for one, paths in index.paths(index.first(9)).items() if album / "b.png" in paths)
        assert index.captions([content]) == {content: [one.text for one in prediction.captions]}
        query = "SELECT tokens, log_probabilities FROM captions WHERE content = ? ORDER BY rank"
        rows = index.connection.execute(query, (content,)).fetchall()
        for (tokens, blob), one in zip(rows, prediction.captions, strict=True):
            assert tokens == " ".join(one.tokens)
            np.testing.assert_allclose(np.frombuffer(blob, "<f4"), one.token_log_probabilities, rtol=1e-4)


def test_an_index_takes_no_wider_searches_than_three_beams(tiny_bundle: Path, album: Path) -> None:
    bundle = read_bundle(tiny_bundle)
    wide = Captioner(replace(bundle, decoding=replace(bundle.decoding, beams=7, length_penalty=2.0)), threads=1)
    update(album, wide)
    pictures = [album / name for name in ("a.png", "b.png", "c.png")]

    def said(beams: int) -> list[list[str]]:
        found = wide.caption(pictures, search=replace(wide.search, beams=beams), n=5)
        return [[one.text for one in prediction.captions] for prediction in found]

    with open_index(album / INDEX_NAME) as index:
        stored = index.captions(index.first(9))
        by_path = {path: content for content, paths in index.paths(list(stored)).items() for path in paths}
        kept = [stored[by_path[picture]] for picture in pictures]
    assert kept == said(3)
    assert kept != said(7)


def test_a_second_run_changes_nothing(indexed: Path, album: Path, captioner: Captioner) -> None:
    before = indexed.read_bytes()
    report = update(album, captioner)
    assert (report.unchanged, report.captioned, report.linked, report.dropped) == (6, 0, 0, 0)
    assert indexed.read_bytes() == before


def test_new_changed_moved_copied_touched_and_deleted(indexed: Path, album: Path, captioner: Captioner) -> None:
    before = listed(indexed)
    (album / "new.png").write_bytes(draw_picture(20))
    (album / "b.png").write_bytes(draw_picture(21))
    (album / "c.png").rename(album / "trip" / "moved.png")
    (album / "copy.png").write_bytes((album / "a.png").read_bytes())
    os.utime(album / "d.png", ns=(1, 1))
    (album / "trip" / "f.png").unlink()
    report = update(album, captioner)
    assert (report.captioned, report.linked, report.unchanged, report.dropped) == (2, 3, 2, 2)
    assert report.pictures == 6
    after = listed(indexed)
    assert set(after) == {"a.png", "b.png", "copy.png", "d.png", "new.png", "trip/e.png", "trip/moved.png"}
    assert after["trip/moved.png"] == before["c.png"]
    assert after["copy.png"] == after["a.png"] == before["a.png"]
    assert update(album, captioner).unchanged == 7


def test_a_change_within_the_same_size_is_seen(indexed: Path, album: Path, captioner: Captioner) -> None:
    picture = album / "a.png"
    picture.write_bytes(draw_picture(0) + b"\0")
    update(album, captioner)
    picture.write_bytes(draw_picture(0) + b"\1")
    os.utime(picture, ns=(5, 5))
    assert update(album, captioner).captioned == 1


def test_a_bad_picture_is_told_and_the_rest_goes_on(album: Path, captioner: Captioner) -> None:
    (album / "b.png").write_bytes(draw_picture(1)[:100])
    (album / "e.jpg").write_bytes(b"")
    report = update(album, captioner)
    assert (report.captioned, len(report.errors)) == (5, 2)
    assert all("b.png" in error or "e.jpg" in error for error in report.errors)
    assert "b.png" not in listed(album / INDEX_NAME)
    assert len(update(album, captioner).errors) == 2  # it is tried again: the fault may have been the disk's
    (album / "b.png").write_bytes(draw_picture(1))
    assert update(album, captioner).captioned == 1


def test_a_picture_that_broke_leaves_the_index(indexed: Path, album: Path, captioner: Captioner) -> None:
    (album / "b.png").write_bytes(b"broken now")
    report = update(album, captioner)
    assert (len(report.errors), report.pictures) == (1, 5)
    assert "b.png" not in listed(indexed)


def test_a_picture_that_vanishes_between_listing_and_reading(
    album: Path, captioner: Captioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def vanishing(root: Path) -> Any:
        found = scan(root)
        (root / "c.png").unlink()
        return found

    monkeypatch.setattr("captionkit.search.indexing.scan", vanishing)
    report = update(album, captioner)
    assert (report.captioned, len(report.errors)) == (5, 1)
    assert "c.png, but it cannot be read (No such file" in report.errors[0]


def test_links_out_of_the_root_are_not_followed(album: Path, captioner: Captioner, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(draw_picture(9))
    (album / "leak.png").symlink_to(tmp_path / "secret.png")
    report = update(album, captioner)
    assert (report.outside, report.captioned) == (["leak.png"], 6)
    assert "leak.png" not in listed(album / INDEX_NAME)


def test_links_that_lead_nowhere_are_told(indexed: Path, album: Path, captioner: Captioner) -> None:
    (album / "b.png").unlink()
    (album / "b.png").symlink_to(album / "gone.png")
    report = update(album, captioner)
    assert (report.dropped, len(report.errors)) == (1, 1)
    assert "b.png, but it is a link that leads nowhere" in report.errors[0]


def test_folders_that_cannot_be_listed_keep_their_pictures(
    indexed: Path, album: Path, captioner: Captioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blind(root: Path) -> Any:
        found = scan(root)
        found.unreadable.append("trip")
        found.files = {path: state for path, state in found.files.items() if not path.startswith("trip/")}
        return found

    monkeypatch.setattr("captionkit.search.indexing.scan", blind)
    report = update(album, captioner)
    assert (report.dropped, len(report.errors)) == (0, 1)
    assert "trip/e.png" in listed(indexed)


@pytest.mark.parametrize("place", [INDEX_NAME, "../elsewhere.sqlite"])
def test_heic_pictures_keep_their_captions_where_they_are_not_read(
    tmp_path: Path, captioner: Captioner, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    root = tmp_path / "album"
    root.mkdir()
    path = root / place
    for seed, name in enumerate(("a.HEIC", "b.heic", "c.heic")):
        image = Image.open(io.BytesIO(draw_picture(seed))).convert("RGB")
        pillow_heif.from_pillow(image).save(root / name)
    assert index_folder(root, path, captioner, quiet=True).captioned == 3
    before = listed(path)
    (root / "c.heic").unlink()
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "pillow_heif", None)  # as where the extra is not installed
        report = index_folder(root, path, captioner, quiet=True)
        assert (report.heic, report.dropped, report.files) == (2, 1, 2)
    report = index_folder(root, path, captioner, quiet=True)
    assert (report.heic, report.unchanged, report.captioned) == (0, 2, 0)
    assert listed(path) == {name: before[name] for name in ("a.HEIC", "b.heic")}


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_only_a_jpeg_is_decoded_twice_and_every_picture_looks_as_by_itself(
    tmp_path: Path, captioner: Captioner, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    root = tmp_path / "album"
    root.mkdir()
    picture = root / f"a.{kind.lower()}"
    Image.open(io.BytesIO(draw_picture(1))).convert("RGB").resize((300, 200)).save(picture, kind)
    decoded: list[str] = []
    decode = images._decode

    def counting(image: Image.Image, name: str, *bounds: int) -> images.Pixels:
        decoded.append(name)
        return decode(image, name, *bounds)

    monkeypatch.setattr(images, "_decode", counting)
    update(root, captioner)
    assert len(decoded) == (2 if kind == "JPEG" else 1)
    with open_index(root / INDEX_NAME) as index:
        _, (look,) = index.looks()
        assert pack_look(look) == pack_look(hash_bytes(picture.read_bytes()))


def test_an_empty_folder_makes_an_empty_index(indexed: Path, album: Path, captioner: Captioner) -> None:
    for picture in album.rglob("*.png"):
        picture.unlink()
    assert (update(album, captioner).dropped, listed(indexed)) == (6, {})


@pytest.mark.parametrize(("number", "told"), [(6, "6 files"), (1, "1 file")])
def test_a_disk_that_is_not_mounted_costs_no_index(
    album: Path, captioner: Captioner, tmp_path: Path, number: int, told: str
) -> None:
    path = tmp_path / "elsewhere.sqlite"
    for picture in sorted(album.rglob("*.png"))[number:]:
        picture.unlink()
    index_folder(album, path, captioner, quiet=True)
    before = path.read_bytes()
    album.rename(tmp_path / "away")
    album.mkdir()
    with pytest.raises(SearchError, match=rf"knows {told}; is a disk not mounted\?"):
        index_folder(album, path, captioner, quiet=True)
    assert path.read_bytes() == before
    assert index_folder(album, path, captioner, quiet=True, rebuild=True).files == 0
    album.rmdir()
    (tmp_path / "away").rename(album)
    assert index_folder(album, path, captioner, quiet=True).captioned == number


def test_an_interrupted_run_goes_on_where_it_was(
    album: Path, captioner: Captioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "BATCH", 2)
    asked: list[int] = []
    real = indexing.to_contents

    def tiring(*arguments: Any, **named: Any) -> Any:
        asked.append(len(arguments[2]))
        if len(asked) == 2:
            raise KeyboardInterrupt
        return real(*arguments, **named)

    monkeypatch.setattr(indexing, "to_contents", tiring)
    with pytest.raises(KeyboardInterrupt):
        update(album, captioner)
    assert len(listed(album / INDEX_NAME)) == 2
    report = update(album, captioner)
    assert (report.unchanged, report.captioned, sum(asked)) == (2, 4, 8)
    interrupted = listed(album / INDEX_NAME)
    update(album, captioner, rebuild=True)
    assert listed(album / INDEX_NAME) == interrupted


def test_an_index_beside_its_folder_moves_with_it(indexed: Path, album: Path, tmp_path: Path) -> None:
    album.rename(tmp_path / "elsewhere")
    with open_index(tmp_path / "elsewhere" / INDEX_NAME) as index:
        assert index.root == tmp_path / "elsewhere"
        found = index.paths(index.first(9)).values()
        assert len(found) == 6
        assert all(paths[0].is_file() for paths in found)


def test_an_index_that_a_link_names_knows_its_folder(album: Path, captioner: Captioner, tmp_path: Path) -> None:
    deep, folder_link, link = album / "trip" / "i.sqlite", tmp_path / "to" / "folder", tmp_path / "to" / "i.sqlite"
    index_folder(album, deep, captioner, quiet=True)
    folder_link.parent.mkdir()
    folder_link.symlink_to(deep.parent)
    link.symlink_to(deep)
    for path in (folder_link / deep.name, link):
        with open_index(path) as index:
            assert index.root.samefile(album)
    index_folder(album, link, captioner, rebuild=True, quiet=True)
    assert link.is_symlink()
    with open_index(deep) as index:
        assert index.root == album


def test_an_index_elsewhere_keeps_the_whole_path(album: Path, captioner: Captioner, tmp_path: Path) -> None:
    (tmp_path / "indexes").mkdir()
    path = tmp_path / "indexes" / "album.sqlite"
    index_folder(album, path, captioner, quiet=True)
    path.rename(tmp_path / "moved.sqlite")
    with open_index(tmp_path / "moved.sqlite") as index:
        assert index.root == album
    assert not (album / INDEX_NAME).exists()


def test_a_decoder_that_averages_the_grid_keeps_one_cell_and_loses_nothing(captioner: Captioner) -> None:
    assert kept_cells(captioner) == 1
    grid = captioner.engine.encode(np.random.default_rng(1).integers(0, 255, (2, 32, 32, 3), np.uint8))
    kept = captioner.engine.start(to_features(to_cells(grid, 1), grid.shape[1]))
    for name, leaf in captioner.engine.start(grid).items():
        np.testing.assert_allclose(kept[name], leaf, atol=1e-4)


def test_copies_that_are_read_before_the_first_is_stored_are_captioned_once(
    tmp_path: Path, captioner: Captioner
) -> None:
    root = tmp_path / "pictures"
    root.mkdir()
    count = indexing.BATCH + 2
    for number in range(count):
        seed = 0 if number in (0, 1, count - 1) else number
        (root / f"{number:02}.png").write_bytes(draw_picture(seed))
    report = update(root, captioner)
    assert (report.captioned, report.linked, report.files, report.pictures) == (count - 2, 2, count, count - 2)
    assert len(listed(root / INDEX_NAME)) == count
