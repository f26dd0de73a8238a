"""Pictures of every kind come out upright, RGB and within bounds; everything else is one sentence."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import struct
import subprocess
import sys
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from captionkit.errors import ImageError, UsageError
from captionkit.images import (
    FORMATS,
    _reason,
    load_pixels,
    read_image,
    read_image_bytes,
    read_image_size,
    read_metadata,
    resize_image,
)

Pixels = npt.NDArray[np.uint8]


def corners(height: int = 40, width: int = 64) -> Pixels:
    """Four flat quarters of unlike colours: every turn and mirroring shows."""
    image = np.zeros((height, width, 3), np.uint8)
    h, w = height // 2, width // 2
    image[:h, :w] = (250, 10, 20)
    image[:h, w:] = (20, 240, 30)
    image[h:, :w] = (10, 30, 230)
    image[h:, w:] = (240, 230, 40)
    return image


def encoded(image: Image.Image | Pixels, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def close(left: Pixels, right: Pixels, tolerance: int) -> bool:
    if left.shape != right.shape:
        return False
    return float(np.abs(left.astype(int) - right.astype(int)).mean()) <= tolerance


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_of_the_list_is_read_from_bytes_and_from_a_misnamed_file(kind: str, tmp_path: Path) -> None:
    data = encoded(corners(), kind, **({"quality": 95} if kind in ("JPEG", "WEBP", "AVIF") else {}))
    path = tmp_path / "picture.txt"
    path.write_bytes(data)
    image = read_image(data)
    assert image.dtype == np.uint8
    assert image.flags.writeable
    assert image.flags.c_contiguous
    tolerance = 0 if kind in ("PNG", "BMP", "TIFF", "GIF") else 6
    assert close(image, corners(), tolerance)
    assert np.array_equal(read_image(path), image)
    assert np.array_equal(read_image(str(path)), image)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_mirrored_ones_too(orientation: int, kind: str) -> None:
    # What the camera stored, from what the eye should see: the inverse of what each value asks for.
    upright = corners()
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    options: dict[str, object] = {"quality": 95} if kind in ("JPEG", "WEBP", "AVIF") else {}
    data = encoded(np.ascontiguousarray(stored), kind, exif=exif, **options)
    assert close(read_image(data), upright, 6)


def test_the_size_as_stored_and_the_metadata(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    for kind in ("JPEG", "PNG", "WEBP"):
        data = encoded(corners(), kind, exif=exif)
        (tmp_path / "a").write_bytes(data)
        assert read_image_size(tmp_path / "a") == (64, 40)
        packet, block = read_metadata(data)
        assert packet is None
        assert block is not None
        assert block.startswith((b"II*\0", b"MM\0*")), kind
    assert read_metadata(encoded(corners(), "BMP")) == (None, None)


def test_orientation_out_of_range_and_broken_exif_leave_the_picture_as_it_is() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 9
    assert close(read_image(encoded(corners(), "JPEG", quality=95, exif=exif)), corners(), 6)
    broken = encoded(corners(), "JPEG", quality=95, exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01")
    assert close(read_image(broken), corners(), 6)
    assert np.array_equal(read_image(encoded(corners(), "PNG", exif=b"none at all")), corners())


def ramp(largest: float, dtype: npt.DTypeLike) -> npt.NDArray[np.generic]:
    return np.tile(np.linspace(0, largest, 256), (4, 1)).astype(dtype)


def expected_ramp() -> Pixels:
    return np.repeat(np.tile(np.arange(256, dtype=np.uint8), (4, 1))[:, :, None], 3, axis=2)


def test_grey_and_one_bit() -> None:
    grey = Image.fromarray(ramp(255, np.uint8))
    assert np.array_equal(read_image(encoded(grey, "PNG")), expected_ramp())
    bits = np.array([[0, 255], [255, 0]], np.uint8)
    expected = np.repeat(bits[:, :, None], 3, axis=2)
    for kind in ("PNG", "TIFF", "BMP", "GIF"):
        assert np.array_equal(read_image(encoded(Image.fromarray(bits).convert("1"), kind)), expected), kind


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_clipped(kind: str) -> None:
    deep = Image.fromarray(ramp(65535, np.uint16))
    assert close(read_image(encoded(deep, kind)), expected_ramp(), 1)


def test_sixteen_bit_big_endian_and_32_bit_and_float_tiff() -> None:
    big = Image.frombytes("I;16B", (256, 4), ramp(65535, ">u2").tobytes())
    data = encoded(big, "TIFF")
    with Image.open(io.BytesIO(data)) as check:
        assert check.mode == "I;16B"
    assert close(read_image(data), expected_ramp(), 1)
    for whole in (255, 65535, 2_000_000):
        assert close(read_image(encoded(Image.fromarray(ramp(whole, np.int32)), "TIFF")), expected_ramp(), 1)
    for largest in (1.0, 255.0, 3000.0):
        assert close(read_image(encoded(Image.fromarray(ramp(largest, np.float32)), "TIFF")), expected_ramp(), 1)
    odd = np.array([[np.nan, -5.0, np.inf, -np.inf, 0.5, 1.0]], np.float32)
    assert read_image(encoded(Image.fromarray(odd), "TIFF"))[0, :, 0].tolist() == [0, 0, 0, 0, 128, 255]
    few = Image.fromarray(np.array([[0, 1]], np.int32))  # whole numbers are no shares
    assert read_image(encoded(few, "TIFF"))[0, :, 0].tolist() == [0, 1]
    # Whole numbers above 255 and within 16 bits are of 16 bits, though none may come near their end.
    dim = Image.fromarray(np.array([[0, 1000]], np.int32))
    assert read_image(encoded(dim, "TIFF"))[0, :, 0].tolist() == [0, 4]


@pytest.mark.parametrize("mode", ["RGBX", "YCbCr", "HSV"])
def test_other_ways_of_writing_colours(mode: str) -> None:
    assert close(read_image(Image.fromarray(corners()).convert(mode)), corners(), 3)


def sixteen_bit_rgb_png(values: npt.NDArray[np.uint16], *, transparency: bytes = b"", grey: bool = False) -> bytes:
    """Written by hand: Pillow cannot write it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, 0 if grey else 2, 0, 0, 0)
    extra = chunk(b"tRNS", transparency) if transparency else b""
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_sixteen_bit_colour_and_sixteen_bit_grey_with_a_transparent_value() -> None:
    values = np.repeat(ramp(65535, np.uint16)[:, :, None], 3, axis=2)
    assert close(read_image(sixteen_bit_rgb_png(values)), expected_ramp(), 1)
    grey = np.array([[0, 500, 768]], np.uint16)
    image = read_image(sixteen_bit_rgb_png(grey, grey=True, transparency=struct.pack(">H", 500)))
    assert image[0, :, 0].tolist() == [0, 255, 3]


