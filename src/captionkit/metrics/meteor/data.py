"""METEOR's language data: function words, prefixes, synonyms and paraphrases, read from where the user has them.

They belong to METEOR (LGPL) and WordNet and are not part of captionkit. An installed pycocoevalcap carries them in
`meteor-1.5.jar` (a zip) and `data/paraphrase-en.gz`; any folder with these two files will do.
"""

from __future__ import annotations

import importlib.util
import os
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from captionkit.errors import DataError
from captionkit.metrics.meteor.paraphrases import ParaphraseTable, read_paraphrases

VARIABLE = "CAPTIONKIT_METEOR"
INSTALL = f"pip install 'captionkit[meteor]', or name a folder with meteor-1.5.jar and data/ in {VARIABLE}"
MATCHERS = ("exact", "stem", "synonym", "paraphrase")

_MAX_MEMBER_BYTES = 64_000_000

# WordNet's morphology: an ending and what takes its place, tried in this order (nouns, verbs, adjectives).
_DETACHMENTS = (
    ("s", ""), ("ses", "s"), ("xes", "x"), ("zes", "z"), ("ches", "ch"), ("shes", "sh"), ("men", "man"),
    ("ies", "y"),
    ("s", ""), ("ies", "y"), ("es", "e"), ("es", ""), ("ed", "e"), ("ed", ""), ("ing", "e"), ("ing", ""),
    ("er", ""), ("est", ""), ("er", "e"), ("est", "e"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SynonymDictionary:
    """WordNet synsets of words.

    Attributes:
        synsets: word to its synset numbers, as the blank-separated text of the file.
        bases: irregular form to its base forms ("geese" to "goose").
    """

    synsets: Mapping[str, str]
    bases: Mapping[str, tuple[str, ...]]

    def of(self, word: str) -> frozenset[int]:
        """The synsets of a word and of its base forms."""
        forms = (word, *(self.bases.get(word) or (self._base(word),)))
        return frozenset(int(number) for form in forms for number in self.synsets.get(form, "").split())

    def _base(self, word: str) -> str:
        """The first base form that is in the dictionary; the word itself where it has none by rule."""
        if word.endswith("ss") or len(word) <= 2:
            return word
        for ending, replacement in _DETACHMENTS:
            if word.endswith(ending):
                base = word[: -len(ending)] + replacement
                if base in self.synsets:
                    return base
        return ""


@dataclass(frozen=True, slots=True)
class MeteorData:
    """What METEOR knows of English. Without any of it only the exact and the stem matcher are left.

    Attributes:
        function_words: words that count less (parameter delta).
        prefixes: abbreviations that keep their full stop; true where only before a number.
        synonyms: the data of the synonym matcher, or None.
        paraphrases: the data of the paraphrase matcher, or None.
        missing: why data are missing, for the person who reads the score; empty where all are there.
    """

    function_words: frozenset[str] = frozenset()
    prefixes: Mapping[str, bool] = field(default_factory=dict)
    synonyms: SynonymDictionary | None = None
    paraphrases: ParaphraseTable | None = None
    missing: str = ""

    @property
    def matchers(self) -> tuple[str, ...]:
        """The matchers that can run, in their order."""
        present = {"synonym": self.synonyms is not None, "paraphrase": self.paraphrases is not None}
        return tuple(name for name in MATCHERS if present.get(name, True))


def read_meteor_data(
    path: Path | str | None = None, cache: Path | None = None, *, quiet: bool = False
) -> MeteorData:
    """Read METEOR's data for English.

    Args:
        path: `meteor-1.5.jar`, or the folder that holds it and `data/paraphrase-en.gz`. By default what the
            environment variable CAPTIONKIT_METEOR names, else the files of an installed pycocoevalcap, else none.
        cache: where the parsed paraphrase table is kept; see `read_paraphrases`.
        quiet: show no progress.

    Raises:
        DataError: a path was given (or is in the variable) and the jar is not there or damaged.
    """
    given = path if path is not None else os.environ.get(VARIABLE) or None
    folder = Path(given).expanduser() if given is not None else _installed()
    if folder is None:
        return MeteorData(missing=f"METEOR's data are not installed ({INSTALL})")
    jar = _find_jar(folder)
    if jar is None:
        raise DataError(
            f"Expected meteor-1.5.jar, or a folder that holds it, at {folder}, but there is none; {INSTALL}."
        )
    table = jar.parent / "data" / "paraphrase-en.gz"
    return _read(jar, jar.stat().st_mtime_ns, table if table.is_file() else None, cache, quiet)


@lru_cache(maxsize=1)
def _read(jar: Path, _changed: int, table: Path | None, cache: Path | None, quiet: bool) -> MeteorData:
    words, prefixes, exceptions, synsets = _members(
        jar,
        (
            "function/english.words",
            "nonbreaking/english.prefixes",
            "synonym/english.exceptions",
            "synonym/english.synsets",
        ),
    )
    return MeteorData(
        function_words=frozenset(words),
        prefixes=_prefixes(prefixes),
        synonyms=SynonymDictionary(
            synsets=dict(zip(synsets[0::2], synsets[1::2], strict=False)),
            bases=_bases(exceptions),
        ),
        paraphrases=read_paraphrases(table, cache, quiet=quiet) if table is not None else None,
        missing="" if table is not None else f"there is no data/paraphrase-en.gz beside {jar}",
    )


def _installed() -> Path | None:
    specification = importlib.util.find_spec("pycocoevalcap")
    if specification is None:
        return None
    for location in specification.submodule_search_locations or ():
        folder = Path(location) / "meteor"
        if _find_jar(folder) is not None:
            return folder
    return None


def _find_jar(path: Path) -> Path | None:
    jar = path / "meteor-1.5.jar" if path.is_dir() else path
    return jar if jar.is_file() else None


def _members(jar: Path, names: Iterable[str]) -> list[list[str]]:
    """The lines of text members of a jar."""
    try:
        with zipfile.ZipFile(jar) as archive:
            texts = []
            for name in names:
                if archive.getinfo(name).file_size > _MAX_MEMBER_BYTES:
                    raise DataError(f"{jar}: {name} is longer than the {_MAX_MEMBER_BYTES:,} bytes that are read.")
                texts.append(archive.read(name).decode("utf-8"))
    except KeyError as error:
        raise DataError(f"{jar} is not METEOR 1.5: {str(error).strip(chr(34))}") from None
    except (OSError, zipfile.BadZipFile, zlib.error, UnicodeDecodeError, NotImplementedError, RuntimeError):
        raise DataError(f"{jar} is damaged or no jar of METEOR 1.5; {INSTALL}.") from None
    return [text.removesuffix("\n").split("\n") for text in texts]


def _prefixes(lines: Iterable[str]) -> dict[str, bool]:
    prefixes = {}
    for line in lines:
        words = line.split()
        if words and not words[0].startswith("#"):
            prefixes[words[0]] = words[1:2] == ["#NUMERIC_ONLY#"]
    return prefixes


def _bases(lines: list[str]) -> dict[str, tuple[str, ...]]:
    bases: dict[str, tuple[str, ...]] = {}
    for base, forms in zip(lines[0::2], lines[1::2], strict=False):
        for form in forms.split():
            bases[form] = (*bases.get(form, ()), base)
    return bases
