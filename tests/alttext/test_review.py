from __future__ import annotations

import csv
import html
import io
import os
import re
import subprocess
from pathlib import Path

import pytest

from captionkit.alttext import review_page
from captionkit.alttext.propose import Proposal, propose
from captionkit.alttext.review import DECISIONS, format_csv, is_untouched, read_reviewed, review_rows
from captionkit.alttext.review_page import format_page, review_files, write_review
from captionkit.alttext.scan import ScannedDocument, scan
from captionkit.alttext.write import Decision
from captionkit.errors import DataError, UsageError
from tests.alttext.fakes import ColourCaptioner, photograph


@pytest.fixture
def work(tmp_path: Path) -> tuple[list[ScannedDocument], list[Proposal]]:
    for colour in ("red", "green"):
        photograph(tmp_path / f"{colour}.jpg", colour)
    (tmp_path / "a.html").write_text(
        "<h1>=1+1</h1><img src=red.jpg><img src=green.jpg alt='image'><a href='</script>'><img src=x.svg></a>"
    )
    documents = [item for item in scan([tmp_path]) if isinstance(item, ScannedDocument)]
    return documents, propose(documents, ColourCaptioner())


def rewritten(rows: list[dict[str, str]], path: Path, delimiter: str = ",") -> Path:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_decisions_come_back_from_a_spreadsheet(
    work: tuple[list[ScannedDocument], list[Proposal]], tmp_path: Path, delimiter: str
) -> None:
    rows = review_rows(work[1], "0123456789abcdef" * 4)
    assert [row["verdict"] for row in rows] == ["missing", "placeholder", "functional"]
    rows[0]["decision"] = "Accept"
    rows[1].update(decision="accept", alt='A "green"; wall,\n seen from afar')
    rows[2]["decision"] = "skip"
    decisions, skipped = read_reviewed(rewritten(rows, tmp_path / "r.csv", delimiter))
    assert skipped == 1
    assert decisions == {
        rows[0]["id"]: Decision("A man with a red wall behind him.", "reviewed", "0123456789abcdef" * 4, 0.95),
        rows[1]["id"]: Decision('A "green"; wall, seen from afar', "person"),
    }


@pytest.mark.parametrize("model", [None, "", "A man", "ab" * 31])
def test_a_review_without_its_model_is_written_all_the_same(
    work: tuple[list[ScannedDocument], list[Proposal]], tmp_path: Path, model: str | None
) -> None:
    row = {**review_rows(work[1])[0], "decision": "accept", "model": model or ""}
    if model is None:
        del row["model"]  # of an earlier version
    (decision,) = read_reviewed(rewritten([row], tmp_path / "r.csv"))[0].values()
    assert (decision.by, decision.model) == ("reviewed", "")


@pytest.mark.parametrize(
    ("written", "confidence"),
    [("0", 0.0), ("1", 1.0), ("1.01", None), ("-0.01", None), ("high", None), ("", None)],
)
def test_a_confidence_that_none_can_be_is_none(
    work: tuple[list[ScannedDocument], list[Proposal]], tmp_path: Path, written: str, confidence: float | None
) -> None:
    row = {**review_rows(work[1])[0], "decision": "accept", "confidence": written}
    (decision,) = read_reviewed(rewritten([row], tmp_path / "r.csv"))[0].values()
    assert decision.confidence == confidence


def test_spaces_in_a_cell_count_for_nothing(
    work: tuple[list[ScannedDocument], list[Proposal]], tmp_path: Path
) -> None:
    first, second, _ = review_rows(work[1])
    first.update(decision=" Accept ", alt=" A  wall. ")
    second.update(decision=" ", same_as=f" {first['id']} ")
    assert read_reviewed(rewritten([first, second], tmp_path / "r.csv"))[0] == {
        first["id"]: Decision("A wall.", "person"),
        second["id"]: Decision("A wall.", "person"),
    }


