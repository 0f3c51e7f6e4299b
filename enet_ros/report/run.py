"""The report of a run with latencies: the demo, a node under test, a bag played through it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from enet_ros.classes import ClassTable
from enet_ros.metrics import Scores
from enet_ros.report.charts import SERIES
from enet_ros.report.markup import Markup, element, join
from enet_ros.report.page import Page, Section, Stat, figure, percent, render
from enet_ros.report.pictures import Still, filmstrip, legend
from enet_ros.report.run_charts import (
    ahead_chart,
    free_space_chart,
    latency_chart,
    plan_chart,
    rate_chart,
    stages_chart,
)
from enet_ros.report.scores import score_sections, score_stats
from enet_ros.report.series import FreeSpaceSeries, LatencySeries, RateSeries


@dataclass(frozen=True)
class RunPage:
    """What the report of a run shows; parts that are None or empty are left out.

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


def run_page(run: RunPage) -> str:
    """The report as one HTML document."""
    sections: list[Section] = []
    if run.latency is not None and len(run.latency.time_s):
        sections.append(_latency(run.latency))
    if run.rate is not None and len(run.rate.start_s):
        note = "Line: frames offered. Filled: of these, answered. Red: dropped, lost or failed."
        sections.append(Section("Rate", figure("rate", rate_chart(run.rate)), note))
    if run.stills:
        strip = figure("filmstrip", filmstrip(run.stills, run.table), legend(run.table))
        sections.append(Section("Filmstrip", strip, "What the network saw, over the camera image."))
    if run.free_space is not None and len(run.free_space.time_s):
        sections.append(_free_space(run.free_space))
    if run.scores is not None:
        sections += score_sections(run.scores)
    return render(Page(run.kind, run.title, run.lede, _stats(run), tuple(sections), run.facts))


def _stats(run: RunPage) -> tuple[Stat, ...]:
    stats: list[Stat] = []
    if run.latency is not None:
        known = run.latency.total_ms[~np.isnan(run.latency.total_ms)]
        if known.size:
            p50, p99 = np.percentile(known, (50, 99))
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


def _latency(latency: LatencySeries) -> Section:
    body = join(
        figure("latency", latency_chart(latency), caption="Total. Dashed, the median; dotted, the 99th percentile."),
        figure("stages", stages_chart(latency), caption="By stage, stacked; colours as in the table."),
        figure("stage-table", element("div", stage_table(latency), class_="scroll")),
    )
    return Section("Latency", element("div", body, class_="stack"))


def stage_table(latency: LatencySeries) -> Markup:
    """A row a stage, and one for the total: percentiles in milliseconds."""
    rows = [
        _stage_row(name, latency.stage_ms[:, index], SERIES[index % len(SERIES)])
        for index, name in enumerate(latency.stages)
    ]
    rows.append(_stage_row("total", latency.total_ms, ""))
    names = ("frames", "mean", "p50", "p95", "p99", "max")
    heads = [element("th", "stage, in ms"), *(element("th", name, class_="n") for name in names)]
    return element("table", element("thead", element("tr", *heads)), element("tbody", *rows))


def _stage_row(name: str, values_ms: np.ndarray, color: str) -> Markup:
    known = values_ms[~np.isnan(values_ms)]
    numbers = [str(known.size)] + ["n/a"] * 5
    if known.size:
        figures = (known.mean(), *np.percentile(known, (50, 95, 99)), known.max())
        numbers = [str(known.size), *(f"{value:.2f}" for value in figures)]
    mark = element("span", class_="swatch", style=f"background: {color}") if color else Markup("")
    label = element("td", mark, name if color else element("b", name))
    return element("tr", label, *(element("td", number, class_="n") for number in numbers))


def _free_space(free: FreeSpaceSeries) -> Section:
    middle = len(free.time_s) // 2
    note = (
        "Metres to where the drivable ground ends, by direction and time (bright is far, left is up); below, straight "
        f"ahead, and the frame at {free.time_s[middle]:.1f} s seen from above."
    )
    charts = join(figure("ahead", ahead_chart(free)), figure("plan", plan_chart(free, middle)))
    body = join(figure("free-space", free_space_chart(free)), element("div", charts, class_="charts"))
    return Section("Free space", body, note)
