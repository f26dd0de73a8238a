from __future__ import annotations

import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captionkit.alttext.formats.html import find_pictures, read_html
from captionkit.alttext.formats.pictures import squeeze
from captionkit.alttext.verdict import Verdict, judge
from captionkit.errors import UsageError
from captionkit.files.edits import apply_edits, inverse_edits
from tests.pace import expect_linear


def edited(data: bytes, alts: dict[int, str]) -> bytes:
    return apply_edits(data, read_html(data).edits(alts))


def test_context_is_what_a_reader_meets() -> None:
    page = (
        b'<html lang="en-GB"><h2>Our <em>dogs</em></h2><p>Before '
        b'<a href="/rex" aria-label="Rex"><img src=r.jpg></a>'
        b" after.</p><figure><img src='f.jpg'><figcaption>Rex in <b>May</b></figcaption></figure>"
        b'<button>Save <img src=s.png></button><div lang="de"><img src=d.jpg></div>'
    )
    link, figure, button, german = read_html(page).pictures
    assert (link.context.link, link.context.link_text) == ("/rex", "Rex")
    assert link.context.heading == "Our dogs"
    assert link.context.nearby == "Before after."
    assert link.context.language == "en-gb"
    assert figure.context.caption == "Rex in May"
    assert figure.context.link is None
    assert button.context.button
    assert button.context.link_text == "Save"
    assert german.context.language == "de"


def test_lines_and_columns_count_from_one_and_crlf_is_one_line_end() -> None:
    pictures = read_html(b"<p>\r\n\r\n  <img src=a>\n<img src=b><img src=c>").pictures
    assert [(one.line, one.column) for one in pictures] == [(3, 3), (4, 1), (4, 12)]


def test_broken_markup_is_read_as_browsers_read_it() -> None:
    page = b'<table><img src=a.png></tr><p><a href=x>open <img src=b.png><p>next <img alt="c"src=c.png'
    pictures = read_html(page).pictures
    assert [one.source for one in pictures] == ["a.png", "b.png"]  # the last tag never ends
    assert pictures[1].context.link == "x"


def test_pictures_in_comments_scripts_and_text_areas_are_no_pictures() -> None:
    page = b"<!-- <img src=a> --><script>'<img src=b>'</script><textarea><img src=c></textarea><img src=d>"
    assert [one.source for one in read_html(page).pictures] == ["d"]


def test_pictures_in_a_template_are_pictures() -> None:
    page = b"<template><p>Red<img src=a></p></template><img src=b>"
    assert [one.source for one in read_html(page).pictures] == ["a", "b"]
    assert edited(page, {0: "x"}) == page.replace(b"<img src=a", b'<img alt="x" src=a')


def test_a_lazy_loader_shows_its_late_address_and_noscript_counts() -> None:
    page = b'<img src="data:image/gif;base64,R0" data-src="late.jpg"><noscript><img src="late.jpg"></noscript>'
    assert [one.source for one in read_html(page).pictures] == ["late.jpg", "late.jpg"]


def test_srcset_and_picture_sources_stand_in_for_a_missing_src() -> None:
    page = b'<img srcset="a.jpg 1x, b.jpg 2x"><picture><source srcset="c.webp"><img alt=x></picture>'
    assert [one.source for one in read_html(page).pictures] == ["a.jpg", "c.webp"]


DOT = "data:image/gif;base64,R0lGODlhAQABAAAAACw="


