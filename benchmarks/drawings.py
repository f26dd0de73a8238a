"""How well pixels alone tell drawings from photographs (`captionkit.alttext.appearance`).

    CAPTIONKIT_DATA=... python benchmarks/drawings.py

Photographs: Flickr8k, of which the first 1,500 names helped to choose the thresholds and are left out, and the
COCO pictures, which all helped. Drawings: charts by matplotlib, pages of text and box diagrams by Pillow, under a
seed that was not looked at while choosing, each as PNG and as JPEG.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from captionkit.alttext.appearance import is_drawing
from captionkit.images import read_image

SEED = 3
WORDS = [
    "the", "of", "chart", "measured", "value", "sample", "figure", "result", "year", "sales", "model", "table",
    "growth", "report", "data", "and", "from",
]  # fmt: skip
TUNED = 1_500
EVERY = 4


def photographs(archive: Path, part: str, skip: int, every: int) -> Iterator[bytes]:
    """The pictures of a tar archive below `part`, in the order of their names."""
    with tarfile.open(archive) as tar:
        members = sorted((one for one in tar if one.isfile() and part in one.name), key=lambda one: one.name)
        for member in members[skip::every]:
            handle = tar.extractfile(member)
            if handle is not None:
                yield handle.read()


def charts(random: np.random.Generator) -> Iterator[Image.Image]:
    """Eight kinds of chart in many sizes; every third on a dark ground."""
    for number in range(80):
        figure, axes = plt.subplots(
            figsize=(random.uniform(3, 8), random.uniform(2.5, 6)), dpi=int(random.integers(60, 140))
        )
        match number % 8:
            case 0:
                axes.bar(range(6), random.random(6))
            case 1:
                axes.plot(random.random((50, 4)).cumsum(axis=0))
            case 2:
                axes.pie(random.random(5), labels=list("abcde"))
            case 3:
                axes.scatter(*random.random((2, 200)))
            case 4:
                figure.colorbar(axes.imshow(random.random((12, 12)), cmap="viridis"))
            case 5:
                axes.hist(random.normal(size=999), 40)
                axes.grid()
            case 6:
                axes.fill_between(range(50), random.random(50).cumsum())
            case _:
                axes.boxplot(random.random((20, 6)))
        if number % 3 == 0:
            figure.patch.set_facecolor("#222233")
        axes.set_title(f"Title {number}")
        buffer = io.BytesIO()
        figure.savefig(buffer)
        plt.close(figure)
        yield Image.open(buffer).convert("RGB")


def texts(random: np.random.Generator) -> Iterator[Image.Image]:
    """Pages of words in several sizes; every fifth on a dark ground."""
    for number in range(60):
        width, height = [(600, 800), (400, 300), (800, 600), (300, 120)][random.integers(4)]
        size = int([11, 14, 18, 28][random.integers(4)])
        dark = number % 5 == 0
        image = Image.new("RGB", (width, height), (30, 30, 36) if dark else (250, 246, 235))
        draw = ImageDraw.Draw(image)
        for top in range(10, height - size, int(size * 1.6)):
            line = " ".join(random.choice(WORDS, max(2, width // size // 3)))
            draw.text((10, top), line, fill=(230,) * 3 if dark else (20,) * 3, font=ImageFont.load_default(size))
        yield image


def diagrams(random: np.random.Generator) -> Iterator[Image.Image]:
    """Boxes with words, joined by lines."""
    for _ in range(40):
        image = Image.new("RGB", (500, 360), "white")
        draw = ImageDraw.Draw(image)
        for _ in range(6):
            x, y = int(random.integers(0, 400)), int(random.integers(0, 300))
            fill = str(random.choice(["#ccddee", "#ffddcc", "#ddffdd", "white"]))
            draw.rounded_rectangle((x, y, x + 90, y + 45), 8, outline="black", fill=fill)
            draw.text((x + 8, y + 14), str(random.choice(WORDS)), fill="black", font=ImageFont.load_default(14))
            draw.line((x + 90, y + 20, *random.integers(0, 360, 2)), fill="black", width=2)
        yield image


def encoded(image: Image.Image, kind: str, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, quality=quality)
    return buffer.getvalue()


def main() -> None:
    data = Path(os.environ["CAPTIONKIT_DATA"])
    print(f"{'pictures':28}{'number':>8}{'called drawings':>18}")
    flickr = photographs(data / "flickr8k" / "images.tar", "", TUNED, EVERY)
    coco = photographs(data / "coco-mini" / "images.tar", "", 0, 1)
    for name, pictures in (("Flickr8k photographs", flickr), ("COCO photographs", coco)):
        show(name, [is_drawing(read_image(one)) for one in pictures])
    for make in (charts, texts, diagrams):
        random = np.random.default_rng(SEED)
        images = list(make(random))
        for kind in ("PNG", "JPEG"):
            quality = [int(random.choice([60, 75, 85, 92])) for _ in images]
            found = [
                is_drawing(read_image(encoded(image, kind, level)))
                for image, level in zip(images, quality, strict=True)
            ]
            show(f"{make.__name__} as {kind}", found)


def show(name: str, found: list[bool]) -> None:
    print(f"{name:28}{len(found):8,}{sum(found):8,}{sum(found) / len(found):9.1%}")


if __name__ == "__main__":
    main()
