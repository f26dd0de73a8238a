"""The one definition of normalising and tokenising captions, in training and in evaluation alike."""

from __future__ import annotations

import re

# Tokens that the COCO evaluation drops after tokenising.
PUNCTUATION = frozenset(
    ["''", "'", "``", "`", "-LRB-", "-RRB-", "-LCB-", "-RCB-", ".", "?", "!", ",", ":", "-", "--", "...", ";"]
)

_WORD = re.compile(r"[a-z0-9]+(?:[-'][a-z0-9]+)*|[^\sa-z0-9]")


def tokenize(caption: str) -> list[str]:
    """Words of a caption: lower-cased PTB tokens without punctuation."""
    return [token for token in _WORD.findall(caption.lower()) if token not in PUNCTUATION]
