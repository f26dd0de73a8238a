from __future__ import annotations

import pytest

from captionkit.alttext.appearance import Appearance
from captionkit.alttext.formats.html import find_pictures
from captionkit.alttext.formats.markdown import read_markdown
from captionkit.alttext.formats.pictures import Picture
from captionkit.alttext.verdict import Verdict, judge, parse_verdicts, placeholder
from captionkit.errors import UsageError

PHOTO = Appearance(400, 300, drawing=False)
DRAWING = Appearance(400, 300, drawing=True)
VECTOR = Appearance(0, 0, drawing=True, vector=True)


def picture(page: str) -> Picture:
    return find_pictures(page)[0][0]


@pytest.mark.parametrize(
    ("page", "appearance", "verdict"),
    [
        ("<img src=dog.jpg>", PHOTO, Verdict.MISSING),
        ("<img src=dog.jpg>", None, Verdict.MISSING),
        ("<img src=dog.jpg title='Rex'>", PHOTO, Verdict.MISSING),
        ("<img src=dog.jpg alt=' '>", PHOTO, Verdict.MISSING),
        ("<img src=dog.jpg alt='dog.jpg'>", PHOTO, Verdict.PLACEHOLDER),
        ("<img src=dog.jpg alt='image'>", PHOTO, Verdict.PLACEHOLDER),
        ("<img src=dog.jpg alt='A dog on a beach'>", PHOTO, Verdict.OK),
        ("<img src=dog.jpg aria-label='A dog'>", PHOTO, Verdict.OK),
        ("<span id=t>x</span><img src=dog.jpg aria-labelledby=t>", PHOTO, Verdict.OK),
        ("<body><span id=t>x</span><img src=dog.jpg aria-labelledby='gone t'>", PHOTO, Verdict.OK),
        ("<body><img src=dog.jpg aria-labelledby=gone>", PHOTO, Verdict.MISSING),
        ("<body><img src=dog.jpg aria-labelledby=gone alt=image>", PHOTO, Verdict.PLACEHOLDER),
        ("<body><img src=dog.jpg aria-labelledby='t{{ n }}'>", PHOTO, Verdict.OK),
        ("<img src=dog.jpg aria-labelledby=t>", PHOTO, Verdict.OK),  # part of a page: another may have the id
        ("<img src=dog.jpg alt=''>", PHOTO, Verdict.DECORATIVE),
        ("<img src=dog.jpg role=presentation>", PHOTO, Verdict.DECORATIVE),
        ("<img src=dot.gif width=1 height=40>", PHOTO, Verdict.DECORATIVE),
        ("<img src=star.png width=16 height=16>", PHOTO, Verdict.DECORATIVE),
        ("<img src=star.png>", Appearance(24, 24, drawing=False), Verdict.DECORATIVE),
        ("<img src=star.png width=32 height=32>", PHOTO, Verdict.DECORATIVE),
        ("<img src=star.png width=33 height=32>", PHOTO, Verdict.MISSING),
        ("<img src=line.gif width=400 height=3>", PHOTO, Verdict.DECORATIVE),
        ("<img src=line.gif width=400 height=4>", PHOTO, Verdict.MISSING),
        ("<a href=/x><img src=dog.jpg></a>", PHOTO, Verdict.FUNCTIONAL),
        ("<a href=/x><img src=dog.jpg alt=''></a>", PHOTO, Verdict.FUNCTIONAL),
        ("<a href=/x><img src=dog.jpg alt='icon'></a>", PHOTO, Verdict.FUNCTIONAL),
        ("<a href=/x><img src=dog.jpg alt=''> Home</a>", PHOTO, Verdict.DECORATIVE),
        ("<a href=/x><img src=dog.jpg alt='Home'></a>", PHOTO, Verdict.OK),
        ("<button><img src=save.png></button>", PHOTO, Verdict.FUNCTIONAL),
        ("<input type=image src=go.png>", PHOTO, Verdict.FUNCTIONAL),
        ("<map><area href=/north></map>", None, Verdict.FUNCTIONAL),
        ("<a href=/x><img src=dog.jpg alt='Home'> Home</a>", PHOTO, Verdict.REDUNDANT),
        ("<p><img src=dog.jpg alt='A big dog'> A big dog.</p>", PHOTO, Verdict.REDUNDANT),
        ("<p><img src=dog.jpg alt='A big dog'> A BIG DOG</p>", PHOTO, Verdict.REDUNDANT),
        (  # of a caption that says more, thirteen letters are enough to tell a repetition, twelve are not
            "<figure><img src=d.jpg alt='Two dogs on snow'><figcaption>Two dogs on snow, 2020</figcaption>",
            PHOTO,
            Verdict.REDUNDANT,
        ),
        (
            "<figure><img src=d.jpg alt='Two dogs on ice'><figcaption>Two dogs on ice, 2020</figcaption>",
            PHOTO,
            Verdict.OK,
        ),
        (
            "<figure><img src=d.jpg alt='Rex on the beach'><figcaption>Photo: Rex on the beach, 2020</figcaption>"
            "</figure>",
            PHOTO,
            Verdict.REDUNDANT,
        ),
        ("<svg role=img><title>A <b>red</b> circle</title></svg>", None, Verdict.OK),
        ("<svg role=img><g><title>A part</title></g></svg>", None, Verdict.MISSING),
        ("<svg role=img><title> </title></svg>", None, Verdict.MISSING),
        ("<title>Page</title><svg role=img></svg>", None, Verdict.MISSING),
        (
            "<a href=/s aria-labelledby='x t'><img src=a.jpg alt=''></a><p id=t>All <b>dogs</b>",
            PHOTO,
            Verdict.DECORATIVE,
        ),
        ("<a href=/s aria-labelledby=gone><img src=a.jpg alt=''></a>", PHOTO, Verdict.FUNCTIONAL),
        ("<a href=/s aria-labelledby=t><img src=a.jpg alt=''></a><p id=t></p>Dogs", PHOTO, Verdict.FUNCTIONAL),
        ("<button aria-labelledby=t><img src=a.jpg></button><p id=t>Go</p>", PHOTO, Verdict.FUNCTIONAL),
        (
            "<button><img src=a.jpg alt=''><svg role=img><title>Go</title></svg></button>",
            PHOTO,
            Verdict.DECORATIVE,
        ),
        ("<button><img src=a.jpg alt=''><svg><title>Go</title></svg></button>", PHOTO, Verdict.DECORATIVE),
        ("<button><img src=a.jpg alt=''><svg aria-label=Go></svg></button>", PHOTO, Verdict.DECORATIVE),
        (
            "<button><img src=a.jpg alt=''><svg aria-hidden=true><title>Go</title></svg></button>",
            PHOTO,
            Verdict.FUNCTIONAL,
        ),
        ("<a href=/s><img src=a.jpg alt=Go aria-label=Go></a>", PHOTO, Verdict.OK),
        ("<a href=/s><img src=a.jpg alt=''><img src=b.jpg alt=Go></a>", PHOTO, Verdict.DECORATIVE),
        ("<a href=/s><img src=a.jpg alt=Go><img src=b.jpg alt=''></a>", PHOTO, Verdict.OK),
        ("<a href=/s><img src=a.jpg alt=''><img src=b.jpg aria-label=Go></a>", PHOTO, Verdict.DECORATIVE),
        ("<a href=/s><img src=a.jpg alt=''><img src=b.jpg aria-label=' '></a>", PHOTO, Verdict.FUNCTIONAL),
        ("<button><img src=a.jpg alt=''><img src=b.jpg alt=''></button>", PHOTO, Verdict.FUNCTIONAL),
        (
            "<button><img src=a.jpg alt=''><img src=b.jpg alt=Go aria-hidden=true></button>",
            PHOTO,
            Verdict.FUNCTIONAL,
        ),
        ("<img src=dog.jpg role='none presentation'>", PHOTO, Verdict.DECORATIVE),
        ("<a href=/s><img src=a.jpg alt=''><i role=img aria-label=Go></i></a>", PHOTO, Verdict.DECORATIVE),
        ("<a href=/s><img src=a.jpg alt=''><i role=img></i></a>", PHOTO, Verdict.FUNCTIONAL),
        ("<img src=sales-chart.png>", PHOTO, Verdict.TEXT),
        ("<img src=salesChart2.png>", None, Verdict.TEXT),
        ("<img src=charts.png>", PHOTO, Verdict.TEXT),
        ("<img src=map.png>", PHOTO, Verdict.MISSING),
        ("<figure><img src=a.png><figcaption>Equation 3</figcaption></figure>", PHOTO, Verdict.TEXT),
        ("<img src=a.png>", DRAWING, Verdict.TEXT),
        ("<img src=a.png alt='image'>", DRAWING, Verdict.TEXT),
        ("<img src=a.svg>", VECTOR, Verdict.TEXT),
        ("<figure><img src=a.png><figcaption>Diagram of it</figcaption></figure>", PHOTO, Verdict.TEXT),
        ("<img src=a.png alt='Sales rose from 3 to 5'>", DRAWING, Verdict.OK),
        (f"<img src=a.png alt='{'word ' * 30}'>", PHOTO, Verdict.TOO_LONG),
        (f"<img src=a.png alt='{'word ' * 24}words'>", PHOTO, Verdict.OK),
        (f"<img src=a.png alt='{'word ' * 24}wording'>", PHOTO, Verdict.TOO_LONG),
        ("<p><img src=a.jpg alt='😀'> 🐶</p>", PHOTO, Verdict.OK),
        ("<p><img src=a.jpg alt='Rex on the beach'> Here is Rex on the beach.</p>", PHOTO, Verdict.OK),
        # One side that is declared is completed by the picture's own, where that is known.
        ("<img src=star.png width=16>", None, Verdict.MISSING),
        ("<img src=star.png height=16>", None, Verdict.MISSING),
        ("<img src=star.png width=16>", PHOTO, Verdict.MISSING),
        ("<img src=star.png width=16>", Appearance(400, 32, drawing=False), Verdict.DECORATIVE),
        ("<img src=dog.jpg width=200 height=100>", Appearance(24, 24, drawing=False), Verdict.MISSING),
        ("<img src=map.png>", None, Verdict.TEXT),
        ("<figure><img src=a.png><figcaption>A map</figcaption></figure>", PHOTO, Verdict.MISSING),
    ],
)
def test_the_decision_tree(page: str, appearance: Appearance | None, verdict: Verdict) -> None:
    judgement = judge(picture(page), appearance)
    assert judgement.verdict is verdict, judgement.reason
    assert judgement.reason.endswith(".") or judgement.reason.endswith('""')


