"""Charts as inline SVG: lines, bars, a diagonal. Colours come from the page's style, by class.

Every chart has a text alternative; its numbers stand in a table beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape

WIDTH, HEIGHT = 460, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 14, 40
_MOST = 1e100  # differences and multiples of what is below it are finite


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a chart: its name, its points, the class that colours it ("one", "two"), and whether dots show."""

    name: str
    points: Sequence[tuple[float, float]]
    css: str = "one"
    dots: bool = True


def line_chart(
    alt: str,
    lines: Sequence[Line],
    *,
    x_label: str,
    y_label: str,
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
    diagonal: bool = False,
) -> str:
    """Lines over one pair of axes.

    Args:
        lines: points that are not finite, or beyond all that is drawn, are left out.
        x_range, y_range: of the axes; None for those of the points.
        diagonal: draw the line of y = x.
    """
    kept = [
        replace(line, points=[point for point in line.points if all(abs(value) < _MOST for value in point)])
        for line in lines
    ]
    points = [point for line in kept for point in line.points]
    if not points:
        return "<p>There is nothing to draw.</p>"
    x_low, x_high = x_range or _around([x for x, _ in points])
    y_low, y_high = y_range or _around([y for _, y in points])

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)
        up = (y - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM)
        return LEFT + across, HEIGHT - BOTTOM - up

    parts = [_axes(x_low, x_high, y_low, y_high, x_label, y_label)]
    if diagonal:
        (x1, y1), (x2, y2) = place(x_low, x_low), place(x_high, x_high)
        parts.append(f'<line class="diagonal" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')
    for line in kept:
        spots = [place(x, y) for x, y in line.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        parts.append(f'<polyline class="{line.css}" points="{path}"/>')
        if line.dots:
            parts += [f'<circle class="{line.css}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in spots]
    return _figure(alt, parts, [(line.name, line.css) for line in kept if line.name])


def bar_chart(
    alt: str, groups: Sequence[tuple[str, float, float]], names: tuple[str, str], *, x_label: str, y_label: str
) -> str:
    """Two bars a group, such as the model's share and people's: a label, and the values of the two `names`."""
    if not groups:
        return "<p>There is nothing to draw.</p>"
    high = 1.08 * max(max(first, second) for _, first, second in groups) or 1.0
    inner, tall = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    step = inner / len(groups)
    parts = [_axes(0, 1, 0, high, x_label, y_label, x_ticks=False)]
    every = math.ceil(len(groups) / 12)
    for place, (label, *values) in enumerate(groups):
        left = LEFT + place * step
        for side, (value, css) in enumerate(zip(values, ("one", "two"), strict=True)):
            size = value / high * tall
            parts.append(
                f'<rect class="{css}" x="{left + step * (0.1 + 0.4 * side):.1f}" '
                f'y="{HEIGHT - BOTTOM - size:.1f}" width="{step * 0.38:.1f}" height="{size:.1f}"/>'
            )
        if place % every == 0:
            parts.append(
                f'<text class="tick" x="{left + step / 2:.1f}" y="{HEIGHT - BOTTOM + 14}" '
                f'text-anchor="middle">{escape(label)}</text>'
            )
    return _figure(alt, parts, [(names[0], "one"), (names[1], "two")])


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of text; the first cell of a row is its head."""
    heads = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _figure(alt: str, parts: Sequence[str], keys: Sequence[tuple[str, str]]) -> str:
    legend = "".join(
        f'<span class="key"><svg aria-hidden="true" viewBox="0 0 12 12" width="12" height="12">'
        f'<rect class="{css}" width="12" height="12" rx="2"/></svg> {escape(name)}</span>'
        for name, css in keys
    )
    return (
        f'<figure><svg role="img" aria-label="{escape(alt)}" viewBox="0 0 {WIDTH} {HEIGHT}">{"".join(parts)}</svg>'
        f"<figcaption>{legend}</figcaption></figure>"
    )


def _axes(
    x_low: float, x_high: float, y_low: float, y_high: float, x_label: str, y_label: str, *, x_ticks: bool = True
) -> str:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    parts = []
    for value in _ticks(y_low, y_high):
        y = bottom - (value - y_low) / (y_high - y_low) * (bottom - TOP)
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 6}" y="{y + 3.5:.1f}" text-anchor="end">{value:.4g}</text>')
    if x_ticks:
        for value in _ticks(x_low, x_high):
            x = LEFT + (value - x_low) / (x_high - x_low) * (right - LEFT)
            parts.append(
                f'<text class="tick" x="{x:.1f}" y="{bottom + 14}" text-anchor="middle">{value:.4g}</text>'
            )
    parts.append(f'<line class="axis" x1="{LEFT}" y1="{bottom}" x2="{right}" y2="{bottom}"/>')
    middle_x, middle_y = (LEFT + right) / 2, (TOP + bottom) / 2
    parts.append(
        f'<text class="label" x="{middle_x}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x_label)}</text>'
        f'<text class="label" transform="translate(13 {middle_y}) rotate(-90)" text-anchor="middle">'
        f"{escape(y_label)}</text>"
    )
    return "".join(parts)


def _ticks(low: float, high: float) -> list[float]:
    """Four to eight round numbers between low and high."""
    step = 10.0 ** math.floor(math.log10((high - low) / 4))
    while (high - low) / step > 8:
        step *= 2.5 if f"{step:e}".startswith("2") else 2
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _around(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or max(abs(high), 1.0) * 0.1
    return low - room, high + room
