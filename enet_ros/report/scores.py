"""The parts of a report that show scores: classes, confusion, calibration."""

from __future__ import annotations

import numpy as np

from enet_ros.classes import ClassTable
from enet_ros.metrics import ConfusionMatrix, Scores
from enet_ros.report.charts import confidence_chart, frames_chart, reliability_chart
from enet_ros.report.markup import Markup, element, join
from enet_ros.report.page import Section, Stat, figure, percent
from enet_ros.report.pictures import swatch


def score_stats(scores: Scores) -> tuple[Stat, ...]:
    """mIoU and what goes beside it, as headline figures."""
    matrix = scores.confusion
    stats = [
        Stat("mean IoU", percent(matrix.miou()), "%"),
        Stat("drivable IoU", percent(scores.drivable.iou), "%"),
        Stat("pixel accuracy", percent(matrix.pixel_accuracy()), "%"),
        Stat("class accuracy", percent(matrix.class_accuracy()), "%"),
    ]
    if scores.calibration is not None:
        ece = scores.calibration.ece()
        stats.append(Stat("calibration error (ECE)", "n/a" if ece != ece else f"{ece:.3f}"))
    return tuple(stats)


def score_sections(scores: Scores) -> tuple[Section, ...]:
    """IoU by class, confusion matrix, calibration, frames."""
    sections = [
        Section(
            "Classes",
            figure("iou", element("div", class_table(scores.table, scores.confusion), class_="scroll")),
            "Intersection over union by class, all frames together; recall is the share of the class that was "
            "found, precision the share of what was called so that is.",
        ),
        Section(
            "Confusion",
            figure("confusion", element("div", confusion_table(scores.table, scores.confusion), class_="scroll")),
            "Of the pixels whose true class is the row's, the percentage that was called each column's.",
        ),
    ]
    if scores.calibration is not None:
        charts = join(
            figure("reliability", reliability_chart(scores.calibration.reliability())),
            figure("confidence", confidence_chart(scores.calibration.totals)),
        )
        note = (
            "Left: on the dashed line, 80 % confidence is right 80 % of the time; red is the gap, dots grow with "
            "the number of pixels. Right: how often each confidence occurs."
        )
        sections.append(Section("Calibration", element("div", charts, class_="charts"), note))
    if len(scores.frames) > 1:
        miou = np.array([frame.miou for frame in scores.frames])
        note = "mIoU of each frame over the classes in it, in order; dashed, the median."
        sections.append(Section("Frames", figure("frames", frames_chart(miou)), note))
    return tuple(sections)


def class_table(table: ClassTable, matrix: ConfusionMatrix) -> Markup:
    """A row a class: colour, name, IoU as bar and number, recall, precision, share of pixels."""
    iou, recall, precision = matrix.iou(), matrix.recall(), matrix.precision()
    share = matrix.counts.sum(1) / max(matrix.pixels, 1)
    rows = []
    for index, name in enumerate(table.names):
        if index == table.void:
            continue
        length = 0.0 if np.isnan(iou[index]) else 100 * iou[index]
        bar = element("div", element("i", style=f"width: {length:.1f}%"), class_="bar")
        numbers = (percent(v[index]) for v in (iou, recall, precision, share))
        cells = [element("td", number, class_="n") for number in numbers]
        label = element("td", swatch(table, index), name)
        rows.append(element("tr", label, element("td", bar, class_="bars"), *cells))
    heads = [element("th", name, class_="n") for name in ("IoU %", "recall %", "precision %", "of pixels %")]
    head = element("tr", element("th", "class"), element("th", ""), *heads)
    return element("table", element("thead", head), element("tbody", *rows))


def confusion_table(table: ClassTable, matrix: ConfusionMatrix) -> Markup:
    """Rows truth, columns prediction, in percent of the row; a last column where void was predicted."""
    classes = [i for i in range(table.num_classes) if i != table.void]
    columns = [*classes, table.num_classes] if matrix.counts[:, -1].any() else classes
    names = [*table.names, "void"]
    heads = (element("th", element("span", names[column])) for column in columns)
    rows = []
    for row in classes:
        total = matrix.counts[row].sum()
        cells = [_cell(matrix.counts[row, column] / total if total else float("nan")) for column in columns]
        rows.append(element("tr", element("th", names[row]), *cells))
    corner = element("th", "")
    return element("table", element("thead", element("tr", corner, *heads)), element("tbody", *rows), class_="matrix")


def _cell(share: float) -> Markup:
    if np.isnan(share):
        return element("td", "")
    text = "" if share < 0.0005 else f"{100 * share:.1f}" if share < 0.0995 else f"{100 * share:.0f}"
    style = f"background: rgba(var(--heat), {share**0.6:.2f})" if share >= 0.0005 else ""
    return element("td", text, style=style, class_="strong" if share > 0.5 else "")
