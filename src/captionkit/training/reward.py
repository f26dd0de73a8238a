"""What self-critical training is rewarded with: CIDEr-D, and if asked a share of other scores.

Each score takes the end of a sentence for a word: without it the model learns to stop in the middle.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from captionkit.config import SelfCriticalConfig
from captionkit.metrics.bleu import bleu
from captionkit.metrics.cider_reward import PreparedReferences
from captionkit.metrics.document_frequency import DocumentFrequency
from captionkit.metrics.rouge import rouge_l
from captionkit.records import ImageRecord
from captionkit.text import tokenize
from captionkit.tokenizer import EOS, Tokenizer

Reward = Callable[[npt.NDArray[np.int32], npt.NDArray[np.int64]], npt.NDArray[np.float64]]
"""(ids int32 [B * S, L], rows int64 [B * S]) -> float64 [B * S]: how good each caption is for its picture."""

SCORES = {"ROUGE-L": rouge_l, "BLEU-4": bleu}


def make_reward(config: SelfCriticalConfig, records: Sequence[ImageRecord], tokenizer: Tokenizer) -> Reward:
    """The reward of captions for train pictures: CIDEr-D, 0 to 10, plus the weighted scores, each 0 to 1.

    Args:
        config: the weights `rouge_l` and `bleu_4`.
        records: the train pictures; rows are places among them. Document frequencies are those of their captions.
    """
    references = [[tokenize(text) for text in record.captions] for record in records]
    table = DocumentFrequency.from_references(references, end=True)
    prepared = PreparedReferences(table, references, tokenizer.words)
    weights = {"ROUGE-L": config.rouge_l, "BLEU-4": config.bleu_4}
    asked = {name: weight for name, weight in weights.items() if weight}
    end = tokenizer.words[EOS]
    ended = [[[*tokens, end] for tokens in group] for group in references] if asked else []

    def reward(ids: npt.NDArray[np.int32], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        total = prepared.score_ids(ids, rows, eos=EOS)
        if asked:
            # The end of those that have one; others were cut.
            candidates = [tokenizer.to_tokens(row) + [end] * (EOS in row) for row in ids.tolist()]
            own = [ended[row] for row in rows.tolist()]
            for name, weight in asked.items():
                total = total + weight * SCORES[name](candidates, own).per_image[name]
        return total

    return reward
