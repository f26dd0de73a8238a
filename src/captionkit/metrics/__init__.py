"""The COCO caption metrics in Python and NumPy, one a file; `score` puts them together.

`score(predictions, references)` is what most callers want. A metric itself takes tokenised captions
(`captionkit.text.tokenize`): `bleu`, `rouge_l`, `cider_d`, `cider`. `confidence` and `compare` work on the
outcomes that `score_with_outcomes` keeps.
"""

from __future__ import annotations

from captionkit.metrics.bleu import bleu
from captionkit.metrics.cider import cider, cider_d
from captionkit.metrics.cider_reward import PreparedReferences
from captionkit.metrics.corpus import Corpus, NotComputedError, Outcome
from captionkit.metrics.diversity import diversity
from captionkit.metrics.document_frequency import DocumentFrequency
from captionkit.metrics.rouge import rouge_l
from captionkit.metrics.score import DEFAULT_METRICS, METRICS, score, score_with_outcomes
from captionkit.metrics.significance import compare, confidence

__all__ = [
    "DEFAULT_METRICS",
    "METRICS",
    "Corpus",
    "DocumentFrequency",
    "NotComputedError",
    "Outcome",
    "PreparedReferences",
    "bleu",
    "cider",
    "cider_d",
    "compare",
    "confidence",
    "diversity",
    "rouge_l",
    "score",
    "score_with_outcomes",
]