def test_decorative_is_an_empty_text(work: tuple[list[ScannedDocument], list[Proposal]], tmp_path: Path) -> None:
    rows = review_rows(work[1])
    rows[0]["decision"] = "decorative"
    assert read_reviewed(rewritten(rows, tmp_path / "r.csv"))[0] == {rows[0]["id"]: Decision("", "person")}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"decision": "acept"}, "did you mean 'accept'"),
        ({"decision": "accept", "alt": " "}, "accepted without a text"),
    ],
)
def test_a_wrong_row_is_named(
    work: tuple[list[ScannedDocument], list[Proposal]], tmp_path: Path, change: dict[str, str], words: str
) -> None:
    rows = review_rows(work[1])
    rows[1].update(change)
    with pytest.raises(DataError, match=words) as error:
        read_reviewed(rewritten(rows, tmp_path / "r.csv"))
    assert "line 3" in str(error.value)


@pytest.mark.parametrize(
    "data", [b"\xff\xfe\x00", b"", b"a,b\r\n1,2\r\n", b'id,decision,alt\r\n"' + b"x" * 200_000]
)
def test_what_is_no_review_is_one_sentence(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "r.csv").write_bytes(data)
    with pytest.raises(DataError):
        read_reviewed(tmp_path / "r.csv")


def test_the_same_picture_decided_twice_is_a_mistake(
    work: tuple[list[ScannedDocument], list[Proposal]], tmp_path: Path
) -> None:
    rows = review_rows(work[1])
    rows[0]["decision"] = "accept"
    with pytest.raises(DataError, match="twice"):
        read_reviewed(rewritten([rows[0], {**rows[0], "alt": "Other"}], tmp_path / "r.csv"))


@pytest.mark.parametrize("formula", ["=HYPERLINK(1)", "+1", "-1", "@x", " =1", "a;=1", "a; +1", 'a;"=1"', "\t=1"])
def test_a_document_cannot_put_a_formula_into_the_spreadsheet(tmp_path: Path, formula: str) -> None:
    """Excel computes a cell that begins so; where it expects semicolons, one begins a cell."""
    value = html.escape(formula)
    (tmp_path / f"{formula.strip()}.html").write_text(
        f'<html lang="{value}"><a href="{value}"><img src="{value}" alt="image"></a>'
        f'<img src="{value}" alt="{value}">'
    )
    documents = [item for item in scan([tmp_path]) if isinstance(item, ScannedDocument)]
    proposals = [Proposal(finding) for finding in documents[0].findings]
    for row in review_rows(proposals):
        for column, cell in row.items():
            assert not re.search(r'(^|;)[\s"]*[=+@-]', cell), column
        assert row["language"].endswith(formula.strip().lower()[-1])
    assert format_csv(review_rows(proposals)).startswith(b"\xef\xbb\xbfid,")


def test_a_review_with_decisions_is_not_overwritten(
    work: tuple[list[ScannedDocument], list[Proposal]], tmp_path: Path
) -> None:
    base = tmp_path / "review"
    table, _ = write_review(base, work[1], work[0])
    assert is_untouched(table)
    write_review(base, work[1], work[0])
    table.write_bytes(table.read_bytes().replace(b",,A man with a red", b",accept,A man with a red"))
    assert not is_untouched(table)
    with pytest.raises(UsageError, match="holds decisions"):
        review_files(base)
    assert review_files(base, overwrite=True)[0] == table


def test_review_files_have_a_name_in_a_folder_that_is_there(tmp_path: Path) -> None:
    for base in (tmp_path / "gone" / "r", Path("/")):
        with pytest.raises(UsageError, match="a name in an existing folder"):
            review_files(base)
    assert review_files(tmp_path / "r.1") == (tmp_path / "r.1.csv", tmp_path / "r.1.html")


def test_a_page_of_somebody_else_is_not_overwritten(
    work: tuple[list[ScannedDocument], list[Proposal]], tmp_path: Path
) -> None:
    page = tmp_path / "index.html"
    page.write_text("<h1>My site</h1>")
    with pytest.raises(UsageError, match="no review page"):
        write_review(tmp_path / "index", work[1], work[0])
    assert page.read_text() == "<h1>My site</h1>"
    assert not (tmp_path / "index.csv").exists()
    write_review(tmp_path / "index", work[1], work[0], overwrite=True)
    write_review(tmp_path / "index", work[1], work[0])  # now it is one of ours


