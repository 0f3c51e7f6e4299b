"""The ground under every pixel as an organised point cloud, for consumers that lay a mask on a depth camera's cloud."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from enet_ros.errors import ImageError
from enet_ros.products.arrays import F32, U8
from enet_ros.products.ground import Ground, meet
from enet_ros.products.surface import Surface

FOOT_ROWS = 3
"""Of something upright, the lowest rows are taken to touch the ground; those above only seem to lie behind it."""


def ground_points(surface: U8, ground: Ground) -> F32:
    """Where each pixel's ground is, as far as the pixel shows ground.

    surface: (H, W) uint8 of `Surface`, of the ground's size; otherwise ImageError.
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