def test_a_link_that_has_text_is_told_to_leave_the_picture_empty() -> None:
    judgement = judge(picture("<a href=/x><img src=dog.jpg> Home</a>"), PHOTO)
    assert judgement.verdict is Verdict.FUNCTIONAL
    assert 'alt=""' in judgement.reason
    placeholder = judge(picture("<a href=/x><img src=dog.jpg alt=dog.jpg> Home</a>"), PHOTO)
    assert placeholder.reason == (
        "It is a link to /x that says 'Home' already, and its alternative text is a file name: give it alt=\"\"."
    )
    assert judge(picture("<a href=/x><img src=dog.jpg alt='A dog'> Home</a>"), PHOTO).reason == (
        "It has alternative text."
    )


def test_in_markdown_a_link_that_has_text_leaves_nothing_to_do() -> None:
    (linked,) = read_markdown(b"[![](dog.jpg) Home](/x)").pictures
    assert judge(linked, PHOTO).verdict is Verdict.DECORATIVE
    (alone,) = read_markdown(b"[![](dog.jpg)](/x)").pictures
    assert judge(alone, PHOTO).verdict is Verdict.FUNCTIONAL


def test_a_link_says_where_it_leads() -> None:
    def reason(target: str) -> str:
        return judge(picture(f"<a href='{target}'><img src=dog.jpg></a>"), PHOTO).reason

    assert reason("/about/us").startswith("It is a link to /about/us without any text")
    assert reason("").startswith("It is a link without any text")
    assert reason(" /a\n  b ").startswith("It is a link to /a b without any text")
    assert f" {'x' * 60} " in reason("x" * 60)
    assert f" {'x' * 57}... " in reason("x" * 61)


