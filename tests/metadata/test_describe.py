from __future__ import annotations

import io
import json
import shutil
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from captionkit.errors import CaptionkitError, DataError, ImageError
from captionkit.files.edits import apply_edits, inverse_edits
from captionkit.images import read_image
from captionkit.metadata import jpeg, png, tiff, webp
from captionkit.metadata.blocks import MetadataError
from captionkit.metadata.describe import (
    NAME,
    describe,
    open_undo,
    undo_descriptions,
    write_description,
)
from captionkit.metadata.xmp import DESCRIPTION, new_packet, read_description
from tests.metadata.reading import read_described

TEXT = "A dog, seen from “above” & afar."
PIXELS = np.random.default_rng(1).integers(0, 255, (40, 60, 3), dtype=np.uint8)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def exif(description: str = "") -> Image.Exif:
    tags = Image.Exif()
    tags[271] = "Maker"
    tags[274] = 6
    if description:
        tags[270] = description
    return tags


def saved(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def animated() -> bytes:
    buffer = io.BytesIO()
    frames = [Image.fromarray(np.roll(PIXELS, shift, 0)) for shift in (0, 9)]
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


def two_pages() -> bytes:
    buffer = io.BytesIO()
    pages = [Image.fromarray(np.roll(PIXELS, shift, 0)) for shift in (0, 9)]
    pages[0].save(buffer, "TIFF", save_all=True, append_images=pages[1:], compression="tiff_lzw")
    return buffer.getvalue()


def text_chunk() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "me")
    return info


PICTURES: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: saved("JPEG"),
    "jpeg with exif and profile": lambda: saved("JPEG", exif=exif(), icc_profile=PROFILE, comment=b"note"),
    "jpeg progressive grey": lambda: saved("JPEG", "L", progressive=True),
    "jpeg cmyk with xmp": lambda: saved("JPEG", "CMYK", xmp=new_packet({}, "en")),
    "jpeg with bytes behind": lambda: saved("JPEG") + b"trailer \xff\xd9 \xff\xe1",
    "png": lambda: saved("PNG"),
    "png with exif, profile and text": lambda: saved(
        "PNG", exif=exif(), icc_profile=PROFILE, pnginfo=text_chunk()
    ),
    "png palette with alpha": lambda: saved("PNG", "P", transparency=3),
    "webp lossy": lambda: saved("WEBP"),
    "webp lossless": lambda: saved("WEBP", lossless=True),
    "webp lossless with alpha": lambda: saved("WEBP", "RGBA", lossless=True),
    "webp with exif and profile": lambda: saved("WEBP", exif=exif(), icc_profile=PROFILE),
    "webp animated": animated,
    "tiff": lambda: saved("TIFF"),
    "tiff of two pages": two_pages,
    "tiff with tags": lambda: saved("TIFF", tiffinfo={271: "Maker", 305: "Software", 700: new_packet({}, "en")}),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pixels_and_all_other_metadata_stay_and_undo_gives_the_bytes_back(name: str) -> None:
    data = PICTURES[name]()
    edits, fields, kept = describe(data, TEXT)
    new = apply_edits(data, edits)
    assert kept == ""
    assert {"description", "AltTextAccessibility", "ImageDescription"} <= set(fields)
    assert read_described(new) == (TEXT, TEXT)
    assert np.array_equal(read_image(new), read_image(data))
    before, after = Image.open(io.BytesIO(data)), Image.open(io.BytesIO(new))
    assert (after.mode, after.size) == (before.mode, before.size)
    assert getattr(after, "n_frames", 1) == getattr(before, "n_frames", 1)
    assert after.info.get("icc_profile") == before.info.get("icc_profile")
    assert after.info.get("comment") == before.info.get("comment")
    assert after.info.get("Author") == before.info.get("Author")
    old_tags, new_tags = dict(before.getexif()), dict(after.getexif())
    assert {tag: new_tags[tag] for tag in old_tags if tag not in (270, 700, 273, 279)} == {
        tag: value for tag, value in old_tags.items() if tag not in (270, 700, 273, 279)
    }
    assert apply_edits(new, inverse_edits(data, edits)) == data
    assert describe(new, TEXT)[0] == ()


