"""People measured as a model is: each reference against the others of its picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from captionkit.metrics.corpus import Tokens


def left_out(references: Sequence[Sequence[Tokens]]) -> Iterator[tuple[Tokens, Sequence[Tokens]]]:
    """(a reference, the others of its picture), for each reference of pictures that have two or more."""
    for group in references:
        if len(group) > 1:
            for place, one in enumerate(group):
                yield one, [*group[:place], *group[place + 1 :]]
