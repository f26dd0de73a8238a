"""What self-critical training is rewarded with."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from captionkit.config import SelfCriticalConfig
from captionkit.metrics import DocumentFrequency, cider_d
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


def test_the_reward_is_cider_d_with_the_end_as_a_word_of_the_table_too() -> None:
    references = [[[*tokenize(text), "."] for text in record.captions] for record in RECORDS]
    table = DocumentFrequency.from_references(references)
    texts = ["a dog has a ball", "two men in snow"]
    found = make_reward(SelfCriticalConfig(), RECORDS, TOKENIZER)(TOKENIZER.to_ids(texts, 9), np.arange(2))
    _, expected = cider_d([[*text.split(), "."] for text in texts], references, table)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_other_scores_add_their_share() -> None:
    plain = make_reward(SelfCriticalConfig(), RECORDS, TOKENIZER)
    mixed = make_reward(SelfCriticalConfig(rouge_l=2.0, bleu_4=0.5), RECORDS, TOKENIZER)
    texts = ["a dog runs with a ball", "two dog ball", "the men sit", "two men sit"]
    ids = TOKENIZER.to_ids(texts, 9)
    ids[3][ids[3] == EOS] = PAD
    rows = np.array([0, 0, 1, 1])
    ended = [*([*text.split(), "."] for text in texts[:3]), texts[3].split()]
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
