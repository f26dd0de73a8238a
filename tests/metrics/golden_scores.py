"""Makes golden/scores.json afresh from pycocoevalcap: python -m tests.metrics.golden_scores [DATA]."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.metrics import reference
from tests.metrics.corpora import Corpora, invented
from tests.text.ptb.hard import generated
from tests.text.ptb.test_lexer import separated

PATH = Path(__file__).parent / "golden" / "scores.json"


def hard() -> Corpora:
    """Captions of the tokeniser's grammar, whose words and signs are odd; six a picture."""
    lines = [line.replace("<", "") for line in separated(list(generated(240, seed=9)))]
    groups = [lines[at : at + 6] for at in range(0, len(lines), 6)]
    return (
        {f"picture{at}": group[0] for at, group in enumerate(groups)},
        {f"picture{at}": [*group[1:5], group[0] + " " + group[5]] for at, group in enumerate(groups)},
    )


def flickr(data: Path) -> Corpora:
    """Each dev picture's first caption against its other four. Nothing but scores is stored of them."""
    document = json.loads((data / "flickr8k" / "dataset_flickr8k.json").read_text(encoding="utf-8"))
    images = [image for image in document["images"] if image["split"] == "val"]
    captions = {image["filename"]: [sentence["raw"] for sentence in image["sentences"]] for image in images}
    return {name: group[0] for name, group in captions.items()}, {name: g[1:] for name, g in captions.items()}


def coco(data: Path) -> Corpora:
    """As `flickr`, for the 100 pictures of COCO val2017."""
    document = json.loads((data / "coco-mini" / "captions_val2017.json").read_text(encoding="utf-8"))
    captions: dict[str, list[str]] = {str(image["id"]): [] for image in document["images"]}
    for annotation in document["annotations"]:
        captions[str(annotation["image_id"])].append(annotation["caption"])
    return {name: group[0] for name, group in captions.items()}, {name: g[1:] for name, g in captions.items()}


def reference_scores(corpora: Corpora) -> dict[str, Any]:
    """What the reference implementations say, tokeniser and all: score name to corpus value and values."""
    predictions, references = corpora
    candidates = reference.tokenize([predictions[name] for name in references])
    flat = iter(reference.tokenize([caption for group in references.values() for caption in group]))
    groups = [[next(flat) for _ in group] for group in references.values()]
    return {
        name: {"corpus": value, "per_image": values.tolist()}
        for name, (value, values) in reference.score(candidates, groups).items()
    }


def make(data: Path | None) -> dict[str, Any]:
    """All goldens; those of real captions only where there are data."""
    found = {"invented": reference_scores(invented()), "hard": reference_scores(hard())}
    if data is not None:
        found |= {"flickr8k": reference_scores(flickr(data)), "coco": reference_scores(coco(data))}
    return found


if __name__ == "__main__":
    root = sys.argv[1] if len(sys.argv) > 1 else os.environ["CAPTIONKIT_DATA"]
    PATH.write_text(json.dumps(make(Path(root))) + "\n", encoding="utf-8")
