"""Images made of a label image: colours, an overlay, masks of groups of classes, and what a pixel means for driving.

Each is a look-up table on the ids, so the cost does not depend on the number of classes. Free space, points and grid
share one surface image, so that the classes are looked up once for each frame.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from enet_ros.arrays import U8
from enet_ros.classes import VOID, ClassTable
from enet_ros.errors import ConfigError, ImageError

Value = TypeVar("Value", np.uint8, np.uint16)


def require_labels(labels: U8) -> None:
    """Raise ImageError unless `labels` is a non-empty (H, W) uint8 array."""
    if labels.dtype != np.uint8 or labels.ndim != 2 or labels.size == 0:
        raise ImageError(
            f"a label image is a non-empty (H, W) uint8 array; got shape {labels.shape}, dtype {labels.dtype}"
        )


def nearest(plane: npt.NDArray[Value], size_hw: tuple[int, int]) -> npt.NDArray[Value]:
    """A (H, W) plane of ids or confidences at another (height, width), by the pixel whose centre is nearest.

    This is OpenCV's exact kind, which agrees with how `enet_ros.segmenter` shrinks images. A plane of that size already
    is returned itself.
    """
    if plane.shape == size_hw:
        return plane
    return np.asarray(cv2.resize(plane, size_hw[::-1], interpolation=cv2.INTER_NEAREST_EXACT), plane.dtype)


def color(labels: U8, lut: U8) -> U8:
    """The label image in colours.

    labels: (H, W) uint8 ids. lut: (256, 3) uint8, `ClassTable.lut()`; the result has its channel order (RGB).
    Returns (H, W, 3) uint8. Raises ImageError for other shapes or dtypes.
    """
    require_labels(labels)
    if lut.shape != (256, 3) or lut.dtype != np.uint8:
        raise ImageError(f"a colour table is (256, 3) uint8; got shape {lut.shape}, dtype {lut.dtype}")
    table = np.ascontiguousarray(lut).reshape(256, 1, 3)
    return np.asarray(cv2.applyColorMap(labels, table), np.uint8)


def overlay(image: U8, labels: U8, lut: U8, opacity: float = 0.5) -> U8:
    """The class colours over the camera image; void pixels (255) show the camera image as it is.

    image: (H, W, 3) uint8 RGB. labels: (H, W) uint8 of the same size. lut: (256, 3) uint8 RGB.
    opacity: share of the colour, 0..1. Returns (H, W, 3) uint8.
    Raises ImageError where the sizes differ, ConfigError for an opacity outside 0..1.
    """
    if not 0.0 <= opacity <= 1.0:
        raise ConfigError(f"overlay opacity is {opacity}; use 0 (camera image alone) to 1 (colours alone)")
    if image.shape != (*labels.shape, 3) or image.dtype != np.uint8:
        raise ImageError(
            f"overlay: the image has shape {image.shape}, dtype {image.dtype}, the labels {labels.shape}; "
            "give an RGB uint8 image of the labels' size"
        )
    painted = color(labels, lut)
    cv2.addWeighted(image, 1.0 - opacity, painted, opacity, 0.0, dst=painted)
    void = cv2.inRange(labels, (VOID,), (VOID,))
    if cv2.countNonZero(void):
        cv2.copyTo(image, void, painted)
    return painted


def group_mask(labels: U8, membership: U8, confidence: U8 | None = None, min_confidence: float = 0.0) -> U8:
    """A mask of a set of classes.

    labels: (H, W) uint8 ids. membership: (256,) uint8, `ClassTable.membership(names)`, 255 at its ids.
    confidence: (H, W) uint8, round(255 * p); pixels below `min_confidence` (0..1) leave the mask.
    Returns (H, W) uint8: 255 inside, 0 outside. Raises ImageError, ConfigError.
    """
    require_labels(labels)
    if membership.shape != (256,) or membership.dtype != np.uint8:
        raise ImageError(f"a membership table is (256,) uint8; got {membership.shape}, {membership.dtype}")
    mask = np.asarray(cv2.LUT(labels, membership), np.uint8)
    unsure = _unsure(labels, confidence, min_confidence)
    return mask if unsure is None else np.asarray(cv2.subtract(mask, unsure, dst=mask), np.uint8)


class Surface(IntEnum):
    """Values of a surface image; DRIVABLE is 0, which the minimum filter of `free_space` relies on.

    Compare arrays with `.value`: NumPy takes the enum itself for an int64 and widens the image to it.
    """

    DRIVABLE = 0
    FLAT = 1
    """Ground one must not drive on, such as a pavement: what lies behind it can be seen."""
    UPRIGHT = 2
    """Anything that stands on the ground and hides what is behind it."""
    UNKNOWN = 3
    """No class (void), or too little confidence."""


def surface_lut(table: ClassTable) -> U8:
    """(256,) uint8: the `Surface` of every id of the table; void and unused ids are UNKNOWN.

    To drive on other classes than the table says, pass `dataclasses.replace(table, drivable=frozenset(names))`.
    """
    lut = np.full(256, Surface.UNKNOWN, np.uint8)
    lut[: table.num_classes] = Surface.UPRIGHT
    lut[list(table.indices(table.flat))] = Surface.FLAT
    lut[list(table.indices(table.drivable))] = Surface.DRIVABLE
    if table.void is not None:
        lut[table.void] = Surface.UNKNOWN
    lut[VOID] = Surface.UNKNOWN
    return lut


def surface_image(labels: U8, lut: U8, confidence: U8 | None = None, min_confidence: float = 0.0) -> U8:
    """(H, W) uint8 of `Surface`.

    labels: (H, W) uint8 ids. lut: `surface_lut(table)`. confidence: (H, W) uint8, round(255 * p); pixels below
    `min_confidence` (0..1) are UNKNOWN. Raises ImageError where shapes or dtypes do not fit, ConfigError.
    """
    require_labels(labels)
    surface = np.asarray(cv2.LUT(labels, lut), np.uint8)
    unsure = _unsure(labels, confidence, min_confidence)
    if unsure is None:
        return surface
    return np.asarray(cv2.max(surface, unsure & np.uint8(Surface.UNKNOWN), dst=surface), np.uint8)


def unsure_mask(confidence: U8, min_confidence: float) -> U8:
    """(H, W) uint8: 255 where `confidence` (uint8, round(255 * p)) is below `min_confidence` (0..1), else 0.

    Raises ConfigError for a threshold outside 0..1.
    """
    if not 0.0 <= min_confidence <= 1.0:
        raise ConfigError(f"min_confidence is {min_confidence}; use a probability 0..1")
    require_labels(confidence)
    return np.asarray(cv2.inRange(confidence, (0,), (round(255 * min_confidence) - 1,)), np.uint8)


def _unsure(labels: U8, confidence: U8 | None, min_confidence: float) -> U8 | None:
    """The `unsure_mask` of labels; None where there is no confidence, or any would do."""
    if confidence is None or min_confidence == 0.0:
        return None
    if confidence.shape != labels.shape:
        raise ImageError(f"the confidence has shape {confidence.shape}, the labels {labels.shape}; make them equal")
    return unsure_mask(confidence, min_confidence)
