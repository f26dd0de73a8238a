"""`explain`: a caption, where each of its words comes from, and what might have been said instead.

Letters: H W pixels, G cells a side of a map, L caption length, P grid positions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from captionkit.captioner import Captioner
from captionkit.decoding import Beam, teacher_forced
from captionkit.engine import Floats
from captionkit.errors import ImageError
from captionkit.explain.occlusion import occlusion
from captionkit.images import Pixels, load_pixels, read_image, read_image_bytes, resize_image
from captionkit.reading import Picture
from captionkit.records import Caption
from captionkit.tokenizer import BOS, EOS, PAD, UNK

OTHERS = 4  # captions shown beside the best
INSTEAD = 3  # words shown beside each word
SHOWN = 640  # pixels of the longer side, where the picture is shown
FAINT = 0.1  # nats: a word that loses less wherever the picture is covered does not rest on a place
FULL = 0.6  # nats: a loss from which on a map shines at its brightest
_PLACES = (
    ("the upper left", "the top", "the upper right"),
    ("the left", "the centre", "the right"),
    ("the lower left", "the bottom", "the lower right"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Word:
    """One word of the caption.

    Attributes:
        text: the word, as it is written.
        chosen: the word that the model said. It is another one where "a" was made "an", or the other way round.
        probability: the model's own of `chosen`, after the words that it said before.
        instead: the likeliest other words there with their probabilities; "(end)" is the end of the sentence.
        relevance: float32 [G, G]; attention (0 to 1, sums to 1), or what the word loses in nats where the
            picture is covered (see `occlusion`).
        shine: float32 [G, G] from 0 to 1: `relevance` as it is drawn.
        where: one sentence that says what the map shows.
        evidence: see `Caption.evidence`; None without.
    """

    text: str
    chosen: str
    probability: float
    instead: tuple[tuple[str, float], ...]
    relevance: Floats
    shine: Floats
    where: str
    evidence: float | None = None

    @property
    def said(self) -> str:
        """What the map shows, and what the picture says of the word without the sentence, as sentences."""
        if self.chosen != self.text:
            return f'The model said "{self.chosen}"; the word after it asks for "{self.text}". {self.where}'
        if self.evidence is None or abs(self.evidence) < math.log(1.5):
            return self.where
        side = "for" if self.evidence > 0 else "against"
        times = f"{math.exp(self.evidence):.2g} times as likely as with any picture"
        return f"{self.where} The picture alone speaks {side} it: {times}."


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """A caption explained.

    Attributes:
        source: the picture's path or name.
        picture: uint8 [H, W, 3], upright, to be shown.
        caption: the best caption.
        words: one entry a token of it.
        others: other captions of the same search, best first.
        by_attention: whether the maps are the decoder's attention; else they come from occlusion.
        confidence: see `Prediction.confidence`.
        hedged: whether `captionkit caption` begins the sentence with "Possibly:".
        model: the bundle's name.
    """

    source: str
    picture: Pixels
    caption: Caption
    words: tuple[Word, ...]
    others: tuple[Caption, ...]
    by_attention: bool
    confidence: float | None
    hedged: bool
    model: str

    @property
    def method(self) -> str:
        """One sentence that says what the maps are."""
        if self.by_attention:
            return "Bright places are those that the model attends to while it chooses the word."
        return "Bright places are those that the word rests on: covering them makes it less likely."

    @property
    def sure(self) -> str:
        """How sure the model is of the caption, in words; empty where it does not say."""
        if self.confidence is None:
            return ""
        return f"confidence {percent(self.confidence)}" + (', hedged as "Possibly: ..."' if self.hedged else "")

    @property
    def demand(self) -> str:
        """Why the caption is not the first that the search found, in sentences; empty where it is."""
        caption = self.caption
        sentences = []
        if caption.demanded is not None:
            sentences.append(
                f'It had to name a thing that the picture surely shows ("{caption.demanded}"): '
                "the likeliest sentence did not."
            )
        if caption.denied is not None:
            sentences.append(
                f'It had to leave out a thing that the picture surely does not show ("{caption.denied}"): '
                "the likeliest sentence named one."
            )
        if caption.instead_of is not None:
            other = caption.instead_of
            sentences.append(f'The search put another first ("{other}"), but the model is surer of this one.')
        return " ".join(sentences)


def explain(
    captioner: Captioner,
    image: Picture,
    *,
    beams: int | None = None,
    others: int = OTHERS,
    by_occlusion: bool = False,
) -> Explanation:
    """Caption one picture and explain the caption.

    Args:
        image: a path, the bytes of a picture file, a picture of Pillow, or pixels uint8 [H, W, 3].
        beams: width of the search; None for the bundle's own.
        others: how many other captions to find.
        by_occlusion: cover places of the picture even where the decoder gives attention.

    Raises:
        ImageError: the picture cannot be read.
        UsageError: an argument out of range, or an array that is no picture.
    """
    source = str(image) if isinstance(image, Path | str) else "the picture"
    data = read_image_bytes(image) if isinstance(image, Path | str) else image
    search: Beam = captioner.search if beams is None else replace(captioner.search, beams=beams)
    (prediction,) = captioner.caption([data], search=search, n=others + 1)
    if prediction.error is not None:
        raise ImageError(prediction.error.replace("the picture", source))
    caption, *rest = prediction.captions
    size = captioner.engine.network.image_size
    pixels = resize_image(data, size) if isinstance(data, np.ndarray) else load_pixels(data, size)
    shown = data if isinstance(data, np.ndarray) else read_image(data, target_size=SHOWN)

    ids, vocabulary = caption.ids, captioner.bundle.tokenizer.words
    engine = captioner.engine
    steps = teacher_forced(engine.start, engine.step, engine.encode(pixels[None]), ids)
    grid = None if by_occlusion else _grid(caption.attention)
    maps = occlusion(engine, pixels, ids) if grid is None else grid
    words = []
    evidence = caption.evidence or (None,) * len(ids)
    for token, index, (log,), relevance, alone in zip(caption.tokens, ids, steps, maps, evidence, strict=True):
        probability = math.exp(float(log[index]))
        words.append(
            Word(
                text=token,
                chosen=vocabulary[index],
                probability=probability,
                instead=_instead(log, index, vocabulary),
                relevance=relevance,
                shine=_shine(relevance, by_attention=grid is not None),
                where=_by_attention(relevance) if grid is not None else _by_loss(relevance, probability),
                evidence=alone,
            )
        )
    return Explanation(
        source=source,
        picture=shown,
        caption=caption,
        words=tuple(words),
        others=tuple(rest),
        by_attention=grid is not None,
        confidence=prediction.confidence,
        hedged=captioner.hedged(prediction).text != prediction.text,
        model=captioner.bundle.manifest.name,
    )


def percent(probability: float) -> str:
    """A probability for people: "62 %", "0.4 %", "below 0.1 %"."""
    share = 100 * probability
    return f"{share:.0f} %" if share >= 9.95 else f"{share:.1f} %" if share >= 0.1 else "below 0.1 %"


def _grid(attention: Floats | None) -> Floats | None:
    """Attention [L, P] as [L, G, G]; None without, or where P is no square of two cells a side or more."""
    if attention is None or attention.ndim != 2:
        return None
    side = math.isqrt(attention.shape[1])
    if side < 2 or side * side != attention.shape[1]:
        return None
    return attention.reshape(-1, side, side)


def _instead(log: Floats, chosen: int, words: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
    order = [int(index) for index in np.argsort(-log)[: INSTEAD + 5]]
    kept = [index for index in order if index not in (chosen, PAD, BOS, UNK)][:INSTEAD]
    return tuple(("(end)" if index == EOS else words[index], math.exp(float(log[index]))) for index in kept)


def _shine(relevance: Floats, *, by_attention: bool) -> Floats:
    """0 to 1. A map that is nearly even must not look as if it pointed somewhere: it stays dim."""
    full = 4.0 / relevance.size if by_attention else FULL
    shine: Floats = np.clip(relevance, 0.0, None) / np.float32(max(float(relevance.max()), full))
    return shine


def _by_attention(relevance: Floats) -> str:
    thirds = np.asarray(Image.fromarray(relevance).resize((3, 3), Image.Resampling.BOX), np.float64)
    shares = thirds / max(float(thirds.sum()), 1e-12)
    row, column = divmod(int(shares.argmax()), 3)
    if shares.max() < 0.2:
        return "Looks at the whole picture, at no place much more than at others."
    return f"Looks mostly at {_PLACES[row][column]}: {percent(float(shares.max()))} of its attention."


def _by_loss(relevance: Floats, probability: float) -> str:
    row, column = divmod(int(relevance.argmax()), relevance.shape[1])
    loss = float(relevance[row, column])
    if loss < FAINT:
        return "Hardly depends on any one place: the words before it call for it."
    cells = relevance.shape[0]
    place = _PLACES[int((row + 0.5) * 3 / cells)][int((column + 0.5) * 3 / cells)]
    return f"Covering {place} lowers it from {percent(probability)} to {percent(probability * math.exp(-loss))}."