@pytest.mark.parametrize(
    ("page", "source"),
    [
        (f'<img src="{DOT}" data-srcset="a.jpg 1x">', "a.jpg"),
        (f'<img src="{DOT}" srcset="a.jpg 1x, b.jpg 2x">', "a.jpg"),
        (f'<picture><source data-srcset="a.jpg"><img src="{DOT}"></picture>', "a.jpg"),
        (f'<picture><source srcset="{DOT} 1x" data-srcset="a.jpg"><img src="{DOT}"></picture>', "a.jpg"),
        ('<picture><source data-srcset="a.jpg"><img src="spacer.gif"></picture>', "a.jpg"),
        ('<img src="spacer.gif" data-src="b.jpg">', "b.jpg"),
        (f'<img src="{DOT}" srcset="{DOT} 1w" data-src="my dog.jpg">', "my dog.jpg"),
        ('<img src="my dog.jpg" srcset="a.jpg 1x">', "my dog.jpg"),
        ('<picture><source srcset="a.webp"><img src="b.jpg"></picture>', "b.jpg"),
        (f'<img src="{DOT}">', DOT),
        (f'<img src="{DOT}" data-lazy="img/a.JPG?w=3">', "img/a.JPG?w=3"),
        ('<img data-id="7" data-echo="a.webp#x">', "a.webp#x"),
        (f'<img src="{DOT}" data-toggle="modal" data-name="a.jpg b.jpg">', DOT),
        ('<img src="a.jpg" data-zoom-image="large.jpg">', "a.jpg"),
        ('<picture><video><source data-srcset="v.jpg"></video><img src="a.jpg"></picture>', "a.jpg"),
    ],
)
def test_the_picture_is_the_one_that_loads(page: str, source: str) -> None:
    assert [one.source for one in read_html(page.encode()).pictures] == [source]


@pytest.mark.parametrize(
    "attributes",
    ['alt=""', "alt", "role=presentation", 'role=" None "', 'aria-hidden="true"', 'aria-hidden=" TRUE"'],
)
def test_what_is_marked_as_decorative_is_decorative(attributes: str) -> None:
    assert read_html(f"<img src=a {attributes}>".encode()).pictures[0].decorative


@pytest.mark.parametrize(
    "page", ["<input><img src=a>", "<figcaption>stray</figcaption><img src=a>", "<a name=x><img src=a></a>"]
)
def test_elements_without_what_makes_them_special_are_nothing_special(page: str) -> None:
    (picture,) = read_html(page.encode()).pictures
    assert (picture.source, picture.context.link, picture.context.caption) == ("a", None, "")
    assert not picture.context.button


def test_alt_text_goes_where_an_element_takes_its_name_from_it() -> None:
    page = b"<input type=image src=a><map><area href=/x></map><svg><image href=b></svg><i role=img></i>"
    button, area, drawn, role = read_html(page).pictures
    new = edited(page, {0: "Go", 1: "North"})
    assert new == page.replace(b"<input", b'<input alt="Go"').replace(b"<area", b'<area alt="North"')
    assert (button.context.button, area.source, drawn.source, drawn.context.link) == (True, "", "b", None)
    assert drawn.slot is role.slot is None
    assert "SVG" in drawn.fixed
    assert "aria-label" in role.fixed


def test_the_first_base_counts() -> None:
    assert read_html(b"<base href=/one/><base href=/two/><img src=a>").base == "/one/"


def test_a_byte_order_mark_in_the_text_shifts_no_place() -> None:
    text = "\ufeff<img src=a alt=old>"
    (picture,), _ = find_pictures(text)
    assert picture.slot is not None
    assert text[picture.slot.start : picture.slot.end] == "old"


def test_a_hidden_parent_hides_its_pictures() -> None:
    first, second = read_html(b'<div aria-hidden="true"><p><img src=a></div><img src=b>').pictures
    assert first.decorative
    assert not second.decorative


@pytest.mark.parametrize(
    "attribute",
    [
        *(
            'alt="{{ title }}"',
            'ALT="{{ title }}"',
            "alt={{title}}",
            'alt="<?= $alt ?>"',
            ':alt="name"',
            'v-bind:alt="name"',
        ),
        *('x-bind:alt="name"', '[alt]="name"', '[attr.alt]="name"', 'th:alt="#{dog}"', 'data-th-alt="${dog}"'),
        *('th:alt-title="#{dog}"', 'ng-attr-alt="{{title}}"', 'alt="" :alt="name"', '.alt="${name}"'),
        *('data-bind="attr: {alt: name}"', 'th:attr="src=@{x},alt=#{y}"', 'tal:attributes="alt here/title"'),
    ],
)
def test_alt_text_that_a_template_fills_in_is_left_alone(attribute: str) -> None:
    (picture,) = read_html(f'<img src="a.jpg" {attribute}>'.encode()).pictures
    assert picture.slot is None
    assert judge(picture, None).reason == "A template fills in its alternative text."


