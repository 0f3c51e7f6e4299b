"""Charts as SVG inside the page, drawn by matplotlib, coloured by the page's style sheet."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from enet_ros.arrays import F64
from enet_ros.report.page import require_report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


# Stand-ins that the style sheet's variables replace, so that one drawing serves light and dark.
INK, MUTED, LINE, ACCENT, BAD = "#010203", "#040506", "#070809", "#0a0b0c", "#0d0e0f"
_VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    LINE: "var(--line)",
    ACCENT: "var(--accent)",
    BAD: "var(--bad)",
}
SERIES = ("#4c78a8", "#f2a541", "#5fa55a", "#c8553d", "#8e6bbf", "#3aa6a0", "#b58b5a", "#d272a4")
"""Colours of stacked stages, legible on light and dark ground."""

_MOST_POINTS = 800

_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "font.family": ["DejaVu Sans"],
    "font.size": 9.5,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "none",
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
}


class Chart:
    """A drawing under way; `svg` holds it once the `with` block is left."""

    def __init__(self, width: float, height: float) -> None:
        from matplotlib.figure import Figure

        self.figure = Figure(figsize=(width, height), layout="constrained")
        self.axes: Axes = self.figure.add_subplot()
        self.svg = ""


@contextmanager
def chart(name: str, width: float = 5.2, height: float = 3.4) -> Iterator[Chart]:
    """A chart of that size in inches; `name` keeps the ids of several charts in a page apart."""
    require_report()
    import matplotlib as mpl

    style: Any = {**_STYLE, "svg.hashsalt": name}
    with mpl.rc_context(style):
        drawing = Chart(width, height)
        yield drawing
        drawing.svg = _svg(drawing.figure)


def _svg(figure: Figure) -> str:
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    buffer = io.StringIO()
    FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None})  # type: ignore[no-untyped-call]
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'\s(xmlns(:\w+)?|version)="[^"]*"', "", text)
    text = re.sub(r'<svg[^>]*?viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1" role="img">', text, count=1)
    text = text.replace("xlink:href", "href").replace("'DejaVu Sans'", "var(--font)")
    text = re.sub(r'id="(figure|axes|patch|line2d|text|matplotlib|xtick|ytick|legend)[^"]*"', "", text)
    for stand_in, variable in _VARIABLES.items():
        text = text.replace(stand_in, variable)
    return text


def thinned(time_s: F64, values: F64, *, largest: bool = True) -> tuple[F64, F64]:
    """At most 800 points, so that a long run stays a small page.

    The first time of each stretch with its largest value (spikes stay), or its mean. values: (N,) or (N, S); NaN is
    skipped by the largest alone.
    """
    if len(time_s) <= _MOST_POINTS:
        return time_s, values
    starts = np.linspace(0, len(time_s), _MOST_POINTS, endpoint=False).astype(int)
    if largest:
        return time_s[starts], np.asarray(np.fmax.reduceat(values, starts, axis=0))
    counts = np.diff(np.append(starts, len(time_s)))
    means = np.add.reduceat(values, starts, axis=0) / counts.reshape(-1, *[1] * (values.ndim - 1))
    return time_s[starts], np.asarray(means)
