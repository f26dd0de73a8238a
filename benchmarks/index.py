"""An index of 100,000 pictures: how fast captioned pictures go in, and how long a query takes.

    python benchmarks/index.py --images FOLDER [--pictures 100000] [--bundle FILE] [--keep FILE]

A few hundred pictures of FOLDER are encoded and captioned; the rest are these again with noise on their features
and expected words and their captions mixed, so sizes and distributions are those of real pictures. Only storing is
timed, in transactions of `--batch` pictures. Query times are medians over several queries in one process with the
file in the operating system's cache; "words" is without the model, "words and model" re-ranks the best 100, "open"
is what a process pays first. Processor time stands beside wall-clock time, since it does not count the waiting for
other work; with several threads it may be the larger. Writes benchmarks/results/index.json.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt

from captionkit.audit.picture_hash import hash_bytes
from captionkit.captioner import Captioner
from captionkit.files import write_text
from captionkit.images import load_pixels
from captionkit.picture_paths import find_pictures
from captionkit.records import Caption
from captionkit.search.answer import answer_duplicates, answer_query
from captionkit.search.compact import pack, to_cells, to_vectors
from captionkit.search.database import Facts, model_id
from captionkit.search.expectation import stem_places, vocabulary_stems
from captionkit.search.index import open_index
from captionkit.search.indexing import kept_cells, to_contents
from captionkit.search.scan import FileState
from captionkit.search.similar import like
from captionkit.search.writer import CAPTIONS, Content, IndexWriter

QUERIES = (
    "a dog in the snow",
    "two children play on the beach",
    "a man in a red shirt rides a bicycle down a hill",
    "a woman holding a baby",
    "people sitting at a table in a restaurant",
    "brown dog runs through the grass with a ball in its mouth",
    "mountain",
    "a boy jumping into a swimming pool",
    "motorcycle race",
    "a group of people walk down a city street at night",
)


def with_noise(
    captioner: Captioner,
    features: npt.NDArray[np.float32],
    real: list[Content],
    first: int,
    count: int,
    cells: int,
) -> Iterator[tuple[Content, FileState]]:
    """`count` contents from number `first` on."""
    random = np.random.default_rng(first)
    source = random.integers(0, len(real), count)
    # Noise on averages: what is kept of a grid are averages anyway.
    kept = to_cells(features, cells)[source]
    kept = np.maximum(kept * random.normal(1, 0.2, kept.shape).astype(np.float32), 0)
    packed, vectors = pack(kept.reshape(count, -1)), to_vectors(kept)
    codes = np.stack([real[place].codes for place in source]).astype(np.int16)
    codes = np.clip(codes + random.integers(-9, 10, codes.shape, dtype=np.int16), 0, 255).astype(np.uint8)
    every: list[Caption] = [caption for content in real for caption in content.captions]
    strange = random.integers(0, len(every), count)
    for row, place in enumerate(source):
        captions = [*list(real[place].captions)[1:], every[strange[row]]]
        number = first + row
        digest = number.to_bytes(32, "big")
        look = replace(
            real[place].look, dct=int(random.integers(1 << 63)), difference=int(random.integers(1 << 63))
        )
        content = Content(digest, captions, vectors[row], packed[row], look, codes[row])
        yield content, FileState(f"{number // 1000:03}/{number:06}.jpg", number, number)


@dataclass(frozen=True, slots=True)
class Seconds:
    """Wall-clock and processor seconds."""

    wall: float
    processor: float


def timed(action: Callable[[], object]) -> Seconds:
    wall, processor = time.perf_counter(), time.process_time()
    action()
    return Seconds(time.perf_counter() - wall, time.process_time() - processor)


def milliseconds(several: Sequence[Seconds]) -> dict[str, float]:
    """Median and worst wall-clock time, median processor time."""
    return {
        "wall": round(1000 * median(one.wall for one in several), 1),
        "worst": round(1000 * max(one.wall for one in several), 1),
        "processor": round(1000 * median(one.processor for one in several), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--real", type=int, default=200)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--cells", type=int, help="cells kept; default: what the model needs")
    parser.add_argument("--keep", type=Path, help="keep the index in this new file")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "index.json")
    arguments = parser.parse_args()

    captioner = Captioner.load(arguments.bundle)
    size, tokenizer = captioner.engine.network.image_size, captioner.bundle.tokenizer
    paths = list(find_pictures([str(arguments.images)]))
    paths = paths[:: max(1, len(paths) // arguments.real)][: arguments.real]
    cells = arguments.cells or kept_cells(captioner)
    facts = Facts(".", model_id(captioner.bundle), "", CAPTIONS, cells, captioner.engine.network.depth, 0)
    stems = vocabulary_stems(tokenizer)
    places = stem_places(tokenizer, {stem: place for place, stem in enumerate(stems)})
    grids, real = [], []
    for first in range(0, len(paths), 16):
        some = paths[first : first + 16]
        grids.append(captioner.engine.encode(np.stack([load_pixels(path, size) for path in some])))
        looks = [hash_bytes(path.read_bytes()) for path in some]
        real += to_contents(captioner, grids[-1], [bytes(32)] * len(some), looks, facts, places)
    features = np.concatenate(grids)

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        path = arguments.keep or root / "index.sqlite"
        storing = []
        with IndexWriter(path, root, captioner.bundle, captions=CAPTIONS, cells=cells) as writer:
            for first in range(0, arguments.pictures, arguments.batch):
                count = min(arguments.batch, arguments.pictures - first)
                made = list(with_noise(captioner, features, real, first, count, cells))
                contents, files = [one for one, _ in made], [(state, one.sha256) for one, state in made]
                storing.append(timed(partial(writer.add, contents, files)))
            scanning = timed(lambda: (writer.known_files(), writer.known_contents()))
        opening = timed(lambda: open_index(path).connection.close())
        with open_index(path) as index:
            answer_query(index, QUERIES[0], captioner)  # the file's pages come into the cache
            words = [timed(partial(answer_query, index, query, None)) for query in QUERIES]
            model = [timed(partial(answer_query, index, query, captioner)) for query in QUERIES]
            same = timed(lambda: answer_duplicates(index))
            alike = [timed(lambda: like(*index.vectors(), real[0].vector, 20)) for _ in range(3)]
        result = {
            "command": f"python benchmarks/index.py --images FOLDER --pictures {arguments.pictures}",
            "pictures": arguments.pictures,
            "cells": cells,
            "processors": os.cpu_count(),
            "load_average": round(os.getloadavg()[0], 1),
            "stored_per_second": {
                "wall": round(arguments.pictures / sum(one.wall for one in storing)),
                "processor": round(arguments.pictures / sum(one.processor for one in storing)),
            },
            "bytes_per_picture": round(path.stat().st_size / arguments.pictures),
            "milliseconds": {
                "words": milliseconds(words),
                "words and model": milliseconds(model),
                "like": milliseconds(alike),
                "duplicates": milliseconds([same]),
                "known files": milliseconds([scanning]),
                "open": milliseconds([opening]),
            },
        }
    text = json.dumps(result, indent=1) + "\n"
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    write_text(arguments.output, text)
    print(text, end="")


if __name__ == "__main__":
    main()
