"""METEOR side by side with meteor-1.5.jar, on one run: largest difference and ratio of times, as JSON.

    CAPTIONKIT_DATA=... python benchmarks/meteor.py [--pictures 5000] [--cold]

Candidates are human captions of other pictures or of the same one, in turn; all references of Flickr8k. Needs Java
and pycocoevalcap. The jar's time and ours both include loading; `--cold` includes parsing the paraphrase table,
which otherwise comes from the cache.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from captionkit import text
from captionkit.metrics.corpus import Corpus
from captionkit.metrics.meteor import NAME, meteor_of
from captionkit.metrics.meteor.data import read_meteor_data


def captions(pictures: int, seed: int) -> tuple[list[list[str]], list[list[list[str]]]]:
    """Tokenised candidates and five references each."""
    by_picture: dict[str, list[str]] = defaultdict(list)
    path = Path(os.environ["CAPTIONKIT_DATA"]) / "flickr8k" / "Flickr8k.token.txt"
    for line in path.read_text(encoding="utf-8").splitlines():
        picture, caption = line.split("\t")
        by_picture[picture.split("#")[0]].append(caption)
    choose = random.Random(seed)
    names = choose.sample(sorted(by_picture), pictures)
    candidates, references = [], []
    for place, name in enumerate(names):
        own = by_picture[name]
        other = by_picture[choose.choice(names)]
        candidates.append(choose.choice(other if place % 4 == 0 else own))
        references.append([*own[1:], choose.choice(other)] if place % 2 else own)
    tokens = text.tokenize_all(candidates + [caption for group in references for caption in group])
    waiting = iter(tokens)
    return [next(waiting) for _ in candidates], [[next(waiting) for _ in group] for group in references]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cold", action="store_true", help="without a cached paraphrase table")
    options = parser.parse_args()
    candidates, references = captions(options.pictures, options.seed)

    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        data = read_meteor_data(cache=Path(folder) if options.cold else None)
        loaded = time.perf_counter()
        outcome = meteor_of(Corpus(candidates, references), data)
        ours = time.perf_counter() - start

    from pycocoevalcap.meteor.meteor import Meteor

    start_jar = time.perf_counter()
    corpus, scores = Meteor().compute_score(
        {place: [" ".join(words) for words in group] for place, group in enumerate(references)},
        {place: [" ".join(words)] for place, words in enumerate(candidates)},
    )
    jar = time.perf_counter() - start_jar

    difference = np.abs(outcome.per_image[NAME] - np.array(scores))
    print(
        json.dumps(
            {
                "pictures": len(candidates),
                "references": sum(map(len, references)),
                "meteor": corpus,
                "largest_corpus_difference": abs(outcome.corpus[NAME] - corpus),
                "largest_segment_difference": float(difference.max()),
                "segments_within_0.001": float((difference <= 1e-3).mean()),
                "seconds": {"load": round(loaded - start, 3), "all": round(ours, 3), "jar": round(jar, 3)},
                "ratio": round(jar / ours, 2),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
