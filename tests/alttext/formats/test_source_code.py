"""Source code with pictures in it, read, written and undone as any other document."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captionkit.alttext.formats.documents import SOURCE_CODE, read_document, write_alts
from captionkit.alttext.formats.pictures import Picture, squeeze
from captionkit.alttext.scan import Failure, ScannedDocument, scan
from captionkit.alttext.sidecar import open_sidecar
from captionkit.alttext.verdict import Verdict, judge
from captionkit.alttext.write import Decision, undo, write_documents
from captionkit.errors import DataError
from captionkit.files.edits import apply_edits, inverse_edits

REACT = """\
import React, { useState } from 'react';
import dog from './img/dog.png';
const cat = require("./img/cat.png");

// <img src="comment.png">
const page = '<img src="string.png">', more = `<Image src="template.png"> ${1 < 2}`;
const find = /<img src="expression.png">/g;

export default function Kennel({ items, n }: { items: Array<Image>; n: number }) {
  const [open, setOpen] = useState<Image>();
  if (items.length < n && n > 3) return null;
  return (
    <section>
      {/* <Image src="hidden.png" /> */}
      <h2>It's a kennel</h2>
      <img src={dog} />
      <img
        src={cat}
        className="wide"
      />
      <Image src="/a.png" alt={"photo"} />
      {items.map((one) => <li key={one.id}>{one.name} <img src={one.src} alt={one.alt} /></li>)}
      <Card media={<img src="b.png" />}>Don't</Card>
      <img src="c.png" alt="" {...open} />
      <Link to="/home"><Avatar.Image src="d.png" /></Link>
      <img {...open} />
    </section>
  );
}
"""
VUE = """\
<script setup lang="ts">
import dog from '@/img/dog.png'
const page = '<img src="string.png">'
</script>

<template>
  <div :class="{ wide: a < b }" @click="open('it\\'s')">
    <!-- <img src="comment.png"> -->
    <p>{{ a < b ? '<img src="text.png">' : "it's" }}</p>
    <img :src="dog">
    <NuxtImg
      v-for="one in items"
      :src="one.src"
      :alt="one.alt"
    />
    <nuxt-img src="~/img/a.png" alt='image' />
    <router-link to="/home"><img src="b.png" alt></router-link>
    <figure><img src="c.png" alt="Our dog"><figcaption>Our dog</figcaption></figure>
  </div>
</template>

<style>.a { background: url("<img>") }</style>
"""
SVELTE = """\
<script>
  import dog from '$lib/dog.png';
  let page = '<img src="string.png">';
</script>

