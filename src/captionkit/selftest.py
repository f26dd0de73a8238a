"""The self-test of a bundle: a picture that captionkit draws, and the words that the model must say of it.

It is made when a model is exported and replayed by `captionkit bundle check`, on any machine: it shows that the
networks, the vocabulary and the preprocessing still belong together and that LiteRT computes what it should.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from captionkit.bundle import Bundle, SelfTest
from captionkit.decoding import Greedy, Hypothesis
from captionkit.engine import Engine
from captionkit.images import load_pixels
from captionkit.tokenizer import Tokenizer

CANDIDATES = 8
# How far the log-probability of the same words may lie between machines, in nats a token: kernels of int8
# networks round differently from processor to processor.
TOLERANCE = 0.05


@dataclass(frozen=True, slots=True)
class SelfTestResult:
    """What a replay gave: the words, and how far the log-probabilities differ, in nats a token."""

    passed: bool
    expected: tuple[str, ...]
    got: tuple[str, ...]
    difference: float


def make_selftest(engine: Engine, tokenizer: Tokenizer, *, max_length: int) -> SelfTest:
    """Draw a few pictures and keep the one whose least sure word is the surest.

    Processors differ in the last digits, so a test must not hang on two words that are almost equally likely.
    """
    tests = []
    for seed in range(CANDIDATES):
        picture = draw_picture(seed)
        best = _replay(engine, picture, max_length)
        weakest = min(best.token_log_probabilities, default=-np.inf)
        tests.append((weakest, -seed, picture, best))
    _, _, picture, best = max(tests, key=lambda test: test[:2])
    return SelfTest(
        picture=picture,
        tokens=tuple(tokenizer.to_tokens(best.ids)),
        log_probability=round(sum(best.token_log_probabilities), 6),
        max_length=max_length,
    )


def run_selftest(bundle: Bundle) -> SelfTestResult:
    """Replay a bundle's self-test.

    Raises:
        BundleError: its networks cannot be run at all.
    """
    test = bundle.selftest
    best = _replay(Engine.of(bundle), test.picture, test.max_length)
    got = tuple(bundle.tokenizer.to_tokens(best.ids))
    difference = abs(sum(best.token_log_probabilities) - test.log_probability) / (len(test.tokens) + 1)
    passed = got == test.tokens and difference <= TOLERANCE
    return SelfTestResult(passed=passed, expected=test.tokens, got=got, difference=difference)


def draw_picture(seed: int, size: int = 96) -> bytes:
    """A PNG of coloured shapes under a sky; the same seed gives the same pixels."""
    random = np.random.default_rng(seed)
    sky, ground = random.integers(60, 256, (2, 3))
    share = np.linspace(0, 1, size)[:, None, None]
    canvas = np.broadcast_to(sky * (1 - share) + ground * share, (size, size, 3))
    image = Image.fromarray(np.rint(canvas).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, int(size * 0.7), size, size), fill=_colour(random))
    for _ in range(int(random.integers(2, 5))):
        left, top = (int(value) for value in random.integers(0, size * 3 // 4, 2))
        width, height = (int(value) for value in random.integers(size // 8, size // 2, 2))
        draw = pen.ellipse if random.random() < 0.5 else pen.rectangle
        draw((left, top, left + width, top + height), fill=_colour(random))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _colour(random: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in random.integers(0, 256, 3))
    return red, green, blue


def _replay(engine: Engine, picture: bytes, max_length: int) -> Hypothesis:
    pixels = load_pixels(picture, engine.network.image_size)
    ((best,),) = Greedy(max_length).run(engine.start, engine.step, engine.encode(pixels[None]))
    return best
