"""The page of `enet_ros dataset check`: shares of the classes, and labels to look at again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from enet_ros.arrays import U8, Bool
from enet_ros.classes import ClassTable
from enet_ros.products.images import nearest, overlay
from enet_ros.report.page import Stat, render
from enet_ros.report.pictures import Still, faded, legend

_DOUBTED_RGB = (214, 60, 40)


class Doubt(NamedTuple):
    """A frame with labels to look at. still: labels are the model's, truth the annotator's; pixels: (H, W) bool."""

    still: Still
    pixels: Bool


@dataclass(frozen=True)
class DatasetPage:
    """Content of the page. classes: name, CSS colour, share of the pixels 0..1, frames with it; facts as elsewhere."""

    name: str
    lede: str
    table: ClassTable
    stats: Sequence[Stat]
    classes: Sequence[tuple[str, str, float, int]]
    doubts: Sequence[Doubt]
    facts: Sequence[tuple[str, str]]


def dataset_page(content: DatasetPage) -> str:
    """The page as one HTML document."""
    return render(
        "dataset.html",
        kind="enet_ros dataset",
        title=content.name,
        lede=content.lede,
        stats=content.stats,
        facts=content.facts,
        classes=content.classes,
        doubts=[_views(doubt, content.table) for doubt in content.doubts],
        legend=legend(content.table),
    )


def _views(doubt: Doubt, table: ClassTable) -> tuple[str, str, list[tuple[str, U8]]]:
    """Name, caption and pictures of a frame."""
    small, lut = doubt.still.reduced(), table.lut()
    views = [("camera", small.image)]
    if small.truth is not None:
        views.append(("annotator", overlay(small.image, small.truth, lut, 0.6)))
    views.append(("model", overlay(small.image, small.labels, lut, 0.6)))
    marked = faded(small.image)
    marked[nearest(doubt.pixels.view("uint8"), small.image.shape[:2]) > 0] = _DOUBTED_RGB
    return small.name, small.caption, [*views, ("doubted", marked)]