def test_a_drawing_is_called_what_its_name_says() -> None:
    assert judge(picture("<img src=map.png>"), DRAWING).reason.startswith("It looks like a map:")
    assert judge(picture("<img src=a.png>"), DRAWING).reason.startswith("It looks like a drawing, a chart or text")


def test_what_a_missing_text_leaves_is_said() -> None:
    def reason(attributes: str) -> str:
        return judge(picture(f"<img src=dog.jpg {attributes}>"), PHOTO).reason

    assert reason("alt=' ' title=Rex").startswith("Its alternative text is white space")
    assert reason("title=Rex").startswith("It has a title only")
    assert reason("") == "It has no alternative text."


def test_the_length_bound_is_the_callers() -> None:
    page = picture("<img src=dog.jpg alt='A dog on a beach'>")
    assert judge(page, PHOTO, max_length=10).verdict is Verdict.TOO_LONG


@pytest.mark.parametrize(
    ("alt", "source"),
    [
        ("IMG_1234.JPG", "x.png"),
        ("dog-7.png", "dog-7.png"),
        ("dog-7", "img/dog-7.png"),
        ("Dog-7", "img/dog-7.png"),
        ("My Dog.JPG", "img/my%20dog.jpg"),
        ("3/4", ""),
        ("DSC_0042", ""),
        ("IMG 20240102 101112", ""),
        ("Picture 3", ""),
        ("image", ""),
        ("Image of", ""),
        ("a photo of", ""),
        ("alt text", ""),
        ("placeholder image", ""),
        ("untitled", ""),
        ("...", ""),
        ("-", ""),
        ("42", ""),
        ("Bild 2", ""),
        ("Screenshot 2023-05-01 at 10.11.12", ""),
        ("Screen Shot 2020-03-01 at 9.00.00 AM.png", ""),
        ("Pasted image 20230401121212", ""),
        ("WhatsApp Image 2023-01-01 at 10.10.10.jpeg", "a.jpg"),
        ("IMG-20200101-WA0003", ""),
        ("IMG_20200101_101010_HDR", ""),
        ("PXL_20220101_101010123.MP", ""),
        ("_DSC1234", ""),
        ("DSC_0001 (2)", ""),
        ("DJI_0001", ""),
        ("GOPR0123", ""),
        ("IMG_1234.HEIC", ""),
        ("IMG_1234.CR2", ""),
        ("Copy of IMG_1234", ""),
    ],
)
def test_placeholders(alt: str, source: str) -> None:
    assert placeholder(alt, source)