<!-- <img src="comment.png"> -->
{#if a < b && page !== '</p>'}
  <img src={dog} />
{:else}
  <img src="/img/{a}.png" alt="Photo of {b}" />
{/if}
<img src="b.png" {alt}>
<img src=c.png alt=picture width={1} height="20">
<button><img src="d.png"></button>
<a href="/home"><img src="e.png" alt="" />{label}</a>
"""
ASTRO = """\
---
import { Image } from 'astro:assets';
import dog from '../img/dog.png';
const page = '<img src="string.png">';
---
<!doctype html>
<html lang="de">
  <body>
    <Image
      src={dog}
      width={300}
    />
    {items.map((one) => <li>{one.a < 3 ? "it's" : <img src={one.src} alt={one.alt}>}</li>)}
    {open && (<b>Here</b><img src="a.png" alt=`image` />)}
    <script>const page = '<img src="script.png">';</script>
  </body>
</html>
"""
FILES = {"kennel.tsx": REACT, "kennel.vue": VUE, "kennel.svelte": SVELTE, "kennel.astro": ASTRO}


def read(name: str, text: str) -> tuple[Picture, ...]:
    return read_document(Path(name), text.encode()).pictures


def found(name: str, text: str) -> list[tuple[str, str | None, Verdict]]:
    return [(one.source, one.alt, judge(one, None).verdict) for one in read(name, text)]


def test_react() -> None:
    assert found("a.tsx", REACT) == [
        ("./img/dog.png", None, Verdict.MISSING),
        ("./img/cat.png", None, Verdict.MISSING),
        ("/a.png", "photo", Verdict.PLACEHOLDER),
        ("{one.src}", None, Verdict.OK),
        ("b.png", None, Verdict.MISSING),
        ("c.png", "", Verdict.DECORATIVE),
        ("d.png", None, Verdict.FUNCTIONAL),
        ("", None, Verdict.OK),
    ]
    dog, cat = read("a.tsx", REACT)[:2]
    assert (dog.line, dog.column, cat.line, dog.context.heading) == (16, 7, 17, "It's a kennel")


def test_a_parameter_is_not_the_import_of_its_name() -> None:
    text = "import dog from './a.png';\nconst Row = ({ dog }) => <img src={dog} />;\n"
    assert found("a.jsx", text) == [("{dog}", None, Verdict.MISSING)]
    assert found("a.mdx", f"{text}\n<Image src={{dog}} />\n") == [("{dog}", None, Verdict.MISSING)] * 2


def test_vue() -> None:
    assert found("a.vue", VUE) == [
        ("@/img/dog.png", None, Verdict.MISSING),
        ("{one.src}", None, Verdict.OK),
        ("~/img/a.png", "image", Verdict.PLACEHOLDER),
        ("b.png", "", Verdict.FUNCTIONAL),
        ("c.png", "Our dog", Verdict.REDUNDANT),
    ]


def test_svelte() -> None:
    assert found("a.svelte", SVELTE) == [
        ("$lib/dog.png", None, Verdict.MISSING),
        ("{/img/{a}.png}", None, Verdict.OK),
        ("b.png", None, Verdict.OK),
        ("c.png", "picture", Verdict.PLACEHOLDER),
        ("d.png", None, Verdict.FUNCTIONAL),
        ("e.png", "", Verdict.DECORATIVE),
    ]
    assert (read("a.svelte", SVELTE)[3].width, read("a.svelte", SVELTE)[3].height) == (1, 20)


def test_astro() -> None:
    assert found("a.astro", ASTRO) == [
        ("../img/dog.png", None, Verdict.MISSING),
        ("{one.src}", None, Verdict.OK),
        ("a.png", "image", Verdict.PLACEHOLDER),
    ]
    assert read("a.astro", ASTRO)[0].context.language == "de"


@pytest.mark.parametrize(
    ("text", "verdict", "link_text"),
    [
        ("(<a href='/b'><img src='c'/> Home</a>)", Verdict.FUNCTIONAL, "Home"),
        ("(<NavLink to={b}><img src='c' alt=''/>{d}</NavLink>)", Verdict.DECORATIVE, "{d}"),
        ("(<NavLink to={b}><img src='c' alt=''/>{'Home'}{/* d */}</NavLink>)", Verdict.DECORATIVE, "Home"),
        ("(<IconButton aria-label='Save'><img src='c'/></IconButton>)", Verdict.FUNCTIONAL, "Save"),
        ("(<IconButton icon={<img src='c'/>}>Save</IconButton>)", Verdict.FUNCTIONAL, "Save"),
        ("(<a><img src='c'/></a>)", Verdict.MISSING, ""),
        ("(<p aria-hidden><img src='c'/></p>)", Verdict.DECORATIVE, ""),
        ("(<p aria-hidden={false}><img src='c'/></p>)", Verdict.MISSING, ""),
        ("(<p aria-hidden={d}><img src='c'/></p>)", Verdict.MISSING, ""),
        ("(<img src='c' aria-label={d}/>)", Verdict.OK, ""),
        ("(<img src='c' role={d} width={2} height={300}/>)", Verdict.DECORATIVE, ""),
        ("(<img src='c' width={d}/>)", Verdict.MISSING, ""),
    ],
)
def test_what_stands_around_counts_as_in_pages(text: str, verdict: Verdict, link_text: str) -> None:
    (picture,) = read("a.jsx", text)
    assert (judge(picture, None).verdict, picture.context.link_text) == (verdict, link_text)


def test_other_elements_take_their_names_from_elsewhere() -> None:
    tags = (
        "<svg><image href='a'/></svg>",
        "<i role='img'/>",
        "<area href='/b'/>",
        "<input type='image' src='c'/>",
    )
    text = "; ".join(f"({tag})" for tag in tags)
    drawn, role, area, button = read("a.jsx", text)
    assert drawn.slot is role.slot is None
    assert area.slot is not None
    assert button.slot is not None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsx", "const a = b <Image; const c = new Image(); f<Image>(d)"),
        ("a.jsx", "const A = () => <Image source={require('./a.png')} />"),  # React Native's own
        ("a.jsx", "const A = () => <Figure>text</Figure>"),
        ("a.js", "var a = '<img src=\"' + b + '\">'"),
        ("a.js", "}}} <img src='a'/> it's"),
        ("a.vue", "<template lang='pug'>img(src='<img>')</template>"),
        ("a.svelte", "{@html '<img src=a>'}"),
    ],
)
def test_what_is_no_picture(name: str, text: str) -> None:
    assert read(name, text) == ()


def test_code_that_cannot_be_followed_is_one_sentence_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "a.jsx").write_text("const A = () => (\n  <div><img src='a.png'/></p></div>\n)")
    (tmp_path / "b.js").write_text("const A = <img src='a.png'/>; }")
    (tmp_path / "c.vue").write_text("<template><img src='a.png'></template>")
    first, second, third = scan([tmp_path])
    assert isinstance(first, Failure)
    assert isinstance(second, Failure)
    assert isinstance(third, ScannedDocument)
    assert first.error.endswith(
        "a.jsx: its code cannot be followed (</p> closes nothing, line 2), so it is left alone."
    )
    assert "(a } closes nothing, line 1)" in second.error


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_written_and_undone_to_the_byte(tmp_path: Path, name: str, mark: bytes, end: str) -> None:
    data = mark + FILES[name].replace("\n", end).encode() + b"// \xff\xe9"
    (tmp_path / name).write_bytes(data)
    (document,) = scan([tmp_path])
    assert isinstance(document, ScannedDocument)
    texts: dict[str, Decision] = {}
    for one in document.findings:
        if one.picture.slot is not None:
            texts[one.id] = Decision(f'{len(texts)}: "it\'s" {{a}} & <b> {{{{ c }}}} é', "person")
    assert len(texts) >= 2
    (result,) = write_documents([document], texts)
    assert result[1:] == (len(texts), "")
    (after,) = scan([tmp_path])
    assert isinstance(after, ScannedDocument)
    shown = [one.picture.alt for one in after.findings if one.picture.slot is not None]
    assert shown == [one.alt for one in texts.values()]
    assert all(not one.error for one in undo(open_sidecar(tmp_path)))
    assert (tmp_path / name).read_bytes() == data


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(FILES)), st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30))
def test_any_alt_text_reads_back_and_undoes(name: str, alt: str) -> None:
    data, path = FILES[name].encode(), Path(name)
    document = read_document(path, data)
    wanted = {number: alt for number, one in enumerate(document.pictures) if one.slot is not None}
    edits = write_alts(path, data, document, wanted)
    new = apply_edits(data, edits)
    pictures = read_document(path, new).pictures
    assert {squeeze(pictures[number].alt or "") for number in wanted} == {squeeze(alt)}
    assert apply_edits(new, inverse_edits(data, edits)) == data


@pytest.mark.parametrize("suffix", sorted(SOURCE_CODE))
def test_an_empty_file_has_no_pictures(suffix: str) -> None:
    assert read(f"a{suffix}", "") == ()


@pytest.mark.parametrize("piece", ["(", "(<a>", "`${", "{<a b={", "<a>{"])
def test_nesting_without_end_is_refused(piece: str) -> None:
    with pytest.raises(DataError, match="open at once"):
        read("a.jsx", "// <img>\n" + piece * 5_000 + "</a>")
