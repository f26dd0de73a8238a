"""Small random corpora for property tests: few words, so that n-grams repeat and match."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st

few = settings(max_examples=30, deadline=None)

tokens = st.lists(st.sampled_from(list("abcde")), max_size=9)
some_tokens = st.lists(st.sampled_from(list("abcde")), min_size=1, max_size=9)


def corpora(
    sentence: st.SearchStrategy[list[str]] = tokens, min_size: int = 2
) -> st.SearchStrategy[list[tuple[list[str], list[list[str]]]]]:
    """Lists of (candidate, references)."""
    group = st.lists(sentence, min_size=1, max_size=4)
    return st.lists(st.tuples(sentence, group), min_size=min_size, max_size=6)