def test_bytes_that_are_no_text_reach_neither_file(tmp_path: Path) -> None:
    """A page that declares UTF-8 and is Latin-1, of a name in Latin-1; a notebook with half a character."""
    name = os.fsdecode(b"caf\xe9")
    folder = tmp_path / name
    folder.mkdir()
    photograph(folder / f"{name}.jpg", "red")
    (folder / f"{name}.html").write_bytes(
        b'<html lang="\xe9"><meta charset=utf-8><h1>caf\xe9</h1><img src="caf\xe9.jpg" alt="image \xe9">'
        b'<a href="\xe9"><img src="caf\xe9.jpg" alt=""></a><img src="caf\xe9.jpg">'
    )
    cell = '{"cells": [{"cell_type": "markdown", "source": "\\ud83d ![\\ud83d](\\ud83d.jpg)"}]}'
    (folder / "n.ipynb").write_text(cell)
    documents = [item for item in scan([folder]) if isinstance(item, ScannedDocument)]
    assert [one.name for one in documents] == [f"{name}.html", "n.ipynb"]
    proposals = [*propose(documents, ColourCaptioner()), Proposal(documents[1].findings[0])]
    table, page = write_review(tmp_path / "review", proposals, documents, arguments=[str(folder)])
    rows = list(csv.DictReader(io.StringIO(table.read_bytes().decode("utf-8-sig"))))
    assert rows[0]["document"] == "caf\\udce9.html"
    assert rows[0]["picture"] == "caf\\udce9.jpg"
    shown = re.sub(r"<[^>]+>", "", page.read_bytes().decode("utf-8").split("<code>")[1].split("</code>")[0])
    word = html.unescape(shown).split(" ")[3]
    printed = subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, check=True).stdout
    assert printed == os.fsencode(folder)


def test_the_page_is_self_contained_and_escapes_what_documents_say(
    work: tuple[list[ScannedDocument], list[Proposal]], tmp_path: Path
) -> None:
    page = format_page(
        work[1], lambda one: tmp_path / "red.jpg" if one is work[1][0] else None, arguments=["<site>"]
    )
    assert page.count("</script>") == 2
    assert page.count("data:image/jpeg;base64,") == 1
    assert "http:" not in page
    assert "https:" not in page
    assert "&lt;site&gt;" in page
    assert page.count("<article") == 3
    assert page.count('value="decorative"') == 3
    assert "The picture cannot be shown." in page
    assert "@" not in page.split("<main")[1].split("</main>")[0]


def test_decisions_are_the_three_that_the_page_offers(work: tuple[list[ScannedDocument], list[Proposal]]) -> None:
    page = format_page(work[1][:1], lambda one: None)
    assert all(f'value="{decision}"' in page for decision in DECISIONS)


def test_what_a_page_of_another_language_says_is_marked_as_that(tmp_path: Path) -> None:
    photograph(tmp_path / "red.jpg", "red")
    (tmp_path / "a.html").write_text(
        "<html lang=de><h1>Mauern</h1><figure><img src=red.jpg alt='image'><figcaption>Rot</figcaption></figure>"
    )
    (tmp_path / "b.html").write_text("<html lang=en-GB><h1>Walls</h1><img src=red.jpg>")
    documents = [item for item in scan([tmp_path]) if isinstance(item, ScannedDocument)]
    page = format_page(propose(documents, ColourCaptioner()), lambda one: None)
    assert '<dt>Caption</dt><dd lang="de">Rot</dd><dt>Heading</dt><dd lang="de">Mauern</dd>' in page
    assert '<dt>Text so far</dt><dd lang="de">image</dd>' in page
    assert "<dt>Heading</dt><dd>Walls</dd>" in page
    assert page.count("lang=") == 4  # the page's own among them


