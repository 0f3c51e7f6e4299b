"""Scores on a terminal."""

from __future__ import annotations

import math

from rich.markup import escape
from rich.table import Column, Table

from enet_ros.evaluation.metres import MetricScores
from enet_ros.evaluation.robustness import Robustness
from enet_ros.figures import percent
from enet_ros.metrics import Scores
from enet_ros.terminal import console


def print_scores(scores: Scores, title: str, frames_per_s: float = math.nan) -> None:
    """IoU and recall by class in percent, then the summary, on standard output."""
    matrix = scores.confusion
    iou, recall = matrix.iou(), matrix.recall()
    table = Table("class", Column("IoU %", justify="right"), Column("recall %", justify="right"))
    for index, name in enumerate(scores.table.names):
        if index != scores.table.void:
            table.add_row(name, _percent(iou[index]), _percent(recall[index]))
    table.add_section()
    table.add_row("mean", _percent(matrix.miou()), _percent(matrix.class_accuracy()), style="bold")
    table.add_row("mean, Safe IoU", _percent(scores.safe_miou), "")
    table.add_row("drivable", _percent(scores.drivable.iou), _percent(scores.drivable.recall))
    summary = [
        f"{len(scores.frames)} frames",
        f"pixel accuracy {_percent(matrix.pixel_accuracy())} %",
        f"drivable precision {_percent(scores.drivable.precision)} %",
        f"at 99 % recall {_percent(scores.precision_at_99)} %",
        f"other ground called drivable {_percent(scores.ground_called_drivable)} %",
    ]
    if scores.calibration is not None:
        summary.append(f"ECE {scores.calibration.ece():.4f}")
    summary.append(f"boundary F1 {_percent(scores.boundary.f1())} %")
    if not math.isnan(frames_per_s):
        summary.append(f"{frames_per_s:.1f} frames/s")
    _print(title, table, ", ".join(summary))


def print_robustness(result: Robustness, title: str) -> None:
    """mIoU under each corruption by severity, and what is left of mIoU and drivable IoU, on standard output."""
    severities = sorted({loss.corruption.severity for loss in result.losses})
    headings = [*(f"mIoU at {severity}" for severity in severities), "kept", "kept drivable"]
    table = Table("corruption", *(Column(heading, justify="right") for heading in headings))
    for name in dict.fromkeys(loss.corruption.name for loss in result.losses):
        cells = (_percent(loss.miou) for loss in result.losses if loss.corruption.name == name)
        table.add_row(name, *cells, *(f"{share:.2f}" for share in result.kept(name)))
    table.add_section()
    table.add_row("mean", *[""] * len(severities), *(f"{share:.2f}" for share in result.kept()), style="bold")
    summary = (
        f"clean mIoU {_percent(result.miou)} %, drivable IoU {_percent(result.drivable_iou)} %, "
        f"mean corruption error {_percent(result.mean_corruption_error())} %"
    )
    _print(title, table, summary)


def print_metres(scores: MetricScores, title: str = "metres") -> None:
    """Errors of range and grid, on standard output."""
    table = Table("free space and grid", Column("%", justify="right"))
    table.add_row("range error, 95th percentile, up to 20 m", _percent(scores.range_error_p95_20m))
    table.add_row("range error, 95th percentile, up to 40 m", _percent(scores.range_error_p95_40m))
    table.add_row("grid cells that agree", _percent(scores.grid_agreement))
    _print(title, table, f"{scores.columns} columns, {scores.cells} cells")


def _print(title: str, table: Table, summary: str) -> None:
    out = console()
    out.print(escape(title), style="bold")
    out.print(table)
    out.print(summary)


def _percent(value: float) -> str:
    return "no answer" if math.isinf(value) else percent(value, 2)
