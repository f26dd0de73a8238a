"""What self-critical training is rewarded with."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from captionkit.config import SelfCriticalConfig
from captionkit.metrics.bleu import bleu
from captionkit.metrics.rouge import rouge_l
from captionkit.records import ImageRecord
from captionkit.text import tokenize
from captionkit.tokenizer import EOS, PAD, Tokenizer
from captionkit.training.reward import make_reward

CAPTIONS = ("a dog runs with a ball", "the dog has a ball")
OTHERS = ("two men sit", "people in snow")
RECORDS = [ImageRecord(str(i), Path(str(i)), texts, "train", "") for i, texts in enumerate((CAPTIONS, OTHERS))]
TOKENIZER = Tokenizer.build(text for record in RECORDS for text in record.captions)
ROWS = np.zeros(1, np.int64)


def test_the_reward_counts_the_end_so_a_caption_cut_in_the_middle_earns_less() -> None:
    reward = make_reward(SelfCriticalConfig(), RECORDS, TOKENIZER)
    whole = TOKENIZER.to_ids(["a dog runs with a ball"], 9)
    cut = TOKENIZER.to_ids(["a dog runs with a"], 9)
    unfinished = np.where(cut == EOS, PAD, cut)
    assert reward(whole, ROWS)[0] > reward(cut, ROWS)[0] + 0.5
    unended = np.where(whole == EOS, PAD, whole)
    assert reward(whole, ROWS)[0] > reward(unended, ROWS)[0]
    assert reward(unfinished, ROWS)[0] < reward(whole, ROWS)[0]
    assert tokenize(CAPTIONS[0])[-1] == "ball"


def test_other_scores_add_their_share() -> None:
    plain = make_reward(SelfCriticalConfig(), RECORDS, TOKENIZER)
    mixed = make_reward(SelfCriticalConfig(rouge_l=2.0, bleu_4=0.5), RECORDS, TOKENIZER)
    texts = ["a dog runs with a ball", "two dog ball", "the men sit"]
    ids = np.concatenate([TOKENIZER.to_ids([text], 9) for text in texts])
    rows = np.array([0, 0, 1])
    ended = [[*text.split(), "."] for text in texts]
    references = [[[*text.split(), "."] for text in RECORDS[row].captions] for row in rows]
    added = 2.0 * rouge_l(ended, references).per_image["ROUGE-L"]
    added += 0.5 * bleu(ended, references).per_image["BLEU-4"]
    np.testing.assert_allclose(mixed(ids, rows) - plain(ids, rows), added, atol=1e-12)


def test_the_end_is_a_word_of_other_scores_too() -> None:
    reward = make_reward(SelfCriticalConfig(rouge_l=100.0), RECORDS, TOKENIZER)
    whole = TOKENIZER.to_ids(["the dog has a ball"], 9)
    unended = np.where(whole == EOS, PAD, whole)
    assert reward(whole, ROWS)[0] > reward(unended, ROWS)[0] + 5.0
    nothing = np.full((1, 9), PAD, np.int32)
    assert reward(nothing, ROWS)[0] == 0.0
