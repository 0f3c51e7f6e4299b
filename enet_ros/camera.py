"""Camera geometry as plain values: lens and sensor (intrinsics) and mounting (pose)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from enet_ros.arrays import F64
from enet_ros.errors import ConfigError


@dataclass(frozen=True, eq=False)
class CameraIntrinsics:
    """Lens and sensor, as sensor_msgs/CameraInfo states them. Compared and hashed by value.

    width, height: image size in pixels, the calibrated resolution.
    k: (3, 3) float64, pixels; [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]. Integer pixel coordinates (u, v) are the
       centre of the pixel (OpenCV).
    d: distortion coefficients in the model's own order; empty or zeros for none.
    model: 'plumb_bob', 'rational_polynomial' or 'equidistant' (sensor_msgs/distortion_models).
    """

    width: int
    height: int
    k: F64
    d: tuple[float, ...] = ()
    model: str = "plumb_bob"

    @classmethod
    def from_fov(cls, width: int, height: int, horizontal_fov_rad: float) -> CameraIntrinsics:
        """An ideal camera: square pixels, centred principal point, no distortion."""
        focal = width / 2 / math.tan(horizontal_fov_rad / 2)
        k = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]], np.float64)
        return cls(width, height, k)

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if isinstance(other, CameraIntrinsics) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._values())

    def _values(self) -> tuple[object, ...]:
        """All fields; the matrix as bytes, since comparing arrays gives no single bool."""
        return self.width, self.height, np.asarray(self.k, np.float64).tobytes(), tuple(self.d), self.model


@dataclass(frozen=True)
class CameraPose:
    """Pose of the camera in the base frame (REP-103: x forward, y left, z up; metres, radians).

    The ground is the plane z = 0 of the base frame. At zero angles the optical axis is the base frame's +x.
    yaw_rad: positive turns the view to the left. pitch_rad: positive looks DOWN. roll_rad: positive lowers
    the right side of the camera, so that the horizon in the image is higher on the right. The angles are
    rotations about z, y and x of the base frame, applied as R = Rz(yaw) Ry(pitch) Rx(roll).
    """

    height_m: float
    pitch_rad: float = 0.0
    roll_rad: float = 0.0
    x_m: float = 0.0
    y_m: float = 0.0
    yaw_rad: float = 0.0

    def position(self) -> F64:
        """(3,) float64: optical centre in the base frame, metres."""
        return np.array([self.x_m, self.y_m, self.height_m], np.float64)

    def rotation(self) -> F64:
        """(3, 3) float64: turns optical directions (x right, y down, z forward) into the base frame."""
        cy, sy = math.cos(self.yaw_rad), math.sin(self.yaw_rad)
        cp, sp = math.cos(self.pitch_rad), math.sin(self.pitch_rad)
        cr, sr = math.cos(self.roll_rad), math.sin(self.roll_rad)
        yaw = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]], np.float64)
        pitch = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]], np.float64)
        roll = np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]], np.float64)
        body_from_optical = np.array([[0, 0, 1], [-1, 0, 0], [0, -1, 0]], np.float64)
        rotation: F64 = yaw @ pitch @ roll @ body_from_optical
        return rotation


def fov_rad(horizontal_deg: float) -> float:
    """A horizontal field of view as option --fov states it. Raises ConfigError where no ideal camera has it."""
    if not 0 < horizontal_deg < 180:
        raise ConfigError(f"--fov {horizontal_deg}: use degrees between 0 and 180")
    return math.radians(horizontal_deg)


def load_calibration(path: Path) -> CameraIntrinsics:
    """Reads a camera_calibration YAML file. Raises ConfigError, which names the entry that is unusable."""
    try:
        values: Any = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read calibration {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"calibration {path} is not YAML: {error}") from error
    try:
        k = np.array(values["camera_matrix"]["data"], np.float64)
        distortion = values.get("distortion_coefficients") or {"data": []}
        camera = CameraIntrinsics(
            width=int(values["image_width"]),
            height=int(values["image_height"]),
            k=k.reshape(3, 3),
            d=tuple(float(v) for v in distortion["data"]),
            model=str(values.get("distortion_model", "plumb_bob")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(
            f"calibration {path} has a missing or malformed entry: {error}; it needs image_width, image_height,"
            " camera_matrix, distortion_model and distortion_coefficients, as camera_calibration writes them"
        ) from error
    if not (camera.k[0, 0] > 0 and camera.k[1, 1] > 0 and np.isfinite(camera.k).all()):
        raise ConfigError(f"calibration {path} has focal lengths {camera.k[0, 0]}, {camera.k[1, 1]}: calibrate first")
    return camera
