"""What attributes of components say, and alternative texts that every language reads as they were meant."""

from __future__ import annotations

import pytest

from captionkit.alttext.formats.attributes import StartTag
from captionkit.alttext.formats.code_tags import Sink, scan_tags
from captionkit.alttext.formats.component_values import (
    ASTRO,
    JSX,
    SVELTE,
    VUE,
    Dialect,
    address,
    component_name,
    is_picture_name,
    literal,
    place_alt,
    read_values,
)
from captionkit.alttext.formats.context import FILLED_IN, PARTLY_WRITTEN
from captionkit.alttext.formats.pictures import Picture


class First(Sink):
    """Keeps the tags."""

    def __init__(self) -> None:
        self.tags: list[StartTag] = []

    def start(self, tag: StartTag) -> None:
        self.tags.append(tag)


def placed(tag: str, dialect: Dialect) -> tuple[Picture, str]:
    """The picture of a tag, and the file in which it stands."""
    text = f"<template>{tag}</template>" if dialect is VUE else tag
    sink = First()
    scan_tags(text, dialect, sink)
    picture = Picture(source="", alt=None, line=0, column=0)
    values = read_values(text, sink.tags[-1], dialect)
    return place_alt(picture, text, sink.tags[-1], dialect, values), text


def written(tag: str, dialect: Dialect, alt: str) -> str:
    picture, text = placed(tag, dialect)
    assert picture.slot is not None
    edit = picture.slot.edit(alt)
    new = text[: edit.start] + edit.new + text[edit.end :]
    return new.removeprefix("<template>").removesuffix("</template>") if dialect is VUE else new


@pytest.mark.parametrize(
    ("name", "picture"),
    [
        *(
            (name, True)
            for name in ("img", "Image", "NuxtImg", "nuxt-img", "motion.img", "enhanced:img", "A.Figure")
        ),
        *((name, False) for name in ("image", "figure", "picture", "Imagery", "MyImages", "imgs", "Img2", "Icon")),
    ],
)
def test_a_picture_has_the_name_of_one(name: str, picture: bool) -> None:
    assert is_picture_name(name) is picture


def test_a_name_is_read_without_its_module_and_dashes() -> None:
    assert [component_name(name) for name in ("Link", "nuxt-link", "a.Link", "b:c")] == [
        *("Link", "NuxtLink", "Link"),
        "c",
    ]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        *(('"a"', "a"), ("'a'", "a"), ("`a`", "a"), ('""', ""), ("16", "16"), ("1.5", "1.5"), ("true", "true")),
        *(("`a${b}`", None), ("a", None), ("'a' + b", None), ("'a\\'b'", None), ("t('a')", None), ("null", None)),
    ],
)
def test_an_expression_is_known_where_it_is_a_literal(code: str, text: str | None) -> None:
    assert literal(code) == text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *(("a.png", "a.png"), ("{dog}", "./dog.png"), ("{dog.src}", "./dog.png"), ("{cat}", "{cat}")),
        *(('{require("./b.png")}', "./b.png"), ("{require('./b.png').default}", "./b.png")),
        *(("{new URL('./c.png', import.meta.url).href}", "./c.png"), ("{a.b}", "{a.b}"), ("{two}", "{two}")),
        ("{require(`./${a}.png`)}", "{require(`./${a}.png`)}"),
    ],
)
def test_addresses_that_can_be_told(value: str, expected: str) -> None:
    assert address(value, {"dog": "./dog.png", "two": ""}) == expected


