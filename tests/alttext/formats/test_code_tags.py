"""Tags of JSX, Vue, Svelte and Astro: where they begin and end, and what only looks like one."""

from __future__ import annotations

import contextlib

import pytest

from captionkit.alttext.formats.attributes import StartTag
from captionkit.alttext.formats.code_tags import Sink, read_tag, scan_tags
from captionkit.alttext.formats.component_values import ASTRO, JSX, SVELTE, VUE, Dialect
from captionkit.errors import DataError
from tests.pace import expect_linear


class Outline(Sink):
    """Writes a scan down as one line."""

    def __init__(self) -> None:
        self.line = ""

    def start(self, tag: StartTag) -> None:
        names = "".join(f" {one.name}" for one in tag.attributes)
        self.line += f"<{tag.name}{names}>"

    def end(self) -> None:
        self.line += "</>"

    def text(self, data: str) -> None:
        self.line += data.strip()

    def expression(self, code: str) -> None:
        self.line += f"[{code.strip()}]"


def outline(text: str, dialect: Dialect) -> str:
    sink = Outline()
    scan_tags(text, dialect, sink)
    return sink.line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = <a b='c' d={e} {...f} g/>", "<a b d ... g></>"),
        ("x = <a>it's // text {b} /* too */</a>", "<a>it's // text[b]/* too */</>"),
        ("x = <><b.c/><d:e></d:e></>", "<><b.c></><d:e></></>"),
        ("x = <a /* > */ b // >\n c={/* > */ '>'}>t</a>", "<a b c>t</>"),
        ("x = <a>{b.map(c => <d key={c}>{c}</d>)}</a>", "<a><d key>[c]</></>"),
        ("x = <a b={<c>don't</c>}>d</a>", "<a b><c>don't</>d</>"),
        ("x = <A<B<C>> d='e' />", "<A d></>"),
        ("x = <a>{b < c && <d/>}{`${<e/>}`}</a>", "<a><d></><e></></>"),
        ("type F = <T>(x: T) => T; const g = <T,>(x: T) => <b/>", "<b></>"),
        ("const f = <T extends Record<string, A>>(x: T) => <b/>; <U extends V>(x) => 1", "<b></>"),
        ("const f = <T extends {a: 'b'}, U = C>(x: T) => <b/>", "<b></>"),
        ("x = <a>&lt;</a>; y = <b/>", "<a>&lt;</><b></>"),
    ],
)
def test_jsx(text: str, expected: str) -> None:
    assert outline(text, JSX) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "<template><a :b='c > d' @e.f=g v-h>{{ i < j }}</a></template>",
            "<template><a :b @e.f v-h>{{ i < j }}</></>",
        ),
        ("<template><img><br/>a < b <c-d/></template>", "<template><img></><br></>a < b<c-d></></>"),
        ("<template><a src=b/></a><!-- <c> --></template>", "<template><a src></></>"),
        ("<template><template #a><b/></template></template>", "<template><template #a><b></></></>"),
        (
            "<script>'<a/>'; x = <a/></script><i18n><b/></i18n><style>c > d</style>",
            "<script></><i18n></><style></>",
        ),
        ("<script lang='tsx'>x = <a>{b}</a></script>", "<script lang></><a>[b]</>"),
        ("<template lang='pug'>img(src='<a>')</template>", "<template lang></>"),
        ("<template><a b={c d=`e f>g</a></template>", "<template><a b d f>g</></>"),
        ("<template><p>a<b></p></template>", "<template><p>a<b></></></>"),
    ],
)
def test_vue(text: str, expected: str) -> None:
    assert outline(text, VUE) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<a {b} {...c} d={e} f='g {h ? '>' : \"'\"} i' j=k{l}/m on:n|o/>", "<a b ... d f j on:n|o></>"),
        ("{#if a < b && '</c>'}<c/>{:else}d{/if}", "[#if a < b && '</c>']<c></>[:else]d[/if]"),
        ("{@html `<a/>`}<!-- <b> -->{c}", "[@html `<a/>`][c]"),
        ("<script>let a = '<b/>'</script><style>c{}</style>d", "<script></><style></>d"),
        ("<ul><li>a<li>b</ul><input>c", "<ul><li>a</><li>b</></><input></>c"),
        ("<svelte:head><title>a</title></svelte:head>", "<svelte:head><title>a</></>"),
        ("<a {@attach b} c /* > */ // >\n>d</a>", "<a c>d</>"),
    ],
)
def test_svelte(text: str, expected: str) -> None:
    assert outline(text, SVELTE) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<!doctype html><html><a b=`c ${d}` {e} {...f} g='{h}' i=j/k>l</a>", "<html></><a b e ... g i>l</>"),
        ("{a && (<b>c</b><img><d/>)}", "<b>c</><img></><d></>"),
        ("{a.map(b => <c>{b < 1 ? 'x' : `<y>`}</c>)}<!-- {<d>} -->", "<c>[b < 1 ? 'x' : `<y>`]</>"),
        ("<script>a < b</script><pre is:raw>{<c>}</pre><d/>", "<script></><pre is:raw></><d></>"),
        ("</a><b>a</c></b>", "<b>a</>"),
    ],
)
def test_astro(text: str, expected: str) -> None:
    assert outline(text, ASTRO) == expected


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        *(
            (text, JSX)
            for text in ("x = <a></b></a>", "x = <a>{</a>", "x = <a b='</a>", "x = <a><b></a>", "<a {", "}")
        ),
        *((text, JSX) for text in ("x = <a>a < b</a>", "x = <a><b c=d/></a>", "x = <A<B", "x = (<a/>")),
        *(
            (text, VUE)
            for text in ("<template><a b='", "<template>{{ a </template>", "<template><!-- </template>")
        ),
        *((text, SVELTE) for text in ("{#if a", "<a b='{c'>", "<!--", "<a b={c>", "<a <b>", "{a)}")),
        *((text, ASTRO) for text in ("{<a>", "<a b=`c>", "<!doctype")),
    ],
)
def test_where_the_thread_is_lost_a_sentence_names_the_line(text: str, dialect: Dialect) -> None:
    with pytest.raises(DataError, match=r"cannot be followed \(.+, line 3\), so it is left alone"):
        outline(f"\n\n{text}", dialect)


