"""Records of a run as arrays over time (latency by stage, rate, free space), and their charts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from enet_ros.arrays import F64, I64, Bool
from enet_ros.errors import ConfigError
from enet_ros.figures import percentiles
from enet_ros.report.charts import ACCENT, BAD, LINE, MUTED, SERIES, Chart, chart, thinned

WIDE = (10.6, 2.9)
"""Inches of a chart over the whole width of the page."""


@dataclass(frozen=True)
class LatencySeries:
    """Latency of each answered frame, in total and by stage.

    time_s    (N,) seconds since the run began, ascending
    total_ms  (N,) milliseconds from the image's stamp (or arrival) to its answer
    stages    S names in the order in which they run
    stage_ms  (N, S) milliseconds, NaN where a stage did not run or cannot be known

    ConfigError where the shapes do not fit together.
    """

    time_s: F64
    total_ms: F64
    stages: tuple[str, ...]
    stage_ms: F64

    def __post_init__(self) -> None:
        frames = len(self.time_s)
        if self.total_ms.shape != (frames,) or self.stage_ms.shape != (frames, len(self.stages)):
            raise ConfigError(
                f"latencies of {frames} frames and {len(self.stages)} stages have total {self.total_ms.shape} and "
                f"stages {self.stage_ms.shape}; use ({frames},) and ({frames}, {len(self.stages)})"
            )


@dataclass(frozen=True)
class RateSeries:
    """Frames per second over the run, in windows.

    start_s   (M,) seconds since the run began, where each window begins
    window_s  the length of a window
    offered   (M,) frames offered to the node in the window
    answered  (M,) of these, answered
    """

    start_s: F64
    window_s: float
    offered: I64
    answered: I64

    @classmethod
    def of_stamps(cls, offered_s: F64, answered: Bool, window_s: float = 1.0) -> RateSeries:
        """From the time of each frame offered, (K,) seconds, and whether it was answered, (K,) bool."""
        if len(offered_s) == 0:
            nothing = np.zeros(0, np.int64)
            return cls(np.zeros(0), window_s, nothing, nothing)
        first, last = (int(edge // window_s) for edge in (offered_s.min(), offered_s.max()))
        edges = window_s * np.arange(first, last + 2, dtype=np.float64)
        offered, answers = (np.histogram(stamps_s, edges)[0] for stamps_s in (offered_s, offered_s[answered]))
        return cls(edges[:-1], window_s, offered, answers)

    @property
    def unanswered(self) -> I64:
        """(M,) frames that were dropped, lost or failed."""
        return self.offered - self.answered


@dataclass(frozen=True)
class FreeSpaceSeries:
    """Free space over the run.

    time_s       (N,) seconds since the run began
    bearing_rad  (W,) radians about z of the base frame, positive to the left (REP-103)
    range_m      (N, W) metres to the boundary in that direction, NaN where unknown

    ConfigError where the shapes do not fit together.
    """

    time_s: F64
    bearing_rad: F64
    range_m: F64

    def __post_init__(self) -> None:
        if self.range_m.shape != (len(self.time_s), len(self.bearing_rad)):
            raise ConfigError(
                f"free space has ranges {self.range_m.shape}; use ({len(self.time_s)}, {len(self.bearing_rad)})"
            )

    def ahead_m(self, half_angle_rad: float = np.radians(3.0)) -> F64:
        """(N,) metres: the shortest range within 3 degrees of straight ahead; NaN where none is known."""
        ahead = np.abs(self.bearing_rad) <= half_angle_rad
        if not ahead.any():
            return np.full(len(self.time_s), np.nan)
        shortest: F64 = np.fmin.reduce(self.range_m[:, ahead], axis=1)
        return shortest


@contextmanager
def _over_time(name: str, ylabel: str, width: float = WIDE[0], height: float = WIDE[1]) -> Iterator[Chart]:
    """A chart of something that is 0 or more, over the time of the run."""
    with chart(name, width, height) as drawing:
        yield drawing
        drawing.axes.set(xlabel="time in s", ylabel=ylabel)
        drawing.axes.margins(x=0)
        drawing.axes.set_ylim(bottom=0)


def latency_chart(latency: LatencySeries) -> str:
    """Total latency over time; dashed its median, dotted its 99th percentile."""
    time_s, total = thinned(latency.time_s, latency.total_ms)
    with _over_time("latency", "latency in ms") as drawing:
        drawing.axes.plot(time_s, total, color=ACCENT, linewidth=1.1)
        p50, p99 = percentiles(latency.total_ms, 50, 99)
        if not math.isnan(p50):
            drawing.axes.axhline(p50, color=MUTED, linewidth=1, linestyle=(0, (4, 4)))
            drawing.axes.axhline(p99, color=BAD, linewidth=1, linestyle=(0, (1, 2)))
    return drawing.svg


def stages_chart(latency: LatencySeries) -> str:
    """The stages of each frame on top of each other, in the order in which they run, the first at the bottom."""
    time_s, stages = thinned(latency.time_s, np.nan_to_num(latency.stage_ms, nan=0.0), largest=False)
    with _over_time("stages", "latency in ms") as drawing:
        drawing.axes.stackplot(time_s, stages.T, colors=SERIES, linewidth=0)
    return drawing.svg


def rate_chart(rate: RateSeries) -> str:
    """Frames per second offered (line) and answered (filled); red bars, those that were not."""
    edges = np.append(rate.start_s, rate.start_s[-1:] + rate.window_s)
    with _over_time("rate", "frames/s") as drawing:
        drawing.axes.stairs(rate.answered / rate.window_s, edges, color=ACCENT, fill=True, alpha=0.35)
        drawing.axes.stairs(rate.offered / rate.window_s, edges, color=ACCENT, linewidth=1.6)
        drawing.axes.stairs(rate.unanswered / rate.window_s, edges, color=BAD, fill=True)
    return drawing.svg


def free_space_chart(free: FreeSpaceSeries) -> str:
    """Range by direction over time: bright is far. Left is up."""
    most = (400, 96)  # a picture of this width shows no more frames, and no more columns
    rows, columns = (slice(None, None, 1 + size // limit) for size, limit in zip(free.range_m.shape, most, strict=True))
    range_m = free.range_m[rows, columns]
    with chart("free-space", *WIDE) as drawing:
        axes = drawing.axes
        axes.grid(visible=False)
        if not np.isnan(range_m).all():
            time_s, bearing = free.time_s[rows], np.degrees(free.bearing_rad[columns])
            mesh = axes.pcolormesh(time_s, bearing, range_m.T, shading="nearest", cmap="viridis", rasterized=True)
            bar = drawing.figure.colorbar(mesh, ax=axes, label="range in m", pad=0.015)
            bar.outline.set_edgecolor(LINE)
        axes.set(xlabel="time in s", ylabel="bearing in °")
    return drawing.svg


def ahead_chart(free: FreeSpaceSeries) -> str:
    """Metres free straight ahead, over time."""
    with _over_time("ahead", "free straight ahead in m", 5.2, 3.4) as drawing:
        drawing.axes.plot(free.time_s, free.ahead_m(), color=ACCENT, linewidth=1.3)
    return drawing.svg


def plan_chart(free: FreeSpaceSeries, frame: int) -> str:
    """One frame's free space seen from above: x forward is up, y left is left, the vehicle at the bottom."""
    known = ~np.isnan(free.range_m[frame])
    range_m, bearing = free.range_m[frame, known], free.bearing_rad[known]
    order = np.argsort(bearing)
    x, y = (range_m * np.cos(bearing))[order], (range_m * np.sin(bearing))[order]
    with chart("plan") as drawing:
        axes = drawing.axes
        axes.fill(np.append(-y, 0.0), np.append(x, 0.0), color=ACCENT, alpha=0.25, linewidth=0)
        axes.plot(-y, x, color=ACCENT, linewidth=1.4)
        axes.plot([0], [0], marker="^", color=BAD, markersize=9)
        axes.set(xlabel="right in m", ylabel="forward in m", aspect="equal")
        axes.set_adjustable("datalim")
    return drawing.svg