def test_transparency_is_laid_over_white() -> None:
    rgba = np.zeros((1, 3, 4), np.uint8)
    rgba[0, :, 0] = 200
    rgba[0, :, 3] = (0, 128, 255)
    expected = [[255, 255, 255], [227, 127, 127], [200, 0, 0]]
    for kind in ("PNG", "TIFF"):
        assert read_image(encoded(rgba, kind))[0].tolist() == expected
    grey_alpha = Image.frombytes("LA", (2, 1), bytes([100, 0, 100, 255]))
    assert read_image(encoded(grey_alpha, "PNG"))[0, :, 0].tolist() == [255, 100]


def test_palette_with_transparency_one_index_and_an_alpha_each() -> None:
    palette = Image.fromarray(np.array([[0, 1, 2]], np.uint8))
    palette.putpalette([200, 0, 0, 0, 200, 0, 0, 0, 200])
    assert read_image(encoded(palette, "PNG"))[0].tolist() == [[200, 0, 0], [0, 200, 0], [0, 0, 200]]
    for kind in ("PNG", "GIF"):
        image = read_image(encoded(palette, kind, transparency=1))
        assert image[0].tolist() == [[200, 0, 0], [255, 255, 255], [0, 0, 200]], kind
    image = read_image(encoded(palette, "PNG", transparency=bytes([255, 0, 255])))
    assert image[0].tolist() == [[200, 0, 0], [255, 255, 255], [0, 0, 200]]


