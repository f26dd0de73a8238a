"""Edits of bytes and the edits that lead back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captionkit.files.edits import ByteEdit, apply_edits, inverse_edits


@st.composite
def edited(draw: st.DrawFn) -> tuple[bytes, list[ByteEdit]]:
    data = draw(st.binary(max_size=40))
    places = sorted(draw(st.lists(st.integers(0, len(data)), max_size=8, unique=True)))
    pairs = zip(places[::2], places[1::2], strict=False)
    return data, [ByteEdit(start, end, draw(st.binary(max_size=5))) for start, end in pairs]


@given(edited())
def test_the_inverse_edits_lead_back(case: tuple[bytes, list[ByteEdit]]) -> None:
    data, edits = case
    assert apply_edits(apply_edits(data, edits), inverse_edits(data, edits)) == data


def test_edits_count_places_before_any_edit() -> None:
    edits = [ByteEdit(4, 6, b""), ByteEdit(1, 2, b"xyz"), ByteEdit(3, 3, b"-")]
    assert apply_edits(b"abcdef", edits) == b"axyzc-d"
    assert apply_edits(b"abc", [ByteEdit(1, 2, b"x"), ByteEdit(1, 1, b"before")]) == b"abeforexc"


@pytest.mark.parametrize(
    "edits",
    [[ByteEdit(0, 2, b""), ByteEdit(1, 3, b"")], [ByteEdit(2, 1, b"")], [ByteEdit(3, 4, b"")]],
)
def test_edits_that_overlap_or_lie_outside_are_refused(edits: list[ByteEdit]) -> None:
    with pytest.raises(ValueError, match="overlaps"):
        apply_edits(b"abc", edits)
