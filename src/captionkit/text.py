"""The one definition of tokenising captions, in training and in evaluation alike."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Tokens that the COCO caption evaluation drops after tokenising. Lower-casing has turned round brackets into
# "-lrb-" and "-rrb-" by then, so they stay: copied as it is, since every published score has it.
PUNCTUATION = frozenset(
    ["''", "'", "``", "`", "-LRB-", "-RRB-", "-LCB-", "-RCB-", ".", "?", "!", ",", ":", "-", "--", "...", ";"]
)

_WORD = re.compile(r"[a-z0-9]+(?:[-'][a-z0-9]+)*|[^\sa-z0-9]")
_SENTINEL = re.compile(
    r"<(?:s|/s|pad|bos|eos|sos|unk|start|end|startseq|endseq)>|\b(?:startseq|endseq|starttoken|endtoken)\b",
    re.IGNORECASE,
)


def tokenize(caption: str) -> list[str]:
    """Words of a caption: lower-cased PTB tokens without punctuation."""
    return [token for token in _WORD.findall(caption.lower()) if token not in PUNCTUATION]


def tokenize_all(captions: Iterable[str]) -> list[list[str]]:
    """`tokenize` for many captions."""
    return [tokenize(caption) for caption in captions]


def sentinels(caption: str) -> list[str]:
    """Tokens of a model's vocabulary left in a caption: `<unk>`, `startseq`, `</s>` and their like."""
    return _SENTINEL.findall(caption)
