"""Pictures that site generators make: Hugo's shortcodes, Jekyll's includes, MDX."""

from __future__ import annotations

from pathlib import Path

import pytest

from captionkit.alttext.formats.documents import read_document, write_alts
from captionkit.alttext.formats.html import read_html
from captionkit.alttext.formats.markdown import read_markdown
from captionkit.alttext.formats.pictures import Picture
from captionkit.alttext.sources import Where, locate
from captionkit.alttext.verdict import Verdict, judge
from captionkit.errors import DataError
from captionkit.files.edits import apply_edits
from tests.pace import expect_linear


def only(text: str) -> Picture:
    (picture,) = read_markdown(text.encode()).pictures
    return picture


@pytest.mark.parametrize(
    ("text", "source", "alt", "verdict"),
    [
        ('{{< figure src="a.jpg" >}}', "a.jpg", None, Verdict.MISSING),
        ('{{% figure alt="A \\"big\\" dog"\n  src="a.jpg" %}}', "a.jpg", 'A "big" dog', Verdict.OK),
        ("{{< figure src=a.jpg alt=`A dog` />}}", "a.jpg", "A dog", Verdict.OK),
        ('{{< figure src="a.jpg" alt="" >}}', "a.jpg", None, Verdict.MISSING),  # Hugo leaves it out
        ('{{< figure src="a.jpg" caption="A dog" >}}', "a.jpg", "A dog", Verdict.REDUNDANT),
        ('{{< Figure src="a.jpg" caption="A dog" >}}', "a.jpg", "A dog", Verdict.REDUNDANT),
        ('{{< figure src="a.jpg" caption="A dog" alt="{{ .Title }}" >}}', "a.jpg", None, Verdict.OK),
        ('{% include figure src="a.jpg" caption="A dog" %}', "a.jpg", None, Verdict.MISSING),
        ('{{< figure src="a.jpg" link="/b" >}}', "a.jpg", None, Verdict.FUNCTIONAL),
        ('{{< img-wide src="a.jpg" caption="A dog" >}}', "a.jpg", None, Verdict.MISSING),
        (
            '{% include figure.html image_path="/a.jpg" alt="Dogs &amp; cats" %}',
            "/a.jpg",
            "Dogs & cats",
            Verdict.OK,
        ),
        ("{%- include figure popup=true image_path='/a.jpg' -%}", "/a.jpg", None, Verdict.MISSING),
        ('{% include figure image_path="/a.jpg" alt="" %}', "/a.jpg", "", Verdict.DECORATIVE),
        ('{% include figure image_path="/a.jpg" alt=page.alt %}', "/a.jpg", None, Verdict.OK),
        ("{% include figure image_path=page.image %}", "{{ page.image }}", None, Verdict.MISSING),
        ('<Image src="/a.png" alt="A dog" />', "/a.png", "A dog", Verdict.OK),
        ("<img src={require('./a.png').default} />", "./a.png", None, Verdict.MISSING),
        ("<img src={\"a.png\"} alt={'A dog'} style={{a: '}'}} />", "a.png", "A dog", Verdict.OK),
        ("<img src={url(1)} alt='' />", "{url(1)}", "", Verdict.DECORATIVE),
        ("<img src={url} alt={t('x')} />", "{url}", None, Verdict.OK),
        ("<Image src='a.png' {...props} />", "a.png", None, Verdict.OK),
        ("<Image src='a.png' alt />", "a.png", "", Verdict.DECORATIVE),
        ("import dog from './d.png'\n\n<Image src={dog} />", "./d.png", None, Verdict.MISSING),
        ("import dog, { x } from './d.png'\n\n<Image src={dog} />", "./d.png", None, Verdict.MISSING),
        ("import { default as dog } from './d.png'\n\n<Image src={dog} />", "./d.png", None, Verdict.MISSING),
        ("<Image\n  src={`${base}/a.png`}\n/>", "{`${base}/a.png`}", None, Verdict.MISSING),
    ],
)
def test_what_is_found(text: str, source: str, alt: str | None, verdict: Verdict) -> None:
    picture = only(text)
    assert (picture.source, picture.alt) == (source, alt)
    assert judge(picture, None).verdict is verdict


