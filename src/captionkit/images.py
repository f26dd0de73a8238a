"""Pictures: bytes or a path -> upright RGB, within bounds; and the one resize of training, serving and export.

Letters: H W pixels. Every function is safe to call from many threads; Pillow lets go of the interpreter lock
while it decodes and resizes.
"""

from __future__ import annotations

import io
import os
import re
import threading
import warnings
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image

from captionkit.errors import ImageError, UsageError

Pixels = npt.NDArray[np.uint8]
Source = Path | str | bytes | Image.Image
T = TypeVar("T")

# Raise this number when a change here gives other pixels for the same file: feature caches and bundles record it.
PREPROCESSING_VERSION = 1
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")
MAX_PIXELS = 120_000_000  # the largest phone cameras give 108 megapixels
MAX_FILE_BYTES = 256 * 1024 * 1024
# Of a JPEG. Each goes over the whole picture and may be a hundred bytes long: a small file could take hours.
# Encoders of progressive files write about ten.
MAX_SCANS = 100

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
# Of a JPEG, those that a length follows, and its end; a scan's own bytes hold none.
_MARKER = re.compile(rb"\xff([^\x00\x01\xff\xd0-\xd7])")
_ADDRESS = re.compile(r"https?:/", re.I)  # of the two strokes a path keeps one
# warnings.catch_warnings swaps a list that all threads share.
_WARNINGS_LOCK = threading.Lock()


def read_image(source: Source, *, max_pixels: int = MAX_PIXELS, target_size: int | None = None) -> Pixels:
    """Decode one picture, upright, as RGB.

    JPEG, PNG, WebP, AVIF, GIF, BMP and TIFF are read, and HEIC with an extra, whatever the file is called; of
    an animation or a multi-page file the first picture. EXIF orientation (1 to 8) is applied. Transparency is laid
    over white. Of 16 bits the upper 8 are kept. Floating-point TIFF: values up to 1 are scaled by 255, values up
    to 255 are kept, anything larger is scaled so that the largest value is 255; negative values, NaN and infinity
    become 0.

    Args:
        source: a path, the file's bytes, or a picture that Pillow has opened or made, which is left open.
        max_pixels: a larger picture is refused after its header, before anything is decoded. Pillow's own
            limit of 179 megapixels holds in any case.
        target_size: the side that the picture will be resized to. A JPEG with more than twice that side is
            then decoded at 1/2, 1/4 or 1/8, never below twice the target; so H and W may be smaller.

    Returns:
        uint8 [H, W, 3].

    Raises:
        ImageError: no such file, not a picture, damaged, truncated, or too large.
    """
    if isinstance(source, Image.Image):
        return _decode(source, "the picture", max_pixels)
    if isinstance(source, bytes):
        data, name = source, "the picture"
        if len(data) > MAX_FILE_BYTES:
            raise ImageError(f"Expected a picture of at most {MAX_FILE_BYTES:,} bytes, but got {len(data):,}.")
    else:
        data, name = read_image_bytes(source), str(source)
    if not data:
        raise ImageError(f"Expected a picture, but {name} is empty.")
    with closing(_open(data, name)) as image:
        if image.format in ("JPEG", "MPO") and (scans := _count_scans(data)) > MAX_SCANS:
            raise ImageError(
                f"Expected a JPEG of at most {MAX_SCANS} scans, but {name} has {scans:,}; save it anew first."
            )
        return _decode(image, name, max_pixels, target_size)


