"""What came out, as rows: for machines, for a page, for people."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from enet_ros.benchmark.cases import BASELINE, Case
from enet_ros.errors import ConfigError
from enet_ros.figures import percent


class Row(NamedTuple):
    """One case's figures, from image bytes to labels.

    name, engine, precision  as in `Case`; the engine is the runtime with its version
    height, width            pixels
    p50_ms, p99_ms           milliseconds: median and 99th percentile of single runs
    frames_per_s             1000 / p50_ms
    labels_equal             share of pixels, 0..1, labelled as by the plain network in float32; None if not compared
    miou                     0..1 against ground truth; None where there is none
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
    """A row of one case's run times."""
    p50, p99 = (float(value) for value in np.percentile(times_ms, (50, 99)))
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
    """A row's texts, below HEADER."""
    ratio = baseline(rows, row)
    return [
        row.name,
        row.engine,
        row.precision,
        f"{row.width}x{row.height}",
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
    """A table for a page."""
    rule = ["---"] * TEXT_COLUMNS + ["---:"] * (len(HEADER) - TEXT_COLUMNS)
    lines = [HEADER, rule, *(cells(rows, row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def to_json(rows: Sequence[Row], path: Path) -> None:
    """A list of objects whose keys are the fields of `Row`. Raises ConfigError where it cannot be written."""
    try:
        path.write_text(json.dumps([row._asdict() for row in rows], indent=1) + "\n")
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
