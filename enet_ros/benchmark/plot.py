"""Time against pixels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from enet_ros.benchmark.rows import Row
from enet_ros.errors import ConfigError


def plot(rows: Sequence[Row], path: Path, title: str) -> None:
    """One line an engine or peer and precision, both axes logarithmic. Raises ConfigError where it cannot be drawn."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ConfigError("--plot needs the Python module 'matplotlib': pip install matplotlib") from error
    figure = Figure(figsize=(8, 5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for name, precision in dict.fromkeys((row.name, row.precision) for row in rows):
        line = sorted(
            (row.height * row.width, row.p50_ms) for row in rows if (row.name, row.precision) == (name, precision)
        )
        axes.plot([p for p, _ in line], [ms for _, ms in line], marker="o", label=f"{name} {precision}")
    sizes = sorted({(row.height * row.width, f"{row.width}x{row.height}") for row in rows})
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks([pixels for pixels, _ in sizes], [text for _, text in sizes], rotation=30, ha="right")
    axes.minorticks_off()
    ticks = [t for t in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000) if _within(t, rows)]
    axes.set_yticks(ticks, [str(t) for t in ticks])
    axes.set_xlabel("pixels")
    axes.set_ylabel("median ms, image bytes to labels")
    axes.set_title(title)
    axes.grid(alpha=0.3)
    axes.legend()
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:  # a folder that is not there; an ending that is no picture's
        raise ConfigError(f"cannot write the plot {path}: {error}") from error


def _within(ms: float, rows: Sequence[Row]) -> bool:
    times = [row.p50_ms for row in rows]
    return min(times) / 2 <= ms <= max(times) * 2