@pytest.mark.parametrize("name", PICTURES)
def test_a_second_sentence_replaces_the_first_only_when_told_to(name: str) -> None:
    data = PICTURES[name]()
    first = apply_edits(data, describe(data, TEXT)[0])
    edits, fields, kept = describe(first, "Another one.")
    assert (edits, fields, kept) == ((), (), TEXT)
    second = apply_edits(first, describe(first, "Another one.", overwrite=True)[0])
    assert read_described(second) == ("Another one.", "Another one.")


def test_a_description_in_any_place_is_kept_and_only_the_alt_text_is_added() -> None:
    pictures = {
        "exif": saved("JPEG", exif=exif("Rex, 1999")),
        "xmp": saved("JPEG", xmp=new_packet({DESCRIPTION: "Rex, 1999"}, "en")),
        "tiff": saved("TIFF", tiffinfo={270: "Rex, 1999"}),
        "png": saved("PNG", exif=exif("Rex, 1999")),
        "webp": saved("WEBP", exif=exif("Rex, 1999")),
        "webp, xmp": saved("WEBP", xmp=new_packet({DESCRIPTION: "Rex, 1999"}, "en")),
    }
    for name, data in pictures.items():
        edits, fields, kept = describe(data, TEXT)
        assert (fields, kept) == (("AltTextAccessibility",), "Rex, 1999"), name
        assert read_described(apply_edits(data, edits)) == ("Rex, 1999", TEXT)
        overwritten = apply_edits(data, describe(data, TEXT, overwrite=True)[0])
        assert read_described(overwritten)[0] == TEXT


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("international", [False, True])
def test_a_png_that_describes_itself_in_a_text_chunk_keeps_it(packed: bool, international: bool) -> None:
    info = PngImagePlugin.PngInfo()
    if international:
        info.add_itxt("Description", "Rex, 1999", "en", "Beschreibung", zip=packed)
    else:
        info.add_text("Description", "Rex, 1999", zip=packed)
    assert describe(saved("PNG", pnginfo=info), TEXT)[1:] == (("AltTextAccessibility",), "Rex, 1999")


@pytest.mark.parametrize("body", [b"zTXtDescription\0\0no zlib", b"iTXtDescription\0\1\0cut off"])
def test_a_description_that_cannot_be_unpacked_is_kept_too(body: bytes) -> None:
    data = saved("PNG")
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    assert describe(data[:33] + chunk + data[33:], TEXT)[1] == ("AltTextAccessibility",)


def test_what_a_camera_writes_is_no_description() -> None:
    data = saved("JPEG", exif=exif("OLYMPUS DIGITAL CAMERA         "))
    assert read_described(apply_edits(data, describe(data, TEXT)[0]))[0] == TEXT


def test_new_blocks_stand_where_readers_look_first() -> None:
    data = saved("JPEG")
    jfif = data[2 : 4 + int.from_bytes(data[4:6], "big")]
    new = apply_edits(data, describe(data, TEXT)[0])
    behind = 2 + len(jfif)
    assert new[2:behind] == jfif
    assert new[behind + 4 : behind + 10] == b"Exif\0\0"
    assert new.index(b"Exif\0\0") < new.index(b"http://ns.adobe.com/xap/1.0/\0") < new.index(b"Photoshop 3.0\0")
    bare = data[:2] + b"\xff\xfe\0\6note" + data[2 + len(jfif) :]  # without JFIF, EXIF comes first of all
    assert apply_edits(bare, describe(bare, TEXT)[0])[6:12] == b"Exif\0\0"
    png = saved("PNG")
    new = apply_edits(png, describe(png, TEXT)[0])
    assert new[:33] == png[:33]  # the header
    assert new[37:41] == b"iTXt"


def test_iptc_that_is_there_is_replaced_and_stays_one() -> None:
    data = saved("JPEG")
    keywords = b"\x1c\2\x19\0\4dogs"
    body = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(keywords)) + keywords + b"\0"
    body += b"8BIM\x04\x0c\0\0\0\0\0\2ab"
    data = data[:2] + b"\xff\xed" + struct.pack(">H", len(body) + 2) + body + data[2:]
    new = apply_edits(data, describe(data, "A dog.")[0])
    assert new.count(b"8BIM\x04\x04") == 1
    assert jpeg.read(new).iptc == keywords + b"\x1c\2\x78\0\6A dog."