def test_transparent_colour_of_rgb_and_grey_png() -> None:
    data = encoded(corners(), "PNG", transparency=(250, 10, 20))
    image = read_image(data)
    assert image[0, 0].tolist() == [255, 255, 255]
    assert image[0, -1].tolist() == [20, 240, 30]
    grey = Image.fromarray(np.array([[7, 9]], np.uint8))
    assert read_image(encoded(grey, "PNG", transparency=7))[0, :, 0].tolist() == [255, 9]


def test_transparency_survives_an_exif_turn() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    palette = Image.fromarray(np.array([[0, 1, 2]], np.uint8))
    palette.putpalette([200, 0, 0, 0, 200, 0, 0, 0, 200])
    image = read_image(encoded(palette, "PNG", transparency=1, exif=exif))
    assert image[:, 0].tolist() == [[200, 0, 0], [255, 255, 255], [0, 0, 200]]


def test_cmyk_jpeg_and_tiff() -> None:
    cmyk = Image.fromarray(corners()).convert("CMYK")
    assert close(read_image(encoded(cmyk, "JPEG", quality=95)), corners(), 8)
    assert close(read_image(encoded(cmyk, "TIFF")), corners(), 1)


def test_a_lab_tiff_is_refused_in_one_sentence() -> None:
    lab = Image.new("LAB", (4, 4))
    with pytest.raises(ImageError, match=r"^The colour mode LAB is not read"):
        read_image(encoded(lab, "TIFF"))


def test_of_an_animation_the_first_picture() -> None:
    first, second = Image.fromarray(corners()), Image.fromarray(255 - corners())
    for kind in ("GIF", "WEBP", "AVIF", "PNG", "TIFF"):
        options = {"lossless": True} if kind == "WEBP" else {}
        data = encoded(first, kind, save_all=True, append_images=[second], **options)
        assert close(read_image(data), corners(), 6), kind


@pytest.mark.parametrize("kind", FORMATS)
def test_a_truncated_file_is_an_error(kind: str) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (80, 90, 3), dtype=np.uint8)
    data = encoded(noise, kind)
    for part in (0.5, 0.9):
        with pytest.raises(ImageError) as caught:
            read_image(data[: int(len(data) * part)])
        assert "\n" not in str(caught.value)
        assert "0x" not in str(caught.value)