def _decode(image: Image.Image, name: str, max_pixels: int, target_size: int | None = None) -> Pixels:
    """Pixels of a picture whose header has been read; with `target_size` a JPEG may be decoded smaller."""
    try:
        width, height = image.size
        if width * height > max_pixels:
            raise ImageError(
                f"Expected at most {max_pixels:,} pixels, but {name} has {width} x {height}; "
                "make it smaller first."
            )
        if target_size is not None:  # of another format nothing comes of it
            image.draft(None, (2 * target_size, 2 * target_size))
        image.load()
        return _to_rgb(_upright(image))
    except ImageError:
        raise
    except Exception as error:
        # A damaged file makes decoders raise nearly anything: OSError, SyntaxError, ValueError, struct.error, ...
        raise ImageError(
            f"Expected a whole {image.format or 'Pillow'} picture, but {name} is damaged or cut off "
            f"({_reason(error)})."
        ) from None


def read_image_bytes(path: Path | str) -> bytes:
    """The bytes of a picture file, without decoding.

    Raises:
        ImageError: it cannot be read, or is longer than `MAX_FILE_BYTES`.
    """
    try:
        with Path(path).open("rb") as handle:
            # Not the bound and 1 at once: that much memory would be set aside for every small picture.
            expected = min(os.fstat(handle.fileno()).st_size, MAX_FILE_BYTES) + 1
            data = handle.read(expected)
            if len(data) == expected:  # a pipe, which has no size, or a file that grows
                data += handle.read(MAX_FILE_BYTES + 1 - expected)
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        if _ADDRESS.match(str(path)):
            raise ImageError(
                f"Expected a picture file, but {path} is an address, and nothing is fetched; download it first."
            ) from None
        reason = getattr(error, "strerror", None) or "the name is not valid"
        raise ImageError(f"Expected a picture at {path}, but it cannot be read ({reason}).") from None
    if len(data) > MAX_FILE_BYTES:
        raise ImageError(f"Expected a picture of at most {MAX_FILE_BYTES:,} bytes, but {path} is longer.")
    return data


def read_image_size(path: Path | str) -> tuple[int, int]:
    """Width and height of a picture as stored (EXIF orientation not applied), from its header alone.

    Raises:
        ImageError: no such file, or not a picture.
    """
    return _open(read_image_bytes(path), str(path)).size


def read_metadata(data: bytes) -> tuple[bytes | None, bytes | None]:
    """The XMP packet and the EXIF block of a picture, None where it has none, as far as its decoder gives them.

    Raises:
        ImageError: not a picture.
    """
    with closing(_open(data, "the picture")) as image:
        xmp, exif = (image.info.get(name) for name in ("xmp", "exif"))
    return (
        xmp if isinstance(xmp, bytes) else None,
        exif.removeprefix(b"Exif\0\0") if isinstance(exif, bytes) else None,
    )


def resize_image(image: Pixels, size: int) -> Pixels:
    """Squash a picture uint8 [H, W, 3] to a square of `size` pixels.

    Pillow's bilinear filter, widened when shrinking (antialiased): the one resize of training, serving and export.
    The aspect ratio is not kept: nothing is cut off, and the networks here are trained on squashed pictures.

    Returns:
        uint8 [size, size, 3]; a copy where the picture has that size already.

    Raises:
        UsageError: another array, one without pixels, or a size below 1.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise UsageError(f"Expected a uint8 picture [H, W, 3], but got {image.dtype} {list(image.shape)}.")
    if size < 1:
        raise UsageError(f"Expected a size of at least 1 pixel, but got {size}.")
    resized = Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR)
    return np.array(resized, dtype=np.uint8)


def load_pixels(source: Source, size: int) -> Pixels:
    """`read_image` and `resize_image` in one, what every network here is fed with: uint8 [size, size, 3].

    Raises:
        ImageError: see `read_image`.
    """
    return resize_image(read_image(source, target_size=size), size)


def _open(data: bytes, name: str) -> Image.Image:
    """Read the header alone. Pillow's messages are not passed on: one of them holds a memory address."""
    try:
        return _quietly(lambda: Image.open(io.BytesIO(data), formats=FORMATS))
    except Image.DecompressionBombError:
        raise ImageError(f"{name} has more pixels than any picture that is read; make it smaller first.") from None
    except Exception:
        # Asked after Pillow: by its start alone it may be AVIF too.
        if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
            return _open_heic(data, name)
        raise ImageError(
            f"Expected a picture (JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF), but {name} is none, or its start "
            "is damaged."
        ) from None


