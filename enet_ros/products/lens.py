"""Pixels to rays and back, for the distortion models of sensor_msgs/CameraInfo (REP-104)."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

import cv2
import numpy as np

from enet_ros.arrays import F64, Bool
from enet_ros.camera import CameraIntrinsics
from enet_ros.errors import ConfigError

COEFFICIENTS = {"plumb_bob": (0, 4, 5), "rational_polynomial": (0, 8), "equidistant": (0, 4)}
"""Models of sensor_msgs/distortion_models.hpp and how many coefficients each takes; none: no distortion."""

_ALIASES = {"fisheye": "equidistant", "none": "plumb_bob", "": "plumb_bob"}
_TOLERANCE_PX = 0.05
_RATIO_TOLERANCE = 0.02
"""Tolerance of the sides: sizes are rounded to pixels, and to multiples of 16 by encoders."""
_STOP = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 50, 1e-7)


class Reason(Enum):
    """Why there are no metres."""

    NO_CAMERA_INFO = "no camera_info has arrived"
    UNCALIBRATED = "the camera is not calibrated"
    NOT_FINITE = "the calibration or the camera's pose has values that are not finite"
    OTHER_IMAGE = "the calibration is not of these images"
    UNKNOWN_DISTORTION = "the distortion model is not known"
    NO_POSE = "the camera's pose is not known"
    NO_GROUND = "the camera sees no ground"


class GeometryError(ConfigError):
    """Camera and pose do not give metres; `reason` says why in one of a few words, the message in detail."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason


def checked(intrinsics: CameraIntrinsics) -> CameraIntrinsics:
    """The intrinsics with the model's own name ('fisheye' is equidistant, '' and 'none' are no distortion).

    Raises GeometryError: UNCALIBRATED for a size or focal length that is not positive (a driver says so by a K of
    zeros, sensor_msgs/CameraInfo), NOT_FINITE, UNKNOWN_DISTORTION for an unknown model or number of coefficients.
    """
    if intrinsics.width < 1 or intrinsics.height < 1:
        size = f"{intrinsics.width} x {intrinsics.height}"
        raise GeometryError(Reason.UNCALIBRATED, f"camera_info has size {size}; calibrate the camera")
    k = np.asarray(intrinsics.k, np.float64)
    if k.shape != (3, 3):
        raise GeometryError(Reason.UNCALIBRATED, f"K has shape {k.shape}; give a (3, 3) matrix")
    if not (np.isfinite(k).all() and np.isfinite(np.asarray(intrinsics.d, np.float64)).all()):
        values = f"K is {k.ravel().tolist()}, D {list(intrinsics.d)}"
        raise GeometryError(Reason.NOT_FINITE, f"{values}; calibrate the camera")
    if k[0, 0] <= 0 or k[1, 1] <= 0:
        raise GeometryError(Reason.UNCALIBRATED, f"K has focal lengths {k[0, 0]:g}, {k[1, 1]:g}; calibrate the camera")
    model = _ALIASES.get(intrinsics.model, intrinsics.model)
    if model not in COEFFICIENTS:
        raise GeometryError(
            Reason.UNKNOWN_DISTORTION,
            f"distortion_model is {intrinsics.model!r}; use {', '.join(COEFFICIENTS)}, or rectify the image",
        )
    d = tuple(float(value) for value in intrinsics.d)
    if not any(d):
        d = ()
    if len(d) not in COEFFICIENTS[model]:
        raise GeometryError(
            Reason.UNKNOWN_DISTORTION,
            f"{model} has {len(d)} coefficients; it takes {' or '.join(map(str, COEFFICIENTS[model]))}",
        )
    return replace(intrinsics, k=k, d=d, model=model if d or model == "equidistant" else "plumb_bob")


def require_ratio(intrinsics: CameraIntrinsics, image_size: tuple[int, int]) -> None:
    """Check that an image of (height, width) pixels can be what the intrinsics describe, at whatever resolution.

    Raises GeometryError(OTHER_IMAGE) where its sides have another ratio: a crop that camera_info does not tell of would
    give metres that look right.
    """
    height, width = image_size
    if min(width, height, intrinsics.width, intrinsics.height) < 1:
        return
    ratio = (width * intrinsics.height) / (height * intrinsics.width)
    if abs(ratio - 1) > _RATIO_TOLERANCE:
        raise GeometryError(
            Reason.OTHER_IMAGE,
            f"camera_info is of {intrinsics.width} x {intrinsics.height} pixels, the image has {width} x {height}: "
            "publish the calibration of this resolution, with its region of interest and binning",
        )


