"""The recipes' curves: dev CIDEr-D after each epoch, as docs/log.md has them. A picture, docs/images/curves.png.

    python benchmarks/curves.py

benchmarks/results/curves.json holds the numbers of a panel by recipe. In the first panel all runs begin at epoch
0; in the second a run stands to the right of those that it goes on from. A run of one number is a single epoch of
self-critical training, or a mean of weights for which nothing was trained.
"""

from __future__ import annotations

import json
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

HERE = Path(__file__).parent
OUTPUT = HERE.parent / "docs" / "images" / "curves.png"
# Okabe and Ito's colours, which people who see colours otherwise can tell apart; markers tell them once more.
COLOURS = ("#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")
MARKERS = "osD^v*"


def main() -> None:
    panels = json.loads((HERE / "results" / "curves.json").read_text(encoding="utf-8"))
    (first, runs), (second, chain) = panels.items()
    figure = Figure(figsize=(11, 4.6), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    for number, (name, scores) in enumerate(runs.items()):
        epochs = range(1, len(scores) + 1)
        left.plot(epochs, scores, color=COLOURS[number], marker=MARKERS[number], markersize=4, label=name)
    left.set(title=first, xlabel="epoch", ylabel="CIDEr-D x100 on dev")
    left.legend(fontsize=8, loc="lower right")
    for number, scores in enumerate(chain.values()):
        # Epochs of a run side by side above its name.
        places = [number + (step - (len(scores) - 1) / 2) * 0.14 for step in range(len(scores))]
        right.plot(places, scores, color=COLOURS[1], marker="o", markersize=4)
        right.annotate(
            f"{max(scores):.1f}",
            (places[scores.index(max(scores))], max(scores)),
            textcoords="offset points",
            xytext=(0, 6),
            ha="center",
            fontsize=8,
        )
    right.set(title=second, ylim=(50, 73))
    right.set_xticks(range(len(chain)), list(chain), rotation=35, ha="right", rotation_mode="anchor", fontsize=8)
    for panel in (left, right):
        panel.grid(alpha=0.25)
    figure.savefig(OUTPUT)


if __name__ == "__main__":
    main()
