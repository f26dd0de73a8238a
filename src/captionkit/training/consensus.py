"""Which captions say what a picture's others say: those are the better teachers.

Phan et al. 2017, "Consensus-based sequence training for video captioning" (arXiv 1712.09532): in
cross-entropy training a caption weighs as much as its CIDEr among the picture's captions. Of five people one may
tell a story; a model that is to say what most would say has little to learn from it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from captionkit.metrics.cider import cider_d
from captionkit.metrics.document_frequency import DocumentFrequency
from captionkit.metrics.left_out import left_out
from captionkit.text import tokenize

Weights = npt.NDArray[np.float32]


def consensus_weights(captions: Sequence[Sequence[str]], share: float) -> list[Weights]:
    """How much each caption of each picture counts.

    A caption's agreement is its CIDEr-D against the picture's other captions. Its weight is `1 - share` plus
    `share` times its agreement over the mean agreement of the picture, so that every picture weighs the same.

    Args:
        share: from 0, all captions count alike, to 1, in proportion to their agreement.

    Returns:
        For each picture float32 [captions], with mean 1; ones where a picture has a single caption, or captions
        that have nothing in common, and where there is a single picture.
    """
    weights = [np.ones(len(texts), np.float32) for texts in captions]
    tokens = [[tokenize(text) for text in texts] for texts in captions]
    several = [row for row, texts in enumerate(tokens) if len(texts) > 1]
    captioned = [texts for texts in tokens if texts]
    if not several or len(captioned) < 2:  # CIDEr is undefined on a single picture
        return weights
    table = DocumentFrequency.from_references(captioned)
    candidates, others = zip(*left_out(tokens), strict=True)
    _, agreement = cider_d(candidates, others, table)
    ends = np.cumsum([len(tokens[row]) for row in several])
    for row, own in zip(several, np.split(agreement, ends[:-1]), strict=True):
        if own.mean() > 0:
            weights[row] = (1.0 - share + share * own / own.mean()).astype(np.float32)
    return weights