def test_iptc_is_written_into_photoshop_resources_and_their_digest_follows() -> None:
    data = saved("JPEG")
    path_resource = b"8BIM\x07\xd0\x05namex" + struct.pack(">I", 3) + b"abc\0"
    digest = b"8BIM\x04\x25\0\0" + struct.pack(">I", 16) + b"0" * 16
    body = b"Photoshop 3.0\0" + path_resource + digest
    data = data[:2] + b"\xff\xed" + struct.pack(">H", len(body) + 2) + body + data[2:]
    new = apply_edits(data, describe(data, TEXT)[0])
    assert path_resource in new
    assert digest not in new
    assert jpeg.read(new).iptc is not None


def test_photoshop_resources_over_several_segments_are_joined_and_split() -> None:
    data = saved("JPEG")
    big = b"8BIM\x04\x0c\0\0" + struct.pack(">I", 100_000) + bytes(100_000)
    for start in (60_000, 0):
        part = b"Photoshop 3.0\0" + big[start : start + 60_000]
        data = data[:2] + b"\xff\xed" + struct.pack(">H", len(part) + 2) + part + data[2:]
    edits = describe(data, TEXT)[0]
    new = apply_edits(data, edits)
    assert read_described(new)[0] == TEXT
    assert apply_edits(new, inverse_edits(data, edits)) == data


def test_a_packed_xmp_chunk_of_png_is_read_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    import zlib

    packet = zlib.compress(new_packet({DESCRIPTION: "Rex"}, "en"))
    body = b"XML:com.adobe.xmp\0\1\0\0\0" + packet
    chunk = struct.pack(">I", len(body)) + b"iTXt" + body + struct.pack(">I", zlib.crc32(b"iTXt" + body))
    data = saved("PNG")
    assert read_described(data[:33] + chunk + data[33:])[0] == "Rex"
    monkeypatch.setattr("captionkit.metadata.png._MAX_TEXT", 100)
    with pytest.raises(MetadataError, match="too large"):
        png.read(data[:33] + chunk + data[33:])


def test_a_multi_picture_jpeg_keeps_the_places_of_its_pictures() -> None:
    data = saved("JPEG", exif=exif())
    body = b"MPF\0II*\0\x08\0\0\0\0\0"
    mpf = b"\xff\xe2" + struct.pack(">H", len(body) + 2) + body
    behind_exif = data.index(b"\xff\xdb")
    two = data[:behind_exif] + mpf + data[behind_exif:] + saved("JPEG")
    new = apply_edits(two, describe(two, TEXT)[0])
    assert new[new.index(b"MPF\0") :] == two[two.index(b"MPF\0") :]
    first = data[:20] + mpf + data[20:]  # before EXIF: a change behind it would shift the second picture
    with pytest.raises(MetadataError, match="several pictures"):
        describe(first, TEXT)


@pytest.mark.parametrize(
    "name",
    [
        "jpeg with exif and profile",
        "png with exif, profile and text",
        "webp with exif and profile",
        "tiff with tags",
    ],
)
def test_every_flipped_byte_and_every_cut_is_an_error_or_a_checked_edit(name: str) -> None:
    """Whatever the file: no other error, no endless loop, and what is edited shows the same pixels."""
    data = PICTURES[name]()
    container = {"jpeg": jpeg, "png": png, "webp": webp, "tiff": tiff}[name.split()[0]]
    random = np.random.default_rng(2)
    positions = {*range(min(len(data), 400)), *random.integers(0, len(data), 150).tolist()}
    for position in sorted(positions):
        flipped = data[:position] + bytes([data[position] ^ 0xFF]) + data[position + 1 :]
        for broken in (flipped, data[:position]):
            try:
                blocks = container.read(broken)
                container.rest(broken)
                assert blocks is not None
            except MetadataError:
                continue
    for position in random.integers(0, len(data), 25).tolist():
        broken = data[:position] + bytes([data[position] ^ 0x55]) + data[position + 1 :]
        try:
            edits = describe(broken, TEXT)[0]
        except CaptionkitError:
            continue
        assert np.array_equal(read_image(apply_edits(broken, edits)), read_image(broken))


def test_a_tiff_whose_parts_overlap_fills_no_memory() -> None:
    many, size = 4_000, 1_000_000  # 1 MB that stands for 4 GB
    behind = 8 + 2 + 12 * many + 4
    entries = b"".join(struct.pack("<HHII", 1_000 + number, 7, size, behind) for number in range(many))
    data = struct.pack("<2sHIH", b"II", 42, 8, many) + entries + bytes(4 + size)
    with pytest.raises(MetadataError, match="overlap"):
        tiff.rest(data)


