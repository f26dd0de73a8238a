"""Flickr8k and Flickr30k in the forms in which they are passed around.

* `Flickr8k.token.txt`, `results_20130124.token`: `1000268201_693b08cb0e.jpg#0<TAB>A child ...` (Hodosh, Young,
  Hockenmaier 2013; Young et al. 2014), with split lists beside them.
* `captions.txt`: the same as `image,caption` with a header, quoted where a caption holds a comma.
* `results.csv`: `image_name| comment_number| comment`, with one row that lacks its second bar.
"""

from __future__ import annotations

import re
from pathlib import Path

from captionkit.datasets.grouping import Grouping
from captionkit.datasets.problems import Problem, ProblemKind, settle
from captionkit.datasets.sources import read_lines
from captionkit.datasets.split_lists import read_split_lists
from captionkit.records import ImageRecord

# Copies that went through an editor have spaces where the tab was.
_TOKEN_ROW = re.compile(r"(\S+)#(\d+)\s+(.*)", re.DOTALL)
_UNDIVIDED = re.compile(r"\s*(\d+)\s+(.*)", re.DOTALL)


def read_flickr8k(
    captions: Path | str,
    images: Path | str,
    *,
    train_list: Path | str = "",
    val_list: Path | str = "",
    test_list: Path | str = "",
    problems: list[Problem] | None = None,
) -> list[ImageRecord]:
    """Read a `.token` file of Flickr8k or Flickr30k: `picture#number<TAB>caption`.

    Args:
        captions: the token file.
        images: the folder of the pictures.
        train_list, val_list, test_list: files that name the pictures of a split, one a line, with or without
            ".jpg"; empty means that there is none, and the pictures of no list have the split None.
        problems: takes what is wrong; without it more than 1 % bad records raise.

    Returns:
        One record a picture, in the order of the file. `id` is the file name.

    Raises:
        DataError: a file cannot be read, holds nothing of the format, or too much of it is bad.
    """
    path, found = Path(captions), list[Problem]()
    grouping = Grouping(Path(images), found)
    seen: set[tuple[str, str]] = set()
    file = path.name
    for number, line in read_lines(path, found):
        source = f"{file}:{number}"
        key, tab, caption = line.partition("\t")
        name, mark, index = key.rpartition("#")
        if not (tab and mark and name and index.strip().isdigit()):
            match = _TOKEN_ROW.fullmatch(line)
            if match is None:
                message = f"expected 'picture.jpg#0<TAB>caption', but got {line[:60]!r}; the row is left out."
                found.append(Problem(ProblemKind.MALFORMED, source, message))
                continue
            name, index, caption = match.groups()
        if (name, index) in seen:
            message = f"{name}#{index} occurs twice; both captions are kept."
            found.append(Problem(ProblemKind.DUPLICATE_ID, source, message, name))
        seen.add((name, index))
        if grouping.add_picture(name, name, source):
            grouping.add_caption(name, caption, source)
    splits = read_split_lists(grouping.captions, train_list, val_list, test_list, found)
    return settle(found, problems, grouping.records(splits), str(path))


def read_flickr8k_csv(
    captions: Path | str,
    images: Path | str,
    *,
    train_list: Path | str = "",
    val_list: Path | str = "",
    test_list: Path | str = "",
    problems: list[Problem] | None = None,
) -> list[ImageRecord]:
    """Read `captions.txt`: a header `image,caption`, then one row a caption; otherwise as `read_flickr8k`.

    A row is a line: a stray quote cannot swallow the rows after it. A caption with commas that was not quoted is
    taken whole and reported as repaired.
    """
    path, found = Path(captions), list[Problem]()
    grouping = Grouping(Path(images), found)
    for row, (number, line) in enumerate(read_lines(path, found)):
        source = f"{path.name}:{number}"
        name, comma, rest = line.partition(",")
        name = name.strip().strip('"')
        # The header; another one where files were put together.
        if name.lower() == "image" and (row == 0 or rest.strip().lower() == "caption"):
            continue
        if not comma or not name:
            message = f"expected 'picture.jpg,caption', but got {line[:60]!r}; the row is left out."
            found.append(Problem(ProblemKind.MALFORMED, source, message))
            continue
        if grouping.add_picture(name, name, source):
            grouping.add_caption(name, _unquote(rest, source, name, found), source)
    splits = read_split_lists(grouping.captions, train_list, val_list, test_list, found)
    return settle(found, problems, grouping.records(splits), str(path))


def read_flickr30k_csv(
    captions: Path | str,
    images: Path | str,
    *,
    train_list: Path | str = "",
    val_list: Path | str = "",
    test_list: Path | str = "",
    problems: list[Problem] | None = None,
) -> list[ImageRecord]:
    """Read `results.csv`: `image_name| comment_number| comment`; otherwise as `read_flickr8k`.

    The known row `2199200615.jpg| 4   A dog runs across the grass .` (its second bar is missing) and rows like it
    are repaired and reported.
    """
    path, found = Path(captions), list[Problem]()
    grouping = Grouping(Path(images), found)
    for row, (number, line) in enumerate(read_lines(path, found)):
        source = f"{path.name}:{number}"
        name, bar, rest = line.partition("|")
        name = name.strip()
        if name.lower() == "image_name" and (row == 0 or rest.strip().lower().startswith("comment")):
            continue
        index, second_bar, caption = rest.partition("|")
        match = None if second_bar else _UNDIVIDED.fullmatch(rest)
        if match is not None:
            index, caption = match.groups()
            message = f"the bar between number and caption is missing; read as {caption.strip()!r}."
            found.append(Problem(ProblemKind.REPAIRED, source, message, name))
        if not bar or not name or not index.strip().isdigit():
            message = f"expected 'picture.jpg| 0| caption', but got {line[:60]!r}; the row is left out."
            found.append(Problem(ProblemKind.MALFORMED, source, message))
            continue
        if grouping.add_picture(name, name, source):
            grouping.add_caption(name, caption, source)
    splits = read_split_lists(grouping.captions, train_list, val_list, test_list, found)
    return settle(found, problems, grouping.records(splits), str(path))


def _unquote(field: str, source: str, name: str, found: list[Problem]) -> str:
    """A CSV field that is the rest of its line."""
    text = field.strip()
    if text.startswith('"'):
        body = text[1:-1]
        if len(text) > 1 and text.endswith('"') and '"' not in body.replace('""', ""):
            return body.replace('""', '"')
        message = f"the quotes of {text[:60]!r} do not pair up; taken as it stands."
        found.append(Problem(ProblemKind.REPAIRED, source, message, name))
    elif "," in text:
        message = f"{text[:60]!r} holds a comma but is not quoted; taken whole."
        found.append(Problem(ProblemKind.REPAIRED, source, message, name))
    return text
