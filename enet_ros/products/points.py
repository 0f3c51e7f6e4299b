"""Points in metres: where free space ends, what is known to be free, and the ground under every pixel."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from enet_ros.arrays import F32, F64, I32, U8
from enet_ros.errors import ImageError
from enet_ros.products.free_space import FreeSpace
from enet_ros.products.ground import Ground, meet
from enet_ros.products.images import Surface
from enet_ros.products.lens import GeometryError

POINT_Z_M = 0.2
"""Height given to obstacle and free points. On the ground itself Nav2 would drop them: ObstacleLayer keeps z >= 0.0
after a transform that rounds, collision_monitor z >= 0.05 (the defaults of `min_obstacle_height` and `min_height`)."""

FOOT_ROWS = 3
"""Rows at the foot of something upright that are taken to touch the ground; those above only seem to lie behind it."""


def boundary_xy(space: FreeSpace, ground: Ground) -> F64:
    """Where each column's free space ends on the ground.

    Returns (W, 2) float64 x, y in the base frame, metres; NaN at and above the horizon and beyond the ground's
    `max_range_m`. In a column without a drivable pixel it is where the image begins: free space ends there or nearer.
    """
    return ground.points(space.boundary_row, np.arange(len(space.boundary_row)))


def range_and_bearing(xy: F64) -> tuple[F32, F32]:
    """Polar coordinates about the origin of the base frame (REP-103).

    xy: (N, 2) float64, metres. Returns (N,) float32 metres and (N,) float32 radians, positive to the left;
    NaN stays.
    """
    return np.hypot(xy[:, 0], xy[:, 1]).astype(np.float32), np.arctan2(xy[:, 1], xy[:, 0]).astype(np.float32)


class Metres(NamedTuple):
    """Free space in polar coordinates about the origin of the base frame, as `range_and_bearing` gives them.

    range_m, bearing_rad: (W,) float32, or empty where camera and pose do not give metres; missing: why, else empty.
    """

    range_m: F32
    bearing_rad: F32
    missing: str


def in_metres(boundary: Callable[[], F64]) -> Metres:
    """Free space in metres, or why there are none.

    boundary: returns (W, 2) float64 as `boundary_xy`; a GeometryError that it raises becomes `missing`.
    """
    try:
        return Metres(*range_and_bearing(boundary()), "")
    except GeometryError as error:
        return Metres(np.empty(0, np.float32), np.empty(0, np.float32), str(error))


def obstacle_points(space: FreeSpace, xy: F64, max_range_m: float) -> F32:
    """The points of the boundary at which there is something one must not drive on.

    xy: (W, 2), `boundary_xy`. max_range_m: metres from the origin of the base frame.
    Returns (N, 3) float32 x, y, z = POINT_Z_M in the base frame, for the columns whose free space ends at a class that
    is not drivable; not for those that end at the image's upper edge, at void or at pixels too unsure to tell.
    """
    solid = (space.surface == Surface.FLAT.value) | (space.surface == Surface.UPRIGHT.value)
    with np.errstate(invalid="ignore"):
        solid &= np.hypot(xy[:, 0], xy[:, 1]) <= max_range_m
    return _at_height(xy[solid])


def free_points(space: FreeSpace, ground: Ground, max_range_m: float) -> F32:
    """How far each column is known to be free: its boundary, or the last ground seen within reach where that is nearer.

    A costmap clears along lines to points, and an open road has no obstacle to draw a line to; these are such points.
    max_range_m: as for `obstacle_points`. Returns (N, 3) float32 x, y, z = POINT_Z_M, for the columns with a drivable
    pixel.
    """
    edge = np.maximum(space.boundary_row, _farthest_edge(ground, max_range_m))
    free = np.flatnonzero(edge < ground.intrinsics.height)
    return _at_height(ground.points(edge[free], free))


def _at_height(xy: F64) -> F32:
    return np.insert(xy, 2, POINT_Z_M, axis=1).astype(np.float32)


@lru_cache(maxsize=4)
def _farthest_edge(ground: Ground, max_range_m: float) -> I32:
    """(W,) int32: the highest edge down from which a column shows ground within reach; H + 1 where none does."""
    edges = ground.intrinsics.height + 1
    xy = meet(ground.edge_rays, ground.pose, ground.max_range_m)
    with np.errstate(invalid="ignore"):
        beyond = ~(np.hypot(xy[..., 0], xy[..., 1]) <= max_range_m)[::-1]
    length = np.where(beyond.any(axis=0), beyond.argmax(axis=0), edges)
    return (edges - length).astype(np.int32)


def ground_points(surface: U8, ground: Ground) -> F32:
    """Where each pixel's ground is, as far as the pixel shows ground.

    surface: (H, W) uint8 of `Surface`, of the ground's size; otherwise ImageError.
    For consumers that lay a mask on a depth camera's organised cloud.
    Returns (H, W, 3) float32 x, y, z = 0 in the base frame, metres; NaN where the pixel shows no ground: above the
    horizon, beyond the ground's `max_range_m`, UNKNOWN, and UPRIGHT but for the foot.
    """
    if surface.shape != (ground.intrinsics.height, ground.intrinsics.width) or surface.dtype != np.uint8:
        raise ImageError(
            f"the surface image is {surface.shape}, {surface.dtype}; its ground is for {ground.intrinsics}"
        )
    # Not on the ground: where this row and the FOOT_ROWS below it are upright. The border below counts as ground.
    upright = cv2.inRange(surface, (Surface.UPRIGHT,), (Surface.UPRIGHT,))
    window = np.ones((FOOT_ROWS + 1, 1), np.uint8)
    hidden = cv2.erode(upright, window, anchor=(0, 0), borderType=cv2.BORDER_CONSTANT, borderValue=(0,))
    unknown = cv2.inRange(surface, (Surface.UNKNOWN,), (Surface.UNKNOWN,))
    shown = cv2.bitwise_not(cv2.bitwise_or(hidden, unknown))
    points = np.full((*surface.shape, 3), np.nan, np.float32)
    cv2.copyTo(_pixel_ground(ground), shown, points)
    return points


@lru_cache(maxsize=2)
def _pixel_ground(ground: Ground) -> F32:
    """(H, W, 3) float32: where the ray through each pixel's centre meets the ground."""
    centers = ground.edge_rays[:-1] + ground.edge_rays[1:]
    points = np.zeros_like(centers)
    points[..., :2] = meet(centers, ground.pose, ground.max_range_m)
    points[np.isnan(points[..., 0])] = np.nan
    return points
