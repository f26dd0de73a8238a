"""The Penn Treebank tokeniser of the COCO caption evaluation, in Python.

`tokenize_line` gives the tokens that Stanford's PTBTokenizer 3.4.1 gives with `-preserveLines -lowerCase`, except
for the periods that it would give as tokens of their own after abbreviations.
"""

from __future__ import annotations

from captionkit.text.ptb.lexer import tokenize_line
from captionkit.text.ptb.rules import ABBREVIATIONS

__all__ = ["ABBREVIATIONS", "tokenize_line"]
