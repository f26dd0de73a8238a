"""Tokeniser, BLEU, ROUGE-L and CIDEr-D side by side with pycocoevalcap, and the reward's speed: one run, as JSON.

    CAPTIONKIT_DATA=... python benchmarks/metrics.py [--pictures 5000] [--repeats 3]

The corpus is invented by resampling the captions of Flickr8k: each picture's five references are its own, its
candidate is a caption of the same or of another picture with some words exchanged. Needs Java and pycocoevalcap
for the other side. Wall-clock times are the shortest of the repeats, theirs of one run; processor times, Java's
threads included, hardly depend on what else the machine does. Read the ratios.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.metrics import reference

from captionkit import files
from captionkit.metrics import Corpus, DocumentFrequency, PreparedReferences
from captionkit.metrics.bleu import bleu_of
from captionkit.metrics.cider import cider_d_of
from captionkit.metrics.corpus import NgramCounts
from captionkit.metrics.rouge import rouge_l_of
from captionkit.metrics.score import score, tokenized

METRICS = ("BLEU", "ROUGE-L", "CIDEr-D")

Captions = tuple[dict[str, str], dict[str, list[str]]]


def captions(pictures: int, seed: int) -> Captions:
    """Predictions and five references each, as text."""
    by_picture: dict[str, list[str]] = defaultdict(list)
    path = Path(os.environ["CAPTIONKIT_DATA"]) / "flickr8k" / "Flickr8k.token.txt"
    for line in path.read_text(encoding="utf-8").splitlines():
        picture, caption = line.split("\t")
        by_picture[picture.split("#")[0]].append(caption)
    choose = random.Random(seed)
    names = choose.sample(sorted(by_picture), pictures)
    words = [word for name in names[:500] for word in by_picture[name][0].split()]
    predictions, references = {}, {}
    for place, name in enumerate(names):
        own = by_picture[name]
        candidate = choose.choice(own if place % 4 else by_picture[choose.choice(names)]).split()
        for _ in range(choose.randrange(4)):
            candidate[choose.randrange(len(candidate))] = choose.choice(words)
        predictions[name], references[name] = " ".join(candidate), own
    return predictions, references


def shortest(work: Callable[[], object], repeats: int) -> float:
    """Seconds of the fastest of `repeats` runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def processor_seconds() -> float:
    """Processor time of this process and of those it ran and waited for."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def ours(predictions: dict[str, str], references: dict[str, list[str]], repeats: int) -> dict[str, float]:
    """Seconds by part; "together" is one call of `score`, "first call" the first one of the process."""
    start = time.perf_counter()
    score(predictions, references, METRICS)
    first = time.perf_counter() - start
    corpus = tokenized(predictions, references)

    def fresh() -> Corpus:
        return Corpus(corpus.candidates, corpus.references)

    def counted() -> tuple[NgramCounts, ...]:
        return fresh().counts

    ready = fresh()
    _ = ready.counts
    return {
        "first call": first,
        "together": shortest(lambda: score(predictions, references, METRICS), repeats),
        "tokenise": shortest(lambda: tokenized(predictions, references), repeats),
        "count n-grams": shortest(counted, repeats),
        "BLEU": shortest(lambda: bleu_of(ready), repeats),
        "ROUGE-L": shortest(lambda: rouge_l_of(fresh()), repeats),
        "CIDEr-D": shortest(lambda: cider_d_of(ready), repeats),
    }


def theirs(
    predictions: dict[str, str], references: dict[str, list[str]]
) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds by part of pycocoevalcap, and its scores."""
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    seconds: dict[str, float] = {}
    values: dict[str, float] = {}
    start = time.perf_counter()
    targets = {name: [{"caption": caption} for caption in group] for name, group in references.items()}
    results = {name: [{"caption": predictions[name]}] for name in references}
    with contextlib.redirect_stdout(io.StringIO()):
        tokens, answers = PTBTokenizer().tokenize(targets), PTBTokenizer().tokenize(results)
        seconds["tokenise"] = time.perf_counter() - start
        for name, scorer in (("BLEU", Bleu(4)), ("ROUGE-L", Rouge()), ("CIDEr-D", Cider())):
            start = time.perf_counter()
            value, _ = scorer.compute_score(tokens, answers)
            seconds[name] = time.perf_counter() - start
            if name == "BLEU":
                values |= {f"BLEU-{order}": float(one) for order, one in enumerate(value, start=1)}
            else:
                values[name] = float(value)
    seconds["together"] = sum(seconds.values())
    return seconds, values


def reward(predictions: dict[str, str], references: dict[str, list[str]], batch: int = 160) -> dict[str, float]:
    """Captions a second on one core, in batches of a training step's size, with a prepared table."""
    corpus = tokenized(predictions, references)
    words = ["<pad>", "<bos>", "<eos>", "<unk>"]
    words += sorted({word for tokens in corpus.candidates for word in tokens})
    number = {word: place for place, word in enumerate(words)}
    ids = np.zeros((len(corpus), 20), np.int32)
    for row, tokens in zip(ids, corpus.candidates, strict=True):
        line = [number[word] for word in tokens[:19]] + [2]
        row[: len(line)] = line
    start = time.perf_counter()
    table = DocumentFrequency.from_references(corpus.references, end=True)
    prepared = PreparedReferences(table, corpus.references, words)
    preparation = time.perf_counter() - start
    images = np.arange(len(corpus))
    start, used, done = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - start < 3.0:
        at = done % (len(corpus) - batch)
        prepared.score_ids(ids[at : at + batch], images[at : at + batch])
        done += batch
    return {
        "preparation": preparation,
        "captions_per_second": round(done / (time.perf_counter() - start)),
        "captions_per_second_of_one_core": round(done / (time.process_time() - used)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "metrics.json")
    options = parser.parse_args()
    predictions, references = captions(options.pictures, options.seed)
    own = ours(predictions, references, options.repeats)
    document: dict[str, object] = {
        "command": f"python benchmarks/metrics.py --pictures {options.pictures} --repeats {options.repeats}",
        "pictures": options.pictures,
        "references": sum(map(len, references.values())),
        "seconds": own,
        "reward": reward(predictions, references),
    }
    if reference.tokenizer_jar() is None:
        document["pycocoevalcap"] = "not run: it needs Java"
    else:
        start = processor_seconds()
        other, values = theirs(predictions, references)
        between = processor_seconds()
        found = score(predictions, references, METRICS).corpus
        processor = {"pycocoevalcap": between - start, "captionkit": processor_seconds() - between}
        document["pycocoevalcap_seconds"] = other
        document["processor_seconds"] = processor
        document["times_faster"] = {name: round(other[name] / own[name], 1) for name in other}
        document["times_faster"] |= {"first call": round(other["together"] / own["first call"], 1)}  # type: ignore[operator]
        document["largest_difference_of_corpus_scores"] = max(
            abs(found[name] - value) for name, value in values.items()
        )
    text = json.dumps(document, indent=1) + "\n"
    options.output.parent.mkdir(parents=True, exist_ok=True)
    files.write_text(options.output, text)
    print(text, end="")


if __name__ == "__main__":
    main()
