"""What each pixel means for driving: drivable ground, other ground, something upright, or nothing known.

Free space, points and grid share this image, so that the classes are looked up once for each frame.
"""

from __future__ import annotations

from enum import IntEnum

import cv2
import numpy as np

from enet_ros.arrays import U8
from enet_ros.classes import VOID, ClassTable
from enet_ros.errors import ConfigError, ImageError
from enet_ros.products.images import require_labels


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

    To drive on other classes than the table says, pass `dataclasses.replace(table,
    drivable=frozenset(names))`.
    """
    lut = np.full(256, Surface.UNKNOWN, np.uint8)
    lut[: table.num_classes] = Surface.UPRIGHT
    lut[list(table.indices(table.flat))] = Surface.FLAT
    lut[list(table.indices(table.drivable))] = Surface.DRIVABLE
    if table.void is not None:
        lut[table.void] = Surface.UNKNOWN
    lut[VOID] = Surface.UNKNOWN
    return lut


def unsure_lut(min_confidence: float) -> U8 | None:
    """(256,) uint8: UNKNOWN at the confidences below `min_confidence` (0..1), 0 elsewhere; None where it
    gates nothing.

    Raises ConfigError for a threshold outside 0..1.
    """
    if not 0.0 <= min_confidence <= 1.0:
        raise ConfigError(f"min_confidence is {min_confidence}; use a probability 0..1")
    threshold = round(255 * min_confidence)
    if threshold == 0:
        return None
    return np.where(np.arange(256) < threshold, Surface.UNKNOWN, 0).astype(np.uint8)


def surface_image(labels: U8, lut: U8, confidence: U8 | None = None, unsure: U8 | None = None) -> U8:
    """(H, W) uint8 of `Surface`.

    labels: (H, W) uint8 ids. lut: `surface_lut(table)`. confidence: (H, W) uint8, round(255 * p), used with
    unsure: `unsure_lut(min_confidence)`. Raises ImageError where shapes or dtypes do not fit.
    """
    require_labels(labels)
    surface = np.asarray(cv2.LUT(labels, lut), np.uint8)
    if confidence is None or unsure is None:
        return surface
    if confidence.shape != labels.shape or confidence.dtype != np.uint8:
        raise ImageError(
            f"the confidence has shape {confidence.shape}, dtype {confidence.dtype}; "
            f"the labels are uint8 of shape {labels.shape}, give one of that kind"
        )
    return np.asarray(cv2.max(surface, cv2.LUT(confidence, unsure), dst=surface), np.uint8)
