"""Unpacking a zip that somebody else made: nothing outside the folder, no links, no more than was promised."""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from captionkit.datasets.sources import picture_path
from captionkit.errors import DataError

MAX_MEMBERS = 500_000
CHUNK_BYTES = 1 << 20

Progress = Callable[[int, int], None]  # members done and in all


def unpack_zip(
    archive: Path | str,
    folder: Path | str,
    *,
    max_bytes: int,
    wanted: Callable[[str], bool] = lambda name: True,
    progress: Progress = lambda done, total: None,
) -> int:
    """Unpack a zip into a folder. Everything is checked before the first byte is written.

    A file that is there with the same bytes is left as it is, so an interrupted unpacking goes on; a file with
    other bytes is never overwritten. Each file is written under a temporary name and then renamed.

    Args:
        folder: made if need be.
        max_bytes: of all wanted members together, unpacked.
        wanted: whether to unpack the member of this name. macOS's `__MACOSX/` is always left out.
        progress: called after every member.

    Returns:
        The number of files.

    Raises:
        DataError: not a zip, damaged, encrypted, too large, names outside the folder, links, two members of one
            name, another file in the way, or no space on the disk.
    """
    archive, folder = Path(archive), Path(folder)
    try:
        with zipfile.ZipFile(archive) as bundle:
            members = _check_members(archive, folder, bundle.infolist(), wanted, max_bytes)
            folder.mkdir(parents=True, exist_ok=True)
            missing = {path: member for path, member in members.items() if not _is_there(folder, path, member)}
            need = sum(member.file_size for member in missing.values())
            check_space(folder, need, f"unpacking {archive.name}")
            progress(len(members) - len(missing), len(members))
            for done, (path, member) in enumerate(missing.items(), start=len(members) - len(missing) + 1):
                _write_member(bundle, member, path)
                progress(done, len(members))
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError) as error:
        raise DataError(f"{archive} cannot be unpacked: {error}. Remove it and fetch it again.") from None
    except OSError as error:
        raise DataError(f"{archive} cannot be unpacked into {folder}: {error.strerror or error}.") from None
    return len(members)


def check_space(folder: Path, need: int, what: str) -> None:
    """Refuse work that the disk has no room for; a twentieth of it is kept as a margin.

    Raises:
        DataError: there is too little, or no folder can be there.
    """
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        raise DataError(f"Expected a folder for what is fetched, but {folder} is a file; name another with --to.")
    free = shutil.disk_usage(folder).free
    if need * 1.05 > free:
        raise DataError(
            f"{what} needs {need / 1e9:.1f} GB, but {folder} has {free / 1e9:.1f} GB free; make room, or give "
            "another folder with --to."
        )


def _check_members(
    archive: Path,
    folder: Path,
    members: list[zipfile.ZipInfo],
    wanted: Callable[[str], bool],
    max_bytes: int,
) -> dict[Path, zipfile.ZipInfo]:
    """The wanted files of an archive by the places they go to."""
    if len(members) > MAX_MEMBERS:
        raise DataError(f"{archive} holds {len(members):,} members, more than are unpacked ({MAX_MEMBERS:,}).")
    chosen: dict[Path, zipfile.ZipInfo] = {}
    for member in members:
        if member.filename.startswith("__MACOSX/") or not wanted(member.filename):
            continue
        path = picture_path(folder, member.filename)
        kind = stat.S_IFMT(member.external_attr >> 16)
        if path is None or kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise DataError(
                f"{archive} holds {member.filename!r}, which is no ordinary file below the folder; nothing was "
                "unpacked. The archive is not what it should be."
            )
        if member.is_dir():
            continue
        if member.flag_bits & 0x1 or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DataError(f"{archive} is encrypted, or packed in another way than deflate; neither is read.")
        if path in chosen:
            raise DataError(f"{archive} holds {member.filename!r} twice; nothing was unpacked.")
        chosen[path] = member
    size = sum(member.file_size for member in chosen.values())
    if size > max_bytes:
        raise DataError(f"{archive} would unpack to {size:,} bytes, more than the {max_bytes:,} expected.")
    if not chosen:
        raise DataError(f"{archive} holds none of the files that were expected in it.")
    return chosen


def _is_there(folder: Path, path: Path, member: zipfile.ZipInfo) -> bool:
    if not path.parent.resolve().is_relative_to(folder.resolve()):
        raise DataError(f"{path.parent} is a link that leads out of {folder}; nothing is written through it.")
    if not os.path.lexists(path):
        return False
    if path.is_symlink() or not path.is_file():
        raise DataError(f"{path} is in the way of a file of the archive; move it away.")
    if path.stat().st_size == member.file_size and _crc32(path) == member.CRC:
        return True
    raise DataError(f"{path} is there with other bytes than in the archive; move it away first.")


def _crc32(path: Path) -> int:
    value = 0
    with path.open("rb") as handle:
        while data := handle.read(CHUNK_BYTES):  # COCO's annotations are files of half a gigabyte
            value = zlib.crc32(data, value)
    return value


def _write_member(bundle: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        # "x" after unlinking: an old temporary file is ours to remove, a link put there is never followed.
        temporary.unlink(missing_ok=True)
        with bundle.open(member) as source, temporary.open("xb") as handle:
            shutil.copyfileobj(source, handle, CHUNK_BYTES)  # never more than the size that the member states
            if handle.tell() != member.file_size:
                raise zipfile.BadZipFile(f"{member.filename!r} is shorter than it says")
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