@pytest.mark.parametrize(
    ("alt", "source"),
    [
        ("sunflower", "sunflower.jpg"),
        ("Image of the year: a fox in the snow", ""),
        ("Photo booth at the fair", ""),
        ("A picture frame", ""),
        ("犬", ""),
        ("😀", ""),
        ("Apollo 11", ""),
        ("Rex in dog.jpg", ""),
        ("★★★ 4", ""),
        ("Map of Rome", ""),
        ("Family photo", ""),
        ("Screenshot of the 2023 budget at a glance", ""),
        ("P 51 Mustang", ""),
        ("Image 12 of the series shows a fox", ""),
        ("Scan of a letter, 1920", ""),
        ("dog-7", "data:image/png;base64,AAAA/dog-7"),
    ],
)
def test_descriptions_are_no_placeholders(alt: str, source: str) -> None:
    assert not placeholder(alt, source)


@pytest.mark.parametrize("source", ["http://[x/dog.jpg", "//[x", "https://a\u2100b.org/dog.jpg"])
def test_an_address_that_cannot_be_read_names_no_file(source: str) -> None:
    assert judge(picture(f"<img src='{source}' alt='A dog on a beach'>"), None).verdict is Verdict.OK
    assert judge(picture(f"<img src='{source}' alt=image>"), None).verdict is Verdict.PLACEHOLDER
    assert judge(picture(f"<img src='{source}'>"), None).verdict is Verdict.MISSING


def test_verdict_names_are_checked_with_the_nearest_named() -> None:
    assert parse_verdicts("missing, too-long") == {Verdict.MISSING, Verdict.TOO_LONG}
    assert parse_verdicts(" Missing,,") == {Verdict.MISSING}
    assert parse_verdicts("any") == set(Verdict) - {Verdict.OK, Verdict.DECORATIVE}
    assert parse_verdicts("") == set()
    with pytest.raises(UsageError, match="did you mean 'missing'"):
        parse_verdicts("mising")


def test_a_drawing_that_its_title_names_is_what_its_button_says() -> None:
    page = "<button><img src=a.jpg alt=''><svg role=img><title>Search</title></svg></button>"
    assert [judge(one, PHOTO).verdict for one in find_pictures(page)[0]] == [Verdict.DECORATIVE, Verdict.OK]
    assert find_pictures(page)[0][0].context.link_text == "Search"
    assert not find_pictures(f"<h1>Dogs</h1><p>{page}</p>")[0][0].context.nearby


@pytest.mark.parametrize("attributes", ["role=presentation alt='A dog'", "aria-hidden=true alt='A dog'"])
def test_a_text_that_nobody_is_told_makes_no_picture_fine(attributes: str) -> None:
    assert judge(picture(f"<img src=a.jpg {attributes}>"), PHOTO).verdict is Verdict.DECORATIVE
    assert judge(picture("<img src=a.jpg role=none aria-label='A dog'>"), PHOTO).verdict is Verdict.OK
