"""`explain`, its picture and its page, with a real bundle; attention with a decoder that gives it."""

from __future__ import annotations

import dataclasses
import html
import html.parser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from captionkit.captioner import Captioner
from captionkit.errors import ImageError
from captionkit.explain import Explanation, draw_panels, explain, format_page, percent
from captionkit.explain.explanation import _by_attention, _by_loss, _grid, _instead, _shine
from captionkit.explain.panels import overlay, per_word
from captionkit.selftest import draw_picture
from captionkit.tokenizer import SPECIALS


@pytest.fixture(scope="module")
def captioner(tiny_bundle: Path) -> Captioner:
    return Captioner.load(tiny_bundle, threads=1)


@pytest.fixture(scope="module")
def found(captioner: Captioner) -> Explanation:
    return explain(captioner, draw_picture(3))


def test_it_explains_the_caption_that_the_captioner_gives(captioner: Captioner, found: Explanation) -> None:
    (prediction,) = captioner.caption([draw_picture(3)])
    assert found.caption.tokens == prediction.captions[0].tokens
    assert tuple(word.text for word in found.words) == found.caption.tokens
    assert 1 <= len(found.others) <= 4
    assert found.caption.tokens not in {other.tokens for other in found.others}
    logs = found.caption.token_log_probabilities
    for word, log in zip(found.words, logs, strict=False):
        assert word.probability == pytest.approx(np.exp(log), abs=1e-3)
        assert len({text for text, _ in word.instead}) == 3
        assert word.text not in {text for text, _ in word.instead}
        assert not {text for text, _ in word.instead} & {"<pad>", "<bos>", "<unk>"}
        chances = [chance for _, chance in word.instead]
        assert chances == sorted(chances, reverse=True)
        assert word.probability + sum(chances) <= 1 + 1e-5
        assert word.where.endswith(".")


def test_an_article_that_was_made_to_agree_is_told_as_the_model_said_it(captioner: Captioner) -> None:
    found = explain(captioner, draw_picture(12), others=0)  # "... on a on ..." of the model's
    place = found.caption.tokens.index("an")
    word = found.words[place]
    assert (word.text, word.chosen) == ("an", "a")
    logs = found.caption.token_log_probabilities
    for one, log in zip(found.words, logs, strict=False):
        assert one.probability == pytest.approx(np.exp(log), abs=1e-3)
    told = f'The model said "a"; the word after it asks for "an". {word.where}'
    assert word.said == told
    assert html.escape(told) in format_page(found)
    plain = tuple(dataclasses.replace(one, chosen=one.text) for one in found.words)
    assert draw_panels(found).tobytes() != draw_panels(dataclasses.replace(found, words=plain)).tobytes()


def test_what_the_picture_alone_says_is_told_where_it_is_clear(found: Explanation) -> None:
    def said(evidence: float | None) -> str:
        word = dataclasses.replace(found.words[0], where="Looks at the top.", evidence=evidence)
        return word.said

    assert said(None) == said(0.3) == "Looks at the top."
    assert said(np.log(12.3)).endswith("The picture alone speaks for it: 12 times as likely as with any picture.")
    assert said(np.log(0.25)).endswith("speaks against it: 0.25 times as likely as with any picture.")
    word = dataclasses.replace(found.words[0], evidence=2.0)
    assert "speaks for it" in format_page(dataclasses.replace(found, words=(word,)))


def test_a_tall_picture_is_shown_as_tall_as_it_is(captioner: Captioner, tmp_path: Path) -> None:
    Image.new("RGB", (300, 900), "green").save(tmp_path / "tall.png")
    tall = explain(captioner, tmp_path / "tall.png", others=0, beams=2)
    assert tall.picture.shape == (900, 300, 3)
    assert tall.others == ()
    assert draw_panels(tall).height > 300
    assert 'width="213" height="640"' in format_page(tall)


def test_a_file_that_is_no_picture_is_one_sentence_with_its_name(captioner: Captioner, tmp_path: Path) -> None:
    path = tmp_path / "words.jpg"
    path.write_text("no picture")
    with pytest.raises(ImageError, match=r"words\.jpg"):
        explain(captioner, path)


def test_attention_becomes_a_grid_only_where_it_is_one() -> None:
    assert _grid(None) is None
    assert _grid(np.ones((3, 1), np.float32)) is None
    assert _grid(np.ones((3, 12), np.float32)) is None
    rows = np.arange(27, dtype=np.float32).reshape(3, 9)
    grid = _grid(rows)
    assert grid is not None
    assert grid[1].tolist() == [[9, 10, 11], [12, 13, 14], [15, 16, 17]]


def test_a_map_is_told_in_words() -> None:
    attention = np.full((9, 9), 0.2 / 81, np.float32)
    attention[7, 8] += 0.8
    assert _by_attention(attention) == "Looks mostly at the lower right: 82 % of its attention."
    assert "whole picture" in _by_attention(np.full((9, 9), 1 / 81, np.float32))
    loss = np.zeros((7, 7), np.float32)
    assert "Hardly depends" in _by_loss(loss, 0.5)
    loss[0, 3] = 0.09
    assert "Hardly depends" in _by_loss(loss, 0.5)
    loss[0, 3] = np.log(2)
    assert _by_loss(loss, 0.5) == "Covering the top lowers it from 50 % to 25 %."


