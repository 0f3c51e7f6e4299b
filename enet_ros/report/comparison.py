"""The report of `enet_ros evaluate --compare`: two contenders side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from enet_ros.arrays import U8
from enet_ros.classes import VOID, ClassTable
from enet_ros.figures import percent
from enet_ros.metrics import Comparison, Difference, FrameChange
from enet_ros.products.images import overlay
from enet_ros.report.charts import ACCENT, BAD, MUTED, chart
from enet_ros.report.page import UNDEFINED, Stat, render
from enet_ros.report.pictures import Still, faded, legend

_SHOWN = 4
"""Frames of each kind that the page shows."""
_GAINED_RGB, _LOST_RGB = (46, 160, 67), (214, 60, 40)


class Pair(NamedTuple):
    """A frame to show as both see it. gain: what counts in choosing it."""

    gain: float
    before: Still
    after: Still


class Changes:
    """Keeps, out of any number of frames, those that gained and those that lost most."""

    def __init__(self) -> None:
        self.better: list[Pair] = []
        self.worse: list[Pair] = []
        self.other: list[Pair] = []
        """Without labels: those on which the two differ most."""

    def add(self, image: U8, truth: U8 | None, before: U8, after: U8, change: FrameChange) -> None:
        """Look at a frame: (H, W, 3) uint8 RGB and (H, W) uint8 each; copied if kept."""
        if truth is None:
            gain = float((before != after).mean())
            caption, kept = f"{percent(gain)} % of the pixels differ", self.other
        else:
            gain = abs(change.gain)
            caption = f"{percent(change.before)} % of pixels right, then {percent(change.after)} %"
            kept = self.better if change.gain > 0 else self.worse
        if not gain > 0 or (len(kept) == _SHOWN and gain <= kept[-1].gain):
            return
        stills = (Still(change.name, caption, image, labels, truth).reduced() for labels in (before, after))
        kept.append(Pair(gain, *stills))
        kept.sort(key=lambda pair: -pair.gain)
        del kept[_SHOWN:]


@dataclass(frozen=True)
class ComparisonPage:
    """Content of the report. names: of the contenders; engines: what ran each; source and name as `EvaluationPage`."""

    names: tuple[str, str]
    engines: tuple[str, str]
    source: str
    name: str
    result: Comparison
    changes: Changes


class DifferenceRow(NamedTuple):
    """A figure: of the first, of the second, difference and interval, as text; kind is "up", "down" or ""."""

    name: str
    cells: tuple[str, ...]
    kind: str


def comparison_page(content: ComparisonPage) -> str:
    """The report as one HTML document."""
    result, (first, second) = content.result, content.names
    gains = np.array([frame.gain for frame in result.frames])
    stats = [Stat("verdict", result.verdict.value)]
    stats += [
        Stat(f"{name}, 95 % of {signed(one.low)} to {signed(one.high)}", signed(one.after - one.before), "points")
        for name, one in result.headlines.items()
    ]
    stats.append(Stat("of the pixels called the same", percent(result.agreement), "%"))
    groups = (
        ("Better", content.changes.better),
        ("Worse", content.changes.worse),
        ("Most unlike", content.changes.other),
    )
    return render(
        "comparison.html",
        kind="enet_ros comparison",
        title=f"{second} against {first} on {content.name}",
        lede=f"{second} {_IS[result.verdict.value]}: {result.reason}.",
        stats=stats,
        facts=(
            ("first", f"{first}: {content.engines[0]}"),
            ("second", f"{second}: {content.engines[1]}"),
            ("judged on", content.source),
            ("frames", str(len(result.frames))),
            ("resampled", result.groups),
        ),
        names=content.names,
        classes=[_row(name, one) for name, one in result.classes.items()],
        headlines=[_row(name, one) for name, one in result.headlines.items()],
        gains=gains_chart(gains) if np.isfinite(gains).any() and len(gains) > 1 else "",
        pictures=[(title, [_frame(pair, content.names, result.table) for pair in pairs]) for title, pairs in groups],
        legend=legend(result.table),
    )


_IS = {"better": "is better", "worse": "is worse", "cannot be told": "may be better or worse"}


def signed(value: float) -> str:
    """A difference of fractions in points, with its sign."""
    return UNDEFINED if math.isnan(value) else f"{100 * value:+.2f}"


def _row(name: str, one: Difference) -> DifferenceRow:
    cells = percent(one.before), percent(one.after), signed(one.after - one.before), signed(one.low), signed(one.high)
    return DifferenceRow(name, cells, {1: "up", -1: "down"}.get(one.sign, ""))


def _frame(pair: Pair, names: tuple[str, str], table: ClassTable) -> tuple[str, str, list[tuple[str, U8]]]:
    """Name, caption and pictures of a frame."""
    before, after, lut = pair.before, pair.after, table.lut()
    views = [("camera", before.image)]
    if before.truth is not None:
        views.append(("truth", overlay(before.image, before.truth, lut, 0.6)))
    views += [(name, overlay(s.image, s.labels, lut, 0.6)) for name, s in zip(names, (before, after), strict=True)]
    views.append(("what changed", _changed(before, after)))
    return before.name, before.caption, views


def _changed(before: Still, after: Still) -> U8:
    """Green where the second is right and the first was not, red the other way round; without a truth, red."""
    picture = faded(before.image)
    differ = before.labels != after.labels
    if before.truth is None:
        picture[differ] = _LOST_RGB
        return picture
    known = differ & (before.truth != VOID)
    picture[known & (after.labels == before.truth)] = _GAINED_RGB
    picture[known & (before.labels == before.truth)] = _LOST_RGB
    return picture


def gains_chart(gains: np.typing.NDArray[np.float64]) -> str:
    """What each frame gained, in points of the share of pixels right, in order. gains: (N,), NaN allowed."""
    with chart("gains", 10.6, 2.6) as drawing:
        axes, place = drawing.axes, np.arange(len(gains))
        axes.axhline(0, color=MUTED, linewidth=1)
        for side, color in ((gains > 0, ACCENT), (gains < 0, BAD)):
            axes.vlines(place[side], 0, 100 * gains[side], color=color, linewidth=1.2)
        axes.set(xlabel="frame", ylabel="points of pixels right", xlim=(-0.5, max(len(gains) - 0.5, 0.5)))
    return drawing.svg
