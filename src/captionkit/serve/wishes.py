"""What a request asks of a caption, read from its query: `/caption?n=3&must=dog&avoid=grass&avoid=tree`."""

from __future__ import annotations

from dataclasses import dataclass, field

from starlette.datastructures import QueryParams

from captionkit.decoding import Wording
from captionkit.errors import UsageError, nearest

MAX_N = 5
MAX_LETTERS = 400  # of `must` and `avoid` together: each word is looked for in the whole vocabulary


@dataclass(frozen=True, slots=True)
class Wishes:
    """How many captions, and what they say. Pictures with equal wishes are captioned together."""

    n: int = 1
    wording: Wording = field(default_factory=Wording)


def read_wishes(query: QueryParams) -> Wishes:
    """The wishes of a query; whether a model can meet them is not looked at.

    Raises:
        UsageError: an unknown name, or a value that it cannot have.
    """
    known = ("n", "must", "avoid")
    for name in query:
        if name not in known:
            short = name[:40]
            raise UsageError(
                f"Expected n, must and avoid in the query, but got {short!r}; {nearest(short, known)}"
            )
    given = query.getlist("n") or ["1"]
    if len(given) > 1 or given[0] not in map(str, range(1, MAX_N + 1)):
        raise UsageError(f"Expected one n from 1 to {MAX_N}, but got {', '.join(given)[:40]!r}.")
    must, avoid = tuple(query.getlist("must")), tuple(query.getlist("avoid"))
    letters = len("".join((*must, *avoid)))
    if letters > MAX_LETTERS:
        raise UsageError(f"Expected at most {MAX_LETTERS} letters in must and avoid, but got {letters:,}.")
    return Wishes(int(given[0]), Wording(must=must, avoid=avoid))
