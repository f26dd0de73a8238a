"""Finding pictures by their own captions: recall at 1, 5 and 10 and the median rank, as a table or JSON.

    CAPTIONKIT_DATA=... python benchmarks/retrieval.py --images FOLDER [--queries 500] [--bundle FILE] [--json]

The pictures are those of a split of Flickr8k (dev); each of their captions is a query that should find its picture
among all of them. Beside the index's own ranking stand a search in file order and BM25 over one caption and over
several. `--from-picture` and `--to-picture` take a part of the split, to choose settings on one part and report
another. Everything is computed once: features, states, first stages; the model ranks all pictures for each query,
and the best 100 are cut out of that. `--best-only` asks it about these 100 alone, as a search does: a tenth of the
time.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from captionkit.audit.picture_hash import PictureHash
from captionkit.captioner import Captioner
from captionkit.decoding import log_softmax
from captionkit.images import load_pixels
from captionkit.search.compact import pack, to_cells, to_features, unpack
from captionkit.search.database import Facts, model_id
from captionkit.search.expectation import stem_places, vocabulary_stems
from captionkit.search.index import Index
from captionkit.search.indexing import kept_cells, to_contents
from captionkit.search.likelihood import known_words, to_word_ids
from captionkit.search.ranking import DEPTH, FIRST_WEIGHT, first_stage
from captionkit.search.scan import FileState
from captionkit.search.words import index_terms, match_expression, query_words
from captionkit.search.writer import CAPTIONS, IndexWriter
from captionkit.tokenizer import BOS

Scores = npt.NDArray[np.float64]


def read_split(split: str, first: int, last: int | None) -> list[tuple[str, list[str]]]:
    """File name and captions of the pictures of a split."""
    path = Path(os.environ["CAPTIONKIT_DATA"]) / "flickr8k" / "dataset_flickr8k.json"
    images = json.loads(path.read_text(encoding="utf-8"))["images"]
    found = [(one["filename"], [s["raw"] for s in one["sentences"]]) for one in images if one["split"] == split]
    return found[first:last]


def bm25(captions: Sequence[Sequence[str]], queries: Sequence[str]) -> Scores:
    """[Q, N] of a table that holds these captions and nothing of wider terms."""
    table = sqlite3.connect(":memory:")
    table.execute(
        'CREATE VIRTUAL TABLE terms USING fts5 (stems, kinds, tokenize = "unicode61 remove_diacritics 0")'
    )
    table.executemany("INSERT INTO terms VALUES (?, '')", [(index_terms(some)[0],) for some in captions])
    scores = np.zeros((len(queries), len(captions)))
    for row, query in enumerate(queries):
        expression = match_expression(query_words(query))
        for place, score in table.execute("SELECT rowid, -rank FROM terms WHERE terms MATCH ?", (expression,)):
            scores[row, place - 1] = score
    return scores


def first_stages(index: Index, queries: Sequence[str]) -> Scores:
    """[Q, N] of the index's first stage; contents are numbered from 1."""
    scores = np.zeros((len(queries), index.count()))
    for row, query in enumerate(queries):
        for hit in first_stage(index, query_words(query), index.count()):
            scores[row, hit.content - 1] = hit.score
    return scores


def likelihoods(captioner: Captioner, cells: npt.NDArray[np.float32], queries: Sequence[str]) -> Scores:
    """[Q, N] log p(query | picture) of pictures with cells [N, G, D].

    Queries are taken in the order of their words, and what they begin with alike is computed once.
    """
    engine, positions = captioner.engine, captioner.engine.network.positions
    parts = [engine.start(to_features(cells[k : k + 64], positions)) for k in range(0, len(cells), 64)]
    state = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    tokenizer = captioner.bundle.tokenizer
    ids = [to_word_ids(known_words(query, tokenizer)[0], captioner).tolist() for query in queries]
    scores = np.zeros((len(queries), len(cells)))
    # One entry a word read so far, bos first: the word, the state after it, log p of the next, of all before.
    read: list[tuple[int, dict[str, Any], npt.NDArray[np.float32], Scores]] = []
    for row in sorted(range(len(queries)), key=lambda row: ids[row]):
        words = [BOS, *ids[row]]
        same = 0
        while same < min(len(read), len(words) - 1) and read[same][0] == words[same]:
            same += 1
        del read[same:]
        for place in range(same, len(words) - 1):
            before = read[-1] if read else (BOS, state, None, np.zeros(len(cells)))
            logits, _, changed = engine.step(before[1], np.full(len(cells), words[place], np.int32))
            so_far = before[3] if before[2] is None else before[3] + before[2][:, words[place]]
            read.append((words[place], {**before[1], **changed}, log_softmax(logits), so_far))
        if read:
            scores[row] = read[-1][3] + read[-1][2][:, words[-1]]
    return scores


def likelihoods_of_best(
    captioner: Captioner, cells: npt.NDArray[np.float32], queries: Sequence[str], best: npt.NDArray[np.int64]
) -> Scores:
    """[Q, N] log p(query | picture) of the pictures `best` [Q, K] of each query; 0 for the others."""
    engine, positions = captioner.engine, captioner.engine.network.positions
    parts = [engine.start(to_features(cells[k : k + 64], positions)) for k in range(0, len(cells), 64)]
    starts = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    scores = np.zeros((len(queries), len(cells)))
    for row, (query, pictures) in enumerate(zip(queries, best, strict=True)):
        ids = to_word_ids(known_words(query, captioner.bundle.tokenizer)[0], captioner).tolist()
        state = {name: leaf[pictures] for name, leaf in starts.items()}
        for before, word in zip([BOS, *ids], ids, strict=False):
            logits, _, changed = engine.step(state, np.full(len(pictures), before, np.int32))
            state |= changed
            scores[row, pictures] += log_softmax(logits)[:, word]
    return scores


