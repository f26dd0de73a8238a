from __future__ import annotations

import random
from pathlib import Path

import pytest

from captionkit.alttext.formats.documents import READERS, read_data, read_document
from captionkit.alttext.verdict import judge
from captionkit.errors import DataError, UsageError
from captionkit.files.edits import apply_edits
from tests.alttext.formats.test_archive import packed
from tests.alttext.formats.test_markdown import PAGE
from tests.alttext.test_example_site import SITE
from tests.pace import expect_linear

NAMESPACES = (
    b'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    b'xmlns:wp="wp" xmlns:a="a" xmlns:r="r" xmlns:p="p"'
)
WORD = (
    b"<w:document "
    + NAMESPACES
    + b'><w:p><wp:inline><wp:docPr id="1" descr="x"/><a:blip r:embed="r1"/></wp:inline>'
    b"</w:p></w:document>"
)
SLIDE = b"<p:sld " + NAMESPACES + b'><p:pic><p:cNvPr id="1" descr="x"/><a:blip r:embed="r1"/></p:pic></p:sld>'
SEEDS = {
    ".html": (SITE / "index.html").read_bytes(),
    ".xhtml": b'<?xml version="1.0"?><html xmlns="x"><p>a<img src="x"/> <img src="y" alt="z"/></p></html>',
    ".md": PAGE.encode(),
    ".jsx": b"import d from './d.png'\nconst A = () => <p a={1 < 2}>it's <img src={d} alt='x'/>"
    b' {b && <Image src="e" />}</p>',
    ".js": b"export const A = () => { return <img\n  src={`a`}\n  alt={'x'}\n/> } // it's",
    ".vue": b"<script>let a = '<'</script>\n<template><p>{{ a < b }}"
    b"<img :src=\"c\" alt=x><Image src='d' /></p></template>",
    ".svelte": b"{#if a < b}<img src={c} alt='x {'y'}'/>{/if}<img src=d alt=x><Image src='e' title=\"it's {f}\"/>",
    ".astro": b"---\nconst a = '<'\n---\n<p>{b.map(c => <img src={c} alt=`x`>)}it's <Image src='d' {e} /></p>",
    ".ipynb": (SITE / "path.ipynb").read_bytes(),
    ".docx": packed({"word/document.xml": WORD, "word/_rels/document.xml.rels": b"<R/>"}),
    ".pptx": packed({"ppt/presentation.xml": b"<p/>", "ppt/slides/slide1.xml": SLIDE}),
    ".epub": packed(
        {
            "META-INF/container.xml": b'<c><rootfile full-path="o.opf"/></c>',
            "o.opf": b'<p><item id="a" href="a.xhtml" media-type="text/html"/><itemref idref="a"/></p>',
            "a.xhtml": b'<html><img src="x.png"/></html>',
        }
    ),
}


def mutated(data: bytes, chance: random.Random) -> bytes:
    broken = bytearray(data)
    for _ in range(chance.choice([1, 1, 3, 15])):
        place = chance.randrange(len(broken) + 1)
        match chance.randrange(3):
            case 0:
                broken[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                del broken[place : place + chance.randrange(1, 20)]
            case _:
                broken[place:place] = bytes(chance.choices(b"<>\"'&[]()!\\{}\x00\xff/= ", k=4))
    return bytes(broken)


@pytest.mark.parametrize("suffix", SEEDS)
def test_any_damage_is_one_sentence_or_an_edit_that_reads_back(suffix: str) -> None:
    chance = random.Random(3)
    read = READERS[suffix]
    assert read(SEEDS[suffix]).pictures
    for _ in range(60):
        data = mutated(SEEDS[suffix], chance)
        try:
            document = read(data)
            assert all(judge(one, None).reason for one in document.pictures)
            alts = {index: "N x [y] z" for index, one in enumerate(document.pictures) if one.slot is not None}
            new = apply_edits(data, document.edits(alts))
        except DataError:
            continue
        after = read(new).pictures
        assert [one.source for one in after] == [one.source for one in document.pictures]
        assert all(after[index].alt == alt for index, alt in alts.items())


def test_a_book_whose_addresses_cannot_be_read_has_its_other_pages() -> None:
    package = (
        b'<p><item id="x" href="//[x" media-type="text/html"/>'
        b'<item id="a" href="a.xhtml" media-type="text/html"/><itemref idref="x"/><itemref idref="a"/></p>'
    )
    parts = {
        "META-INF/container.xml": b'<c><rootfile full-path="o.opf"/></c>',
        "o.opf": package,
        "a.xhtml": b'<html><img src="////[x"/><img src="b.png"/></html>',
        "b.png": b"picture",
    }
    assert [one.embedded for one in READERS[".epub"](packed(parts)).pictures] == ["", "b.png"]


@pytest.mark.parametrize("piece", ["![", "![a](b", "<a>", "<img src=a>\n", "[a]: b\n", "> ", "| a "])
def test_hostile_markdown_stays_quick(piece: str) -> None:
    expect_linear(lambda number: READERS[".md"]((piece * number).encode()), 3_000)


def test_a_document_of_office_may_be_longer_than_a_page(tmp_path: Path) -> None:
    for name in ("a.html", "a.DOCX"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(32_000_001)
    with pytest.raises(DataError, match="longer than the 32,000,000 bytes"):
        read_data(tmp_path / "a.html")
    assert len(read_data(tmp_path / "a.DOCX")) == 32_000_001


def test_an_unknown_suffix_names_those_that_are_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.docx, \.epub"):
        read_document(tmp_path / "a.odt")
