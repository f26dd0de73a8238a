from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captionkit.alttext.formats.markdown import escape_label, find_pictures, read_markdown
from captionkit.alttext.formats.pictures import squeeze
from captionkit.alttext.verdict import Verdict, judge
from captionkit.files.edits import apply_edits, inverse_edits

PAGE = """---
cover: ![no](no.png)
---
# Head *one*

> quoted ![a *b*](x.png "t") text
> and <img src="y.png"> here

- item ![](<z z.png>)
  and ![ref][r] ![col][] ![short]

| a | b |
|---|---|
| ![](1.png) | ![](1.png) |

<p align=center>
  <a href="/home"><img src="logo.svg" alt='Home'></a>
</p>

[![badge](https://example.org/y.svg)](https://example.org) and [text <img src=q.png>](l)

![two
lines](m.png)

    ![code](no.png)

```
![code](no.png)
```

`![code](no.png)` \\![escaped](no.png)

[r]: r.png
[col]: col.png
[short]: short.png
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_pictures_of_every_kind_are_found_edited_and_undone(newline: str) -> None:
    data = PAGE.replace("\n", newline).encode()
    document = read_markdown(data)
    assert [one.source for one in document.pictures] == [
        "x.png", "y.png", "z%20z.png", "r.png", "col.png", "short.png", "1.png", "1.png", "logo.svg",
        "https://example.org/y.svg", "q.png", "m.png",
    ]  # fmt: skip
    assert [one.alt for one in document.pictures][:6] == ["a b", None, None, "ref", "col", "short"]
    alts = {number: f"New {number} [x] *y*" for number in range(12)}
    edits = document.edits(alts)
    new = apply_edits(data, edits)
    assert [one.alt for one in read_markdown(new).pictures] == list(alts.values())
    assert apply_edits(new, inverse_edits(data, edits)) == data
    for edit in edits:
        assert b"no.png" not in data[edit.start : edit.end]


@pytest.mark.parametrize(
    "address",
    [
        "{{ site.baseurl }}/img/dog.jpg",
        "{{site.baseurl}}/img/dog.jpg",
        '{{ "/img/my dog.jpg" | relative_url }}',
        "{{ asset('img/dog.jpg') }}",
        "{% link img/dog.jpg %}",
        "/img/{{ page.slug }}.jpg",
        "${url}/dog.jpg",
    ],
)
def test_an_address_that_a_template_fills_in_is_an_address(address: str) -> None:
    data = f"# A\n\nSee ![]({address}) here, `![]({address})`.\n\n| a |\n|---|\n| ![]({address} 'T') |\n".encode()
    document = read_markdown(data)
    assert [(one.source, one.line, one.column) for one in document.pictures] == [(address, 3, 5), (address, 7, 3)]
    assert document.pictures[0].context.nearby == f"See here, ![]({address})."
    assert document.pictures[1].title == "T"
    written = apply_edits(data, document.edits({0: "One.", 1: "Two."}))
    expected = data.replace(b"See ![]", b"See ![One.]").replace(b"| ![]", b"| ![Two.]")
    assert written == expected


def test_a_reference_keeps_its_target_when_its_label_was_the_reference() -> None:
    data = b"![col][] ![short]\n\n[col]: a.png\n[short]: b.png\n"
    new = apply_edits(data, read_markdown(data).edits({0: "One", 1: "Two"}))
    assert new == b"![One][col] ![Two][short]\n\n[col]: a.png\n[short]: b.png\n"


def test_context_in_markdown() -> None:
    pictures = {one.source: one.context for one in read_markdown(PAGE.encode()).pictures}
    assert pictures["x.png"].heading == "Head one"
    assert pictures["x.png"].nearby == "quoted text and here"
    assert pictures["logo.svg"].link == "/home"
    assert pictures["logo.svg"].heading == "Head one"
    assert pictures["https://example.org/y.svg"].link == "https://example.org"
    assert pictures["q.png"].link == "l"
    assert pictures["q.png"].link_text == "text"


def test_a_link_ends_where_it_ends_and_says_all_its_words() -> None:
    inside, behind = find_pictures("[one *two* ![](a.png) three](l) and ![](b.png)\n")
    assert (inside.context.link, inside.context.link_text) == ("l", "one two three")
    assert (behind.context.link, behind.context.link_text) == (None, "")


@pytest.mark.parametrize(
    ("text", "alt", "verdict"),
    [
        ('![](a.jpg){: alt="A cat."}', "A cat.", Verdict.OK),
        ('![IMG_1.jpg](a.jpg){:.wide alt=\'A "cat"\' width="20"} sits', 'A "cat"', Verdict.OK),
        ('![][r]{ .wide alt="A cat." }\n\n[r]: a.jpg', "A cat.", Verdict.OK),
        ('[![](a.jpg){: alt="Home"}](/)', "Home", Verdict.OK),
        ('![](a.jpg){: alt=""}', "", Verdict.DECORATIVE),
        ('![](a.jpg){: alt="image"}', "image", Verdict.PLACEHOLDER),
        ('![](a.jpg){: alt="{{ page.alt }}"}', "{{ page.alt }}", Verdict.OK),
    ],
)
def test_a_text_in_a_list_of_attributes_counts_and_is_left_alone(text: str, alt: str, verdict: Verdict) -> None:
    (picture,) = find_pictures(text)
    assert (picture.source, picture.alt) == ("a.jpg", alt)
    assert judge(picture, None).verdict is verdict
    assert picture.slot is None
    assert picture.fixed


@pytest.mark.parametrize(
    "text",
    ["![](a.jpg){: .wide}", '![](a.jpg){: data-alt="x"}', '![](a.jpg)\n{: alt="x"}', '![](a.jpg) {: alt="x"}'],
)
def test_other_attributes_give_no_text_and_keep_their_place(text: str) -> None:
    data = f"[{text}](/)".encode()
    document = read_markdown(data)
    (picture,) = document.pictures
    assert picture.alt is None or picture.context.link_text
    assert apply_edits(data, document.edits({0: "A cat."})) == data.replace(b"![]", b"![A cat.]")


def test_a_tag_over_several_lines_inside_a_paragraph_is_edited() -> None:
    data = b"> text <img\n>   src=a.png\n> alt=old> *end* ![](b.png)\n"
    document = read_markdown(data)
    assert [one.source for one in document.pictures] == ["a.png", "b.png"]
    new = apply_edits(data, document.edits({0: "New", 1: "B"}))
    assert new == data.replace(b"alt=old", b'alt="New"').replace(b"![]", b"![B]")


def test_lines_are_those_of_the_file() -> None:
    lines = {one.source: (one.line, one.column) for one in read_markdown(PAGE.encode()).pictures}
    assert lines["x.png"] == (6, 10)
    assert lines["logo.svg"] == (17, 19)
    crlf = read_markdown(PAGE.replace("\n", "\r\n").encode()).pictures
    assert {one.source: (one.line, one.column) for one in crlf} == lines


@pytest.mark.parametrize(
    ("row", "written"),
    [
        (r"| ![x \| y](a.png) | b |", r"| ![A \| B.](a.png) | b |"),
        (r"| a \| ![](a.png) | a | b |", r"| a \| ![A \| B.](a.png) | a | b |"),
        (r"| `a\|b` ![x][r\|s] | b |", r"| `a\|b` ![A \| B.][r\|s] | b |"),
        (r"| a | \| ![r\|s] |", r"| a | \| ![A \| B.][r\|s] |"),
    ],
)
def test_bars_in_a_table_cell_are_escaped_and_stay_so(row: str, written: str) -> None:
    def page(row: str) -> bytes:
        return f"| h | i |\n|---|---|\n| ![](first.png) | . |\n{row}\n\n[r|s]: a.png\n".encode()

    document = read_markdown(page(row))
    first, picture = document.pictures
    assert (first.source, picture.source, picture.line) == ("first.png", "a.png", 4)
    assert apply_edits(page(row), document.edits({1: "A | B."})) == page(written)
    # The picture before it can take a bar too.
    data = page(row)
    assert apply_edits(data, document.edits({0: "A | B."})) == data.replace(b"![](first", rb"![A \| B.](first")


def test_tabs_and_deep_quotes_keep_their_places() -> None:
    data = b"-\tone\n\n\t![](a.png)\n\n> > - ![](b.png)\n>\t![](c.png)\n"
    document = read_markdown(data)
    new = apply_edits(data, document.edits({i: "N" for i, one in enumerate(document.pictures) if one.slot}))
    assert new.count(b"![N](") == 3
    assert new.replace(b"![N](", b"![](") == data


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_notes_tabs_and_tags_of_other_markdowns_hold_markdown(newline: str) -> None:
    text = """# Home