@pytest.mark.parametrize(
    "text",
    [
        '`{{< figure src="a.jpg" >}}`',
        '```\n{{< figure src="a.jpg" >}}\n```',
        '    {{< figure src="a.jpg" >}}',
        '<!-- {{< figure src="a.jpg" >}} -->',
        "{/* <Image src={f('a')} /> */}",
        "{/* <img src='a.jpg' />\n![](a.jpg) */}",
        '{% raw %}{% include figure src="a.jpg" %}{% endraw %}',
        '{{</* figure src="a.jpg" */>}}',
        '{% include header.html src="a.jpg" %}',
        '{{< figure src="a.jpg"',
        "<Image src={a",
        "{{< figure >}}",
    ],
)
def test_what_is_shown_as_it_stands_or_is_no_picture(text: str) -> None:
    assert read_markdown(text.encode()).pictures == ()


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("{/*", "*/}"),
        ("{{/*", "*/}}"),
        ("{#", "#}"),
        ("{{!--", "--}}"),
        ("{{--", "--}}"),
        ("<%--", "--%>"),
        ("{% comment %}", "{% endcomment %}"),
        ("{%- highlight html linenos -%}", "{%- endhighlight -%}"),
        ("{{< highlight html >}}", "{{< /highlight >}}"),
    ],
)
def test_what_templates_leave_out_or_show_as_code_is_no_picture(opening: str, closing: str) -> None:
    unread = f'{opening}\n<img src="no.jpg"> {{{{< figure src="no.jpg" >}}}}\n{closing}'
    for read in (read_markdown, read_html):
        pictures = read(f"{unread}\n\n<img src='a.jpg'>\n\n{unread}\n<img src='b.jpg'>".encode()).pictures
        assert [(one.source, one.line) for one in pictures] == [("a.jpg", 5), ("b.jpg", 10)]
        assert all(one.slot is not None for one in pictures)
        style = "<style>a {/* one */ b: c} d {e: f /* two */}</style>\n\n"
        assert len(read(f"{style}<img src='a.jpg'>\n\n{style}".encode()).pictures) == 1
        # What never ends leaves nothing out.
        assert len(read(f"{opening} x <img src='a.jpg'>".encode()).pictures) == 1


def test_places_headings_and_no_picture_twice() -> None:
    text = '# One\n\n![x](x.png)\n\n{{< figure src="a.jpg" >}}\n\n# Two\n\nSee <img src={b} alt="B" /> here.\n'
    pictures = read_markdown(text.encode()).pictures
    assert [(one.source, one.line, one.column, one.context.heading) for one in pictures] == [
        ("x.png", 3, 1, "One"),
        ("a.jpg", 5, 1, "One"),
        ("{b}", 9, 5, "Two"),
    ]


def test_includes_in_a_page() -> None:
    page = (
        b'<p><img src=x.png></p>\n{% include image.html src="a.jpg" %}'
        b'<pre>{% include image.html src="b.jpg" %}</pre>'
    )
    assert [(one.source, one.line) for one in read_html(page).pictures] == [("x.png", 1), ("a.jpg", 2)]


@pytest.mark.parametrize("alt", ["A dog on grass.", "Dogs & cats", 'A "big" dog', "It's <b>"])
def test_what_is_written_reads_back(tmp_path: Path, alt: str) -> None:
    path = tmp_path / "a.mdx"
    data = (
        b'{{< figure src="a.jpg" caption="C" >}}\n\n{{< figure src="b.jpg" alt=`x` >}}\n\n'
        b"{% include figure src='c.jpg' alt='x' %}\n\n<Image src={d} />\n\n<Image src={e} alt={'x'} />\n\n"
        b"<Image alt src='f' />\n"
    )
    document = read_document(path, data)
    assert len(document.pictures) == 6
    edits = write_alts(path, data, document, dict.fromkeys(range(6), alt))
    after = apply_edits(data, edits)
    assert {one.alt for one in read_document(path, after).pictures} == {alt}
    if alt == "A dog on grass.":
        assert b'{{< figure alt="A dog on grass." src="a.jpg" caption="C" >}}' in after
        assert b'{{< figure src="b.jpg" alt="A dog on grass." >}}' in after
        assert b'<Image src={e} alt="A dog on grass." />' in after


def test_a_text_never_ends_the_tag_of_an_include(tmp_path: Path) -> None:
    path = tmp_path / "a.md"  # Liquid ends a tag at the first "%}", quotes or not
    data = b'{% include figure.html src="c.jpg" %}'
    edits = write_alts(path, data, read_document(path, data), {0: "{% a %} {{ b }}"})
    after = apply_edits(data, edits)
    assert after.count(b"%}") == after.count(b"{%") == 1
    assert read_document(path, after).pictures[0].alt == "{% a %} {{ b }}"


def test_a_text_that_a_place_cannot_hold_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    data = b'![](a.jpg)\n\n{{< figure src="b.jpg" >}}'
    with pytest.raises(
        DataError, match=r"a\.md: the new alternative text '\{\{ b \}\}' of b\.jpg would not read back"
    ):
        write_alts(path, data, read_document(path, data), {0: "A dog", 1: "{{ b }}"})


def test_pictures_lie_where_generators_serve_them_from(tmp_path: Path) -> None:
    (tmp_path / "content").mkdir()
    (tmp_path / "static/img").mkdir(parents=True)
    (tmp_path / "static/img/a.jpg").write_bytes(b"picture")
    path = tmp_path / "content/a.md"
    for text in ('{{< figure src="/img/a.jpg" >}}', "![](/img/a.jpg)", "<Image src='@site/static/img/a.jpg' />"):
        document = read_markdown(text.encode())
        found = locate(document.pictures[0], document, path, tmp_path)
        assert found.content == (tmp_path / "static/img/a.jpg").resolve()
    document = read_markdown(b"<Image src={url} />")
    assert locate(document.pictures[0], document, path, tmp_path).where is Where.UNKNOWN


@pytest.mark.parametrize(
    "piece",
    ["<Image ", "<Image src={", "{{< figure ", "{% include figure a='", "<code></code><Image src={a} />", "{{< a"],
)
def test_time_grows_no_faster_than_the_text(piece: str) -> None:
    expect_linear(lambda size: read_markdown((piece * (size // len(piece))).encode()), 50_000)
