"""log p(query | picture) under the bundle's own decoder, by teacher forcing its steps.

Letters: N pictures, P grid positions, D feature depth, L words of the query, V vocabulary.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from captionkit.captioner import Captioner
from captionkit.decoding import teacher_forced
from captionkit.engine import Engine
from captionkit.search.compact import Floats
from captionkit.search.words import split_words
from captionkit.text import tokenize
from captionkit.tokenizer import Tokenizer

ROWS = 128  # pictures a step; more cost memory and no longer gain time


def known_words(text: str, tokenizer: Tokenizer) -> tuple[list[str], list[str]]:
    """The words of a text that a vocabulary has, in order, and those that it lacks, each once.

    A word that it has only in parts ("fire-truck") or without accents ("café") is known as these. Signs such as
    emoji, which the tokeniser passes over, count as words that it lacks; brackets and punctuation do not.
    """
    known: list[str] = []
    strange: list[str] = []
    for word in filter(_is_word, tokenize(text)):
        parts = [word] if tokenizer.id_of(word) is not None else split_words(word)
        has_all = parts and all(tokenizer.id_of(part) is not None for part in parts)
        known += parts if has_all else []
        strange += [] if has_all else [word]
    strange += [char for char in text if unicodedata.category(char) == "So"]
    return known, list(dict.fromkeys(strange))


def _is_word(token: str) -> bool:
    # The tokeniser writes brackets as -lrb- and the like.
    return any(char.isalnum() for char in token) and not (token.startswith("-") and token.endswith("-"))


def to_word_ids(words: Sequence[str], captioner: Captioner) -> npt.NDArray[np.int32]:
    """int32 [L] of words that the vocabulary has; no more than the model's captions have at most."""
    ids = [captioner.bundle.tokenizer.id_of(word) for word in words[: captioner.bundle.decoding.max_length]]
    return np.array([one for one in ids if one is not None], np.int32)


def word_log_probabilities(engine: Engine, features: Floats, ids: npt.NDArray[np.int32]) -> Floats:
    """log p of each word of a query given the words before it and a picture, in nats.

    The end of the sentence is not asked for: a query need not be whole.

    Features float32 [N, P, D] and `ids` int32 [L], without bos and eos -> float32 [N, L]; the sum of a row is
    log p(query | picture).
    """
    result = np.empty((len(features), len(ids)), np.float32)
    for first in range(0, len(features), ROWS):
        part = slice(first, first + ROWS)
        steps = teacher_forced(engine.start, engine.step, features[part], ids)
        for place, (expected, word) in enumerate(zip(steps, ids, strict=True)):
            result[part, place] = expected[:, word]
    return result