!!! note "One"

    Text ![](1.png)

    ??? tip
    \t![](2.png)

    - item

        ![](3.png)

    ```
    ![](no.png)
    ```

=== "Tab"

    ![](4.png)

<figure markdown="span">
    ![](5.png){ width="300" }
    <figcaption>Five</figcaption>
</figure>

<figure lang="de" markdown>
<img src="6.png">
<figcaption>Six</figcaption>
</figure>

- <b>x</b>

    !!! warning
        ![](7.png)

```
!!! note

    ```
    ![](no.png)
```

    ![](no.png)

<div>
    ![](no.png)
</div>
""".replace("\n", newline)
    document = read_markdown(text.encode())
    assert [one.source for one in document.pictures] == [f"{number}.png" for number in range(1, 8)]
    assert {one.context.heading for one in document.pictures} == {"Home"}
    assert (document.pictures[5].context.caption, document.pictures[5].context.language) == ("Six", "de")
    new = apply_edits(text.encode(), document.edits(dict.fromkeys(range(7), "N"))).decode()
    assert new.replace('<img alt="N"', "<img").replace("![N]", "![]") == text
    assert new.count("![N]") == 6


def test_only_what_means_something_is_escaped() -> None:
    # An escape that another Markdown does not know would be read aloud.
    assert escape_label("Tom & Jerry > 3 < 4") == "Tom & Jerry > 3 < 4"
    assert escape_label("&amp; <b> {x}") == r"\&amp; \<b> \{x\}"
    assert escape_label("{% x %}") == r"&#123;% x %\}"  # before Liquid a backslash protects nothing


@settings(max_examples=80, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=30))
def test_an_escaped_label_renders_as_itself(alt: str) -> None:
    (picture,) = read_markdown(f"![{escape_label(alt)}](a.png)\n".encode()).pictures
    assert squeeze(picture.alt or "") == squeeze(alt)


@pytest.mark.parametrize(
    "block",
    [
        "---\ncover: ![x](c.jpg)\n---",
        "---\ncover: <img src=c.jpg>\n...",
        "+++\ncover = '<img src=c.jpg>'\n+++",
        '{\n  "cover": "<img src=c.jpg>",\n\n  "more": {"html": "![](c.jpg)"}\n}',
        '{"cover": "![](c.jpg)"}  ',
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_front_matter_is_no_markdown_and_ends_where_it_ends(block: str, newline: str) -> None:
    text = f"{block}\n\n![](a.jpg)\n\n---\n\n![](b.jpg)\n".replace("\n", newline)
    pictures = find_pictures(text)
    assert [one.source for one in pictures] == ["a.jpg", "b.jpg"]
    assert pictures[0].line == block.count("\n") + 3
    assert find_pictures(f"{block}\n![](a.jpg)\n".replace("\n", newline))[0].context.nearby == ""


@pytest.mark.parametrize(
    "start",
    [
        "{% raw %}",
        "{{< figure >}}",
        '{"a": 1} then ',
        "{" * 5,
        pytest.param('{"a":' * 10_000, id="deep"),
        "...",
        "---",
    ],
)
def test_what_only_begins_like_front_matter_is_markdown(start: str) -> None:
    assert [one.source for one in find_pictures(f"{start}\n\n![](a.jpg)\n")] == ["a.jpg"]
    assert [one.source for one in find_pictures(f"{start} ![](a.jpg)\n")] == ["a.jpg"]


def test_the_pictures_of_footnotes_are_found() -> None:
    text = "Cups.[^1][^more]\n\n[^1]: ![](a.jpg) A cup.\n[^more]:\n    First.\n\n    ![](b.jpg)\n\n"
    text += "```\n[^2]: ![](no.jpg)\n```\n"
    pictures = find_pictures(text)
    assert [(one.source, one.line, one.context.nearby) for one in pictures] == [
        ("a.jpg", 3, "A cup."),
        ("b.jpg", 7, ""),
    ]
    document = read_markdown(text.encode())
    new = apply_edits(text.encode(), document.edits({0: "One", 1: "Two"}))
    assert new.decode() == text.replace("![](a", "![One](a").replace("![](b", "![Two](b")


def test_what_thousands_of_pictures_share_is_bounded() -> None:
    words = "words " * 20_000
    for text in (f"[{words}{'<img src=a>' * 500}](x)", f"# {words}\n\n" + "![](a)\n\n" * 500):
        pictures = find_pictures(text)
        assert len(pictures) == 500
        assert max(len(str(one.context)) for one in pictures) < 3_000