def test_a_tag_comes_before_all_that_its_attributes_hold() -> None:
    held = 2_000  # more than wait to be sent on
    assert outline(f"x = <a b={{[{'<c/>,' * held}]}}/>", JSX) == "<a b>" + "<c></>" * held + "</>"


def test_a_single_tag_is_read_up_to_a_bound() -> None:
    text = "a <b c={d > e} /> f"
    tag = read_tag(text, 2, len(text))
    assert tag is not None
    assert text[tag.start : tag.end] == "<b c={d > e} />"
    assert read_tag(text, 2, 8) is None
    assert read_tag(text, 0, len(text)) is None
    assert read_tag("<a b=c/>", 0, 8) is None


PIECES = {
    JSX: [
        "(<a ",
        "=/[",
        "=/",
        "{}",
        "(<a>",
        "'",
        "`${",
        "/*",
        "<a b={",
        "(<a<",
        "(<a b='",
        "=<T>(",
        "<a.b:c-d ",
        "a!<b",
    ],
    VUE: ["<template>", "<a ", "{{ ", "<a></b>", "<a b='", "<p><", "<!--", "<template><template>{{ a }}"],
    SVELTE: ["<a ", "{#if", '<a b="{', "<a></b>", "<script>", "<a b=c{", " < ", "<<", "<li>"],
    ASTRO: ["<a b=`${", "{<a>", "<a>{</b>", "<p is:raw>", "<style>", "</a", "<!a>"],
}


@pytest.mark.parametrize(
    ("dialect", "piece"), [(dialect, piece) for dialect in PIECES for piece in PIECES[dialect]]
)
def test_time_grows_no_faster_than_the_text(dialect: Dialect, piece: str) -> None:
    def read(size: int) -> None:
        text = ("<template>" if dialect is VUE else "") + piece * (size // len(piece)) + "</a></li></template></T>"
        with contextlib.suppress(DataError):
            outline(text, dialect)

    expect_linear(read, 200_000)


@pytest.mark.parametrize("piece", ["= /[aaaa", "= <T aaaa", "'\\\\\\", "= `aaaa` / "])
def test_it_grows_no_faster_over_megabytes(piece: str) -> None:
    def read(size: int) -> None:
        with contextlib.suppress(DataError):
            outline(piece * (size // len(piece)), JSX)

    expect_linear(read, 5_000_000)
