"""Compare with the live reference implementations and print the largest difference of each part.

    python benchmarks/oracle.py RESULTS REFERENCES       files, as `captionkit score` reads them
    python benchmarks/oracle.py --generate 100000        captions of a grammar made to be hard to tokenise

Needs Java and pycocoevalcap. Exit code 1 if a caption is tokenised differently or a score differs by 1e-9 or more.
Line breaks inside captions become spaces for both sides: the reference would tear such a caption in two.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.metrics import golden_scores, reference
from tests.text.ptb.hard import generated
from tests.text.ptb.test_lexer import separated

from captionkit.errors import CaptionkitError
from captionkit.metrics.results import match, read_references, read_results
from captionkit.metrics.score import score
from captionkit.text import tokenize_all

LIMIT = 1e-9


def tokens(captions: Sequence[str]) -> int:
    """Print captions that are tokenised differently, and return how many."""
    lines = separated(captions)
    differing = [
        (caption, own, other)
        for caption, own, other in zip(lines, tokenize_all(lines), reference.tokenize(lines), strict=True)
        if own != other
    ]
    for caption, own, other in differing[:20]:
        print(f"{caption!r}\n  ours   {own}\n  theirs {other}")
    print(f"tokens: {len(differing):,} of {len(lines):,} captions differ")
    return len(differing)


def scores(predictions: dict[str, str], references: dict[str, Sequence[str]]) -> bool:
    """Print the largest difference of each score; whether all are below the limit."""
    names = [name for name in references if name in predictions]
    candidates = dict(zip(names, separated([predictions[name] for name in names]), strict=True))
    groups = {name: separated(references[name]) for name in names}
    found = score(candidates, groups, ["BLEU", "ROUGE-L", "CIDEr-D"])
    within = True
    for name, values in golden_scores.reference_scores((candidates, groups)).items():
        corpus = abs(found.corpus[name] - values["corpus"])
        picture = max(
            abs(one - other) for one, other in zip(found.per_image[name], values["per_image"], strict=True)
        )
        within &= corpus < LIMIT and picture < LIMIT
        print(f"{name}: corpus {corpus:.1e}, largest of a picture {picture:.1e}")
    return within


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--generate", type=int, default=0, metavar="N")
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    if reference.tokenizer_jar() is None:
        sys.exit("This compares with live Java programs: install a JVM and pycocoevalcap.")
    equal = True
    if options.generate:
        equal &= tokens(list(generated(options.generate, options.seed))) == 0
    if len(options.files) == 2:
        found = read_references(options.files[1])
        predictions = match(read_results(options.files[0]), found)
        captions = [caption for group in found.captions.values() for caption in group]
        equal &= tokens([*predictions.values(), *captions]) == 0
        equal &= scores(predictions, dict(found.captions))
    elif options.files or not options.generate:
        parser.error("give RESULTS and REFERENCES, or --generate N")
    sys.exit(0 if equal else 1)


if __name__ == "__main__":
    try:
        main()
    except CaptionkitError as error:
        sys.exit(f"oracle: {error}")
