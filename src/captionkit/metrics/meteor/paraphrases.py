"""METEOR's paraphrase table as sorted arrays, built once from its gzip file and kept in the user's cache.

The table (`paraphrase-en.gz`) holds three lines an entry: a probability, a phrase, its paraphrase. METEOR 1.5
reads only the two phrases. Parsing its 5.3 million entries takes many seconds, so they are turned into a trie over
words: node 0 is the root, and node `i + 1` is reached by `edges[i] = parent * vocabulary + word`. The nodes are
numbered level by level in the order of these codes, so that `edges` is sorted and a binary search follows it.

Letters: E edges, R entries of the table, T words of a text.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import zlib
from array import array
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from captionkit.errors import DataError
from captionkit.files import cache_folder, replacing
from captionkit.files.arrays import read_arrays
from captionkit.metrics.corpus import Integers, find_chain
from captionkit.progress import Progress

FORMAT = 1
MAX_CACHE_BYTES = 1 << 30
MAX_ENTRIES = 50_000_000  # ten times the English table of METEOR 1.5
_BLOCK = 1 << 24  # bytes of the table that are split into lines at once
_MEGABYTE = 1_000_000
_BATCH = 200_000  # phrases that are split into words at once


@dataclass(frozen=True, slots=True)
class ParaphraseTable:
    """Phrases and what may stand for them.

    Attributes:
        vocabulary: word to number.
        edges: int64 [E], rising: parent node * len(vocabulary) + word of the edge into node `i + 1`.
        offsets: int32 [E + 2]: the paraphrases of node n are `targets[offsets[n]:offsets[n + 1]]`.
        targets: int32 [R]: nodes, in the order of the table.
        identity: which table this is, for fingerprints.
    """

    vocabulary: dict[str, int]
    edges: Integers
    offsets: npt.NDArray[np.int32]
    targets: npt.NDArray[np.int32]
    identity: str

    def phrases(self, words: Integers, room: Integers) -> tuple[Integers, Integers, Integers]:
        """All phrases of the trie that occur in a text.

        Args:
            words: int64 [T], numbers of `vocabulary`, -1 for a word that is not in it.
            room: int64 [T], how many words the sentence has from here on.

        Returns:
            start, length and node of each, int64, the shorter first.
        """
        start = np.arange(len(words))
        node = np.zeros(len(start), np.int64)
        starts, lengths, nodes = ([np.zeros(0, np.int64)] for _ in range(3))
        length = 0
        while len(start):
            node = find_chain(self.edges, len(self.vocabulary), node, words[start + length]) + 1
            length += 1
            start, node = start[node > 0], node[node > 0]
            starts.append(start)
            lengths.append(np.full(len(start), length))
            nodes.append(node)
            longer = room[start] > length
            start, node = start[longer], node[longer]
        return np.concatenate(starts), np.concatenate(lengths), np.concatenate(nodes)


def read_paraphrases(source: Path, cache: Path | None = None, *, quiet: bool = False) -> ParaphraseTable:
    """The table of a `paraphrase-en.gz`, from the cache where that holds it, else parsed and then cached.

    Args:
        source: the gzip file.
        cache: the folder to keep the arrays in; by default `$XDG_CACHE_HOME/captionkit`, or
            `~/.cache/captionkit`. Where it cannot be written the table is built afresh each time.
        quiet: show no progress.

    Raises:
        DataError: the source cannot be read, or is not such a table.
    """
    identity = _identity(source)
    folder = cache if cache is not None else cache_folder()
    path = folder / f"meteor-paraphrases-{FORMAT}-{identity}.npz"
    table = _read_cache(path, identity)
    if table is None:
        table = _parse(source, identity, quiet)
        with contextlib.suppress(OSError):  # a cache is a convenience: no room or no right is no error
            folder.mkdir(parents=True, exist_ok=True)
            _write_cache(path, table)
    return table


def _identity(source: Path) -> str:
    """The size of the gzip file and the check sum of its content, which stands at its end (RFC 1952)."""
    try:
        with source.open("rb") as handle:
            magic = handle.read(2)
            size = handle.seek(0, io.SEEK_END)
            handle.seek(max(size - 8, 0))
            trailer = handle.read(8)
    except OSError as error:
        raise DataError(
            f"Expected METEOR's paraphrase table at {source}, but it cannot be read ({error.strerror or error})."
        ) from None
    if magic != b"\x1f\x8b" or size < 18:
        raise DataError(f"Expected METEOR's paraphrase table at {source}, but it is no gzip file.")
    return f"{int.from_bytes(trailer[:4], 'little'):08x}-{size}"


def _parse(source: Path, identity: str, quiet: bool) -> ParaphraseTable:
    numbers = _numbering()  # of phrases
    keys, targets = array("i"), array("i")
    rest = b""
    try:
        size = source.stat().st_size
        work = Progress("METEOR's paraphrase table (once)", size // _MEGABYTE, "MB", quiet=quiet)
        with source.open("rb") as file, gzip.open(file) as table, work:
            while block := table.read(_BLOCK):
                work.advance(file.tell() // _MEGABYTE - work.done)
                lines = (rest + block).split(b"\n")
                whole = (len(lines) - 1) // 3 * 3
                rest = b"\n".join(lines[whole:])
                keys.extend(map(numbers.__getitem__, lines[1:whole:3]))
                targets.extend(map(numbers.__getitem__, lines[2:whole:3]))
                if len(keys) > MAX_ENTRIES or len(rest) > _BLOCK:
                    raise DataError(f"{source} holds more than the {MAX_ENTRIES:,} entries that are read.")
        vocabulary, edges, node = _trie(list(numbers))
    except (OSError, EOFError, zlib.error, UnicodeDecodeError):
        rest = b"damaged"
    if rest:
        raise DataError(
            f"The paraphrase table {source} is damaged; install pycocoevalcap afresh, or fetch METEOR 1.5 again."
        )
    key_node = node[np.frombuffer(keys, np.int32)]
    order = np.argsort(key_node, kind="stable")
    offsets = np.zeros(len(edges) + 2, np.int32)
    offsets[1:] = np.cumsum(np.bincount(key_node, minlength=len(edges) + 1))
    return ParaphraseTable(
        vocabulary=vocabulary,
        edges=edges,
        offsets=offsets,
        targets=node[np.frombuffer(targets, np.int32)[order]].astype(np.int32),
        identity=identity,
    )


def _numbering() -> defaultdict[bytes, int]:
    """A dictionary that gives each new key the next number; a `map` over it runs without Python code."""
    numbers: defaultdict[bytes, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    return numbers


def _trie(phrases: list[bytes]) -> tuple[dict[str, int], Integers, Integers]:
    """Vocabulary, edges, and int64 [len(phrases)]: the node each phrase ends in."""
    numbers = _numbering()  # of words
    words = array("i")
    for start in range(0, len(phrases), _BATCH):
        words.extend(map(numbers.__getitem__, b" ".join(phrases[start : start + _BATCH]).split(b" ")))
    lengths = np.fromiter((phrase.count(b" ") + 1 for phrase in phrases), np.int64, len(phrases))
    flat = np.frombuffer(words, np.int32).astype(np.int64)
    first = np.cumsum(lengths) - lengths
    node = np.zeros(len(phrases), np.int64)
    edges: list[Integers] = [np.zeros(0, np.int64)]
    count = 1
    for level in range(int(lengths.max(initial=0))):
        longer = np.flatnonzero(lengths > level)
        code = node[longer] * len(numbers) + flat[first[longer] + level]
        distinct, inverse = np.unique(code, return_inverse=True)
        node[longer] = count + inverse
        edges.append(distinct)
        count += len(distinct)
    return {word.decode(): number for word, number in numbers.items()}, np.concatenate(edges), node


def _write_cache(path: Path, table: ParaphraseTable) -> None:
    words = np.frombuffer("\n".join(table.vocabulary).encode(), np.uint8)
    with replacing(path) as handle:
        np.savez(handle, words=words, edges=table.edges, offsets=table.offsets, targets=table.targets)


def _read_cache(path: Path, identity: str) -> ParaphraseTable | None:
    """The cached table; None where there is none, or it is not whole (each member carries a check sum)."""
    try:
        with path.open("rb") as handle:
            arrays = read_arrays(handle, MAX_CACHE_BYTES)
        words, edges, offsets, targets = (arrays[name] for name in ("words", "edges", "offsets", "targets"))
        names = words.tobytes().decode().split("\n")
    except (OSError, ValueError, KeyError):
        return None
    vocabulary = dict(zip(names, range(len(names)), strict=True))
    if [array.dtype.name for array in (edges, offsets, targets)] != ["int64", "int32", "int32"]:
        return None
    if len(offsets) != len(edges) + 2 or offsets[-1] != len(targets):
        return None
    return ParaphraseTable(vocabulary, edges, offsets, targets, identity)
