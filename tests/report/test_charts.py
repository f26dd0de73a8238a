"""Charts as SVG."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ElementTree

import pytest

from captionkit.report.charts import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Line,
    _ticks,
    bar_chart,
    line_chart,
    table,
)


def svg(figure: str) -> ElementTree.Element:
    match = re.search(r'<svg role="img".*?</svg>', figure, re.DOTALL)
    assert match is not None
    return ElementTree.fromstring(match[0])


def test_points_lie_inside_and_rise_where_values_do() -> None:
    drawn = svg(
        line_chart("a", [Line("one", [(1, 10), (2, 30), (3, math.nan), (4, 20)])], x_label="x", y_label="y")
    )
    spots = [(float(one.attrib["cx"]), float(one.attrib["cy"])) for one in drawn.iter("circle")]
    assert len(spots) == 3
    assert all(0 < x < WIDTH and 0 < y < HEIGHT for x, y in spots)
    assert spots[0][0] < spots[1][0] < spots[2][0]
    assert spots[1][1] < spots[2][1] < spots[0][1], "SVG counts y from the top"


def test_one_point_equal_points_and_none() -> None:
    for points in ([(1.0, 5.0)], [(1.0, 0.0), (1.0, 0.0)]):
        drawn = line_chart("a", [Line("", points)], x_label="x", y_label="y")
        assert "nan" not in drawn
        assert 'class="key"' not in drawn  # a line without a name has none in the legend
        assert svg(drawn) is not None
    for points in ([], [(1.0, 1e308), (2.0, -1e308)], [(1e308, 1.0), (-1e308, 1.0)]):
        assert "nothing to draw" in line_chart("a", [Line("", points)], x_label="x", y_label="y")
    assert "nothing to draw" in bar_chart("a", [], ("a", "b"), x_label="x", y_label="y")
    assert "nan" not in bar_chart("a", [("1", 0.0, 0.0)], ("a", "b"), x_label="x", y_label="y")


def test_bars_are_as_tall_as_their_values() -> None:
    figure = bar_chart("a", [("1", 10, 20), ("2", 0, 40)], ("m", "p"), x_label="x", y_label="y")
    assert re.findall(r'class="(\w+)" width="12" .*?</svg> (\w)</span>', figure) == [("one", "m"), ("two", "p")]
    drawn = svg(figure)
    tall = [float(one.attrib["height"]) for one in drawn.iter("rect")]
    assert tall[1] == pytest.approx(2 * tall[0], abs=0.2)
    assert tall[3] == pytest.approx(4 * tall[0], abs=0.3)
    assert tall[2] == 0
    assert len([one for one in drawn.iter("text") if one.attrib.get("text-anchor") == "middle"]) == 2 + 2  # labels
    for groups in ([("1", 10.0, 20.0)], [("1", 20.0, 10.0)]):
        bars = svg(bar_chart("a", groups, ("m", "p"), x_label="x", y_label="y")).iter("rect")
        assert all(TOP < float(one.attrib["y"]) < HEIGHT - BOTTOM for one in bars)


@pytest.mark.parametrize(("groups", "labels"), [(12, 12), (13, 7), (25, 9)])
def test_of_many_groups_only_some_have_a_label(groups: int, labels: int) -> None:
    named = [(f"group {number}", 1.0, 2.0) for number in range(groups)]
    drawn = svg(bar_chart("a", named, ("m", "p"), x_label="x", y_label="y"))
    assert sum((one.text or "").startswith("group") for one in drawn.iter("text")) == labels


def test_the_axes_reach_a_little_beyond_the_points() -> None:
    drawn = svg(line_chart("a", [Line("", [(0, 0), (100, 1000)])], x_label="x", y_label="y"))
    first, last = ((float(one.attrib["cx"]), float(one.attrib["cy"])) for one in drawn.iter("circle"))
    across, up = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    assert first == pytest.approx((LEFT + across * 6 / 112, HEIGHT - BOTTOM - up * 6 / 112), abs=0.1)
    assert last == pytest.approx((LEFT + across * 106 / 112, HEIGHT - BOTTOM - up * 106 / 112), abs=0.1)
    given = line_chart("a", [Line("", [(1, 1)])], x_label="x", y_label="y", x_range=(0, 4), y_range=(0, 4))
    (spot,) = ((float(one.attrib["cx"]), float(one.attrib["cy"])) for one in svg(given).iter("circle"))
    assert spot == pytest.approx((LEFT + across / 4, HEIGHT - BOTTOM - up / 4), abs=0.1)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 100), (14.2, 53.1), (3.1, 5.3), (-0.001, 0.002), (0, 1e6)])
def test_ticks_are_round_and_few(low: float, high: float) -> None:
    ticks = _ticks(low, high)
    assert 3 <= len(ticks) <= 9
    assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in ticks)
    assert f"{ticks[1] - ticks[0]:.3e}"[:5] in ("1.000", "2.000", "5.000")
    assert _ticks(14.2, 53.1) == [15, 20, 25, 30, 35, 40, 45, 50]


def test_ticks_are_told_in_few_digits_however_small() -> None:
    drawn = line_chart("a", [Line("", [(0, 0)])], x_label="x", y_label="y", x_range=(0, 0.3), y_range=(0, 4e-12))
    told = [one.text for one in svg(drawn).iter("text") if one.attrib["class"] == "tick"]
    assert told == ["0", "1e-12", "2e-12", "3e-12", "4e-12", "0", "0.05", "0.1", "0.15", "0.2", "0.25", "0.3"]


def test_text_is_escaped() -> None:
    evil = '<b>&"'
    for drawn in (
        line_chart(evil, [Line(evil, [(0, 1)])], x_label=evil, y_label=evil),
        bar_chart(evil, [(evil, 1, 2)], (evil, evil), x_label=evil, y_label=evil),
        table([evil], [[evil, evil]]),
    ):
        assert "<b>" not in drawn
        assert "&lt;b&gt;" in drawn
        if "<svg" in drawn:
            assert svg(drawn).attrib["aria-label"] == evil
