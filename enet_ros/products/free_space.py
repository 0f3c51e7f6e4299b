"""Free space: how far up from the bottom of the image each column can be driven."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from enet_ros.arrays import I32, U8
from enet_ros.errors import ConfigError
from enet_ros.products.images import Surface, nearest, require_labels

DEFAULT_MIN_RUN = 5
"""Rows. Less than any obstacle within 40 m covers, more than the specks of an upscaled network output."""


class FreeSpace(NamedTuple):
    """The drivable run of every image column that begins at the bottom of the image.

    boundary_row: (W,) int32. Row (0 is the top) of the run's highest pixel; H where the bottom pixel itself is not
        drivable, 0 where the run reaches the top. The boundary is that pixel's upper edge, `boundary_row - 0.5` in
        coordinates whose integers are pixel centres: half a pixel from both samples between which it lies.
    surface: (W,) uint8 of `Surface`, what ends the run: FLAT, UPRIGHT, UNKNOWN (void or unsure), or DRIVABLE where
        nothing does.
    """

    boundary_row: I32
    surface: U8


def find_free_space(surface: U8, min_run: int = DEFAULT_MIN_RUN, size_hw: tuple[int, int] | None = None) -> FreeSpace:
    """The lowest contiguous drivable run of every column.

    surface: (H, W) uint8 of `Surface`. min_run: rows; a run of other pixels shorter than this is a speck, and the
    drivable run goes on behind it. A run as tall as this counts however narrow it is: a pole is not a speck. A run that
    is cut by the upper image border counts in full. size_hw: (height, width) to which the surface is enlarged first.
    Raises ImageError, and ConfigError for min_run outside 1..H.
    """
    require_labels(surface)
    if size_hw is not None and size_hw != surface.shape:
        # Columns are searched one by one, so only the rows are enlarged before: equal columns have equal answers.
        width = surface.shape[1]
        boundary_row, ends = find_free_space(nearest(surface, (size_hw[0], width)), min_run)
        columns = nearest(np.arange(width, dtype=np.uint16)[None], (1, size_hw[1]))[0]
        return FreeSpace(boundary_row[columns], ends[columns])
    height, width = surface.shape
    if not 1 <= min_run <= height:
        raise ConfigError(f"min_run is {min_run} rows; use 1 to the image's height, {height}")
    # Seen from below, an obstacle begins where neither a pixel nor any of the min_run - 1 above it is DRIVABLE, 0.
    begins = surface
    if min_run > 1:
        window = np.ones((min_run, 1), np.uint8)
        begins = np.asarray(cv2.erode(surface, window, anchor=(0, min_run - 1)), np.uint8)
    # One image row per column, bottom first: the search runs along memory and stops at the first hit.
    columns = np.asarray(cv2.rotate(begins, cv2.ROTATE_90_CLOCKWISE), np.uint8) != Surface.DRIVABLE.value
    length = columns.argmax(axis=1)
    each = np.arange(width)
    length[~columns[each, length]] = height
    boundary_row = height - length
    return FreeSpace(boundary_row.astype(np.int32), _what_ends(surface, boundary_row, min_run))


def _what_ends(surface: U8, boundary_row: npt.NDArray[np.intp], min_run: int) -> U8:
    """(W,) uint8: the surface met above each boundary.

    A network is unsure between two classes, so a few rows of UNKNOWN are looked through: an obstacle behind a thin band
    of doubt is an obstacle at the near side of that band.
    """
    height, width = surface.shape
    depth = max(min_run, height // 45) + 1
    rows = boundary_row - 1 - np.arange(depth)[:, None]
    met = surface[rows.clip(0), np.arange(width)]
    is_obstacle = ((met == Surface.FLAT.value) | (met == Surface.UPRIGHT.value)) & (rows >= 0)
    first = is_obstacle.argmax(axis=0)
    each = np.arange(width)
    ends = np.where(is_obstacle[first, each], met[first, each], np.uint8(Surface.UNKNOWN))
    ends[boundary_row == 0] = Surface.DRIVABLE
    return ends.astype(np.uint8, copy=False)
