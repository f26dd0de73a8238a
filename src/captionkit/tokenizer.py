"""The vocabulary: words <-> ids. Built from train captions only; stored as JSON, never as pickle."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from captionkit.errors import DataError, UsageError
from captionkit.text import tokenize

PAD, BOS, EOS, UNK = 0, 1, 2, 3
SPECIALS = ("<pad>", "<bos>", "<eos>", "<unk>")
FORMAT = "captionkit-tokenizer-1"
MAX_WORDS = 1_000_000
# White space, control characters, half characters and changes of direction: tokenising captions gives none, and a
# vocabulary of somebody else's must not write to the terminal what it likes.
_NO_WORD = re.compile(r"[\s\x00-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


class Tokenizer:
    """Word-level tokenizer with four special ids: pad 0, bos 1, eos 2, unk 3.

    Attributes:
        words: the word of every id; the first four are the specials, which no caption can spell.
    """

    def __init__(self, words: Sequence[str]) -> None:
        """Take the words of the ids from 4 up.

        Raises:
            DataError: a word is empty, holds white space or control characters, comes twice, or is a special one.
        """
        for word in words:
            if not word or word in SPECIALS or _NO_WORD.search(word):
                raise DataError(
                    "Expected words without white space and control characters in a vocabulary, but got "
                    f"{word[:60]!r}."
                )
        if len(set(words)) != len(words):
            twice = Counter(words).most_common(1)[0][0]
            raise DataError(f"Expected each word once in a vocabulary, but {twice[:60]!r} comes twice.")
        self.words: tuple[str, ...] = (*SPECIALS, *words)
        self._ids = {word: index for index, word in enumerate(self.words) if index >= len(SPECIALS)}

    @classmethod
    def build(cls, captions: Iterable[str], *, min_count: int = 1) -> Tokenizer:
        """The words that occur at least `min_count` times, the most frequent first, ties by the alphabet.

        Args:
            captions: train captions, and no others: a vocabulary that has seen dev or test words leaks.

        Raises:
            UsageError: one caption where several are expected.
        """
        _expect_several(captions)
        counts = Counter(word for caption in captions for word in tokenize(caption))
        kept = [word for word, count in counts.items() if count >= min_count and word not in SPECIALS]
        return cls(sorted(kept, key=lambda word: (-counts[word], word)))

    @property
    def spoken(self) -> tuple[str, ...]:
        """The words that captions can hold: all but the specials. These are what people are told the number of."""
        return self.words[len(SPECIALS) :]

    def __len__(self) -> int:
        return len(self.words)

    def __repr__(self) -> str:
        return f"Tokenizer({len(self.spoken):,} words)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tokenizer) and self.words == other.words

    def __hash__(self) -> int:
        return hash(self.words)

    def id_of(self, word: str) -> int | None:
        """The id of a word; None where the vocabulary lacks it."""
        return self._ids.get(word)

    def to_ids(self, texts: Sequence[str], length: int) -> npt.NDArray[np.int32]:
        """Word ids, eos, then pad.

        A caption of more than `length` - 1 words is cut to `length` words and gets no eos: a model must not
        learn that a sentence ends where we cut it.

        Returns:
            int32 [B, length].

        Raises:
            UsageError: one caption where several are expected.
        """
        _expect_several(texts)
        ids = np.full((len(texts), length), PAD, np.int32)
        for row, text in zip(ids, texts, strict=True):
            sentence = [self._ids.get(word, UNK) for word in tokenize(text)]
            sentence = [*sentence, EOS][:length]
            row[: len(sentence)] = sentence
        return ids

    def to_tokens(self, ids: Iterable[int]) -> list[str]:
        """The words of one caption, up to the first eos; pad and bos are passed over."""
        tokens = []
        for index in ids:
            if index == EOS:
                break
            if index not in (PAD, BOS):
                tokens.append(self.words[index])
        return tokens

    def to_text(self, ids: npt.NDArray[np.int32]) -> list[str]:
        """The captions of id rows [B, L] as tokens joined by spaces; each stops at its first eos."""
        return [" ".join(self.to_tokens(int(index) for index in row)) for row in ids]

    def coverage(self, captions: Iterable[str]) -> float:
        """The share of running words in `captions` that the vocabulary knows; 1.0 for no words at all."""
        known = total = 0
        for caption in captions:
            words = tokenize(caption)
            total += len(words)
            known += sum(word in self._ids for word in words)
        return known / total if total else 1.0

    def to_json(self) -> str:
        """The vocabulary as JSON; `Tokenizer.from_json` is its inverse."""
        return json.dumps({"format": FORMAT, "words": list(self.spoken)}, ensure_ascii=False, indent=0)

    @classmethod
    def from_json(cls, text: str) -> Tokenizer:
        """Read what `to_json` wrote.

        Raises:
            DataError: it is not JSON, of another format, or no vocabulary.
        """
        try:
            document: Any = json.loads(text)
        except (ValueError, RecursionError) as error:  # a number of thousands of digits, thousands of brackets
            reason = error if isinstance(error, json.JSONDecodeError) else type(error).__name__
            raise DataError(f"Expected a vocabulary as JSON, but it does not parse: {reason}.") from None
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            found = document.get("format") if isinstance(document, dict) else type(document).__name__
            raise DataError(f"Expected a vocabulary of format {FORMAT!r}, but got {repr(found)[:60]}.")
        words = document.get("words")
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise DataError("Expected a list of strings under 'words' in the vocabulary.")
        if len(words) > MAX_WORDS:
            raise DataError(f"The vocabulary has {len(words):,} words, more than the {MAX_WORDS:,} allowed.")
        return cls(words)


def _expect_several(captions: Iterable[str]) -> None:
    if isinstance(captions, str):  # of which each letter would be a caption
        raise UsageError("Expected several captions, but got one; put it into a list: [caption].")
