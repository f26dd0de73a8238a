"""Draws the pictures of this example site: python examples/site/draw.py

They are paintings by arithmetic, so that the site needs nobody's photographs. The landscape has noise and shading
like a photograph; the chart and the notice have few colours and hard edges.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

IMG = Path(__file__).parent / "img"
W, H = 320, 200


def landscape(
    seed: int, sky: tuple[int, int, int], ground: tuple[int, int, int], sun: tuple[int, int]
) -> Image.Image:
    """Hills under a sky: uint8 [H, W, 3]."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:H, 0:W].astype(float)
    picture = np.array(sky, float) * (0.65 + 0.35 * (1 - y / H))[..., None]
    glow = np.exp(-((x - sun[0]) ** 2 + (y - sun[1]) ** 2) / 900)
    picture += glow[..., None] * np.array([90, 80, 20])
    for depth in range(3):
        waves = sum(np.sin(x[0] * random.uniform(0.01, 0.05) + random.uniform(0, 6)) for _ in range(3))
        edge = H * (0.5 + 0.14 * depth) + 9 * waves
        shade = np.array(ground, float) * (0.6 + 0.25 * depth)
        light = 0.8 + 0.2 * np.sin(x * 0.11 + y * 0.07 + depth)
        picture = np.where((y > edge)[..., None], shade * light[..., None], picture)
    picture += random.normal(0, 7, (H, W, 1)) + random.normal(0, 3, (H, W, 3))
    return Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))


def chart() -> Image.Image:
    """Visitors by year as bars."""
    image = Image.new("RGB", (W, H), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(14)
    draw.line((40, 15, 40, 170, 305, 170), fill="black", width=2)
    for number, (year, value) in enumerate({"2022": 60, "2023": 95, "2024": 130}.items()):
        left = 65 + 80 * number
        draw.rectangle((left, 170 - value, left + 45, 169), fill="steelblue")
        draw.text((left + 6, 176), year, fill="black", font=font)
    return image


def notice() -> Image.Image:
    """A notice that must be read."""
    image = Image.new("RGB", (W, H), (250, 246, 235))
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(
        ("HARBOUR FERRY", "Monday to Friday 7:30", "Saturday 9:00", "No boat on Sunday")
    ):
        draw.text((24, 24 + 40 * number), line, fill=(20, 20, 30), font=ImageFont.load_default(22))
    return image


def main() -> None:
    IMG.mkdir(exist_ok=True)
    landscape(1, (120, 170, 230), (70, 120, 60), (250, 40)).save(IMG / "hills.jpg", quality=80)
    landscape(2, (240, 160, 110), (90, 80, 90), (80, 80)).save(IMG / "evening.jpg", quality=80)
    landscape(3, (150, 190, 220), (200, 190, 150), (160, 30)).save(IMG / "DSC_0042.jpg", quality=80)
    landscape(4, (100, 120, 160), (60, 90, 110), (40, 30)).resize((16, 16)).save(IMG / "bullet.png")
    chart().save(IMG / "visitors.png")
    notice().save(IMG / "notice.png")
    Image.new("P", (1, 1)).save(IMG / "spacer.gif")


if __name__ == "__main__":
    main()
