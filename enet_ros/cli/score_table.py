"""Scores on a terminal."""

from __future__ import annotations

import math

from rich.console import Console
from rich.table import Table

from enet_ros.metrics import Scores


def print_scores(scores: Scores, title: str, frames_per_s: float = math.nan) -> None:
    """IoU and recall by class in percent, then the summary, on standard output."""
    matrix = scores.confusion
    iou, recall = matrix.iou(), matrix.recall()
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("class")
    table.add_column("IoU %", justify="right")
    table.add_column("recall %", justify="right")
    for index, name in enumerate(scores.table.names):
        if index != scores.table.void:
            table.add_row(name, _percent(iou[index]), _percent(recall[index]))
    table.add_section()
    table.add_row("mean", _percent(matrix.miou()), _percent(matrix.class_accuracy()), style="bold")
    table.add_row("drivable", _percent(scores.drivable_iou()), "")
    console = Console()
    console.print(table)
    summary = [f"{len(scores.frames)} frames", f"pixel accuracy {_percent(matrix.pixel_accuracy())} %"]
    if scores.calibration is not None:
        summary.append(f"ECE {scores.calibration.ece():.4f}")
    summary.append(f"boundary F1 {_percent(scores.boundary.f1())} %")
    if not math.isnan(frames_per_s):
        summary.append(f"{frames_per_s:.1f} frames/s")
    console.print(", ".join(summary), highlight=False)


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.2f}"