@pytest.mark.parametrize(
    "tag",
    [
        '<img src="a.jpg" {{ with .Alt }}alt="{{ . }}"{{ end }}>',
        '<img src="a.jpg" {{#if alt}}alt="{{alt}}"{{/if}}>',
        *(
            '<img src="a.jpg" {{ attrs }}>',
            '<img {{ attributes|raw }} src="a.jpg">',
            '<img src="a.jpg"{{ attrs }}>',
        ),
        *('<img src="a.jpg" <?php echo $alt ?> >', '<img src="a.jpg" <%= attrs %>>', '<img src="a.jpg" ${attrs}>'),
        # Their own ends are those of the tag to HTML, and the rest of it is text.
        *('<img src="<?= $a["b"] ?>" alt="A dog">', '<img src=<%= url %> alt="A dog">'),
        *('<img src="b" {% if x %}alt=""{% endif %}>', '<img v-bind="props">', '<img src="a.jpg" x-bind="props">'),
    ],
)
def test_a_tag_that_a_template_writes_parts_of_is_left_alone(tag: str) -> None:
    (picture,) = read_html(tag.encode()).pictures
    assert picture.slot is None
    judgement = judge(picture, None)
    assert judgement.verdict is Verdict.OK
    assert "template" in judgement.reason


@pytest.mark.parametrize(
    "attributes",
    [
        *('src="{{ url }}"', "src={{ url }}", "src=\"{% static 'a.jpg' %}\" class='{% if x %}b{% endif %}'"),
        *('src="a.jpg" :class="name"', 'src="a.jpg" data-bind="attr: {src: malt, \'data-alt\': x}"'),
        *('src="a.jpg" data-alt="x"', 'src="<?= $url ?>"', 'src="a.jpg" @click="alt()"'),
    ],
)
def test_a_template_elsewhere_in_the_tag_does_not_stand_for_alt(attributes: str) -> None:
    (picture,) = read_html(f"<img {attributes}>".encode()).pictures
    assert picture.slot is not None
    assert judge(picture, None).verdict is Verdict.MISSING


def test_alt_text_that_stands_there_is_judged_whatever_a_template_adds() -> None:
    (picture,) = read_html(b'<img src="a.jpg" alt="image" {{ attrs }}>').pictures
    assert judge(picture, None).verdict is Verdict.PLACEHOLDER
    assert picture.slot is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1252", "shift_jis", "iso-2022-jp"])
def test_every_byte_outside_alt_stays_in_every_encoding(encoding: str) -> None:
    text = {"windows-1252": "café – ", "shift_jis": "日本 犬 ", "iso-2022-jp": "日本 犬 "}.get(encoding, "Ωé犬 ")
    page = f'<html><meta charset="{encoding}"><p>{text}<img src="a.png" alt="old">{text}\r\n'.encode(encoding)
    document = read_html(page)
    edits = document.edits({0: "A café, “犬”"})
    new = apply_edits(page, edits)
    assert read_html(new).pictures[0].alt == "A café, “犬”"
    (edit,) = edits
    assert new[: edit.start] == page[: edit.start]
    assert new[edit.start + len(edit.new) :] == page[edit.end :]
    assert apply_edits(new, inverse_edits(page, edits)) == page


