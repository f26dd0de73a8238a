"""Captions that hold of a picture in a mirror."""

from __future__ import annotations

from captionkit.text.mirrored import can_be_mirrored


def test_a_caption_that_speaks_of_a_side_or_of_writing_is_not_mirrored() -> None:
    assert can_be_mirrored(["A dog runs .", "The brown dog is running ."])
    assert not can_be_mirrored(["A dog runs .", "A dog on the Left side ."])
    assert not can_be_mirrored(["A man holds a sign ."])
    assert not can_be_mirrored(["A left-handed batter ."])
    assert can_be_mirrored(["A one-handed handstand ."])
