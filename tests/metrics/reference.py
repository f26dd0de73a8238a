"""The reference implementations, run live: pycocoevalcap 1.2 and the Java tokeniser inside it.

Used by the tests marked `java`, by `benchmarks/oracle.py` and `benchmarks/metrics.py`. Nothing here is needed to
test against the stored goldens.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from captionkit.text import PUNCTUATION


def tokenizer_jar() -> Path | None:
    """The jar of PTBTokenizer 3.4.1 in an installed pycocoevalcap; None without it or without a JVM."""
    spec = importlib.util.find_spec("pycocoevalcap")
    if spec is None or not spec.submodule_search_locations or shutil.which("java") is None:
        return None
    jar = Path(next(iter(spec.submodule_search_locations))) / "tokenizer" / "stanford-corenlp-3.4.1.jar"
    return jar if jar.exists() else None


def java_lines(lines: Sequence[str]) -> list[str]:
    """What the Java tokeniser prints for a file of lines, as pycocoevalcap calls it. Lines hold no line break."""
    jar = tokenizer_jar()
    assert jar is not None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "captions.txt"
        path.write_bytes("\n".join(lines).encode("utf-8"))
        command = [
            "java",
            "-cp",
            str(jar),
            "edu.stanford.nlp.process.PTBTokenizer",
            "-preserveLines",
            "-lowerCase",
        ]
        done = subprocess.run([*command, path.name], cwd=folder, capture_output=True, check=True)
    return done.stdout.decode("utf-8").split("\n")


def tokenize(captions: Sequence[str]) -> list[list[str]]:
    """Captions tokenised by the Java tokeniser, without the dropped punctuation."""
    lines = java_lines([caption.replace("\n", " ") for caption in captions])
    kept = [[word for word in line.rstrip().split(" ") if word not in PUNCTUATION] for line in lines]
    return [[word for word in words if word] for words in kept[: len(captions)]]


def score(candidates: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]) -> dict[str, Any]:
    """BLEU, ROUGE-L and CIDEr-D of pycocoevalcap: name to (corpus value, float64 [N])."""
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    targets = {number: [" ".join(tokens) for tokens in group] for number, group in enumerate(references)}
    results = {number: [" ".join(tokens)] for number, tokens in enumerate(candidates)}
    with contextlib.redirect_stdout(io.StringIO()):
        corpus, per_image = Bleu(4).compute_score(targets, results, verbose=0)
        found = {
            f"BLEU-{order}": (float(corpus[order - 1]), np.array(per_image[order - 1])) for order in range(1, 5)
        }
        for name, scorer in (("ROUGE-L", Rouge()), ("CIDEr-D", Cider())):
            value, values = scorer.compute_score(targets, results)
            found[name] = (float(value), np.array(values))
    return found


def largest_differences(
    ours: Mapping[str, tuple[float, np.ndarray]], theirs: Mapping[str, tuple[float, np.ndarray]]
) -> dict[str, tuple[float, float]]:
    """For each metric the difference of the corpus values and the largest difference of a picture's."""
    return {
        name: (abs(ours[name][0] - value), float(np.abs(ours[name][1] - values).max(initial=0.0)))
        for name, (value, values) in theirs.items()
    }