def test_a_truncated_jpeg_is_an_error_under_draft_too() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (600, 600, 3), dtype=np.uint8)
    data = encoded(noise, "JPEG")
    with pytest.raises(ImageError, match="damaged or cut off"):
        read_image(data[: len(data) // 2], target_size=64)


def bomb(side: int) -> bytes:
    """A black one-bit PNG of side x side pixels in a few kilobytes."""
    return encoded(Image.new("1", (side, side)), "PNG", optimize=True)


def test_a_decompression_bomb_is_refused_quickly_before_decoding() -> None:
    data = bomb(20_000)
    assert len(data) < 60_000
    started = time.thread_time()  # other processes may be busy
    with pytest.raises(ImageError, match=r"^the picture has more pixels|^Expected at most 120,000,000 pixels"):
        read_image(data)
    assert time.thread_time() - started < 0.1


def peak_memory(path: Path) -> int:
    """The bytes that a process of its own holds at most while it reads a picture, or refuses to."""
    code = (
        "import sys\n"
        "from captionkit.images import ImageError, read_image\n"
        "try:\n    read_image(sys.argv[1])\nexcept ImageError: pass\n"
        # What getrusage tells is at least what the process that started this one held.
        "print(*(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    command = [sys.executable, "-c", code, str(path)]
    return 1024 * int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_a_decompression_bomb_takes_no_memory(tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(bomb(20_000))
    (tmp_path / "small.png").write_bytes(bomb(20))
    assert peak_memory(tmp_path / "bomb.png") < 1.2 * peak_memory(tmp_path / "small.png")


def progressive(scans: int, before: bytes = b"") -> bytes:
    """A small JPEG whose last scan is repeated; its EXIF and what follows its end look like scans too."""
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[ExifTags.Base.ImageDescription] = b"\xff\xda\xff\xd9" * 200
    Image.new("RGB", (64, 48), "red").save(buffer, "JPEG", progressive=True, exif=exif)
    data = buffer.getvalue()
    last = data.rindex(b"\xff\xda")
    written = 10  # as libjpeg has it
    return data[:last] + before + data[last:-2] * (scans - written + 1) + data[-2:] + b"\xff\xda" * 200


def test_a_jpeg_of_endless_scans_is_refused() -> None:
    assert read_image(progressive(100)).shape == (48, 64, 3)
    # None of these has a length, which could hide scans.
    for marker in (b"", b"\xff\x01", b"\xff\xd0", b"\xff\xd7"):
        with pytest.raises(ImageError, match="at most 100 scans, but the picture has 101"):
            read_image(progressive(101, marker))
    # As telephones write it, with a second picture behind.
    buffer, image = io.BytesIO(), Image.new("RGB", (64, 48), "red")
    image.save(buffer, "MPO", save_all=True, append_images=[image])
    at = buffer.getvalue().index(b"\xff\xda")
    with pytest.raises(ImageError, match="at most 100 scans, but the picture has 101"):
        read_image(buffer.getvalue()[:at] + b"\xff\xda\0\2" * 100 + buffer.getvalue()[at:])


def test_what_looks_like_scans_and_is_none() -> None:
    many = b"\xff\xda\x00\x02" * 200
    assert (
        read_image(encoded(corners(), "JPEG") + b"\x00\x02" + many).shape == corners().shape
    )  # behind a JPEG's end
    pixels = np.frombuffer(many[:768], np.uint8).reshape(16, 16, 3)[..., ::-1]  # BMP has blue first
    data = encoded(pixels, "BMP")
    assert many[:96] in data
    np.testing.assert_array_equal(read_image(data), pixels)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize(("mode", "kind"), [("RGBA", "PNG"), ("F", "TIFF"), ("I", "TIFF")])
def test_reading_takes_less_than_20_bytes_a_pixel(mode: str, kind: str, tmp_path: Path) -> None:
    def peak(side: int) -> int:
        path, exif = tmp_path / f"{side}.{kind}", Image.Exif()
        exif[ExifTags.Base.Orientation] = 5
        options = {"exif": exif} if kind == "PNG" else {"compression": "tiff_deflate"}
        Image.new(mode, (side, side)).save(path, kind, **options)
        return peak_memory(path)

    assert peak(4000) - peak(8) < 20 * 4000**2


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_reading_colours_takes_less_than_12_bytes_a_pixel(tmp_path: Path) -> None:
    for side in (8, 4000):
        Image.new("RGB", (side, side)).save(tmp_path / f"{side}.png")
    assert peak_memory(tmp_path / "4000.png") - peak_memory(tmp_path / "8.png") < 12 * 4000**2


def test_the_pixel_bound_between_pillows_warning_and_its_error(recwarn: pytest.WarningsRecorder) -> None:
    data = bomb(10_960)  # 120.1 megapixels: Pillow alone would only warn
    with pytest.raises(ImageError, match="10960 x 10960"):
        read_image(data)
    with pytest.raises(ImageError, match="at most 100 pixels"):
        read_image(encoded(corners(), "PNG"), max_pixels=100)
    assert read_image(encoded(corners(), "PNG"), max_pixels=64 * 40).shape == (40, 64, 3)
    assert not [one for one in recwarn if issubclass(one.category, Image.DecompressionBombWarning)]


def test_the_file_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(corners(), "BMP")
    path = tmp_path / "a.bmp"
    path.write_bytes(data)
    monkeypatch.setattr("captionkit.images.MAX_FILE_BYTES", len(data))
    assert read_image_bytes(path) == data
    assert np.array_equal(read_image(data), corners())
    monkeypatch.setattr("captionkit.images.MAX_FILE_BYTES", 1000)
    for source in (path, data):
        with pytest.raises(ImageError, match="at most 1,000 bytes"):
            read_image(source)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_read_to_its_end_and_no_further_than_the_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encoded(corners(), "PNG")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(pipe.write_bytes, data)
        assert np.array_equal(read_image(pipe), corners())
        writing.result()
        writing = pool.submit(pipe.write_bytes, bytes(1 << 20))  # more than a pipe holds
        monkeypatch.setattr("captionkit.images.MAX_FILE_BYTES", 20)
        with pytest.raises(ImageError, match="at most 20 bytes"):
            read_image(pipe)
        with pytest.raises(BrokenPipeError):
            writing.result()


@pytest.mark.parametrize(
    "data",
    [b"", b"GIF", b"not a picture at all", b"%PDF-1.7 ...", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n" + bytes(40)],
)
def test_what_is_no_picture_gives_one_sentence_without_a_memory_address(data: bytes) -> None:
    with pytest.raises(ImageError) as caught:
        read_image(data)
    message = str(caught.value)
    assert "0x" not in message
    assert "BytesIO" not in message
    assert "\n" not in message
    assert caught.value.__cause__ is None


def test_a_format_outside_the_list_is_refused() -> None:
    for kind in ("PPM", "TGA", "ICO"):
        with pytest.raises(ImageError, match="JPEG, PNG"):
            read_image(encoded(corners(), kind))


def heic(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, quality=95, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_heic_is_read_upright(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    data = heic(Image.fromarray(corners()), exif=exif.tobytes())
    path = tmp_path / "misnamed.jpg"
    path.write_bytes(data)
    expected = read_image(encoded(corners(), "TIFF", exif=exif))
    assert close(read_image(data), expected, 3)
    assert np.array_equal(read_image(path), read_image(data))


def test_heic_as_telephones_write_it() -> None:
    """The primary one of several pictures; tiles, which are put together and turned as one; ten bits."""
    small, image = Image.fromarray(corners()), Image.fromarray(corners()).resize((320, 200))
    several, buffer = pillow_heif.HeifFile(), io.BytesIO()
    for one in (small.convert("L"), small, small.rotate(180)):
        several.add_from_pillow(one)
    several.save(buffer, quality=95, primary_index=1)
    assert close(read_image(buffer.getvalue()), corners(), 3)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    tiles = heic(image, tile_size=64, exif=exif.tobytes())
    assert close(read_image(tiles), np.rot90(np.asarray(image), -1), 3)
    deep, buffer = (np.asarray(image).astype(np.uint16) * 257).tobytes(), io.BytesIO()
    pillow_heif.from_bytes(mode="RGB;16", size=image.size, data=deep).save(buffer, quality=95)
    assert close(read_image(buffer.getvalue()), np.asarray(image), 3)


def test_transparent_and_grey_heic(tmp_path: Path) -> None:
    image = Image.fromarray(corners())
    grey = image.convert("L")
    assert close(read_image(heic(grey)), np.asarray(grey.convert("RGB")), 2)
    image.putalpha(0)
    assert read_image(heic(image)).min() == 255


def test_heic_within_bounds() -> None:
    data = heic(Image.fromarray(corners()))
    with pytest.raises(ImageError, match="Expected at most 2,559 pixels, but the picture has 64 x 40"):
        read_image(data, max_pixels=2559)
    at = data.index(b"ispe") + 8  # the size that the header names
    lying = data[:at] + struct.pack(">II", 8, 8) + data[at + 8 :]
    with pytest.raises(ImageError, match="Expected a whole HEIF picture, but the picture is damaged or cut off"):
        read_image(lying)


def test_damaged_heic_is_one_sentence_and_never_the_end_of_the_process() -> None:
    whole = heic(Image.fromarray(corners()))
    chance = np.random.default_rng(1)
    for _ in range(500):
        data = bytearray(whole[: chance.integers(1, len(whole) + 1)])
        for _ in range(4):
            data[chance.integers(len(data))] = chance.integers(256)
        with contextlib.suppress(ImageError):
            assert read_image(bytes(data)).ndim == 3
    with pytest.raises(ImageError, match="HEIC picture, but the picture is damaged or cut off"):
        read_image(whole[:60])
    with pytest.raises(ImageError, match=r"damaged or cut off \(Invalid input: Unexpected end of file: Extent in"):
        read_image(whole[:-60])  # as of a download that broke off


def test_heic_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    data = heic(Image.fromarray(corners()))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # as where the extra is not installed
    with pytest.raises(
        ImageError, match=r"the picture is a HEIC picture; pip install 'captionkit\[heic\]' reads it"
    ):
        read_image(data)
    for other in (b"\0\0\0\x18ftypavif", b"\0\0\0\x18freeheic"):
        with pytest.raises(ImageError, match="is none, or its start is damaged"):
            read_image(other + bytes(40))


@pytest.mark.parametrize(
    "address", ["https://example.org/a.jpg", "HTTP://example.org/a.jpg", Path("http://example.org/a.jpg")]
)
def test_an_address_is_said_to_be_one(address: str | Path) -> None:
    with pytest.raises(
        ImageError, match=r"example.org/a.jpg is an address, and nothing is fetched; download it first"
    ):
        read_image(address)


def test_an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    for empty in (b"", tmp_path / "a.jpg"):
        with pytest.raises(ImageError, match="is empty"):
            read_image(empty)


def test_a_missing_file_a_folder_and_an_impossible_name(tmp_path: Path) -> None:
    for path, reason in (
        (tmp_path / "nowhere.jpg", os.strerror(errno.ENOENT)),
        (tmp_path, ""),
        (Path("a\0b"), "the name is not valid"),
    ):
        with pytest.raises(ImageError, match=rf"cannot be read \({reason}"):
            read_image(path)


@settings(deadline=None, derandomize=True)
@given(st.data())
def test_any_damage_gives_a_picture_or_one_sentence(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(FORMATS))
    raw = bytearray(encoded(corners(16, 16), kind))
    for _ in range(data.draw(st.integers(1, 8))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    message = ""
    try:
        image = read_image(bytes(raw), max_pixels=1_000_000)
        assert image.dtype == np.uint8
        assert image.shape[2] == 3
    except ImageError as error:
        message = str(error)
    assert "\n" not in message
    assert " at 0x" not in message


def smooth(height: int, width: int) -> Pixels:
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    waves = [np.sin(x / 40 + k) * np.cos(y / (30 + 9 * k)) for k in range(3)]
    return (127.5 + 120 * np.stack(waves, axis=-1)).astype(np.uint8)


def test_draft_is_fast_road_to_nearly_the_same_pixels_never_below_twice_the_target() -> None:
    data = encoded(smooth(1500, 2000), "JPEG", quality=92)
    full = read_image(data)
    small = read_image(data, target_size=224)
    assert full.shape == (1500, 2000, 3)
    assert small.shape == (750, 1000, 3)  # 1/4 would be 375 x 500, and 375 < 448
    assert read_image(data, target_size=800).shape == full.shape
    assert close(resize_image(full, 224), resize_image(small, 224), 1)
    # The other formats have no such road, and nothing changes for them.
    assert read_image(encoded(smooth(300, 400), "PNG"), target_size=10).shape == (300, 400, 3)


def test_a_picture_that_pillow_has_opened_or_made() -> None:
    made = Image.new("RGBA", (4, 3), (0, 0, 255, 0))
    assert read_image(made).tolist() == [[[255] * 3] * 4] * 3
    with pytest.raises(ImageError, match="Expected at most 11 pixels, but the picture has 4 x 3"):
        read_image(made, max_pixels=11)
    made.close()
    with pytest.raises(ImageError, match="Expected a whole Pillow picture"):
        read_image(made)


def test_resize_squashes_and_is_antialiased() -> None:
    checkerboard = (np.indices((256, 256)).sum(axis=0) % 2 * 255).astype(np.uint8)
    image = np.repeat(checkerboard[:, :, None], 3, axis=2)
    small = resize_image(image, 32)
    assert small.shape == (32, 32, 3)
    assert int(small.min()) >= 120  # without antialiasing it would be black or white
    assert int(small.max()) <= 135
    squashed = resize_image(corners(40, 64), 16)
    assert squashed.shape == (16, 16, 3)
    assert squashed[0, 0].tolist() == [250, 10, 20]
    assert squashed[-1, -1].tolist() == [240, 230, 40]


def test_resize_to_its_own_size_changes_nothing_and_copies() -> None:
    image = corners(64, 64)
    same = resize_image(image, 64)
    assert np.array_equal(same, image)
    assert not np.shares_memory(same, image)


def test_resize_golden() -> None:
    """By hand: for 4 pixels to 2, the triangle of half-width 2 weighs 3 : 3 : 1."""
    row = np.array([0, 70, 140, 210], np.uint8)
    image = np.repeat(np.tile(row, (4, 1))[:, :, None], 3, axis=2)
    assert resize_image(image, 2)[0, :, 0].tolist() == [50, 160]


def test_resize_refuses_other_arrays() -> None:
    wrong = [np.zeros(shape, np.uint8) for shape in ((4, 4), (4, 4, 4), (0, 4, 3), (4, 0, 3))]
    for one in (*wrong, np.zeros((4, 4, 3), np.float32)):
        with pytest.raises(UsageError, match="uint8"):
            resize_image(one, 2)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="at least 1"):
        resize_image(corners(), 0)


def test_load_pixels_is_both_and_threads_agree(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(smooth(500, 700), "JPEG", quality=90))
    expected = resize_image(read_image(path, target_size=96), 96)
    with ThreadPoolExecutor(4) as pool:
        for pixels in pool.map(lambda _: load_pixels(path, 96), range(16)):
            assert np.array_equal(pixels, expected)


@pytest.mark.data
def test_real_photographs_are_read(data_root: Path) -> None:
    import tarfile

    with tarfile.open(data_root / "coco-mini" / "images.tar") as archive:
        members = [m for m in archive.getmembers() if m.isfile() and "val2017" in m.name][:5]
        assert members
        for member in members:
            handle = archive.extractfile(member)
            assert handle is not None
            data = handle.read()
            with Image.open(io.BytesIO(data)) as reference:
                assert np.array_equal(read_image(data), np.asarray(reference.convert("RGB")))


def test_a_decoders_own_words_are_passed_on_where_they_say_something() -> None:
    assert _reason(OSError(" image file is truncated. ")) == "image file is truncated"
    assert _reason(OSError("x" * 159)) == "x" * 159
    for message in ("", "x" * 160, "cannot read <BytesIO object at 0x7f00>"):
        assert _reason(OSError(message)) == "OSError"
