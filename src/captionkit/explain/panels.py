"""An explanation as one picture: a panel a word, drawn with Pillow.

Letters: H W pixels, G cells a side of a map.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from captionkit.engine import Floats
from captionkit.explain.explanation import Explanation, Word, percent
from captionkit.records import Caption
from captionkit.webpage import shrink

PANEL = 280  # pixels: width of a panel, and its height at most
GAP = 18
MARGIN = 32
COLUMNS = 4
INK, QUIET, PAPER, ACCENT, TRACK = "#1b1f24", "#59626d", "#ffffff", "#c2570c", "#eceff3"

# Where a map is dark the picture sinks into night blue; where it shines it keeps its colours, a little warmer.
# (shine, red, green, blue, opacity)
_RAMP = np.array(
    [
        (0.00, 8, 12, 30, 0.70),
        (0.30, 46, 26, 58, 0.52),
        (0.60, 196, 92, 36, 0.32),
        (1.00, 255, 186, 60, 0.30),
    ]
)


def overlay(shine: Floats, width: int, height: int) -> Image.Image:
    """A map float32 [G, G], 0 to 1, as a picture with transparency, to be laid over the photograph."""
    smooth = np.asarray(Image.fromarray(shine).resize((width, height), Image.Resampling.BICUBIC))
    channels = [np.interp(smooth, _RAMP[:, 0], _RAMP[:, column]) for column in (1, 2, 3)]
    alpha = 255 * np.interp(smooth, _RAMP[:, 0], _RAMP[:, 4])
    return Image.fromarray(np.rint(np.stack([*channels, alpha], axis=-1)).astype(np.uint8))


def draw_panels(explanation: Explanation) -> Image.Image:
    """The caption, the picture, a panel a word with its map and probability, and the other captions."""
    picture = shrink(explanation.picture, PANEL)
    if max(picture.size) < PANEL:  # a small picture is enlarged, so that panels have room for their words
        scale = PANEL / max(picture.size)
        picture = picture.resize((round(picture.width * scale), round(picture.height * scale)))
    height = picture.height
    columns = min(COLUMNS, len(explanation.words) + 1)
    width = 2 * MARGIN + columns * PANEL + (columns - 1) * GAP
    title, small = ImageFont.load_default(30), ImageFont.load_default(15)
    lines = _wrap(explanation.caption.text or "(no caption)", title, width - 2 * MARGIN)
    rows = -(-(len(explanation.words) + 1) // columns)
    foot = _footer(explanation)
    subtitle = [_subtitle(explanation), *filter(None, [explanation.demand])]
    top = MARGIN + 40 * len(lines) + 8 + 22 * len(subtitle)
    panel_height = height + 92
    total = top + rows * (panel_height + GAP) + (30 + 26 * len(foot) if foot else 0) + MARGIN
    canvas = Image.new("RGB", (width, total), PAPER)
    pen = ImageDraw.Draw(canvas)
    for place, line in enumerate(lines):
        pen.text((MARGIN, MARGIN - 6 + 40 * place), line, INK, title)
    for place, line in enumerate(subtitle):
        pen.text((MARGIN, MARGIN + 40 * len(lines) + 22 * place), line, QUIET, small)
    for place, word in enumerate([None, *explanation.words]):
        row, column = divmod(place, columns)
        _panel(canvas, pen, picture, word, MARGIN + column * (PANEL + GAP), top + row * (panel_height + GAP))
    at = top + rows * (panel_height + GAP)
    if foot:
        pen.text((MARGIN, at), "The caption, and what it could also have said", INK, ImageFont.load_default(18))
    for place, (chance, text) in enumerate(foot):
        pen.text((MARGIN, at + 30 + 26 * place), chance, ACCENT, ImageFont.load_default(16))
        pen.text((MARGIN + 130, at + 30 + 26 * place), text, INK, ImageFont.load_default(16))
    return canvas


def _panel(
    canvas: Image.Image, pen: ImageDraw.ImageDraw, picture: Image.Image, word: Word | None, left: int, top: int
) -> None:
    offset = left + (PANEL - picture.width) // 2
    canvas.paste(picture, (offset, top))
    below = top + picture.height + 8
    if word is None:
        pen.text((left, below), "the picture", QUIET, ImageFont.load_default(20))
        return
    glow = overlay(word.shine, picture.width, picture.height)
    canvas.paste(glow, (offset, top), glow)
    big, middle, small = (ImageFont.load_default(size) for size in (24, 18, 14))
    name = word.text if word.chosen == word.text else f'{word.text} (for "{word.chosen}")'
    pen.text((left, below - 3), _fit(name, big, PANEL - 80), INK, big)
    chance = percent(word.probability)
    pen.text((left + PANEL - pen.textlength(chance, middle), below + 3), chance, ACCENT, middle)
    bar = below + 32
    pen.rounded_rectangle((left, bar, left + PANEL - 1, bar + 5), 3, TRACK)
    if word.probability > 0.01:
        pen.rounded_rectangle((left, bar, left + (PANEL - 1) * word.probability, bar + 5), 3, ACCENT)
    instead = "   ".join(f"{text} {percent(chance)}" for text, chance in word.instead)
    pen.text((left, bar + 12), _fit(instead, small, PANEL), QUIET, small)


def _subtitle(explanation: Explanation) -> str:
    sure = explanation.sure
    return f"{sure[0].upper()}{sure[1:]}. {explanation.method}" if sure else explanation.method


def _footer(explanation: Explanation) -> list[tuple[str, str]]:
    sentences = (explanation.caption, *explanation.others) if explanation.others else ()
    return [(f"{percent(per_word(one))} a word", one.text) for one in sentences]


def per_word(caption: Caption) -> float:
    """The geometric mean of a caption's token probabilities: what captions of different length compare by."""
    return math.exp(caption.log_probability / max(len(caption.token_log_probabilities), 1))


def _wrap(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _fit(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(f"{text}…") > width:
        text = text[:-1]
    return f"{text.rstrip()}…"
