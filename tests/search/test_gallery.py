"""The gallery page: self-contained, escaped, and honest about what is gone."""

from __future__ import annotations

import os
import re
from html.parser import HTMLParser
from pathlib import Path

from captionkit.search.gallery import Card, format_gallery
from captionkit.selftest import draw_picture


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for one, attributes in self.tags if one == tag]


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


def card(folder: Path, name: str = "a.png", hits: tuple[str, ...] = (), facts: str = "") -> Card:
    (folder / name).write_bytes(draw_picture(1))
    return Card(folder / name, name, "A dog runs.", hits, facts)


def test_every_picture_has_its_caption_and_a_link_to_its_file(tmp_path: Path) -> None:
    cards = [card(tmp_path, "a.png", hits=("dog",), facts="score 1.00"), card(tmp_path, "b #1.png")]
    reader = read(format_gallery("a dog", "2 pictures.", [("", cards)]))
    assert [image["alt"] for image in reader.all("img")] == [
        "A dog runs. Opens a.png",
        "A dog runs. Opens b #1.png",
    ]
    links = [link["href"] for link in reader.all("a") if link.get("class") == "frame"]
    assert links == [(tmp_path / "a.png").as_uri(), (tmp_path / "b #1.png").as_uri()]
    assert len(reader.all("mark")) == 1
    assert "score 1.00" in reader.text


def test_nothing_is_fetched_and_no_script_runs(tmp_path: Path) -> None:
    page = format_gallery("x", "", [("", [card(tmp_path)])])
    reader = read(page)
    assert reader.all("script") == reader.all("link") == reader.all("iframe") == []
    assert all((image["src"] or "").startswith("data:image/jpeg;base64,") for image in reader.all("img"))
    assert "@" not in re.sub(r"@media", "", page)
    (policy,) = [one["content"] for one in reader.all("meta") if one.get("http-equiv")]
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_text_from_outside_stays_text(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>\"'&@STYLE@"
    (tmp_path / "a.png").write_bytes(draw_picture(1))
    found = Card(tmp_path / "a.png", evil, evil, ("script",), evil)
    reader = read(format_gallery(evil, evil, [(evil, [found])]))
    assert reader.all("script") == []
    assert reader.text.count(evil) == 7  # the title twice, the note, the heading, and the card's three
    assert [image["alt"] for image in reader.all("img")] == [f"{evil} Opens {evil}"]


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    page = format_gallery("x", "", [("", [card(tmp_path, name)])])
    assert "caf%E9.png" in page
    page.encode("utf-8")


def test_a_picture_that_is_gone_is_told(tmp_path: Path) -> None:
    gone = Card(tmp_path / "gone.png", "gone.png", "A cat.", (), "")
    reader = read(format_gallery("x", "", [("", [gone, card(tmp_path)])]))
    assert "The picture cannot be read." in reader.text
    assert len(reader.all("img")) == 1


def test_nothing_found() -> None:
    assert "Nothing was found." in read(format_gallery("x", "", [])).text