def test_a_picture_of_many_pages_is_made_small_once(
    work: tuple[list[ScannedDocument], list[Proposal]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path | bytes] = []
    whole = review_page._data_address

    def counted(content: Path | bytes) -> str:
        made.append(content)
        return whole(content)

    monkeypatch.setattr(review_page, "_data_address", counted)
    page = format_page(work[1], lambda one: tmp_path / "red.jpg")
    assert page.count("data:image/jpeg;base64,") == len(work[1]) > 1
    assert len(made) == 1


def shop(folder: Path, pages: int = 3) -> list[ScannedDocument]:
    """Pages with the same logo in a link and the same photograph, which one of them has in a link."""
    photograph(folder / "red.jpg", "red")
    photograph(folder / "green.jpg", "green")
    for number in range(pages):
        (folder / f"{number}.html").write_text(
            f"<h2>Page {number}</h2><a href=/><img src=green.jpg></a><img src=red.jpg>"
        )
    (folder / "last.html").write_text("<a href=/sale><img src=green.jpg></a><img src=https://a.example/x.jpg>")
    (folder / "remote.html").write_text("<img src=https://a.example/x.jpg><img src=gone.jpg>")
    return [item for item in scan([folder]) if isinstance(item, ScannedDocument)]


def test_the_same_picture_in_the_same_role_is_decided_once(tmp_path: Path) -> None:
    rows = review_rows(propose(shop(tmp_path), ColourCaptioner()))
    first = {row["id"]: row for row in rows if not row["same_as"]}
    assert [
        (row["document"], row["picture"], row["same_as"] and first[row["same_as"]]["document"]) for row in rows
    ] == [
        ("0.html", "green.jpg", ""),
        ("1.html", "green.jpg", "0.html"),
        ("2.html", "green.jpg", "0.html"),
        ("0.html", "red.jpg", ""),
        ("1.html", "red.jpg", "0.html"),
        ("2.html", "red.jpg", "0.html"),
        ("last.html", "green.jpg", ""),  # its link leads elsewhere
        ("last.html", "https://a.example/x.jpg", ""),
        ("remote.html", "https://a.example/x.jpg", "last.html"),
        ("remote.html", "gone.jpg", ""),
    ]
    rows[0].update(decision="accept", alt="To the start page")
    rows[2].update(decision="decorative")
    rows[3].update(decision="accept")
    rows[4].update(alt="Our wall")
    rows[5].update(decision="skip")
    decisions, left = read_reviewed(rewritten(rows, tmp_path / "r.csv"))
    assert [decisions[row["id"]].alt for row in rows[:5]] == [
        "To the start page",
        "To the start page",
        "",
        "A man with a red wall behind him.",
        "Our wall",
    ]
    assert left == 5


def test_words_beside_tell_redundant_pictures_apart(tmp_path: Path) -> None:
    photograph(tmp_path / "red.jpg", "red")
    (tmp_path / "a.html").write_text(
        "<p><img src=red.jpg alt='A red wall'> A red wall</p><p><img src=red.jpg alt='A red wall'> A red wall.</p>"
    )
    documents = [item for item in scan([tmp_path]) if isinstance(item, ScannedDocument)]
    assert [one.same_as for one in propose(documents, ColourCaptioner())] == ["", ""]


def test_the_page_counts_pictures_and_shows_each_once(tmp_path: Path) -> None:
    documents = shop(tmp_path)
    page = write_review(tmp_path / "review", propose(documents, ColourCaptioner()), documents)[1].read_text()
    assert "5 pictures in 10 places." in page
    assert page.count("data:image/jpeg") == 3
    assert page.count("<article") == 10
    assert page.count("<details class=") == page.count("</details>") - 1 == 3
    assert "5 of 5: remote.html, line 1" in page
    # A picture is called by one number wherever it is spoken of.
    assert page.count("Alternative text of picture 2<") == page.count("Decision on picture 2<") == 1
    assert "Alternative text of picture 2, place 3<" in page
    assert 'alt="Picture 2, under review"' in page
    assert "picture 6" not in page
