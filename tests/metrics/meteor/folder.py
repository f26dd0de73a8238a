"""A small METEOR folder of our own making: what the tests need of the data, in the format of the real ones."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

FUNCTION_WORDS = ("a", "the", "of", "on", "is", ".")
PREFIXES = ("# titles", "", "Mr", "mr", "St", "No #NUMERIC_ONLY#", "no #NUMERIC_ONLY#")
SYNSETS = {"dog": "11 12", "hound": "12", "goose": "21", "bird": "21 22", "run": "31", "race": "31", "box": "41"}
EXCEPTIONS = {"goose": "geese", "run": "ran"}
PARAPHRASES = (
    ("in front of", "before"),
    ("before", "prior to"),
    ("a lot of", "many"),
    ("a lot of", "plenty of"),
    ("many", "a lot of"),
    ("shore", "beach"),
)


def write_meteor_folder(folder: Path, *, table: bool = True) -> Path:
    """Write `meteor-1.5.jar` and, unless told otherwise, `data/paraphrase-en.gz`; returns the folder."""
    (folder / "data").mkdir(parents=True)
    with zipfile.ZipFile(folder / "meteor-1.5.jar", "w") as jar:
        jar.writestr("function/english.words", _lines(FUNCTION_WORDS))
        jar.writestr("nonbreaking/english.prefixes", _lines(PREFIXES))
        jar.writestr("synonym/english.exceptions", _lines(_flat(EXCEPTIONS)))
        jar.writestr("synonym/english.synsets", _lines(_flat(SYNSETS)))
    if table:
        write_table(folder / "data" / "paraphrase-en.gz", PARAPHRASES)
    return folder


def write_table(path: Path, entries: tuple[tuple[str, str], ...]) -> None:
    """Write a paraphrase table: probability, phrase, paraphrase, a line each."""
    text = _lines([line for key, paraphrase in entries for line in ("0.5", key, paraphrase)])
    path.write_bytes(gzip.compress(text.encode()))


def _flat(mapping: dict[str, str]) -> list[str]:
    return [line for pair in mapping.items() for line in pair]


def _lines(lines: tuple[str, ...] | list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
