"""An explanation as one self-contained HTML page, for eyes, keyboard and screen reader alike.

It fetches nothing, and every map is also told in words. Letters: G cells a side of a map.
"""

from __future__ import annotations

from html import escape

from captionkit import __version__
from captionkit.explain.explanation import SHOWN, Explanation, Word, percent
from captionkit.explain.panels import overlay, per_word
from captionkit.webpage import fill_page, jpeg_address, png_address, shrink

MAP = 96  # pixels of a map's longer side; browsers smooth it as they enlarge it


def format_page(explanation: Explanation) -> str:
    """The page."""
    photo = shrink(explanation.picture, SHOWN)
    scale = MAP / max(photo.size)
    size = max(1, round(photo.width * scale)), max(1, round(photo.height * scale))
    caption = escape(explanation.caption.text or "(no caption)")
    words = explanation.words
    return fill_page(
        "captionkit.explain",
        "page",
        {
            "CAPTION": caption,
            "FACTS": escape(_facts(explanation)),
            "PHOTO": jpeg_address(photo),
            "WIDTH": str(photo.width),
            "HEIGHT": str(photo.height),
            "METHOD": escape(explanation.method),
            "MAPS": "".join(
                f'<img class="map" alt="Map of the word {escape(word.text)}: {escape(word.where)}" '
                f'src="{png_address(overlay(word.shine, *size))}">'
                for word in words
            ),
            "BUTTONS": _buttons(explanation),
            "DETAILS": "".join(map(_details, words)),
            "OTHERS": _others(explanation),
            "ROWS": "".join(map(_row, words)),
            "FOOT": f"Made by captionkit {__version__} with the model {escape(explanation.model)}. "
            "A map shows what moved the model. It does not show that the word is right.",
        },
    )


def _facts(explanation: Explanation) -> str:
    likely = f"log-probability {explanation.caption.log_probability:.2f}"
    facts = "; ".join(filter(None, (explanation.sure, likely)))
    return f"{facts[0].upper()}{facts[1:]}. {explanation.demand}".rstrip()


def _buttons(explanation: Explanation) -> str:
    # The page opens at the word whose map has most to show.
    first = max(explanation.words, key=lambda word: float(word.relevance.max()), default=None)
    return "".join(
        f'<button type="button" aria-pressed="false"{" data-first" if word is first else ""}>'
        f"{escape(word.text)}</button>"
        for word in explanation.words
    )


def _details(word: Word) -> str:
    name, chance = escape(word.text), percent(word.probability)
    instead = ", ".join(f"{text} {percent(likely)}" for text, likely in word.instead)
    said = escape(f"{word.text}, {chance}. {word.said} Likeliest other words: {instead}.")
    rows = "".join(_bar(text, likely) for text, likely in ((word.chosen, word.probability), *word.instead))
    return (
        f'<section data-said="{said}" aria-label="Word {name}"><h3>{name} <span>{chance}</span></h3>'
        f"<p>{escape(word.said)}</p><ul>{rows}</ul></section>"
    )


def _bar(text: str, probability: float) -> str:
    return (
        f'<li><span>{escape(text)}</span><svg aria-hidden="true" viewBox="0 0 100 6" preserveAspectRatio="none">'
        f'<rect width="{100 * probability:.2f}" height="6"/></svg><span>{percent(probability)}</span></li>'
    )


def _others(explanation: Explanation) -> str:
    if not explanation.others:
        return "<p>Nothing else was found.</p>"
    rows = "".join(
        f'<tr><th scope="row">{escape(one.text)}{mark}</th><td class="number">{percent(per_word(one))}</td>'
        f'<td class="number">{one.log_probability:.2f}</td></tr>'
        for one, mark in ((explanation.caption, " (the caption)"), *((other, "") for other in explanation.others))
    )
    return (
        '<div class="scroll" role="region" aria-label="Table of sentences" tabindex="0"><table><thead><tr>'
        '<th scope="col">Sentence</th><th scope="col">Probability a word</th>'
        f'<th scope="col">Log-probability</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _row(word: Word) -> str:
    instead = ", ".join(f"{text} {percent(likely)}" for text, likely in word.instead)
    return (
        f'<tr><th scope="row">{escape(word.text)}</th><td class="number">{percent(word.probability)}</td>'
        f"<td>{escape(word.said)}</td><td>{escape(instead)}</td></tr>"
    )