def test_a_webp_without_width_or_height_is_damaged() -> None:
    whole = saved("WEBP")
    place = whole.index(b"\x9d\x01\x2a") + 3
    for sides in (bytes(2) + whole[place + 2 : place + 4], whole[place : place + 2] + bytes(2)):
        with pytest.raises(MetadataError, match="damaged"):
            describe(whole[:place] + sides + whole[place + 4 :], "A dog.")


@pytest.mark.parametrize("data", [b"", b"no picture", saved("GIF"), saved("BMP"), b"II+\0" + bytes(40)])
def test_other_formats_are_not_edited(data: bytes) -> None:
    with pytest.raises(MetadataError):
        describe(data, TEXT)


def test_write_and_undo_in_a_folder(tmp_path: Path) -> None:
    files = {"a.jpg": saved("JPEG"), "b.gif": saved("GIF"), "c.png": saved("PNG")}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    sidecar = open_undo(tmp_path)
    for name in files:
        write_description(tmp_path / name, TEXT, sidecar, model="cafe", confidence=0.9)
    assert (tmp_path / "b.gif").read_bytes() == files["b.gif"]
    assert TEXT.replace("&", "&amp;").encode() in (tmp_path / "b.gif.xmp").read_bytes()
    first = (tmp_path / NAME).read_text(encoding="utf-8").splitlines()[1]
    assert json.loads(first)["alts"][0]["confidence"] == 0.9
    again = write_description(tmp_path / "a.jpg", "Other.", open_undo(tmp_path))
    assert (again.written, again.kept) == ((), TEXT)
    beside = write_description(tmp_path / "b.gif", "Other.", open_undo(tmp_path))
    assert (beside.written, beside.kept) == ((), TEXT)
    overwritten = write_description(tmp_path / "a.jpg", "Other.", open_undo(tmp_path), overwrite=True)
    assert "description" in overwritten.written
    changed = (tmp_path / "c.png").read_bytes() + b"x"
    (tmp_path / "c.png").write_bytes(changed)
    results = {
        one.document: one.error
        for one in undo_descriptions(open_undo(tmp_path), [tmp_path / name for name in files])
    }
    assert (results["a.jpg"], results["b.gif.xmp"]) == ("", "")
    assert "was changed after" in results["c.png"]
    assert (tmp_path / "a.jpg").read_bytes() == files["a.jpg"]
    assert not (tmp_path / "b.gif.xmp").exists()
    assert (tmp_path / "c.png").read_bytes() == changed


