"""Telling a caption file's format from its first bytes, so that commands can take a bare path."""

from __future__ import annotations

import re
from pathlib import Path

from captionkit.datasets.table import TABLE_SUFFIXES
from captionkit.errors import DataError

HEAD_BYTES = 65_536
# As the releases unpack ("Flicker8k_Dataset" is the release's own spelling), and as people rename them.
_FLICKR8K_FOLDERS = ("Flicker8k_Dataset", "Flickr8k_Dataset")
_FLICKR30K_FOLDERS = ("flickr30k_images", "flickr30k-images")
_ANY_FOLDERS = ("Images", "images")
_TOKEN_ROW = re.compile(rb"[^\r\n\t]+#\d+\s")


def detect_format(path: Path | str) -> str:
    """The name in `captionkit.datasets.READERS` of the format that a file or folder has.

    Raises:
        DataError: there is nothing at `path`, or it has none of the formats.
    """
    path = Path(path)
    if path.is_dir():
        return "coco" if any(path.glob("captions_*.json")) else "folder"
    try:
        with path.open("rb") as handle:
            head = handle.read(HEAD_BYTES)
    except OSError as error:
        raise DataError(
            f"Expected captions at {path}, but it cannot be read ({error.strerror or error})."
        ) from None
    if not head:
        raise DataError(f"Expected captions at {path}, but it is empty.")
    suffix = path.suffix.lower()
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if suffix == ".json":
        name = _detect_json(head)
    else:
        name = _detect_text(head)
        if name in ("", "flickr8k_csv") and suffix in TABLE_SUFFIXES:
            name = "table"  # which has the same rows, and may also quote line ends
        elif (name == "flickr8k" and "30k" in path.name) or path.name.startswith("results_2013"):
            name = "flickr30k"
    if not name:
        raise DataError(
            f"Cannot tell the format of {path} from its beginning; name it with --format "
            "(flickr8k, flickr8k_csv, flickr30k, flickr30k_csv, coco, karpathy, folder or table)."
        )
    return name


def _detect_json(head: bytes) -> str:
    if head.startswith(b"["):
        return "table"
    if b'"sentids"' in head or b'"sentences"' in head:
        return "karpathy"
    if b'"file_name"' in head or b'"annotations"' in head or b'"image_id"' in head:
        return "coco"
    return ""


def _detect_text(head: bytes) -> str:
    first = head.split(b"\n", 1)[0].strip()
    if _TOKEN_ROW.match(first):
        return "flickr8k"
    if first.replace(b" ", b"").startswith(b"image_name|"):
        return "flickr30k_csv"
    if first.lower().replace(b" ", b"").replace(b'"', b"") == b"image,caption":
        return "flickr8k_csv"
    return ""


def find_images(captions: Path | str, name: str) -> Path:
    """The folder where the pictures of a caption file usually lie.

    That is a folder of one of the usual names beside the file or beside its folder; for COCO's `annotations/` the
    folder above it; else the file's own folder. For a table it is always the last: its cells say "images/a.jpg".
    `name` is the format's, from `captionkit.datasets.READERS`.
    """
    captions = Path(captions)
    folder = captions if captions.is_dir() else captions.parent
    if name == "table":
        return folder
    what = f"{name} {captions.name}".lower()
    usual: tuple[str, ...] = (
        _FLICKR30K_FOLDERS if "flickr30k" in what else _FLICKR8K_FOLDERS if "flickr8k" in what else ()
    )
    for place in (folder, folder.parent):
        for candidate in (*usual, *_ANY_FOLDERS):
            if (place / candidate).is_dir():
                return place / candidate
    return folder.parent if folder.name == "annotations" else folder


def release_folder(folder: Path) -> Path | None:
    """The folder of the pictures as a release of Flickr8k or Flickr30k unpacks it into `folder`, if there."""
    found = (folder / name for name in (*_FLICKR8K_FOLDERS, *_FLICKR30K_FOLDERS))
    return next((place for place in found if place.is_dir()), None)


def find_split_lists(captions: Path | str) -> dict[str, str]:
    """Flickr8k's official split lists beside a caption file, by their fields in `DataConfig`."""
    folder = Path(captions).parent
    lists = {
        "train_list": folder / "Flickr_8k.trainImages.txt",
        "val_list": folder / "Flickr_8k.devImages.txt",
        "test_list": folder / "Flickr_8k.testImages.txt",
    }
    return {name: str(path) for name, path in lists.items() if path.is_file()}