def scaled(intrinsics: CameraIntrinsics, width: int, height: int) -> CameraIntrinsics:
    """The same camera, its image resized to width x height pixels; the outer edges of both coincide."""
    if (width, height) == (intrinsics.width, intrinsics.height):
        return intrinsics
    k = scaled_matrix(np.asarray(intrinsics.k, np.float64), width / intrinsics.width, height / intrinsics.height)
    return replace(intrinsics, width=width, height=height, k=k)


def scaled_matrix(matrix: F64, sx: float, sy: float) -> F64:
    """A camera matrix, (3, 3) K or (3, 4) P, of an image resized by sx and sy about its outer edges."""
    scaled = np.array(matrix, np.float64)
    # Centres are integers, edges are at -0.5: u' + 0.5 = sx * (u + 0.5).
    scaled[0] = matrix[0] * sx + (sx - 1) / 2 * matrix[2]
    scaled[1] = matrix[1] * sy + (sy - 1) / 2 * matrix[2]
    return scaled


def rays(intrinsics: CameraIntrinsics, pixels: F64) -> F64:
    """Directions in which pixels look.

    pixels: (N, 2) float64 (u, v), integers are centres. Returns (N, 3) float64 in the optical frame (x right,
    y down, z forward) with z = 1; NaN where the distortion model cannot be inverted: beyond the edge of what
    it describes, or at 90 degrees from the axis and more. `intrinsics` as `checked` returns them.
    """
    points = np.ascontiguousarray(pixels, np.float64).reshape(-1, 1, 2)
    if not len(points):  # OpenCV takes no empty lists
        return np.empty((0, 3), np.float64)
    d = np.array(intrinsics.d, np.float64)
    if intrinsics.model == "equidistant":
        flat = cv2.fisheye.undistortPoints(points, intrinsics.k, d if d.size else np.zeros(4))
    else:
        flat = cv2.undistortPointsIter(points, intrinsics.k, d, np.eye(3), np.eye(3), _STOP)
    directions = np.ones((len(points), 3), np.float64)
    directions[:, :2] = np.asarray(flat, np.float64).reshape(-1, 2)
    if d.size or intrinsics.model == "equidistant":
        with np.errstate(invalid="ignore"):
            astray = np.abs(project(intrinsics, directions) - points[:, 0]).max(axis=1) > _TOLERANCE_PX
        directions[astray] = np.nan
    return directions


def project(intrinsics: CameraIntrinsics, directions: F64) -> F64:
    """Where directions meet the image.

    directions: (N, 3) float64 in the optical frame, any length. Returns (N, 2) float64 (u, v), inside the
    image or not; NaN for directions that do not point forward. The inverse of `rays` within the field of
    view; far outside it a distortion polynomial can fold back into the image, which `in_view` finds out.
    """
    if not len(directions):
        return np.empty((0, 2), np.float64)
    ahead = directions[:, 2] > 1e-9
    points = np.where(ahead[:, None], directions, (0.0, 0.0, 1.0))[:, None, :]
    d = np.array(intrinsics.d, np.float64)
    none = np.zeros(3)
    if intrinsics.model == "equidistant":
        found, _ = cv2.fisheye.projectPoints(points, none, none, intrinsics.k, d if d.size else np.zeros(4))
    else:
        found, _ = cv2.projectPoints(points, none, none, intrinsics.k, d)
    pixels = np.array(found, np.float64).reshape(-1, 2)
    pixels[~ahead] = np.nan
    return pixels


def in_view(intrinsics: CameraIntrinsics, directions: F64) -> tuple[F64, Bool]:
    """Pixels (N, 2) of directions (N, 3), and (N,) bool where they truly lie in the image.

    A direction whose pixel looks in another direction has been folded back by the distortion polynomial.
    """
    pixels = project(intrinsics, directions)
    size = np.array((intrinsics.width, intrinsics.height))
    with np.errstate(invalid="ignore"):
        inside = np.asarray(((pixels >= -0.5) & (pixels < size - 0.5)).all(axis=1))
    if intrinsics.d or intrinsics.model == "equidistant":
        back = rays(intrinsics, pixels[inside])
        forward = directions[inside]
        with np.errstate(invalid="ignore"):
            off = np.abs(back[:, :2] - forward[:, :2] / forward[:, 2:]).max(axis=1)
            inside[inside] = off < 1e-2
    return pixels, inside
