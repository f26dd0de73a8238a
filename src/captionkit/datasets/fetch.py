"""The data sets that their owners let anyone fetch, and how to ask for the one that they do not.

Sizes and digests were published by others, as said beside each: COCO's in TensorFlow Datasets
(`url_checksums/coco.txt`), that of Karpathy's archive in several public repositories, Flickr8k's MD5 sums in
mlverse's torchvision for R.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from captionkit.datasets.download import Progress, RemoteFile, download
from captionkit.datasets.unpack import check_space, unpack_zip
from captionkit.errors import DataError, UsageError, nearest

_COCO = "http://images.cocodataset.org"  # its owners serve no HTTPS; the SHA-256 sums stand in
_MIRROR = "https://github.com/jbrownlee/Datasets/releases/download/Flickr8k"


@dataclass(frozen=True, slots=True)
class Archive:
    """A zip to fetch and unpack.

    Attributes:
        file: where it is and how it is verified.
        unpacked_bytes: of the wanted members, about.
        members: patterns of the wanted members; empty means all.
        into: the folder below the target that it is unpacked into; empty means the target itself.
    """

    file: RemoteFile
    unpacked_bytes: int
    members: tuple[str, ...] = ()
    into: str = ""


@dataclass(frozen=True, slots=True)
class Fetchable:
    """A data set that anyone may fetch: what it is, on which terms, and its archives."""

    title: str
    terms: str
    archives: tuple[Archive, ...]


_COCO_TERMS = (
    "Annotations: CC BY 4.0 (COCO Consortium). Pictures: their photographers', under Flickr's terms; see "
    "https://cocodataset.org/#termsofuse"
)

CATALOGUE: dict[str, Fetchable] = {
    "flickr8k": Fetchable(
        "Flickr8k: 8,091 pictures, 5 captions each (Hodosh, Young, Hockenmaier 2013); a public mirror",
        "The pictures are Flickr users', given for non-commercial research and education.",
        (
            Archive(
                RemoteFile(
                    f"{_MIRROR}/Flickr8k_Dataset.zip", 1_150_000_000, md5="f18a1e2920de5bd84dae7cf08ec78978"
                ),
                1_150_000_000,
            ),
            Archive(
                RemoteFile(f"{_MIRROR}/Flickr8k_text.zip", 2_400_000, md5="bf6c1abcb8e4a833b7f922104de18627"),
                20_000_000,
                into="Flickr8k_text",
            ),
        ),
    ),
    "karpathy": Fetchable(
        "Karpathy's splits of COCO, Flickr30k and Flickr8k with their captions (2015)",
        "The captions are their data sets': COCO CC BY 4.0, Flickr for non-commercial research and education.",
        (
            Archive(
                RemoteFile(
                    "https://cs.stanford.edu/people/karpathy/deepimagesent/caption_datasets.zip",
                    36_745_453,
                    sha256="4cfd70132527b80933105e5829dc9034eaab9573482e2e680abbab6130244817",
                ),
                200_000_000,
                members=("*.json",),
            ),
        ),
    ),
    "coco-captions": Fetchable(
        "MS COCO 2017: the captions of train and val",
        _COCO_TERMS,
        (
            Archive(
                RemoteFile(
                    f"{_COCO}/annotations/annotations_trainval2017.zip",
                    252_907_541,
                    sha256="113a836d90195ee1f884e704da6304dfaaecff1f023f49b6ca93c4aaae470268",
                ),
                150_000_000,
                members=("annotations/captions_*.json",),
            ),
        ),
    ),
    "coco-val2017": Fetchable(
        "MS COCO 2017: the 5,000 val pictures",
        _COCO_TERMS,
        (
            Archive(
                RemoteFile(
                    f"{_COCO}/zips/val2017.zip",
                    815_585_330,
                    sha256="4f7e2ccb2866ec5041993c9cf2a952bbed69647b115d0f74da7ce8f4bef82f05",
                ),
                850_000_000,
            ),
        ),
    ),
    "coco-train2017": Fetchable(
        "MS COCO 2017: the 118,287 train pictures",
        _COCO_TERMS,
        (
            Archive(
                RemoteFile(
                    f"{_COCO}/zips/train2017.zip",
                    19_336_861_798,
                    sha256="69a8bb58ea5f8f99d24875f21416de2e9ded3178e903f1f7603e283b9e06d929",
                ),
                20_000_000_000,
            ),
        ),
    ),
}

ASK_FLICKR30K = (
    "Flickr30k is given out by its owners alone. Fill in the request form at "
    "https://shannon.cs.illinois.edu/DenotationGraph/ (University of Illinois); they send the address of "
    "flickr30k-images.tar.gz by mail. Karpathy's splits with its captions can be fetched: "
    "captionkit data fetch karpathy."
)


def choose(names: Sequence[str], *, mirror: str = "") -> list[Archive]:
    """The archives of the data sets named, each once.

    Args:
        names: keys of `CATALOGUE`.
        mirror: take the files from this address instead (it plus "/" plus the file's name); what is known of
            their bytes still holds.

    Raises:
        DataError: a data set that its owners do not let anyone fetch.
        UsageError: an unknown name, or none.
    """
    if not names:
        raise UsageError(f"Expected the name of a data set: {', '.join([*CATALOGUE, 'flickr30k'])}.")
    archives: dict[str, Archive] = {}
    for name in names:
        if name == "flickr30k":
            raise DataError(ASK_FLICKR30K)
        if name not in CATALOGUE:
            raise UsageError(f"There is no data set {name!r} to fetch; {nearest(name, [*CATALOGUE, 'flickr30k'])}")
        for archive in CATALOGUE[name].archives:
            if mirror:
                url = f"{mirror.rstrip('/')}/{archive.file.name}"
                archive = dataclasses.replace(archive, file=dataclasses.replace(archive.file, url=url))
            archives[archive.file.name] = archive
    return list(archives.values())


def bytes_needed(archives: Sequence[Archive], folder: Path | str) -> int:
    """Disk space that fetching and unpacking would take, less what has come already, about."""
    need = 0
    for archive in archives:
        whole = Path(folder) / archive.file.name
        part = Path(folder) / f"{archive.file.name}.part"
        if not whole.exists():  # else `unpack_zip` knows what is left to do
            done = part.stat().st_size if part.exists() else 0
            need += max(archive.file.about_bytes - done, 0) + archive.unpacked_bytes
    return need


def fetch_archive(
    archive: Archive,
    folder: Path | str,
    *,
    timeout: float = 60.0,
    attempts: int = 5,
    on_download: Progress = lambda done, total: None,
    on_unpack: Progress = lambda done, total: None,
) -> int:
    """Download, verify and unpack an archive; run again, it goes on where it stopped.

    Args:
        folder: the archive and what it holds go there.
        timeout, attempts: see `captionkit.datasets.download.download`.
        on_download, on_unpack: called with bytes, and with files, done and in all. Of a server that does not tell
            the size, all is what is expected.

    Returns:
        The number of files unpacked.

    Raises:
        DataError: no space, no connection, wrong bytes, or an archive that is not to be trusted.
    """
    folder = Path(folder)
    check_space(folder, bytes_needed([archive], folder), "Fetching")
    path = download(
        archive.file,
        folder,
        timeout=timeout,
        attempts=attempts,
        progress=lambda done, total: on_download(done, total or archive.file.about_bytes),
    )
    return unpack_zip(
        path,
        folder / archive.into,
        max_bytes=2 * archive.unpacked_bytes,
        wanted=lambda name: not archive.members or any(fnmatchcase(name, one) for one in archive.members),
        progress=on_unpack,
    )
