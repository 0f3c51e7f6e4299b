"""The camera in the street: rays, projection, clipping."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from enet_ros.camera import CameraIntrinsics, CameraPose
from enet_ros.errors import ConfigError
from enet_ros.street.layout import FACADE_Y, LANE_Y

Array = npt.NDArray[np.float64]

NEAR_M = 0.4
"""Nothing closer to the camera along its axis is drawn."""


class View:
    """Points are (x relative to the base frame, y and z of the street), metres."""

    def __init__(self, intrinsics: CameraIntrinsics, pose: CameraPose) -> None:
        """Raises ConfigError for a camera that does not look down the street from between its fronts."""
        if any(intrinsics.d):
            raise ConfigError(f"distortion {intrinsics.d} of the street's camera: it is an ideal one, leave d empty")
        self.intrinsics, self.pose = intrinsics, pose
        self.k = intrinsics.k
        self.eye = pose.position() + (0, LANE_Y, 0)
        self.street_from_optical = pose.rotation()
        v, u = np.indices((intrinsics.height, intrinsics.width), np.float64)
        pixels = np.stack([u, v, np.ones_like(u)], -1)
        self.rays = pixels @ (self.street_from_optical @ np.linalg.inv(self.k)).T
        """(H, W, 3) float64: direction of each pixel, of length 1 along the optical axis."""
        self._pixels_from_street = self.street_from_optical @ self.k.T
        self._sides = self._outwards()
        if self.rays[..., 0].min() < 0.05:
            raise ConfigError(
                f"street camera with yaw {pose.yaw_rad} and pitch {pose.pitch_rad} rad sees sideways: turn it forward"
            )
        if abs(self.eye[1]) > FACADE_Y - 0.5 or not 0.2 <= pose.height_m <= 10 or not 0 <= pose.x_m <= 5:
            raise ConfigError(
                f"street camera at x {pose.x_m}, y {pose.y_m}, height {pose.height_m} m: place it over the street,"
                " x 0..5, height 0.2..10"
            )

    def _outwards(self) -> list[tuple[float, float, float]]:
        """Unit normals, pointing out of the view, of the planes through the eye and the image's left and right edge."""
        corners = self.rays[[0, -1]][:, [0, -1]]
        left, right = np.cross(corners[0, 0], corners[1, 0]), np.cross(corners[1, 1], corners[0, 1])
        return [tuple((normal / np.linalg.norm(normal)).tolist()) for normal in (left, right)]

    @property
    def focal_px(self) -> float:
        """Pixels a metre has at a metre's distance."""
        return float(self.k[0, 0])

    def sees(self, x: Array, y: Array, radius: Array) -> npt.NDArray[np.bool_]:
        """Whether something upright of a radius around each (x, y), up to 9 m high, may be in the image."""
        low, high = -float(self.eye[2]), 9 - float(self.eye[2])
        seen = np.ones(x.shape, bool)
        for out_x, out_y, out_z in self._sides:
            level = out_x * (x - self.eye[0]) + out_y * (y - self.eye[1])
            seen &= level + min(out_z * low, out_z * high) <= radius
        return seen

    def project(self, points: Array) -> Array:
        """(N, 3) street points to homogeneous pixels (u * z, v * z, z), z metres along the optical axis."""
        result: Array = (points - self.eye) @ self._pixels_from_street
        return result

    def upright(self, corner: Array, per_m: float, column: int, row: int) -> Array:
        """(3, 3) homography of a picture that stands across the street: its texels to pixels of a part of the image.

        corner: street point of its upper left corner; per_m: texels a metre; column, row: where the part begins.
        """
        across, down = self._pixels_from_street[1:] / -per_m
        origin = (corner - self.eye) @ self._pixels_from_street + 0.5 * (across + down)  # the first texel's centre
        result: Array = np.stack([across, down, origin], 1)
        result[:2] -= np.array([[column], [row]]) * result[2]
        return result


def clip_near(points: Array) -> Array:
    """The part of a convex polygon of homogeneous pixels with z >= NEAR_M; empty if none."""
    kept: list[Array] = []
    for current, following in zip(points, np.roll(points, -1, 0), strict=True):
        inside, next_inside = current[2] >= NEAR_M, following[2] >= NEAR_M
        if inside:
            kept.append(current)
        if inside != next_inside:
            share = (NEAR_M - current[2]) / (following[2] - current[2])
            kept.append(current + share * (following - current))
    return np.array(kept).reshape(-1, 3)
