"""Other lenses, fields of view and mountings: what they do to an image and its labels together.

Each view is a function (image, labels, severity, rng) -> (image, labels), as the effects of `enet_ros.datasets.effects`
are of images alone. What lies outside becomes grey and void.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import cv2
import numpy as np

from enet_ros.arrays import F64, U8
from enet_ros.classes import VOID
from enet_ros.datasets.base import Pair
from enet_ros.datasets.effects import strength

View = Callable[[U8, U8, float, np.random.Generator], Pair]

_GREY = (110, 110, 110)


def warp(image: U8, labels: U8, size: tuple[int, int], matrix: F64, bend: float = 0.0) -> Pair:
    """Image and labels moved by `matrix`, (2, 3), and seen through a lens, in one resampling.

    `matrix` takes their pixels to those of the result, whose size is (height, width) = `size`. The lens makes radii
    grow by 1 + bend (r^2 - 1/2), r = 1 at the corners: straight lines bulge where bend is below 0 (barrel), and sink in
    where it is above.
    """
    height, width = size
    if not bend:
        flags = (cv2.INTER_LINEAR, cv2.INTER_NEAREST)
        moved, moved_labels = (
            cv2.warpAffine(array, matrix, (width, height), flags=flag, borderValue=border)
            for array, flag, border in zip((image, labels), flags, (_GREY, (VOID,)), strict=True)
        )
        return np.asarray(moved, np.uint8), np.asarray(moved_labels, np.uint8)
    x, y = (np.linspace(-1, 1, side, dtype=np.float32) / np.float32(math.sqrt(2)) for side in (width, height))
    grow = 1 - bend * (x[None, :] ** 2 + y[:, None] ** 2 - 0.5)  # (H, W): back to where a place lay without the lens
    out_x = (width - 1) / 2 + x[None, :] * grow * np.float32((width - 1) / math.sqrt(2))
    out_y = (height - 1) / 2 + y[:, None] * grow * np.float32((height - 1) / math.sqrt(2))
    back = cv2.invertAffineTransform(matrix).astype(np.float32)
    from_x = back[0, 0] * out_x + back[0, 1] * out_y + back[0, 2]
    from_y = back[1, 0] * out_x + back[1, 1] * out_y + back[1, 2]
    constant = cv2.BORDER_CONSTANT
    moved = cv2.remap(image, from_x, from_y, cv2.INTER_LINEAR, borderMode=constant, borderValue=_GREY)
    moved_labels = cv2.remap(labels, from_x, from_y, cv2.INTER_NEAREST, borderMode=constant, borderValue=(VOID,))
    return np.asarray(moved, np.uint8), np.asarray(moved_labels, np.uint8)


def _magnified(image: U8, labels: U8, zoom_x: float, zoom_y: float, *, shift_y: float = 0.0, bend: float = 0.0) -> Pair:
    """Magnified about the middle, then moved down by a share of the height, and seen through a lens as in `warp`."""
    height, width = labels.shape
    x, y = (width - 1) / 2, (height - 1) / 2
    matrix = np.array([[zoom_x, 0, x - zoom_x * x], [0, zoom_y, y - zoom_y * y + shift_y * height]])
    return warp(image, labels, labels.shape, matrix, bend)


def lens(image: U8, labels: U8, severity: float, rng: np.random.Generator) -> Pair:
    """A wide lens: straight lines bulge."""
    bend = -strength(severity, (0.1, 0.2, 0.3, 0.4, 0.5))
    return _magnified(image, labels, 1.0, 1.0, bend=bend)


def wide(image: U8, labels: U8, severity: float, rng: np.random.Generator) -> Pair:
    """A wide image squeezed into the network's input: a band of the frame, stretched to its height."""
    zoom = strength(severity, (1.25, 1.5, 1.8, 2.1, 2.5), 1.0)
    return _magnified(image, labels, 1.0, zoom)


def zoom(image: U8, labels: U8, severity: float, rng: np.random.Generator) -> Pair:
    """A narrower field of view."""
    factor = strength(severity, (1.2, 1.4, 1.7, 2.0, 2.4), 1.0)
    return _magnified(image, labels, factor, factor)


def horizon(image: U8, labels: U8, severity: float, rng: np.random.Generator) -> Pair:
    """A camera that looks further up or down, magnified so far that nothing is empty."""
    shift = strength(severity, (0.06, 0.1, 0.15, 0.2, 0.25)) * rng.choice((-1.0, 1.0))
    factor = 1 + 2 * abs(shift)
    return _magnified(image, labels, factor, factor, shift_y=shift)


VIEWS: Mapping[str, View] = {"lens": lens, "wide": wide, "zoom": zoom, "horizon": horizon}
