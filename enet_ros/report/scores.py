"""Scores on a page: headline figures, table of classes, confusion matrix, charts."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from enet_ros.arrays import F64, I64
from enet_ros.figures import percent
from enet_ros.metrics import DrivableCurve, GroupScore, ReliabilityBin, Scores
from enet_ros.report.charts import ACCENT, BAD, MUTED, chart
from enet_ros.report.page import UNDEFINED, Stat
from enet_ros.report.pictures import legend


class ClassRow(NamedTuple):
    """A class: CSS colour; IoU, recall, precision and share of all pixels, 0..1, NaN where undefined."""

    name: str
    color: str
    iou: float
    recall: float
    precision: float
    share: float


class ScoreView(NamedTuple):
    """Scores as `scores.html` takes them.

    columns     classes predicted, with void last where it was
    confusion   a true class and the shares, 0..1, of its pixels predicted as each column; NaN where it has none
    drivable, reliability, confidence, frames  charts as SVG; empty where there is nothing to draw
    """

    classes: tuple[ClassRow, ...]
    columns: tuple[str, ...]
    confusion: tuple[tuple[str, tuple[float, ...]], ...]
    drivable: str
    reliability: str
    confidence: str
    frames: str


def score_stats(scores: Scores) -> tuple[Stat, ...]:
    """The headline figures: mIoU and others."""
    matrix = scores.confusion
    stats = [
        Stat("mean IoU", percent(matrix.miou(), missing=UNDEFINED), "%"),
        Stat("Safe mean IoU", percent(scores.safe_miou, missing=UNDEFINED), "%"),
        Stat("drivable IoU", percent(scores.drivable.iou, missing=UNDEFINED), "%"),
        Stat("pixel accuracy", percent(matrix.pixel_accuracy(), missing=UNDEFINED), "%"),
        Stat("class accuracy", percent(matrix.class_accuracy(), missing=UNDEFINED), "%"),
    ]
    if scores.calibration is not None:
        ece = scores.calibration.ece()
        stats.append(Stat("calibration error (ECE)", UNDEFINED if math.isnan(ece) else f"{ece:.3f}"))
    return tuple(stats)


def score_view(scores: Scores) -> ScoreView:
    """Tables and charts of scores."""
    calibration, miou = scores.calibration, np.array([frame.miou for frame in scores.frames])
    columns, confusion = _confusion(scores)
    return ScoreView(
        _classes(scores),
        columns,
        confusion,
        drivable_chart(scores.curve, scores.drivable)
        if scores.curve is not None and scores.curve.counts[1].any()
        else "",
        reliability_chart(calibration.reliability()) if calibration is not None else "",
        confidence_chart(calibration.totals) if calibration is not None else "",
        frames_chart(miou) if len(miou) > 1 else "",
    )


def _classes(scores: Scores) -> tuple[ClassRow, ...]:
    table, matrix = scores.table, scores.confusion
    share = matrix.counts.sum(1) / max(matrix.pixels, 1)
    figures = np.stack([matrix.iou(), matrix.recall(), matrix.precision(), share], axis=1)
    kept = np.delete(figures, [] if table.void is None else [table.void], axis=0)
    return tuple(ClassRow(name, color, *row) for (name, color), row in zip(legend(table), kept.tolist(), strict=True))


def _confusion(scores: Scores) -> tuple[tuple[str, ...], tuple[tuple[str, tuple[float, ...]], ...]]:
    """Names of the columns; name and shares of each row."""
    table, counts = scores.table, scores.confusion.counts
    classes = [i for i in range(table.num_classes) if i != table.void]
    columns = [*classes, table.num_classes] if counts[:, -1].any() else classes
    names = (*table.names, "void")
    with np.errstate(invalid="ignore"):
        shares = counts / counts.sum(1, keepdims=True)
    rows = ((names[row], tuple(shares[row, columns].tolist())) for row in classes)
    return tuple(names[column] for column in columns), tuple(rows)


def drivable_chart(curve: DrivableCurve, found: GroupScore) -> str:
    """Precision over recall of 'drivable'; the dot is where the labels themselves are."""
    with chart("drivable") as drawing:
        axes = drawing.axes
        axes.plot(*curve.points(), color=ACCENT, linewidth=1.6)
        axes.plot(found.recall, found.precision, "o", color=BAD, markersize=6, clip_on=False)
        axes.axvline(0.99, color=MUTED, linewidth=1, linestyle=(0, (4, 4)))
        axes.set(xlim=(0.5, 1.005), xlabel="recall", ylabel="precision")
    return drawing.svg


def reliability_chart(bins: tuple[ReliabilityBin, ...]) -> str:
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


def confidence_chart(totals: I64) -> str:
    """Share of pixels by confidence, in 32 bars. totals: (256,) pixels by value."""
    shares = totals.reshape(32, 8).sum(1) / max(int(totals.sum()), 1)
    with chart("confidence") as drawing:
        axes = drawing.axes
        axes.bar((np.arange(32) + 0.5) / 32, 100 * shares, width=0.9 / 32, color=ACCENT)
        axes.set(xlim=(0, 1), xlabel="confidence", ylabel="share of pixels in %")
    return drawing.svg


def frames_chart(miou: F64) -> str:
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
