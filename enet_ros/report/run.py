"""The report of a run with latencies: the demo, a node under test, a bag played through it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import cycle, islice
from typing import NamedTuple

import numpy as np

from enet_ros.arrays import F64
from enet_ros.classes import ClassTable
from enet_ros.figures import percent, percentiles
from enet_ros.metrics import Scores
from enet_ros.report import series
from enet_ros.report.charts import SERIES
from enet_ros.report.page import UNDEFINED, Stat, render
from enet_ros.report.pictures import Still, legend, small_overlay
from enet_ros.report.scores import score_stats, score_view
from enet_ros.report.series import FreeSpaceSeries, LatencySeries, RateSeries


@dataclass(frozen=True)
class RunPage:
    """Content of the report of a run; parts that are None or empty are left out.

    kind     stands above the title, such as "enet_ros demo"
    stills   frames in the order of time, for the filmstrip
    facts    (name, value) rows: model, engine, machine, settings
    """

    kind: str
    title: str
    lede: str
    table: ClassTable
    latency: LatencySeries | None = None
    rate: RateSeries | None = None
    scores: Scores | None = None
    stills: tuple[Still, ...] = ()
    free_space: FreeSpaceSeries | None = None
    facts: tuple[tuple[str, str], ...] = ()


class StageRow(NamedTuple):
    """A stage, or the total with an empty colour: number of frames, then percentiles in milliseconds, as text."""

    name: str
    color: str
    figures: tuple[str, ...]


def run_page(run: RunPage) -> str:
    """The report as one HTML document."""
    latency = run.latency if run.latency is not None and len(run.latency.time_s) else None
    free = run.free_space if run.free_space is not None and len(run.free_space.time_s) else None
    middle = 0 if free is None else len(free.time_s) // 2
    return render(
        "run.html",
        kind=run.kind,
        title=run.title,
        lede=run.lede,
        stats=_stats(run),
        facts=run.facts,
        latency=latency and (series.latency_chart(latency), series.stages_chart(latency)),
        stages=[] if latency is None else _stages(latency),
        rate=series.rate_chart(run.rate) if run.rate is not None and len(run.rate.start_s) else "",
        stills=[(still.name, still.caption, small_overlay(still, run.table)) for still in run.stills],
        legend=legend(run.table),
        free_space=free and (series.free_space_chart(free), series.ahead_chart(free), series.plan_chart(free, middle)),
        plan_s=free and free.time_s[middle],
        scores=None if run.scores is None else score_view(run.scores),
    )


def _stats(run: RunPage) -> tuple[Stat, ...]:
    stats: list[Stat] = []
    if run.latency is not None:
        p50, p99 = percentiles(run.latency.total_ms, 50, 99)
        if not math.isnan(p50):
            stats += [Stat("median latency", f"{p50:.1f}", "ms"), Stat("99th percentile", f"{p99:.1f}", "ms")]
        stats.append(Stat("frames answered", str(len(run.latency.time_s))))
    if run.rate is not None and run.rate.offered.sum():
        offered, answered = int(run.rate.offered.sum()), int(run.rate.answered.sum())
        seconds = len(run.rate.start_s) * run.rate.window_s
        stats.append(Stat("answered a second", f"{answered / seconds:.1f}", "Hz"))
        stats.append(Stat(f"of {offered} offered, answered", percent(answered / offered), "%"))
    if run.scores is not None:
        stats += score_stats(run.scores)
    return tuple(stats)


def _stages(latency: LatencySeries) -> list[StageRow]:
    """A row for each stage, and one for the total."""
    colors = [*islice(cycle(SERIES), len(latency.stages)), ""]
    columns = np.column_stack((latency.stage_ms, latency.total_ms)).T
    rows = zip((*latency.stages, "total"), colors, columns, strict=True)
    return [StageRow(name, color, _figures(values_ms)) for name, color, values_ms in rows]


def _figures(values_ms: F64) -> tuple[str, ...]:
    known = values_ms[~np.isnan(values_ms)]
    if not known.size:
        return ("0", *[UNDEFINED] * 5)
    figures = (known.mean(), *percentiles(known, 50, 95, 99, 100))
    return (str(known.size), *(f"{value:.2f}" for value in figures))
