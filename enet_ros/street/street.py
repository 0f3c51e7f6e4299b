"""A drive through the synthetic street: pictures with exact labels and depth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from enet_ros.arrays import F32, U8, U16
from enet_ros.camera import CameraIntrinsics, CameraPose
from enet_ros.classes import CAMVID, ClassTable
from enet_ros.errors import ConfigError
from enet_ros.street.background import Background
from enet_ros.street.painter import Faces, View
from enet_ros.street.things import look, prepare
from enet_ros.street.world import CAMERA_SPEED, plan

_FOV_RAD = math.radians(64)
_NOISE_ROOM = 64


@dataclass(frozen=True, eq=False)
class StreetFrame:
    """One picture and its truth; the arrays belong to the caller.

    image: (H, W, 3) uint8 RGB. labels: (H, W) uint8 CamVid class ids, exact, no void.
    stamp_ns: time since the start of the drive. driven_m: how far the base frame has come along the street.
    """

    index: int
    stamp_ns: int
    driven_m: float
    image: U8
    labels: U8
    _ids: U16
    _faces: Faces
    _view: View

    @cached_property
    def depth_m(self) -> F32:
        """(H, W) float32: metres along the optical axis to what is seen, inf for the sky. Computed when asked for."""
        return self._faces.depth_m(self._ids, self._view)

    @cached_property
    def range_m(self) -> F32:
        """(H, W) float32: metres along the ground from the point below the camera to what is seen, inf for the sky."""
        across = np.hypot(self._view.rays[..., 0], self._view.rays[..., 1])
        return np.asarray(self.depth_m * across, np.float32)


class Street:
    """A seeded street with traffic, seen from a camera that drives along it at 8 m/s.

    The same arguments give the same frames, in any order. No frame depends on another.
    """

    def __init__(
        self,
        seed: int = 0,
        width: int = 960,
        height: int = 720,
        *,
        fps: float = 30.0,
        pose: CameraPose | None = None,
        intrinsics: CameraIntrinsics | None = None,
    ) -> None:
        """Paint the street's textures, which takes about a second.

        pose: of the camera in the base frame, which drives in the middle of the right lane; by default 1.5 m up and
        0.04 rad down. intrinsics: by default an ideal camera of 64 degrees; its size takes precedence over width and
        height.
        Raises ConfigError for an impossible size, rate or camera.
        """
        if not (16 <= width <= 4096 and 16 <= height <= 4096):
            raise ConfigError(f"street of {width}x{height} pixels: use 16..4096 each")
        if not 0 < fps <= 1000:
            raise ConfigError(f"street at {fps} frames a second: use 0..1000")
        self.seed, self.fps = seed, fps
        self.intrinsics = intrinsics or CameraIntrinsics.from_fov(width, height, _FOV_RAD)
        self.pose = pose or CameraPose(height_m=1.5, pitch_rad=0.04)
        self.table: ClassTable = CAMVID
        self._layout = plan(seed)
        prepare(self._layout.things)
        self._view = View(self.intrinsics, self.pose)
        rng = np.random.default_rng(seed)
        self._background = Background(self._layout, self._view, rng)
        room = (self.intrinsics.height + _NOISE_ROOM, self.intrinsics.width + _NOISE_ROOM, 3)
        self._noise = np.abs(rng.normal(0, 2.6, room)).astype(np.uint8)

    def frame(self, index: int) -> StreetFrame:
        """The frame of an index >= 0."""
        if index < 0:
            raise ConfigError(f"street frame {index}: count from 0")
        seconds = index / self.fps
        driven = CAMERA_SPEED * seconds
        canvas = self._background.draw(driven, self._view)
        things = self._layout.in_sight(seconds)
        seen = canvas.sees(np.array([(x, thing.y, 0) for x, thing in things]))
        for (x, thing), in_image in zip(things, seen.tolist(), strict=True):
            for part in look(thing, seconds) if in_image else ():
                canvas.paint(part, x, thing.y, thing.heading)
        labels, image = canvas.faces.labels(canvas.ids), self._sensor(canvas.image, index)
        stamp_ns = round(index * 1e9 / self.fps)
        return StreetFrame(index, stamp_ns, driven, image, labels, canvas.ids, canvas.faces, self._view)

    def _sensor(self, image: U8, index: int) -> U8:
        """The slight blur of a lens and the noise of a sensor."""
        height, width = image.shape[:2]
        soft = cv2.GaussianBlur(image, (3, 3), 0)
        for step, change in ((37, cv2.add), (29, cv2.subtract)):
            down, right = (index * step) % _NOISE_ROOM, (index * (step + 12) + 5) % _NOISE_ROOM
            change(soft, self._noise[down : down + height, right : right + width], dst=soft)
        return np.asarray(soft, np.uint8)
