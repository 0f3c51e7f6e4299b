"""The camera in the street: rays, projection, clipping."""

from __future__ import annotations

import numpy as np

from enet_ros.arrays import F64
from enet_ros.camera import CameraIntrinsics, CameraPose
from enet_ros.errors import ConfigError
from enet_ros.street.world import FRONT_Y, LANE_Y

NEAR_M = 0.4
"""Nothing closer to the camera along its axis is drawn."""


class View:
    """Points are (x relative to the base frame, y and z of the street), metres.

    eye: (3,) the camera. rays: (H, W, 3) float64, direction of each pixel, of length 1 along the optical axis.
    axes: (3, 3), what a metre along x, y and z adds to a homogeneous pixel. focal_px: pixels of a metre at a metre.
    """

    def __init__(self, intrinsics: CameraIntrinsics, pose: CameraPose) -> None:
        """Raises ConfigError for a camera that does not look down the street from between its fronts."""
        if any(intrinsics.d):
            raise ConfigError(f"distortion {intrinsics.d} of the street's camera: it is an ideal one, leave d empty")
        self.size = (intrinsics.width, intrinsics.height)
        self.focal_px = float(intrinsics.k[0, 0])
        self.eye: F64 = pose.position() + (0, LANE_Y, 0)
        v, u = np.indices((intrinsics.height, intrinsics.width), np.float64)
        pixels = np.stack([u, v, np.ones_like(u)], -1)
        self.rays: F64 = pixels @ (pose.rotation() @ np.linalg.inv(intrinsics.k)).T
        self.axes: F64 = pose.rotation() @ intrinsics.k.T
        if self.rays[..., 0].min() < 0.05:
            raise ConfigError(
                f"street camera with yaw {pose.yaw_rad} and pitch {pose.pitch_rad} rad sees sideways: turn it forward"
            )
        if abs(self.eye[1]) > FRONT_Y - 0.5 or not 0.2 <= pose.height_m <= 10 or not 0 <= pose.x_m <= 5:
            raise ConfigError(
                f"street camera at x {pose.x_m}, y {pose.y_m}, height {pose.height_m} m: place it over the street,"
                " x 0..5, height 0.2..10"
            )

    def project(self, points: F64) -> F64:
        """(N, 3) street points to homogeneous pixels (u * z, v * z, z), z metres along the optical axis."""
        result: F64 = (points - self.eye) @ self.axes
        return result

    def meet(self, axis: int, at: float) -> tuple[F64, F64, F64]:
        """x, y and z (each (H, W)) of where the rays meet the plane across an axis; x is -1 where one never does."""
        along = self.rays[..., axis]
        meets = along * (at - self.eye[axis]) > 1e-9
        reach = np.where(meets, (at - self.eye[axis]) / np.where(meets, along, 1), 0)
        x, y, z = (self.eye[each] + reach * self.rays[..., each] for each in range(3))
        return np.where(meets, x, -1), y, z


def clip_near(points: F64) -> F64:
    """The part of a convex polygon of homogeneous pixels with z >= NEAR_M; empty if none."""
    kept: list[F64] = []
    for current, following in zip(points, np.roll(points, -1, 0), strict=True):
        inside, next_inside = current[2] >= NEAR_M, following[2] >= NEAR_M
        if inside:
            kept.append(current)
        if inside != next_inside:
            share = (NEAR_M - current[2]) / (following[2] - current[2])
            kept.append(current + share * (following - current))
    return np.array(kept).reshape(-1, 3)
