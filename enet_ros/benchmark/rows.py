"""Results as rows, and the rows as JSON, as a table, and as a picture of time against pixels."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from enet_ros.benchmark.cases import BASELINE, Case
from enet_ros.errors import ConfigError
from enet_ros.figures import percent, percentiles, size_text
from enet_ros.files import write


class Row(NamedTuple):
    """One case's figures, from image bytes to labels.

    name, engine, precision  as in `Case`; the engine is the runtime with its version
    height, width            pixels
    p50_ms, p99_ms           milliseconds: median and 99th percentile of single runs
    frames_per_s             1000 / p50_ms
    labels_equal             share of pixels, 0..1, labelled as by the plain network in float32; None where not compared
    miou                     0..1 against ground truth; None without one
    runs, threads            how many runs, on how many threads
    """

    name: str
    engine: str
    precision: str
    height: int
    width: int
    p50_ms: float
    p99_ms: float
    frames_per_s: float
    labels_equal: float | None
    miou: float | None
    runs: int
    threads: int


def make_row(
    case: Case, runtime: str, times_ms: Sequence[float], threads: int, equal: float | None, miou: float | None
) -> Row:
    """The row of a case, from its run times in ms."""
    p50, p99 = percentiles(times_ms, 50, 99)
    height, width = case.size
    return Row(
        case.name, runtime, case.precision, height, width, p50, p99, 1e3 / p50, equal, miou, len(times_ms), threads
    )


def baseline(rows: Sequence[Row], row: Row) -> float | None:
    """The row's median over that of PyTorch channels-last at its size; None where that was not measured."""
    sizes = (row.height, row.width)
    base = next((r.p50_ms for r in rows if r.name == BASELINE and (r.height, r.width) == sizes), None)
    return None if base is None else row.p50_ms / base


def cells(rows: Sequence[Row], row: Row) -> list[str]:
    """A row as texts, in the columns of HEADER."""
    ratio = baseline(rows, row)
    return [
        row.name,
        row.engine,
        row.precision,
        size_text((row.height, row.width)),
        f"{row.p50_ms:.1f}",
        f"{row.p99_ms:.1f}",
        f"{row.frames_per_s:.1f}",
        "-" if ratio is None else f"{ratio:.2f}",
        percent(row.labels_equal, 3),
        percent(row.miou, 2),
    ]


HEADER = ["name", "runtime", "precision", "WxH", "p50 ms", "p99 ms", "frames/s", "of baseline", "labels %", "mIoU %"]
TEXT_COLUMNS = 4


def to_markdown(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    rule = ["---"] * TEXT_COLUMNS + ["---:"] * (len(HEADER) - TEXT_COLUMNS)
    lines = [HEADER, rule, *(cells(rows, row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def to_json(rows: Sequence[Row], path: Path) -> None:
    """Write a list of objects whose keys are the fields of `Row`. Raises ConfigError where it cannot be written."""
    try:
        write(path, json.dumps([row._asdict() for row in rows], indent=1) + "\n")
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}; choose a writable folder") from error


def machine() -> str:
    """The processor's name, as the system tells it."""
    try:
        info = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in info.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()


def plot(rows: Sequence[Row], path: Path, title: str) -> None:
    """Draw a line for each engine or peer and precision, on logarithmic axes. Raises ConfigError where it cannot."""
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
    sizes = sorted({(row.height * row.width, size_text((row.height, row.width))) for row in rows})
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
