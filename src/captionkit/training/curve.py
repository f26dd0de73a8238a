"""The run as a picture: loss and dev CIDEr-D over epochs."""

from __future__ import annotations

import importlib.util
import io
import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def draw_curve(history: Sequence[Mapping[str, Any]], loss_is: str) -> bytes:
    """A PNG of 800x400 pixels: training loss (what it is, in words) on the left axis, dev CIDEr-D on the right."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    epochs = [entry["epoch"] for entry in history]
    figure = Figure(figsize=(8, 4), dpi=100)
    # Fixed margins: those that matplotlib finds by itself take a second drawing, at every evaluation.
    figure.subplots_adjust(left=0.09, right=0.91, bottom=0.13, top=0.97)
    left = figure.add_subplot()
    losses = [entry.get("loss", math.nan) for entry in history]
    left.plot(epochs, losses, color="#555555", marker="o", markersize=3)
    left.set_xlabel("epoch")
    left.set_ylabel(f"training loss ({loss_is})", color="#555555")
    right = left.twinx()
    cider = [100 * entry["CIDEr"] for entry in history]
    right.plot(epochs, cider, color="#0b62a4", marker="s", markersize=3)
    right.set_ylabel("dev CIDEr-D x100", color="#0b62a4")
    best = max(range(len(cider)), key=cider.__getitem__)
    right.annotate(
        f"{cider[best]:.1f}", (epochs[best], cider[best]), textcoords="offset points", xytext=(0, 6), ha="center"
    )
    right.margins(y=0.15)
    left.grid(alpha=0.25)
    data = io.BytesIO()
    figure.set_canvas(FigureCanvasAgg(figure))
    figure.savefig(data, format="png")
    return data.getvalue()


def write_tensorboard(directory: Path, history: Sequence[Mapping[str, Any]]) -> None:
    """The same numbers for TensorBoard, where it is installed; else nothing."""
    if importlib.util.find_spec("tensorboard") is None:
        return
    import tensorflow as tf

    # Written afresh each time: a resumed run must not show the steps twice.
    shutil.rmtree(directory, ignore_errors=True)
    writer = tf.summary.create_file_writer(str(directory))
    with writer.as_default():
        for entry in history:
            for name, value in entry.items():
                if name not in ("step", "epoch"):
                    tf.summary.scalar(name, float(value), step=int(entry["step"]))
    writer.close()
