from __future__ import annotations

import pytest

from captionkit.alttext.formats.xhtml import read_xhtml
from captionkit.alttext.formats.xml_tags import MAX_DEPTH, MAX_XML_BYTES
from captionkit.errors import DataError
from captionkit.files.edits import apply_edits, inverse_edits

PAGE = """<?xml version="1.0" encoding="ENCODING"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "http://www.w3.org/TR/xhtml11/DTD/xhtml11.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="de"><head><title/><script src="x"/></head>
<body><h1>Überschrift&nbsp;1</h1><p>öä <img src="a.png"/> und <a href="x"><img
 src='b.png' alt='q'/></a></p></body></html>
"""


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "utf-16"])
def test_xhtml_is_read_as_xml_and_edited_at_its_bytes(encoding: str) -> None:
    data = PAGE.replace("ENCODING", encoding).encode(encoding)
    document = read_xhtml(data)
    first, second = document.pictures
    assert (first.source, first.alt, first.line) == ("a.png", None, 4)
    assert first.context.language == "de"
    assert first.context.heading.startswith("Überschrift")
    assert second.context.link == "x"
    edits = document.edits({0: 'Hund & "Katze" ☃', 1: "it's"})
    new = apply_edits(data, edits)
    assert [one.alt for one in read_xhtml(new).pictures] == ['Hund & "Katze" ☃', "it's"]
    assert apply_edits(new, inverse_edits(data, edits)) == data


@pytest.mark.parametrize("head", ["", '<?xml version="1.0"?>', "<!DOCTYPE html>"])
def test_a_page_that_declares_nothing_is_of_utf8_and_may_have_the_entities_of_html(head: str) -> None:
    document = read_xhtml(f"{head}<html><p>ö&nbsp;ö<img src='ä.png'/></p></html>".encode())
    assert [(one.source, one.context.nearby) for one in document.pictures] == [("ä.png", "öö")]


def test_bounds_of_xml() -> None:
    assert read_xhtml(b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH).pictures == ()
    with pytest.raises(DataError, match="64,000,001 bytes, more than the 64,000,000 that are read"):
        read_xhtml(b"<a/>".ljust(MAX_XML_BYTES + 1))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "entities"),
        (b'<!DOCTYPE a [<!ENTITY % x SYSTEM "file:///etc/passwd"> %x;]><a/>', "entities"),
        (b"<a>" * 2000, "deep"),
        (b"<a><b></a>", "not well-formed"),
        (b"", "not well-formed"),
    ],
)
def test_hostile_and_broken_xml_is_refused_in_one_sentence(data: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words):
        read_xhtml(data)
