"""Pictures of any kind -> pixels of one size, read by threads ahead of whoever takes them.

Letters: H W pixels, S side of the network's picture.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

import numpy as np
from PIL import Image

from captionkit.ahead import map_ahead, processors
from captionkit.errors import ImageError, UsageError
from captionkit.images import MAX_PIXELS, Pixels, load_pixels, resize_image

Picture = Path | str | bytes | Image.Image | Pixels
Read = tuple[str, Pixels | str]  # its name, and pixels uint8 [S, S, 3] or what is wrong

READERS = 4  # threads


def read_pictures(images: Iterable[Picture], size: int, *, ahead: int) -> Generator[Read, None, None]:
    """Each picture, in order.

    Args:
        images: paths, the bytes of picture files, pictures of Pillow, or pixels uint8 [H, W, 3]; taken in the
            calling thread.
        size: S.
        ahead: how many wait at most.

    Raises:
        UsageError: an array or object that is no picture, when its turn has come.
        Exception: what `images` itself raises, after the pictures before it.
    """
    numbered = enumerate(_taken(images), start=1)
    first = list(islice(numbered, 2))
    if len(first) < 2:  # without threads, and without the time to import them
        yield from (_read_one(index, image, size) for index, image in first)
        return
    threads = min(READERS, processors())
    yield from map_ahead(lambda one: _read_one(*one, size), chain(first, numbered), threads=threads, ahead=ahead)


def in_batches(pictures: Iterable[Read], size: int) -> Iterator[list[Read]]:
    """Lists of so many pictures; a shorter one at the end, be that an error, which is raised after it."""
    some: list[Read] = []
    try:
        for picture in pictures:
            some.append(picture)
            if len(some) == size:
                yield some
                some = []
    except Exception:
        if some:
            yield some
        raise
    if some:
        yield some


def _read_one(index: int, image: Picture | Exception, size: int) -> Read:
    if isinstance(image, Exception):
        raise image
    source = str(image) if isinstance(image, Path | str) else f"picture {index}"
    try:
        if isinstance(image, np.ndarray):
            return source, resize_image(image, size)
        if not isinstance(image, Path | str | bytes | Image.Image):
            got = type(image).__name__
            raise UsageError(
                f"Expected a path, bytes, a Pillow picture or a uint8 picture [H, W, 3], but got {got}."
            )
        return source, load_pixels(image, size)
    except ImageError as error:
        return source, str(error)
    except UsageError as error:
        raise UsageError(f"{source}: {error}") from None


def _taken(images: Iterable[Picture]) -> Iterator[Picture | Exception]:
    """The pictures, and as the last of them what `images` raises, to be raised in its turn."""
    try:
        yield from map(_loaded, images)
    except Exception as error:
        yield error


def _loaded(image: Picture) -> Picture:
    """The same picture; one of Pillow is decoded here and now, as threads must not decode one object at a time."""
    if isinstance(image, Image.Image) and image.width * image.height <= MAX_PIXELS:
        with contextlib.suppress(Exception):  # said when it is read
            image.load()
    return image
