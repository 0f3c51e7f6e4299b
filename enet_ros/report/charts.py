"""Charts as SVG inside the page, drawn by matplotlib, coloured by the page's style sheet."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from enet_ros.errors import ConfigError
from enet_ros.metrics import ReliabilityBin
from enet_ros.report.markup import Markup

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

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
    "legend.frameon": False,
    "path.simplify": True,
}


def can_draw() -> bool:
    """Whether matplotlib, which only reports need, is installed."""
    return find_spec("matplotlib") is not None


def require_drawing() -> None:
    """Raise ConfigError where matplotlib is missing: better before a long run than after it."""
    if not can_draw():
        raise ConfigError("a report needs matplotlib: pip install matplotlib")


class Chart:
    """A drawing under way; `svg` holds it once the `with` block is left."""

    def __init__(self, name: str, width: float, height: float) -> None:
        from matplotlib.figure import Figure

        self.figure = Figure(figsize=(width, height), layout="constrained")
        self.axes: Axes = self.figure.add_subplot()
        self.name = name
        self.svg = Markup("")


@contextmanager
def chart(name: str, width: float = 5.2, height: float = 3.4) -> Iterator[Chart]:
    """A chart of that size in inches; `name` keeps the ids of several charts in a page apart."""
    require_drawing()
    import matplotlib as mpl

    style: Any = {**_STYLE, "svg.hashsalt": name}
    with mpl.rc_context(style):
        drawing = Chart(name, width, height)
        yield drawing
        drawing.svg = _svg(drawing.figure, name)


def _svg(figure: Figure, name: str) -> Markup:
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
    return Markup(text)


def reliability_chart(bins: tuple[ReliabilityBin, ...]) -> Markup:
    """Accuracy over confidence; on the dashed line a confidence means what it says. Dots grow with pixels."""
    full = [b for b in bins if b.pixels]
    share = np.array([b.pixels for b in full], np.float64)
    with chart("reliability") as drawing:
        axes = drawing.axes
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 4)))
        for item in full:
            axes.plot([item.confidence] * 2, [item.confidence, item.accuracy], color=BAD, linewidth=1.2)
        x, y = [b.confidence for b in full], [b.accuracy for b in full]
        axes.plot(x, y, color=ACCENT, linewidth=1.6)
        axes.scatter(x, y, s=14 + 160 * share / max(share.sum(), 1), color=ACCENT, zorder=3, clip_on=False)
        axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="confidence", ylabel="share that is right")
    return drawing.svg


def confidence_chart(totals: npt.NDArray[np.int64]) -> Markup:
    """How sure the network was: share of pixels by confidence, 32 bars. totals: (256,) pixels by value."""
    shares = totals.reshape(32, 8).sum(1) / max(int(totals.sum()), 1)
    with chart("confidence") as drawing:
        axes = drawing.axes
        axes.bar((np.arange(32) + 0.5) / 32, 100 * shares, width=0.9 / 32, color=ACCENT)
        axes.set(xlim=(0, 1), xlabel="confidence", ylabel="share of pixels in %")
    return drawing.svg


def frames_chart(miou: Floats) -> Markup:
    """mIoU of every frame in order. miou: (N,) 0..1, NaN allowed."""
    with chart("frames", 10.6, 2.6) as drawing:
        axes = drawing.axes
        marker = "o" if len(miou) <= 150 else ""
        axes.plot(100 * miou, color=ACCENT, linewidth=1.2, marker=marker, markersize=2.6)
        if not np.isnan(miou).all():
            axes.axhline(100 * float(np.nanmedian(miou)), color=MUTED, linewidth=1, linestyle=(0, (4, 4)))
        axes.set(xlabel="frame", ylabel="mIoU in %", xlim=(-0.5, max(len(miou) - 0.5, 0.5)))
        axes.set_ylim(bottom=0)
    return drawing.svg


def thinned(time_s: Floats, values: Floats, *, largest: bool = True) -> tuple[Floats, Floats]:
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
