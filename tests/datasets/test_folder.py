"""A folder of pictures with text files beside them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from captionkit.datasets import Problem, ProblemKind, read_folder
from captionkit.errors import DataError
from captionkit.picture_paths import SUFFIXES


def lay(root: Path, files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def test_captions_stand_beside_their_pictures_one_a_line(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {
            "train/a.jpg": b"",
            "train/a.txt": "A dog .\r\n\r\nOne dog .\r\n",
            "b.PNG": b"",
            "b.PNG.txt": "A cat .",
            "dev/deep/c.webp": b"",
            "dev/deep/c.txt": "A bird .",
            ".git/d.jpg": b"",
            "train/._a.jpg": b"what a Mac leaves beside a file",
            "README.txt": "about",
        },
    )
    records = read_folder(tmp_path)
    assert [(r.id, r.split, r.captions, r.path) for r in records] == [
        ("b.PNG", None, ("A cat .",), tmp_path / "b.PNG"),
        ("dev/deep/c.webp", "val", ("A bird .",), tmp_path / "dev/deep/c.webp"),
        ("train/a.jpg", "train", ("A dog .", "One dog ."), tmp_path / "train/a.jpg"),
    ]


def test_the_suffix_of_a_text_may_be_in_capitals(tmp_path: Path) -> None:
    lay(
        tmp_path, {"CAT1.JPG": b"", "CAT1.TXT": "A cat .", "b.jpg": b"", "b.jpg.Txt": "A dog .", "b.txt": "Dogs ."}
    )
    problems: list[Problem] = []
    records = read_folder(tmp_path, problems=problems)
    assert [record.captions for record in records] == [("A cat .",), ("Dogs .", "A dog .")]
    assert problems == []


def test_the_folder_of_a_caption_file_is_told_what_to_name_instead(tmp_path: Path) -> None:
    lay(tmp_path, {"Images/a.jpg": b"", "captions.txt": "image,caption\na.jpg,A dog .\n"})
    with pytest.raises(DataError, match=r"captions.txt: captions.txt has no .* name it instead of the folder"):
        read_folder(tmp_path)


def test_a_text_of_windows_is_read_and_told(tmp_path: Path) -> None:
    lay(tmp_path, {"a.jpg": b"", "a.txt": b"A caf\xe9 ."})
    problems: list[Problem] = []
    (record,) = read_folder(tmp_path, problems=problems)
    assert record.captions == ("A café .",)
    assert [(problem.kind, problem.source) for problem in problems] == [(ProblemKind.NOT_UTF8, "a.txt:1")]


def test_texts_may_lie_in_another_folder(tmp_path: Path) -> None:
    lay(tmp_path, {"pictures/x/a.jpg": b"", "texts/x/a.txt": "A dog ."})
    (record,) = read_folder(tmp_path / "texts", tmp_path / "pictures")
    assert (record.id, record.captions) == ("x/a.jpg", ("A dog .",))


def test_trap_25_nothing_is_dropped_silently(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {
            "a.jpg": b"",
            "a.txt": "A dog .",
            "b.jpg": b"",
            "c.txt": "no picture",
            "d.jpg": b"",
            "d.txt": "\n",
            "e.jpg": b"",
            "e.txt": "A".encode("utf-16"),
        },
    )
    problems: list[Problem] = []
    records = read_folder(tmp_path, problems=problems)
    assert [(record.id, len(record.captions)) for record in records] == [
        ("a.jpg", 1),
        ("b.jpg", 0),
        ("d.jpg", 0),
        ("e.jpg", 0),
    ]
    assert sorted((problem.source, problem.kind) for problem in problems) == [
        ("b.jpg", ProblemKind.NO_CAPTION),
        ("c.txt", ProblemKind.MISSING_PICTURE),
        ("d.jpg", ProblemKind.NO_CAPTION),
        ("d.txt", ProblemKind.EMPTY_CAPTION),
        ("e.jpg", ProblemKind.NO_CAPTION),
        ("e.txt", ProblemKind.MALFORMED),
    ]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_a_name_that_is_no_text_is_reported(tmp_path: Path) -> None:
    lay(tmp_path, {"a.jpg": b"", "a.txt": "A dog .", "d.jpg": b"", "d.txt": "A cat ."})
    try:
        (tmp_path / os.fsdecode(b"caf\xe9.jpg")).touch()
    except OSError:
        pytest.skip("this file system holds only UTF-8 names")
    problems: list[Problem] = []
    assert [record.id for record in read_folder(tmp_path, problems=problems)] == ["a.jpg", "d.jpg"]
    assert [problem.kind for problem in problems] == [ProblemKind.MALFORMED]
    f"{problems[0].source} {problems[0].message}".encode()


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no picture"):
        read_folder(tmp_path)
    with pytest.raises(DataError, match="Expected a folder"):
        read_folder(tmp_path / "none")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_beside_a_picture_is_told_and_not_waited_for(tmp_path: Path) -> None:
    lay(tmp_path, {"a.jpg": b"", "b.jpg": b"", "b.txt": "A cat ."})
    os.mkfifo(tmp_path / "a.txt")
    problems: list[Problem] = []
    assert [record.id for record in read_folder(tmp_path, problems=problems) if record.captions] == ["b.jpg"]
    assert ("a.txt", ProblemKind.MALFORMED) in [(problem.source, problem.kind) for problem in problems]


def test_pictures_of_every_ending_that_is_read_are_found(tmp_path: Path) -> None:
    names = sorted(f"{suffix[1:]}{suffix}" for suffix in SUFFIXES)
    lay(tmp_path, {**dict.fromkeys(names, b""), **{f"{name}.txt": "A dog ." for name in names}})
    assert [record.id for record in read_folder(tmp_path)] == names


def test_a_text_beside_a_heic_picture_that_is_not_read_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(tmp_path, {"a.HEIC": b"", "a.txt": "A dog .", "b.heic": b"", "b.heic.txt": "A cat .", "c.jpg": b""})
    lay(tmp_path, {"c.heic": b"", "c.txt": "A cow .", "d.txt": "A bee ."})
    names = ["a.HEIC", "b.heic", "c.heic", "c.jpg"]
    assert [record.id for record in read_folder(tmp_path, problems=[])] == names
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # as where the extra is not installed
    problems: list[Problem] = []
    assert [record.id for record in read_folder(tmp_path, problems=problems)] == ["c.jpg"]
    advice = "has a HEIC picture beside it; pip install 'captionkit[heic]' reads it"
    assert [(one.source, advice in one.message) for one in problems] == [
        ("a.txt", True),
        ("b.heic.txt", True),
        ("d.txt", False),
    ]


def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(tmp_path, {"a.jpg": b"", "a.txt": "A dog .", "locked/b.jpg": b"", "locked/b.txt": "A cat ."})
    listed = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    problems: list[Problem] = []
    assert [record.id for record in read_folder(tmp_path, problems=problems)] == ["a.jpg"]
    assert [(one.kind, one.source, one.message) for one in problems] == [
        (
            ProblemKind.UNREADABLE_PICTURE,
            "locked",
            f"{tmp_path / 'locked'} cannot be listed (Permission denied); what is in it is left out.",
        )
    ]


def test_the_nearest_folder_of_a_splits_name_decides(tmp_path: Path) -> None:
    lay(tmp_path, {"train/test/a.jpg": b"", "train/test/a.txt": "A dog ."})
    assert [record.split for record in read_folder(tmp_path)] == ["test"]


def test_a_text_that_is_too_long_for_captions_is_reported(tmp_path: Path) -> None:
    lay(tmp_path, {"a.jpg": b"", "a.txt": b"A dog .\n" * 200_000, "b.jpg": b"", "b.txt": "A cat ."})
    problems: list[Problem] = []
    assert [record.captions for record in read_folder(tmp_path, problems=problems)] == [(), ("A cat .",)]
    assert "longer than the 1,000,000 bytes" in problems[0].message
