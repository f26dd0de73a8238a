from __future__ import annotations

import pytest

from captionkit.alttext.formats.attributes import attribute_slot, read_start_tag
from captionkit.alttext.formats.html import find_pictures


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ('<img src="a.png">', '<img alt="A dog." src="a.png">'),
        ("<IMG\n src=a.png\n ALT=old />", '<IMG\n src=a.png\n ALT="A dog." />'),
        ("<img alt='old' src='a>b.png'>", "<img alt='A dog.' src='a>b.png'>"),
        ('<img alt = "old">', '<img alt = "A dog.">'),
        ("<img alt>", '<img alt="A dog.">'),
        ("<img alt src=a>", '<img alt="A dog." src=a>'),
        ("<img/alt=''/>", "<img/alt='A dog.'/>"),
        ('<img data-alt="keep" alt="">', '<img data-alt="keep" alt="A dog.">'),
        ('<img alt="first" alt="second">', '<img alt="A dog." alt="second">'),
        ("<img alt=>", '<img alt="A dog.">'),
    ],
)
def test_only_the_value_of_alt_changes(tag: str, expected: str) -> None:
    found = read_start_tag(tag, 0)
    assert found is not None
    assert found.end == len(tag)
    edit = attribute_slot(found, "alt").edit("A dog.")
    assert tag[: edit.start] + edit.new + tag[edit.end :] == expected
    assert find_pictures(expected)[0][0].alt == "A dog."


@pytest.mark.parametrize("tag", ["<img>", "<img alt='old'>", '<img alt="old">'])
def test_what_is_written_is_nothing_that_a_template_fills_in(tag: str) -> None:
    found = read_start_tag(tag, 0)
    assert found is not None
    edit = attribute_slot(found, "alt").edit("{{ a }} {% b %} ${c}")
    new = tag[: edit.start] + edit.new + tag[edit.end :]
    assert not {"{", "}"} & set(new)
    picture = find_pictures(new)[0][0]
    assert (picture.alt, picture.fixed) == ("{{ a }} {% b %} ${c}", "")


@pytest.mark.parametrize("text", ["", "<", "< img>", "</img>", "<img", '<img alt="never ends', "<img alt="])
def test_no_tag_is_no_tag(text: str) -> None:
    assert read_start_tag(text, 0) is None
