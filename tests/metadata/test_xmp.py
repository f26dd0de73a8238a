from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captionkit.alttext.formats.pictures import squeeze
from captionkit.metadata.blocks import MetadataError
from captionkit.metadata.xmp import ALT_TEXT, DESCRIPTION, merge, new_packet, read_description

PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Writer 1.0"><!-- kept <dc:description> -->
 <r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <r:Description r:about="uuid:1" xmlns:D="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmp:Rating="3" BODY
  </r:Description>
 </r:RDF>
</x:xmpmeta>
                                        \n<?xpacket end="w"?>"""


def packet(attributes: str = ">", body: str = "") -> bytes:
    return PACKET.replace("BODY", f"{attributes}{body}").encode()


def languages(data: bytes, name: str) -> dict[str, str]:
    uri, local = name.split(" ")
    root = ElementTree.fromstring(data)  # an independent reader
    items = root.findall(f".//{{{uri}}}{local}//{{http://www.w3.org/1999/02/22-rdf-syntax-ns#}}li")
    return {item.get("{http://www.w3.org/XML/1998/namespace}lang", ""): item.text or "" for item in items}


def test_a_new_packet_says_both_in_both_languages() -> None:
    data = new_packet({DESCRIPTION: 'A "dog" & <cat>.', ALT_TEXT: "A dog."}, "en")
    assert languages(data, DESCRIPTION) == {"x-default": 'A "dog" & <cat>.', "en": 'A "dog" & <cat>.'}
    assert languages(data, ALT_TEXT) == {"x-default": "A dog.", "en": "A dog."}
    assert read_description(data) == ('A "dog" & <cat>.', "A dog.")
    assert data.startswith('<?xpacket begin="\ufeff"'.encode())
    assert data.endswith(b'<?xpacket end="w"?>')


def test_properties_are_added_and_every_other_byte_stays() -> None:
    old = packet(body="<D:title><r:Alt><r:li xml:lang='x-default'>Title</r:li></r:Alt></D:title>")
    new = merge(old, {DESCRIPTION: "A dog.", ALT_TEXT: "A dog."}, "en")
    assert read_description(new) == ("A dog.", "A dog.")
    start = next(i for i in range(len(old)) if old[i] != new[i])
    added = len(new) - len(old)
    assert new[:start] + new[start + added :] == old
    assert b'rdf:about="uuid:1"' in new  # all descriptions of a packet speak of one thing (ISO 16684-1, 7.4)


def test_an_old_description_is_replaced_under_its_own_prefix_and_other_languages_stay() -> None:
    german = "<r:li xml:lang='de'>Ein <![CDATA[Hund]]></r:li>"
    body = (
        "<D:description><r:Alt><r:li xml:lang='x-default'>Old</r:li><r:li xml:lang='EN'>Old</r:li>"
        f"{german}</r:Alt></D:description><D:creator>Me</D:creator>"
    )
    new = merge(packet(body=body), {DESCRIPTION: "A dog."}, "en")
    assert languages(new, DESCRIPTION) == {"x-default": "A dog.", "en": "A dog.", "de": "Ein Hund"}
    assert german.encode() in new
    assert b"<D:creator>Me</D:creator>" in new
    assert b"uuid:1" not in new.split(b"<D:description")[-1], "nothing was missing, so nothing is added"
    assert new.count(b"<D:description") == 1 + old_comment(new)


def test_the_default_language_is_read_wherever_it_stands_and_tags_are_compared_without_case() -> None:
    body = (
        "<D:description><r:Alt><r:li xml:lang='de-at'>Alt</r:li><r:li xml:lang='x-default'>Old</r:li></r:Alt>"
        "</D:description>"
    )
    assert read_description(packet(body=body))[0] == "Old"
    assert languages(merge(packet(body=body), {DESCRIPTION: "Neu"}, "de-AT"), DESCRIPTION) == {
        "x-default": "Neu",
        "de-AT": "Neu",
    }


def old_comment(data: bytes) -> int:
    return data.count(b"kept <D:description>")


def test_a_description_that_is_an_attribute_or_stands_twice_is_one_afterwards() -> None:
    attribute = merge(packet('D:description="Old">'), {DESCRIPTION: "New."}, "en")
    assert languages(attribute, DESCRIPTION) == {"x-default": "New.", "en": "New."}
    assert b"Old" not in attribute
    twice = packet(body="<D:description>One</D:description><D:description/>")
    assert read_description(twice)[0] == "One"
    assert languages(merge(twice, {DESCRIPTION: "New."}, "en"), DESCRIPTION) == {"x-default": "New.", "en": "New."}
    twice = packet(body="<D:description>One</D:description><D:description>Two</D:description>")
    merged = merge(twice, {DESCRIPTION: "New."}, "en")
    assert b"Two" not in merged
    assert read_description(merged)[0] == "New."


def test_an_attribute_that_is_not_set_stays() -> None:
    merged = merge(packet('D:description="Old">'), {ALT_TEXT: "New."}, "en")
    assert read_description(merged) == ("Old", "New.")
    assert b'D:description="Old"' in merged


def test_a_property_in_the_default_namespace_is_replaced() -> None:
    old = packet(body="<description xmlns='http://purl.org/dc/elements/1.1/'>Old</description>")
    assert read_description(old)[0] == "Old"
    merged = merge(old, {DESCRIPTION: "New."}, "en")
    assert languages(merged, DESCRIPTION) == {"x-default": "New.", "en": "New."}
    assert b"Old" not in merged


def test_zero_bytes_behind_a_packet_stay() -> None:
    merged = merge(packet() + b"\0\0", {DESCRIPTION: "New."}, "en")
    assert merged.endswith(b"\0\0")
    assert read_description(merged)[0] == "New."


def test_an_empty_rdf_element_is_opened() -> None:
    old = b'<m xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><r:RDF/></m>'
    new = merge(old, {ALT_TEXT: "A dog."}, "en")
    assert read_description(new) == ("", "A dog.")
    assert new.startswith(old[:-6] + b">")
    assert new.endswith(b"</r:RDF></m>")


@pytest.mark.parametrize(
    "empty",
    [
        "<D:description/>",
        "<D:description></D:description>",
        "<D:description><r:Alt><r:li/></r:Alt></D:description>",
    ],
)
def test_an_empty_element_before_an_end_tag_is_replaced_alone(empty: str) -> None:
    old = packet().replace(b">\n  </r:Description>", f">{empty}</r:Description>".encode())
    assert read_description(old) == ("", "")
    new = merge(old, {DESCRIPTION: "A dog."}, "en")
    assert languages(new, DESCRIPTION)["x-default"] == "A dog."
    before, after = old.split(empty.encode())
    assert new.startswith(before)
    assert new.endswith(after)


@pytest.mark.parametrize(
    "old",
    [
        "<D:description/>",
        "<D:description></D:description>",
        "<D:description><r:Alt/></D:description>",
        '<D:description><r:Alt><r:li xml:lang="x-default"/></r:Alt></D:description>',
        '<D:description><r:Alt><r:li xml:lang="x-default"/><r:li xml:lang="de"/></r:Alt></D:description>',
    ],
)
def test_an_empty_description_is_filled(old: str) -> None:
    data = packet(body=f"{old}</r:Description></r:RDF></x:xmpmeta>").split(b"</x:xmpmeta>")[0] + b"</x:xmpmeta>"
    assert read_description(data) == ("", "")
    merged = merge(data, {DESCRIPTION: "A dog."}, "en")
    assert read_description(merged) == ("A dog.", "")
    kept = {"de": ""} if '"de"' in old else {}
    assert languages(merged, DESCRIPTION) == {"x-default": "A dog.", "en": "A dog.", **kept}


def test_an_empty_rdf_element_before_an_end_tag_is_opened() -> None:
    data = b'<x:m xmlns:x="adobe:ns:meta/"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:m>'
    assert read_description(merge(data, {DESCRIPTION: "A dog."}, "en")) == ("A dog.", "")


def test_a_description_of_another_thing_inside_a_structure_is_not_the_pictures() -> None:
    inner = "<D:relation r:parseType='Resource'><D:description>Inner</D:description></D:relation>"
    assert read_description(packet(body=inner)) == ("", "")
    inner = "<D:relation><r:Description><D:description>Inner</D:description></r:Description></D:relation>"
    assert read_description(packet(body=inner)) == ("", "")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no xml",
        b"<a/>",
        packet().split(b"</r:RDF>")[0],
        b'<!DOCTYPE a [<!ENTITY b "c">]>' + packet(),
        "<?xml version='1.0' encoding='latin-1'?><a>é</a>".encode("latin-1"),
        packet().decode().encode("utf-16"),
        b"<a>" * 3000,
    ],
)
def test_a_damaged_or_hostile_packet_is_one_sentence(data: bytes) -> None:
    with pytest.raises(MetadataError):
        read_description(data)
    with pytest.raises(MetadataError):
        merge(data, {DESCRIPTION: "x"}, "en")


@settings(max_examples=60, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), min_size=1, max_size=60)
    .map(squeeze)
    .filter(bool)
)
def test_any_text_reads_back(text: str) -> None:
    for old in (packet(), packet('D:description="Old">'), packet(body="<D:description/>")):
        assert read_description(merge(old, {DESCRIPTION: text, ALT_TEXT: text}, "en")) == (text, text)