@pytest.mark.parametrize(
    ("tag", "dialect", "alt", "fixed"),
    [
        *(('<img alt="a &amp; &quot;b&quot; &copy c"/>', one, 'a & "b" © c', "") for one in (VUE, SVELTE, ASTRO)),
        ('(<img alt="a &amp; &quot;b&quot; &copy c"/>)', JSX, 'a & "b" &copy c', ""),
        *((f"(<img alt={{{code}}}/>)", JSX, "a", "") for code in ("'a'", '"a"', "`a`", " 'a' ")),
        *((f"(<img alt={{{code}}}/>)", JSX, None, FILLED_IN) for code in ("a", "`${a}`", "t('a')", "a ?? ''")),
        *((f"(<img alt={{{code}}}/>)", JSX, None, "") for code in ("undefined", "null")),
        *((f"(<img alt{rest}/>)", JSX, "", "") for rest in ("", '=""', "={''}")),
        ("(<img {...a}/>)", JSX, None, PARTLY_WRITTEN),
        ("(<img {...a} alt='b'/>)", JSX, "b", ""),
        *((f"<img {one}>", VUE, None, FILLED_IN) for one in (':alt="a"', 'v-bind:alt="a"', ":alt", '.alt="a"')),
        *((f"<img {one}>", VUE, None, FILLED_IN) for one in ("alt='b' :alt='a'", ":alt=\"'a'\"", ":alt.attr='a'")),
        *((f"<img {one}>", VUE, None, PARTLY_WRITTEN) for one in ('v-bind="a"', ':[a]="b"', 'v-bind:[a]="b"')),
        ("<img alt='{{ a }}'>", VUE, "{{ a }}", ""),  # which Vue shows as it stands
        *((f"<img {one}>", SVELTE, None, FILLED_IN) for one in ("{alt}", "alt={a}", 'alt="{a}"', "alt='b {a}'")),
        *((f"<img {one}>", SVELTE, None, FILLED_IN) for one in ("alt=b{a}", "bind:alt={a}")),
        *((f"<img {one}>", SVELTE, "a", "") for one in ("alt=a", "alt={'a'}", "alt=\"{'a'}\"")),
        ("<img {...a}>", SVELTE, None, PARTLY_WRITTEN),
        *((f"<img {one}>", ASTRO, None, FILLED_IN) for one in ("{alt}", "alt={a}", "alt=`a${b}`", ':alt="a"')),
        *((f"<img {one}>", ASTRO, "a", "") for one in ("alt=a", "alt={'a'}", "alt=`a`", "alt={`a`}")),
    ],
)
def test_what_alt_says(tag: str, dialect: Dialect, alt: str | None, fixed: str) -> None:
    picture, _ = placed(tag, dialect)
    assert (picture.alt, picture.fixed) == (alt, fixed)
    assert (picture.slot is None) == bool(fixed)


@pytest.mark.parametrize(
    ("tag", "dialect", "expected"),
    [
        ("(<img src={a} />)", JSX, '(<img alt="N" src={a} />)'),
        ("(<A.Image<B> src={a} />)", JSX, '(<A.Image<B> alt="N" src={a} />)'),
        ("(<img\r\n\tsrc={a}\r\n/>)", JSX, '(<img\r\n\talt="N"\r\n\tsrc={a}\r\n/>)'),
        ("(<img // a\n  src={a}/>)", JSX, '(<img alt="N" // a\n  src={a}/>)'),
        ("(<img\n/>)", JSX, '(<img alt="N"\n/>)'),
        ("(<img alt = 'o' src={a}/>)", JSX, "(<img alt = 'N' src={a}/>)"),
        ("(<img alt={ `o` } src={a}/>)", JSX, '(<img alt="N" src={a}/>)'),
        ("(<img alt={undefined}/>)", JSX, '(<img alt="N"/>)'),
        ("(<img alt/>)", JSX, '(<img alt="N"/>)'),
        ("<img alt=o>", VUE, '<img alt="N">'),
        ("<img\n  :src='a'>", VUE, "<img\n  alt=\"N\"\n  :src='a'>"),
        ("<img {src}>", SVELTE, '<img alt="N" {src}>'),
        ("<img alt=\"{'o'}\">", SVELTE, '<img alt="N">'),
        ("<img alt=o/>", SVELTE, '<img alt="N"/>'),
        ("<img alt=`o` {src}>", ASTRO, '<img alt="N" {src}>'),
    ],
)
def test_where_alt_is_written(tag: str, dialect: Dialect, expected: str) -> None:
    assert written(tag, dialect, "N") == expected


@pytest.mark.parametrize(
    ("dialect", "quote", "expected"),
    [
        (JSX, '"', "a &quot;b&quot; it's {c} &amp;lt; &lt;d&gt; \\n ${e}"),
        (JSX, "'", 'a "b" it&#39;s {c} &amp;lt; &lt;d&gt; \\n ${e}'),
        (SVELTE, '"', "a &quot;b&quot; it's &#123;c&#125; &amp;lt; &lt;d&gt; \\n $&#123;e&#125;"),
        (SVELTE, "'", 'a "b" it&#39;s &#123;c&#125; &amp;lt; &lt;d&gt; \\n $&#123;e&#125;'),
        (VUE, '"', "a &quot;b&quot; it's {c} &amp;lt; &lt;d&gt; \\n ${e}"),
        (ASTRO, '"', "a &quot;b&quot; it's {c} &amp;lt; &lt;d&gt; \\n ${e}"),
    ],
)
def test_every_language_gets_its_own_escapes(dialect: Dialect, quote: str, expected: str) -> None:
    alt = 'a "b" it\'s {c} &lt; <d> \\n ${e}'
    opening, closing = ("(", ")") if dialect is JSX else ("", "")
    new = written(f"{opening}<img alt={quote}o{quote}/>{closing}", dialect, alt)
    assert new == f"{opening}<img alt={quote}{expected}{quote}/>{closing}"
    assert placed(new, dialect)[0].alt == alt