@pytest.mark.parametrize(
    ("label", "codec", "text"),
    [
        ("windows-1251", "cp1251", "Собака бежит"),
        ("KOI8-R", "koi8-r", "Собака бежит"),
        ("iso-8859-7", "iso8859-7", "σκύλος"),
        ("iso-8859-1", "cp1252", "chien “Rex”"),  # as browsers take it
        ("gb2312", "gbk", "狗在草地上跑—"),
        ("Big5", "big5", "狗在草地上跑"),
        ("x-sjis", "cp932", "ソファの犬①"),
        ("euc-jp", "euc_jp", "犬"),
        ("EUC-KR", "cp949", "개가 뛴다 똠"),
        ("utf-16", "utf-8", "犬"),
        ("utf-7", "cp1252", "café"),
        ("hex", "cp1252", "café"),
        ("nonsense", "cp1252", "café"),
    ],
)
def test_words_are_read_in_the_encoding_that_browsers_read_them_in(label: str, codec: str, text: str) -> None:
    start = (
        f'<!-- <meta charset="koi8-u"> --><META http-equiv="Content-Type" content="text/html; charset={label}">'
    )
    page = f'{start}<h1>{text}</h1><img src="{text}.jpg" alt="{text}">'.encode(codec)
    (picture,) = read_html(page).pictures
    assert (picture.context.heading, picture.source, picture.alt) == (text, f"{text}.jpg", text)


def test_bytes_that_no_decoding_gives_back_are_left_as_they_are() -> None:
    page = b'<meta charset="iso-2022-jp"><p>\x1b(B\xe9<img src=a.png alt="old">'  # an escape that says nothing new
    assert edited(page, {0: "é"}) == page.replace(b"old", b"&#233;")


def test_bytes_that_are_not_valid_in_the_declared_encoding_survive() -> None:
    page = b'<meta charset="utf-8"><p>\xff\xfe broken <img src=a.png> \xe9'
    assert edited(page, {0: "x"}) == page.replace(b"<img", b'<img alt="x"')


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20), min_size=3, max_size=3))
def test_any_alt_text_reads_back_and_undoes(alts: list[str]) -> None:
    page = b"<p>x <img src=a.png><img alt='old' src=b.png>\r\n<img alt=old src=c.png>&amp; y"
    document = read_html(page)
    edits = document.edits(dict(enumerate(alts)))
    new = apply_edits(page, edits)
    assert [squeeze(one.alt or "") for one in read_html(new).pictures] == [squeeze(alt) for alt in alts]
    assert apply_edits(new, inverse_edits(page, edits)) == page


def test_a_picture_of_many_pictures_stays_quick() -> None:
    def read(number: int) -> None:
        pictures = read_html(b"<picture>" + b"<source srcset=a><img src=data:,b>" * number).pictures
        assert [one.source for one in pictures] == ["a"] * number

    expect_linear(read, 5_000)


@pytest.mark.parametrize(
    "around",
    [
        "<figure>{pictures}<figcaption>{words}</figcaption></figure>",
        "<a href=x>{pictures}{words}</a>",
        "<a href='{words}'>{pictures}</a>",
        "<button aria-label='{words}'>{pictures}</button>",
        "<a href=x aria-labelledby='{words}'>{pictures}</a>",
        "<p id=words>{words}</p><a href=x aria-labelledby=words>{pictures}</a>",
        "<h1>{words}{pictures}</h1>",
        "<p lang='{words}'>{pictures}{words}",
    ],
)
def test_what_thousands_of_pictures_share_is_bounded(around: str) -> None:
    page = around.format(pictures="<img src=a alt=b>\n" * 2_000, words="words " * 20_000)
    start = time.process_time()
    pictures = read_html(page.encode()).pictures
    assert len(pictures) == 2_000
    assert time.process_time() - start < 5
    assert max(len(str(one.context)) for one in pictures) < 3_000


@pytest.mark.parametrize("piece", ["<!--", "<a ", "<![", "<div>", "&", "<b><a href=x>", "<svg ", "<img alt='"])
def test_hostile_repetition_stays_quick(piece: str) -> None:
    expect_linear(lambda number: read_html((piece * number).encode()), 5_000)


def test_a_missing_package_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "justhtml", None)
    with pytest.raises(UsageError, match=r"pip install 'captionkit\[alt\]'"):
        read_html(b"<img src=a>")
