"""How well people agree: each caption of a picture scored against the others of that picture. A table.

    CAPTIONKIT_DATA=... python benchmarks/people.py

Flickr8k's dev split has five captions a picture; each of the five stands once for the model, and the four others
are its references. Models are scored against five references, which helps them a little.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

from captionkit.metrics.score import score

METRICS = ["BLEU", "METEOR", "ROUGE-L", "CIDEr-D"]
SHOWN = ["BLEU-4", "METEOR", "ROUGE-L", "CIDEr-D"]


def main() -> None:
    path = Path(os.environ["CAPTIONKIT_DATA"]) / "flickr8k" / "dataset_flickr8k.json"
    images = json.loads(path.read_text(encoding="utf-8"))["images"]
    captions = [[each["raw"] for each in image["sentences"]] for image in images if image["split"] == "val"]
    print("| caption | " + " | ".join(SHOWN) + " |\n|---|" + "---|" * len(SHOWN))
    rows = []
    for place in range(5):
        candidates = {str(number): texts[place] for number, texts in enumerate(captions)}
        others = {str(number): texts[:place] + texts[place + 1 :] for number, texts in enumerate(captions)}
        corpus = score(candidates, others, METRICS).corpus
        rows.append([100 * corpus[name] for name in SHOWN])
        print(f"| {place + 1} | " + " | ".join(f"{value:.1f}" for value in rows[-1]) + " |")
    print("| mean | " + " | ".join(f"{value:.1f}" for value in np.mean(rows, axis=0)) + " |")


if __name__ == "__main__":
    main()
