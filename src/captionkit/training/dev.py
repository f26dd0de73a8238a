"""Dev scores of captions that are really decoded, never of teacher-forced ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from captionkit.config import DecodingConfig
from captionkit.decoding import Wording, agree_articles, beam_search
from captionkit.metrics.bleu import bleu
from captionkit.metrics.cider import cider_d
from captionkit.modeling.caption_model import CaptionModel
from captionkit.text import tokenize
from captionkit.tokenizer import Tokenizer
from captionkit.training.input_pipeline import ReadInputs, to_tensor

BATCH = 64


class DevScores:
    """Captions dev pictures with the weights that are set, and scores them."""

    def __init__(
        self,
        model: CaptionModel,
        tokenizer: Tokenizer,
        decoding: DecodingConfig,
        read: ReadInputs,
        references: Sequence[Sequence[str]],
        *,
        beams: int,
    ) -> None:
        """Compile the decoder's two functions once.

        `read` gives the inputs of picture rows 0 to N - 1; `references` are what people wrote of each.
        """
        self._tokenizer, self._decoding, self._beams = tokenizer, decoding, beams
        self._constraints = Wording().constraints(
            tokenizer, no_repeat_ngram=decoding.no_repeat_ngram, bad_endings=decoding.bad_endings.split()
        )
        self._read = read
        self._tokenised = [[tokenize(text) for text in texts] for texts in references]

        @tf.function(reduce_retracing=True, autograph=False)
        def start(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            return model.decoder.start(model.encode(inputs))

        @tf.function(reduce_retracing=True, autograph=False)
        def step(state: dict[str, tf.Tensor], ids: tf.Tensor) -> tuple[tf.Tensor, Any, dict[str, tf.Tensor]]:
            return model.decoder.step(state, ids)

        self._start, self._step = start, step

    def captions(self) -> list[str]:
        """One caption a picture, tokens joined by spaces."""
        texts: list[str] = []
        for first in range(0, len(self._tokenised), BATCH):
            rows = np.arange(first, min(first + BATCH, len(self._tokenised)))
            found = beam_search(
                lambda inputs: self._start(to_tensor(inputs)),
                self._step,
                self._read(rows),
                beams=self._beams,
                max_length=self._decoding.max_length,
                length_penalty=self._decoding.length_penalty,
                constraints=self._constraints,
            )
            texts += [" ".join(agree_articles(self._tokenizer.to_tokens(best.ids))) for best, *_ in found]
        return texts

    def __call__(self) -> dict[str, float]:
        """CIDEr-D, BLEU-4, mean words a caption, and the share of captions that differ from all others."""
        texts = self.captions()
        candidates = [tokenize(text) for text in texts]
        return {
            "CIDEr": cider_d(candidates, self._tokenised)[0],
            "BLEU-4": bleu(candidates, self._tokenised).corpus["BLEU-4"],
            "words": float(np.mean([len(words) for words in candidates])),
            "distinct": len(set(texts)) / len(texts),
        }