def test_an_xmp_file_beside_on_request_is_merged(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(saved("JPEG"))
    (tmp_path / "a.jpg.xmp").write_bytes(new_packet({DESCRIPTION: "Rex"}, "en"))
    outcome = write_description(tmp_path / "a.jpg", TEXT, open_undo(tmp_path), beside=True)
    assert outcome.path.name == "a.jpg.xmp"
    assert (outcome.written, outcome.kept) == (("AltTextAccessibility",), "Rex")
    assert (tmp_path / "a.jpg").read_bytes() == saved("JPEG")


def heif(kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(PIXELS)
    image.save(buffer, kind, **options) if kind != "HEIC" else pillow_heif.from_pillow(image).save(
        buffer, **options
    )
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["HEIC", "AVIF", "JPEG"])
@pytest.mark.parametrize("where", ["xmp", "exif"])
def test_a_picture_s_own_description_is_kept_in_an_xmp_file_beside(tmp_path: Path, kind: str, where: str) -> None:
    """Other programs take what stands in the `.xmp` for newer than what stands in the picture."""
    own = {"xmp": new_packet({DESCRIPTION: "Rex"}, "en"), "exif": exif("Rex").tobytes()}[where]
    picture = tmp_path / "a.picture"
    picture.write_bytes(heif(kind, **{where: own}))
    outcome = write_description(picture, TEXT, open_undo(tmp_path), beside=True)
    assert (outcome.written, outcome.kept) == (("AltTextAccessibility",), "Rex")
    assert read_description(outcome.path.read_bytes()) == ("", TEXT)
    outcome = write_description(picture, TEXT, open_undo(tmp_path), beside=True, overwrite=True)
    assert read_description(outcome.path.read_bytes()) == (TEXT, TEXT)


def test_damaged_metadata_of_a_picture_is_no_description(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(heif("HEIC", xmp=b"<broken", exif=b"Exif\0\0II*\0\xff\xff\xff\xff"))
    outcome = write_description(tmp_path / "a.heic", TEXT, open_undo(tmp_path))
    assert read_description(outcome.path.read_bytes()) == (TEXT, TEXT)


@pytest.mark.parametrize("beside", [False, True])
def test_the_language_is_told(tmp_path: Path, beside: bool) -> None:
    (tmp_path / "a.jpg").write_bytes(saved("JPEG"))
    outcome = write_description(tmp_path / "a.jpg", "Ein Hund.", open_undo(tmp_path), language="de", beside=beside)
    written = outcome.path.read_bytes()
    assert written.count(b'xml:lang="de"') == written.count(b'xml:lang="x-default"') == 2  # both properties
    assert b'xml:lang="en"' not in written


def test_what_cannot_be_written_is_left_and_named(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(saved("JPEG"))
    (tmp_path / "a.jpg").chmod(0o444)
    with pytest.raises(DataError, match="read-only"):
        write_description(tmp_path / "a.jpg", TEXT, open_undo(tmp_path))
    (tmp_path / "b.jpg").write_bytes(saved("JPEG")[:300])
    with pytest.raises(CaptionkitError, match=r"b\.jpg|damaged"):
        write_description(tmp_path / "b.jpg", TEXT, open_undo(tmp_path))
    (tmp_path / "c.txt").write_bytes(b"text")
    with pytest.raises(ImageError):
        write_description(tmp_path / "c.txt", TEXT, open_undo(tmp_path))
    assert not (tmp_path / NAME).exists()


@pytest.mark.slow
@pytest.mark.exiftool
def test_exiftool_reads_every_field_and_finds_nothing_lost(tmp_path: Path) -> None:
    if shutil.which("exiftool") is None:
        pytest.skip("exiftool is not installed (Debian: libimage-exiftool-perl)")
    suffixes = {"jpeg": "jpg", "png": "png", "webp": "webp", "tiff": "tif"}
    for name, make in PICTURES.items():
        (tmp_path / f"{name.replace(' ', '-')}.{suffixes[name.split()[0]]}").write_bytes(make())
    added = ["-IPTC:Keywords=dogs", "-IPTC:CodedCharacterSet=UTF8", "-XMP:Creator=me", "-ext", "jpg"]
    subprocess.run(["exiftool", "-q", "-overwrite_original", *added, str(tmp_path)], check=True)
    before = reading(tmp_path)
    for path in sorted(tmp_path.glob("*.*")):
        if not path.name.startswith("."):
            write_description(path, TEXT, open_undo(tmp_path))
    after = reading(tmp_path)
    assert len(after) == len(PICTURES)
    for name, new in after.items():
        old = before[name]
        assert new["XMP:Description"] == new["XMP:Description-en"] == new["XMP:AltTextAccessibility"] == TEXT, name
        assert new["EXIF:ImageDescription"] == TEXT, name
        if name.endswith(".jpg"):
            assert new["IPTC:Caption-Abstract"] == TEXT, name
            assert new["IPTC:Keywords"] == "dogs", name
            assert new.get("Photoshop:IPTCDigest", new["File:CurrentIPTCDigest"]) == new["File:CurrentIPTCDigest"]
        assert new.get("ExifTool:Warning") == old.get("ExifTool:Warning"), name
        assert "ExifTool:Error" not in new
        moves = ("File:", "ExifTool:", "SourceFile", "EXIF:StripOffsets", "RIFF:WebP", "Photoshop:IPTCDigest")
        lost = {key: value for key, value in old.items() if not key.startswith(moves) and new.get(key) != value}
        assert lost == {}, name


def reading(folder: Path) -> dict[str, dict[str, Any]]:
    """File name -> what exiftool reads of it."""
    command = [
        "exiftool",
        "-j",
        "-G",
        "-a",
        "-struct",
        "-charset",
        "utf8",
        *map(str, sorted(folder.glob("[a-z]*"))),
    ]
    done = subprocess.run(command, capture_output=True, check=True)
    return {Path(one["SourceFile"]).name: one for one in json.loads(done.stdout)}
