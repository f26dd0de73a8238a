"""Queries."""

from __future__ import annotations

import pytest
from starlette.datastructures import QueryParams

from captionkit.decoding import Wording
from captionkit.errors import UsageError
from captionkit.serve.wishes import Wishes, read_wishes


def test_all_that_can_be_asked() -> None:
    assert read_wishes(QueryParams("")) == Wishes(1, Wording())
    assert read_wishes(QueryParams("n=5")) == Wishes(5, Wording())
    asked = read_wishes(QueryParams("n=3&must=red%20dog&avoid=grass&avoid=tree"))
    assert asked == Wishes(3, Wording(must=("red dog",), avoid=("grass", "tree")))
    assert read_wishes(QueryParams(f"must={'a' * 400}")).wording.must == ("a" * 400,)


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("mus=dog", "'mus'; did you mean 'must'"),
        ("n=0", "n from 1 to 5, but got '0'"),
        ("n=6", "'6'"),
        ("n=two", "'two'"),
        ("n=%C2%B2", "'²'"),
        ("n=", "''"),
        ("n=1&n=2", "'1, 2'"),
        (f"avoid={'a+' * 201}", "at most 400 letters in must and avoid, but got 402"),
        (f"must={'a' * 201}&avoid={'b' * 200}", "but got 401"),
    ],
)
def test_what_cannot_be_asked(query: str, told: str) -> None:
    with pytest.raises(UsageError) as error:
        read_wishes(QueryParams(query))
    assert told in str(error.value)


@pytest.mark.parametrize("before", ["", "n="])
def test_what_is_long_is_not_repeated(before: str) -> None:
    with pytest.raises(UsageError) as error:
        read_wishes(QueryParams(before + "x" * 60_000))
    assert len(str(error.value)) < 150
