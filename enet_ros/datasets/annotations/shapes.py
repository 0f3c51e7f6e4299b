"""Annotations as shapes, in the order in which they are drawn; and a mask as polygons that give it back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from enet_ros.arrays import F64, I32, U8
from enet_ros.classes import VOID
from enet_ros.errors import DatasetError

_SLACK_PX = 1.0
"""How far the outline of a polygon may lie from that of its region: fewer points to drag about."""
_LEAST_PX = 32
"""Regions of fewer pixels are left to what surrounds them."""


class Shape(NamedTuple):
    """A label and what it covers: rings of points (N, 2) float x, y in pixels, or a mask whose corner is at (x, y).

    mask: (h, w) uint8, not 0 where covered. Of several rings each is filled.
    """

    label: str
    rings: tuple[F64, ...] = ()
    mask: U8 | None = None
    corner: tuple[int, int] = (0, 0)


class Annotated(NamedTuple):
    """A picture as a tool names it, the (height, width) it was annotated at, and its shapes from back to front.

    Shapes may be `Decoded` each time they are asked for: the masks of a whole dataset would fill the memory.
    """

    name: str
    size: tuple[int, int]
    shapes: Iterable[Shape]


class Decoded(Iterable[Shape]):
    """Shapes that are made anew by each iteration."""

    def __init__(self, make: Callable[[], Iterator[Shape]]) -> None:
        self._make = make

    def __iter__(self) -> Iterator[Shape]:
        return self._make()


def drawn(annotated: Annotated, ids: Mapping[str, int]) -> U8:
    """(H, W) uint8: the shapes in their order, the last on top, in the ids of their labels; 255 where there is none.

    Raises DatasetError where a mask does not lie within the picture.
    """
    labels: U8 = np.full(annotated.size, VOID, np.uint8)
    for shape in annotated.shapes:
        for ring in shape.rings:
            cv2.fillPoly(labels, [np.rint(ring).astype(np.int32)], (ids[shape.label],))
        if shape.mask is not None:
            x, y = shape.corner
            height, width = shape.mask.shape
            inside = labels[max(y, 0) : y + height, max(x, 0) : x + width]
            if inside.shape != shape.mask.shape:
                raise DatasetError(
                    f"{annotated.name}: a mask of {shape.label!r} ({width}x{height} at {x}, {y}) does not lie "
                    f"within the picture of {annotated.size[1]}x{annotated.size[0]} pixels"
                )
            inside[shape.mask > 0] = ids[shape.label]
    return labels


class Region(NamedTuple):
    """A connected region of a mask. outline: (N, 2) int32 x, y; area: of what the outline encloses, in pixels."""

    label: int
    outline: I32
    area: float


def regions_of(labels: U8) -> Sequence[Region]:
    """The regions of a mask (H, W) uint8, void left out, the greatest first: drawn in this order they give the mask.

    A region that lies in a hole of another has the smaller outline, so it is drawn over it. Outlines are simplified by
    up to a pixel, and regions of fewer than 32 pixels left out.
    """
    regions = []
    for label in np.unique(labels).tolist():
        if label == VOID:
            continue
        contours, tree = cv2.findContours((labels == label).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        for contour, (_, _, _, parent) in zip(contours, tree[0].tolist(), strict=True):
            if parent >= 0:  # the rim of a hole, which the regions in it cover
                continue
            area = cv2.contourArea(contour)
            outline = cv2.approxPolyDP(contour, _SLACK_PX, True)[:, 0]
            if area >= _LEAST_PX and len(outline) > 2:
                regions.append(Region(label, outline.astype(np.int32), float(area)))
    return sorted(regions, key=lambda region: -region.area)