def _open_heic(data: bytes, name: str) -> Image.Image:
    """The header of a HEIC picture. libheif decodes no more pixels than it names, and turns them upright."""
    try:
        from pillow_heif import HeifImageFile
    except ImportError:
        raise ImageError(
            f"{name} is a HEIC picture; pip install 'captionkit[heic]' reads it, or convert it to JPEG first."
        ) from None
    try:
        image: Image.Image = HeifImageFile(io.BytesIO(data))
    except Exception as error:
        raise ImageError(
            f"Expected a whole HEIC picture, but {name} is damaged or cut off ({_reason(error)})."
        ) from None
    return image


def _count_scans(data: bytes) -> int:
    """The scans of a JPEG up to its end; not what looks so in EXIF, or in the video that a phone puts after it."""
    at, scans = 2, 0
    while (found := _MARKER.search(data, at)) and found[1] != b"\xd9":
        scans += found[1] == b"\xda"
        at = found.end() + int.from_bytes(data[found.end() : found.end() + 2])
    return scans


def _quietly(action: Callable[[], T]) -> T:
    """Run without Pillow's warnings: its pixel warning has our bound instead, and broken EXIF is no news."""
    with _WARNINGS_LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return action()


def _upright(image: Image.Image) -> Image.Image:
    """Turn and mirror as EXIF (or XMP) says. A loaded TIFF has been turned by Pillow already."""
    try:
        orientation = _quietly(image.getexif).get(ExifTags.Base.Orientation)
    except Exception:
        return image  # metadata that cannot be read is no reason to refuse the picture
    method = _UPRIGHT.get(orientation) if isinstance(orientation, int) else None
    return image if method is None else image.transpose(method)


def _to_rgb(image: Image.Image) -> Pixels:
    """Any mode -> uint8 [H, W, 3]."""
    if image.mode in ("F", "I") or image.mode.startswith("I;16"):
        return _deep_grey_to_rgb(image)
    if image.has_transparency_data:
        rgba = image if image.mode == "RGBA" else image.convert("RGBA")  # it would copy
        canvas = Image.new("RGB", image.size, "white")
        canvas.paste(rgba, mask=rgba.getchannel("A"))
        return np.array(canvas, dtype=np.uint8)
    if image.mode not in ("1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV"):
        raise ImageError(f"The colour mode {image.mode} is not read; save the picture as RGB first.")
    return np.array(image if image.mode == "RGB" else image.convert("RGB"), dtype=np.uint8)  # it would copy


def _deep_grey_to_rgb(image: Image.Image) -> Pixels:
    """Grey of more than 8 bits; Pillow's own conversion would clip at 255 and give a white picture."""
    values = np.asarray(image)
    if image.mode.startswith("I;16"):
        grey = (values >> 8).astype(np.uint8)
    else:
        # In place: of 120 megapixels each copy takes 480 MB.
        deep = np.nan_to_num(values.astype(np.float32), copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        largest = float(deep.max(initial=0.0))
        if image.mode == "F" and largest <= 1:
            factor = 255.0
        elif largest <= 255:
            factor = 1.0
        else:
            factor = 255.0 / (65535.0 if image.mode == "I" and largest <= 65535 else largest)
        deep *= factor
        grey = np.clip(np.rint(deep, out=deep), 0, 255, out=deep).astype(np.uint8)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey = np.where(values == transparent, np.uint8(255), grey)
    return np.repeat(grey[:, :, None], 3, axis=2)


def _reason(error: Exception) -> str:
    """The decoder's own words where they are short and hold no address."""
    text = str(error).strip().rstrip(".")
    return text if text and len(text) < 160 and " at 0x" not in text else type(error).__name__