def test_only_what_could_stand_in_a_caption_is_told_instead_of_a_word() -> None:
    words = (*SPECIALS, "a", "dog", "cat")
    log = np.log(np.array([0.15, 0.15, 0.1, 0.2, 0.3, 0.07, 0.03], np.float32))
    assert [word for word, _ in _instead(log, 4, words)] == ["(end)", "dog", "cat"]


def test_a_map_that_points_nowhere_does_not_shine() -> None:
    even = np.full((9, 9), 1 / 81, np.float32)
    assert _shine(even, by_attention=True).max() == pytest.approx(0.25)
    assert _shine(np.full((7, 7), 0.03, np.float32), by_attention=False).max() < 0.1
    assert _shine(np.full((7, 7), -3, np.float32), by_attention=False).max() == 0
    sharp = even.copy()
    sharp[2, 2] = 0.5
    assert _shine(sharp, by_attention=True)[2, 2] == 1


def test_a_map_lies_the_right_way_up_over_the_picture() -> None:
    shine = np.zeros((7, 7), np.float32)
    shine[0, 6] = 1  # upper right
    alpha = np.asarray(overlay(shine, 70, 140))[..., 3]
    assert alpha.shape == (140, 70)
    assert alpha[0, -1] == alpha.min() < alpha[20:].min()
    half = 255 * 0.387  # the opacity of a shine of 0.5
    assert alpha[:20, -10:].mean() < half < alpha[:20, :10].mean()


def test_the_panels_are_as_many_as_the_words(found: Explanation) -> None:
    image = draw_panels(found)
    columns = min(4, len(found.words) + 1)
    assert image.width == 64 + columns * 280 + (columns - 1) * 18
    rows = -(-(len(found.words) + 1) // columns)
    assert image.height > rows * 372
    assert len(image.convert("P", colors=64).getcolors() or []) > 20


class _Page(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_panels_have_a_line_for_what_the_caption_had_to_name(found: Explanation) -> None:
    told = dataclasses.replace(found, caption=dataclasses.replace(found.caption, demanded="cat"))
    assert "cat" in told.demand
    assert not found.demand
    with_line, without = draw_panels(told), draw_panels(found)
    assert with_line.height == without.height + 22
    title = without.crop((0, 0, without.width, 60))
    assert with_line.crop((0, 0, without.width, 60)).tobytes() == title.tobytes()


def test_a_caption_that_is_not_the_first_of_its_search_says_so(found: Explanation) -> None:
    told = dataclasses.replace(found, caption=dataclasses.replace(found.caption, instead_of="A cat runs."))
    assert told.demand == 'The search put another first ("A cat runs."), but the model is surer of this one.'
    assert "A cat runs." in format_page(told)
    assert "surer" not in format_page(found)


def _tags(page: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Page()
    parser.feed(page)
    return parser.tags


def test_the_page_fetches_nothing_and_tells_every_map_in_words(found: Explanation) -> None:
    page = format_page(found)
    tags = _tags(page)
    for _, attributes in tags:
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("data:image/", "#"))
        assert "style" not in attributes
        assert not any(name.startswith("on") for name in attributes)
    images = [attributes for tag, attributes in tags if tag == "img"]
    assert len(images) == 1 + len(found.words)
    assert all(image["alt"] for image in images)
    buttons = [attributes for tag, attributes in tags if tag == "button"]
    assert len(buttons) == len(found.words)
    assert sum("data-first" in attributes for attributes in buttons) == 1


def test_a_page_says_that_nothing_else_was_found(found: Explanation) -> None:
    assert "Nothing else was found." in format_page(dataclasses.replace(found, others=()))
    assert "Nothing else was found." not in format_page(found)


def test_words_and_names_cannot_break_out_of_the_page(found: Explanation) -> None:
    evil = "<script>alert('x')</script>\"'&@SCRIPT@"
    word = dataclasses.replace(found.words[0], text=evil, instead=((evil, 0.5),), where=evil)
    caption = dataclasses.replace(found.caption, text=evil)
    page = format_page(
        dataclasses.replace(found, caption=caption, words=(word,), others=(caption,), model=evil, source=evil)
    )
    assert sum(tag == "script" for tag, _ in _tags(page)) == 1
    assert "alert('x')" not in page
    assert '"&lt;' in page or "&lt;script&gt;" in page


def test_probabilities_are_written_for_people(found: Explanation) -> None:
    written = [percent(value) for value in (1.0, 0.62, 0.0996, 0.052, 0.001, 1e-9)]
    assert written == ["100 %", "62 %", "10 %", "5.2 %", "0.1 %", "below 0.1 %"]
    mean = np.mean(found.caption.token_log_probabilities)
    assert per_word(found.caption) == pytest.approx(np.exp(mean))
    ended = dataclasses.replace(found.caption, token_log_probabilities=(-1.0, -2.0, -3.0), tokens=("a", "dog"))
    assert per_word(ended) == pytest.approx(np.exp(-2.0))  # the end counts as a word
