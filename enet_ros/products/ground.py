"""From pixels to metres: the ground plane z = 0 of the base frame, seen by a calibrated camera."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass
from functools import lru_cache
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from enet_ros.arrays import F32, F64, Bool
from enet_ros.camera import CameraIntrinsics, CameraPose
from enet_ros.products import lens
from enet_ros.products.lens import GeometryError, Reason

DEFAULT_MAX_RANGE_M = 100.0
"""Metres. From 1.5 m above the ground, with a focal length of 800 pixels, it is 12 rows below the horizon."""


@dataclass(frozen=True, eq=False)
class Ground:
    """A camera over flat ground, ready to turn pixels of (height, width) images into metres.

    intrinsics: of the label image, whose size they carry. edge_rays: (H + 1, W, 3) float32, `edge_rays[r, c]` looks
    through the upper edge of pixel (r, c): a direction of the optical frame, NaN where the lens has none; row H is the
    lower edge of the image. Make one with `ground()`.
    """

    intrinsics: CameraIntrinsics
    pose: CameraPose
    max_range_m: float
    edge_rays: F32

    def points(self, edges: npt.NDArray[np.integer], columns: npt.NDArray[np.integer]) -> F64:
        """Where the upper edges of pixels (edges, columns), both (N,) integers, touch the ground.

        edges: 0..H. Returns (N, 2) float64 x, y in the base frame, metres; NaN at and above the horizon,
        beyond `max_range_m` of the camera, and where the lens has no ray.
        """
        return meet(self.edge_rays[edges, columns].astype(np.float64), self.pose, self.max_range_m)

    def pixels(self, xy: F64) -> tuple[F64, Bool]:
        """Where ground points appear. xy: (N, 2) float64, base frame, metres.

        Returns (N, 2) float64 (u, v), integers are pixel centres, and (N,) bool: in the image.
        """
        to_points = np.column_stack((xy, np.zeros(len(xy)))) - self.pose.position()
        return lens.in_view(self.intrinsics, to_points @ self.pose.rotation())


@lru_cache(maxsize=4)
def ground(
    intrinsics: CameraIntrinsics | None,
    pose: CameraPose | None,
    size: tuple[int, int],
    max_range_m: float = DEFAULT_MAX_RANGE_M,
    image_size: tuple[int, int] | None = None,
) -> Ground:
    """The ground under the camera; the last few are cached, and their rays per calibration.

    intrinsics: of the camera image, scaled here to `size`, (height, width) of the label image. pose: of the
    camera in the base frame. image_size: (height, width) of the camera image, where it is to be checked against the
    calibration's. Raises GeometryError with a `Reason`: no or unusable calibration or that of another image, no pose or
    one that is not finite or not above the ground, or one that shows no ground within `max_range_m` (the horizon lies
    below the image).
    """
    if intrinsics is None:
        raise GeometryError(Reason.NO_CAMERA_INFO, "publish camera_info beside the image")
    if image_size is not None:
        lens.require_ratio(intrinsics, image_size)
    camera = lens.scaled(lens.checked(intrinsics), size[1], size[0])
    if pose is None:
        raise GeometryError(Reason.NO_POSE, "set the camera's height and pitch, or publish its TF")
    if not all(map(math.isfinite, astuple(pose))):
        raise GeometryError(Reason.NOT_FINITE, f"the pose is {pose}")
    if pose.height_m <= 0:
        raise GeometryError(Reason.NO_GROUND, f"it is {pose.height_m} m above the ground; it must be above 0")
    rays = _edge_rays(camera.width, camera.height, tuple(camera.k.ravel().tolist()), camera.d, camera.model)
    found = Ground(camera, pose, max_range_m, rays)
    columns = np.arange(camera.width)
    if np.isnan(found.points(np.full(camera.width, camera.height), columns)).all():
        raise GeometryError(
            Reason.NO_GROUND,
            f"pitch {math.degrees(pose.pitch_rad):.1f} and roll {math.degrees(pose.roll_rad):.1f} degrees at "
            f"{pose.height_m} m put the horizon below the image; positive pitch looks down",
        )
    return found


Rays = TypeVar("Rays", F32, F64)


def meet(rays: Rays, pose: CameraPose, max_range_m: float) -> Rays:
    """(..., 2): where (..., 3) rays of the optical frame meet z = 0 of the base frame; NaN where they do not."""
    directions = rays @ pose.rotation().T.astype(rays.dtype)
    down = directions[..., 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        offsets = directions[..., :2] * (-pose.height_m / down)[..., None]
        near = (down < 0) & (np.hypot(offsets[..., 0], offsets[..., 1]) <= max_range_m)
    offsets += pose.position()[:2].astype(rays.dtype)
    offsets[~near] = np.nan
    return offsets


NODE_PX = 4
"""Rays are computed for every fourth pixel and laid linearly between: unit vectors bend by 0.01 pixels at most."""


@lru_cache(maxsize=4)
def _edge_rays(width: int, height: int, k: tuple[float, ...], d: tuple[float, ...], model: str) -> F32:
    camera = CameraIntrinsics(width, height, np.array(k, np.float64).reshape(3, 3), d, model)
    columns, rows = -(-width // NODE_PX) + 1, -(-(height + 1) // NODE_PX) + 1
    u, v = np.meshgrid(np.arange(columns) * float(NODE_PX), np.arange(rows) * float(NODE_PX) - 0.5)
    nodes = lens.rays(camera, np.column_stack((u.ravel(), v.ravel())))
    nodes /= np.linalg.norm(nodes, axis=1, keepdims=True)
    at_u, at_v = np.meshgrid(np.arange(width) / NODE_PX, np.arange(height + 1) / NODE_PX)
    grid = nodes.reshape(rows, columns, 3).astype(np.float32)
    rays = np.asarray(cv2.remap(grid, at_u.astype(np.float32), at_v.astype(np.float32), cv2.INTER_LINEAR), np.float32)
    rays.setflags(write=False)
    return rays