def ranks(scores: Scores, right: npt.NDArray[np.int64]) -> Scores:
    """The rank [Q] of the right picture; among equal scores, its place if their order were left to chance."""
    own = scores[np.arange(len(scores)), right][:, None]
    found: Scores = 1 + (scores > own).sum(axis=1) + ((scores == own).sum(axis=1) - 1) / 2
    return found


def best_only(first: Scores, scores: Scores, depth: int) -> Scores:
    """The scores of the best `depth` of a first stage; the others behind them, in the first stage's order."""
    order = np.argsort(np.argsort(-first, axis=1, kind="stable"), axis=1, kind="stable")
    return np.where(order < depth, scores, first - 1e6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--split", default="val")
    parser.add_argument("--from-picture", type=int, default=0)
    parser.add_argument("--to-picture", type=int)
    parser.add_argument("--queries", type=int, help="of all captions, evenly spread; default: all")
    parser.add_argument("--captions", type=int, default=CAPTIONS)
    parser.add_argument("--depth", type=int, default=DEPTH)
    parser.add_argument(
        "--best-only", action="store_true", help="ask the model about the best only, not about all"
    )
    parser.add_argument("--features", type=Path, help="keep features in this .npy, or take them from it")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()

    captioner = Captioner.load(arguments.bundle, threads=arguments.threads)
    records = read_split(arguments.split, arguments.from_picture, arguments.to_picture)
    if arguments.features and arguments.features.exists():
        features = np.load(arguments.features).astype(np.float32)
    else:
        size, parts = captioner.engine.network.image_size, []
        for first in range(0, len(records), 16):
            some = records[first : first + 16]
            parts.append(
                captioner.engine.encode(np.stack([load_pixels(arguments.images / name, size) for name, _ in some]))
            )
        features = np.concatenate(parts)
        if arguments.features:
            np.save(arguments.features, features.astype(np.float16))
    assert len(features) == len(records)
    everything = [(query, place) for place, (_, captions) in enumerate(records) for query in captions]
    chosen = np.linspace(0, len(everything) - 1, arguments.queries or len(everything)).round().astype(int)
    queries = [everything[number][0] for number in chosen]
    right = np.array([everything[number][1] for number in chosen])

    tokenizer = captioner.bundle.tokenizer
    stems = vocabulary_stems(tokenizer)
    places = stem_places(tokenizer, {stem: place for place, stem in enumerate(stems)})
    model = model_id(captioner.bundle)
    facts = Facts(".", model, "", arguments.captions, kept_cells(captioner), features.shape[2], 0)
    began = time.process_time()
    contents = []
    for first in range(0, len(records), 16):
        some = features[first : first + 16]
        digests = [(first + place).to_bytes(32, "big") for place in range(len(some))]
        looks = [PictureHash("", 0, 0, np.zeros((16, 16), np.uint8), flat=True)] * len(some)  # not asked for here
        contents += to_contents(captioner, some, digests, looks, facts, places)
    captioned = time.process_time() - began
    captions = [[one.text for one in content.captions] for content in contents]
    tables: dict[str, Scores] = {"file order": -np.arange(len(records), dtype=float)[None].repeat(len(queries), 0)}
    tables["BM25, one caption"] = bm25([some[:1] for some in captions], queries)
    tables[f"BM25, {arguments.captions} captions"] = bm25(captions, queries)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with IndexWriter(
            root / "index", root, captioner.bundle, captions=arguments.captions, cells=facts.cells
        ) as writer:
            files = [
                (FileState(name, 0, 0), content.sha256)
                for (name, _), content in zip(records, contents, strict=True)
            ]
            writer.add(contents, files)
            first_scores = first_stages(writer.index, queries)
    tables["captions and expected words"] = first_scores
    kept = unpack(pack(to_cells(features, facts.cells).reshape(len(features), -1)))
    kept = kept.reshape(len(features), facts.cells, -1)
    if arguments.best_only:
        best = np.argsort(-first_scores, axis=1, kind="stable")[:, : arguments.depth]
        model_scores = likelihoods_of_best(captioner, kept, queries, best)
    else:
        model_scores = likelihoods(captioner, kept, queries)
        tables["model alone, all pictures"] = model_scores
    both = model_scores + FIRST_WEIGHT * first_scores
    if not arguments.best_only:
        tables["re-ranked, all pictures"] = both
    tables[f"re-ranked, the best {arguments.depth}"] = best_only(first_scores, both, arguments.depth)
    rows = {}
    for name, scores in tables.items():
        found = ranks(scores, right)
        rows[name] = {f"R@{k}": round(100 * float((found <= k).mean()), 1) for k in (1, 5, 10)}
        rows[name]["median rank"] = float(np.median(found))
    result = {
        "pictures": len(records),
        "queries": len(queries),
        "cells": facts.cells,
        "caption_ms": round(1000 * captioned / len(records), 1),
        "results": rows,
    }
    if arguments.json:
        print(json.dumps(result, indent=1))
        return
    print(f"{len(records):,} pictures, {len(queries):,} queries\n")
    print("| ranking | R@1 | R@5 | R@10 | median rank |\n|---|---|---|---|---|")
    for name, row in rows.items():
        print(f"| {name} | " + " | ".join(f"{value:g}" for value in row.values()) + " |")


if __name__ == "__main__":
    main()
